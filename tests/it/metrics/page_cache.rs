//! What one scrape keeps for the next shows in no page: over random lives of a fleet, a page that is put together from
//! kept pieces says what a page says that is made anew.

use super::gzip::{lasting, one_member};
use super::orgs::{NOW, Org, busy, held, silent, zero};
use super::page::pages;
use crate::random::Random;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::{OrgName, Source};
use lightning_sync_exporter::domain::policy::{UserNames, UserSeries};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::UserSummary;
use lightning_sync_exporter::domain::view::{OrgView, View};
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat};
use std::sync::Arc;

/// An organisation of one of the kinds that the other tests know, under a name of its own.
fn org(number: u64, random: &mut Random) -> Arc<OrgView> {
    let make: fn() -> Org = random.one_of(&[busy as fn() -> Org, held, silent, zero]);
    let mut org = make();
    org.policy.name = OrgName::new(&format!("org-{number:04}")).unwrap();
    for user in 0..random.below(4) {
        org = org.user(&format!("user-{user}@corp.example"), &[], NOW);
    }
    org.view()
}

/// A fleet whose families are long enough for pieces, and whose last runs are too short for them.
fn fleet(random: &mut Random) -> View {
    let mut view = View::empty(NOW);
    view.orgs = (0..120).map(|number| org(number, random)).collect();
    view
}

/// Something that an engine, an operator or a clock may do between two scrapes.
fn happen(view: &mut View, now: &mut Timestamp, random: &mut Random) {
    let some = random.below(view.orgs.len() as u64) as usize;
    match random.below(12) {
        // Time alone, from a moment to a weekend, and back.
        0..=3 => {}
        4 => *now = now.plus(TimeDelta::hours(random.between(-26, 60))),
        // A source speaks.
        5 | 6 => {
            let org = Arc::make_mut(&mut view.orgs[some]);
            org.last_report[Source::Snapshot] = Some(*now);
            let mut readings = org.readings.as_ref().clone();
            let row = random.one_of(&OrgRow::ALL);
            if let Some(mut reading) = readings.get(row, Source::Snapshot).cloned() {
                reading.observed_at = *now;
                match &mut reading.value {
                    OrgValue::Count(count) => *count += random.below(3),
                    OrgValue::Instant(at) => *at = *now,
                    OrgValue::Flag(yes) => *yes = !*yes,
                    OrgValue::Account(name) => *name = Some("svc".into()),
                }
                readings.put(row, Source::Snapshot, reading);
            }
            org.readings = Arc::new(readings);
        }
        7 => {
            let org = Arc::make_mut(&mut view.orgs[some]);
            for figures in org.activity.values_mut() {
                figures.synced_60m += random.below(2);
                figures.last_synced = Some(*now);
            }
        }
        8 => {
            let org = Arc::make_mut(&mut view.orgs[some]);
            let live = org.live(*now);
            org.summary = Arc::new(UserSummary::of(&org.users, &org.policy, &live, *now));
        }
        // The operator changes the configuration.
        9 => {
            let org = Arc::make_mut(&mut view.orgs[some]);
            let policy = Arc::make_mut(&mut org.policy);
            policy.setup_until = Some(now.plus(TimeDelta::hours(random.between(-2, 2))));
            policy.reps_select_events = !policy.reps_select_events;
        }
        10 if view.orgs.len() > 90 => {
            view.orgs.remove(some);
        }
        _ => {
            let number = random.below(10_000);
            let new = org(number, random);
            if let Err(place) =
                view.orgs.binary_search_by(|org| org.policy.name.cmp(&new.policy.name))
            {
                view.orgs.insert(place, new);
            }
            view.user_series = random.one_of(&[UserSeries::Aggregate, UserSeries::PerUser]);
            view.user_names = random.one_of(&[UserNames::Plain, UserNames::Pseudonym]);
        }
    }
}

fn text(pages: &MetricsPages, view: &Arc<View>, now: Timestamp, format: PageFormat) -> String {
    let bytes: Vec<u8> = pages.text(Arc::clone(view), now, format).flatten().collect();
    lasting(&String::from_utf8(bytes).unwrap())
}

fn gzip(pages: &MetricsPages, view: &Arc<View>, now: Timestamp, format: PageFormat) -> String {
    let bytes: Vec<u8> = pages.gzip(Arc::clone(view), now, format).flatten().collect();
    lasting(&one_member(&bytes))
}

/// The first lines that differ; a page is too long to read.
fn difference(a: &str, b: &str) -> Option<(String, String)> {
    let (mut a, mut b) = (a.lines(), b.lines());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some((a.unwrap_or("").into(), b.unwrap_or("").into())),
        }
    }
}

#[test]
fn a_page_of_kept_pieces_says_what_a_new_page_says() {
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let kept = pages();
        let mut view = fleet(&mut random);
        let mut now = NOW;
        for scrape in 0..40 {
            now = now.plus(TimeDelta::milliseconds(random.between(2_000, 60_000)));
            for _ in 0..random.below(4) {
                happen(&mut view, &mut now, &mut random);
            }
            // Now and then the engine got stuck and its counts are too old.
            let behind = random.one_of(&[0, 0, 0, 1, 40]);
            view.as_of = now.minus(TimeDelta::seconds(behind));
            let view = Arc::new(view.clone());
            let format = random.one_of(&[PageFormat::Text, PageFormat::OpenMetrics]);
            if random.below(3) == 0 {
                kept.prepare(&view, now);
            }
            let expected = text(&pages(), &view, now, format);
            let page = gzip(&kept, &view, now, format);
            assert_eq!(difference(&page, &expected), None, "{seed} {scrape}");
            if random.below(2) == 0 {
                let page = text(&kept, &view, now, format);
                assert_eq!(difference(&page, &expected), None, "{seed} {scrape}");
            }
        }
    }
}

#[test]
fn scrapes_that_overlap_each_have_the_page_of_their_own_view() {
    let mut random = Random::new(7);
    let kept = pages();
    let mut view = fleet(&mut random);
    let before = Arc::new(view.clone());
    let expected_before = text(&pages(), &before, NOW, PageFormat::Text);
    let mut old = kept.gzip(Arc::clone(&before), NOW, PageFormat::Text);
    let mut bytes: Vec<u8> = old.next().unwrap().to_vec();
    // While the first page is on its way, everybody is heard of, and another scrape comes and goes.
    let mut now = NOW.plus(TimeDelta::seconds(5));
    for _ in 0..200 {
        happen(&mut view, &mut now, &mut random);
    }
    view.as_of = now;
    let after = Arc::new(view);
    let expected_after = text(&pages(), &after, now, PageFormat::Text);
    assert_ne!(difference(&expected_before, &expected_after), None);
    let page = gzip(&kept, &after, now, PageFormat::Text);
    assert_eq!(difference(&page, &expected_after), None);
    bytes.extend(old.flatten());
    let page = lasting(&one_member(&bytes));
    assert_eq!(difference(&page, &expected_before), None);
    let later = now.plus(TimeDelta::seconds(5));
    let expected = text(&pages(), &after, later, PageFormat::Text);
    let page = gzip(&kept, &after, later, PageFormat::Text);
    assert_eq!(difference(&page, &expected), None);
}

#[test]
fn a_prepared_page_is_sent_as_it_is() {
    let mut random = Random::new(8);
    let kept = pages();
    let view = Arc::new(fleet(&mut random));
    // Nobody has asked for a compressed page yet, so none is prepared.
    kept.prepare(&view, NOW);
    let first = gzip(&kept, &view, NOW, PageFormat::Text);
    let mut next = View::clone(&view);
    next.as_of = NOW.plus(TimeDelta::seconds(15));
    let next = Arc::new(next);
    kept.prepare(&next, next.as_of);
    let soon = next.as_of.plus(TimeDelta::milliseconds(900));
    let page = gzip(&kept, &next, soon, PageFormat::Text);
    let expected = text(&pages(), &next, next.as_of, PageFormat::Text);
    assert_eq!(difference(&page, &expected), None);
    assert_ne!(difference(&page, &first), None);
    // Of an engine that publishes no more, the age shows.
    let late = next.as_of.plus(TimeDelta::seconds(2));
    let page = gzip(&kept, &next, late, PageFormat::Text);
    let expected = text(&pages(), &next, late, PageFormat::Text);
    assert_eq!(difference(&page, &expected), None);
}

/// The daemon's own metrics are made with the page; of a new page they are new.
#[test]
fn counters_of_the_daemon_are_as_old_as_the_page() {
    let kept = pages();
    let view = Arc::new(View::empty(NOW));
    let scrapes_at = |milliseconds| {
        let now = NOW.plus(TimeDelta::milliseconds(milliseconds));
        let page = kept.gzip(Arc::clone(&view), now, PageFormat::Text);
        let page = one_member(&page.flatten().collect::<Vec<u8>>());
        let line = "lightning_sync_exporter_scrapes_total ";
        let line = page.lines().find_map(|it| it.strip_prefix(line));
        line.unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(scrapes_at(0), 1);
    assert_eq!(scrapes_at(1_900), 1);
    assert_eq!(scrapes_at(2_000), 3);
}

/// A user whose state changes between two scrapes.
#[test]
fn a_change_of_one_user_reaches_the_counts_and_the_series() {
    let kept = pages();
    let one = |odd: &[(UserRow, Status)]| {
        let mut view = View::empty(NOW);
        view.user_series = UserSeries::PerUser;
        view.orgs = vec![Org::new("acme").user("ann@corp.example", odd, NOW).view()];
        Arc::new(view)
    };
    let fine = gzip(&kept, &one(&[]), NOW, PageFormat::Text);
    let failing = one(&[(UserRow::MailboxVersion, Status::No)]);
    let page = gzip(&kept, &failing, NOW, PageFormat::Text);
    assert_ne!(difference(&fine, &page), None);
    let expected = text(&pages(), &failing, NOW, PageFormat::Text);
    assert_eq!(difference(&page, &expected), None);
}
