//! A policy with some keys changed, for trying them on the past. The keys are those of an organisation's section and are
//! read by what reads that section.

use super::keys::KEYS;
use super::mistakes::{Collector, ConfigError, MistakePlace, nearest, quoted, shown_key};
use super::org::{POLICY_KEYS, read_policy};
use super::reader;
use super::section::ConfigSection;
use crate::domain::policy::OrgPolicy;
use config::{Map, Value, ValueKind};

/// As many as a person types; a policy has fewer keys.
const MOST: usize = 100;
/// The longest: a list of holidays of some years.
const LONGEST: usize = 4096;

/// `policy` with `changes` such as `fresh_within=5m` or `business_hours.holidays=[2026-12-24]`; the value is written as in
/// the configuration.
///
/// # Errors
/// All mistakes at once, by their keys.
pub fn changed_policy(policy: &OrgPolicy, changes: &[String]) -> Result<OrgPolicy, ConfigError> {
    let mistakes = Collector::default();
    let mut section = Map::new();
    if changes.len() > MOST {
        let says = format!("found {} changes; allowed: at most {MOST}", changes.len());
        mistakes.add(MistakePlace::Whole, "", says);
    }
    for change in changes.iter().take(MOST) {
        if let Err((key, says)) = put(&mut section, change, &mistakes) {
            mistakes.add(MistakePlace::Whole, key, says);
        }
    }
    let mut changed = policy.clone();
    let section = Value::new(None, ValueKind::Table(section));
    read_policy(&ConfigSection::of_org(KEYS, &section, &mistakes), &mut changed);
    mistakes.finish("the changed policy", Some(changed))
}

/// Puts one change where its key belongs.
fn put(
    section: &mut Map<String, Value>,
    change: &str,
    mistakes: &Collector,
) -> Result<(), (String, String)> {
    let whole = |says: &str| (String::new(), format!("found {}; {says}", quoted(change)));
    let Some((key, value)) = change.split_once('=').filter(|_| change.len() <= LONGEST) else {
        return Err(whole("allowed: a key and its value, such as fresh_within=5m"));
    };
    let (key, value) = (key.trim(), value.trim());
    let (name, below) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
    if !POLICY_KEYS.contains(&name) {
        let allowed = match nearest(name, POLICY_KEYS) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("allowed: {}", POLICY_KEYS.join(", ")),
        };
        return Err((shown_key(name), format!("no key of a policy; {allowed}")));
    }
    let read = reader::read(value, mistakes).filter(|_| !value.is_empty());
    let value =
        read.ok_or_else(|| (shown_key(key), "the value is missing or no YAML".to_owned()))?;
    let twice = || (shown_key(name), "given twice".to_owned());
    let Some(below) = below else {
        return section.insert(name.to_owned(), value).map_or(Ok(()), |_| Err(twice()));
    };
    let outer = section
        .entry(name.to_owned())
        .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    let ValueKind::Table(table) = &mut outer.kind else {
        return Err(twice());
    };
    table.insert(below.to_owned(), value).map_or(Ok(()), |_| Err(twice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendar;
    use crate::domain::ids::{OrgName, Source};
    use chrono::TimeDelta;

    fn changed(policy: &OrgPolicy, changes: &[&str]) -> Result<OrgPolicy, String> {
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        changed_policy(policy, &changes).map_err(|error| error.to_string())
    }

    fn before() -> OrgPolicy {
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.expected_linked_users = Some(7);
        policy
    }

    #[test]
    fn what_is_not_changed_stays() {
        assert_eq!(changed(&before(), &[]), Ok(before()));
        let policy = changed(&before(), &["fresh_within = 5m", "limits.reset=1h"]).unwrap();
        let expected = OrgPolicy {
            fresh_within: TimeDelta::minutes(5),
            reset_limit: TimeDelta::hours(1),
            ..before()
        };
        assert_eq!(policy, expected);
        let every = changed(&before(), &["expected_every={activity: 2h}"]).unwrap();
        assert_eq!(every.expected_every[Source::Activity], Some(TimeDelta::hours(2)));
    }

    #[test]
    fn hours_that_are_there_are_changed_in_part() {
        let hours = "business_hours={from: \"08:00\", to: \"17:00\", days: [mon, tue]}";
        let first = changed(&before(), &[hours, "count_hours=business"]).unwrap();
        let second = ["business_hours.holidays=[2026-12-24]", "time_zone=Europe/Berlin"];
        let policy = changed(&first, &second).unwrap();
        let Calendar::Weekly(weekly) = policy.calendar else { panic!("no hours") };
        assert_eq!((weekly.from_minute, weekly.to_minute, weekly.days.len()), (480, 1020, 2));
        assert_eq!(weekly.holidays.len(), 1);
        assert_eq!(weekly.time_zone, chrono_tz::Tz::Europe__Berlin);
        assert!(changed(&first, &["business_hours.from=18:00"]).is_err());
    }

    #[test]
    fn what_cannot_be_is_named_by_its_key() {
        for (change, says) in [
            (
                "fresh_within",
                "found \"fresh_within\"; allowed: a key and its value, such as fresh_within=5m",
            ),
            ("fresh_whithin=5m", "fresh_whithin: no key of a policy; did you mean fresh_within?"),
            ("fresh_within=", "fresh_within: the value is missing or no YAML"),
            (
                "fresh_within=5",
                "fresh_within: found the number 5; the unit is missing: 5s, 5m, 5h or 5d?",
            ),
            ("fresh_within=2d", "fresh_within: found \"2d\"; allowed: "),
            ("limits.rest=1h", "limits.rest: unknown key; did you mean reset?"),
            ("stale_after=nan", "stale_after: "),
            ("business_hours.from=09:00", "business_hours.to: missing; needed: "),
        ] {
            let error = changed(&before(), &[change]).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let secret = changed(&before(), &["ingest.token_file=/etc/shadow"]).unwrap_err();
        assert!(secret.contains("ingest: no key of a policy"), "{secret}");
        let twice = changed(&before(), &["fresh_within=5m", "fresh_within=6m"]).unwrap_err();
        assert!(twice.ends_with("fresh_within: given twice"), "{twice}");
        assert!(changed(&before(), &["exclude_users=&a [*a]"]).is_err());
    }

    #[test]
    fn every_key_of_a_policy_is_a_key_of_the_section() {
        for key in POLICY_KEYS {
            assert!(KEYS.iter().any(|known| known.path == format!("orgs[].{key}")), "{key}");
        }
    }
}
