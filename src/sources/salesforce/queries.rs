//! The texts of queries: which columns of which object, and which of them a version or a user may lack.

use super::facts::SalesforcePart;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use crate::domain::windows::HOUR;
use chrono::SecondsFormat;

/// The most changes of the set-up that one look reads.
pub(super) const MOST_SETUP_CHANGES: usize = 500;
/// The most changed records that are counted, groups or single ones; with so many there may be more, which are unknown.
pub(super) const MOST_CHANGED: usize = 2_000;

/// The columns of an object: those without which nothing can be read, and those that can be left out.
struct Columns {
    object: &'static str,
    needed: &'static [&'static str],
    optional: &'static [&'static str],
}

/// Users of Einstein Activity Capture. Raw rows: the object may not take aggregates.
const CAPTURE: Columns = Columns {
    object: "ActivityUsrConnectionStatus",
    needed: &["UserId", "UserName", "ConnectivityStatus"],
    optional: &[
        "EmailAddress",
        "ConfigurationName",
        "ContactsSynced",
        "EventsSynced",
        "UserOnboardingStatus",
        "RecommendedActionTitle",
    ],
};
/// Who is assigned to a configuration of Einstein Activity Capture: users and profiles.
const ASSIGNMENTS: Columns = Columns {
    object: "UserEmailCalendarSync",
    needed: &["AssignedId", "ConfigurationId"],
    optional: &[],
};
/// Whether users are active, and when they logged in last: their connection's status is renewed then.
const ACCOUNTS: Columns =
    Columns { object: "User", needed: &["Id", "IsActive"], optional: &["LastLoginDate"] };
/// Changes of the set-up. `Section` and `Display` cannot be filtered by the server.
const SETUP: Columns = Columns {
    object: "SetupAuditTrail",
    needed: &["CreatedDate"],
    optional: &["Action", "Section", "Display"],
};

const fn columns_of(part: SalesforcePart) -> Option<&'static Columns> {
    match part {
        SalesforcePart::Capture => Some(&CAPTURE),
        SalesforcePart::Assignments => Some(&ASSIGNMENTS),
        SalesforcePart::Accounts => Some(&ACCOUNTS),
        SalesforcePart::SetupTrail => Some(&SETUP),
        SalesforcePart::ChangedContacts
        | SalesforcePart::ChangedEvents
        | SalesforcePart::EmailSettings
        | SalesforcePart::CaptureSettings
        | SalesforcePart::Report => None,
    }
}

/// The columns of a part that can be left out.
pub(super) fn optional_columns(part: SalesforcePart) -> &'static [&'static str] {
    columns_of(part).map_or(&[], |columns| columns.optional)
}

/// The column of ours that the message of a refusal names: nothing else of the message is repeated.
pub(super) fn column_in(message: &str) -> Option<&'static str> {
    let (_, after) = message.split_once("No such column '")?;
    let (name, _) = after.split_once('\'')?;
    SalesforcePart::ALL
        .iter()
        .filter_map(|part| columns_of(*part))
        .flat_map(|columns| columns.needed.iter().chain(columns.optional))
        .find(|column| column.eq_ignore_ascii_case(name))
        .copied()
}

/// A part's query without what is left out; `rest` follows the object.
pub(super) fn select(
    part: SalesforcePart,
    left_out: &[(SalesforcePart, &'static str)],
    rest: &str,
) -> Option<String> {
    let Columns { object, needed, optional } = columns_of(part)?;
    let optional = optional.iter().filter(|column| !left_out.contains(&(part, **column)));
    let fields: Vec<&str> = needed.iter().chain(optional).copied().collect();
    Some(format!("SELECT {} FROM {object}{rest}", fields.join(", ")))
}

/// Which changes of the set-up: those after `since`, the newest where `newest`, else the oldest.
pub(super) fn setup_changes(since: Timestamp, newest: bool) -> String {
    let since = instant(since);
    let order = if newest { "DESC" } else { "ASC" };
    format!(" WHERE CreatedDate > {since} ORDER BY CreatedDate {order} LIMIT {MOST_SETUP_CHANGES}")
}

/// Which accounts: those of these record ids, which are letters and digits.
pub(super) fn of_ids(ids: &[String]) -> String {
    format!(" WHERE Id IN ('{}')", ids.join("','"))
}

/// Records that changed in the last hour: counts by owner, or for a server that counts nothing the owners themselves.
pub(super) fn changed(object: ObjectType, now: Timestamp, aggregates: bool) -> String {
    let from = match object {
        ObjectType::Contacts => "Contact",
        ObjectType::Events => "Event",
    };
    let since = instant(now.minus(HOUR));
    if aggregates {
        format!(
            "SELECT OwnerId, COUNT(Id) changed FROM {from} WHERE SystemModstamp >= {since} GROUP BY OwnerId"
        )
    } else {
        format!("SELECT OwnerId FROM {from} WHERE SystemModstamp >= {since} LIMIT {MOST_CHANGED}")
    }
}

/// An instant as the query language writes it, in UTC.
fn instant(at: Timestamp) -> String {
    at.datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(
            setup_changes(Timestamp::from_seconds(1_795_435_200), true),
            " WHERE CreatedDate > 2026-11-23T12:00:00.000Z ORDER BY CreatedDate DESC LIMIT 500"
        );
    }

    #[test]
    fn a_refusal_names_a_column_of_ours_or_nothing() {
        let message =
            "\nSELECT Id\nERROR at Row:1:Column:8\nNo such column 'emailaddress' on entity 'X'.";
        assert_eq!(column_in(message), Some("EmailAddress"));
        for other in ["", "No such column '00Dsecret' on entity", "No such column 'UserId"] {
            assert_eq!(column_in(other), None, "{other}");
        }
        let left_out = [(SalesforcePart::Accounts, "LastLoginDate")];
        assert_eq!(
            select(
                SalesforcePart::Accounts,
                &left_out,
                &of_ids(&["005a".to_owned(), "005b".to_owned()])
            ),
            Some("SELECT Id, IsActive FROM User WHERE Id IN ('005a','005b')".to_owned())
        );
    }
}
