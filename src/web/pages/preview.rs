//! What was understood of a paste, row by row, before anything is stored.

use super::cells::{CellValue, text, user_value_text};
use super::when::When;
use crate::domain::rows::{OrgRow, OrgValue, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::domain::view::OrgView;
use crate::web::limits::PREVIEW_LINES;
use crate::web::services::Understood;

pub(super) struct Preview {
    pub(super) captured: When,
    pub(super) lines: Vec<PreviewLine>,
    /// How many lines are left out.
    pub(super) more: usize,
    /// Rows that the page does not show.
    pub(super) absent: Vec<String>,
    /// What will be stored.
    pub(super) json: String,
}

pub(super) struct PreviewLine {
    pub(super) user: String,
    pub(super) label: &'static str,
    pub(super) object: &'static str,
    pub(super) value: CellValue,
}

impl Preview {
    pub(super) fn of(understood: Understood, org: &OrgView, now: Timestamp) -> Self {
        let Understood { snapshot, json } = understood;
        let of_org = snapshot.rows.iter().map(|(row, value)| PreviewLine {
            user: String::new(),
            label: row.label(),
            object: row.object_type().map_or("", |object| object.name()),
            value: match value {
                OrgValue::Instant(at) => CellValue::instant(When::of(*at, org, now)),
                OrgValue::Account(_) | OrgValue::Flag(_) | OrgValue::Count(_) => {
                    CellValue::text(text(*row, value))
                }
            },
        });
        let of_users = snapshot
            .users
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |(row, value)| (name, *row, *value)))
            .map(|(name, row, value)| PreviewLine {
                user: name.to_string(),
                label: row.label(),
                object: row.object_type().map_or("", |object| object.name()),
                value: CellValue::text(user_value_text(value)),
            });
        let mut lines: Vec<PreviewLine> = of_org.chain(of_users).collect();
        let more = lines.len().saturating_sub(PREVIEW_LINES);
        lines.truncate(PREVIEW_LINES);
        let mut absent = Vec::new();
        if !snapshot.rows.is_empty() {
            let shown = |row: &OrgRow| snapshot.rows.iter().any(|(of, _)| of == row);
            absent.extend(
                OrgRow::ALL
                    .iter()
                    .filter(|row| !shown(row))
                    .map(|row| named(row.label(), row.object_type())),
            );
        }
        if let [(_, values)] = snapshot.users.as_slice() {
            let shown = |row: &UserRow| has(values, *row);
            absent.extend(
                UserRow::ALL
                    .iter()
                    .filter(|row| !shown(row))
                    .map(|row| named(row.label(), row.object_type())),
            );
        }
        Self { captured: When::of(snapshot.captured_at, org, now), lines, more, absent, json }
    }
}

fn has(values: &UserValues, row: UserRow) -> bool {
    values.iter().any(|(of, _)| *of == row)
}

fn named(label: &str, object: Option<crate::domain::ids::ObjectType>) -> String {
    match object {
        Some(object) => format!("{label} ({object})"),
        None => label.to_owned(),
    }
}
