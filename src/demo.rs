//! The whole daemon with simulated organisations: a store in a temporary directory, fed over the real ingest interface.

mod exchange_org;
mod salesforce_org;

use crate::app::{Daemon, Options, Supervisor, now, running_clock};
use crate::config::{Environment, ValidConfig};
use exchange_org::DemoExchange;
use lightning_sync_sim::scenarios::{self, Scenario};
use lightning_sync_sim::simulator::Feeder;
use lightning_sync_sim::simulator::synchroniser::SyncFault;
use salesforce_org::DemoSalesforce;
use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// What to show.
pub struct Demo {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// The path of the metrics page.
    pub telemetry_path: String,
    /// Only this scenario; otherwise four organisations as they stand now, one that is polled, and one that lives.
    pub scenario: Option<String>,
    /// How many times faster than life.
    pub speed: Option<u32>,
}

/// A scenario played from its beginning passes a day in 24 minutes.
const SCENARIO_SPEED: u32 = 60;

impl Demo {
    /// Runs until `shutdown` completes; prints what to open to `out` once it can be opened. Leaves nothing behind.
    ///
    /// # Errors
    /// When the scenario is unknown or the daemon does not start or ends badly.
    pub async fn run(
        self,
        out: &mut (dyn Write + Send),
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let played = self.scenario.as_deref().map(Played::of).transpose()?;
        let (start, stories, speed, fault) = match played {
            None => (now(), scenarios::demo(now()), 1, Some(SyncFault::Nothing)),
            Some(Played::Story(story)) => (story.starts, vec![*story], SCENARIO_SPEED, None),
            Some(Played::Fault(fault)) => (now(), Vec::new(), 1, Some(fault)),
        };
        let speed = self.speed.unwrap_or(speed);
        let clock = running_clock(start, speed);
        let directory = TempDirectory::create()?;
        let policies = stories.iter().map(|story| story.policy.clone()).collect();
        let mut config = ValidConfig::of_policies(directory.0.join("demo.db"), policies);
        // What is played by itself has the page to itself.
        let mut polled = None;
        if self.scenario.is_none() {
            let salesforce = DemoSalesforce::start(&clock).await?;
            config = config.with_polled(salesforce.policy.clone(), salesforce.settings.clone());
            polled = Some(salesforce);
        }
        let mut living = None;
        if let Some(fault) = fault {
            let exchange = DemoExchange::start(&clock, &directory.0, fault).await?;
            config = exchange.added_to(config);
            living = Some(exchange);
        }
        let daemon = Daemon::start(
            &config,
            Options {
                listen: self.listen,
                telemetry_path: self.telemetry_path.clone(),
                web_file: None,
                lifecycle: false,
                allowed_hosts: Vec::new(),
                config_file: None,
                environment: Environment::default(),
                clock: clock.clone(),
                supervisor: Supervisor::default(),
                alert_pace: 1,
            },
        )?;
        let Some(address) = daemon.addresses().first().copied() else {
            return Ok(());
        };
        let organisations: Vec<(&str, &str)> = stories
            .iter()
            .map(|story| (story.policy.name.as_str(), story.title))
            .chain(polled.iter().map(|polled| (polled.policy.name.as_str(), salesforce_org::TITLE)))
            .chain(living.iter().map(|living| (living.shown.0.as_str(), living.shown.1)))
            .collect();
        write!(out, "{}", welcome(address, &self.telemetry_path, &organisations))?;
        out.flush()?;
        let engine = daemon.engine();
        let feeder = Feeder::new(address, stories, Arc::clone(&clock.wall), f64::from(speed))
            .with_states(Arc::new(move |org, source, state| {
                engine.set_source_state(org, source, Some(state));
            }));
        let (end, ended) = watch::channel(false);
        let until_end = |mut ended: watch::Receiver<bool>| async move {
            // A sender that is gone means the same as one that says so.
            ended.wait_for(|end| *end).await.ok();
        };
        let feeding = tokio::spawn(feeder.run(until_end(ended.clone())));
        let living =
            living.map(|living| tokio::spawn(living.feed.run(address, until_end(ended.clone()))));
        let mut serving = tokio::spawn(daemon.run(until_end(ended)));
        let early = tokio::select! {
            () = shutdown => None,
            done = &mut serving => Some(done),
        };
        end.send_replace(true);
        // Feeders end with their last request; what they have not sent belongs to nobody.
        feeding.await.ok();
        if let Some(living) = living {
            living.await.ok();
        }
        let done = match early {
            Some(done) => done,
            None => serving.await,
        };
        Ok(done??)
    }
}

/// What is played by itself.
enum Played {
    Story(Box<Scenario>),
    Fault(SyncFault),
}

impl Played {
    fn of(name: &str) -> anyhow::Result<Self> {
        let story = || scenarios::named(name).map(|story| Self::Story(Box::new(story)));
        let fault = SyncFault::from_name(name).map(Self::Fault);
        fault.or_else(story).ok_or_else(|| {
            anyhow::anyhow!("there is no scenario `{name}`; `demo --list` lists them")
        })
    }
}

/// Every scenario that can be played by itself, with what happens, a line each.
pub fn list() -> String {
    let stories = scenarios::all();
    let stories = stories.iter().map(|story| (story.name, story.title));
    let faults = SyncFault::ALL.iter().map(|fault| (fault.name(), fault.title()));
    stories.chain(faults).map(|(name, title)| format!("{name:<32} {title}\n")).collect()
}

fn welcome(address: SocketAddr, telemetry_path: &str, organisations: &[(&str, &str)]) -> String {
    let lines: Vec<String> = organisations
        .iter()
        .map(|(name, title)| format!("  http://{address}/orgs/{name:<12} {title}"))
        .collect();
    format!(
        "The demonstration runs. Open:\n\n  http://{address}/                   every organisation, worst first\n  http://{address}{telemetry_path}            what Prometheus scrapes\n\n{}\n\nEverything is in a temporary directory. Ctrl-C ends it.\n",
        lines.join("\n"),
    )
}

/// A directory of our own that goes with us.
struct TempDirectory(PathBuf);

impl TempDirectory {
    fn create() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("lightning-sync-demo-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "{} could not be removed: {error}", self.0.display());
        }
    }
}
