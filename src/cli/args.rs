//! Flags and commands, in the style of the Prometheus family.

use crate::build_info;
use crate::config::{day, duration};
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::{OrgName, UserName};
use crate::domain::policy::DateOrder;
use crate::domain::time::Timestamp;
use chrono::DateTime;
use chrono_tz::Tz;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// Where the configuration is without `--config.file`.
pub(super) const CONFIG_FILE: &str = "/etc/lightning-sync/config.yaml";
/// The authorities that Debian trusts.
const CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where the Debian package's daemon keeps its database.
const DATABASE: &str = "/var/lib/lightning-sync/lightning-sync.db";
/// Where the daemon listens without `--web.listen-address`.
const LISTEN_ADDRESS: &str = "127.0.0.1:9877";
/// Where `check` asks without `--url`.
const URL: &str = "http://127.0.0.1:9877";

/// The command line.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(
    name = "lightning-sync-exporter",
    version = build_info::ALL,
    about = "Watches calendar and contact sync between Salesforce and Microsoft Exchange: Prometheus metrics, alert rules and the next step.",
    long_about = "Watches calendar and contact sync between Salesforce and Microsoft Exchange: Prometheus metrics, alert rules and the next step.\n\nWithout a command it is the daemon. Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration; those of `check` are 0 ok, 1 warning, 2 critical, 3 unknown.",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    pub(super) daemon: DaemonArgs,
    /// The command; none is the daemon.
    #[command(subcommand)]
    pub(super) command: Option<CliCommand>,
}

/// The daemon.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct DaemonArgs {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// Check the configuration, list its mistakes, and exit.
    #[arg(long = "config.check")]
    pub(super) check_only: bool,
    #[command(flatten)]
    pub(super) web: WebArgs,
    /// Encryption, users and headers of what is served, in the format of the Prometheus family's exporter-toolkit; read
    /// again when it or a certificate changes.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub(super) web_file: Option<PathBuf>,
    /// Take `POST /-/reload` from this host without a token.
    #[arg(long = "web.enable-lifecycle")]
    pub(super) lifecycle: bool,
    /// A host that requests may name besides loopback, where nobody has to show a password; repeat it for more. Without
    /// any, every name is taken on addresses that other hosts can reach.
    #[arg(long = "web.allowed-host", value_name = "HOST")]
    pub(super) allowed_hosts: Vec<String>,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// Which configuration.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct ConfigFile {
    /// The configuration file.
    #[arg(long = "config.file", value_name = "FILE", default_value = CONFIG_FILE)]
    pub(super) file: PathBuf,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct WebArgs {
    /// Address to listen on, such as 127.0.0.1:9877, or :9877 for every address; may be given several times.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = LISTEN_ADDRESS, value_parser = listen_address)]
    pub(super) listen_addresses: Vec<SocketAddr>,
    /// Path of the metrics.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics", value_parser = telemetry_path)]
    pub(super) telemetry_path: String,
}

/// What to log; to standard error.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct LogArgs {
    /// The least severe lines to log.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", value_parser = PossibleValuesParser::new(["debug", "info", "warn", "error"]).try_map(|level| level.parse::<LevelFilter>()))]
    pub(super) level: LevelFilter,
    /// How a line of the log looks.
    #[arg(long = "log.format", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(super) format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Words and `key=value`.
    Text,
    /// One JSON object.
    Json,
}

/// What to do instead of being the daemon.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub(super) enum CliCommand {
    /// Run everything with simulated organisations: no configuration, nothing to set up.
    Demo(DemoArgs),
    /// Ask a running daemon for one judgement, for Nagios and its kin: one line, exit 0 ok, 1 warning, 2 critical, 3 unknown.
    Check(CheckArgs),
    /// Say what a status or an alert means and what to do next; without a name, list the rows.
    Explain(ExplainArgs),
    /// Read a saved or pasted status page and print the snapshot that it says, as JSON to push.
    Parse(ParseArgs),
    /// Say what would have alerted: play the stored history, or a file, through the judgement, with a changed policy if wanted.
    Replay(ReplayArgs),
    /// Print the alert and recording rules.
    Rules(RulesArgs),
    /// Look at everything a daemon needs, and say what to do about what is not well; exit 1 when something fails.
    Doctor(DoctorArgs),
    /// Copy the database to a new file while the daemon runs; everything acknowledged before is in it.
    Backup(BackupArgs),
    /// Put a backup where there is no database.
    Restore(RestoreArgs),
    /// Take an organisation or a person out of the database of a stopped daemon.
    Erase(EraseArgs),
    /// Move what is stored between a file and a PostgreSQL server.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Write, check and describe configurations.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// The demonstration.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct DemoArgs {
    /// Play only this scenario.
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Option<String>,
    /// List the scenarios.
    #[arg(long, conflicts_with = "scenario")]
    pub(super) list: bool,
    /// How many times faster than life.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) speed: Option<u32>,
    /// End by itself after this time, such as 90s or 10m.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub(super) exit_after: Option<Duration>,
    #[command(flatten)]
    pub(super) web: WebArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// How a guarded daemon is queried.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct AskArgs {
    /// Whose certificates are trusted.
    #[arg(long, value_name = "FILE", default_value = CA_FILE)]
    pub(super) ca_file: PathBuf,
    /// The name of a user of the daemon's `basic_auth_users`.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub(super) user: Option<String>,
    /// The file that holds the user's password and nothing else.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(super) password_file: Option<PathBuf>,
    /// A certificate to show, where the daemon verifies its clients.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// The key of that certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct CheckArgs {
    /// The organisation; all of them without it.
    #[arg(long, value_name = "NAME", value_parser = org_name)]
    pub(super) org: Option<OrgName>,
    /// The daemon; https, or plain http on this machine.
    #[arg(long, value_name = "URL", default_value = URL)]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) ask: AskArgs,
}

/// What to explain.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct ExplainArgs {
    /// A row, by its id or its label on the status page, and the value it shows, such as `user.reset=none`; or an alert.
    #[arg(value_name = "ROW[=VALUE] | ALERT")]
    pub(super) row: Option<String>,
}

/// Which page, and how its times are written.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct ParseArgs {
    /// The page, saved as HTML or pasted as text.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The zone of the page's times, by its IANA name.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(super) time_zone: Tz,
    /// The order of day, month and year in the page's dates: dmy, mdy or ymd.
    #[arg(long, value_name = "ORDER", default_value = "dmy", value_parser = date_order)]
    pub(super) date_order: DateOrder,
    /// When the page was taken, such as 2026-11-22T13:55:00Z; otherwise when the file was written.
    #[arg(long, value_name = "TIME")]
    pub(super) captured_at: Option<String>,
    /// Whose rows a user's page shows, where the page does not name the user.
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
}

fn date_order(text: &str) -> Result<DateOrder, String> {
    DateOrder::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = DateOrder::ALL.iter().map(|order| order.name()).collect();
        format!("allowed: {}", names.join(", "))
    })
}

/// What to play.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct ReplayArgs {
    /// The configuration: whose store, and which policy. With --file it may be left out; defaults hold then.
    #[arg(long = "config.file", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The organisation, where there are several.
    #[arg(long, value_name = "NAME", value_parser = org_name)]
    pub(super) org: Option<OrgName>,
    /// Play this file instead of the store: records of activity as they are pushed, or samples of the exporter's metrics.
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// From when on, such as 2026-11-01 or 2026-11-01T08:00:00Z; without it the last 7 days, or a file's first record.
    #[arg(long, value_name = "TIME", value_parser = replay_time)]
    pub(super) since: Option<ReplayTime>,
    /// Until when; without it now, or a file's last record: the silence after it is not played.
    #[arg(long, value_name = "TIME", value_parser = replay_time)]
    pub(super) until: Option<ReplayTime>,
    /// How far one judgement is from the next.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = span)]
    pub(super) step: Duration,
    /// Change a key of the organisation's policy, such as `fresh_within=5m`; repeat it for more.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) changes: Vec<String>,
    /// What to print. openmetrics is for `promtool tsdb create-blocks-from openmetrics`.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReplayFormat::Text)]
    pub(super) format: ReplayFormat,
}

/// In which form a replay is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplayFormat {
    /// Words.
    Text,
    /// One JSON document.
    Json,
    /// A picture.
    Svg,
    /// What Prometheus would have scraped, with timestamps.
    #[value(name = "openmetrics")]
    OpenMetrics,
}

/// A day where the organisation is, or an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReplayTime {
    /// Its beginning.
    Day(String),
    /// With a zone.
    At(Timestamp),
}

fn replay_time(text: &str) -> Result<ReplayTime, String> {
    if day(text).is_ok() {
        return Ok(ReplayTime::Day(text.to_owned()));
    }
    DateTime::parse_from_rfc3339(text)
        .ok()
        .and_then(|at| Timestamp::from_datetime(at.to_utc()))
        .map(ReplayTime::At)
        .ok_or_else(|| "allowed: a day such as 2026-11-01, or 2026-11-01T08:00:00Z".to_owned())
}

/// Which rules.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct RulesArgs {
    /// For whom.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = RulesFormat::Prometheus)]
    pub(super) format: RulesFormat,
    /// Where people reach the daemon, such as <https://sync.example>: every alert links to its runbook and to the
    /// organisation's page there.
    #[arg(long, value_name = "URL", value_parser = ExternalUrl::new)]
    pub(super) external_url: Option<ExternalUrl>,
    /// Take `web.external_url` from this configuration.
    #[arg(long = "config.file", value_name = "FILE", conflicts_with = "external_url")]
    pub(super) config: Option<PathBuf>,
}

/// In which form rules are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RulesFormat {
    /// A rule file.
    Prometheus,
    /// An object for the Prometheus operator.
    Operator,
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// The file of the daemon's --web.config.file.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub(super) web_file: Option<PathBuf>,
    /// The daemon; https, or plain http on this machine.
    #[arg(long, value_name = "URL", default_value = URL)]
    pub(super) url: String,
    /// A Prometheus; https, or plain http on this machine; may be given several times.
    #[arg(long = "prometheus.url", value_name = "URL")]
    pub(super) prometheuses: Vec<String>,
    /// An Alertmanager; https, or plain http on this machine; may be given several times.
    #[arg(long = "alertmanager.url", value_name = "URL")]
    pub(super) alertmanagers: Vec<String>,
    #[command(flatten)]
    pub(super) ask: AskArgs,
    /// A mailbox of which to count what never syncs: private and recurring events, contacts in another folder.
    #[arg(long = "mailbox", value_name = "ADDRESS")]
    pub(super) mailboxes: Vec<String>,
    /// Send one marked test alert through each Alertmanager and say where it arrived or stuck.
    #[arg(long, requires = "alertmanagers")]
    pub(super) page: bool,
    /// How long to wait for it; longer than `group_wait`.
    #[arg(long = "page.within", value_name = "DURATION", default_value = "90s", value_parser = span)]
    pub(super) page_within: Duration,
}

/// What to copy, and where to.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct BackupArgs {
    /// The daemon's database, `store.path` of its configuration.
    #[arg(long, value_name = "FILE", default_value = DATABASE)]
    pub(super) database: PathBuf,
    /// A file that does not exist yet.
    #[arg(long, value_name = "FILE")]
    pub(super) to: PathBuf,
}

/// What to restore, and where to.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    pub(super) from: PathBuf,
    /// Where the daemon's database is to be, `store.path` of its configuration.
    #[arg(long, value_name = "FILE", default_value = DATABASE)]
    pub(super) database: PathBuf,
}

/// Who is to be forgotten.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct EraseArgs {
    /// The stopped daemon's database, or the file with PostgreSQL's connection string.
    #[arg(long, value_name = "FILE", default_value = DATABASE)]
    pub(super) database: PathBuf,
    /// Trust the certificates in this file too: `store.postgres.ca_file`.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The organisation.
    #[arg(long, value_name = "NAME", value_parser = org_name)]
    pub(super) org: OrgName,
    /// Only this user of it.
    #[arg(long, value_name = "USER", value_parser = user_name)]
    pub(super) user: Option<UserName>,
}

/// What to do with what is stored.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub(super) enum StoreCommand {
    /// Copy the database of a stopped daemon from a file of SQLite to PostgreSQL, or back, and count both.
    Copy(StoreCopyArgs),
}

/// What to copy, and where to.
#[derive(Debug, Clone, PartialEq, Args)]
pub(super) struct StoreCopyArgs {
    /// The file of SQLite, or the one with PostgreSQL's connection string: `store.path` or `store.postgres.dsn_file`.
    #[arg(long, value_name = "FILE")]
    pub(super) from: PathBuf,
    /// The other one: a new file, or the connection string of a new database.
    #[arg(long, value_name = "FILE")]
    pub(super) to: PathBuf,
    /// Trust the certificates in this file too: `store.postgres.ca_file`.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
}

/// What to do with a configuration.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub(super) enum ConfigCommand {
    /// Ask a few questions and write a first configuration; an existing file is left alone.
    Init(ConfigFile),
    /// Read a configuration and list every mistake.
    Check(ConfigFile),
    /// Print an example with a comment for every key.
    Example,
    /// Print the JSON schema.
    Schema,
}

fn org_name(text: &str) -> Result<OrgName, String> {
    OrgName::new(text).map_err(|error| error.to_string())
}

fn user_name(text: &str) -> Result<UserName, String> {
    UserName::new(text).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<Duration, String> {
    duration::parse(text)?.to_std().map_err(|error| error.to_string())
}

/// `127.0.0.1:9877`, `[::1]:9877`, `localhost:9877`, or `:9877` for every address of the machine: `[::]`, for which the server
/// takes `0.0.0.0` where there is no IPv6.
fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    const SHAPE: &str = "an address and a port such as 127.0.0.1:9877, or :9877 for every address; a name other than localhost is not looked up";
    let (host, port) = text.rsplit_once(':').ok_or(SHAPE)?;
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port: u16 =
        Some(port).filter(|_| digits).and_then(|port| port.parse().ok()).ok_or(SHAPE)?;
    match host {
        "" => Ok(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)),
        "localhost" => Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)),
        _ => text.parse().map_err(|_| SHAPE),
    }
}

fn telemetry_path(text: &str) -> Result<String, String> {
    let shaped = text.len() > 1
        && text.len() <= 255
        && text.starts_with('/')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'));
    let taken = ["/api/", "/orgs/", "/-/"].iter().any(|prefix| text.starts_with(prefix));
    if shaped && !taken {
        Ok(text.to_owned())
    } else {
        Err("a path such as /metrics, not one of the pages' own (/, /orgs/, /api/, /-/)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_in_the_prometheus_family() {
        let read = |text: &str| listen_address(text);
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(read("127.0.0.1:9877"), Ok(address("127.0.0.1:9877")));
        assert_eq!(read("localhost:0"), Ok(address("127.0.0.1:0")));
        assert_eq!(read("[::1]:9877"), Ok(address("[::1]:9877")));
        assert_eq!(read(":9877"), Ok(address("[::]:9877")));
        for bad in [
            "",
            "9877",
            "127.0.0.1",
            ":",
            ":65536",
            ":+1",
            "::1:9877",
            "exporter.example:9877",
            "127.0.0.1:9877 ",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
