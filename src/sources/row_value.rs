//! Values of the article's rows as they are read, whatever form they came in.

use super::ingest_error::quoted;
use super::vocabulary::words;
use crate::domain::ids::{ObjectType, UserName};
use crate::domain::problem::FieldError;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserValue};
use crate::domain::time::Timestamp;
use enum_map::EnumMap;
use std::sync::Arc;

/// A value of either section, as the kind of its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowValue {
    Account(Option<Arc<str>>),
    Flag(bool),
    Count(u64),
    Instant(Timestamp),
    Status(Status),
}

impl RowValue {
    /// An account's name, or the page's "None". An account is a user of Exchange, and takes what a user's name may be.
    pub(super) fn account(name: &str) -> Result<Self, String> {
        if words(name) == "none" {
            return Ok(Self::Account(None));
        }
        match UserName::new(name) {
            Ok(name) => Ok(Self::Account(Some(name.as_str().into()))),
            Err(error) => Err(format!("{}: {error}", quoted(name))),
        }
    }

    /// The value of an organisation's row.
    pub(super) fn org(self) -> Option<OrgValue> {
        match self {
            Self::Account(name) => Some(OrgValue::Account(name)),
            Self::Flag(flag) => Some(OrgValue::Flag(flag)),
            Self::Count(count) => Some(OrgValue::Count(count)),
            Self::Instant(at) => Some(OrgValue::Instant(at)),
            Self::Status(_) => None,
        }
    }

    /// The value of a user's row; none for more records than a mailbox holds.
    pub(super) fn user(self) -> Option<UserValue> {
        match self {
            Self::Flag(flag) => Some(if flag { Status::Yes } else { Status::No }.into()),
            Self::Count(count) => count.try_into().ok().map(UserValue::Records),
            Self::Status(status) => Some(status.into()),
            Self::Account(_) | Self::Instant(_) => None,
        }
    }
}

/// Puts a value where there is none yet; says no where there is one.
pub(super) fn put<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let is_free = slot.is_none();
    if is_free {
        *slot = value;
    }
    is_free
}

/// The organisation's rows as they are read.
pub(super) type OrgRows = EnumMap<OrgRow, Option<OrgValue>>;

/// Those that were read, in the article's order.
pub(super) fn found(mut rows: OrgRows) -> Vec<(OrgRow, OrgValue)> {
    let rows = OrgRow::ALL.into_iter().map(|row| (row, rows[row].take()));
    rows.filter_map(|(row, value)| Some((row, value?))).collect()
}

/// A label with its object type before it, which every form may use.
pub(super) fn full_label(object: Option<ObjectType>, label: &str) -> String {
    match object {
        Some(ObjectType::Contacts) => format!("Contacts: {label}"),
        Some(ObjectType::Events) => format!("Events: {label}"),
        None => label.to_owned(),
    }
}

/// Rows of one snapshot that cannot both be true: whoever reads the page wrongly learns of it, instead of being believed.
pub(super) fn contradictions(rows: &OrgRows) -> Vec<FieldError> {
    let name = |row: OrgRow| full_label(row.object_type(), row.label());
    let mut found = Vec::new();
    let (account, recognized) = (OrgRow::ServiceAccountProvided, OrgRow::ServiceAccountRecognized);
    if rows[account] == Some(OrgValue::Account(None))
        && rows[recognized] == Some(OrgValue::Flag(true))
    {
        let message = format!(
            "says None and {} shows a check; an account that is not there cannot be recognised, so one of the two was read wrongly",
            quoted(&name(recognized))
        );
        found.push(FieldError::new(0, name(account), message));
    }
    for object in ObjectType::ALL.iter().copied() {
        let (hour, day) = (OrgRow::Synced60m(object), OrgRow::Synced24h(object));
        if let (Some(OrgValue::Count(in_hour)), Some(OrgValue::Count(in_day))) =
            (&rows[hour], &rows[day])
            && in_hour > in_day
        {
            let message = format!(
                "says \"{in_hour}\" and {} says \"{in_day}\"; the last hour is part of the last day, so one of the two was read wrongly",
                quoted(&name(day))
            );
            found.push(FieldError::new(0, name(hour), message));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rows_are_named_and_what_can_be_true_is_left_alone() {
        let rows = |given: &[(OrgRow, OrgValue)]| {
            let mut rows = EnumMap::default();
            for (row, value) in given {
                rows[*row] = Some(value.clone());
            }
            contradictions(&rows)
        };
        let contacts = ObjectType::Contacts;
        let count = |hour, day| {
            [
                (OrgRow::Synced60m(contacts), OrgValue::Count(hour)),
                (OrgRow::Synced24h(contacts), OrgValue::Count(day)),
            ]
        };
        let account = |name: Option<&str>, recognized| {
            [
                (OrgRow::ServiceAccountProvided, OrgValue::Account(name.map(Into::into))),
                (OrgRow::ServiceAccountRecognized, OrgValue::Flag(recognized)),
            ]
        };
        for fine in [
            &count(10, 10)[..],
            &count(50, 10)[..1],
            &account(None, false),
            &account(Some("svc"), true),
        ] {
            assert_eq!(rows(fine), []);
        }
        assert_eq!(
            rows(&count(50, 10))[0].to_string(),
            "Contacts: Records synced in last 60 minutes: says \"50\" and \"Contacts: Records synced in last 24 hours\" says \"10\"; \
             the last hour is part of the last day, so one of the two was read wrongly"
        );
        let mistakes = rows(&account(None, true));
        assert_eq!(
            (mistakes.len(), mistakes[0].field.as_str()),
            (1, "Microsoft Exchange service account provided")
        );
        assert!(mistakes[0].message.contains(
            "\"Salesforce recognizes Microsoft Exchange service account\" shows a check"
        ));
    }
}
