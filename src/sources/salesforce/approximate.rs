//! How many contacts and events were changed in an hour: an upper bound of what could have synced, because people and
//! other programs change them too, and sync writes in the users' names. Off unless the operator asks for it.

use super::answer::{count, text};
use super::capture::record_id;
use super::paging::Record;
use super::queries::instant;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use crate::domain::windows::HOUR;
use std::collections::HashSet;

/// The most rows that are counted, groups or single records; with so many there may be more, which are not counted.
const MAX_ROWS: usize = 2_000;

/// The query: counts by owner, or for a server that counts nothing the owners themselves.
pub(super) fn soql(object: ObjectType, now: Timestamp, aggregates: bool) -> String {
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
        format!("SELECT OwnerId FROM {from} WHERE SystemModstamp >= {since} LIMIT {MAX_ROWS}")
    }
}

/// How many records of these owners changed; of all owners where nobody is known to sync. `None`: more than are counted.
pub(super) fn changed(records: &[Record], synced: &HashSet<String>) -> Option<u64> {
    if records.len() >= MAX_ROWS {
        return None;
    }
    let changed = records
        .iter()
        .filter(|record| {
            let owner = text(record, "OwnerId").and_then(record_id);
            synced.is_empty() || owner.is_some_and(|owner| synced.contains(&owner))
        })
        // A row without a count is a record by itself.
        .map(|record| {
            let named = record.get("changed").or_else(|| record.get("expr0"));
            named.map_or(1, |changed| count(Some(changed)).unwrap_or(0))
        })
        .sum();
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn counts_and_rows_give_the_same() {
        let read = |rows: &[Value], synced: &[&str]| {
            let records: Vec<Record> =
                rows.iter().map(|row| row.as_object().unwrap().clone()).collect();
            changed(&records, &synced.iter().map(|id| (*id).to_owned()).collect())
        };
        let (ann, bob) = ("005000000000001AAA", "005000000000002AAA");
        let counted =
            [json!({ "OwnerId": ann, "changed": 2.0 }), json!({ "OwnerId": bob, "expr0": 1 })];
        let rows =
            [json!({ "OwnerId": ann }), json!({ "OwnerId": bob }), json!({ "OwnerId": ann })];
        assert_eq!((read(&counted, &[]), read(&rows, &[])), (Some(3), Some(3)));
        let only_ann = ["005000000000001"];
        assert_eq!((read(&counted, &only_ann), read(&rows, &only_ann)), (Some(2), Some(2)));
        assert_eq!(read(&[json!({ "OwnerId": ann, "changed": null })], &[]), Some(0));
        let many = vec![json!({ "OwnerId": ann }); MAX_ROWS];
        assert_eq!(read(&many, &[]), None, "a full answer may not be all");
    }
}
