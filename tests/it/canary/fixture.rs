//! Both simulators with a sync between them, a canary, and its disk.

use crate::exchange::{python, schemas};
use chrono::TimeDelta;
use enum_map::EnumMap;
use lightning_sync_exporter::domain::canary::{CanaryReport, CanaryState};
use lightning_sync_exporter::domain::ids::{
    Direction, ObjectType, OrgId, OrgName, Source, UserName,
};
use lightning_sync_exporter::domain::policy::OrgPolicy;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::http_client::{Endpoint, Trust};
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::canary::{CanarySettings, CanarySource};
use lightning_sync_exporter::sources::exchange::{EwsSettings, ExchangeAuth, ExchangeSettings};
use lightning_sync_exporter::sources::polling::{PollOutcome, PollSettings, PolledSource};
use lightning_sync_exporter::sources::salesforce::{Auth, SalesforceSettings};
use lightning_sync_sim::simulator::FeederClock;
use lightning_sync_sim::simulator::exchange::{
    Exchange, ExchangeItem, ExchangeMailbox, ExchangeOrg, ExchangeRequest, ItemFolder,
};
use lightning_sync_sim::simulator::salesforce::{
    Person, Salesforce, SalesforceRecord, SimulatedOrg,
};
use lightning_sync_sim::simulator::synchroniser::{
    CONTACTS_FOLDER, SALESFORCE_AGENT, SyncSettings, SyncTarget, SyncUser, Synchroniser,
};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub(super) const APP: &str = "app";
pub(super) const SECRET: &str = "secret";
pub(super) const ACCOUNT: &str = "CORP\\svc-canary";
pub(super) const SYNC_ACCOUNT: &str = "CORP\\svc-sfsync";
pub(super) const COLLEAGUE: &str = "colleague@corp.example";
pub(super) const CANARY: &str = "sync-canary@corp.example";
pub(super) const EVERY: TimeDelta = TimeDelta::minutes(30);

/// What is there before the canary: what looks like its items and is not. Titles, and whether each is an event.
const ALIKE: [(&str, bool); 8] = [
    ("Sync canary", true),
    ("Sync canary 00000000000000000000000000000000", true),
    ("Sync canary 00000000000000000000000000000000", false),
    ("sync canary", false),
    ("Sync canary 0123456789abcdef0123456789abcdef copy", true),
    ("Re: Sync canary 0123456789abcdef0123456789abcdef", true),
    ("Sync canary 0123456789ABCDEF0123456789ABCDEF", false),
    ("Sync canary 0123456789abcdef0123456789abcde", false),
];

/// Both simulators with a sync between them.
pub(super) struct BothSides {
    pub(super) salesforce: Arc<Salesforce>,
    pub(super) exchange: Exchange,
    pub(super) sync: Synchroniser,
}

impl BothSides {
    /// An organisation of the canary and a colleague, with pairs that look like the canary's.
    pub(super) async fn start(org: &str, now: FeederClock) -> Self {
        let people = [CANARY, COLLEAGUE].map(Person::healthy).to_vec();
        let mut simulated = SimulatedOrg::healthy(APP, SECRET, people);
        let mut mailbox = ExchangeMailbox::empty(CANARY);
        for (title, event) in ALIKE {
            let times = event.then(|| (now(), now().plus(TimeDelta::minutes(15))));
            let object = if event { ObjectType::Events } else { ObjectType::Contacts };
            let record = SalesforceRecord::new(object, CANARY, title);
            let id = simulated.put_record(SalesforceRecord { times, ..record });
            let folder = if event {
                ItemFolder::Calendar
            } else {
                ItemFolder::Own(CONTACTS_FOLDER.to_owned())
            };
            let mut item = ExchangeItem { times, ..ExchangeItem::new(folder, title) };
            item.properties.insert("SalesforceId".to_owned(), id);
            mailbox.put(item);
        }
        let colleague = ExchangeMailbox::empty(COLLEAGUE);
        let salesforce =
            Arc::new(Salesforce::start(vec![simulated], Arc::clone(&now)).await.unwrap());
        let mut mail = ExchangeOrg::healthy(SYNC_ACCOUNT, SECRET, vec![mailbox, colleague]);
        mail.others.push((ACCOUNT.to_owned(), SECRET.to_owned()));
        let exchange = Exchange::start(mail, "localhost", None).await.unwrap();
        exchange.set_clock(now);
        let sync = Synchroniser::new(
            OrgName::new(org).unwrap(),
            Arc::clone(&salesforce),
            APP,
            SyncTarget {
                address: exchange.address(),
                host: "localhost".to_owned(),
                tls: None,
                username: SYNC_ACCOUNT.to_owned(),
                password: SECRET.to_owned(),
                agent: SALESFORCE_AGENT,
            },
            vec![SyncUser { name: UserName::new(CANARY).unwrap(), mailbox: CANARY.to_owned() }],
            SyncSettings::HEALTHY,
        );
        Self { salesforce, exchange, sync }
    }

    /// Everything in Salesforce.
    pub(super) fn records(&self) -> Vec<SalesforceRecord> {
        let mut records = Vec::new();
        self.salesforce.change(APP, |org| records.clone_from(&org.records));
        records
    }

    /// Everything in Exchange, with its mailbox.
    pub(super) fn items(&self) -> Vec<(String, ExchangeItem)> {
        let mut items = Vec::new();
        self.exchange.change(|org| {
            for mailbox in &org.mailboxes {
                let own = mailbox.items.iter().map(|it| (mailbox.address.clone(), it.clone()));
                items.extend(own);
            }
        });
        items
    }
}

pub(super) struct Flock {
    pub(super) both: BothSides,
    pub(super) settings: Arc<CanarySettings>,
    source: Option<Box<dyn PolledSource>>,
    pub(super) disk: Option<Vec<u8>>,
    pub(super) report: Option<CanaryReport>,
    clock: Arc<AtomicI64>,
    /// What was there before the canary, by id.
    pub(super) foreign: Vec<String>,
}

impl Flock {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(1_796_000_000_000_000_000));
        let reads = Arc::clone(&clock);
        let now: FeederClock =
            Arc::new(move || Timestamp::from_nanos(reads.load(Ordering::Relaxed)));
        let both = BothSides::start("acme", now).await;
        let settings = Arc::new(settings(&both.salesforce, &both.exchange));
        let mut flock = Self {
            both,
            settings,
            source: None,
            disk: None,
            report: None,
            clock,
            foreign: Vec::new(),
        };
        // The sync finds out that the pairs are pairs.
        for _ in 0..3 {
            flock.minute().await;
        }
        flock.foreign = flock.ids();
        flock
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.clock.load(Ordering::Relaxed))
    }

    /// A minute passes, and the sync runs.
    pub(super) async fn minute(&mut self) {
        self.clock.fetch_add(60_000_000_000, Ordering::Relaxed);
        let now = self.now();
        self.both.sync.step(now).await;
    }

    /// One poll, after which the state is on disk.
    pub(super) async fn poll(&mut self) -> PollOutcome {
        let outcome = self.poll_alone().await;
        self.take(&outcome);
        outcome
    }

    fn take(&mut self, outcome: &PollOutcome) {
        self.report = outcome.facts.canary.as_deref().cloned();
        if let Some(memory) = &outcome.memory {
            self.disk = Some(memory.clone());
        }
    }

    async fn poll_alone(&mut self) -> PollOutcome {
        let now = self.now();
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let mut org = OrgView::new(OrgId(1), Arc::new(policy), now, now);
        if let Some(memory) = &self.disk {
            Arc::make_mut(&mut org.source_states).remember(Source::Canary, memory.clone().into());
        }
        let source =
            CanarySource { settings: Arc::clone(&self.settings), trust: Trust::of_nobody() };
        self.source.get_or_insert_with(|| source.start()).poll(now, &org).await
    }

    pub(super) async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            self.minute().await;
            self.poll().await;
        }
    }

    /// The same with a poll every ten minutes, while the sync runs each minute.
    pub(super) async fn tens_of_minutes(&mut self, count: u32) {
        for _ in 0..count {
            for _ in 0..10 {
                self.minute().await;
            }
            self.poll().await;
        }
    }

    /// The process ends, and another begins.
    pub(super) fn restart(&mut self) {
        self.source = None;
    }

    pub(super) fn states(&self) -> Vec<CanaryState> {
        self.report.as_ref().unwrap().lanes().map(|(.., lane)| lane.state).collect()
    }

    /// The ids of everything on both sides.
    pub(super) fn ids(&self) -> Vec<String> {
        let records = self.both.records().into_iter().map(|it| it.id);
        let items = self.both.items().into_iter().map(|(_, it)| it.id);
        let mut ids: Vec<String> = records.chain(items).collect();
        ids.sort();
        ids
    }

    /// What was there before is there, and nothing else, once no lane writes any more.
    pub(super) async fn is_clean(&mut self) {
        let lanes = EnumMap::default();
        self.settings = Arc::new(CanarySettings { lanes, ..(*self.settings).clone() });
        self.restart();
        self.minutes(100).await;
        assert_eq!(self.ids(), self.foreign);
    }

    /// Every request to Exchange and every answer is as the schemas have it.
    pub(super) async fn texts_are_valid(&self) {
        self.texts_of(&self.both.exchange.take_seen()).await;
    }

    pub(super) async fn texts_of(&self, all: &[ExchangeRequest]) {
        let directory = tempfile::tempdir().unwrap();
        let mut names = String::new();
        for (number, seen) in all.iter().enumerate() {
            for (kind, text) in [("request", &seen.body), ("answer", &seen.answer)] {
                let file = directory.path().join(format!("{number}-{kind}.xml"));
                std::fs::write(&file, text).unwrap();
                writeln!(names, "{}", file.display()).unwrap();
            }
        }
        let list = directory.path().join("list");
        std::fs::write(&list, names).unwrap();
        let mut check = python("check_schema.py");
        check.arg(schemas()).arg(&list);
        let output = tokio::task::spawn_blocking(move || check.output()).await.unwrap().unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{found}{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn settings(salesforce: &Salesforce, exchange: &Exchange) -> CanarySettings {
    let secret = || Secret::from_file_text("secret").unwrap();
    let host = format!("http://{}", salesforce.address());
    CanarySettings {
        every: EVERY,
        poll_every: CanarySettings::polls(EVERY),
        least_allowed: CanarySettings::LEAST_ALLOWED,
        mailbox: CANARY.to_owned(),
        user: CANARY.to_owned(),
        lanes: EnumMap::from_fn(|_: ObjectType| EnumMap::from_fn(|_: Direction| true)),
        related_to: None,
        attendee: None,
        salesforce: Arc::new(SalesforceSettings {
            my_domain: Endpoint::new(&host).unwrap(),
            authorities: None,
            auth: Auth::ClientCredentials { client_id: APP.to_owned(), secret: secret() },
            api_version: SalesforceSettings::API_VERSION,
            poll_every: EVERY,
            api_budget_percent: 80,
            report: None,
            approximate_activity: false,
            read_settings: false,
        }),
        exchange: EwsSettings {
            host: Endpoint::new(&format!("http://{}", exchange.address())).unwrap(),
            path: EwsSettings::PATH.to_owned(),
            auth: ExchangeAuth::Basic { username: ACCOUNT.to_owned(), password: secret() },
            impersonate: true,
            autodiscover: false,
        },
        authorities: None,
        contacts_folder: ExchangeSettings::CONTACTS_FOLDER.to_owned(),
    }
}
