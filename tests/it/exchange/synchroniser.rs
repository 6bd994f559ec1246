//! The simulated sync between the simulated Salesforce and the simulated Exchange: what it brings over when, what each of
//! its faults does, and that the logs of Exchange say the same.

use super::others::{python, schemas};
use chrono::TimeDelta;
use enum_map::enum_map;
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::domain::exchange_log::{ExchangeCalls, SignInRefusal};
use lightning_sync_exporter::domain::ids::{Direction, ObjectType, OrgId, OrgName, UserName};
use lightning_sync_exporter::domain::policy::OrgPolicy;
use lightning_sync_exporter::domain::probe::ProbeStep;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::http_client::{Authorities, Endpoint, Trust};
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::exchange::{
    EwsSettings, ExchangeAuth, ExchangeSettings, ExchangeSource, ProbedMailbox,
};
use lightning_sync_exporter::sources::exchange_log::columns::LogKind;
use lightning_sync_exporter::sources::exchange_log::{
    ExchangeLogSettings, ExchangeLogSource, LogServer, SyncAccount,
};
use lightning_sync_exporter::sources::polling::PollSettings;
use lightning_sync_sim::simulator::exchange::{
    Exchange, ExchangeItem, ExchangeMailbox, ExchangeOrg, ItemFolder, ServerLogs, WrittenLog,
};
use lightning_sync_sim::simulator::salesforce::{
    EventClass, Person, Salesforce, SalesforceRecord, SimulatedOrg,
};
use lightning_sync_sim::simulator::synchroniser::{
    CONTACTS_FOLDER, LivingOrg, Office, SALESFORCE_AGENT, SlowNight, SyncFault, SyncSettings,
    SyncTarget, SyncUser, Synchroniser,
};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const APP: &str = "app";
const ACCOUNT: &str = "CORP\\svc-sfsync";
const ANN: &str = "ann@corp.example";
const BOB: &str = "bob@corp.example";

struct Living {
    directory: tempfile::TempDir,
    salesforce: Arc<Salesforce>,
    exchange: Exchange,
    sync: Synchroniser,
    logs: ServerLogs,
    clock: Arc<AtomicI64>,
}

impl Living {
    async fn new(settings: SyncSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let reads = Arc::clone(&clock);
        let now = move || Timestamp::from_nanos(reads.load(Ordering::Relaxed));
        let logs = ServerLogs::new(directory.path(), "EX01", Arc::new(now.clone())).unwrap();
        let org = SimulatedOrg::healthy(APP, "secret", vec![Person::healthy(ANN)]);
        let salesforce = Arc::new(Salesforce::start(vec![org], Arc::new(now)).await.unwrap());
        let mailboxes = [ANN, BOB].map(ExchangeMailbox::empty).to_vec();
        let mut org = ExchangeOrg::healthy(ACCOUNT, "secret", mailboxes);
        org.logs = Some(logs.clone());
        let exchange = Exchange::start(org, "localhost", None).await.unwrap();
        let target = SyncTarget {
            address: exchange.address(),
            host: "localhost".to_owned(),
            tls: None,
            username: ACCOUNT.to_owned(),
            password: "secret".to_owned(),
            agent: SALESFORCE_AGENT,
        };
        let sync = Synchroniser::new(
            OrgName::new("acme").unwrap(),
            Arc::clone(&salesforce),
            APP,
            target,
            users(),
            settings,
        );
        let living = Self { directory, salesforce, exchange, sync, logs, clock };
        living.set("2026-11-28T08:00:00Z");
        living
    }

    fn set(&self, at: &str) {
        let at = at.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        self.clock.store(at.timestamp_nanos_opt().unwrap(), Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.clock.load(Ordering::Relaxed))
    }

    /// A step after so many seconds; what was synced, by object and direction.
    async fn after(&mut self, seconds: i64) -> Vec<(ObjectType, Direction)> {
        let now = self.now().plus(TimeDelta::seconds(seconds));
        self.clock.store(now.nanos(), Ordering::Relaxed);
        let synced = self.sync.step(now).await;
        assert!(synced.iter().all(|record| record.at == now));
        synced.into_iter().map(|record| (record.object_type, record.direction)).collect()
    }

    fn write_salesforce(&self, record: SalesforceRecord) -> String {
        let mut id = String::new();
        self.salesforce.change(APP, |org| id = org.put_record(record));
        id
    }

    fn write_exchange(&self, item: ExchangeItem) -> String {
        let mut id = String::new();
        self.exchange.change(|org| id = org.mailbox(ANN).unwrap().put(item));
        id
    }

    fn items(&self) -> Vec<ExchangeItem> {
        let mut items = Vec::new();
        self.exchange.change(|org| items.clone_from(&org.mailbox(ANN).unwrap().items));
        items
    }

    fn records(&self) -> Vec<SalesforceRecord> {
        let mut records = Vec::new();
        self.salesforce.change(APP, |org| records.clone_from(&org.records));
        records
    }

    fn page(&self) -> (Vec<(OrgRow, OrgValue)>, Option<u32>) {
        let page = self.sync.page(self.now());
        let ann = page.users.iter().find(|(name, _)| name.as_str() == ANN).unwrap();
        let records = ann.1.iter().find_map(|(row, value)| match value {
            UserValue::Records(records) if *row == UserRow::ContactsRecords => Some(*records),
            UserValue::Status(_) | UserValue::Records(_) => None,
        });
        (page.rows, records)
    }

    /// What the reader of the logs makes of what was written.
    async fn calls(&self) -> ExchangeCalls {
        let settings = ExchangeLogSettings {
            account: SyncAccount { names: vec![ACCOUNT.to_owned()], ..SyncAccount::default() },
            servers: vec![LogServer {
                name: "EX01".to_owned(),
                directories: enum_map! {
                    LogKind::Ews => Some(self.logs.folder(WrittenLog::Ews)),
                    LogKind::HttpProxy => Some(self.logs.folder(WrittenLog::HttpProxy)),
                    LogKind::Iis => Some(self.logs.folder(WrittenLog::Iis)),
                },
            }],
            poll_every: ExchangeLogSettings::POLL_EVERY,
            no_calls_after: ExchangeLogSettings::NO_CALLS_AFTER,
        };
        let org = OrgName::new("acme").unwrap();
        let view = OrgView::new(
            OrgId(1),
            Arc::new(OrgPolicy::defaults(org.clone())),
            self.now(),
            self.now(),
        );
        let source = ExchangeLogSource { org, settings: Arc::new(settings) };
        let outcome = source.start().poll(self.now(), &view).await;
        assert!(outcome.snapshot.is_ok());
        (*outcome.facts.exchange_calls.unwrap()).clone()
    }
}

fn users() -> Vec<SyncUser> {
    [ANN, BOB]
        .map(|mailbox| SyncUser {
            name: UserName::new(mailbox).unwrap(),
            mailbox: mailbox.to_owned(),
        })
        .to_vec()
}

fn contact(subject: &str) -> SalesforceRecord {
    SalesforceRecord::new(ObjectType::Contacts, ANN, subject)
}

fn event(subject: &str, class: EventClass) -> SalesforceRecord {
    let at = Timestamp::from_seconds(1_796_000_000);
    let record = SalesforceRecord::new(ObjectType::Events, ANN, subject);
    SalesforceRecord { times: Some((at, at.plus(TimeDelta::minutes(30)))), class, ..record }
}

fn contact_item(subject: &str) -> ExchangeItem {
    ExchangeItem::new(ItemFolder::Own(CONTACTS_FOLDER.to_owned()), subject)
}

const OUT: (ObjectType, Direction) = (ObjectType::Contacts, Direction::ToExchange);
const IN: (ObjectType, Direction) = (ObjectType::Contacts, Direction::ToSalesforce);

#[tokio::test]
async fn what_is_written_on_one_side_is_on_the_other_after_the_delay_and_not_before() {
    let mut living = Living::new(SyncSettings::HEALTHY).await;
    let mut record = event("Visit <A&B>", EventClass::Plain);
    record.text = "canary 17 & more".to_owned();
    let visit = living.write_salesforce(record.clone());
    living.write_salesforce(contact("Cora \"C\" O'Hara"));
    let mut written = contact_item("Dan");
    written.properties.insert("canary".to_owned(), "mark-1".to_owned());
    let dan = living.write_exchange(written);
    assert_eq!(living.after(0).await, []);
    assert_eq!(living.after(29).await, []);
    let synced = living.after(1).await;
    assert_eq!(synced, [OUT, IN, (ObjectType::Events, Direction::ToExchange)]);
    let items = living.items();
    let item = items.iter().find(|item| item.subject == "Visit <A&B>").unwrap();
    assert_eq!(item.folder, ItemFolder::Calendar);
    assert_eq!((item.text.as_str(), item.times), ("canary 17 & more", record.times));
    assert_eq!(item.properties["SalesforceId"], visit);
    let cora = items.iter().find(|item| item.subject == "Cora \"C\" O'Hara").unwrap();
    assert_eq!(cora.folder, ItemFolder::Own(CONTACTS_FOLDER.to_owned()));
    // What another program marked stays marked.
    let dan_item = items.iter().find(|item| item.id == dan).unwrap();
    assert_eq!(dan_item.properties["canary"], "mark-1");
    assert!(living.records().iter().any(|record| record.subject == "Dan"));
    // Once is enough.
    assert_eq!(living.after(600).await, []);
    let (rows, in_sync) = living.page();
    assert_eq!(in_sync, Some(2));
    assert!(rows.contains(&(OrgRow::Synced60m(ObjectType::Contacts), OrgValue::Count(2))));
    assert!(rows.contains(&(OrgRow::ServiceAccountRecognized, OrgValue::Flag(true))));

    living.exchange.change(|org| {
        org.mailbox(ANN).unwrap().edit(&dan, |item| item.subject = "Daniel".to_owned());
    });
    living.salesforce.change(APP, |org| {
        org.edit_record(&visit, |record| record.subject = "Visit moved".to_owned()).unwrap();
    });
    assert_eq!(living.after(0).await, []);
    assert_eq!(living.after(30).await, [IN, (ObjectType::Events, Direction::ToExchange)]);
    assert!(living.items().iter().any(|item| item.subject == "Visit moved"));
    assert!(living.records().iter().any(|record| record.subject == "Daniel"));

    living.exchange.change(|org| assert!(org.mailbox(ANN).unwrap().remove(&dan)));
    living.salesforce.change(APP, |org| assert!(org.remove_record(&visit)));
    living.after(0).await;
    assert_eq!(living.after(30).await, [IN, (ObjectType::Events, Direction::ToExchange)]);
    assert_eq!(living.records().len(), 1);
    assert_eq!(living.items().len(), 1);
    assert_eq!(living.page().1, Some(1));
}

#[tokio::test]
async fn one_direction_or_one_class_of_events_is_left_out_and_the_rest_goes_on() {
    let dropped = SyncSettings { dropped: Some(Direction::ToSalesforce), ..SyncSettings::HEALTHY };
    let mut living = Living::new(dropped).await;
    living.write_salesforce(contact("Cora"));
    living.write_exchange(contact_item("Dan"));
    living.after(0).await;
    assert_eq!(living.after(3_600).await, [OUT]);
    assert_eq!((living.items().len(), living.records().len()), (2, 1));
    // It waits no longer once the direction works again.
    living.sync.settings.dropped = None;
    living.after(0).await;
    assert_eq!(living.after(30).await, [IN]);

    let class = Some(EventClass::OfCustomObject);
    let mut living =
        Living::new(SyncSettings { dropped_class: class, ..SyncSettings::HEALTHY }).await;
    living.write_salesforce(event("Plain", EventClass::Plain));
    living.write_salesforce(event("Of a custom object", EventClass::OfCustomObject));
    living.after(0).await;
    assert_eq!(living.after(3_600).await.len(), 1);
    assert_eq!(living.items()[0].subject, "Plain");
}

#[tokio::test]
async fn duplicates_lost_deletions_slow_nights_and_a_stop() {
    let mut living = Living::new(SyncSettings::HEALTHY).await;
    for name in ["Cora", "Dan", "Eve"] {
        living.write_salesforce(contact(name));
    }
    let gone = living.write_salesforce(contact("Gone"));
    living.after(0).await;
    assert_eq!(living.after(30).await.len(), 4);
    living.sync.settings.duplicates = true;
    living.after(60).await;
    assert_eq!(living.items().len(), 8);
    // A copy is neither brought back nor copied again, and Salesforce counts what it has.
    assert_eq!(living.after(3_600).await, []);
    assert_eq!((living.items().len(), living.records().len(), living.page().1), (8, 4, Some(4)));

    living.sync.settings.loses_deletions = true;
    living.salesforce.change(APP, |org| assert!(org.remove_record(&gone)));
    living.after(0).await;
    assert_eq!(living.after(3_600).await, []);
    assert_eq!(living.items().iter().filter(|item| item.subject == "Gone").count(), 2);

    let delay = TimeDelta::hours(3);
    living.sync.settings = SyncSettings {
        slow_night: Some(SlowNight { from: 22, to: 5, delay }),
        ..SyncSettings::HEALTHY
    };
    living.set("2026-11-28T23:00:00Z");
    living.after(0).await;
    living.write_salesforce(contact("Late"));
    living.after(60).await;
    assert_eq!(living.after(10_000).await, []);
    // What was lost once stays lost, with a sync that is well again.
    assert_eq!(living.after(800).await, [OUT]);

    living.sync.settings.stopped = true;
    living.write_salesforce(contact("Never"));
    living.after(0).await;
    living.exchange.take_seen();
    assert_eq!(living.after(86_400).await, []);
    assert!(living.exchange.take_seen().is_empty(), "nobody calls");
}

#[tokio::test]
async fn the_logs_of_exchange_have_its_calls_and_why_it_is_refused() {
    let mut living = Living::new(SyncSettings::HEALTHY).await;
    living.write_salesforce(contact("Cora"));
    living.after(0).await;
    living.after(30).await;
    let written = living.now();
    living.after(300).await;
    let calls = living.calls().await;
    let near = |at: Option<Timestamp>, expected: Timestamp| {
        at.is_some_and(|at| expected.since(at).num_seconds().abs() <= 60)
    };
    assert!(near(calls.last_write, written), "{:?}", calls.last_write);
    assert!(near(calls.last_call, living.now()), "{:?}", calls.last_call);
    assert_eq!(calls.writes, [1, 1]);
    assert_eq!(calls.mailboxes.len(), 2);
    assert!(calls.refused.is_none() && calls.reaches(living.now()));

    living.sync.retarget(|target| target.password = "of yesterday".to_owned());
    for _ in 0..3 {
        living.after(300).await;
    }
    let refused = living.calls().await.refused.unwrap();
    assert_eq!(refused.reason, SignInRefusal::WrongPassword);
    let recognized = (OrgRow::ServiceAccountRecognized, OrgValue::Flag(false));
    assert!(living.page().0.contains(&recognized));
    // A server that nobody calls goes on to log itself.
    living.sync.settings.stopped = true;
    living.set("2026-11-28T20:00:00Z");
    living.logs.idle();
    let calls = living.calls().await;
    assert_eq!(calls.no_calls(living.now()), Some(true));
}

#[tokio::test]
async fn people_at_work_fill_both_sides_and_every_text_is_as_the_schemas_have_it() {
    let mut living = Living::new(SyncSettings::HEALTHY).await;
    let mut office = Office::new(APP, users(), living.now());
    let mut synced = 0;
    for _ in 0..200 {
        living.clock.fetch_add(1_800_000_000_000, Ordering::Relaxed);
        office.work(&living.salesforce, &living.exchange, living.now());
        synced += living.after(0).await.len() + living.after(60).await.len();
    }
    assert!(synced > 150, "{synced}");
    let texts = living.directory.path().join("texts");
    std::fs::create_dir(&texts).unwrap();
    let mut names = String::new();
    let mut operations = std::collections::BTreeMap::<String, u32>::new();
    for (number, seen) in living.exchange.take_seen().iter().enumerate() {
        let operation = seen.body.split("soap:Body><m:").nth(1).unwrap();
        let operation = operation.split([' ', '>']).next().unwrap();
        let times = operations.entry(operation.to_owned()).or_default();
        *times += 1;
        if *times > 15 {
            continue;
        }
        for (kind, text) in [("request", &seen.body), ("answer", &seen.answer)] {
            let file = texts.join(format!("{number}-{kind}.xml"));
            std::fs::write(&file, text).unwrap();
            writeln!(names, "{}", file.display()).unwrap();
        }
    }
    let seen: Vec<&str> = operations.keys().map(String::as_str).collect();
    let all = ["CreateItem", "DeleteItem", "FindFolder", "FindItem", "GetItem", "UpdateItem"];
    assert_eq!(seen, all);
    let list = texts.join("list");
    std::fs::write(&list, names).unwrap();
    let mut check = python("check_schema.py");
    check.arg(schemas()).arg(&list);
    let output = tokio::task::spawn_blocking(move || check.output()).await.unwrap().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}{}", String::from_utf8_lossy(&output.stderr));
}

/// Where a probe sees a fault, the way that the demonstration probes.
#[tokio::test]
async fn every_fault_of_a_living_organisation_shows_where_it_is_and_nowhere_else() {
    for fault in SyncFault::ALL {
        let directory = tempfile::tempdir().unwrap();
        let name = OrgName::new("vandelay").unwrap();
        let at = now();
        let since = at.minus(TimeDelta::hours(3));
        let mut org = LivingOrg::start(name.clone(), 4, directory.path(), since).await.unwrap();
        let before = org.live(at.minus(TimeDelta::hours(2))).await.len();
        assert!(before >= 36, "everybody's first contacts: {before}");
        org.break_down(*fault).unwrap();
        org.live(at).await;
        let ca_file = directory.path().join("ca.pem");
        std::fs::write(&ca_file, org.certificate_pem()).unwrap();
        let url = org.ews_url();
        let users = org.users().iter();
        let settings = ExchangeSettings {
            ews: Some(EwsSettings {
                host: Endpoint::new(url.strip_suffix(EwsSettings::PATH).unwrap()).unwrap(),
                path: EwsSettings::PATH.to_owned(),
                auth: ExchangeAuth::Basic {
                    username: LivingOrg::ACCOUNT.0.to_owned(),
                    password: Secret::from_file_text(LivingOrg::ACCOUNT.1).unwrap(),
                },
                impersonate: true,
                autodiscover: true,
            }),
            graph: None,
            ews_retirement: None,
            authorities: Some(Authorities::from_file(&ca_file).unwrap()),
            mailboxes: users
                .map(|it| ProbedMailbox { address: it.mailbox.clone(), user: it.name.clone() })
                .collect(),
            poll_every: ExchangeSettings::POLL_EVERY,
            contacts_folder: ExchangeSettings::CONTACTS_FOLDER.to_owned(),
            limits: ExchangeSettings::LIMITS,
        };
        let policy = Arc::new(OrgPolicy::defaults(name));
        let view = OrgView::new(OrgId(1), Arc::clone(&policy), at, at);
        let source =
            ExchangeSource { policy, settings: Arc::new(settings), trust: Trust::of_nobody() };
        let mut poller = source.start();
        let mut outcome = None;
        // What may pass is believed when it lasts.
        for minutes in [0, 5, 10] {
            outcome = Some(poller.poll(at.plus(TimeDelta::minutes(minutes)), &view).await);
        }
        let outcome = outcome.unwrap();
        let probe = outcome.facts.probe.unwrap();
        let broken = probe.broken().map(|(step, found)| (step, found.reason.unwrap()));
        let expected = match fault {
            SyncFault::ServerDown => Some((ProbeStep::Tcp, "connect_failed")),
            SyncFault::PoolDown => Some((ProbeStep::Http, "service_unavailable")),
            SyncFault::CertificateExpired => Some((ProbeStep::Tls, "certificate_expired")),
            SyncFault::PasswordExpired => Some((ProbeStep::Auth, "sign_in_refused")),
            SyncFault::LockedOut => Some((ProbeStep::Auth, "account_locked")),
            SyncFault::ImpersonationRefused => {
                Some((ProbeStep::Impersonation, "impersonation_denied"))
            }
            SyncFault::FolderDeleted => Some((ProbeStep::ContactsFolder, "folder_deleted")),
            SyncFault::MailboxTooOld => Some((ProbeStep::Version, "version_unsupported")),
            SyncFault::EwsOff => Some((ProbeStep::Auth, "ews_disabled")),
            // The daemon is given another name, Exchange is busy for a while, or the sync alone is broken.
            SyncFault::Nothing
            | SyncFault::NameUnknown
            | SyncFault::CertificateEnding
            | SyncFault::Throttled
            | SyncFault::TwoWriters
            | SyncFault::OldPassword
            | SyncFault::Stopped
            | SyncFault::OneDirection
            | SyncFault::OneClass
            | SyncFault::Duplicates
            | SyncFault::LostDeletions
            | SyncFault::SlowNights => None,
        };
        assert_eq!(broken, expected, "{fault}");
        assert_eq!(probe.throttled_until.is_some(), *fault == SyncFault::Throttled, "{fault}");
        let ends = probe.certificate_ends.map_or(0, |ends| ends.since(at).num_days());
        assert_eq!((1..20).contains(&ends), *fault == SyncFault::CertificateEnding, "{fault}");
        let page = org.page();
        let shown = |row: OrgRow| page.rows.iter().find(|it| it.0 == row).map(|it| it.1.clone());
        let refused = [SyncFault::PasswordExpired, SyncFault::LockedOut, SyncFault::OldPassword];
        assert_eq!(
            shown(OrgRow::ServiceAccountRecognized),
            Some(OrgValue::Flag(!refused.contains(fault))),
            "{fault}"
        );
        let records = |values: &[(UserRow, UserValue)]| {
            values.iter().find_map(|(row, value)| match value {
                UserValue::Records(records) if *row == UserRow::ContactsRecords => Some(*records),
                UserValue::Records(_) | UserValue::Status(_) => None,
            })
        };
        if probe.broken().is_none() && *fault != SyncFault::Throttled {
            let counted = outcome.snapshot.unwrap().unwrap().users;
            let doubled = counted.iter().zip(&page.users).all(|(exchange, salesforce)| {
                let (ours, theirs) = (records(&exchange.1), records(&salesforce.1));
                assert_eq!(exchange.0, salesforce.0);
                // What came a moment ago is not doubled yet.
                10 * ours.unwrap() >= 17 * theirs.unwrap()
            });
            assert_eq!(doubled, *fault == SyncFault::Duplicates, "{fault}");
        }
    }
}
