//! The texts of queries and the addresses of requests.

use super::settings::Settings;
use crate::domain::time::Timestamp;
use chrono::SecondsFormat;

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

/// The address of a query, as a sub-request of a batch writes it.
pub(super) fn in_batch(settings: &Settings, soql: &str) -> String {
    format!("v{}.0/query/?q={}", settings.api_version, encoded(soql))
}

/// The address of a query by itself.
pub(super) fn alone(settings: &Settings, soql: &str) -> String {
    format!("{}/query/?q={}", settings.data(), encoded(soql))
}

fn encoded(soql: &str) -> String {
    form_urlencoded::byte_serialize(soql.as_bytes()).collect()
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
