use super::{NOW, at, full};
use crate::domain::observation::Snapshot;
use crate::domain::problem::ProblemReason;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::sources::ingest_error::IngestError;
use crate::sources::snapshot::*;

fn csv_with(body: &str, captured_at: Option<&str>) -> Result<Snapshot, IngestError> {
    let org = OrgName::new("acme").unwrap();
    parse_csv(
        body.as_bytes(),
        &SnapshotContext { org: &org, now: at(NOW), captured_at, written_at: None },
    )
}

fn csv(body: &str) -> Snapshot {
    csv_with(body, Some("2026-11-22T13:55:00Z"))
        .unwrap_or_else(|error| panic!("{error}: {:?}", error.errors))
}

fn mistakes(body: &str) -> Vec<String> {
    let error = csv_with(body, Some(NOW)).unwrap_err();
    assert_eq!(error.reason, ProblemReason::Invalid, "{error}");
    error.errors.iter().map(ToString::to_string).collect()
}

const FULL: &str = "captured_at,user,service_account,outlook_integration_enabled,service_account_recognized,linked_users,contacts.last_sync,contacts.synced_60m,contacts.synced_24h,events.last_sync,events.synced_60m,events.synced_24h,active_configuration,mailbox_version_supported,recognized_by_service_account,reset,outlook_integration_set_up,contacts.folder_found,contacts.linked,contacts.to_exchange,contacts.to_salesforce,contacts.records_in_sync,events.folder_found,events.linked,events.to_exchange,events.to_salesforce,events.records_in_sync
2026-11-22T13:55:00Z,,svc-sfsync@corp.example,true,✓,41,2026-11-22T13:52:00Z,18,530,2026-11-22T14:51:00+01:00,77,2104,,,,,,,,,,,,,,,
,ann@corp.example,,,,,,,,,,,true,Yes,check,Marked for reset,no,true,true,In sync,sync_in_progress,312,true,true,in_sync,in_sync,\"1204\"
";

#[test]
fn a_table_with_every_column_gives_what_the_json_gives() {
    let table = csv_with(FULL, None).unwrap();
    assert_eq!(table, full());
}

#[test]
fn separators_line_ends_and_byte_order_marks_make_no_difference() {
    for body in [
        FULL.replace(',', ";"),
        FULL.replace(',', "\t"),
        FULL.replace('\n', "\r\n"),
        format!("\u{feff}{FULL}"),
        FULL.trim_end().to_owned(),
        format!("{FULL}{}\n", ",".repeat(26)),
    ] {
        assert_eq!(csv(&body), full(), "{body}");
    }
}

#[test]
fn columns_may_be_named_as_on_the_page() {
    let table = csv(
        "User;Linked_Users;Contacts.Salesforce_Sync folder found;EVENTS.Last sync activity\n;0;;2026-11-22T13:00:00Z\nann;;X;\n",
    );
    assert_eq!(
        to_json(&table),
        r#"{
  "captured_at": "2026-11-22T13:55:00Z",
  "linked_users": 0,
  "events": {
    "last_sync": "2026-11-22T13:00:00Z"
  },
  "users_complete": false,
  "users": [
    {
      "user": "ann",
      "reset": null,
      "contacts": {
        "folder_found": false
      }
    }
  ]
}"#
        .lines()
        .collect::<Vec<_>>()
        .join("\n")
    );
}

#[test]
fn a_table_without_rows_says_nothing() {
    let table = csv("user\n");
    assert_eq!((table.rows, table.users), (vec![], vec![]));
}

#[test]
fn wrong_cells_are_named_with_line_and_column() {
    let count = "is not understood; write a whole number of at least 0, in digits without separators, or leave it out where nobody knows";
    assert_eq!(
        mistakes("user,linked_users,events.linked,captured_at\n,\"1,204\",,\n,1.204,yes,\nann,3,maybe,\nann,,yes,2026-11-22T13:00:00Z\nbob,,yes\n"),
        [
            format!("line 2, linked_users: \"1,204\" {count}"),
            format!("line 3, linked_users: \"1.204\" {count}"),
            "line 3, events.linked: belongs to a user; name the user in this row".to_owned(),
            "line 4, linked_users: belongs to the organisation; leave it empty in a user's row".to_owned(),
            "line 4, events.linked: \"maybe\" is not understood; write true or false, Yes or No, or the page's check or X, or leave it out where nobody knows".to_owned(),
            "line 5, user: \"ann\" is named twice; send each user once".to_owned(),
            "line 6: has 3 cells and the header 4; quote a value that has the separator in it".to_owned(),
            "captured_at: differs from another captured_at; a snapshot is of one instant".to_owned(),
        ]
    );
}

#[test]
fn a_header_with_unknown_double_or_too_many_columns_is_refused() {
    assert_eq!(
        mistakes("usr,user,User,contacts.user\n"),
        [
            "line 1, usr: is no known column; columns are named as the keys of the JSON form, with contacts. and events. before those of an object type",
            "line 1, User: is there twice; send it once",
            "line 1, contacts.user: is no known column; columns are named as the keys of the JSON form, with contacts. and events. before those of an object type",
        ]
    );
    let error = csv_with(&"a,".repeat(50_000), None).unwrap_err();
    assert_eq!(
        (error.reason, error.detail.as_str()),
        (
            ProblemReason::DecodedTooLarge,
            "line 1 of the table has more than 128 cells; send the columns that are needed"
        )
    );
}

#[test]
fn the_line_of_a_mistake_is_that_of_the_file() {
    let body = "\n\nuser;linked_users\n\n;1\n\n\nann;\n\n\"b\nb\";x\ncon;y\n;;\n;;z\n;\n";
    for end in ["\n", "\r\n", "\r"] {
        let found: Vec<_> = mistakes(&body.replace('\n', end))
            .iter()
            .map(|mistake| mistake.split(',').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            found,
            [
                "line 10",
                "line 10",
                "line 12",
                "line 14: has 3 cells and the header 2; quote a value that has the separator in it"
            ],
            "{end:?}"
        );
    }
}

#[test]
fn columns_that_are_wholly_empty_are_ignored() {
    let table = csv("user;;linked_users;;;\n;;3;;;;;\nann;; ;;;\n;;\n");
    assert_eq!(
        (table.rows, table.users.len()),
        (vec![(OrgRow::LinkedUsers, OrgValue::Count(3))], 1)
    );
    let wide = ";".repeat(16_381);
    let table = csv(&format!("user;linked_users;{wide}\n;3;{wide}\n{wide}\n"));
    assert_eq!(table.rows, [(OrgRow::LinkedUsers, OrgValue::Count(3))]);
    assert_eq!(
        mistakes("user;;linked_users\n;;3\nann;x;\n"),
        ["line 3: has a value in a column without a name; name the column in the header"]
    );
}

#[test]
fn a_table_of_separators_alone_is_refused_at_once() {
    let body = format!("user,linked_users\n{}x\n", ",".repeat(63_000_000));
    let error = csv_with(&body, Some(NOW)).unwrap_err();
    assert_eq!(
        (error.reason, error.detail.as_str()),
        (
            ProblemReason::DecodedTooLarge,
            "line 2 of the table has more than 128 cells; send the columns that are needed"
        )
    );
}

#[test]
fn a_table_that_ends_within_quotes_is_refused() {
    let error = csv_with("user,linked\n\"ann", None).unwrap_err();
    assert_eq!(
        (error.reason, error.detail.as_str()),
        (
            ProblemReason::Malformed,
            "in the table a quote is opened and never closed; send the whole table"
        )
    );
}

#[test]
fn a_table_needs_the_time_of_capture() {
    let error = csv_with("user,linked_users\n,1\n", None).unwrap_err();
    assert_eq!(error.reason, ProblemReason::Invalid);
}
