//! Rows of one snapshot that cannot both be true: whoever reads the page wrongly is told, instead of being believed.

use super::ingest_error::quoted;
use crate::domain::ids::ObjectType;
use crate::domain::problem::FieldError;
use crate::domain::rows::{OrgRow, OrgValue};
use enum_map::EnumMap;

/// The row by its label on the page, which every form may use.
fn name(row: OrgRow) -> String {
    match row.object_type() {
        Some(ObjectType::Contacts) => format!("Contacts: {}", row.label()),
        Some(ObjectType::Events) => format!("Events: {}", row.label()),
        None => row.label().to_owned(),
    }
}

/// What contradicts itself among the organisation's rows of one snapshot.
pub(super) fn found(rows: &EnumMap<OrgRow, Option<OrgValue>>) -> Vec<FieldError> {
    let value = |row: OrgRow| rows[row].as_ref();
    let mut found = Vec::new();
    let (account, recognized) = (OrgRow::ServiceAccountProvided, OrgRow::ServiceAccountRecognized);
    if value(account) == Some(&OrgValue::Account(None))
        && value(recognized) == Some(&OrgValue::Flag(true))
    {
        let says = format!(
            "says None and {} shows a check; an account that is not there cannot be recognised, so one of the two was read wrongly",
            quoted(&name(recognized))
        );
        found.push(FieldError::new(0, name(account), says));
    }
    for object in ObjectType::ALL.iter().copied() {
        let (hour, day) = (OrgRow::Synced60m(object), OrgRow::Synced24h(object));
        if let (Some(OrgValue::Count(in_hour)), Some(OrgValue::Count(in_day))) =
            (value(hour), value(day))
            && in_hour > in_day
        {
            let says = format!(
                "says \"{in_hour}\" and {} says \"{in_day}\"; the last hour is part of the last day, so one of the two was read wrongly",
                quoted(&name(day))
            );
            found.push(FieldError::new(0, name(hour), says));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rows_are_named_and_what_can_be_true_is_left_alone() {
        let rows = |said: &[(OrgRow, OrgValue)]| {
            let mut rows = EnumMap::default();
            for (row, value) in said {
                rows[*row] = Some(value.clone());
            }
            found(&rows)
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
