//! What would have alerted: the store's past, or a file's.

use super::args::{CONFIG_FILE, ReplayArgs, ReplayFormat, ReplayTime};
use super::exit::{Exit, Streams};
use crate::app::now;
use crate::config::{Environment, ValidConfig, changed_policy, from_file, start_of};
use crate::domain::activity::IdentityKey;
use crate::domain::ids::OrgName;
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::replay::{MOST_STEPS_OF_SERIES, Past, Period, Replay, Series, play, read_metrics};
use crate::sources::activity::{self, ActivityContext};
use crate::sources::ingest_error::OnError;
use crate::store::open_history;
use chrono::TimeDelta;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest file: two million records of activity.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// What is played of the store without `--since`.
const LATELY: TimeDelta = TimeDelta::days(7);
/// The organisation of a file that names none.
const UNNAMED: &str = "replay";

/// How to exit, and why.
type ReplayFailure = (Exit, String);

fn wrong(error: impl ToString) -> ReplayFailure {
    (Exit::WRONG, error.to_string())
}

fn failed(error: impl ToString) -> ReplayFailure {
    (Exit::FAILED, error.to_string())
}

/// Plays and prints.
pub(super) fn replay(args: &ReplayArgs, streams: &mut Streams<'_>) -> Exit {
    match replayed(args) {
        Ok(text) => streams.print(&text),
        Err((exit, says)) => streams.complain(says, exit),
    }
}

fn replayed(args: &ReplayArgs) -> Result<String, ReplayFailure> {
    let now = now();
    let step = TimeDelta::from_std(args.step).map_err(wrong)?;
    let (policy, past, period) = match &args.file {
        Some(file) => {
            let named =
                |error: ReplayFailure| (error.0, format!("{}: {}", file.display(), error.1));
            let (org, past) = of_file(file, args.org.as_ref(), now).map_err(named)?;
            let policy = match &args.config {
                Some(config) => configured(&read_config(config)?, Some(&org))?,
                None => OrgPolicy::defaults(org),
            };
            let policy = changed_policy(&policy, &args.changes).map_err(wrong)?;
            let (first, last) = past.reach();
            let period = period(args, &policy, (first, last), step)?;
            (policy, past, period)
        }
        None => {
            let config = args.config.as_deref().unwrap_or(Path::new(CONFIG_FILE));
            let config = read_config(config)?;
            let policy = configured(&config, args.org.as_ref())?;
            let policy = changed_policy(&policy, &args.changes).map_err(wrong)?;
            let period = period(args, &policy, (now.minus(LATELY), now), step)?;
            let store = &config.store;
            let history = open_history(&store.path, store.postgres.as_ref()).map_err(failed)?;
            let known = history.org(&policy.name).map_err(failed)?;
            let (id, since) =
                known.ok_or_else(|| failed(format!("the store does not know {}", policy.name)))?;
            let past = Past::of_history(history.as_ref(), id, since, period.reads(), step)
                .map_err(failed)?;
            (policy, past, period)
        }
    };
    let print = |replay: Replay| match args.format {
        ReplayFormat::Json => replay.json().map_err(failed),
        ReplayFormat::Svg => Ok(replay.svg()),
        ReplayFormat::Text | ReplayFormat::OpenMetrics => Ok(replay.text()),
    };
    if args.format != ReplayFormat::OpenMetrics {
        return print(play(&past, &policy, period, &args.changes, |_, _| {}));
    }
    if period.steps() > MOST_STEPS_OF_SERIES || step > Period::STEP {
        return Err(wrong(format!(
            "openmetrics takes at most {MOST_STEPS_OF_SERIES} steps, of at most 5m: Prometheus sees a sample for 5 minutes"
        )));
    }
    let mut series = Series::of(&past).map_err(failed)?;
    play(&past, &policy, period, &args.changes, |org, now| series.take(org, now));
    Ok(series.text())
}

fn read_config(path: &Path) -> Result<ValidConfig, ReplayFailure> {
    from_file(path, &Environment::of_process()).map_err(wrong)
}

/// The policy of an organisation; of the only one where none is named.
fn configured(config: &ValidConfig, org: Option<&OrgName>) -> Result<OrgPolicy, ReplayFailure> {
    let mut named = config.orgs.iter().filter(|of| org.is_none_or(|org| of.policy.name == *org));
    match (named.next(), named.next(), org) {
        (Some(only), None, _) => Ok(OrgPolicy::clone(&only.policy)),
        (Some(_), Some(_), _) => {
            Err(wrong("several organisations are configured; choose one with --org"))
        }
        (None, _, Some(org)) => Err(wrong(format!("{org} is not configured"))),
        (None, _, None) => Err(wrong("no organisation is configured")),
    }
}

fn period(
    args: &ReplayArgs,
    policy: &OrgPolicy,
    (from, until): (Timestamp, Timestamp),
    step: TimeDelta,
) -> Result<Period, ReplayFailure> {
    let instant = |time: &Option<ReplayTime>, otherwise| match time {
        Some(ReplayTime::Day(day)) => start_of(day, policy.time_zone).map_err(wrong),
        Some(ReplayTime::At(at)) => Ok(*at),
        None => Ok(otherwise),
    };
    let (from, until) = (instant(&args.since, from)?, instant(&args.until, until)?);
    Period::new(from, until, step).map_err(wrong)
}

/// Reads a file by what it begins with: objects are records of activity, everything else is metrics.
fn of_file(
    file: &Path,
    org: Option<&OrgName>,
    now: Timestamp,
) -> Result<(OrgName, Past), ReplayFailure> {
    let bytes = read(file).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(failed(format!("more than {MAX_FILE_BYTES} bytes; give a shorter time")));
    }
    let first = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start().first();
    if !matches!(first, Some(b'{' | b'[')) {
        return read_metrics(&bytes, org).map_err(failed);
    }
    let org = org.cloned().map_or_else(|| OrgName::new(UNNAMED).map_err(failed), Ok)?;
    // Nobody else sees these identities: they tell the file's records apart.
    let identity = IdentityKey::new([0; 16]);
    let context =
        ActivityContext { org: &org, identity: &identity, now, on_error: OnError::Refuse };
    let parsed = activity::parse(&bytes, &context).map_err(|error| {
        let first = error.errors.first().map(|mistake| format!("; the first: {mistake}"));
        failed(format!(
            "{} records are wrong{}",
            error.total,
            first.unwrap_or_else(|| format!(": {error}"))
        ))
    })?;
    let past = Past::of_records(&parsed.value.records).map_err(failed)?;
    Ok((org, past))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
