//! A small set of logs of two servers and everything that the metrics page says of them.

use super::logs::{EwsVersion, LogFile};
use chrono::TimeDelta;
use enum_map::enum_map;
use lightning_sync_exporter::domain::ids::{OrgId, OrgName, Source};
use lightning_sync_exporter::domain::policy::OrgPolicy;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::{OrgView, View};
use lightning_sync_exporter::events::{Event, EventSink};
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use lightning_sync_exporter::sources::exchange_log::columns::LogKind;
use lightning_sync_exporter::sources::exchange_log::{
    AddressRange, ExchangeLogSettings, ExchangeLogSource, LogServer, SyncAccount,
};
use lightning_sync_exporter::sources::polling::{PollOutcome, PollSettings, PolledSource};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const SVC: &str = "svc-sfsync@corp.example";

/// The directories of two servers, and who polls them.
struct Fixture {
    directory: tempfile::TempDir,
    org: OrgView,
    poller: Box<dyn PolledSource>,
    own: Arc<SelfMetrics>,
    now: Timestamp,
}

impl Fixture {
    fn new() -> Self {
        let now = Timestamp::from_seconds(1_795_850_000);
        assert_eq!(now.to_string(), "2026-11-28T07:13:20Z");
        let directory = tempfile::tempdir().unwrap();
        let acme = OrgName::new("acme").unwrap();
        let policy = Arc::new(OrgPolicy::defaults(acme.clone()));
        let own = Arc::new(SelfMetrics::new(&[]).unwrap());
        own.set_orgs(std::slice::from_ref(&acme));
        own.count(&Event::PollingBegan { org: acme.to_string(), source: "exchange_log" });
        let (org, poller) = (OrgView::new(OrgId(1), policy, now, now), start(&directory));
        let fixture = Self { directory, org, poller, own, now };
        for path in ["ex01/ews", "ex01/proxy", "ex01/iis", "ex02/ews"] {
            fs::create_dir_all(fixture.path(path)).unwrap();
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    async fn poll(&mut self) -> PollOutcome {
        let outcome = self.poller.poll(self.now, &self.org).await;
        let figures = outcome.figures.clone();
        let (org, source) = ("acme".to_owned(), "exchange_log");
        self.own.count(&Event::SourceFigures { org, source, figures });
        if let Some(memory) = &outcome.memory {
            let states = Arc::make_mut(&mut self.org.source_states);
            states.remember(Source::ExchangeLog, memory.as_slice().into());
        }
        outcome
    }

    /// The source's own series.
    fn page(&self) -> Vec<String> {
        let pages = MetricsPages::new(Arc::clone(&self.own));
        let view = Arc::new(View::empty(self.now));
        let page = pages.text(view, self.now, PageFormat::Text).flatten().collect();
        let page = String::from_utf8(page).unwrap();
        let own = page.lines().filter_map(|line| line.strip_prefix("lightning_sync_exchange_log_"));
        let org = [",org=\"acme\"", "org=\"acme\",", "{org=\"acme\"}"];
        own.map(|line| org.iter().fold(line.to_owned(), |line, org| line.replace(org, "")))
            .collect()
    }
}

fn start(directory: &tempfile::TempDir) -> Box<dyn PolledSource> {
    let path = |name: &str| Some(directory.path().join(name));
    let settings = ExchangeLogSettings {
        account: SyncAccount {
            names: vec![SVC.to_owned(), "CORP\\svc-sfsync".to_owned()],
            user_agent: None,
            addresses: vec![AddressRange::new("192.0.2.0/24").unwrap()],
        },
        servers: vec![
            LogServer {
                name: "EX01".to_owned(),
                directories: enum_map! {
                    LogKind::Ews => path("ex01/ews"),
                    LogKind::HttpProxy => path("ex01/proxy"),
                    LogKind::Iis => path("ex01/iis"),
                },
            },
            LogServer {
                name: "EX02".to_owned(),
                directories: enum_map! { LogKind::Ews => path("ex02/ews"), _ => None },
            },
        ],
        poll_every: TimeDelta::seconds(60),
        no_calls_after: TimeDelta::hours(4),
    };
    ExchangeLogSource { org: OrgName::new("acme").unwrap(), settings: Arc::new(settings) }.start()
}

/// A call as the EWS log has it.
fn call<'a>(
    at: &'a str,
    account: &'a str,
    mailbox: &'a str,
    action: &'a str,
    error: &'a str,
) -> [(&'static str, &'a str); 6] {
    [
        ("DateTime", at),
        ("AuthenticatedUser", account),
        ("ImpersonatedUser", mailbox),
        ("SoapAction", action),
        ("ErrorCode", error),
        ("UserAgent", if account == SVC { "SF/1.0" } else { "OtherSync/2" }),
    ]
}

fn logs(fixture: &Fixture) {
    let ann = "ann@corp.example";
    let mut ews = LogFile::ews(EwsVersion::Exchange2016, "2026-11-28T06:00:00.310Z");
    ews.names_again();
    ews.row(&call("2026-11-28T06:05:00.000Z", SVC, ann, "CreateItem", ""));
    ews.row(&call("2026-11-28T06:20:00.250Z", "CORP\\svc-sfsync", ann, "CreateItem", ""));
    ews.row(&call("2026-11-28T06:21:00.000Z", SVC, "Bob@corp.example", "GetItem", ""));
    ews.row(&call("2026-11-28T06:22:00.000Z", SVC, ann, "UpdateItem", "ErrorItemNotFound"));
    ews.row(&call("2026-11-28T06:23:00.000Z", SVC, ann, "UpdateItem", "ErrorOfNextYear"));
    let mut slow = call("2026-11-28T06:24:00.000Z", SVC, ann, "FindItem", "").to_vec();
    slow.push(("ThrottlingDelay", "320.5"));
    ews.row(&slow);
    ews.row(&call("2026-11-28T06:25:00.000Z", "crm@corp.example", ann, "UpdateItem", ""));
    ews.row(&call("2026-11-28T06:26:00.000Z", SVC, ann, "Sbsc_ConnStatus", ""));
    ews.text += "2026-11-28T06:27:00.000Z,cut,";
    fixture.write("ex01/ews/Ews_2026112806-1.LOG", &format!("\u{feff}{}", ews.text));

    let mut ews = LogFile::ews(EwsVersion::Exchange2013, "2026-11-28T07:00:00.002Z");
    ews.row(&call("2026-11-28T07:10:00.000Z", SVC, "cat@corp.example", "DeleteItem", ""));
    ews.row(&call("2026-11-28T07:11:00.000Z", "dan@corp.example", "dan@corp.example", "x", ""));
    ews.text += "no row at all\r\n";
    fixture.write("ex02/ews/Ews_2026112807-1.LOG", &ews.text);

    let mut proxy = LogFile::http_proxy("2026-11-28T07:00:00.123Z");
    let answer = |at, status, back_end| {
        [
            ("DateTime", at),
            ("AuthenticatedUser", SVC),
            ("HttpStatus", status),
            ("BackEndStatus", back_end),
        ]
    };
    proxy.row(&answer("2026-11-28T07:01:00.000Z", "503", ""));
    proxy.row(&answer("2026-11-28T07:02:00.000Z", "500", "500"));
    proxy.row(&answer("2026-11-28T07:03:00.000Z", "401", ""));
    fixture.write("ex01/proxy/HttpProxy_2026112807-1.LOG", &proxy.text);

    let mut iis = LogFile::iis("date time c-ip cs-username cs-uri-stem sc-status sc-win32-status");
    let refused = |time, name, address, win32| {
        [
            ("date", "2026-11-28"),
            ("time", time),
            ("cs-username", name),
            ("c-ip", address),
            ("cs-uri-stem", "/EWS/Exchange.asmx"),
            ("sc-status", "401"),
            ("sc-win32-status", win32),
        ]
    };
    iis.row(&refused("07:11:01", "-", "192.0.2.9", "2148074254"));
    iis.row(&refused("07:11:02", "CORP\\svc-sfsync", "198.51.100.1", "1326"));
    iis.row(&refused("07:11:03", "-", "192.0.2.9", "1326"));
    iis.fields("sc-win32-status date sc-status time cs-uri-stem cs(User-Agent) c-ip cs-username");
    iis.row(&refused("07:12:00", "-", "192.0.2.9", "1909"));
    iis.row(&refused("07:12:30", "-", "198.51.100.1", "1909"));
    fixture.write("ex01/iis/u_ex261128.log", &iis.text);
}

#[tokio::test]
async fn a_small_set_of_logs_and_everything_that_the_page_says_of_it() {
    let mut fixture = Fixture::new();
    logs(&fixture);
    let outcome = fixture.poll().await;
    assert_eq!(fixture.poller.incomplete(), None);
    assert_eq!(outcome.news, Vec::<String>::new());
    let bytes: u64 = ["ex01/ews/Ews_2026112806-1.LOG", "ex02/ews/Ews_2026112807-1.LOG"]
        .into_iter()
        .chain(["ex01/proxy/HttpProxy_2026112807-1.LOG", "ex01/iis/u_ex261128.log"])
        .map(|name| fs::metadata(fixture.path(name)).unwrap().len())
        .sum();
    let expected = format!(
        "bytes_total {bytes}
calls{{window=\"24h\"}} 7
calls{{window=\"60m\"}} 6
complete_until_timestamp_seconds 1795847160
failed_calls_24h{{error=\"access_denied\"}} 0
failed_calls_24h{{error=\"folder_not_found\"}} 0
failed_calls_24h{{error=\"front_end\"}} 1
failed_calls_24h{{error=\"impersonation_denied\"}} 0
failed_calls_24h{{error=\"item_not_found\"}} 1
failed_calls_24h{{error=\"no_mailbox\"}} 0
failed_calls_24h{{error=\"other\"}} 1
failed_calls_24h{{error=\"quota_exceeded\"}} 0
failed_calls_24h{{error=\"server_busy\"}} 0
failed_calls_24h{{error=\"store_unavailable\"}} 0
last_call_timestamp_seconds{{operation=\"create_item\"}} 1795846800.25
last_call_timestamp_seconds{{operation=\"delete_item\"}} 1795849800
last_call_timestamp_seconds{{operation=\"find_item\"}} 1795847040
last_call_timestamp_seconds{{operation=\"get_item\"}} 1795846860
mailboxes 3
mailboxes_called_24h 3
mailboxes_two_writers 1
mailboxes_written_24h 2
reach_timestamp_seconds{{log=\"ews\",server=\"EX01\"}} 1795847160
reach_timestamp_seconds{{log=\"ews\",server=\"EX02\"}} 1795849860
reach_timestamp_seconds{{log=\"http_proxy\",server=\"EX01\"}} 1795849380
reach_timestamp_seconds{{log=\"iis\",server=\"EX01\"}} 1795849950
refused_sign_ins_24h{{reason=\"account_disabled\"}} 0
refused_sign_ins_24h{{reason=\"locked_out\"}} 1
refused_sign_ins_24h{{reason=\"password_expired\"}} 0
refused_sign_ins_24h{{reason=\"password_must_change\"}} 0
refused_sign_ins_24h{{reason=\"wrong_password\"}} 2
rows_total 18
sign_in_refused{{reason=\"account_disabled\"}} 0
sign_in_refused{{reason=\"locked_out\"}} 1
sign_in_refused{{reason=\"password_expired\"}} 0
sign_in_refused{{reason=\"password_must_change\"}} 0
sign_in_refused{{reason=\"wrong_password\"}} 0
throttled_calls{{window=\"24h\"}} 1
throttled_calls{{window=\"60m\"}} 1
unreadable_lines_total 1
writes{{window=\"24h\"}} 3
writes{{window=\"60m\"}} 2"
    );
    let page = fixture.page();
    for (line, expected) in page.iter().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(page.len(), expected.lines().count());
}

#[tokio::test]
async fn a_poller_that_starts_anew_goes_on_from_what_is_stored() {
    let mut fixture = Fixture::new();
    logs(&fixture);
    fixture.poll().await;
    let counts = |fixture: &Fixture| -> Vec<String> {
        fixture.page().into_iter().filter(|line| line.contains("window=")).collect()
    };
    let before = counts(&fixture);
    assert!(fixture.poll().await.memory.is_none(), "what did not change is not stored again");
    fixture.poller = start(&fixture.directory);
    fixture.poll().await;
    assert_eq!(counts(&fixture), before);
    // What was not taken is read again, and counts once.
    let more = LogFile::ews(EwsVersion::Exchange2013, "2026-11-28T07:00:00.002Z");
    let line = more.line(&call("2026-11-28T07:12:00.000Z", SVC, "cat@x", "DeleteItem", ""));
    let path = fixture.path("ex02/ews/Ews_2026112807-1.LOG");
    let text = fs::read_to_string(&path).unwrap() + &line;
    fs::write(&path, text).unwrap();
    let taken = Arc::clone(&fixture.org.source_states);
    fixture.poll().await;
    let after = counts(&fixture);
    assert_ne!(after, before);
    fixture.org.source_states = taken;
    fixture.poller.not_taken();
    fixture.poll().await;
    assert_eq!(counts(&fixture), after);
    // What another version stored says nothing: the day is read again.
    Arc::make_mut(&mut fixture.org.source_states)
        .remember(Source::ExchangeLog, b"{}".as_slice().into());
    fixture.poller = start(&fixture.directory);
    assert_eq!(fixture.poll().await.news.len(), 1);
    assert_eq!(counts(&fixture), after);
}

#[tokio::test]
async fn what_one_directory_lacks_does_not_stop_the_others_and_silence_is_no_longer_claimed() {
    let mut fixture = Fixture::new();
    logs(&fixture);
    fs::rename(fixture.path("ex02"), fixture.path("away")).unwrap();
    let outcome = fixture.poll().await;
    assert!(outcome.snapshot.is_ok() && outcome.memory.is_some());
    let failure = fixture.poller.incomplete().unwrap();
    assert_eq!(failure.reason.name, "log_directory_unavailable");
    assert!(failure.detail.starts_with("EX02, ews: "), "{failure}");
    let page = fixture.page();
    assert!(page.contains(&"writes{window=\"24h\"} 2".to_owned()), "{page:?}");
    assert!(!page.iter().any(|line| line.starts_with("complete_until")), "{page:?}");
    fs::rename(fixture.path("away"), fixture.path("ex02")).unwrap();
    fixture.poll().await;
    assert_eq!(fixture.poller.incomplete(), None);
    assert!(fixture.page().contains(&"writes{window=\"24h\"} 3".to_owned()));
}
