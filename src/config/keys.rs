//! Every key of the configuration and of the web's file, one declaration each: its path (`[]` is any item of a list), what
//! it takes, what holds without it, how the example shows it, and what it is for. Reading and its mistakes, the
//! example, the schema and the reference in `docs/` all come from it.

use super::{bytes, duration};
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::policy::{
    ConnectionMethod, CountHours, DateOrder, Product, UserNames, UserSeries,
};
use crate::sources::exchange::GraphCloud;
use crate::sources::salesforce::SalesforceSettings;
use crate::tls::{ClientAuth, TlsVersion};
use KeyDefault::{Needed, Value, Words};
use KeyExample::{Live, Off};
use KeyKind::*;
use chrono::TimeDelta;

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConfigKey {
    pub(super) path: &'static str,
    pub(super) kind: KeyKind,
    pub(super) default: KeyDefault,
    pub(super) example: KeyExample,
    /// What it is for: sentences, one paragraph.
    pub(super) doc: &'static str,
}

/// What holds when a key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyDefault {
    /// Nothing: the key has to be there.
    Needed,
    /// This value, as YAML.
    Value(&'static str),
    /// Something that is no value; in words.
    Words(&'static str),
}

/// The value in the example, as YAML, and whether it is set there or stands in a comment.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyExample {
    Live(&'static str),
    Off(&'static str),
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyKind {
    /// More keys.
    Section,
    /// A list of sections.
    Sections,
    /// Text that fits a pattern (for the schema); in words.
    Text(&'static str, &'static str),
    /// Texts of such a shape.
    Texts(&'static str, &'static str),
    /// The name of a file.
    File,
    /// One name of a closed list.
    Choice(fn() -> Vec<&'static str>),
    /// Names of a closed list, each at most once.
    Choices(fn() -> Vec<&'static str>),
    /// `true` or `false`.
    Flag,
    /// A whole number between two, both included.
    Count(u64, u64),
    /// A number of bytes between two, both included, with a unit.
    Bytes(u64, u64),
    /// A span of time between two, both included, and why: the end of a sentence that begins with "because".
    Span(TimeDelta, TimeDelta, &'static str),
    /// The same, or `none`.
    SpanOrNone(TimeDelta, TimeDelta, &'static str),
    /// A day.
    Date,
    /// A day, or `none`.
    DateOrNone,
    /// Days, each at most once.
    Dates,
}

impl ConfigKey {
    /// The last part of the path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The path of the section that it stands in; empty for the top.
    pub(super) fn parent(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// Whether it names a file that the daemon reads itself, under the directory of the configuration.
    pub(super) fn is_own_file(&self) -> bool {
        matches!(self.kind, File) && self.name().ends_with("_file")
    }

    /// The environment variable that can set it: there is one for scalars outside of lists.
    pub(super) fn variable(&self) -> Option<String> {
        let scalar = !matches!(self.kind, Section | Sections | Texts(..) | Choices(_) | Dates);
        (scalar && !self.path.contains("[]"))
            .then(|| format!("{VARIABLE_PREFIX}{}", self.path.replace('.', "__").to_uppercase()))
    }

    /// What it takes, in words.
    pub(super) fn takes(&self) -> String {
        match self.kind {
            Section => "a mapping of keys".to_owned(),
            Sections => "a list of mappings".to_owned(),
            Text(_, words) => words.to_owned(),
            Texts(_, words) => format!("a list of {words}"),
            File => "the path of a file".to_owned(),
            Choice(names) => names().join(" or "),
            Choices(names) => format!("a list of {}", names().join(", ")),
            Flag => "true or false".to_owned(),
            Count(min, max) => format!("a whole number from {min} to {max}"),
            Bytes(min, max) => format!("a size from {} to {}", bytes::text(min), bytes::text(max)),
            Span(min, max, _) => format!("a duration from {}", range(min, max)),
            SpanOrNone(min, max, _) => format!("a duration from {}, or none", range(min, max)),
            Date => "a date such as 2026-12-31".to_owned(),
            DateOrNone => "a date such as 2026-12-31, or none".to_owned(),
            Dates => "a list of dates such as 2026-12-31".to_owned(),
        }
    }
}

/// `3d to 400d`.
pub(super) fn range(min: TimeDelta, max: TimeDelta) -> String {
    format!("{} to {}", duration::text(min), duration::text(max))
}

/// What the names of our environment variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "LIGHTNING_SYNC__";
/// The days of a week, from Monday.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// How the label of a report's column looks.
const LABEL: KeyKind = Text("^.{1,255}$", "a column's label as the report shows it");
const WORD: KeyKind = Text("^.{1,255}$", "a word as the report shows it");

macro_rules! keys {
    ($($path:literal: $kind:expr, $default:expr, $example:expr, $doc:literal;)+) => {
        &[$(ConfigKey { path: $path, kind: $kind, default: $default, example: $example, doc: $doc }),+]
    };
}

/// The names of a closed set.
macro_rules! names {
    ($set:ident) => {
        || $set::ALL.iter().map(|value| value.name()).collect()
    };
}

const fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

const fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

const fn days(count: i64) -> TimeDelta {
    TimeDelta::days(count)
}

/// The keys of the configuration, in the order of the example.
pub(super) const KEYS: &[ConfigKey] = keys! {
    "store": Section, Words("its keys' defaults"), Live(""),
        "Where the database is and how long it holds what.";
    "store.path": File,
        Words("lightning-sync.db beside the configuration; for one in /etc, /var/lib/lightning-sync/lightning-sync.db"),
        Live("lightning-sync.db"),
        "The SQLite database; it is created when it is not there. A relative path is taken from the directory of the configuration.";
    "store.postgres": Section, Words("the SQLite database"), Off(""),
        "A PostgreSQL database in the place of the file: release 14 or later, encoding UTF8, owned by the role that connects. A second daemon on it does not start without advertise_url. What is acknowledged is on the server's disk, and on its synchronous standbys. A pooler has to pool whole sessions. docs/scale.md says when to use it.";
    "store.postgres.dsn_file": File, Needed, Off("/etc/lightning-sync/postgres.dsn"),
        "A file with its connection string, such as postgres://user:password@host:5432/database, that other users cannot read; several hosts are tried in turn with target_session_attrs=read-write. What goes to another machine is encrypted and the server verified by its name, whatever the string says. This file and the next are read again at every connection. A relative path is taken from the directory of the configuration.";
    "store.postgres.ca_file": File, Words("the system's authorities alone"), Off("/etc/lightning-sync/postgres-ca.pem"),
        "Certificates in PEM form of one more authority to trust. A relative path is taken from the directory of the configuration.";
    "store.postgres.advertise_url": Text(ExternalUrl::PATTERN, ExternalUrl::TAKES), Words("the database is this daemon's alone"),
        Off("https://sync-1.example:9877"),
        "Lets several daemons share the database: one leads, the others show what it stores and take over when it ends. This is where senders reach this one while it leads; each daemon needs its own. docs/scale.md says how. Another value needs a restart.";
    "store.keep_activity": Span(days(3), days(400), "a record may come two days late and still count, and a row for every synced record adds up"),
        Value("7d"), Live("7d"),
        "How long single records of activity are stored. A duplicate is recognised that long.";
    "store.keep_history": Span(days(7), days(3660), "the charts show a week, and nobody compares with more than ten years ago"),
        Value("400d"), Live("400d"),
        "How long hourly totals and changes of readings are stored.";
    "store.backup_max_age": Span(hours(1), days(400), "a backup takes a while, and one of last year is none"),
        Words("nobody is alerted of backups"), Off("26h"),
        "How old the last backup by the command backup may be before LightningSyncBackupTooOld fires.";
    "web": Section, Words("its keys' defaults"), Off(""),
        "What alerts and messages need to know of the pages.";
    "web.external_url": Text(ExternalUrl::PATTERN, ExternalUrl::TAKES),
        Words("links lead to http://127.0.0.1:9877"), Off("https://sync.example"),
        "Where people reach the pages, as a browser writes it: what links in alerts begin with. rules --config.file prints the rules with it, and doctor compares it with the rules that Prometheus has.";
    "alerting": Section, Words("alerts come from a Prometheus alone"), Off(""),
        "Sends alerts to Alertmanager without a Prometheus, or beside one.";
    "alerting.alertmanagers": Sections, Words("no alert is sent"), Off(""),
        "Every Alertmanager; each is sent every alert, as a cluster needs it.";
    "alerting.alertmanagers[].url": Text("^https?://[^@?#]+$", "a URL such as https://alerts.example:9093"), Needed,
        Off("https://alerts.example:9093"),
        "Where it is, with the path before /api/v2 if there is one. Plain http is taken to loopback only.";
    "alerting.alertmanagers[].ca_file": File, Words("the system's authorities alone"), Off("/etc/lightning-sync/alerts-ca.pem"),
        "Certificates in PEM form of one more authority to trust. A relative path is taken from the directory of the configuration.";
    "alerting.alertmanagers[].auth": Section, Words("no sign-in"), Off(""),
        "How to sign in: exactly one of the sections below.";
    "alerting.alertmanagers[].auth.basic": Section, Words("another way"), Off(""),
        "A name and a password.";
    "alerting.alertmanagers[].auth.basic.username": Text("^[^:\\x00-\\x1f]{1,320}$", "the account's name, without a colon"), Needed,
        Off("lightning-sync"),
        "The account's name.";
    "alerting.alertmanagers[].auth.basic.password_file": File, Needed, Off("/etc/lightning-sync/alerts.password"),
        "The file with the account's password: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "alerting.alertmanagers[].auth.bearer": Section, Words("another way"), Off(""),
        "A token that another program renews.";
    "alerting.alertmanagers[].auth.bearer.token_file": File, Needed, Off("/etc/lightning-sync/alerts.token"),
        "The file with the token: one line, read for every round, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "alerting.job": Text("^.{1,255}$", "the value of a label"), Value("lightning-sync"), Off("lightning-sync"),
        "The label job that a Prometheus gives this exporter. Alerts about the exporter itself have it, so that they come once from both.";
    "alerting.instance": Text("^.{1,255}$", "the value of a label"), Value("127.0.0.1:9877"), Off("127.0.0.1:9877"),
        "The label instance, likewise. Of two exporters each needs its own.";
    "alerting.heartbeat": Section, Words("no heartbeat is sent"), Off(""),
        "A dead man's switch elsewhere, which alerts somebody when it hears nothing.";
    "alerting.heartbeat.url": Text("^https?://[^@#]+$", "a URL such as https://switch.example/ping/ID"), Needed,
        Off("https://switch.example/ping/ID"),
        "Requested with GET while the daemon judges, its database takes writes, and an Alertmanager takes alerts where any is configured. Failures do not show its path. Plain http is taken to loopback only.";
    "alerting.heartbeat.every": Span(TimeDelta::seconds(10), hours(1), "a switch has to be reminded before it goes off, and an hour without anybody to page is long"),
        Value("60s"), Off("60s"),
        "How often.";
    "ingest_memory": Bytes(128 << 20, 16 << 30), Value("512MiB"), Live("512MiB"),
        "How much memory everything that is being pushed may take at once. What comes beyond it is refused with the time to come again.";
    "user_series": Choice(names!(UserSeries)), Value("aggregate"), Live("aggregate"),
        "Whether /metrics has counts of users only, or with per_user one series for each user and check as well. That is thirteen series for each user.";
    "user_names": Choice(names!(UserNames)), Value("pseudonym"), Live("pseudonym"),
        "What stands for a user in labels and on pages: a pseudonym, or with plain the name as the source writes it, usually a mail address.";
    "orgs": Sections, Needed, Live(""),
        "The Salesforce organisations that are watched; at least one.";
    "orgs[].name": Text("^[a-z0-9-]{1,63}$", "1 to 63 of the characters a-z, 0-9 and -"), Needed, Live("acme"),
        "The name in labels, addresses and on pages; every organisation has another. Changing it begins a new history.";
    "orgs[].product": Choice(names!(Product)), Value("lightning_sync"), Live("lightning_sync"),
        "The product that syncs.";
    "orgs[].connection": Choice(names!(ConnectionMethod)), Value("service_account"), Live("service_account"),
        "How Salesforce reaches Exchange. With oauth there is no service account, and its two rows are not judged.";
    "orgs[].objects": Choices(names!(ObjectType)), Value("[contacts, events]"), Live("[contacts, events]"),
        "What this organisation syncs. What is not named here has no series and no alerts.";
    "orgs[].reps_select_events": Flag, Value("false"), Live("false"),
        "Whether people choose which events sync. Only then the Outlook integration rows matter.";
    "orgs[].time_zone": Text("^[A-Za-z0-9_+/-]{1,64}$", "a name of the IANA time zone database such as Europe/Berlin"),
        Value("UTC"), Live("Europe/Berlin"),
        "The zone of the status page's times, of the business hours and of every date below.";
    "orgs[].date_order": Choice(names!(DateOrder)), Value("dmy"), Live("dmy"),
        "How the status page writes dates.";
    "orgs[].fresh_within": Span(minutes(1), hours(12), "a sync runs every few minutes, and half a day is no longer fresh"),
        Value("15m"), Live("15m"),
        "How recent the last sync has to be to be fine; shorter than stale_after. Between the two it is delayed, which wakes nobody.";
    "orgs[].stale_after": Span(hours(1), days(14), "a first alert within the hour is noise, and nobody wants to learn after two weeks that nothing syncs"),
        Value("24h"), Live("24h"),
        "How old the last sync may become before it pages. The vendor documents 24 hours.";
    "orgs[].count_hours": Choice(names!(CountHours)), Value("wall"), Live("wall"),
        "What the hours of stale_after are counted in: wall, as the vendor documents it, or business, which needs business_hours.";
    "orgs[].business_hours": Section, Words("every hour counts"), Live(""),
        "When people work, in the organisation's time zone. A zero at night is no finding.";
    "orgs[].business_hours.days": Choices(|| DAYS.to_vec()), Value("[mon, tue, wed, thu, fri]"),
        Live("[mon, tue, wed, thu, fri]"),
        "The working days.";
    "orgs[].business_hours.from": Text("^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day such as 08:00"), Needed,
        Live("\"08:00\""),
        "When work begins.";
    "orgs[].business_hours.to": Text("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "a time of day such as 18:00, at most 24:00"),
        Needed, Live("\"18:00\""),
        "When work ends, later than from on the same day; 24:00 is midnight.";
    "orgs[].business_hours.holidays": Dates, Value("[]"), Live("[2026-12-25, 2027-01-01]"),
        "Days without work.";
    "orgs[].unusually_quiet": Flag, Words("true with business_hours, else false"), Live("true"),
        "Whether LightningSyncUnusuallyQuiet warns of a silence at hours that had records in each of the last four weeks. Holidays that are not listed look like one.";
    "orgs[].expected_linked_users": Count(1, 10_000_000),
        Words("the number of users assigned to an active configuration, where that is known"), Off("120"),
        "How many users should be linked. Another number is a warning.";
    "orgs[].exclude_users": Texts("^[^\\x00-\\x1f\\x7f-\\x9f]{1,320}$", "user names, in any letter case"),
        Value("[]"), Off("[left@acme.example]"),
        "Users who left or never should sync; they do not count as failing.";
    "orgs[].setup_until": Date, Words("no first set-up"), Off("2026-12-01"),
        "Until the beginning of this day the organisation is in its first set-up: what never synced before then is no alert.";
    "orgs[].migrating_since": Date, Words("nobody is leaving"), Off("2026-11-01"),
        "From the beginning of this day users leave for the successor product; those who left are not failing.";
    "orgs[].retirement": DateOrNone,
        Words("2027-04-01T00:00:00Z for lightning_sync, none for einstein_activity_capture"), Off("2027-04-01"),
        "The day at whose beginning the product ends for this organisation, or none, as in Government Cloud.";
    "orgs[].limits": Section, Words("its keys' defaults"), Live(""),
        "How long something may take before it is stuck.";
    "orgs[].limits.reset": Span(minutes(10), days(30), "a reset waits for the next sync run, and one that takes a month is stuck"),
        Value("4h"), Live("4h"),
        "A reset of a user's sync. Until then it holds back the user's other alerts.";
    "orgs[].limits.initial_sync": Span(hours(1), days(60), "a first sync takes hours, on record more than a day, and one that takes two months is stuck"),
        Value("72h"), Live("72h"),
        "A first sync.";
    "orgs[].drift": Section, Words("its keys' defaults"), Off(""),
        "How far the contacts in a user's folder, as the probe of Exchange counts them, may be apart from the records in sync that Salesforce shows.";
    "orgs[].drift.records": Count(1, 100_000), Value("20"), Off("20"),
        "Differences up to so many records are none. A folder that doubles by more than this within two days is a finding of its own.";
    "orgs[].drift.percent": Count(0, 100), Value("10"), Off("10"),
        "Neither are differences up to this share of the larger count.";
    "orgs[].drift.lasting": Span(minutes(1), days(30), "a change needs a moment to come over, and a difference of a month is no delay"),
        Value("24h"), Off("24h"),
        "How long a difference has to last, as far as both sides were looked at.";
    "orgs[].recovery_within": Span(minutes(5), days(2), "syncing resumes within minutes of a repair, and what still fails two days later has a cause of its own"),
        Value("2h"), Live("2h"),
        "How long what followed from a cause waits after the cause ended before it pages by itself.";
    "orgs[].max_users": Count(1, 1_000_000), Value("50000"), Live("50000"),
        "The most users that are held for this organisation. A snapshot, page or poll that would make it more is refused, as too_many_users.";
    "orgs[].expected_every": Section, Words("its keys' defaults"), Live(""),
        "How often a source reports when all is well. One that has been silent for twice as long is no longer live, and its last values are stale.";
    "orgs[].expected_every.snapshot": Span(minutes(1), days(14), "a page that nobody has read for weeks must not look current"),
        Value("24h"), Live("24h"),
        "The status page, counted in business hours, because people feed it by hand.";
    "orgs[].expected_every.activity": SpanOrNone(minutes(1), days(14), "a feed that has been silent for weeks must not look current"),
        Value("none"), Live("none"),
        "Activity records or heartbeats; none when silence means that nothing synced.";
    "orgs[].ingest": Section, Words("only loopback may push"), Off(""),
        "Who may push snapshots and activity for this organisation.";
    "orgs[].ingest.token_file": File, Words("only loopback may push"), Off("/etc/lightning-sync/acme.token"),
        "The file with the bearer token that senders show: one line of at least 16 characters, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].ingest.allowed_origins": Texts("^https?://[^/]+$", "origins such as https://intranet.acme.example"),
        Value("[]"), Off("[https://intranet.acme.example]"),
        "Pages of other servers whose browsers may push without a token from this machine.";
    "orgs[].files": Section, Words("no directory is watched"), Off(""),
        "Takes files that people or programs put into a directory.";
    "orgs[].files.directory": File, Needed, Off("/var/lib/lightning-sync/acme"),
        "The directory, one for each organisation. Files that are taken move to done in it, others to rejected with the reason beside them. A relative path is taken from the directory of the configuration.";
    "orgs[].files.report": Section, Words("no report is taken"), Off(""),
        "The sync error report that an admin built, exported as CSV and put there under a name that ends in .report.csv: its rows are counted. Not beside salesforce.report, which asks for it.";
    "orgs[].files.report.object_column": LABEL, Needed,
        Off("Object"),
        "The label of the column that says whether a contact or an event did not sync.";
    "orgs[].files.report.user_column": LABEL, Needed,
        Off("User"),
        "The label of the column that names the user.";
    "orgs[].files.report.contact_word": WORD, Words("contact"), Off("Kontakt"),
        "What a row about a contact has in object_column, where the report is in another language than English.";
    "orgs[].files.report.event_word": WORD, Words("event"), Off("Ereignis"),
        "What a row about an event has in object_column, where the report is in another language than English.";
    "orgs[].salesforce": Section, Words("Salesforce is not polled"), Off(""),
        "Asks Salesforce itself, over its documented interfaces.";
    "orgs[].salesforce.my_domain": Text("^https?://[^/@?#]+/?$", "the organisation's own https URL, such as https://acme.my.salesforce.com"),
        Needed, Off("https://acme.my.salesforce.com"),
        "The My Domain of the organisation; every request goes there and nowhere else. Plain http is taken to loopback only.";
    "orgs[].salesforce.ca_file": File, Words("the system's authorities alone"),
        Off("/etc/lightning-sync/proxy-ca.pem"),
        "Certificates in PEM form of one more authority to trust. A relative path is taken from the directory of the configuration.";
    "orgs[].salesforce.api_version": Count(SalesforceSettings::LEAST_API_VERSION as u64, 99), Value("67"), Off("67"),
        "The version of Salesforce's API, without the .0; the fields that are read exist since 59.";
    "orgs[].salesforce.auth": Section, Needed, Off(""),
        "How to get a session: exactly one of the sections below.";
    "orgs[].salesforce.auth.client_credentials": Section, Words("jwt_bearer"), Off(""),
        "OAuth 2.0 client credentials of an external client app that has a run-as user.";
    "orgs[].salesforce.auth.client_credentials.client_id": Text("^[!-~]{1,512}$", "the app's consumer key"), Needed,
        Off("3MVG9example"),
        "The app's consumer key.";
    "orgs[].salesforce.auth.client_credentials.client_secret_file": File, Needed,
        Off("/etc/lightning-sync/acme.secret"),
        "The file with the app's consumer secret: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].salesforce.auth.jwt_bearer": Section, Words("client_credentials"), Off(""),
        "OAuth 2.0 JWT bearer: an external client app with a certificate, and a user who has approved it.";
    "orgs[].salesforce.auth.jwt_bearer.client_id": Text("^[!-~]{1,512}$", "the app's consumer key"), Needed,
        Off("3MVG9example"),
        "The app's consumer key.";
    "orgs[].salesforce.auth.jwt_bearer.username": Text("^[!-~]{1,320}$", "the user name of the integration user"),
        Needed, Off("integration@acme.example"),
        "The integration user's user name.";
    "orgs[].salesforce.auth.jwt_bearer.private_key_file": File, Needed, Off("/etc/lightning-sync/acme.key.pem"),
        "The RSA private key that belongs to the app's certificate, in PEM form without a passphrase, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].salesforce.auth.jwt_bearer.audience": Text("^https://[^/@?#]+$", "an https URL such as https://login.salesforce.com"),
        Words("https://test.salesforce.com for a sandbox or scratch organisation, else https://login.salesforce.com"),
        Off("https://login.salesforce.com"),
        "Who is to believe the assertion. It has to fit my_domain, or be it.";
    "orgs[].salesforce.poll_every": Span(TimeDelta::seconds(30), hours(1), "each poll is a request of the organisation's daily allowance, and counters begin anew at midnight"),
        Value("60s"), Off("60s"),
        "How often to ask. 60s is about 1,700 requests a day; for a Developer organisation with its 15,000 a day take 300s.";
    "orgs[].salesforce.api_budget_percent": Count(1, 100), Value("80"), Off("80"),
        "The share of the organisation's daily API requests, used by anybody, beyond which polling pauses. It slows down from three quarters of it on.";
    "orgs[].salesforce.report": Section, Words("no report is run"), Off(""),
        "A sync error report that an admin built: it is run every 15 minutes, and its rows are counted.";
    "orgs[].salesforce.report.id": Text("^00O[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$", "the report's record id, which begins with 00O"),
        Needed, Off("00O000000000001AAA"),
        "The report's record id, as its address shows it.";
    "orgs[].salesforce.report.object_column": LABEL, Needed,
        Off("Object"),
        "The label of the column that says whether a contact or an event did not sync.";
    "orgs[].salesforce.report.user_column": LABEL, Needed,
        Off("User"),
        "The label of the column that names the user.";
    "orgs[].salesforce.report.contact_word": WORD, Words("contact"), Off("Kontakt"),
        "What a row about a contact has in object_column, where the report is in another language than English.";
    "orgs[].salesforce.report.event_word": WORD, Words("event"), Off("Ereignis"),
        "What a row about an event has in object_column, where the report is in another language than English.";
    "orgs[].salesforce.read_settings": Flag, Value("true"), Off("true"),
        "Whether the switches of Outlook integration and sync are read. It takes a permission that could also change them; without it everything else works.";
    "orgs[].salesforce.approximate_activity": Flag, Value("false"), Off("false"),
        "Whether changed contacts and events are counted every 15 minutes: an upper bound of what could sync, changes by people included. No alert uses it.";
    "orgs[].exchange_log": Section, Words("Exchange's logs are not read"), Off(""),
        "Reads what Exchange Server itself logged of Salesforce's calls, from directories with its logs or copies of them. See docs/exchange-logs.md.";
    "orgs[].exchange_log.service_account": Texts(r"^[^@\\]+[@\\][^@\\]+$", r"names of the service account such as svc-sfsync@acme.example or ACME\svc-sfsync"),
        Needed, Off(r"[svc-sfsync@acme.example, 'ACME\svc-sfsync']"),
        r"The names under which the service account signs in. Exchange logs the mail address of an account that has a mailbox, and DOMAIN\name of one that has none: give both.";
    "orgs[].exchange_log.user_agent": Text("^[ -~]{3,256}$", "a part of the user agent, 3 to 256 characters"),
        Words("no hint"), Off("Salesforce"),
        "A part of the user agent that Salesforce sends, in any letter case. It is a hint for rows without a name, as refused sign-ins over NTLM are. With addresses, both have to fit.";
    "orgs[].exchange_log.addresses": Texts("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", "addresses or ranges such as 192.0.2.7 or 192.0.2.0/24"),
        Words("no hint"), Off("[192.0.2.0/24]"),
        "The addresses that Salesforce's calls come from: a hint for rows without a name. Behind a load balancer the logs may show the balancer's address.";
    "orgs[].exchange_log.servers": Sections, Needed, Off(""),
        "Every Exchange server that Salesforce's calls may reach: all of a group behind one name. That nobody called is claimed only when the logs of all of them say so.";
    "orgs[].exchange_log.servers[].name": Text("^[A-Za-z0-9._-]{1,64}$", "1 to 64 letters, digits, dots, _ and -"), Needed,
        Off("EX01"),
        "The server's name in labels; each has another. A server under a new name is read anew from the last day on.";
    "orgs[].exchange_log.servers[].ews": File, Words("this log is not read"), Off("/mnt/ex01/Logging/Ews"),
        r"The directory with its EWS log, on the server %ExchangeInstallPath%Logging\Ews: each call with its mailbox, operation and error. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange_log.servers[].http_proxy": File, Words("this log is not read"), Off("/mnt/ex01/Logging/HttpProxy/Ews"),
        r"The directory with its HttpProxy log, on the server %ExchangeInstallPath%Logging\HttpProxy\Ews: calls that failed before they reached a mailbox server.";
    "orgs[].exchange_log.servers[].iis": File, Words("this log is not read"), Off("/mnt/ex01/LogFiles/W3SVC1"),
        r"The directory with IIS's log of the front end, on the server inetpub\logs\LogFiles\W3SVC1: refused sign-ins with their reason, which no other log has.";
    "orgs[].exchange_log.poll_every": Span(TimeDelta::seconds(1), hours(1), "a reading takes a moment, and a refused sign-in must not wait for an hour"),
        Value("60s"), Off("60s"),
        "How often the directories are read.";
    "orgs[].exchange_log.no_calls_after": Span(hours(1), days(14), "a sync calls every few minutes, and two weeks without a call are no pause"),
        Value("4h"), Off("4h"),
        "How long the logs of all servers may go on without a call of the service account before it is a finding.";
    "orgs[].exchange": Section, Words("Exchange is not probed"), Off(""),
        "Probes Exchange as Salesforce's account would use it, and reads nothing but folders and their counts.";
    "orgs[].exchange.ews_url": Text("^https?://[^/@?#]+(/[^?#]*)?$", "the https URL of EWS, such as https://mail.acme.example/EWS/Exchange.asmx"),
        Words("mailboxes are looked at over Graph alone"), Off("https://mail.acme.example/EWS/Exchange.asmx"),
        "The URL of EWS that Salesforce uses, with auth; every request goes to its host and nowhere else. Plain http is taken to loopback only.";
    "orgs[].exchange.ca_file": File, Words("the system's authorities alone"),
        Off("/etc/lightning-sync/exchange-ca.pem"),
        "Certificates in PEM form of one more authority to trust. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.auth": Section, Words("needed with ews_url"), Off(""),
        "How to sign in at EWS: exactly one of the sections below.";
    "orgs[].exchange.auth.basic": Section, Words("another way"), Off(""),
        "A name and a password, within TLS, for a server that offers Basic.";
    "orgs[].exchange.auth.basic.username": Text("^[^:\\x00-\\x1f]{1,320}$", "the account's name, such as CORP\\svc-sfsync or svc-sfsync@acme.example"), Needed,
        Off("svc-sfsync@acme.example"),
        "The service account that Salesforce uses, or one with the same rights.";
    "orgs[].exchange.auth.basic.password_file": File, Needed, Off("/etc/lightning-sync/acme.exchange"),
        "The file with the account's password: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.auth.ntlm": Section, Words("another way"), Off(""),
        "NTLM version 2, bound to the server's certificate where there is one: what Exchange Server offers by default. The password is not sent.";
    "orgs[].exchange.auth.ntlm.username": Text("^[^:\\x00-\\x1f]{1,320}$", "the account's name, such as CORP\\svc-sfsync or svc-sfsync@acme.example"), Needed,
        Off("svc-sfsync@acme.example"),
        "The service account that Salesforce uses, or one with the same rights.";
    "orgs[].exchange.auth.ntlm.password_file": File, Needed, Off("/etc/lightning-sync/acme.exchange"),
        "The file with the account's password: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.auth.bearer": Section, Words("another way"), Off(""),
        "An OAuth 2.0 access token that another program renews, for Exchange Online.";
    "orgs[].exchange.auth.bearer.token_file": File, Needed, Off("/etc/lightning-sync/acme.token"),
        "The file with the token: one line, read with every poll, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.graph": Section, Words("mailboxes are looked at over EWS alone"), Off(""),
        "An application that reads mailboxes in Exchange Online over Microsoft Graph. With ews_url as well, EWS is used for the mailboxes that Graph does not have.";
    "orgs[].exchange.graph.tenant": Text("^[A-Za-z0-9.-]{1,253}$", "the tenant's id, or a domain of it such as acme.onmicrosoft.com"), Needed,
        Off("acme.onmicrosoft.com"),
        "The tenant.";
    "orgs[].exchange.graph.client_id": Text("^[0-9A-Fa-f-]{36}$", "the application's id"), Needed,
        Off("00000000-0000-0000-0000-000000000000"),
        "The application's id, as its overview in Microsoft Entra shows it.";
    "orgs[].exchange.graph.client_secret_file": File, Words("certificate_file"), Off("/etc/lightning-sync/acme.graph"),
        "The file with the value of the application's secret: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.graph.certificate_file": File, Words("client_secret_file"), Off("/etc/lightning-sync/acme.graph.crt"),
        "The application's certificate in PEM form, as it was uploaded in Microsoft Entra. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.graph.key_file": File, Words("needed with certificate_file"), Off("/etc/lightning-sync/acme.graph.key"),
        "The RSA private key of the certificate, in PEM form without a passphrase, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].exchange.graph.cloud": Choice(names!(GraphCloud)), Value("global"), Off("global"),
        "Where the tenant is: it decides the hosts of sign-in and of Graph. GCC is global.";
    "orgs[].exchange.graph.simulator": Text("^https?://[^/@?#]+$", "a URL of this machine, such as https://localhost:8443"),
        Words("the hosts of the cloud"), Off("https://localhost:8443"),
        "A simulator on this machine in the place of both hosts, for trials.";
    "orgs[].exchange.mailboxes": Texts("^[^@\\s]+@[^@\\s]+( as .+)?$", "primary addresses, each followed by ` as USER` where Salesforce names the user otherwise"),
        Needed, Off("[ann@acme.example, bob@acme.example as bob@corp.example]"),
        "The mailboxes to look at. Over Graph, each needs the address that its user signs in with.";
    "orgs[].exchange.impersonate": Flag, Value("true"), Off("true"),
        "Whether the account impersonates users, as Lightning Sync's does; false opens mailboxes with rights that the account has in them.";
    "orgs[].exchange.autodiscover": Flag, Value("true"), Off("true"),
        "Whether Autodiscover on the same host is looked at, which Salesforce needs.";
    "orgs[].exchange.poll_every": Span(minutes(1), hours(1), "each probe opens every mailbox, and Exchange limits how often one account may"),
        Value("5m"), Off("5m"),
        "How often to probe.";
    "orgs[].exchange.contacts_folder": Text("^[^\\x00-\\x1f]{1,255}$", "the name of a folder"), Value("Salesforce_Sync"), Off("Salesforce_Sync"),
        "The folder under Contacts whose contacts are synced.";
    "orgs[].exchange.ews_retirement": DateOrNone, Value("2027-04-01"), Off("2027-04-01"),
        "The day at whose beginning, in UTC, Microsoft ends EWS in Exchange Online, or none. It counts where a mailbox is seen there over EWS.";
    "orgs[].canary": Section, Words("nothing is written"), Off(""),
        "Writes contacts and events of its own on one side, looks for them on the other, and removes them: proof that sync works. The only section that writes. See docs/canary.md.";
    "orgs[].canary.every": Span(minutes(10), hours(6), "a sync runs every few minutes, and each item costs two requests to Salesforce"),
        Value("30m"), Off("30m"),
        "How often one item is written for each object type and direction. 30m takes 96 requests a day to Salesforce.";
    "orgs[].canary.mailbox": Text("^[!-~]+@[!-~]+$", "the primary address of a mailbox that nobody else uses"), Needed, Off("sync-canary@acme.example"),
        "The mailbox that is written to and looked at. It belongs to nobody else.";
    "orgs[].canary.user": Text("^[!-~]+@[!-~]+$", "the user name of the mailbox's Salesforce user"), Needed, Off("sync-canary@acme.example"),
        "The Salesforce user of that mailbox, who syncs as everybody does. What is written belongs to this user.";
    "orgs[].canary.objects": Choices(names!(ObjectType)), Words("those of the organisation"), Off("[contacts, events]"),
        "What is written.";
    "orgs[].canary.directions": Choices(names!(Direction)), Value("[to_exchange, to_salesforce]"), Off("[to_exchange, to_salesforce]"),
        "Which way it goes.";
    "orgs[].canary.related_to": Text("^[0-9A-Za-z]{15}([0-9A-Za-z]{3})?$", "the id of a record, of 15 or 18 letters and digits"), Words("plain events"), Off("001000000000001AAA"),
        "A record that the events written in Salesforce are related to, so that they prove that such events sync.";
    "orgs[].canary.attendee": Text("^[!-~]+@[!-~]+$", "an address that nobody reads"), Words("plain events"), Off("nobody@acme.example"),
        "Who attends the events written in Exchange, so that they prove that such events sync. No invitation is sent.";
    "orgs[].canary.salesforce": Section, Needed, Off(""),
        "Salesforce, with an app of the canary's own that runs as its user.";
    "orgs[].canary.salesforce.my_domain": Text("^https?://[^/@?#]+/?$", "the organisation's own https URL, such as https://acme.my.salesforce.com"), Needed, Off("https://acme.my.salesforce.com"),
        "The organisation's My Domain.";
    "orgs[].canary.salesforce.ca_file": File, Words("the system's authorities alone"), Off("/etc/lightning-sync/canary-proxy-ca.pem"),
        "Certificates in PEM form of one more authority to trust. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.salesforce.api_version": Count(SalesforceSettings::LEAST_API_VERSION as u64, 99), Value("67"), Off("67"),
        "The version of Salesforce's API, without the .0.";
    "orgs[].canary.salesforce.auth": Section, Needed, Off(""),
        "How to get a session: exactly one of the sections below.";
    "orgs[].canary.salesforce.auth.client_credentials": Section, Words("jwt_bearer"), Off(""),
        "OAuth 2.0 client credentials of an external client app whose run-as user is the canary's.";
    "orgs[].canary.salesforce.auth.client_credentials.client_id": Text("^[!-~]{1,512}$", "the app's consumer key"), Needed, Off("3MVG9example"),
        "The app's consumer key.";
    "orgs[].canary.salesforce.auth.client_credentials.client_secret_file": File, Needed, Off("/etc/lightning-sync/acme.canary-secret"),
        "The file with the app's consumer secret: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.salesforce.auth.jwt_bearer": Section, Words("client_credentials"), Off(""),
        "OAuth 2.0 JWT bearer: an external client app with a certificate, and a user who has approved it.";
    "orgs[].canary.salesforce.auth.jwt_bearer.client_id": Text("^[!-~]{1,512}$", "the app's consumer key"), Needed, Off("3MVG9example"),
        "The app's consumer key.";
    "orgs[].canary.salesforce.auth.jwt_bearer.username": Text("^[!-~]{1,320}$", "the user name of the canary's user"), Needed, Off("sync-canary@acme.example"),
        "The user to run as: the canary's own.";
    "orgs[].canary.salesforce.auth.jwt_bearer.private_key_file": File, Needed, Off("/etc/lightning-sync/acme.canary-key.pem"),
        "The RSA private key that belongs to the app's certificate, in PEM form without a passphrase, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.salesforce.auth.jwt_bearer.audience": Text("^https://[^/@?#]+$", "an https URL such as https://login.salesforce.com"),
        Words("https://test.salesforce.com for a sandbox or scratch organisation, else https://login.salesforce.com"),
        Off("https://login.salesforce.com"),
        "Who is to believe the assertion. It has to fit my_domain, or be it.";
    "orgs[].canary.exchange": Section, Needed, Off(""),
        "Exchange, with an account of the canary's own that may write to its mailbox and to no other.";
    "orgs[].canary.exchange.ews_url": Text("^https?://[^/@?#]+(/[^?#]*)?$", "the https URL of EWS, such as https://mail.acme.example/EWS/Exchange.asmx"),
        Needed, Off("https://mail.acme.example/EWS/Exchange.asmx"),
        "The URL of EWS; every request goes to its host and nowhere else. Plain http is taken to loopback only.";
    "orgs[].canary.exchange.ca_file": File, Words("the system's authorities alone"), Off("/etc/lightning-sync/canary-exchange-ca.pem"),
        "Certificates in PEM form of one more authority to trust. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.exchange.auth": Section, Needed, Off(""),
        "How to sign in: exactly one of the sections below.";
    "orgs[].canary.exchange.auth.basic": Section, Words("another way"), Off(""),
        "A name and a password, within TLS, for a server that offers Basic.";
    "orgs[].canary.exchange.auth.basic.username": Text("^[^:\\x00-\\x1f]{1,320}$", "the account's name, such as CORP\\svc-canary or svc-canary@acme.example"), Needed, Off("svc-canary@acme.example"),
        "The canary's account.";
    "orgs[].canary.exchange.auth.basic.password_file": File, Needed, Off("/etc/lightning-sync/acme.canary-password"),
        "The file with the account's password: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.exchange.auth.ntlm": Section, Words("another way"), Off(""),
        "NTLM version 2, bound to the server's certificate where there is one: what Exchange Server offers by default. The password is not sent.";
    "orgs[].canary.exchange.auth.ntlm.username": Text("^[^:\\x00-\\x1f]{1,320}$", "the account's name, such as CORP\\svc-canary or svc-canary@acme.example"), Needed, Off("svc-canary@acme.example"),
        "The canary's account.";
    "orgs[].canary.exchange.auth.ntlm.password_file": File, Needed, Off("/etc/lightning-sync/acme.canary-password"),
        "The file with the account's password: one line, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.exchange.auth.bearer": Section, Words("another way"), Off(""),
        "An OAuth 2.0 access token that another program renews, for Exchange Online.";
    "orgs[].canary.exchange.auth.bearer.token_file": File, Needed, Off("/etc/lightning-sync/acme.canary-token"),
        "The file with the token: one line, read with every poll, not readable by everybody. A relative path is taken from the directory of the configuration.";
    "orgs[].canary.exchange.impersonate": Flag, Value("true"), Off("true"),
        "Whether the account impersonates the mailbox; false opens it with rights that the account has in it, or where it is the mailbox's own.";
};

const NOTHING: KeyDefault = Words("nothing");

/// The keys of `--web.config.file`, under the names that the Prometheus family gives them.
pub(super) const WEB_KEYS: &[ConfigKey] = keys! {
    "tls_server_config": Section, Words("plain http"), Live(""),
        "Encryption; without it everything is plain http.";
    "tls_server_config.cert_file": File, Needed, Live("web.crt"),
        "The certificate and, behind it, the chain to its authority. Read again when it changes.";
    "tls_server_config.key_file": File, Needed, Live("web.key"),
        "The key of the certificate, closed to other users. Read again when it changes.";
    "tls_server_config.client_auth_type": Choice(names!(ClientAuth)), Value("NoClientCert"),
        Live("RequireAndVerifyClientCert"),
        "Whether clients have to show a certificate of client_ca_file.";
    "tls_server_config.client_ca_file": File, NOTHING, Live("clients.crt"),
        "The authorities of clients' certificates.";
    "tls_server_config.min_version": Choice(names!(TlsVersion)), Value("TLS12"), Live("TLS12"),
        "The lowest version that is offered.";
    "tls_server_config.max_version": Choice(names!(TlsVersion)), Value("TLS13"), Live("TLS13"),
        "The highest version that is offered.";
    "tls_server_config.cipher_suites": Texts("", "suites of TLS 1.2"), Words("every good one"),
        Live("[TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]"),
        "Suites of TLS 1.2, the preferred first. Those of TLS 1.3 are all good and always there.";
    "tls_server_config.prefer_server_cipher_suites": Flag, Value("true"), Live("true"),
        "Whether our order of suites counts rather than the client's.";
    "tls_server_config.curve_preferences": Texts("", "curves"), Words("every good one"), Live("[X25519, CurveP256]"),
        "Curves for the exchange of keys, the preferred first.";
    "http_server_config": Section, NOTHING, Live(""),
        "Protocol and headers.";
    "http_server_config.http2": Flag, Value("true"), Live("true"),
        "Taken and without effect: clients that may choose are served HTTP/1.1, which every client speaks.";
    "http_server_config.headers": Section, NOTHING, Live(""),
        "Headers of every answer, instead of our own of the same name.";
    "http_server_config.headers.Content-Security-Policy": Text("", "a policy"), NOTHING, Off("\"frame-ancestors 'none'\""),
        "What a page may load, beside the pages' own policy: browsers obey both.";
    "http_server_config.headers.X-Frame-Options": Text("", "DENY or SAMEORIGIN"), NOTHING, Live("deny"),
        "Who may frame a page.";
    "http_server_config.headers.X-Content-Type-Options": Text("", "nosniff"), NOTHING, Live("nosniff"),
        "Whether browsers guess types.";
    "http_server_config.headers.X-XSS-Protection": Text("", "a value of this header"), NOTHING, Live("\"0\""),
        "A filter of old browsers.";
    "http_server_config.headers.Strict-Transport-Security": Text("", "a value such as max-age=31536000"), NOTHING,
        Live("max-age=31536000"),
        "For how long browsers insist on https.";
    "basic_auth_users": Section, Words("everybody"), Live(""),
        "Users and the bcrypt hashes of their passwords.";
};
