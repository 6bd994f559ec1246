mod csv;

use super::*;
use crate::domain::ids::{ObjectType, Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::problem::ProblemReason;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::sources::ingest_error::IngestError;

pub(super) const NOW: &str = "2026-11-22T14:00:00Z";

pub(super) fn at(text: &str) -> Timestamp {
    crate::sources::instant::parse(text).unwrap()
}

fn json_with(body: &str, captured_at: Option<&str>) -> Result<Snapshot, IngestError> {
    let org = OrgName::new("acme").unwrap();
    parse_json(
        body.as_bytes(),
        &SnapshotContext { org: &org, now: at(NOW), captured_at, written_at: None },
    )
}

fn json(body: &str) -> Snapshot {
    json_with(body, None).unwrap_or_else(|error| panic!("{error}: {:?}", error.errors))
}

/// The mistakes of a snapshot that has `captured_at` and `more`.
fn mistakes(more: &str) -> Vec<String> {
    let body = format!(r#"{{"captured_at":"2026-11-22T13:55:00Z",{more}}}"#);
    let error = json_with(&body, None).unwrap_err();
    assert_eq!(error.reason, ProblemReason::Invalid, "{error}");
    assert_eq!(error.total, error.errors.len() as u64);
    error.errors.iter().map(ToString::to_string).collect()
}

pub(super) const FULL: &str = r#"{"captured_at":"2026-11-22T13:55:00Z",
 "service_account":"svc-sfsync@corp.example", "outlook_integration_enabled":true, "service_account_recognized":true, "linked_users":41,
 "contacts":{"last_sync":"2026-11-22T13:52:00Z","synced_60m":18,"synced_24h":530},
 "events":{"last_sync":"2026-11-22T13:51:00Z","synced_60m":77,"synced_24h":2104},
 "users_complete":false,
 "users":[{"user":"ann@corp.example","active_configuration":true,"mailbox_version_supported":true,"recognized_by_service_account":true,
   "reset":"marked_for_reset","outlook_integration_set_up":false,
   "contacts":{"folder_found":true,"linked":true,"to_exchange":"in_sync","to_salesforce":"sync_in_progress","records_in_sync":312},
   "events":{"folder_found":true,"linked":true,"to_exchange":"in_sync","to_salesforce":"in_sync","records_in_sync":1204}}]}"#;

pub(super) fn full() -> Snapshot {
    use ObjectType::{Contacts, Events};
    let status = |status: Status| UserValue::from(status);
    let instant = |text| OrgValue::Instant(at(text));
    Snapshot {
        org: OrgName::new("acme").unwrap(),
        source: Source::Snapshot,
        captured_at: at("2026-11-22T13:55:00Z"),
        rows: vec![
            (
                OrgRow::ServiceAccountProvided,
                OrgValue::Account(Some("svc-sfsync@corp.example".into())),
            ),
            (OrgRow::OutlookIntegration, OrgValue::Flag(true)),
            (OrgRow::ServiceAccountRecognized, OrgValue::Flag(true)),
            (OrgRow::LinkedUsers, OrgValue::Count(41)),
            (OrgRow::LastSync(Contacts), instant("2026-11-22T13:52:00Z")),
            (OrgRow::Synced60m(Contacts), OrgValue::Count(18)),
            (OrgRow::Synced24h(Contacts), OrgValue::Count(530)),
            (OrgRow::LastSync(Events), instant("2026-11-22T13:51:00Z")),
            (OrgRow::Synced60m(Events), OrgValue::Count(77)),
            (OrgRow::Synced24h(Events), OrgValue::Count(2104)),
        ],
        users: vec![(
            UserName::new("ann@corp.example").unwrap(),
            vec![
                (UserRow::ActiveConfiguration, status(Status::Yes)),
                (UserRow::MailboxVersion, status(Status::Yes)),
                (UserRow::ServiceAccount, status(Status::Yes)),
                (UserRow::Reset, status(Status::MarkedForReset)),
                (UserRow::OutlookIntegration, status(Status::No)),
                (UserRow::ContactsFolder, status(Status::Yes)),
                (UserRow::ContactsLinked, status(Status::Yes)),
                (UserRow::ContactsToExchange, status(Status::InSync)),
                (UserRow::ContactsToSalesforce, status(Status::SyncInProgress)),
                (UserRow::ContactsRecords, UserValue::Records(312)),
                (UserRow::EventsFolder, status(Status::Yes)),
                (UserRow::EventsLinked, status(Status::Yes)),
                (UserRow::EventsToExchange, status(Status::InSync)),
                (UserRow::EventsToSalesforce, status(Status::InSync)),
                (UserRow::EventsRecords, UserValue::Records(1204)),
            ],
        )],
        users_complete: false,
    }
}

#[test]
fn a_snapshot_with_every_key_gives_all_25_rows() {
    assert_eq!(json(FULL), full());
}

#[test]
fn labels_and_values_may_be_written_as_on_the_page_in_any_letter_case() {
    let page = r#"{"Captured_At":"2026-11-22T14:55:00+01:00",
 "MICROSOFT® EXCHANGE SERVICE ACCOUNT PROVIDED":"svc-sfsync@corp.example", "Outlook integration enabled":"Yes",
 "Salesforce recognizes Microsoft Exchange service account:":"✓",
 "Users with linked Microsoft Exchange and Salesforce email addresses":"41",
 "Contacts":{"Last sync activity":"2026-11-22T13:52:00Z","Records synced in last 60 minutes":"18","records synced in last 24 hours":530},
 "Events":{"Last Sync Activity":"2026-11-22T13:51:00Z","Records synced in last 60 minutes":77,"Records synced in last 24 hours":2104},
 "Users":[{"User":"ann@corp.example","User assigned to active Exchange configuration":"Exchange Sync status checkmark",
   "User mailbox is running on supported version of Microsoft Exchange":"check","User recognized by Exchange service account":true,
   "User’s reset sync status":"Marked for reset","User set up Outlook integration":"X",
   "contacts":{"Salesforce_Sync folder found":"yes","Salesforce and Exchange email addresses linked":"✔","Salesforce to Exchange sync status":"In sync","Exchange to Salesforce sync status":"Sync in progress","Records in sync":312},
   "events":{"Calendar folder found":"True","Salesforce and Exchange email addresses linked":true,"Salesforce to Exchange sync status":"in SYNC","Exchange to Salesforce sync status":"In sync","Records in sync":1204}}]}"#;
    assert_eq!(json(page), full());
}

#[test]
fn what_is_written_reads_back() {
    let text = to_json(&full());
    assert_eq!(json(&text), full());
    let bare = json(r#"{"captured_at":"2026-11-22T13:55:00Z","service_account":null,"users":[{"user":"b"},{"user":"a","linked":1}]}"#.replace(r#","linked":1"#, "").as_str());
    assert_eq!(json(&to_json(&bare)), bare);
}

#[test]
fn an_absent_key_says_nothing_and_none_says_none() {
    let rows =
        |body: &str| json(&format!(r#"{{"captured_at":"2026-11-22T13:55:00Z"{body}}}"#)).rows;
    assert_eq!(rows(""), []);
    let none = [(OrgRow::ServiceAccountProvided, OrgValue::Account(None))];
    assert_eq!(rows(r#","service_account":null"#), none);
    assert_eq!(rows(r#","service_account":"NONE""#), none);
    assert_eq!(
        rows(r#","linked_users":0,"contacts":{},"events":{"synced_60m":0}"#),
        [
            (OrgRow::LinkedUsers, OrgValue::Count(0)),
            (OrgRow::Synced60m(ObjectType::Events), OrgValue::Count(0))
        ]
    );
}

#[test]
fn a_user_without_reset_has_none_when_any_other_row_was_read() {
    let values = |user: &str| {
        let body =
            format!(r#"{{"captured_at":"2026-11-22T13:55:00Z","users":[{{"user":"ann"{user}}}]}}"#);
        json(&body).users[0].1.clone()
    };
    let none = (UserRow::Reset, Status::None.into());
    assert_eq!(values(""), []);
    assert_eq!(values(r#","reset":null"#), [none]);
    assert_eq!(
        values(r#","events":{"records_in_sync":0}"#),
        [none, (UserRow::EventsRecords, UserValue::Records(0))]
    );
    assert_eq!(
        values(r#","reset":"unknown","events":{"records_in_sync":0}"#),
        [(UserRow::EventsRecords, UserValue::Records(0))]
    );
    assert_eq!(
        values(r#","reset":"Reset in progress""#),
        [(UserRow::Reset, Status::ResetInProgress.into())]
    );
}

#[test]
fn every_mistake_is_named_with_its_path() {
    let wrong = r#""service_acount":"a","linked_users":-1,"outlook_integration_enabled":1,
      "contacts":{"synced_60m":1.5,"synced_24h":"1,204","last_sync":"2026-11-22 13:52","linked":true},
      "events":[],"service_account":"","service_account_recognized":{"a":1},
      "users":[5,{"user":"ann","contacts":{"to_exchange":"Marked for reset","records_in_sync":4294967296},"events":true},
        {"reset":"over"},{"user":"ann","User":"ann","x":{"y":[]}},{"user":"ann"}]"#;
    let known = "not_started, initial_sync_in_progress, initial_sync_completed, sync_in_progress, in_sync, not_set_to_sync";
    let count = "is not understood; write a whole number of at least 0, in digits without separators, or leave it out where nobody knows";
    assert_eq!(
        mistakes(wrong),
        [
            "service_acount: is not a known key; known are captured_at, contacts, events, users, users_complete, service_account, outlook_integration_enabled, service_account_recognized, linked_users".to_owned(),
            format!("linked_users: a negative number {count}"),
            "outlook_integration_enabled: \"1\" is not understood; write true or false, Yes or No, or the page's check or X, or leave it out where nobody knows".to_owned(),
            format!("contacts.synced_60m: a number with a fraction, an exponent or too many digits {count}"),
            format!("contacts.synced_24h: \"1,204\" {count}"),
            r#"contacts.last_sync: "2026-11-22 13:52" is no RFC 3339 time with a zone; write it like 2026-11-22T13:55:00Z"#.to_owned(),
            "contacts.linked: is not a known key; known are last_sync, synced_60m, synced_24h".to_owned(),
            "events: is an array; write an object".to_owned(),
            r#"service_account: "": a user's name has 1 to 320 bytes and no control characters"#.to_owned(),
            "service_account_recognized: an object is not understood; write true or false, Yes or No, or the page's check or X, or leave it out where nobody knows".to_owned(),
            "users[0]: is \"5\"; write an object".to_owned(),
            format!("users[1].contacts.to_exchange: \"Marked for reset\" is not understood; write one of {known}, or leave it out where nobody knows"),
            "users[1].contacts.records_in_sync: \"4294967296\" is more records than a mailbox holds".to_owned(),
            "users[1].events: is true; write an object".to_owned(),
            r#"users[2].reset: "over" is not understood; write one of none, marked_for_reset, reset_in_progress, or leave it out where nobody knows"#.to_owned(),
            "users[2].user: is missing; every user has a name".to_owned(),
            "users[3].User: is there twice; send it once".to_owned(),
            "users[3].x: is not a known key; known are user, contacts, events, active_configuration, mailbox_version_supported, recognized_by_service_account, reset, outlook_integration_set_up".to_owned(),
            r#"users[3].user: "ann" is named twice; send each user once"#.to_owned(),
            r#"users[4].user: "ann" is named twice; send each user once"#.to_owned(),
        ]
    );
}

#[test]
fn a_key_under_two_spellings_is_there_twice() {
    assert_eq!(
        mistakes(
            r#""linked_users":1,"Linked_Users":1,"contacts":{"last_sync":"2026-11-22T13:52:00Z","Last sync activity":"2026-11-22T13:52:00Z"},"Contacts":{},"users":[],"users":5"#
        ),
        [
            "Linked_Users: is there twice; send it once",
            "contacts.Last sync activity: is there twice; send it once",
            "Contacts: is there twice; send it once",
            "users: is there twice; send it once",
        ]
    );
}

#[test]
fn times_may_lie_five_minutes_ahead_and_no_more() {
    let of = |captured: &str, last: &str| {
        json_with(
            &format!(r#"{{"captured_at":"{captured}","events":{{"last_sync":"{last}"}}}}"#),
            None,
        )
    };
    assert!(of("2026-11-22T14:05:00Z", "2026-11-22T14:05:00Z").is_ok());
    let error = of("2026-11-22T14:05:00.001Z", "2026-11-22T14:06:00Z").unwrap_err();
    assert_eq!(
        error.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "captured_at: 2026-11-22T14:05:00.001Z is more than 5 minutes ahead of our clock (2026-11-22T14:00:00Z); check the sender's clock and zone",
            "events.last_sync: 2026-11-22T14:06:00Z is more than 5 minutes ahead of our clock (2026-11-22T14:00:00Z); check the sender's clock and zone",
        ]
    );
}

#[test]
fn the_time_of_capture_is_given_once() {
    let error = json_with("{}", None).unwrap_err();
    assert_eq!(
        (error.reason, error.to_string().as_str()),
        (
            ProblemReason::Invalid,
            "captured_at is missing; say when the values were true, like 2026-11-22T13:55:00Z"
        )
    );
    let body = r#"{"captured_at":"2026-11-22T13:55:00Z"}"#;
    let beside = Some("2026-11-22T14:55:00+01:00");
    assert_eq!(json_with("{}", beside), json_with(body, None));
    assert_eq!(json_with(body, beside), json_with(body, None));
    let error = json_with(body, Some("2026-11-22T13:55:01Z")).unwrap_err();
    assert_eq!(
        error.errors[0].to_string(),
        "captured_at: differs from another captured_at; a snapshot is of one instant"
    );
}

#[test]
fn a_snapshot_of_mistakes_alone_is_not_read_to_its_end() {
    let json = format!("{{\"users\":[{{}}{}]}}", ",{}".repeat(MAX_USERS * 2));
    let csv = format!("user\n{}", "a\n".repeat(MAX_USERS * 2));
    let org = OrgName::new("acme").unwrap();
    let context =
        SnapshotContext { org: &org, now: at(NOW), captured_at: Some(NOW), written_at: None };
    for refused in [parse_json(json.as_bytes(), &context), parse_csv(csv.as_bytes(), &context)] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.reason, refused.total), (ProblemReason::Invalid, MAX_USERS as u64));
        assert!(refused.detail.starts_with("at least 200000 values"), "{refused}");
    }
}

#[test]
fn more_keys_than_there_are_names_are_not_looked_up() {
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|key| format!("\"k{key}\":[{{}}]")).collect();
        let body = format!("{{\"captured_at\":\"2026-11-22T13:55:00Z\",{}}}", keys.join(","));
        json_with(&body, None).unwrap_err()
    };
    assert_eq!(keys(63).total, 63);
    let many = keys(100_000);
    assert_eq!(many.total, 64);
    assert_eq!(many.errors[63].to_string(), "has more than 64 keys; send one snapshot");
    assert_eq!(many.reason, ProblemReason::Invalid);
}

#[test]
fn a_body_that_is_no_object_is_refused_with_its_fault() {
    let detail = |body: &str| {
        let error = json_with(body, None).unwrap_err();
        assert_eq!(error.reason, ProblemReason::Malformed);
        error.detail
    };
    assert_eq!(
        detail(""),
        "the body is no JSON object: EOF while parsing a value at column 0; send one whole object"
    );
    assert_eq!(
        detail("[]"),
        "the body is no JSON object: it is something else at column 0; send one whole object"
    );
    assert_eq!(
        detail("{\n\"users\":[{},"),
        "the body is no JSON object: EOF while parsing a value in its line 2, column 12; send one whole object"
    );
    assert_eq!(
        detail(r#"{"users":{}}"#),
        "users is no array: it is something else at column 9; send an array of objects"
    );
    assert_eq!(
        detail("{}{}"),
        "the body is no JSON object: trailing characters at column 3; send one whole object"
    );
}

#[test]
fn a_complete_list_without_users_is_not_taken_for_an_empty_organisation() {
    assert_eq!(
        mistakes(r#""users_complete":true,"users":[]"#),
        [
            "users_complete: is true and no user is named, which would forget all; name the users, or leave it out"
        ]
    );
    let body =
        r#"{"captured_at":"2026-11-22T13:55:00Z","users_complete":true,"users":[{"user":"ann"}]}"#;
    assert!(json(body).users_complete);
}

#[test]
fn more_users_than_fit_are_refused() {
    let users: Vec<_> = (0..=MAX_USERS).map(|index| format!(r#"{{"user":"u{index}"}}"#)).collect();
    let body =
        |users: &[String]| format!(r#"{{"captured_at":"{NOW}","users":[{}]}}"#, users.join(","));
    let error = json_with(&body(&users), None).unwrap_err();
    assert_eq!(error.reason, ProblemReason::DecodedTooLarge);
    assert_eq!(
        error.detail,
        "a snapshot names at most 200000 users; send them in parts, without users_complete"
    );
    assert_eq!(json(&body(&users[1..])).users.len(), MAX_USERS);
}
