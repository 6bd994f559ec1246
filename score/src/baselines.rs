//! Rules that somebody would write in an afternoon, each a comparison with what is exported.

use crate::alarms::LabelSet;

/// A set of such rules. Everything in it wakes somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NaiveRules {
    /// The last sync is older than 24 hours.
    Age,
    /// A count is zero.
    Zero,
    /// One rule for each status that the article calls bad.
    Statuses,
}

impl NaiveRules {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Age, Self::Zero, Self::Statuses];
}

const AGE: &str = "lightning_sync_last_sync_age_seconds";
const DAY: f64 = 86_400.0;
/// The article's "within the last few minutes".
const FRESH: f64 = 900.0;

/// What fires by one sample.
pub(crate) fn firing(
    name: &str,
    labels: &str,
    value: f64,
) -> impl Iterator<Item = (NaiveRules, LabelSet)> {
    let zero = value == 0.0;
    let status = |one: &str| labels.contains(&format!("status=\"{one}\""));
    let (age, counts, statuses) = match name {
        AGE => (value > DAY, false, value > FRESH),
        "lightning_sync_records_synced_24h" | "lightning_sync_records_synced_60m" => {
            (false, zero, zero)
        }
        "lightning_sync_service_account_provided"
        | "lightning_sync_service_account_recognized"
        | "lightning_sync_outlook_integration_enabled"
        | "lightning_sync_linked_users" => (false, false, zero),
        "lightning_sync_users" => {
            let bad = ["no", "marked_for_reset", "reset_in_progress", "not_started"];
            let bad = bad.iter().any(|one| status(one)) || status("initial_sync_in_progress");
            // Where reps do not choose events nobody sets the integration up.
            (false, false, bad && !zero && !labels.contains("check=\"outlook_integration\""))
        }
        _ => (false, false, false),
    };
    let fires =
        [(NaiveRules::Age, age), (NaiveRules::Zero, counts), (NaiveRules::Statuses, statuses)];
    let alert = fires.iter().any(|(_, fires)| *fires).then(|| {
        let pairs = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name, value.trim_matches('"').to_owned()));
        LabelSet::of(
            pairs.chain([("alertname", name.to_owned()), ("severity", "critical".to_owned())]),
        )
    });
    fires
        .into_iter()
        .filter(|(_, fires)| *fires)
        .filter_map(move |(baseline, _)| Some((baseline, alert.clone()?)))
}
