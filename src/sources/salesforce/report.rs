//! The sync error report that an admin built, run over the Reports API: columns are found by the labels that the operator
//! names, because the vendor documents neither the report's type nor its columns.

use super::answer::text;
use crate::domain::ids::closed_set;
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
    pub columns: Columns,
}

/// The columns that are read, by label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The label of the column that says what did not sync.
    pub object: String,
    /// The label of the column that names the user.
    pub user: String,
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
    /// Failed records.
    pub records: EnumMap<Failed, u64>,
    /// Users who have some.
    pub users: EnumMap<Failed, u64>,
    /// Whether the server left rows out; an exported report does not say.
    pub truncated: Option<bool>,
}

/// Counts rows.
#[derive(Debug, Default)]
pub(super) struct ReportTally {
    records: EnumMap<Failed, u64>,
    users: EnumMap<Failed, HashSet<String>>,
}

impl ReportTally {
    /// Counts a row; says how many users of its kind there are by now.
    pub(super) fn row(&mut self, object: &str, user: Option<&str>) -> usize {
        let object = object.to_ascii_lowercase();
        let failed = match (object.contains("contact"), object.contains("event")) {
            (true, false) => Failed::Contacts,
            (false, true) => Failed::Events,
            (true, true) | (false, false) => Failed::Other,
        };
        self.records[failed] += 1;
        let names = &mut self.users[failed];
        if let Some(name) = user.filter(|name| !names.contains(*name)) {
            names.insert(name.to_owned());
        }
        names.len()
    }

    /// The report with these rows.
    pub(super) fn report(self, truncated: Option<bool>) -> Report {
        let users = self.users.map(|_, names| names.len() as u64);
        Report { records: self.records, users, truncated }
    }
}

/// Reads a report's answer.
pub(super) fn read(answer: &Map<String, Value>, wanted: &Columns) -> Result<Report, Failure> {
    let columns = answer
        .get("reportMetadata")
        .and_then(|metadata| metadata.get("detailColumns")?.as_array())
        .ok_or_else(|| {
            Failure::malformed("the report has no detail columns; it has to be one with rows")
        })?;
    let infos =
        answer.get("reportExtendedMetadata").and_then(|metadata| metadata.get("detailColumnInfo"));
    let place = |label: &str, key: &str| {
        let is_wanted = |column: &Value| {
            let info = column.as_str().and_then(|name| infos?.get(name)?.as_object());
            info.and_then(|info| text(info, "label")) == Some(label)
        };
        columns.iter().position(is_wanted).ok_or_else(|| {
            Failure::malformed(format!("the report has no column with the label of {key}"))
        })
    };
    let object = place(&wanted.object, "object_column")?;
    let user = place(&wanted.user, "user_column")?;
    let facts = answer
        .get("factMap")
        .and_then(Value::as_object)
        .ok_or_else(|| Failure::malformed("the report has no rows to read"))?;
    let truncated = answer.get("allData").and_then(Value::as_bool) != Some(true);
    let mut tally = ReportTally::default();
    // A grouped report has its rows under several keys, each row under one.
    let rows = facts.values().filter_map(|fact| fact.get("rows")?.as_array()).flatten();
    for row in rows {
        let cells = row.get("dataCells").and_then(Value::as_array);
        let cell = |place: usize| {
            let cell = cells?.get(place)?.as_object()?;
            text(cell, "label").or_else(|| text(cell, "value"))
        };
        tally.row(cell(object).unwrap_or_default(), cell(user));
    }
    Ok(tally.report(Some(truncated)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn columns() -> Columns {
        Columns { object: "Object".to_owned(), user: "User".to_owned() }
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
        assert_eq!(
            (report.records.into_array(), report.users.into_array()),
            ([2, 2, 1], [1, 2, 1])
        );
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
}
