//! A served site of two organisations whose ingest notes what it gets.

use bytes::Bytes;
use enum_map::EnumMap;
use lightning_sync_exporter::config::changed_policy;
use lightning_sync_exporter::domain::external_url::ExternalUrl;
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::OrgPolicy;
use lightning_sync_exporter::domain::readings::{OrgReadings, Reading};
use lightning_sync_exporter::domain::rhythm::FeedDelay;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::{UserEntry, UserReadings, UserSummary, UserTable};
use lightning_sync_exporter::domain::view::{ActivityFigures, OrgView, View};
use lightning_sync_exporter::events::{Event, EventSink, Events};
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::store::History;
use lightning_sync_exporter::web::Server;
use lightning_sync_exporter::web::negotiate::{Encoding, ExpositionFormat};
use lightning_sync_exporter::web::problem::{Problem, ProblemReason};
use lightning_sync_exporter::web::services::{
    Access, BoxFuture, Ingest, IngestReceipt, IngestRequest, ServerOptions, Services, Understood,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Sunday 2026-11-22, 14:00 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_356_000);
pub(super) const ORIGIN: &str = "https://acme.lightning.force.com";

/// The instant so many minutes before [`NOW`].
pub(super) fn minutes_ago(minutes: i64) -> Timestamp {
    NOW.minus(chrono::TimeDelta::minutes(minutes))
}

/// What the served site got and said.
#[derive(Default)]
pub(crate) struct Seen {
    pub(super) pushed: Mutex<Vec<IngestRequest>>,
    pub(super) refused: Mutex<Vec<(String, &'static str)>>,
    pub(super) scraped: Mutex<Vec<(ExpositionFormat, Encoding)>>,
}

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(super) seen: Arc<Seen>,
    /// Requests with `?hold` wait here.
    pub(super) gate: Arc<Semaphore>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(super) struct Setting {
    pub(super) view: View,
    pub(super) now: Timestamp,
    pub(super) reload: Result<(), String>,
    /// The metrics page: a piece so many times.
    pub(super) page: (&'static [u8], usize),
    /// The past that charts and changes are read from.
    pub(super) history: Option<Arc<dyn History>>,
    pub(super) external_url: Option<ExternalUrl>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            view: view(),
            now: NOW,
            reload: Ok(()),
            page: (b"up 1\n", 2),
            history: None,
            external_url: None,
        }
    }
}

impl Site {
    /// Serves the usual setting.
    pub(super) fn start() -> Self {
        Self::with(Setting::default())
    }

    pub(super) fn with(setting: Setting) -> Self {
        let seen = Arc::new(Seen::default());
        let gate = Arc::new(Semaphore::new(0));
        let services = services(setting, &seen, &gate);
        Self::serve(services, seen, gate)
    }

    fn serve(services: Services, seen: Arc<Seen>, gate: Arc<Semaphore>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let options = ServerOptions { lifecycle: true, ..ServerOptions::default() };
                let any = [SocketAddr::from(([127, 0, 0, 1], 0))];
                let server = Server::bind(&any, options, services).unwrap();
                tell.send(server.local_addrs()[0]).unwrap();
                server
                    .serve(async {
                        stopped.await.ok();
                    })
                    .await;
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        Self { address: told.recv().unwrap(), seen, gate, stop: Some(stop), thread: Some(thread) }
    }

    /// Tells the server to end.
    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has ended.
    pub(super) fn wait(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Serves, to everybody, what `shown` gives at each request.
pub(crate) fn serving(shown: impl Fn() -> (Arc<View>, Timestamp) + Send + Sync + 'static) -> Site {
    let shown = Arc::new(shown);
    let (seen, gate) = (Arc::new(Seen::default()), Arc::new(Semaphore::new(0)));
    let view = Arc::clone(&shown);
    let services = Services {
        view: Arc::new(move || view().0),
        now: Arc::new(move || shown().1),
        access: Arc::new(|_| Some(Arc::new(Access { token: None, allowed_origins: Vec::new() }))),
        ..services(Setting::default(), &seen, &gate)
    };
    Site::serve(services, seen, gate)
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.gate.add_permits(1000);
    }
}

impl EventSink for Seen {
    fn count(&self, event: &Event) {
        if let Event::IngestRejected { org, reason, .. } = event {
            self.refused.lock().unwrap().push((org.clone(), reason));
        }
    }
}

struct Takes {
    seen: Arc<Seen>,
    gate: Arc<Semaphore>,
}

impl Ingest for Takes {
    fn take(&self, request: IngestRequest) -> BoxFuture<Result<IngestReceipt, Problem>> {
        let (seen, gate) = (Arc::clone(&self.seen), Arc::clone(&self.gate));
        Box::pin(async move {
            let hold = request.query.iter().any(|(key, _)| key == "hold");
            let bytes = request.body.len();
            let said = String::from_utf8_lossy(&request.body[..bytes.min(4096)]).into_owned();
            seen.pushed.lock().unwrap().push(request);
            if hold {
                gate.acquire().await.unwrap().forget();
            }
            if said.contains("a full disk") {
                return Err(Problem::new(ProblemReason::StoreFailing, "The disk is full."));
            }
            let accepted = u64::from(!said.contains("nothing new"));
            Ok(IngestReceipt { accepted, duplicates: bytes as u64, ..IngestReceipt::default() })
        })
    }

    fn understand(&self, request: IngestRequest) -> BoxFuture<Result<Understood, Problem>> {
        Box::pin(async move {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            if text.contains("broken") {
                return Err(Problem::new(ProblemReason::Incomplete, text));
            }
            let snapshot = Snapshot {
                org: request.org,
                source: Source::Snapshot,
                captured_at: NOW,
                rows: vec![
                    (OrgRow::ServiceAccountProvided, OrgValue::Account(Some(text.into()))),
                    (
                        OrgRow::LastSync(ObjectType::Contacts),
                        OrgValue::Instant(minutes_ago(26 * 60)),
                    ),
                ],
                users: Vec::new(),
                users_complete: false,
            };
            let json = "{\"captured_at\":\"2026-11-22T14:00:00Z\"}".to_owned();
            Ok(Understood { snapshot, json })
        })
    }
}

fn services(setting: Setting, seen: &Arc<Seen>, gate: &Arc<Semaphore>) -> Services {
    let Setting { view, now, reload, page, history, external_url } = setting;
    let external_url = external_url.map(Arc::new);
    let view = Arc::new(view);
    let access: BTreeMap<&str, Arc<Access>> = BTreeMap::from([
        ("acme", Arc::new(Access { token: None, allowed_origins: vec![ORIGIN.to_owned()] })),
        (
            "beta",
            Arc::new(Access {
                token: Secret::from_file_text("beta-token"),
                allowed_origins: Vec::new(),
            }),
        ),
    ]);
    Services {
        view: Arc::new(move || Arc::clone(&view)),
        now: Arc::new(move || now),
        metrics: Arc::new({
            let seen = Arc::clone(seen);
            move |format, encoding, _| {
                seen.scraped.lock().unwrap().push((format, encoding));
                Box::new(std::iter::repeat_n(Bytes::from_static(page.0), page.1))
            }
        }),
        changed_policy: Arc::new(|policy, changes| {
            changed_policy(policy, changes).map_err(|error| error.to_string())
        }),
        ingest: Arc::new(Takes { seen: Arc::clone(seen), gate: Arc::clone(gate) }),
        history,
        reload: Arc::new(move || {
            let reload = reload.clone();
            Box::pin(async move { reload })
        }),
        access: Arc::new(move |org| access.get(org.as_str()).cloned()),
        external_url: Arc::new(move || external_url.clone()),
        auth: Arc::new(Arc::default),
        events: Events::new(Arc::clone(seen) as Arc<dyn EventSink>),
    }
}

/// acme: the account is not recognised since 02:10 by a page read 6 minutes ago, contacts stand since 26 hours,
/// events counted by a feed. beta: nobody has said anything.
pub(super) fn view() -> View {
    View {
        orgs: vec![
            Arc::new(acme()),
            Arc::new(org("beta", OrgReadings::default(), EnumMap::default())),
        ],
        ..View::empty(NOW)
    }
}

fn org(
    name: &str,
    readings: OrgReadings,
    last_report: EnumMap<Source, Option<Timestamp>>,
) -> OrgView {
    let policy = OrgPolicy::defaults(OrgName::new(name).unwrap());
    OrgView {
        id: OrgId(1),
        known_since: minutes_ago(10),
        readings: Arc::new(readings),
        last_report,
        activity: EnumMap::default(),
        usual: None,
        feed_delay: FeedDelay::default(),
        users: Arc::default(),
        summary: Arc::default(),
        open_hours: policy.calendar.lay_out(NOW),
        source_states: Arc::default(),
        incidents: Arc::default(),
        caught_up_at: Timestamp::MIN,
        policy: Arc::new(policy),
    }
}

fn acme() -> OrgView {
    let mut readings = OrgReadings::default();
    for (row, value, changed_at) in [
        (OrgRow::ServiceAccountRecognized, OrgValue::Flag(false), minutes_ago(710)),
        (
            OrgRow::ServiceAccountProvided,
            OrgValue::Account(Some("svc-sfsync@corp.example".into())),
            minutes_ago(6),
        ),
        (
            OrgRow::LastSync(ObjectType::Contacts),
            OrgValue::Instant(minutes_ago(26 * 60)),
            minutes_ago(6),
        ),
        (OrgRow::Synced24h(ObjectType::Contacts), OrgValue::Count(0), minutes_ago(6)),
    ] {
        let reading = Reading { value, observed_at: minutes_ago(6), changed_at };
        readings.put(row, Source::Snapshot, reading);
    }
    // Salesforce has not spoken for a day, so what only it said is held.
    let held = Reading {
        value: OrgValue::Flag(true),
        observed_at: minutes_ago(1440),
        changed_at: minutes_ago(2880),
    };
    readings.put(OrgRow::OutlookIntegration, Source::Salesforce, held);
    let mut last_report = EnumMap::default();
    last_report[Source::Snapshot] = Some(minutes_ago(6));
    last_report[Source::Salesforce] = Some(minutes_ago(1440));
    last_report[Source::Activity] = Some(minutes_ago(1));
    let mut acme = org("acme", readings, last_report);
    acme.known_since = minutes_ago(60 * 24 * 30);
    acme.activity[ObjectType::Events] = ActivityFigures {
        synced_60m: 0,
        synced_24h: 61,
        failed_24h: 0,
        last_synced: Some(minutes_ago(90)),
        covered_since: Some(minutes_ago(60 * 24 * 3)),
    };
    let users: Vec<UserEntry> = (0..5).map(user).collect();
    let table = UserTable { users, complete: true };
    let live = acme.live(NOW);
    acme.summary = Arc::new(UserSummary::of(&table, &acme.policy, &live, NOW));
    acme.users = Arc::new(table);
    acme
}

/// User 0 is not recognised by the account; of user 4 nothing is known but the name. Pseudonyms run against names.
fn user(number: u8) -> UserEntry {
    let mut cells = UserReadings::default();
    if number < 4 {
        let recognised = if number == 0 { Status::No } else { Status::Yes };
        for (row, value) in [
            (UserRow::ActiveConfiguration, Status::Yes.into()),
            (UserRow::ServiceAccount, recognised.into()),
            (UserRow::ContactsRecords, UserValue::Records(312)),
        ] {
            cells.take(row, value, minutes_ago(6));
        }
    }
    UserEntry {
        name: UserName::new(&format!("user{number}@corp.example")).unwrap(),
        pseudonym: format!("{:04x}", 0xf000 - u16::from(number)).into(),
        readings: Arc::new([(Source::Snapshot, cells)]),
    }
}

/// A second server at an address.
pub(super) fn bind_again(
    address: SocketAddr,
    options: ServerOptions,
) -> Result<Server, lightning_sync_exporter::web::BindError> {
    let (seen, gate) = (Arc::new(Seen::default()), Arc::new(Semaphore::new(0)));
    let services = services(Setting::default(), &seen, &gate);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    Server::bind(&[address], options, services)
}
