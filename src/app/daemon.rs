//! The daemon: store, engine and server, started in that order and ended in the other.

use super::pages::EnginePages;
use super::pollers::Pollers;
use super::reload::{Reloader, access_table, names, settings};
use super::supervisor::Supervisor;
use super::web_file;
use crate::alerting::Alerting;
use crate::build_info;
use crate::config::{Environment, ValidConfig, changed_policy};
use crate::domain::activity::IdentityKey;
use crate::domain::problem::ProblemReason;
use crate::engine::{
    self, Began, Clock, Engine, EngineEnd, Handle, Promotion, Running, SpawnError,
};
use crate::events::{Events, spawn_restarting};
use crate::metrics::{MetricsPages, SelfMetrics};
use crate::store::{
    self, HeldLease, OpenOptions, PostgresStandby, PostgresStore, SqliteStore, Store,
};
use crate::web::Server;
use crate::web::services::{ServerOptions, Services};
use anyhow::Context as _;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// What the command line says.
#[derive(Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The path of the metrics page.
    pub telemetry_path: String,
    /// Encryption, headers and users of what is served; `None`: plain http for everybody.
    pub web_file: Option<PathBuf>,
    /// Whether a reload over HTTP is taken from this host without a token.
    pub lifecycle: bool,
    /// The hosts that requests may name besides loopback; empty: any.
    pub allowed_hosts: Vec<String>,
    /// The file that a reload reads again.
    pub config_file: Option<PathBuf>,
    /// The environment that it is merged with.
    pub environment: Environment,
    /// The clocks.
    pub clock: Clock,
    /// Who watches over this process.
    pub supervisor: Supervisor,
    /// How many times faster than by the clock alerts go through their rounds: 1; more in tests.
    pub alert_pace: u32,
}

/// What the parts of the daemon share: the way into the engine, what counts and logs, and the clocks.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) engine: Handle,
    pub(super) identity: IdentityKey,
    pub(super) events: Events,
    pub(super) own: Arc<SelfMetrics>,
    pub(super) clock: Clock,
    /// Whether this daemon may act as the one that leads.
    pub(super) lease: HeldLease,
}

/// A daemon that listens.
pub struct Daemon {
    engine: Running,
    server: Server,
    reloader: Arc<Reloader>,
    pages: Arc<EnginePages>,
    promotion: Promotion,
    config: ValidConfig,
    supervisor: Supervisor,
}

impl Daemon {
    /// Opens the store, reads what survived, and listens. Nothing is answered before [`Self::run`].
    ///
    /// # Errors
    /// When a part does not start; what had started ends again.
    pub fn start(config: &ValidConfig, options: Options) -> anyhow::Result<Self> {
        let reasons: Vec<&'static str> =
            ProblemReason::ALL.iter().map(|reason| reason.name()).collect();
        let own = Arc::new(
            SelfMetrics::new(&reasons)
                .context("the metrics of the daemon itself cannot be registered")?,
        );
        own.set_orgs(&names(config));
        let clock = options.clock;
        let now = (clock.wall)();
        own.config_loaded(now);
        let events = Events::new(Arc::clone(&own) as _);
        let auth = match &options.web_file {
            Some(path) => {
                let (events, own) = (events.clone(), Arc::clone(&own));
                let reporter =
                    web_file::ReloadReporter { events, own, now: Arc::clone(&clock.wall) };
                web_file::watch(path, reporter)?
            }
            None => Arc::new(Arc::default),
        };
        let mut lease = HeldLease::default();
        let began = match (&config.store.postgres, &config.store.advertise_url) {
            (None, _) => {
                let store = SqliteStore::open(&config.store.path, OpenOptions::default())?;
                start_engine(store, config, &events, &clock)?
            }
            (Some(dsn), None) => {
                let store = PostgresStore::open(dsn.clone())?;
                start_engine(store, config, &events, &clock)?
            }
            (Some(dsn), Some(url)) => {
                let standby = PostgresStandby::new(dsn.clone(), url.clone());
                lease = standby.lease();
                engine::spawn_standby(standby, settings(config), events.clone(), clock.clone())
                    .map_err(|error| match error {
                        // The exit code depends on it.
                        SpawnError::Store(error) => anyhow::Error::from(error),
                        SpawnError::Thread(error) => error.into(),
                    })?
            }
        };
        let Began { running: engine, identity, known_since, promotion } = began;
        let history = store::open_history(&config.store.path, config.store.postgres.as_ref())?;
        own.set_store_since(known_since);
        own.set_backup_max_age(config.store.backup_max_age);
        own.set_last_backup(database_file(config).and_then(store::last_backup));
        let shared = Shared { engine: engine.handle.clone(), identity, events, own, clock, lease };
        let access = Arc::new(ArcSwap::from_pointee(access_table(config)));
        let external_url = Arc::new(ArcSwapOption::from_pointee(config.external_url.clone()));
        let reloader = Arc::new(Reloader {
            file: options.config_file,
            environment: options.environment,
            store: config.store.path.clone(),
            postgres: config.store.postgres.clone(),
            advertise_url: config.store.advertise_url.clone(),
            access: Arc::clone(&access),
            external_url: Arc::clone(&external_url),
            pollers: Pollers::new(shared.clone()),
            alerting: Alerting::new(
                Arc::new(shared.clone()),
                shared.events.clone(),
                Vec::new(),
                options.alert_pace,
            ),
            shared: shared.clone(),
            turn: Mutex::new(Some(config.clone())),
        });
        let pages = Arc::new(EnginePages {
            pages: MetricsPages::new(Arc::clone(&shared.own)),
            shared: shared.clone(),
        });
        let services = Services {
            view: Arc::new({
                let engine = shared.engine.clone();
                move || engine.view()
            }),
            now: Arc::clone(&shared.clock.wall),
            metrics: Arc::new({
                let pages = Arc::clone(&pages);
                move |format, encoding, now| pages.scrape(format, encoding, now)
            }),
            ingest: Arc::new(shared.clone()),
            history: Some(history),
            changed_policy: Arc::new(|policy, changes| {
                changed_policy(policy, changes).map_err(|error| error.to_string())
            }),
            reload: Arc::new({
                let reloader = Arc::clone(&reloader);
                move || {
                    let reloader = Arc::clone(&reloader);
                    Box::pin(async move { reloader.reload().await })
                }
            }),
            access: Arc::new(move |org| access.load().get(org).cloned()),
            external_url: Arc::new(move || external_url.load_full()),
            auth,
            events: shared.events,
        };
        let server_options = ServerOptions {
            telemetry_path: options.telemetry_path,
            lifecycle: options.lifecycle,
            allowed_hosts: options.allowed_hosts,
            ingest_memory: config.ingest_memory,
        };
        let server = Server::bind(&options.listen, server_options, services)?;
        let (config, supervisor) = (config.clone(), options.supervisor);
        Ok(Self { engine, server, reloader, pages, promotion, config, supervisor })
    }

    /// The addresses, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.local_addrs()
    }

    /// The engine, for whoever runs the daemon within a process of its own.
    pub fn engine(&self) -> Handle {
        self.engine.handle.clone()
    }

    /// Serves until `shutdown` completes, or the engine or the server dies, which is an error. SIGHUP reads the configuration again.
    ///
    /// # Errors
    /// When the engine or the server ended by a defect, or signals cannot be had.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
        let Self { mut engine, server, reloader, pages, promotion, config, supervisor } = self;
        let scheme = server.scheme();
        let file = reloader.file.as_ref().map(|file| file.display().to_string());
        tracing::info!(
            version = build_info::VERSION,
            revision = build_info::REVISION,
            config_file = file.as_deref().unwrap_or("none"),
            "Starting."
        );
        for address in server.local_addrs() {
            tracing::info!(address = %address, "Listening on {scheme}://{address}.");
        }
        let leading = lead_when_promoted(&reloader, promotion).await;
        let database = database_file(&config).map(Path::to_owned);
        drop(config);
        // Before anybody learns that we are ready, so that no signal is lost.
        let hangup = Arc::new(Mutex::new(signal(SignalKind::hangup())?));
        let shared = reloader.shared.clone();
        let reloading = spawn_restarting("reload", shared.events.clone(), {
            let reloader = Arc::clone(&reloader);
            move || {
                let (hangup, reloader) = (Arc::clone(&hangup), Arc::clone(&reloader));
                async move {
                    while hangup.lock().await.recv().await.is_some() {
                        // Success and failure have been logged and counted by then.
                        reloader.reload().await.ok();
                    }
                }
            }
        });
        let preparing = spawn_restarting("page_cache", shared.events.clone(), move || {
            Arc::clone(&pages).prepare()
        });
        let looking = spawn_restarting("backup", shared.events.clone(), {
            let own = Arc::clone(&shared.own);
            move || look_for_backups(database.clone(), Arc::clone(&own))
        });
        let (end, ended) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(server.serve(async move {
            // Either way it is time to end.
            ended.await.ok();
        }));
        let beating = spawn_restarting("watchdog", shared.events.clone(), {
            let supervisor = supervisor.clone();
            move || supervisor.clone().watch(shared.engine.views())
        });
        supervisor.ready();
        let mut over = until_over(shutdown, engine.ended(), &mut serving).await;
        supervisor.stopping();
        beating.abort();
        if let Some(leading) = leading {
            leading.abort();
        }
        // Nothing more is sent, whatever is still answered.
        reloader.alerting.stop();
        reloader.pollers.tasks.stop();
        drop(end);
        // The server first, so that nobody is answered by an engine that is gone.
        if let Some(Err(_)) = serving.join_next().await {
            over = Over::Defect("server");
        }
        reloading.abort();
        preparing.abort();
        looking.abort();
        let sound = tokio::task::spawn_blocking(move || engine.stop())
            .await
            .map_err(std::io::Error::other)?;
        let part = match over {
            Over::Deposed => return Err(std::io::Error::other(DEPOSED)),
            Over::Defect(part) => Some(part),
            Over::Stopped => (!sound).then_some("engine"),
        };
        if let Some(part) = part {
            return Err(std::io::Error::other(format!(
                "the {part} ended by a defect; what was acknowledged is on disk"
            )));
        }
        tracing::info!("Ended; everything acknowledged is on disk.");
        Ok(())
    }
}

/// Polls and sends alerts as soon as this daemon leads: at once, where it does already.
async fn lead_when_promoted(
    reloader: &Arc<Reloader>,
    mut promotion: Promotion,
) -> Option<JoinHandle<()>> {
    if let Ok(alerts) = promotion.try_recv() {
        reloader.lead(alerts).await;
        return None;
    }
    let reloader = Arc::clone(reloader);
    Some(tokio::spawn(async move {
        // An engine that ended is not promoted any more.
        if let Ok(alerts) = promotion.await {
            reloader.lead(alerts).await;
        }
    }))
}

fn start_engine<S: Store + 'static>(
    store: S,
    config: &ValidConfig,
    events: &Events,
    clock: &Clock,
) -> anyhow::Result<Began> {
    let now = (clock.wall)();
    let mut engine = Engine::start(store, settings(config), events.clone(), now)?;
    let (promote, promotion) = oneshot::channel();
    // It is read below.
    promote.send(engine.take_alerts()).ok();
    let (identity, known_since) = (engine.identity(), engine.known_since(now));
    let running = engine::spawn(engine, clock.clone()).context("the system refuses a thread")?;
    Ok(Began { running, identity, known_since, promotion })
}

/// Why it is time to end. Whoever started this program starts it again, unless it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Stopped,
    /// Another daemon leads.
    Deposed,
    /// This part ended by a defect.
    Defect(&'static str),
}

const DEPOSED: &str = "another daemon leads by now, because this one did not renew its lease in time; start it again, and it follows";

/// Waits until it is time to end.
async fn until_over(
    shutdown: impl Future<Output = ()>,
    engine: impl Future<Output = EngineEnd>,
    serving: &mut JoinSet<()>,
) -> Over {
    tokio::select! {
        () = shutdown => Over::Stopped,
        end = engine => match end {
            EngineEnd::Deposed => Over::Deposed,
            EngineEnd::Defect => Over::Defect("engine"),
        },
        _ = serving.join_next() => Over::Defect("server"),
    }
}

/// How soon a new backup is seen: an alert waits for ten minutes.
const LOOK_FOR_BACKUPS: Duration = Duration::from_secs(60);

/// The file that is backed up with our own command; a server has backups of its own.
fn database_file(config: &ValidConfig) -> Option<&Path> {
    config.store.postgres.is_none().then_some(&config.store.path)
}

async fn look_for_backups(database: Option<PathBuf>, own: Arc<SelfMetrics>) {
    let Some(database) = database else {
        return pending().await;
    };
    loop {
        tokio::time::sleep(LOOK_FOR_BACKUPS).await;
        let (own, database) = (Arc::clone(&own), database.clone());
        let look = move || own.set_last_backup(store::last_backup(&database));
        if tokio::task::spawn_blocking(look).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_breaks_ends_the_daemon_as_a_dead_engine_does() {
        let mut broken = JoinSet::new();
        broken.spawn(async { panic!("a defect") });
        let over = until_over(pending(), pending(), &mut broken);
        let over = tokio::time::timeout(Duration::from_secs(1), over).await;
        assert_eq!(over, Ok(Over::Defect("server")));
        let mut sound = JoinSet::new();
        sound.spawn(pending());
        for (end, over) in
            [(EngineEnd::Defect, Over::Defect("engine")), (EngineEnd::Deposed, Over::Deposed)]
        {
            assert_eq!(until_over(pending(), ready(end), &mut sound).await, over);
        }
        assert_eq!(until_over(ready(()), pending(), &mut sound).await, Over::Stopped);
    }
}
