//! An alert as Alertmanager's API v2 takes it.

use crate::domain::time::Timestamp;
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::{Value, json};

/// The alert with these labels, from `starts` until `ends`.
pub fn posted(
    labels: impl Serialize,
    annotations: impl Serialize,
    starts: Timestamp,
    ends: Timestamp,
) -> Value {
    let at = |instant: Timestamp| instant.datetime().to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "labels": labels,
        "annotations": annotations,
        // One that ends before it starts is refused.
        "startsAt": at(starts.min(ends)),
        "endsAt": at(ends),
    })
}
