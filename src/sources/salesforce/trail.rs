//! Changes of the sync's set-up, found in the audit trail of all set-up changes.

use super::answer::{text, time};
use super::paging::Record;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;

/// How far back the first look goes: what was changed today may explain what fails now.
const FIRST_LOOK: TimeDelta = TimeDelta::hours(24);
/// Words of sections and actions that have to do with sync. The vendor documents no list of them.
const WORDS: [&str; 5] = [
    "lightningsync",
    "exchange",
    "outlook",
    "activitycapture",
    "emailintegration",
];

/// How far the trail was read.
#[derive(Debug, Default)]
pub(super) struct Trail {
    read_to: Option<Timestamp>,
    latest: Option<Timestamp>,
    /// The first look is history, not news.
    looked: bool,
}

impl Trail {
    /// From when on changes are new.
    pub(super) fn since(&self, now: Timestamp) -> Timestamp {
        self.read_to.unwrap_or(now.minus(FIRST_LOOK))
    }

    /// Takes rows; says how many changes are news. Times are the server's, so its clock may differ from ours.
    pub(super) fn take(&mut self, records: &[Record]) -> u64 {
        let mut news = 0;
        for record in records {
            let Some(at) = text(record, "CreatedDate").and_then(time) else {
                continue;
            };
            if self.read_to.is_some_and(|read| at <= read && self.looked) {
                continue;
            }
            if is_about_sync(record) {
                news += 1;
                self.latest = self.latest.max(Some(at));
            }
        }
        let newest = records
            .iter()
            .filter_map(|record| time(text(record, "CreatedDate")?))
            .max();
        self.read_to = self.read_to.max(newest);
        if std::mem::replace(&mut self.looked, true) {
            news
        } else {
            0
        }
    }

    /// The latest change that was seen.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.latest
    }
}

fn is_about_sync(record: &Record) -> bool {
    ["Action", "Section"].into_iter().any(|field| {
        let said: String = text(record, field)
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        WORDS.iter().any(|word| said.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(at: &str, section: &str) -> Record {
        json!({ "Action": "changed", "Section": section, "CreatedDate": at })
            .as_object()
            .unwrap()
            .clone()
    }

    #[test]
    fn changes_count_once_and_only_those_about_sync() {
        let mut trail = Trail::default();
        assert_eq!(
            trail.take(&[change("2026-11-22T10:00:00.000+0000", "Lightning Sync")]),
            0
        );
        assert!(trail.latest().is_some());
        let rows = [
            change("2026-11-22T10:00:00.000+0000", "Lightning Sync"),
            change("2026-11-22T11:00:00.000+0000", "Manage Users"),
            change("2026-11-22T12:00:00.000+0000", "Einstein Activity Capture"),
            change("not a time", "Lightning Sync"),
        ];
        assert_eq!(trail.take(&rows), 1);
        assert_eq!(trail.take(&rows), 0);
        assert_eq!(
            trail.since(Timestamp::from_seconds(0)).to_string(),
            "2026-11-22T12:00:00Z"
        );
    }
}
