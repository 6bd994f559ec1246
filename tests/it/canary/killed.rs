//! The daemon killed with SIGKILL at random moments of round trips, among items that look like the canary's: in the end
//! nothing of its own is left on either side, and nothing else was touched. `LIGHTNING_SYNC_TEST_KILLS` is how often (500:
//! the full size).

use super::fixture::{APP, BothSides, CANARY, COLLEAGUE};
use super::live::{Site, Writes};
use crate::random::Random;
use crate::support::process::wait_until;
use chrono::TimeDelta;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_sim::simulator::exchange::{ExchangeItem, ItemFolder};
use lightning_sync_sim::simulator::salesforce::SalesforceRecord;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const INTERVAL: TimeDelta = TimeDelta::milliseconds(1_500);
const PATIENCE: Duration = Duration::from_secs(120);

/// The title of an item that only a canary writes.
fn is_ours(title: &str) -> bool {
    let mark = title.strip_prefix("Sync canary ").unwrap_or_default();
    mark.len() == 32 && mark.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

/// What nobody may touch, as it was when it was put there.
#[derive(Default)]
struct Foreign {
    records: Vec<SalesforceRecord>,
    items: Vec<(String, ExchangeItem)>,
    /// Marks that have look-alikes already.
    copied: BTreeSet<String>,
    /// Marks that were seen.
    seen: BTreeSet<String>,
}

impl Foreign {
    /// Puts look-alikes of an item of the canary's wherever it has no business: with the same title, in the same place of
    /// another user's, under the same id, in another folder; and with the title in another field.
    fn copy(&mut self, both: &BothSides, title: &str, event: bool) {
        let at = now();
        let times = event.then(|| (at, at.plus(TimeDelta::minutes(15))));
        let object = if event { ObjectType::Events } else { ObjectType::Contacts };
        both.salesforce.change(APP, |org| {
            let record = SalesforceRecord::new(object, COLLEAGUE, title);
            org.put_record(SalesforceRecord { times, ..record });
            let put = org.records.last().cloned();
            self.records.extend(put);
        });
        both.exchange.change(|org| {
            let same = org.mailbox(CANARY).and_then(|mailbox| {
                mailbox.items.iter().find(|item| item.subject == title).cloned()
            });
            let Some(own) = org.mailbox(CANARY) else { return };
            let mut put = |folder, subject: &str, text: &str| {
                let mut item = ExchangeItem::new(folder, subject);
                (item.times, item.text) = (times, text.to_owned());
                let id = own.put(item);
                let item = own.items.iter().find(|item| item.id == id).cloned();
                self.items.extend(item.map(|item| (CANARY.to_owned(), item)));
            };
            put(ItemFolder::Contacts, title, "");
            let folder = if event { ItemFolder::Calendar } else { ItemFolder::Contacts };
            put(folder, "Lunch", title);
            if let Some(item) = same
                && let Some(other) = org.mailbox(COLLEAGUE)
                && !other.items.iter().any(|it| it.id == item.id)
            {
                other.items.push(item.clone());
                self.items.push((COLLEAGUE.to_owned(), item));
            }
        });
        self.copied.insert(title.to_owned());
    }

    /// Looks at what there is, and copies some of it.
    fn look(&mut self, both: &BothSides) {
        let records = both.records().into_iter().map(|it| (it.owner, it.subject, it.times));
        let items = both.items().into_iter().map(|(mailbox, it)| (mailbox, it.subject, it.times));
        let own: BTreeSet<_> = records
            .chain(items)
            .filter(|(whose, title, _)| whose == CANARY && is_ours(title))
            .map(|(_, title, times)| (title, times.is_some()))
            .collect();
        for (title, event) in own {
            self.seen.insert(title.clone());
            if self.copied.len() < 60 && !self.copied.contains(&title) && !title.ends_with("00") {
                self.copy(both, &title, event);
            }
        }
    }

    /// What of it is not there any more, or not as it was.
    fn touched(&self, both: &BothSides) -> Vec<String> {
        let (records, items) = (both.records(), both.items());
        let gone_records = self.records.iter().filter(|it| !records.contains(it));
        let gone_items = self.items.iter().filter(|it| !items.contains(it));
        let gone_items = gone_items.map(|(_, it)| &it.id);
        gone_records.map(|it| &it.id).chain(gone_items).cloned().collect()
    }

    /// What of the canary's is left where it writes.
    fn left(&self, both: &BothSides) -> Vec<String> {
        let records = both.records().into_iter().filter(|it| !self.records.contains(it));
        let items = both.items().into_iter().filter(|it| !self.items.contains(it));
        let items = items.map(|(mailbox, it)| (mailbox, it.subject));
        let all = records.map(|it| (it.owner, it.subject)).chain(items);
        // What the sync made of a look-alike has another title.
        all.filter(|(_, title)| title != "Lunch")
            .map(|(of, title)| format!("{of}: {title}"))
            .collect()
    }
}

/// Requests that both sides were sent since the last call.
fn requests(both: &BothSides) -> usize {
    both.salesforce.take_seen().len() + both.exchange.take_seen().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_in_the_middle_of_round_trips_leaves_nothing_behind() {
    let kills = std::env::var("LIGHTNING_SYNC_TEST_KILLS").map_or(25, |it| it.parse().unwrap());
    let mut both = BothSides::start("acme", Arc::new(now)).await;
    both.sync.settings.delay = TimeDelta::zero();
    // The sync finds out that the pairs are pairs.
    for _ in 0..3 {
        both.sync.step(now()).await;
    }
    let foreign = Foreign { records: both.records(), items: both.items(), ..Foreign::default() };
    let site = Site::new(&[("acme", &both, String::new())]);
    let (both, foreign) = (Arc::new(tokio::sync::Mutex::new(both)), Arc::new(Mutex::new(foreign)));
    let stop = Arc::new(AtomicBool::new(false));
    let life = {
        let (both, foreign, stop) = (Arc::clone(&both), Arc::clone(&foreign), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(60));
            while !stop.load(Ordering::Relaxed) {
                ticks.tick().await;
                let mut both = both.lock().await;
                both.sync.step(now()).await;
                foreign.lock().unwrap().look(&both);
            }
        })
    };
    let mut random = Random::new(13);
    let mut killed = 0;
    let mut amid = 0;
    // Some lives are too short for a round trip.
    while killed < kills || foreign.lock().unwrap().seen.len() < kills {
        let daemon = site.daemon(INTERVAL, Writes::Goes);
        let until = Instant::now() + Duration::from_micros(random.below(1_600_000));
        if random.below(2) == 0 {
            wait_until("its time", PATIENCE, || (Instant::now() >= until).then_some(()));
        } else {
            // While requests are under way, and before their answers have done anything.
            let mut left = 1 + random.below(12) as usize;
            requests(&*both.lock().await);
            let deadline = Instant::now() + Duration::from_secs(4);
            while left > 0 && Instant::now() < deadline {
                let own = both.try_lock().map(|both| requests(&both)).unwrap_or_default();
                left = left.saturating_sub(own);
                tokio::task::yield_now().await;
            }
            amid += 1;
        }
        drop(daemon);
        killed += 1;
        if killed % 50 == 0 {
            let both = both.lock().await;
            let touched = foreign.lock().unwrap().touched(&both);
            assert_eq!(touched, Vec::<String>::new(), "after {killed} kills");
        }
    }
    // Nothing new is written, and what was written goes.
    let daemon = site.daemon(INTERVAL, Writes::Ends);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = {
            let both = both.lock().await;
            foreign.lock().unwrap().left(&both)
        };
        // The daemon says so with its next look, which comes after the last item went.
        let told = daemon.metric("lightning_sync_canary_leftovers", &[]);
        if left.is_empty() && told == [0.0] {
            break;
        }
        let told = format!("{told:?} told, {left:?} there");
        assert!(Instant::now() < deadline, "left behind after {killed} kills: {told}");
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    life.await.unwrap();
    let both = both.lock().await;
    let foreign = foreign.lock().unwrap();
    assert_eq!(foreign.touched(&both), Vec::<String>::new());
    println!(
        "{killed} kills, {amid} of them amid requests, in {} items of the canary's: 0 left behind; {} records and {} items of others, 0 touched",
        foreign.seen.len(),
        foreign.records.len(),
        foreign.items.len()
    );
}
