//! The texts of queries, the addresses of requests, and several queries in one request.

use super::answer::failure_in;
use super::failure::SalesforceFailure;
use super::paging::Page;
use super::settings::SalesforceSettings;
use crate::domain::time::Timestamp;
use crate::sources::failure::Failure;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

/// Users of Einstein Activity Capture. Raw rows: the object may not take aggregates.
pub(super) const CAPTURE: &str = "SELECT UserId, UserName, EmailAddress, ConfigurationName, ConnectivityStatus, ContactsSynced, EventsSynced, UserOnboardingStatus, RecommendedActionTitle FROM ActivityUsrConnectionStatus";
/// Who is assigned to a configuration of Einstein Activity Capture: users and profiles.
pub(super) const ASSIGNMENTS: &str =
    "SELECT AssignedId, ConfigurationId FROM UserEmailCalendarSync";

/// The most changes of the set-up that one look reads.
pub(super) const MOST_SETUP_CHANGES: usize = 500;

/// Changes of the set-up after `since`: the newest, where `newest`, else the oldest. `Section` and `Display` cannot be
/// filtered by the server.
pub(super) fn setup_changes(since: Timestamp, newest: bool) -> String {
    let since = instant(since);
    let order = if newest { "DESC" } else { "ASC" };
    format!(
        "SELECT Action, Section, Display, CreatedDate FROM SetupAuditTrail WHERE CreatedDate > {since} ORDER BY CreatedDate {order} LIMIT {MOST_SETUP_CHANGES}"
    )
}

/// An instant as the query language writes it, in UTC.
pub(super) fn instant(at: Timestamp) -> String {
    at.datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The address of a query by itself.
pub(super) fn alone(settings: &SalesforceSettings, soql: &str) -> String {
    format!("{}/query/?q={}", settings.data(), encoded(soql))
}

fn encoded(soql: &str) -> String {
    form_urlencoded::byte_serialize(soql.as_bytes()).collect()
}

/// The body of a batch.
pub(super) fn batch(settings: &SalesforceSettings, soql: &[String]) -> String {
    let requests: Vec<Value> = soql
        .iter()
        .map(|soql| json!({ "method": "GET", "url": format!("v{}.0/query/?q={}", settings.api_version, encoded(soql)) }))
        .collect();
    json!({ "haltOnError": false, "batchRequests": requests }).to_string()
}

/// What came of each of `count` queries.
pub(super) fn batch_results(
    mut answer: Map<String, Value>,
    count: usize,
) -> Result<Vec<Result<Page, Failure>>, Failure> {
    let results = match answer.remove("results") {
        Some(Value::Array(results)) if results.len() == count => results,
        _ => {
            return Err(Failure::malformed(
                "the answer to a batch does not have one result for each query",
            ));
        }
    };
    Ok(results.into_iter().map(result).collect())
}

fn result(mut result: Value) -> Result<Page, Failure> {
    let status = result
        .get("statusCode")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or_default();
    let body = result.get_mut("result").map(Value::take).unwrap_or_default();
    if (200..300).contains(&status) {
        return Page::of(body);
    }
    Err(failure_in(&body, status).unwrap_or_else(|| {
        Failure::new(
            SalesforceFailure::Other,
            format!("a query of a batch has status {status} without a code"),
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_and_spaces_as_plus() {
        let soql = setup_changes(Timestamp::from_seconds(1_795_435_200), true);
        assert!(
            soql.ends_with(
                "CreatedDate > 2026-11-23T12:00:00.000Z ORDER BY CreatedDate DESC LIMIT 500"
            ),
            "{soql}"
        );
        assert_eq!(encoded("SELECT Id, A FROM B"), "SELECT+Id%2C+A+FROM+B");
    }
}
