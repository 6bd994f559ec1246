//! Samples of the exporter's own metrics, as `promtool tsdb dump-openmetrics` writes them or as pages that were saved one
//! after the other.

use super::ReplayError;
use super::past::{MOST, Past, PastKind, PastReading};
use crate::domain::ids::{ObjectType, OrgName, Source};
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// The time of a page that carries no other.
const PAGE_TIME: &str = "lightning_sync_exporter_view_timestamp_seconds";
const STALE: &str = "lightning_sync_reading_stale";
/// The longest line: a series of ours has less than 300 bytes, and labels of the operator's own come beside it.
const LINE_BYTES: usize = 16 * 1024;
/// The source that samples stand for: it reads by itself, and what it has read is stale soon.
const READ_BY: Source = Source::Salesforce;

/// A sample that is read.
struct Sample<'a> {
    name: &'a str,
    org: Option<&'a str>,
    object: Option<ObjectType>,
    row: Option<&'a str>,
    value: f64,
    at: Option<Timestamp>,
}

/// Reads samples of `org`, or of the only organisation that is in them. What is no metric of ours is passed over.
///
/// # Errors
/// When a line cannot be read, or nothing of an organisation is in it.
pub fn read_metrics(text: &[u8], org: Option<&OrgName>) -> Result<(OrgName, Past), ReplayError> {
    let text = std::str::from_utf8(text)
        .map_err(|error| ReplayError::new(format!("no UTF-8 at byte {}", error.valid_up_to())))?;
    let mut orgs = BTreeSet::new();
    let mut readings: Vec<(String, PastReading)> = Vec::new();
    let mut stale: BTreeSet<(Timestamp, OrgRow)> = BTreeSet::new();
    let mut untimed: Vec<(String, OrgRow, Option<OrgValue>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || !line.starts_with("lightning_sync_") {
            continue;
        }
        let wrong = |says: &str| ReplayError::new(format!("line {}: {says}", number + 1));
        let sample = Sample::read(line).map_err(wrong)?;
        if sample.name == PAGE_TIME && sample.at.is_none() {
            let at = instant(sample.value).ok_or_else(|| wrong("the page's time cannot be"))?;
            for (org, row, value) in untimed.drain(..) {
                match value {
                    Some(value) => {
                        readings.push((org, PastReading { at, source: READ_BY, row, value }))
                    }
                    None => drop(stale.insert((at, row))),
                }
            }
            continue;
        }
        let Some(of) = sample.org else { continue };
        let Some((row, value)) = sample.meaning() else { continue };
        orgs.insert(of.to_owned());
        if readings.len() + untimed.len() + stale.len() > MOST {
            return Err(ReplayError::new(format!(
                "there are more than {MOST} samples; give a shorter file"
            )));
        }
        if org.is_some_and(|org| org.as_str() != of) {
            continue;
        }
        match (sample.at, value) {
            (Some(at), Some(value)) => {
                readings.push((of.to_owned(), PastReading { at, source: READ_BY, row, value }));
            }
            (Some(at), None) => drop(stale.insert((at, row))),
            (None, value) => untimed.push((of.to_owned(), row, value)),
        }
    }
    if !untimed.is_empty() {
        return Err(ReplayError::new(format!(
            "there are samples without a time; each page needs {PAGE_TIME}"
        )));
    }
    let org = match org {
        Some(org) => org.clone(),
        None => one_of(&orgs)?,
    };
    let readings = readings
        .into_iter()
        .filter(|(of, reading)| of == org.as_str() && !stale.contains(&(reading.at, reading.row)));
    let readings: Vec<PastReading> = readings.map(|(_, reading)| reading).collect();
    let every = usual_distance(&readings);
    let mut past = Past::of(PastKind::Metrics, Vec::new(), readings, None)?;
    past.every = every;
    Ok((org, past))
}

/// The only organisation.
fn one_of(orgs: &BTreeSet<String>) -> Result<OrgName, ReplayError> {
    let mut names = orgs.iter();
    match (names.next(), names.next()) {
        (Some(only), None) => {
            OrgName::new(only).map_err(|error| ReplayError::new(error.to_string()))
        }
        (None, _) => Err(ReplayError::new("there is no sample in it that can be judged")),
        (Some(_), Some(_)) => Err(ReplayError::new(format!(
            "there are {} organisations in it; choose one with --org",
            orgs.len()
        ))),
    }
}

/// How far samples are usually apart.
fn usual_distance(readings: &[PastReading]) -> Option<TimeDelta> {
    let times: BTreeSet<Timestamp> = readings.iter().map(|reading| reading.at).collect();
    let times: Vec<Timestamp> = times.into_iter().collect();
    let mut distances: Vec<TimeDelta> = times
        .iter()
        .zip(times.iter().skip(1))
        .map(|(earlier, later)| later.since(*earlier))
        .collect();
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied()
}

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Result<Self, &'static str> {
        if line.len() > LINE_BYTES {
            return Err("longer than a sample");
        }
        let (series, rest) = match line.rsplit_once('}') {
            Some((series, rest)) => (series, rest),
            None => line.split_once(' ').ok_or("a sample without a value")?,
        };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let mut rest = rest.split_ascii_whitespace();
        let value = rest.next().ok_or("a sample without a value")?;
        let value: f64 = value.parse().map_err(|_| "a value that is no number")?;
        let at = match rest.next() {
            Some(at) => Some(time(at).ok_or("a time that cannot be")?),
            None => None,
        };
        if rest.next().is_some() {
            return Err("more than a value and its time");
        }
        let label = |name: &str| {
            labels.split(',').find_map(|label| {
                let (key, value) = label.trim().split_once('=')?;
                (key == name).then(|| value.trim_matches('"'))
            })
        };
        let object = label("object_type").and_then(ObjectType::from_name);
        Ok(Self { name, org: label("org"), object, row: label("row"), value, at })
    }

    /// The row that it is of, and its value; no value: it is stale then. `None` where it says nothing that can be judged.
    fn meaning(&self) -> Option<(OrgRow, Option<OrgValue>)> {
        let flag = || {
            Some(self.value).filter(|value| [0.0, 1.0].contains(value)).map(|value| value == 1.0)
        };
        let count = || {
            let whole = Some(self.value).filter(|value| (0.0..=1e15).contains(value));
            whole.map(|value| OrgValue::Count(value as u64))
        };
        let (row, value) = match (self.name, self.object) {
            (STALE, object) => {
                let row = OrgRow::ALL.into_iter().find(|row| {
                    let spec = row.spec();
                    Some(spec.name) == self.row && spec.object_type == object
                });
                return (self.value == 1.0).then_some((row?, None));
            }
            ("lightning_sync_last_sync_timestamp_seconds", Some(object)) => {
                (OrgRow::LastSync(object), OrgValue::Instant(instant(self.value)?))
            }
            ("lightning_sync_records_synced_60m", Some(object)) => {
                (OrgRow::Synced60m(object), count()?)
            }
            ("lightning_sync_records_synced_24h", Some(object)) => {
                (OrgRow::Synced24h(object), count()?)
            }
            ("lightning_sync_linked_users", _) => (OrgRow::LinkedUsers, count()?),
            ("lightning_sync_service_account_recognized", _) => {
                (OrgRow::ServiceAccountRecognized, OrgValue::Flag(flag()?))
            }
            ("lightning_sync_outlook_integration_enabled", _) => {
                (OrgRow::OutlookIntegration, OrgValue::Flag(flag()?))
            }
            ("lightning_sync_service_account_provided", _) => {
                let name = flag()?.then(|| "a name".into());
                (OrgRow::ServiceAccountProvided, OrgValue::Account(name))
            }
            _ => return None,
        };
        Some((row, Some(value)))
    }
}

/// The time of a sample: seconds, or milliseconds as the older text format has them; seconds of this size are of the year
/// 5138.
fn time(text: &str) -> Option<Timestamp> {
    const FIRST_OF_MILLISECONDS: f64 = 1e11;
    let number: f64 = text.parse().ok()?;
    instant(if number >= FIRST_OF_MILLISECONDS { number / 1000.0 } else { number })
}

/// An instant between 1970 and 2100; everything else is a slip, or `NaN` and its kin.
fn instant(seconds: f64) -> Option<Timestamp> {
    const END: f64 = 4_102_444_800.0;
    let millis = (seconds * 1000.0).round();
    (0.0..END).contains(&seconds).then(|| Timestamp::from_nanos((millis as i64) * 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(OrgName, Past), String> {
        read_metrics(text.as_bytes(), None).map_err(|error| error.to_string())
    }

    #[test]
    fn a_dump_and_saved_pages_say_the_same() {
        let dump = "lightning_sync_last_sync_timestamp_seconds{instance=\"a\",org=\"acme\",object_type=\"events\"} 1757203000 1757203200\n\
                    lightning_sync_last_sync_timestamp_seconds{instance=\"a\",org=\"acme\",object_type=\"events\"} 1757203100 1757203260.000\n\
                    other_metric 5 1757203260\n# EOF\n";
        let pages = "# HELP x y\nlightning_sync_last_sync_timestamp_seconds{org=\"acme\",object_type=\"events\"} 1757203000\n\
                     lightning_sync_exporter_view_timestamp_seconds 1757203200\n# EOF\n\
                     lightning_sync_last_sync_timestamp_seconds{org=\"acme\",object_type=\"events\"} 1757203100\n\
                     lightning_sync_exporter_view_timestamp_seconds 1.75720326e9\n";
        let (org, dumped) = read(dump).unwrap();
        assert_eq!(org.as_str(), "acme");
        assert_eq!(dumped.every, Some(TimeDelta::minutes(1)));
        assert_eq!(dumped.readings.len(), 2);
        assert_eq!(dumped.readings, read(pages).unwrap().1.readings);
    }

    #[test]
    fn what_was_stale_is_no_reading() {
        let at = 1_757_203_200;
        let text = format!(
            "lightning_sync_linked_users{{org=\"acme\"}} 4 {at}\n\
             lightning_sync_service_account_recognized{{org=\"acme\"}} 0 {at}\n\
             lightning_sync_reading_stale{{org=\"acme\",row=\"linked_users\",object_type=\"\"}} 1 {at}\n"
        );
        let (_, past) = read(&text).unwrap();
        let rows: Vec<OrgRow> = past.readings.iter().map(|reading| reading.row).collect();
        assert_eq!(rows, [OrgRow::ServiceAccountRecognized]);
    }

    #[test]
    fn what_is_no_sample_is_answered_in_a_sentence() {
        let series = "lightning_sync_linked_users{org=\"acme\"}";
        for (text, says) in [
            (String::new(), "there is no sample in it that can be judged"),
            (format!("{series} NaN 1757203200"), "there is no sample in it that can be judged"),
            (format!("{series} 4 NaN"), "line 1: a time that cannot be"),
            (format!("{series} 4 1e300"), "line 1: a time that cannot be"),
            (format!("{series} 4 -5"), "line 1: a time that cannot be"),
            (format!("\n{series} x 5"), "line 2: a value that is no number"),
            (format!("{series} 4 5 6"), "line 1: more than a value and its time"),
            (series.to_owned(), "line 1: a sample without a value"),
            (
                format!("{series} 4"),
                "there are samples without a time; each page needs lightning_sync_exporter_view_timestamp_seconds",
            ),
            (
                format!("{series} 4 1757203200\n{} 4 1757203200", series.replace("acme", "beta")),
                "there are 2 organisations in it; choose one with --org",
            ),
        ] {
            assert_eq!(read(&text).err().as_deref(), Some(says), "{text}");
        }
        let error = read_metrics(b"lightning_sync_\xff", None).unwrap_err();
        assert_eq!(error.to_string(), "no UTF-8 at byte 15");
    }
}
