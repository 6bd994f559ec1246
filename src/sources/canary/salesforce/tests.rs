use super::*;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_seconds(1_796_000_000);
const DATA: &str = "/services/data/v67.0";
const CANARY: Whose<'_> =
    Whose { user: "canary@acme.example", related_to: Some("001000000000001AAA") };

fn marks(from: u128, count: u128) -> Vec<Mark> {
    (from..from + count).map(Mark).collect()
}

/// As much as there ever is at once.
fn all() -> SideWork {
    let mut work = SideWork::default();
    for (object, place) in ObjectType::ALL.iter().zip(1..) {
        work.create.push((*object, Mark(place)));
        work.find[*object] = marks(place * 100, 48);
        let due = marks(place * 1_000, 24);
        let id = |mark: Mark| format!("003{:012}AAA", mark.0);
        work.delete.extend(due.into_iter().map(|mark| (*object, mark, id(mark))));
    }
    work
}

fn parts(text: &str) -> Vec<Value> {
    let body: Value = serde_json::from_str(text).unwrap();
    assert_eq!(body["allOrNone"], json!(false));
    body["compositeRequest"].as_array().unwrap().clone()
}

#[test]
fn a_request_stays_within_what_salesforce_takes() {
    let parts = parts(&request(DATA, CANARY, &all(), NOW));
    assert_eq!(parts.len(), 25);
    let queries = parts.iter().filter(|part| part["method"] == "GET").count();
    assert_eq!(queries, 5);
    let urls = parts.iter().map(|part| part["url"].as_str().unwrap());
    assert!(urls.clone().all(|url| url.starts_with("/services/data/v67.0/")));
    assert!(urls.map(str::len).max().unwrap() < 8_000);
    let names: std::collections::BTreeSet<&str> =
        parts.iter().map(|part| part["referenceId"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 25);
}

#[test]
fn what_is_deleted_is_the_result_of_a_query_by_id_title_and_owner() {
    let work = SideWork {
        delete: vec![(ObjectType::Events, Mark(7), "00U000000000001AAA".to_owned())],
        ..SideWork::default()
    };
    let parts = parts(&request(DATA, CANARY, &work, NOW));
    let deletions: Vec<&Value> = parts.iter().filter(|part| part["method"] == "DELETE").collect();
    assert_eq!(deletions.len(), 1);
    assert_eq!(deletions[0]["url"], format!("{DATA}/sobjects/Event/@{{dueEvent.records[0].Id}}"));
    let query = parts.iter().find(|part| part["referenceId"] == "dueEvent").unwrap();
    let query = query["url"].as_str().unwrap().split_once("?q=").unwrap().1;
    let query = format!("q={query}");
    let (_, query) = form_urlencoded::parse(query.as_bytes()).next().unwrap();
    assert_eq!(
        query,
        "SELECT Id, Subject FROM Event WHERE ((Id = '00U000000000001AAA' AND Subject = 'Sync canary 00000000000000000000000000000007')) AND OwnerId IN (SELECT Id FROM User WHERE Username = 'canary@acme.example')"
    );
    // Whatever was stored as an id, nothing but an id becomes part of a query.
    let work = SideWork {
        delete: vec![(ObjectType::Events, Mark(7), "x' OR Id != '".to_owned())],
        ..SideWork::default()
    };
    assert!(!request(DATA, CANARY, &work, NOW).contains("OR+Id"));
}

fn answer(parts: Value) -> Map<String, Value> {
    json!({ "compositeResponse": parts }).as_object().unwrap().clone()
}

fn part(name: &str, status: u16, body: Value) -> Value {
    json!({ "referenceId": name, "httpStatusCode": status, "httpHeaders": {}, "body": body })
}

fn rows(rows: Value) -> Value {
    json!({ "totalSize": rows.as_array().unwrap().len(), "done": true, "records": rows })
}

#[test]
fn an_answer_is_read_part_by_part() {
    let create = vec![(ObjectType::Contacts, Mark(1)), (ObjectType::Events, Mark(2))];
    let mut work = SideWork { create, ..SideWork::default() };
    work.find[ObjectType::Contacts] = vec![Mark(3), Mark(4)];
    let due = |mark: u128, id: &str| (ObjectType::Contacts, Mark(mark), id.to_owned());
    work.delete =
        vec![due(5, "003000000000005AAA"), due(6, "003000000000006"), due(7, "003000000000007")];
    let user = part(USER, 200, rows(json!([{ "Id": "005000000000001" }])));
    let refusal = json!([{ "errorCode": "REQUIRED_FIELD_MISSING", "message": "secret" }]);
    let (found, trouble) = read(
        &work,
        &answer(json!([
            user,
            part("create0", 201, json!({ "id": "003000000000001", "success": true, "errors": [] })),
            part("create1", 400, refusal),
            part("findContact", 200, rows(json!([
                { "Id": "003000000000003", "LastName": Mark(3).title(), "CreatedDate": "2026-11-30T10:00:00.000+0000" },
                { "Id": "003000000000033", "LastName": format!("{} copy", Mark(4).title()), "CreatedDate": null },
            ]))),
            part("dueContact", 200, rows(json!([
                { "Id": "003000000000005AAA", "LastName": Mark(5).title() },
                { "Id": "003000000000006AAB", "LastName": Mark(6).title() },
            ]))),
            part("deleteContact0", 204, Value::Null),
            part("deleteContact1", 400, json!([{ "errorCode": "DELETE_FAILED", "message": "" }])),
            part("deleteContact2", 400, json!([{ "errorCode": "PROCESSING_HALTED", "message": "" }])),
        ])),
    )
    .unwrap();
    assert_eq!(found.created, [(Mark(1), "003000000000001".to_owned())]);
    assert_eq!(found.refused, [Mark(2)]);
    assert!(found.searched[ObjectType::Contacts] && !found.searched[ObjectType::Events]);
    let seen = &found.seen[ObjectType::Contacts];
    let at = "2026-11-30T10:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!((seen.len(), seen[0].mark), (1, Mark(3)));
    assert_eq!(seen[0].at, Timestamp::from_datetime(at));
    // The third is not there any more.
    assert_eq!(found.deleted, [Mark(5), Mark(7)]);
    let trouble = trouble.unwrap();
    assert_eq!(trouble.reason.name, "canary_write_refused");
    assert!(!trouble.detail.contains("secret"), "{}", trouble.detail);
}

#[test]
fn a_part_without_an_answer_is_neither_written_nor_refused() {
    let create = vec![(ObjectType::Contacts, Mark(1)), (ObjectType::Events, Mark(2))];
    let work = SideWork { create, ..SideWork::default() };
    let user = part(USER, 200, rows(json!([{ "Id": "005000000000001" }])));
    let lost = part("create0", 500, json!([{ "errorCode": "UNKNOWN_EXCEPTION", "message": "" }]));
    let (found, _) = read(&work, &answer(json!([user, lost]))).unwrap();
    assert_eq!((found.created, found.refused), (vec![], vec![]));
    let nobody = part(USER, 200, rows(json!([])));
    let failure = read(&work, &answer(json!([nobody]))).unwrap_err();
    assert_eq!(failure.reason.name, "canary_user_missing");
    assert!(read(&work, &Map::new()).is_err());
}
