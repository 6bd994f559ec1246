//! The sync error report that an admin built, run over the Reports API: columns are found by the labels that the operator
//! names, because the vendor documents neither the report's type nor its columns.

use super::answer::text;
use crate::domain::ids::closed_set;
use crate::sources::failure::{Failure, FailureReason};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Which report, and which of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// The report's record id.
    pub id: String,
    /// The label of the column that says what did not sync.
    pub object_column: String,
    /// The label of the column that names the user.
    pub user_column: String,
}

closed_set! {
    /// What a row of the report is about.
    Failed {
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
pub struct Report {
    /// Failed records, by [`Failed::index`].
    pub records: [u64; Failed::COUNT],
    /// Users who have some.
    pub users: [u64; Failed::COUNT],
    /// Whether the server left rows out.
    pub truncated: bool,
}

/// Reads a report's answer.
pub(super) fn read(
    answer: &Map<String, Value>,
    settings: &ReportSettings,
) -> Result<Report, Failure> {
    let malformed = |what: String| Failure::new(FailureReason::AnswerMalformed, what);
    let columns = answer
        .get("reportMetadata")
        .and_then(|metadata| metadata.get("detailColumns"))
        .and_then(Value::as_array)
        .ok_or_else(|| {
            malformed("the report has no detail columns; it has to be one with rows".to_owned())
        })?;
    let infos = answer
        .get("reportExtendedMetadata")
        .and_then(|metadata| metadata.get("detailColumnInfo"));
    let place = |label: &str| {
        columns.iter().position(|column| {
            let info = column
                .as_str()
                .and_then(|name| infos?.get(name)?.as_object());
            info.and_then(|info| text(info, "label")) == Some(label)
        })
    };
    let object = place(&settings.object_column).ok_or_else(|| {
        malformed("the report has no column with the label of object_column".to_owned())
    })?;
    let user = place(&settings.user_column).ok_or_else(|| {
        malformed("the report has no column with the label of user_column".to_owned())
    })?;
    let facts = answer
        .get("factMap")
        .and_then(Value::as_object)
        .ok_or_else(|| malformed("the report has no rows to read".to_owned()))?;
    let mut report = Report {
        truncated: answer.get("allData").and_then(Value::as_bool) != Some(true),
        ..Report::default()
    };
    let mut users: [HashSet<&str>; Failed::COUNT] = Default::default();
    // A grouped report has its rows under several keys, each row under one.
    let rows = facts
        .values()
        .filter_map(|fact| fact.get("rows")?.as_array())
        .flatten();
    for row in rows {
        let cells = row.get("dataCells").and_then(Value::as_array);
        let cell = |place: usize| {
            let cell = cells?.get(place)?.as_object()?;
            text(cell, "label").or_else(|| text(cell, "value"))
        };
        let failed = kind(cell(object).unwrap_or_default());
        if let Some(count) = report.records.get_mut(failed.index()) {
            *count += 1;
        }
        if let (Some(names), Some(name)) = (users.get_mut(failed.index()), cell(user)) {
            names.insert(name);
        }
    }
    for (count, names) in report.users.iter_mut().zip(&users) {
        *count = names.len() as u64;
    }
    Ok(report)
}

fn kind(said: &str) -> Failed {
    let said = said.to_ascii_lowercase();
    match (said.contains("contact"), said.contains("event")) {
        (true, false) => Failed::Contacts,
        (false, true) => Failed::Events,
        (true, true) | (false, false) => Failed::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings() -> ReportSettings {
        ReportSettings {
            id: "00O000000000001".to_owned(),
            object_column: "Object".to_owned(),
            user_column: "User".to_owned(),
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
        let report = read(&answer(true, &rows), &settings()).unwrap();
        assert_eq!((report.records, report.users), ([2, 2, 1], [1, 2, 1]));
        assert!(!report.truncated);
        assert!(read(&answer(false, &rows), &settings()).unwrap().truncated);
    }

    #[test]
    fn a_label_that_is_not_there_is_named_and_what_is_no_report_refused() {
        let mut settings = settings();
        settings.user_column = "Owner".to_owned();
        let failure = read(&answer(true, &[]), &settings).unwrap_err();
        assert!(failure.detail.contains("user_column"));
        for other in [
            json!({}),
            json!({ "reportMetadata": { "detailColumns": 3 } }),
        ] {
            assert!(read(other.as_object().unwrap(), &settings).is_err());
        }
    }
}
