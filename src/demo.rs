//! The whole daemon with simulated organisations: a store in a temporary directory, fed over the real ingest interface.

mod salesforce_org;

use crate::app::{Daemon, Options, Supervisor, now, running_clock};
use crate::config::{Environment, ValidConfig};
use lightning_sync_sim::scenarios;
use lightning_sync_sim::simulator::Feeder;
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
    /// Only this scenario, from its beginning; otherwise four organisations as they stand now, and one that is polled.
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
        let speed = self.speed.unwrap_or(if self.scenario.is_some() { SCENARIO_SPEED } else { 1 });
        let (start, stories) = match &self.scenario {
            None => {
                let start = now();
                (start, scenarios::demo(start))
            }
            Some(name) => {
                let story = scenarios::named(name).ok_or_else(|| unknown(name))?;
                (story.starts, vec![story])
            }
        };
        let clock = running_clock(start, speed);
        let directory = TempDirectory::create()?;
        let policies = stories.iter().map(|story| story.policy.clone()).collect();
        let config = ValidConfig::of_policies(directory.0.join("demo.db"), policies);
        // A story that is played by itself has the page to itself.
        let (config, polled) = if self.scenario.is_none() {
            let polled = DemoSalesforce::start(&clock).await?;
            let config = config.with_polled(polled.policy.clone(), polled.settings.clone());
            (config, Some(polled))
        } else {
            (config, None)
        };
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
            },
        )?;
        let Some(address) = daemon.addresses().first().copied() else {
            return Ok(());
        };
        let organisations: Vec<(&str, &str)> = stories
            .iter()
            .map(|story| (story.policy.name.as_str(), story.title))
            .chain(polled.iter().map(|polled| (polled.policy.name.as_str(), salesforce_org::TITLE)))
            .collect();
        write!(out, "{}", welcome(address, &self.telemetry_path, &organisations))?;
        out.flush()?;
        let feeder = Feeder::new(address, stories, Arc::clone(&clock.wall), f64::from(speed));
        let (end, ended) = watch::channel(false);
        let until_end = |mut ended: watch::Receiver<bool>| async move {
            // A sender that is gone means the same as one that says so.
            ended.wait_for(|end| *end).await.ok();
        };
        let feeding = tokio::spawn(feeder.run(until_end(ended.clone())));
        let mut serving = tokio::spawn(daemon.run(until_end(ended)));
        let early = tokio::select! {
            () = shutdown => None,
            done = &mut serving => Some(done),
        };
        end.send_replace(true);
        // The feeder ends with its last request; what it has not sent belongs to nobody.
        feeding.await.ok();
        let done = match early {
            Some(done) => done,
            None => serving.await,
        };
        Ok(done??)
    }
}

fn unknown(name: &str) -> anyhow::Error {
    let known: Vec<&str> = scenarios::all().iter().map(|story| story.name).collect();
    anyhow::anyhow!("there is no scenario `{name}`; there are {}", known.join(", "))
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
