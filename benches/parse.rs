//! How many activity records and snapshot users one core reads a second.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use lightning_sync_exporter::domain::activity::IdentityKey;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::activity::{self, ActivityContext};
use lightning_sync_exporter::sources::ingest_error::OnError;
use lightning_sync_exporter::sources::page::{self, PageForm};
use lightning_sync_exporter::sources::snapshot;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

const RECORDS: usize = 200_000;
const USERS: usize = 100_000;
const ROUNDS: usize = 15;

fn main() {
    let now = Timestamp::from_seconds(1_795_355_700);
    let mut lines = String::new();
    for index in 0..RECORDS {
        let at = now.minus(chrono::TimeDelta::milliseconds(index as i64 * 37));
        writeln!(
            lines,
            r#"{{"at":"{at}","object_type":"contacts","direction":"to_exchange","user":"ann.example{:04}@corp.example","record":"0035g00000{index:08}AAC","outcome":"synced","id":"b7f1c2d4-{index:012}"}}"#,
            index % 5_000
        )
        .unwrap_or_default();
    }
    let array = format!("[{}]", lines.trim_end().replace('\n', ","));
    println!("{} bytes a record", lines.len() / RECORDS);
    measure_activity("activity, NDJSON", lines.as_bytes(), now);
    measure_activity("activity, array", array.as_bytes(), now);
    measure_snapshot(now);
    measure_table(now);
    measure_pages(now);
}

fn measure_activity(name: &str, body: &[u8], now: Timestamp) {
    let Ok(org) = OrgName::new("acme") else {
        return;
    };
    let identity = IdentityKey::new([7; 16]);
    let context =
        ActivityContext { org: &org, identity: &identity, now, on_error: OnError::Refuse };
    report(name, RECORDS, || {
        activity::parse(black_box(body), &context).map(|parsed| parsed.value.records.len())
    });
}

fn measure_snapshot(now: Timestamp) {
    let Ok(org) = OrgName::new("acme") else {
        return;
    };
    let mut body = format!(r#"{{"captured_at":"{now}","users":["#);
    for index in 0..USERS {
        let comma = if index == 0 { "" } else { "," };
        write!(
            body,
            r#"{comma}{{"user":"ann.example{index:06}@corp.example","active_configuration":true,"mailbox_version_supported":true,"recognized_by_service_account":true,"reset":"marked_for_reset","outlook_integration_set_up":false,"contacts":{{"folder_found":true,"linked":true,"to_exchange":"in_sync","to_salesforce":"sync_in_progress","records_in_sync":312}},"events":{{"folder_found":true,"linked":true,"to_exchange":"in_sync","to_salesforce":"in_sync","records_in_sync":1204}}}}"#
        )
        .unwrap_or_default();
    }
    body.push_str("]}");
    let context = snapshot::SnapshotContext { org: &org, now, captured_at: None, written_at: None };
    report("snapshot users, JSON", USERS, || {
        snapshot::parse_json(black_box(body.as_bytes()), &context).map(|read| read.users.len())
    });
}

fn measure_table(now: Timestamp) {
    let Ok(org) = OrgName::new("acme") else {
        return;
    };
    let mut body = "user,active_configuration,reset,contacts.linked,contacts.to_exchange,contacts.records_in_sync,events.linked,events.to_exchange,events.records_in_sync\n".to_owned();
    for index in 0..USERS {
        writeln!(
            body,
            "ann.example{index:06}@corp.example,yes,Marked for reset,✓,In sync,312,X,Sync in progress,1204"
        )
        .unwrap_or_default();
    }
    let captured_at = now.to_string();
    let context = snapshot::SnapshotContext {
        org: &org,
        now,
        captured_at: Some(&captured_at),
        written_at: None,
    };
    report("snapshot users, CSV", USERS, || {
        snapshot::parse_csv(black_box(body.as_bytes()), &context).map(|read| read.users.len())
    });
}

/// Pages as large as they may be, full of what takes the longest to look at; none of them can be read.
fn measure_pages(now: Timestamp) {
    let Ok(org) = OrgName::new("acme") else {
        return;
    };
    let context = page::PageContext {
        org: &org,
        now,
        captured_at: None,
        user: None,
        time_zone: chrono_tz::Tz::UTC,
        date_order: DateOrder::Dmy,
    };
    let one_tag: String =
        (0..).map(|index| format!(" a{index}=x")).take(page::MAX_PAGE_BYTES / 16).collect();
    for (name, body) in [
        ("attributes of one tag", format!("<p{one_tag}>")),
        ("labels", "<p>User set up Outlook integration ".repeat(90_000)),
        ("text", "Salesforce ".repeat(page::MAX_PAGE_BYTES / 11)),
        ("headings and values", "<p>Contacts<p>✓".repeat(45_000)),
        ("open tags", "<select><b>".repeat(page::MAX_PAGE_BYTES / 11)),
        ("characters by number", "&#x2713;".repeat(page::MAX_PAGE_BYTES / 8)),
    ] {
        report(&format!("bytes of a hostile page, {name}"), body.len(), || {
            let read = page::parse(black_box(body.as_bytes()), PageForm::Html, &context);
            read.map_or_else(|_| Ok(body.len()), |_| Err("a hostile page was read"))
        });
    }
}

/// A clock of this thread's time on a core, so that other work on the machine does not count; the wall's where the
/// system has none.
struct Clock {
    wall: Instant,
    on_core_nanos: Option<u64>,
}

impl Clock {
    fn read() -> Self {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        Self {
            wall: Instant::now(),
            on_core_nanos: stat.and_then(|stat| stat.split(' ').next()?.parse().ok()),
        }
    }

    fn elapsed_seconds(&self) -> f64 {
        match (self.on_core_nanos, Self::read().on_core_nanos) {
            (Some(begin), Some(end)) => (end - begin) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Prints the best and the median of the rounds.
fn report<E: std::fmt::Debug>(
    name: &str,
    items: usize,
    mut parse: impl FnMut() -> Result<usize, E>,
) {
    let mut rates = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begin = Clock::read();
        let read = black_box(parse());
        let seconds = begin.elapsed_seconds();
        assert!(matches!(read, Ok(count) if count == items), "{read:?}");
        rates.push(items as f64 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    let (best, median) =
        (rates.last().copied().unwrap_or(0.0), rates.get(ROUNDS / 2).copied().unwrap_or(0.0));
    println!("{name}: {median:.0} a second (median of {ROUNDS} rounds), {best:.0} at best");
}
