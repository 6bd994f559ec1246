//! Damaged and hostile bodies: no parser panics, what it answers is bounded by what it was given, and so is the memory
//! that it takes: each parser is tried in a process of its own.
//!
//! `LIGHTNING_SYNC_TEST_FUZZ_SECONDS` is how long each parser is tried (60, the full size), and
//! `LIGHTNING_SYNC_TEST_FUZZ_SEED` repeats a run whose seed a failure printed.

use crate::exchange_log::{EwsVersion, LogFile};
use crate::support;
use chrono_tz::Tz;
use lightning_sync_exporter::domain::activity::IdentityKey;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::domain::problem::FieldError;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::activity;
use lightning_sync_exporter::sources::exchange;
use lightning_sync_exporter::sources::exchange_log::SyncAccount;
use lightning_sync_exporter::sources::exchange_log::columns::LogKind;
use lightning_sync_exporter::sources::exchange_log::files::{FilePositions, read_directory};
use lightning_sync_exporter::sources::exchange_log::rows;
use lightning_sync_exporter::sources::exchange_log::totals::LogTotals;
use lightning_sync_exporter::sources::ingest_error::{IngestError, OnError};
use lightning_sync_exporter::sources::page::{self, PageForm};
use lightning_sync_exporter::sources::snapshot;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp::from_seconds(1_795_356_000);

const ACTIVITY: [&str; 2] = [
    "{\"at\":\"2026-11-22T13:55:00Z\",\"object_type\":\"contacts\",\"direction\":\"to_exchange\",\"user\":\"ann\",\"record\":\"003\",\"outcome\":\"failed\",\"error\":\"a\\u0000\",\"id\":\"1\"}\n{\"at\":\"2026-11-22T14:55:00.5+01:00\",\"object_type\":\"events\"}\r\n",
    "[{\"at\":\"2026-11-22T13:55:00Z\",\"object_type\":\"contacts\",\"id\":\"[,]\"},{\"at\":\"2026-11-22T14:55:00.5+01:00\",\"object_type\":\"events\"}]",
];
const JSON: &str = r#"{"captured_at":"2026-11-22T13:55:00Z","service_account":null,"linked_users":41,"contacts":{"last_sync":"2026-11-22T13:52:00Z","synced_60m":18},"users":[{"user":"ann","Salesforce_Sync":1,"active_configuration":true,"contacts":{"linked":"X","to_exchange":"In sync","records_in_sync":3}},{"user":"bob","reset":"Reset in progress"}]}"#;
const CSV: &str = "user;captured_at;linked_users;contacts.last_sync;contacts.linked;reset\n;2026-11-22T13:55:00Z;41;2026-11-22T13:52:00Z;;\n\"ann\";;;;✓;Marked for reset\n";
const PAGES: [&str; 7] = [
    include_str!("pages/org_table.html"),
    include_str!("pages/org_classic_detail.html"),
    include_str!("pages/org_lightning.html"),
    include_str!("pages/org_columns.html"),
    include_str!("pages/user_definition_list.html"),
    include_str!("pages/user_divs.html"),
    include_str!("pages/user_pasted.txt"),
];
const EWS: [&str; 5] = [
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header><h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"1\" MajorBuildNumber=\"2507\" xmlns:h=\"t\"/></s:Header><s:Body><m:FindFolderResponse xmlns:m=\"m\" xmlns:t=\"t\"><m:ResponseMessages><m:FindFolderResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView=\"1\"><t:Folders><t:ContactsFolder><t:FolderId Id=\"AAA=\" ChangeKey=\"A\"/><t:ParentFolderId Id=\"B\"/><t:FolderClass>IPF.Contact</t:FolderClass><t:DisplayName>Salesforce_Sync &amp; &#x41;</t:DisplayName><t:TotalCount>42</t:TotalCount></t:ContactsFolder></t:Folders></m:RootFolder></m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse></s:Body></s:Envelope>",
    "<s:Envelope xmlns:s=\"e\"><s:Body><s:Fault><faultcode xmlns:a=\"t\">a:ErrorServerBusy</faultcode><faultstring xml:lang=\"en-US\">busy</faultstring><detail><e:ResponseCode xmlns:e=\"x\">ErrorServerBusy</e:ResponseCode><t:MessageXml xmlns:t=\"t\"><t:Value Name=\"BackOffMilliseconds\">5000</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>",
    "<Autodiscover xmlns=\"r\"><Response><Account><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>https://out/EWS/Exchange.asmx</EwsUrl></Protocol></Account></Response></Autodiscover>",
    "{\"Protocol\":\"Ews\",\"Url\":\"https://out/EWS/Exchange.asmx\",\"ErrorCode\":null}",
    "<s:Envelope xmlns:s=\"e\"><s:Body><m:FindItemResponse xmlns:m=\"m\" xmlns:t=\"t\"><m:ResponseMessages><m:FindItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView=\"2\" IncludesLastItemInRange=\"true\"><t:Items><t:CalendarItem><t:Sensitivity>Private</t:Sensitivity><t:IsRecurring>true</t:IsRecurring></t:CalendarItem><t:CalendarItem/></t:Items></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>",
];
const GRAPH: [&str; 3] = [
    r#"{"responses":[{"id":"1","status":429,"headers":{"Retry-After":"17"},"body":{"error":{"code":"ApplicationThrottled","message":"Application is over its MailboxConcurrency limit.","innerError":{"date":"2026-11-28T10:00:00","request-id":"a"}}}},{"id":"0","status":200,"headers":{"Content-Type":"text/plain"},"body":"NDI="}]}"#,
    r#"{"responses":[{"id":"2","status":200,"body":{"@odata.context":"c","value":[{"id":"AAMk","displayName":"Salesforce_Sync","parentFolderId":"B"}],"@odata.nextLink":"https://graph.elsewhere.example/"}},{"id":"0","status":200,"body":{"timeZone":"UTC","userPurpose":{"value":"user"},"workingHours":{"daysOfWeek":["monday"]}}}]}"#,
    r#"{"error":"invalid_client","error_description":"AADSTS7000222: The secret is expired.","error_codes":[7000222],"timestamp":"2026-11-28 10:00:00Z","access_token":"eyJ0.e.s","expires_in":3599,"token_type":"Bearer"}"#,
];
/// What damage is made of: what means something to one parser or another.
const PIECES: [&[u8]; 46] = [
    b"<a>",
    b"</",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"<",
    b">",
    b"</td>",
    b"<td",
    b"<!--",
    b"<script>",
    b"<title>",
    b"<select>",
    b"hidden",
    b"&#0;",
    b"&#x110000;",
    b"&nbsp;",
    b"\xe2\x80\xae",
    b"Contacts",
    b"Events",
    b"Last sync activity",
    b"User:",
    b"\xe2\x9c\x93",
    b"29.03.2026 02:30",
    b"0000-00-00T00:00:00Z",
];

/// The sequence of numbers that a seed gives.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn damaged(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = seed.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(body.len() + 1);
        let end = at + random.below((body.len() - at).min(200) + 1);
        match random.below(7) {
            0 => body.truncate(at),
            1 => drop(body.drain(at..end)),
            2 => {
                let piece = PIECES[random.below(PIECES.len())].repeat(1 + random.below(3));
                drop(body.splice(at..at, piece));
            }
            3 => drop(body.splice(at..end, PIECES[random.below(PIECES.len())].iter().copied())),
            4 => {
                let copy = body[at..end].to_vec();
                let to = random.below(body.len() + 1);
                drop(body.splice(to..to, copy));
            }
            5 if at < body.len() => body[at] ^= 1 << random.below(8),
            _ => {
                let piece = PIECES[random.below(PIECES.len())].repeat(random.below(3000));
                drop(body.splice(at..at, piece));
            }
        }
    }
    body
}

/// Says what to repeat when a parser panics.
struct Trial<'b> {
    seed: u64,
    body: &'b [u8],
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("LIGHTNING_SYNC_TEST_FUZZ_SEED={}", self.seed);
            println!("body begins: {:.2000}", self.body.escape_ascii().to_string());
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What such a process may have taken at most: with bodies of up to a few hundred kB it takes 13 MB.
const MEMORY_KB: u64 = 32 << 10;

/// Runs a test of this file in a process of its own.
fn alone(test: &str, fuzz: impl FnOnce()) {
    support::alone::alone(&format!("fuzz::{test}"), MEMORY_KB, fuzz);
}

/// Tries damaged bodies until the time is over.
fn fuzz(seeds: &[&str], mut parse: impl FnMut(&[u8])) {
    let seconds = setting("LIGHTNING_SYNC_TEST_FUZZ_SECONDS").unwrap_or(60);
    let first = setting("LIGHTNING_SYNC_TEST_FUZZ_SEED")
        .unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("first seed {first}");
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut seed, mut trials) = (first, 0_u64);
    while trials < 100 || Instant::now() < end {
        let mut random = Random(seed);
        let body = damaged(seeds[random.below(seeds.len())].as_bytes(), &mut random);
        let trial = Trial { seed, body: &body };
        parse(&body);
        drop(trial);
        seed = seed.wrapping_add(1);
        trials += 1;
    }
    println!("{trials} trials");
}

fn bounded_mistakes(mistakes: &[FieldError]) {
    assert!(mistakes.len() <= 100);
    for mistake in mistakes {
        assert!(mistake.field.len() <= 200 && mistake.message.len() <= 500, "{mistake:?}");
        assert!(!mistake.to_string().contains(['\0', '\n', '\u{202e}']), "{mistake:?}");
    }
}

fn bounded(error: &IngestError) {
    assert!(
        error.detail.len() <= 500 && !error.detail.contains(['\0', '\n', '\u{202e}']),
        "{error:?}"
    );
    assert!(error.total >= error.errors.len() as u64);
    bounded_mistakes(&error.errors);
}

/// What a snapshot says fits into what was sent, and is what its JSON says.
fn bounded_snapshot(body: &[u8], read: Result<Snapshot, IngestError>) {
    match read {
        Err(error) => bounded(&error),
        Ok(read) => {
            let rows: usize = read.users.iter().map(|(_, values)| values.len()).sum();
            assert!(read.rows.len() + read.users.len() + rows <= 20 * body.len());
            let org = OrgName::new("acme").unwrap();
            let context = snapshot::SnapshotContext {
                org: &org,
                now: NOW,
                captured_at: None,
                written_at: None,
            };
            assert_eq!(
                snapshot::parse_json(snapshot::to_json(&read).as_bytes(), &context),
                Ok(read)
            );
        }
    }
}

#[test]
fn damaged_activity_is_refused_or_read_within_bounds() {
    alone("damaged_activity_is_refused_or_read_within_bounds", of_activity);
}

fn of_activity() {
    let (org, identity) = (OrgName::new("acme").unwrap(), IdentityKey::new([7; 16]));
    fuzz(&ACTIVITY, |body| {
        let context = |on_error| activity::ActivityContext {
            org: &org,
            identity: &identity,
            now: NOW,
            on_error,
        };
        let refused = activity::parse(body, &context(OnError::Refuse));
        let skipped = activity::parse(body, &context(OnError::Skip));
        match (&refused, &skipped) {
            (Ok(all), Ok(good)) => assert_eq!((all, good.rejected_total), (good, 0)),
            (Err(error), Ok(good)) => {
                assert_eq!((&error.errors, error.total), (&good.rejected, good.rejected_total));
                bounded(error);
                bounded_mistakes(&good.rejected);
            }
            (Err(error), Err(_)) => bounded(error),
            (Ok(_), Err(error)) => panic!("refused only when skipping: {error}"),
        }
        if let Ok(good) = skipped {
            assert!(good.value.records.len() <= body.len() / 50);
            assert!(good.value.records.capacity() <= body.len() / 50 + 4);
        }
    });
}

#[test]
fn damaged_json_snapshots_are_refused_or_read_within_bounds() {
    alone("damaged_json_snapshots_are_refused_or_read_within_bounds", json_snapshots);
}

fn json_snapshots() {
    let org = OrgName::new("acme").unwrap();
    let context =
        snapshot::SnapshotContext { org: &org, now: NOW, captured_at: None, written_at: None };
    fuzz(&[JSON], |body| bounded_snapshot(body, snapshot::parse_json(body, &context)));
}

#[test]
fn damaged_csv_snapshots_are_refused_or_read_within_bounds() {
    alone("damaged_csv_snapshots_are_refused_or_read_within_bounds", csv_snapshots);
}

fn csv_snapshots() {
    let org = OrgName::new("acme").unwrap();
    let context =
        snapshot::SnapshotContext { org: &org, now: NOW, captured_at: None, written_at: None };
    fuzz(&[CSV], |body| bounded_snapshot(body, snapshot::parse_csv(body, &context)));
}

#[test]
fn damaged_pages_are_refused_or_read_within_bounds() {
    alone("damaged_pages_are_refused_or_read_within_bounds", pages);
}

fn pages() {
    let org = OrgName::new("acme").unwrap();
    let context = page::PageContext {
        org: &org,
        now: NOW,
        captured_at: None,
        user: Some("ann"),
        time_zone: Tz::Europe__Berlin,
        date_order: DateOrder::Dmy,
    };
    fuzz(&PAGES, |body| {
        bounded_snapshot(body, page::parse(body, PageForm::Html, &context));
        bounded_snapshot(body, page::parse(body, PageForm::Text, &context));
    });
}

#[test]
fn damaged_logs_of_exchange_are_read_within_bounds() {
    alone("damaged_logs_of_exchange_are_read_within_bounds", logs);
}

/// The three logs, each as a file that is read twice: nothing of it counts the second time.
fn logs() {
    let mut ews = LogFile::ews(EwsVersion::Exchange2016, "2026-11-22T13:00:00.000Z");
    let mut proxy = LogFile::http_proxy("2026-11-22T13:00:00.000Z");
    let mut iis = LogFile::iis("date time cs-username c-ip cs-uri-stem sc-status sc-win32-status");
    for _ in 0..3 {
        ews.row(&[
            ("DateTime", "2026-11-22T13:10:00.000Z"),
            ("AuthenticatedUser", "svc@corp.example"),
            ("SoapAction", "CreateItem"),
            ("ImpersonatedUser", "ann@corp.example"),
        ]);
        let cells = [("DateTime", "2026-11-22T13:10:00.000Z"), ("AuthenticatedUser", "corp\\svc")];
        proxy.row(&[cells[0], cells[1], ("HttpStatus", "503")]);
        let day = [("date", "2026-11-22"), ("time", "13:10:00"), ("cs-username", "corp\\svc")];
        iis.row(&[day[0], day[1], day[2], ("sc-status", "401"), ("sc-win32-status", "1909")]);
    }
    let account = SyncAccount {
        names: vec!["svc@corp.example".to_owned(), "corp\\svc".to_owned()],
        ..SyncAccount::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let names = ["Ews_2026112213-1.LOG", "HttpProxy_2026112213-1.LOG", "u_ex261122.log"];
    let mut turn = 0;
    fuzz(&[&ews.text, &proxy.text, &iis.text], |body| {
        // Also a log under the name of another.
        turn += 1;
        let (name, kind) = (names[turn % 3], LogKind::ALL[turn % 3]);
        let path = directory.path().join(name);
        std::fs::write(&path, body).unwrap();
        let (mut positions, mut totals) = (FilePositions::default(), LogTotals::new(NOW));
        let mut read = |positions: &mut FilePositions| {
            read_directory(
                (kind, directory.path()),
                positions,
                (NOW.minus(chrono::TimeDelta::hours(25)), NOW),
                u64::MAX,
                &mut |columns, line| {
                    rows::read(columns, line, &account)
                        .is_some_and(|(at, row)| totals.add("ex01", kind, (at, &row), NOW))
                },
            )
        };
        let report = read(&mut positions);
        let lines = body.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert!(report.rows + report.unreadable <= lines, "{report:?}");
        let again = read(&mut positions);
        assert_eq!((again.rows, again.unreadable), (0, 0), "{report:?}");
        let stored = totals.memory().unwrap();
        assert_eq!(LogTotals::from_memory(&stored), Some(totals));
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn damaged_answers_of_exchange_are_refused_or_read_within_bounds() {
    alone("damaged_answers_of_exchange_are_refused_or_read_within_bounds", answers_of_exchange);
}

fn answers_of_exchange() {
    fuzz(&EWS, |body| {
        match exchange::folders_in(body) {
            Ok(folders) => assert!(folders <= body.len() / 4),
            // Words of ours, or a code.
            Err(says) => assert!(says.len() <= 100 && !says.contains(['\0', '\n'])),
        }
        for url in exchange::autodiscovered(body).into_iter().flatten() {
            assert!(url.len() <= body.len());
        }
    });
}

#[test]
fn damaged_answers_of_graph_are_refused_or_read_within_bounds() {
    alone("damaged_answers_of_graph_are_refused_or_read_within_bounds", answers_of_graph);
}

fn answers_of_graph() {
    fuzz(&GRAPH, |body| match exchange::graph_parts_in(body) {
        Ok(parts) => assert!(parts <= 20 * 201 && parts <= body.len()),
        // Words of ours alone.
        Err(says) => assert!(says.len() <= 100 && !says.contains(['\0', '\n'])),
    });
}
