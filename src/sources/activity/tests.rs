use super::*;
use crate::domain::activity::{ActivityKind, ActivityRecord};
use crate::domain::ids::{Direction, ObjectType, Outcome, folded};
use proptest::prelude::*;

const NOW: &str = "2026-11-22T14:00:00Z";

fn at(text: &str) -> Timestamp {
    crate::sources::instant::parse(text).unwrap()
}

fn read_as(body: &[u8], on_error: OnError) -> Result<WithRejected<ActivityBatch>, IngestError> {
    let org = OrgName::new("acme").unwrap();
    let identity = IdentityKey::new([7; 16]);
    parse(body, &ActivityContext { org: &org, identity: &identity, now: at(NOW), on_error })
}

fn records(body: &str) -> Vec<ActivityRecord> {
    let parsed = read_as(body.as_bytes(), OnError::Refuse).unwrap_or_else(|error| {
        panic!("{error}: {:?}", error.errors);
    });
    assert_eq!(parsed.rejected_total, 0);
    parsed.value.records
}

fn mistakes(body: &str) -> Vec<String> {
    let error = read_as(body.as_bytes(), OnError::Refuse).unwrap_err();
    assert_eq!(error.reason, ProblemReason::Invalid, "{error}");
    error.errors.iter().map(ToString::to_string).collect()
}

/// The one mistake of a record made of `at`, `object_type` and `more`.
fn mistake(more: &str) -> String {
    let body = format!(r#"{{"at":"2026-11-22T13:55:00Z","object_type":"contacts",{more}}}"#);
    mistakes(&body).join(" | ")
}

#[test]
fn a_record_has_its_instant_its_kind_and_an_identity() {
    let read = records(
        r#"{"at":"2026-11-22T14:55:00.5+01:00","object_type":"events","direction":"to_salesforce","user":"ann@corp.example","record":"00U1","outcome":"failed","error":"quota","id":"7"}"#,
    );
    let expected = ActivityRecord {
        at: at("2026-11-22T13:55:00.5Z"),
        kind: ActivityKind {
            object_type: ObjectType::Events,
            direction: Some(Direction::ToSalesforce),
            outcome: Outcome::Failed,
        },
        key: IdentityKey::new([7; 16]).of_id("acme", at("2026-11-22T13:55:00.5Z"), "7"),
    };
    assert_eq!(read, [expected]);
}

#[test]
fn a_record_is_the_same_in_whatever_way_its_user_is_written() {
    let of = |user| {
        records(&format!(
            r#"{{"at":"2026-11-22T13:55:00Z","object_type":"events","user":"{user}","record":"r"}}"#
        ))
    };
    assert_eq!(of("JOSE\u{301}@Corp.example"), of("jos\u{e9}@corp.example"));
    assert_ne!(of("jose@corp.example"), of("jos\u{e9}@corp.example"));
}

#[test]
fn line_ends_blank_lines_byte_order_marks_and_arrays_make_no_difference() {
    let first = r#"{"at":"2026-11-22T13:55:00Z","object_type":"contacts","id":"1,]}\\\""}"#;
    let second = r#"{"id":"2","object_type":"events","at":"2026-11-22T13:55:00.000+00:00"}"#;
    let expected = records(&format!("{first}\n{second}\n"));
    assert_eq!(expected.len(), 2);
    for body in [
        format!("{first}\n{second}"),
        format!("\u{feff}{first}\r\n\r\n  \r\n{second}\r\n\n\n"),
        format!("[{first},{second}]"),
        format!("\u{feff}\n [ {first}\r\n , {second} ] \n"),
        format!("  {first}  \n\t{second}"),
    ] {
        assert_eq!(records(&body), expected, "{body}");
    }
}

#[test]
fn nothing_is_a_heartbeat() {
    for body in ["", "\n", " \r\n \n", "\u{feff}", "[]", " [ \n ] "] {
        assert_eq!(records(body), [], "{body:?}");
    }
}

#[test]
fn with_an_id_the_identity_is_instant_and_id_and_without_it_all_fields() {
    let base = r#""at":"2026-11-22T13:55:00Z","object_type":"contacts""#;
    let of = |more: &str| records(&format!("{{{base}{more}}}"))[0].key;
    assert_eq!(of(r#","id":"1","user":"ann""#), of(r#","id":"1","user":"bob""#));
    assert_ne!(of(r#","id":"1""#), of(r#","id":"2""#));
    let plain = of("");
    for same in [
        r#","outcome":"synced""#,
        r#","user":null,"record":null,"error":null,"id":null,"direction":null,"outcome":null"#,
    ] {
        assert_eq!(of(same), plain, "{same}");
    }
    let mut keys = vec![plain];
    for other in [
        r#","user":"""#,
        r#","user":"ann""#,
        r#","record":"ann""#,
        r#","error":"ann""#,
        r#","error":"a\u0000nn""#,
        r#","direction":"to_exchange""#,
        r#","direction":"to_salesforce""#,
        r#","outcome":"failed""#,
    ] {
        keys.push(of(other));
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 9);
}

#[test]
fn what_is_wrong_is_named_with_its_field_and_what_to_write() {
    assert_eq!(
        mistake(r#""usr":"ann""#),
        "line 1, usr: is not a known key; known are at, object_type, direction, user, record, outcome, error, id"
    );
    assert_eq!(mistake(r#""user":5"#), "line 1, user: is a number; write it as a string");
    assert_eq!(mistake(r#""user":-5.5"#), "line 1, user: is a number; write it as a string");
    assert_eq!(mistake(r#""user":true"#), "line 1, user: is a boolean; write it as a string");
    assert_eq!(mistake(r#""user":[[{}]]"#), "line 1, user: is an array; write it as a string");
    assert_eq!(mistake(r#""id":{"a":[]}"#), "line 1, id: is an object; write it as a string");
    assert_eq!(mistake(r#""id":"1","id":"1""#), "line 1, id: is there twice; send it once");
    assert_eq!(mistake(r#""id":null,"id":"1""#), "line 1, id: is there twice; send it once");
    assert_eq!(
        mistake(r#""direction":"to_Exchange""#),
        r#"line 1, direction: "to_Exchange" is not a known value; write to_exchange or to_salesforce"#
    );
    assert_eq!(
        mistake(r#""outcome":"ok""#),
        r#"line 1, outcome: "ok" is not a known value; write synced or failed"#
    );
    assert_eq!(
        mistake(&format!(r#""user":"{}""#, "x".repeat(1025))),
        "line 1, user: has 1025 bytes; at most 1024 are taken"
    );
    assert_eq!(
        mistake(&format!(r#""error":"{}""#, "x".repeat(64 * 1024))),
        "line 1: has 65601 bytes; a record has at most 65536"
    );
}

#[test]
fn a_record_without_a_usable_time_or_object_type_is_wrong() {
    let lines = [
        r#"{}"#,
        r#"{"at":"2026-11-22T13:55:00Z"}"#,
        r#"{"at":null,"object_type":"events"}"#,
        r#"{"at":1763819700,"object_type":"events"}"#,
        r#"{"at":"2026-11-22T13:55:00","object_type":"events"}"#,
        r#"{"at":"0000-01-01T00:00:00Z","object_type":"events"}"#,
        r#"{"at":"2026-11-24T14:00:00Z","object_type":"events"}"#,
        r#"{"at":"2026-11-24T14:00:00.000000001Z","object_type":"events"}"#,
        r#"{"at":"2026-11-22T13:55:00Z","object_type":"Event"}"#,
    ];
    assert_eq!(
        mistakes(&lines.join("\n")),
        [
            "line 1, at: is missing; every record has it",
            "line 2, object_type: is missing; every record has it",
            "line 3, at: is missing; every record has it",
            "line 4, at: is a number; write it as a string",
            r#"line 5, at: "2026-11-22T13:55:00" is no RFC 3339 time with a zone; write it like 2026-11-22T13:55:00Z"#,
            r#"line 6, at: "0000-01-01T00:00:00Z" lies outside the years 1678 to 2261"#,
            "line 8, at: 2026-11-24T14:00:00.000000001Z is more than 48 h ahead of our clock (2026-11-22T14:00:00Z); check the sender's clock and zone",
            r#"line 9, object_type: "Event" is not a known value; write contacts or events"#,
        ]
    );
}

#[test]
fn a_line_that_is_no_object_is_named_without_being_echoed() {
    let long = format!("\"{}\"", "x".repeat(1000));
    let lines = ["{", "[]", "5", "null", "{}{}", "{'a':1}", r#"{"id":"\ud800"}"#, &long];
    assert_eq!(
        mistakes(&format!("\n{}", lines.join("\n"))),
        [
            "line 2: is no JSON object: EOF while parsing an object at column 1; send one whole object",
            "line 3: is no JSON object: it is something else at column 0; send one whole object",
            "line 4: is no JSON object: it is something else at column 1; send one whole object",
            "line 5: is no JSON object: it is something else at column 4; send one whole object",
            "line 6: is no JSON object: trailing characters at column 3; send one whole object",
            "line 7: is no JSON object: key must be a string at column 2; send one whole object",
            "line 8: is no JSON object: unexpected end of hex escape at column 14; send one whole object",
            "line 9: is no JSON object: it is something else at column 1002; send one whole object",
        ]
    );
    let bytes = read_as(b"{\"id\":\"\xff\"}", OnError::Refuse).unwrap_err();
    assert_eq!(bytes.errors[0].to_string(), "line 1: is not UTF-8; send the record as UTF-8");
}

#[test]
fn skipping_takes_the_good_and_lists_the_others() {
    let good = r#"{"at":"2026-11-22T13:55:00Z","object_type":"contacts","id":"1"}"#;
    let body = format!("{good}\n{{}}\n{}\n", "[\n".repeat(300));
    let parsed = read_as(body.as_bytes(), OnError::Skip).unwrap();
    assert_eq!(parsed.value.records, records(good));
    assert_eq!((parsed.rejected.len(), parsed.rejected_total), (100, 301));
    assert_eq!(parsed.rejected[0].to_string(), "line 2, at: is missing; every record has it");

    let refused = read_as(body.as_bytes(), OnError::Refuse).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "301 of 302 records are wrong and nothing was taken; correct them, or send with on_error=skip"
    );
    assert_eq!((refused.errors.len(), refused.total), (100, 301));

    let array = format!("[{good},5,{good}]");
    let parsed = read_as(array.as_bytes(), OnError::Skip).unwrap();
    assert_eq!(parsed.value.records.len(), 2);
    assert_eq!(
        parsed.rejected[0].to_string(),
        "line 2: is no JSON object: it is something else at column 1; send one whole object"
    );
}

#[test]
fn an_array_that_is_cut_or_misses_a_comma_is_refused_as_a_whole() {
    let good = r#"{"at":"2026-11-22T13:55:00Z","object_type":"contacts"}"#;
    let detail = |body: &str| {
        let error = read_as(body.as_bytes(), OnError::Skip).unwrap_err();
        assert_eq!(error.reason, ProblemReason::Malformed);
        error.detail
    };
    assert_eq!(detail(&format!("[{good}")), "the array ends within record 1; send the whole body");
    assert_eq!(detail(&format!("[{good},")), "the array ends within record 2; send the whole body");
    assert_eq!(detail(&format!("[{good},]")), "there is a comma without a record at place 2");
    assert_eq!(detail(&format!("[,{good}]")), "there is a comma without a record at place 1");
    assert_eq!(
        detail(&format!("[{good}]]")),
        "something follows the array's end after 1 records; send one array, or one record a line"
    );
    assert_eq!(detail(r#"[{"id":"a\"]"#), "the array ends within record 1; send the whole body");
}

proptest! {
    #[test]
    fn an_array_passes_exactly_when_it_is_an_array_of_objects(
        body in prop::collection::vec(
            prop::sample::select(vec!["[", "]", "{", "}", ",", ":", "\"", "\\", " ", "{}", "{\"id\":\"\"}", "\"a\"", "1"]), 0..12)
    ) {
        let body = format!("[{}", body.concat());
        let shape = read_as(body.as_bytes(), OnError::Skip);
        let truth = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(&body);
        let passes = shape.is_ok_and(|parsed| {
            // An empty object misses its time: the frame and the syntax are what is compared here.
            parsed.rejected.iter().all(|mistake| !mistake.field.is_empty())
        });
        prop_assert_eq!(passes, truth.is_ok(), "{}", body);
    }

    #[test]
    fn records_written_by_a_json_writer_are_read_back(
        texts in prop::collection::vec((any::<Option<String>>(), any::<String>(), 0_i64..100_000_000), 0..20),
        as_array in any::<bool>(),
    ) {
        let identity = IdentityKey::new([7; 16]);
        let (mut rows, mut expected) = (Vec::new(), Vec::new());
        for (index, (user, record, seconds)) in texts.iter().enumerate() {
            let at = Timestamp::from_seconds(1_600_000_000 + seconds);
            let kind = ActivityKind::from_index(index % 12).unwrap();
            let row = serde_json::json!({
                "at": at.to_string(), "object_type": kind.object_type.name(), "outcome": kind.outcome.name(),
                "direction": kind.direction.map(Direction::name), "user": user, "record": record,
            });
            rows.push(row.to_string());
            let user = user.as_deref().map(folded);
            let key = identity.of_fields("acme", at, kind, [user.as_deref(), Some(record), None]);
            expected.push(ActivityRecord { at, kind, key });
        }
        let body = if as_array { format!("[{}]", rows.join(",")) } else { rows.join("\n") };
        prop_assert_eq!(records(&body), expected);
    }
}
