//! Changes of the sync's set-up, found in the audit trail of all set-up changes.

use super::answer::{text, time};
use super::paging::Record;
use super::queries;
use crate::domain::setup::{SetupArea, SetupChange, SetupChanges};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// How far back the first look goes: what was changed before the weekend may explain what fails on Monday.
const FIRST_LOOK: TimeDelta = TimeDelta::days(7);
/// How much of a text is looked at; a change can be described by as much as somebody named it.
const MAX_CHARS: usize = 2_000;

/// How far the trail was read.
#[derive(Debug, Default)]
pub(super) struct Trail {
    read_to: Option<Timestamp>,
    /// When the latest change that was seen was made.
    pub(super) latest: Option<Timestamp>,
    /// What was found; `None` before the first look, which is history, not news.
    pub(super) changes: Option<SetupChanges>,
}

impl Trail {
    /// The query of the next look. The first reads the newest changes, so that what it leaves out is older than all that
    /// later ones read; those go on from it, oldest first, so that they leave out nothing.
    pub(super) fn soql(&self, now: Timestamp) -> String {
        queries::setup_changes(self.since(now), self.changes.is_none())
    }

    fn since(&self, now: Timestamp) -> Timestamp {
        let first = self.changes.as_ref().map(|changes| changes.since);
        self.read_to.or(first).unwrap_or(now.minus(FIRST_LOOK))
    }

    /// Takes rows; says how many changes are news. Times are the server's, so its clock may differ from ours.
    pub(super) fn take(&mut self, records: &[Record], complete: bool, now: Timestamp) -> u64 {
        let times = || records.iter().filter_map(made_at);
        let (oldest, newest) = (times().min(), times().max());
        let whole = complete && records.len() < queries::MOST_SETUP_CHANGES;
        let first = self.changes.is_none();
        // Where a later look was cut off, others of its last instant may be left: that instant is read again.
        let again = newest.filter(|newest| !first && !whole && oldest < Some(*newest));
        let found: Vec<SetupChange> = records
            .iter()
            .filter_map(|record| Some((made_at(record)?, record)))
            .filter(|(at, _)| self.read_to.is_none_or(|read| *at > read) && Some(*at) != again)
            .filter_map(|(at, record)| {
                let area = area_of(record)?;
                Some(SetupChange { at, area })
            })
            .collect();
        let reaches = oldest.filter(|_| !whole).unwrap_or(self.since(now));
        let read_to = match again {
            Some(again) => times().filter(|at| *at < again).max(),
            None => newest,
        };
        self.read_to = self.read_to.max(read_to);
        self.latest = self.latest.max(found.iter().map(|change| change.at).max());
        let news = if first { 0 } else { found.len() as u64 };
        let changes = self.changes.get_or_insert_with(|| SetupChanges {
            since: reaches,
            read_at: now,
            latest: Vec::new(),
        });
        changes.read_at = now;
        changes.add(found);
        news
    }
}

fn made_at(record: &Record) -> Option<Timestamp> {
    time(text(record, "CreatedDate")?)
}

/// What a change is about, if it has to do with sync. The vendor documents no list of sections, so that words decide;
/// only the area is left of them.
fn area_of(record: &Record) -> Option<SetupArea> {
    let texts = ["Section", "Display", "Action"].map(|field| {
        text(record, field)
            .unwrap_or_default()
            .chars()
            .take(MAX_CHARS)
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase()
            // Neither the shop for packages nor a kind of sign-in is the mail server.
            .replace("appexchange", "")
            .replace("tokenexchange", "")
    });
    // The first area that fits: Exchange is named with all the others.
    SetupArea::ALL.iter().copied().find(|area| {
        let word = match area {
            SetupArea::LightningSync => "lightningsync",
            SetupArea::ActivityCapture => "activitycapture",
            SetupArea::Outlook => "outlook",
            SetupArea::EmailIntegration => "emailintegration",
            SetupArea::Exchange => "exchange",
        };
        texts.iter().any(|text| text.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_795_435_200;

    fn row(at: Timestamp, section: &str, display: &str) -> Record {
        let at = format!("{}+0000", at.datetime().format("%Y-%m-%dT%H:%M:%S%.3f"));
        json!({ "Action": "changed", "Section": section, "Display": display, "CreatedDate": at })
            .as_object()
            .unwrap()
            .clone()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(NOW + seconds)
    }

    #[test]
    fn changes_count_once_and_only_those_about_sync() {
        let mut trail = Trail::default();
        let first = [row(at(-3_600), "Lightning Sync", "")];
        assert_eq!(trail.take(&first, true, at(0)), 0);
        assert_eq!(trail.latest, Some(at(-3_600)));
        let mut broken = row(at(30), "Lightning Sync", "");
        broken.insert("CreatedDate".to_owned(), json!("not a time"));
        let rows = [
            row(at(-3_600), "Lightning Sync", ""),
            row(at(10), "Manage Users", "Changed profile of Ann"),
            row(at(20), "Einstein Activity Capture", ""),
            broken,
        ];
        assert_eq!(trail.take(&rows, true, at(600)), 1);
        assert_eq!(trail.take(&rows, true, at(1_200)), 0);
        assert_eq!(trail.since(at(0)), at(20));
        let changes = trail.changes.clone().unwrap();
        let areas: Vec<_> = changes.latest.iter().map(|change| (change.at, change.area)).collect();
        let expected =
            [(at(20), SetupArea::ActivityCapture), (at(-3_600), SetupArea::LightningSync)];
        assert_eq!(areas, expected);
        assert_eq!(changes.read_at, at(1_200));
        assert_eq!(changes.since, at(0).minus(FIRST_LOOK));
    }

    #[test]
    fn section_and_display_say_what_a_change_is_about() {
        for (section, display, area) in [
            ("Lightning Sync", "", Some(SetupArea::LightningSync)),
            ("", "Changed Exchange account of Lightning-Sync", Some(SetupArea::LightningSync)),
            ("Manage Users", "Changed Exchange service account", Some(SetupArea::Exchange)),
            ("Outlook Integration and Sync", "Turned on", Some(SetupArea::Outlook)),
            ("Einstein Activity Capture", "x", Some(SetupArea::ActivityCapture)),
            ("Email Integration", "x", Some(SetupArea::EmailIntegration)),
            ("Packages", "Installed Foo from AppExchange", None),
            ("", "OAuth Token Exchange handler created", None),
            ("Manage Users", "Changed profile", None),
            ("", "", None),
        ] {
            let found = area_of(&row(at(0), section, display));
            assert_eq!(found, area, "{section} {display}");
        }
        let mut nothing = row(at(0), "Outlook", "");
        nothing.insert("Section".to_owned(), json!(null));
        nothing.insert("Display".to_owned(), json!(7));
        assert_eq!(area_of(&nothing), None);
    }

    #[test]
    fn what_the_first_look_left_out_never_becomes_news() {
        let mut trail = Trail::default();
        assert!(trail.soql(at(0)).contains(" DESC "));
        let newest: Vec<Record> = (0..500).map(|n| row(at(-n), "Outlook", "")).collect();
        assert_eq!(trail.take(&newest, true, at(0)), 0);
        let changes = trail.changes.clone().unwrap();
        assert_eq!(changes.latest.len(), SetupChanges::MOST);
        assert_eq!(changes.since, at(-49));
        assert_eq!(trail.since(at(60)), at(0));
        assert!(trail.soql(at(60)).contains(" ASC "));
    }

    #[test]
    fn a_first_look_that_was_cut_off_says_how_far_it_reaches() {
        let mut trail = Trail::default();
        let newest: Vec<Record> = (0..500).map(|n| row(at(-n), "Users", "")).collect();
        trail.take(&newest, true, at(0));
        let changes = trail.changes.clone().unwrap();
        assert_eq!((changes.latest.len(), changes.since), (0, at(-499)));
    }

    #[test]
    fn a_later_look_that_was_cut_off_goes_on_where_it_ended() {
        let mut trail = Trail::default();
        trail.take(&[], true, at(0));
        let many = |times: std::ops::Range<i64>| -> Vec<Record> {
            times.map(|n| row(at(n / 2), "Outlook", "")).collect()
        };
        // The last instant's other row was cut off.
        assert_eq!(trail.take(&many(1..501), true, at(600)), 499);
        assert_eq!(trail.since(at(600)), at(249));
        assert_eq!(trail.take(&many(500..502), true, at(1_200)), 2);
        assert_eq!(trail.since(at(1_200)), at(250));
    }
}
