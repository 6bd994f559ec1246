//! The sync error report that an admin built, run over the Reports API: columns are found by the labels that the operator
//! names, because the vendor documents neither the report's type nor its columns.

use super::answer::text;
use crate::domain::ids::closed_set;
use crate::http_client::TransportFailure;
use crate::sources::failure::Failure;
use enum_map::EnumMap;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Which report, and which of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// The report's record id.
    pub id: String,
    /// Its columns.
    pub columns: ReportColumns,
}

/// The columns that are read, by label, and words of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportColumns {
    /// The label of the column that says what did not sync.
    pub object: String,
    /// The label of the column that names the user.
    pub user: String,
    /// What a row about a contact has in the first column, in another language than English.
    pub contact: Option<String>,
    /// The same of an event.
    pub event: Option<String>,
}

impl ReportColumns {
    /// What a row is about. A value is the same in every language; a label is in the language of whoever runs the report.
    fn kind<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> ReportedKind {
        let kind = |text: &str| {
            let text = text.to_lowercase();
            let names = |english: &str, own: &Option<String>| {
                let own = own.as_ref().map(|own| own.to_lowercase());
                text.contains(english) || own.is_some_and(|own| text.contains(&own))
            };
            match (names("contact", &self.contact), names("event", &self.event)) {
                (true, false) => Some(ReportedKind::Contacts),
                (false, true) => Some(ReportedKind::Events),
                (true, true) | (false, false) => None,
            }
        };
        texts.into_iter().find_map(kind).unwrap_or(ReportedKind::Other)
    }
}

closed_set! {
    /// What a row of the report is about.
    ReportedKind {
        /// A contact.
        Contacts = "contacts",
        /// An event.
        Events = "events",
        /// Something else, or nobody can tell.
        Other = "other",
    }
}

/// What the report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErrorReport {
    /// Failed records.
    pub records: EnumMap<ReportedKind, u64>,
    /// Users who have some.
    pub users: EnumMap<ReportedKind, u64>,
    /// Whether the server left rows out; an exported report does not say.
    pub truncated: Option<bool>,
}

/// Counts rows.
#[derive(Debug, Default)]
pub(super) struct ReportTally(EnumMap<ReportedKind, (u64, HashSet<String>)>);

impl ReportTally {
    /// Counts a row with these texts in its object column; says how many users of its kind there are by now.
    pub(super) fn row<'t>(
        &mut self,
        columns: &ReportColumns,
        object: impl IntoIterator<Item = &'t str>,
        user: Option<&str>,
    ) -> usize {
        let (records, users) = &mut self.0[columns.kind(object)];
        *records += 1;
        if let Some(user) = user.filter(|user| !users.contains(*user)) {
            users.insert(user.to_owned());
        }
        users.len()
    }

    /// The report with these rows.
    pub(super) fn report(&self, truncated: Option<bool>) -> ErrorReport {
        ErrorReport {
            records: EnumMap::from_fn(|kind| self.0[kind].0),
            users: EnumMap::from_fn(|kind| self.0[kind].1.len() as u64),
            truncated,
        }
    }
}

/// Reads a report's answer.
pub(super) fn read(
    answer: &Map<String, Value>,
    wanted: &ReportColumns,
) -> Result<ErrorReport, Failure> {
    let malformed = |what: String| Failure::new(TransportFailure::AnswerMalformed, what);
    let columns = answer
        .get("reportMetadata")
        .and_then(|metadata| metadata.get("detailColumns"))
        .and_then(Value::as_array)
        .ok_or_else(|| {
            malformed("the report has no detail columns; it has to be one with rows".to_owned())
        })?;
    let infos =
        answer.get("reportExtendedMetadata").and_then(|metadata| metadata.get("detailColumnInfo"));
    let place = |label: &str| {
        columns.iter().position(|column| {
            let info = column.as_str().and_then(|name| infos?.get(name)?.as_object());
            info.and_then(|info| text(info, "label")) == Some(label)
        })
    };
    let object = place(&wanted.object).ok_or_else(|| {
        malformed("the report has no column with the label of object_column".to_owned())
    })?;
    let user = place(&wanted.user).ok_or_else(|| {
        malformed("the report has no column with the label of user_column".to_owned())
    })?;
    let facts = answer
        .get("factMap")
        .and_then(Value::as_object)
        .ok_or_else(|| malformed("the report has no rows to read".to_owned()))?;
    let truncated = answer.get("allData").and_then(Value::as_bool) != Some(true);
    let mut tally = ReportTally::default();
    // A grouped report has its rows under several keys, each row under one.
    let rows = facts.values().filter_map(|fact| fact.get("rows")?.as_array()).flatten();
    for row in rows {
        let cells = row.get("dataCells").and_then(Value::as_array);
        let cell = |place: usize| cells?.get(place)?.as_object();
        let text_of = |place, field| cell(place).and_then(|cell| text(cell, field));
        let texts = [text_of(object, "value"), text_of(object, "label")];
        let name = text_of(user, "label").or_else(|| text_of(user, "value"));
        tally.row(wanted, texts.into_iter().flatten(), name);
    }
    Ok(tally.report(Some(truncated)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn columns() -> ReportColumns {
        ReportColumns {
            object: "Object".to_owned(),
            user: "User".to_owned(),
            contact: None,
            event: None,
        }
    }

    fn answer(all: bool, rows: &[(&str, &str)]) -> Map<String, Value> {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(user, object)| json!({ "dataCells": [{ "label": user, "value": "005" }, { "label": object }] }))
            .collect();
        let answer = json!({
            "allData": all,
            "factMap": { "T!T": { "aggregates": [], "rows": [] }, "0!T": { "rows": rows } },
            "reportMetadata": { "detailColumns": ["COL_A", "COL_B"] },
            "reportExtendedMetadata": { "detailColumnInfo": { "COL_A": { "label": "User" }, "COL_B": { "label": "Object" } } },
        });
        answer.as_object().unwrap().clone()
    }

    #[test]
    fn rows_are_counted_by_object_type_and_user() {
        // A user without a label is known by the value beside it.
        let rows = [
            ("Ann", "Contact"),
            ("Ann", "CONTACT"),
            ("Bob", "Event"),
            ("Bob", "Task"),
            ("", "Event"),
        ];
        let report = read(&answer(true, &rows), &columns()).unwrap();
        let counts = (report.records.into_array(), report.users.into_array());
        assert_eq!(counts, ([2, 2, 1], [1, 2, 1]));
        assert_eq!(report.truncated, Some(false));
        let cut = read(&answer(false, &rows), &columns()).unwrap();
        assert_eq!(cut.truncated, Some(true));
    }

    #[test]
    fn a_label_that_is_not_there_is_named_and_what_is_no_report_refused() {
        let mut columns = columns();
        columns.user = "Owner".to_owned();
        let failure = read(&answer(true, &[]), &columns).unwrap_err();
        assert!(failure.detail.contains("user_column"));
        for other in [json!({}), json!({ "reportMetadata": { "detailColumns": 3 } })] {
            assert!(read(other.as_object().unwrap(), &columns).is_err());
        }
    }

    #[test]
    fn the_kind_of_a_row_is_in_its_value_or_in_the_operators_words() {
        let mut columns = columns();
        for (texts, kind) in [
            (["Contact", "Kontakt"], ReportedKind::Contacts),
            (["Event", "イベント"], ReportedKind::Events),
            (["003000000000001", "Contact"], ReportedKind::Contacts),
            (["003000000000001", "Kontakt"], ReportedKind::Other),
        ] {
            assert_eq!(columns.kind(texts), kind, "{texts:?}");
        }
        columns.contact = Some("KONTAKT".to_owned());
        columns.event = Some("Ereignis".to_owned());
        assert_eq!(columns.kind(["kontakt"]), ReportedKind::Contacts);
        assert_eq!(columns.kind(["Ereignis"]), ReportedKind::Events);
    }
}
