//! What others reported from the field about syncs with Exchange, one row each: what this side sees of it, or why it does
//! not. What it sees is played, through the poll and what the daemon judges from it.

use super::fixture::{Polled, World};
use super::paged::{ALL, Heard};
use crate::exchange_log::{EwsVersion, LogFile};
use crate::support::memory_store::MemoryStore;
use chrono::{SecondsFormat, TimeDelta};
use enum_map::enum_map;
use lightning_sync_exporter::domain::causes::Severity;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::judge::judge_org;
use lightning_sync_exporter::domain::observation::Observation;
use lightning_sync_exporter::domain::policy::{OrgPolicy, UserNames, UserSeries};
use lightning_sync_exporter::domain::source_state::{PollFailing, SourceState};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::engine::{Engine, EngineSettings};
use lightning_sync_exporter::events::Events;
use lightning_sync_exporter::sources::exchange::ExchangeAuth;
use lightning_sync_exporter::sources::exchange_log::columns::LogKind;
use lightning_sync_exporter::sources::exchange_log::{
    ExchangeLogSettings, ExchangeLogSource, LogServer, SyncAccount,
};
use lightning_sync_exporter::sources::polling::{PollOutcome, PollSettings, PolledSource};
use lightning_sync_sim::simulator::exchange::{ExchangeScene as Scene, FolderPlace};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// What of a report can be seen here.
enum Seen {
    /// The probe sees it: what happens, the first reason that its metrics name, and the alerts half an hour later.
    ByProbe(fn(&mut World), &'static str, &'static [Alert]),
    /// Exchange's logs show it; played in a test of its own.
    ByLogs(&'static str),
    /// Microsoft Graph shows it; played in a test of its own.
    ByGraph(&'static str),
    /// Nothing on Exchange's side shows it.
    NotHere(&'static str),
}

/// An alert with its severity.
type Alert = (&'static str, Severity);

use Seen::{ByGraph, ByLogs, ByProbe, NotHere};

const REPORTS: [(&str, Seen); 23] = [
    ("accounts are disabled one by one", NotHere("Salesforce's own status; its source reads it")),
    (
        "connected and nothing moves: the address is not the primary one",
        ByProbe(
            |world| {
                world.exchange.change(|org| {
                    let mailbox = &mut org.mailboxes[0];
                    mailbox.alias = Some(mailbox.address.clone());
                });
            },
            "alias_address",
            // Whether Salesforce has the same address, only its page says.
            &[],
        ),
    ),
    ("a status is renewed when the user signs in only", NotHere("Salesforce's own status")),
    (
        "contacts are doubled within two days",
        ByProbe(
            |world| world.exchange.change(|org| org.mailboxes[0].folders[0].total = 84),
            "168 contacts",
            &[("LightningSyncDuplicateSurge", Severity::Warning)],
        ),
    ),
    (
        "delays under a limit of concurrency: late, then alive",
        ByProbe(|world| scene(world, Scene::Busy), "a pause", &[]),
    ),
    ("events of one kind stop", NotHere("every call goes on; a test record of that kind shows it")),
    ("what is documented not to sync", NotHere("it is no fault, and has no call")),
    (
        "attendees disappear where an address is an alias",
        ByProbe(
            |world| {
                world.exchange.change(|org| {
                    org.mailboxes[1].fault = Some("ErrorNonPrimarySmtpAddress");
                });
            },
            "alias_address",
            &[],
        ),
    ),
    ("two sync products at once", ByLogs("LightningSyncExchangeTwoWriters")),
    (
        "a contact with the category beside the folder never syncs",
        // The folder is as it has to be, and no failure is claimed.
        ByProbe(|_| {}, "126 contacts", &[]),
    ),
    ("a user without a licence never starts", NotHere("Salesforce's own status: never started")),
    ("users move to another configuration", NotHere("Salesforce's own status: a change of it")),
    (
        "conditional access ends the token",
        ByProbe(
            |world| {
                write_token(world);
                world.exchange.change(|org| "another".clone_into(&mut org.token));
                world.restart();
            },
            "sign_in_refused",
            &[("LightningSyncExchangeAccountRefused", Severity::Critical)],
        ),
    ),
    (
        "the first sync takes a day",
        ByProbe(
            |world| world.exchange.change(|org| org.mailboxes[0].folders[0].total = 0),
            "84 contacts",
            &[],
        ),
    ),
    ("the switch says off and EWS works", ByProbe(|_| {}, "126 contacts", &[])),
    (
        "a list of user agents forgot the client",
        ByProbe(
            |world| scene(world, Scene::EwsBlocked),
            "ews_blocked_by_policy",
            &[("LightningSyncExchangeEwsOff", Severity::Critical)],
        ),
    ),
    (
        "the application is out of scope after a change: never the password",
        ByProbe(
            |world| {
                world.exchange.change(|org| {
                    org.mailboxes.iter_mut().for_each(|mailbox| mailbox.forbidden = true);
                });
            },
            "ews_forbidden",
            &[("LightningSyncExchangeImpersonationRefused", Severity::Critical)],
        ),
    ),
    ("asking again keeps a refusal fresh", ByGraph("fresh_refusal")),
    ("notifications stop, and polling works", NotHere("all parts work; a test record shows it")),
    ("the token of changes is lost", NotHere("the probe reads no changes, so it has no token")),
    (
        "a stale password locks the account again and again",
        ByLogs("LightningSyncExchangeSignInRefused"),
    ),
    ("the account is throttled", ByProbe(|world| scene(world, Scene::BusyFront), "a pause", &[])),
    (
        "EWS ends for the tenant",
        ByProbe(
            |world| scene(world, Scene::EwsDisabled),
            "ews_disabled",
            &[("LightningSyncExchangeEwsOff", Severity::Critical)],
        ),
    ),
];

/// What concerns one mailbox is for office hours.
const ONE_MAILBOX: [(&str, Seen); 3] = [
    (
        "a folder is deleted",
        ByProbe(
            |world| {
                world
                    .exchange
                    .change(|org| org.mailboxes[0].folders[0].place = FolderPlace::Deleted)
            },
            "folder_deleted",
            USERS,
        ),
    ),
    (
        "a mailbox moved to another server's Exchange",
        ByProbe(
            |world| world.exchange.change(|org| drop(org.mailboxes.remove(0))),
            "mailbox_not_found",
            USERS,
        ),
    ),
    (
        "a mailbox is out of the account's scope",
        ByProbe(
            |world| {
                world
                    .exchange
                    .change(|org| org.mailboxes[2].fault = Some("ErrorImpersonateUserDenied"))
            },
            "impersonation_denied",
            USERS,
        ),
    ),
];
const USERS: &[Alert] = &[("LightningSyncUsersFailing", Severity::Warning)];

fn scene(world: &World, scene: Scene) {
    world.exchange.change(|org| org.scene = scene);
}

fn write_token(world: &mut World) {
    let token_file = world.certified.directory.path().join("token");
    fs::write(&token_file, "a-token-of-the-simulated-tenant\n").unwrap();
    fs::set_permissions(&token_file, fs::Permissions::from_mode(0o600)).unwrap();
    world.ews().auth = ExchangeAuth::Bearer { token_file };
}

/// The engine with the polls of one source.
struct Judged {
    engine: Engine<MemoryStore>,
    failing: Option<Timestamp>,
}

impl Judged {
    fn new(policy: OrgPolicy, now: Timestamp) -> Self {
        let settings = EngineSettings {
            policies: vec![Arc::new(policy)],
            keep_activity: TimeDelta::days(7),
            keep_history: TimeDelta::days(400),
            user_series: UserSeries::Aggregate,
            user_names: UserNames::Pseudonym,
        };
        let engine = Engine::start(MemoryStore::default(), settings, Events::log_only(), now);
        Self { engine: engine.unwrap(), failing: None }
    }

    /// Takes a poll, as the loop of polls does.
    fn take(&mut self, source: &'static str, outcome: PollOutcome, now: Timestamp) -> Vec<Alert> {
        let failure = outcome.snapshot.as_ref().err();
        self.failing = failure.map(|_| self.failing.unwrap_or(now));
        let failing = failure.zip(self.failing).map(|(failure, since)| PollFailing {
            since,
            reason: failure.reason.name,
            advice: failure.reason.advice,
        });
        let state = SourceState { failing, facts: outcome.facts };
        let org = OrgName::new("acme").unwrap();
        self.engine.set_source_state(&org, source, Some(state));
        if let Ok(Some(snapshot)) = outcome.snapshot {
            self.engine.observe(vec![Observation::Snapshot(snapshot)], now)[0].unwrap();
        }
        self.engine.tick(now, TimeDelta::minutes(5));
        let view = self.engine.view();
        let findings = judge_org(&view.orgs[0], true, now);
        findings.iter().filter_map(|it| Some((it.cause.alert()?, it.severity))).collect()
    }
}

/// What the metrics say: the first failed step's reason, a pause, or what was counted.
fn by_metrics(polled: &Polled) -> String {
    if let Some((_, reason)) = polled.broken() {
        return reason.to_owned();
    }
    if polled.figure("throttled_until_timestamp_seconds", &[]).unwrap() > 0.0 {
        return "a pause".to_owned();
    }
    let counted = polled.figure("contacts_records", &[]);
    counted.map_or_else(|| "nothing yet".to_owned(), |count| format!("{count} contacts"))
}

async fn play(change: fn(&mut World)) -> (String, Vec<Alert>) {
    let mut world = World::of(3).await;
    world.policy.probes_exchange = true;
    let mut judged = Judged::new(world.policy.clone(), world.now);
    let (good, outcome) = world.poll_whole().await;
    assert_eq!(by_metrics(&good), "126 contacts");
    assert_eq!(judged.take("exchange", outcome, world.now), []);
    change(&mut world);
    let mut last = (String::new(), Vec::new());
    for _ in 0..6 {
        let (polled, outcome) = world.poll_whole().await;
        last = (by_metrics(&polled), judged.take("exchange", outcome, world.now));
    }
    last
}

#[tokio::test]
async fn each_report_from_the_field_is_seen_as_what_it_is_or_is_somebody_elses() {
    for (number, (says, seen)) in (1..).zip(REPORTS.iter().chain(&ONE_MAILBOX)) {
        let shown = match seen {
            NotHere(why) => format!("not here: {why}"),
            ByGraph(reason) => format!("by Graph: {reason}"),
            ByLogs(alert) => format!("by Exchange's logs: {alert}"),
            ByProbe(change, reason, alerts) => {
                let found = play(*change).await;
                assert_eq!((found.0.as_str(), found.1.as_slice()), (*reason, *alerts), "{says}");
                format!("{reason}: {alerts:?}")
            }
        };
        println!("{number:2} {says}: {shown}");
    }
}

/// What is seen here is played up to the notification, too, and is the same alert there.
#[test]
fn each_report_that_is_seen_is_played_up_to_who_hears_of_it() {
    for (number, (says, seen)) in (1..).zip(&REPORTS) {
        let played = ALL.iter().filter(|played| played.reports.contains(&number));
        let heard: Vec<Heard> = played.map(|played| played.heard).collect();
        let expected = match seen {
            NotHere(_) => None,
            ByGraph(_) => Some(Heard::Nobody),
            ByLogs("LightningSyncExchangeSignInRefused") => {
                Some(Heard::Page("LightningSyncExchangeSignInRefused"))
            }
            ByLogs(alert) => Some(Heard::OfficeHours(alert)),
            ByProbe(.., []) => Some(Heard::Nobody),
            ByProbe(.., [(alert, Severity::Critical)]) => Some(Heard::Page(alert)),
            ByProbe(.., [(alert, _), ..]) => Some(Heard::OfficeHours(alert)),
        };
        match expected {
            None => assert_eq!(heard, [], "{number} {says}"),
            Some(expected) => assert!(heard.contains(&expected), "{number} {says}: {heard:?}"),
        }
    }
}

/// What was found of a mailbox that is no longer configured is over.
#[tokio::test]
async fn a_mailbox_that_is_taken_out_takes_its_failure_with_it() {
    let mut world = World::of(3).await;
    world.policy.probes_exchange = true;
    let mut judged = Judged::new(world.policy.clone(), world.now);
    world.exchange.change(|org| org.mailboxes[0].folders[0].place = FolderPlace::Deleted);
    let mut found = Vec::new();
    for _ in 0..6 {
        let (_, outcome) = world.poll_whole().await;
        found = judged.take("exchange", outcome, world.now);
    }
    assert_eq!(found, USERS);
    let users = |judged: &Judged| judged.engine.view().orgs[0].users.users.len();
    assert_eq!(users(&judged), 3);
    world.settings.mailboxes.remove(0);
    world.restart();
    let (_, outcome) = world.poll_whole().await;
    assert_eq!((judged.take("exchange", outcome, world.now), users(&judged)), (vec![], 2));
    // Nobody else's users are known to be all there are.
    assert!(!judged.engine.view().orgs[0].users.complete);
    // While Exchange demands a pause, nobody is forgotten.
    world.exchange.change(|org| org.scene = Scene::Busy);
    let (_, outcome) = world.poll_whole().await;
    assert_eq!((judged.take("exchange", outcome, world.now), users(&judged)), (vec![], 2));
}

/// Two tenants in the cloud and on premises: only the one whose EWS ended has an alert.
#[tokio::test]
async fn the_end_of_ews_in_one_tenant_touches_no_other() {
    let ended = play(|world| scene(world, Scene::EwsDisabled)).await;
    let other = play(|_| {}).await;
    assert_eq!(ended.1, [("LightningSyncExchangeEwsOff", Severity::Critical)]);
    assert_eq!(other.1, []);
}

const SVC: &str = "svc-sfsync@corp.example";

/// Logs of one server that are read every five minutes.
struct Logs {
    directory: tempfile::TempDir,
    poller: Box<dyn PolledSource>,
    judged: Judged,
    now: Timestamp,
}

impl Logs {
    fn new() -> Self {
        let now = Timestamp::from_seconds(1_795_850_000);
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = directory.path().join(name);
            fs::create_dir(&path).unwrap();
            Some(path)
        };
        let directories =
            enum_map! { LogKind::Ews => path("ews"), LogKind::Iis => path("iis"), _ => None };
        let settings = ExchangeLogSettings {
            account: SyncAccount {
                names: vec![SVC.to_owned(), "CORP\\svc-sfsync".to_owned()],
                ..SyncAccount::default()
            },
            servers: vec![LogServer { name: "EX01".to_owned(), directories }],
            poll_every: TimeDelta::seconds(60),
            no_calls_after: TimeDelta::hours(4),
        };
        let org = OrgName::new("acme").unwrap();
        let mut policy = OrgPolicy::defaults(org.clone());
        policy.reads_exchange_log = true;
        let poller = ExchangeLogSource { org, settings: Arc::new(settings) }.start();
        Self { judged: Judged::new(policy, now), directory, poller, now }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn at(&self) -> String {
        self.now.datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    async fn poll(&mut self) -> Vec<Alert> {
        self.now = self.now.plus(TimeDelta::minutes(5));
        let view = self.judged.engine.view();
        let outcome = self.poller.poll(self.now, &view.orgs[0]).await;
        self.judged.take("exchange_log", outcome, self.now)
    }
}

#[tokio::test]
async fn two_sync_products_are_seen_in_the_logs() {
    let mut logs = Logs::new();
    let mut file = LogFile::ews(EwsVersion::Exchange2016, &logs.at());
    let mut write = |logs: &Logs, account: &str, agent: &str| {
        let at = logs.at();
        file.row(&[
            ("DateTime", &at),
            ("AuthenticatedUser", account),
            ("ImpersonatedUser", "ann@corp.example"),
            ("SoapAction", "CreateItem"),
            ("UserAgent", agent),
        ]);
        fs::write(logs.path().join("ews/Ews_2026112807-1.LOG"), &file.text).unwrap();
    };
    fs::write(
        logs.path().join("iis/u_ex261128.log"),
        LogFile::iis("date time cs-username c-ip cs-uri-stem sc-status sc-win32-status").text,
    )
    .unwrap();
    write(&logs, SVC, "SF/1.0");
    write(&logs, "ann@corp.example", "Microsoft Office/16.0");
    assert_eq!(logs.poll().await, [], "who uses a mailbox is no second product");
    write(&logs, "crm@corp.example", "OtherSync/2");
    assert_eq!(logs.poll().await, [("LightningSyncExchangeTwoWriters", Severity::Warning)]);
}

#[tokio::test]
async fn an_account_that_is_locked_again_and_again_is_one_alert_and_our_probe_tries_nothing() {
    let mut logs = Logs::new();
    let mut iis = LogFile::iis("date time cs-username c-ip cs-uri-stem sc-status sc-win32-status");
    let ews = LogFile::ews(EwsVersion::Exchange2016, &logs.at()).text;
    fs::write(logs.path().join("ews/Ews_2026112807-1.LOG"), ews).unwrap();
    let mut sign_in = |logs: &Logs, status: &str, win32: &str| {
        let at = logs.now.datetime();
        iis.row(&[
            ("date", &at.format("%Y-%m-%d").to_string()),
            ("time", &at.format("%H:%M:%S").to_string()),
            ("cs-username", "CORP\\svc-sfsync"),
            ("cs-uri-stem", "/EWS/Exchange.asmx"),
            ("sc-status", status),
            ("sc-win32-status", win32),
        ]);
        fs::write(logs.path().join("iis/u_ex261128.log"), &iis.text).unwrap();
    };
    // What comes back soon is the same trouble, and wakes nobody a second time.
    for (round, severity) in [Severity::Critical, Severity::Warning].into_iter().enumerate() {
        let locked = [("LightningSyncExchangeSignInRefused", severity)];
        sign_in(&logs, "200", "0");
        assert_eq!(logs.poll().await, [], "{round}");
        for _ in 0..3 {
            sign_in(&logs, "401", "1909");
        }
        assert_eq!(logs.poll().await, locked, "{round}");
        // Salesforce pauses: that is no success.
        assert_eq!(logs.poll().await, locked, "{round}");
    }
    let mut world = World::of(3).await;
    world.poll().await;
    world.exchange.change(|org| org.scene = Scene::LockedOut);
    world.exchange.take_seen();
    for _ in 0..2 {
        world.poll().await;
    }
    assert_eq!(world.sign_ins(), 2);
    for _ in 0..10 {
        world.poll().await;
    }
    assert_eq!(world.sign_ins(), 0, "who is suspended locks nothing again");
}
