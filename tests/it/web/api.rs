//! JSON: what is known, how well, and what to do.

use super::fixture::{Setting, Site, minutes_ago, view};
use crate::support::http::get;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::external_url::ExternalUrl;
use lightning_sync_exporter::domain::policy::UserNames;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::guidance;
use serde_json::{Value, json};

fn fetch(site: &Site, path: &str) -> Value {
    let answer = get(site.address, path);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json")),
        "{path}: {}",
        answer.text()
    );
    answer.json()
}

/// The keys of a row that tell its value, without the words.
fn facts(rows: &Value, id: &str) -> Value {
    let row = rows.as_array().unwrap().iter().find(|row| row["row"] == id).unwrap();
    let keys = [
        "state",
        "value",
        "shows",
        "source",
        "observed_at",
        "changed_at",
        "age_seconds",
        "unknown_because",
    ];
    keys.iter()
        .map(|key| ((*key).to_owned(), row[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_live_a_held_a_zero_and_an_unknown_value_are_told_apart() {
    let site = Site::start();
    let acme = fetch(&site, "/api/v1/orgs/acme");
    let rows = &acme["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 10);
    let (read, held) = ("2026-11-22T13:54:00Z", "2026-11-21T14:00:00Z");
    for (row, wanted) in [
        (
            "service_account_recognized",
            json!({ "state": "live", "value": false, "shows": "no", "source": "snapshot", "observed_at": read, "changed_at": "2026-11-22T02:10:00Z", "age_seconds": 360.0, "unknown_because": null }),
        ),
        (
            "service_account_provided",
            json!({ "state": "live", "value": "svc…", "shows": "named", "source": "snapshot", "observed_at": read, "changed_at": read, "age_seconds": 360.0, "unknown_because": null }),
        ),
        (
            "outlook_integration",
            json!({ "state": "held", "value": true, "shows": "yes", "source": "salesforce", "observed_at": held, "changed_at": "2026-11-20T14:00:00Z", "age_seconds": 86400.0, "unknown_because": null }),
        ),
        (
            "contacts.last_sync",
            json!({ "state": "live", "value": "2026-11-21T12:00:00Z", "shows": "past", "source": "snapshot", "observed_at": read, "changed_at": read, "age_seconds": 360.0, "unknown_because": null }),
        ),
        (
            "contacts.synced_24h",
            json!({ "state": "live", "value": 0, "shows": "zero", "source": "snapshot", "observed_at": read, "changed_at": read, "age_seconds": 360.0, "unknown_because": null }),
        ),
        (
            "contacts.synced_60m",
            json!({ "state": "unknown", "value": null, "shows": "unknown", "source": null, "observed_at": null, "changed_at": null, "age_seconds": null, "unknown_because": "no source has reported it" }),
        ),
        (
            "linked_users",
            json!({ "state": "unknown", "value": null, "shows": "unknown", "source": null, "observed_at": null, "changed_at": null, "age_seconds": null, "unknown_because": "no source has reported it" }),
        ),
        (
            "events.synced_24h",
            json!({ "state": "live", "value": 61, "shows": "number", "source": "activity", "observed_at": "2026-11-22T14:00:00Z", "changed_at": "2026-11-22T14:00:00Z", "age_seconds": 0.0, "unknown_because": null }),
        ),
    ] {
        assert_eq!(facts(rows, row), wanted, "{row}");
    }
    let guide = guidance::org_row_of(
        lightning_sync_exporter::domain::policy::Product::LightningSync,
        lightning_sync_exporter::domain::rows::OrgRow::ServiceAccountRecognized,
        guidance::OrgState::No,
    )
    .unwrap();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["row"] == "service_account_recognized")
        .unwrap();
    assert_eq!(
        (&row["meaning"], &row["owner"]),
        (&guide.meaning.plain().into(), &guide.owner().name().into())
    );
    assert_eq!(row["next_steps"].as_array().unwrap().len(), guide.steps.len());
    assert_eq!(row["applies"], true);
    assert_eq!(
        acme["users"],
        json!({ "known": 5, "healthy": 0, "partly_known": 3, "failing": 1, "failing_by_check": { "service_account": 1 }, "stuck": 0, "resetting": 0, "excluded": 0, "leaving": 0, "unknown": 1 })
    );
    let live: Vec<(&str, bool)> = acme["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| (source["source"].as_str().unwrap(), source["live"].as_bool().unwrap()))
        .collect();
    assert_eq!(live, [("activity", true), ("snapshot", true), ("salesforce", false)]);
}

#[test]
fn counts_of_an_engine_that_stands_still_are_unknown_and_states_are_not() {
    let old = View { as_of: minutes_ago(1), ..view() };
    let site = Site::with(Setting { view: old, ..Setting::default() });
    let acme = fetch(&site, "/api/v1/orgs/acme");
    assert_eq!(
        acme["view"],
        json!({ "now": "2026-11-22T14:00:00Z", "as_of": "2026-11-22T13:59:00Z", "fresh": false, "store_failing": false, "clock_suspect": false, "leader": true })
    );
    let count = facts(&acme["rows"], "events.synced_24h");
    assert_eq!(
        (&count["state"], &count["value"], &count["unknown_because"]),
        (&json!("unknown"), &Value::Null, &json!("the engine has not published for too long"))
    );
    assert_eq!(facts(&acme["rows"], "service_account_recognized")["state"], "live");
}

#[test]
fn findings_come_worst_first_with_words_steps_and_what_holds_them_back() {
    let site = Site::start();
    let answer = fetch(&site, "/api/v1/findings");
    let findings = answer["findings"].as_array().unwrap();
    let short: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!([
                finding["severity"],
                finding["reason"],
                finding["object_type"],
                finding["held_back_by"]
            ])
        })
        .collect();
    assert_eq!(short[0], json!(["critical", "service_account_not_recognized", null, []]));
    assert_eq!(
        short[1],
        json!(["critical", "no_sync_in_24_hours", "contacts", ["service_account_not_recognized"]])
    );
    let ranks: Vec<&str> =
        findings.iter().map(|finding| finding["severity"].as_str().unwrap()).collect();
    assert!(
        ranks.is_sorted_by_key(|rank| ["critical", "warning", "info"]
            .iter()
            .position(|known| known == rank)),
        "{ranks:?}"
    );
    let words = guidance::cause(Cause::ServiceAccountNotRecognized);
    let steps: Vec<Value> = words
        .steps
        .iter()
        .map(|step| json!({ "text": step.text.plain(), "owner": step.owner.name() }))
        .collect();
    assert_eq!(
        findings[0],
        json!({
            "org": "acme", "severity": "critical", "reason": "service_account_not_recognized",
            "alert": "LightningSyncServiceAccountNotRecognized", "object_type": null, "check": null,
            "since": "2026-11-22T02:10:00Z", "since_seconds": 42600.0, "users": null,
            "summary": words.summary, "sentence": "Salesforce does not accept svc…",
            "meaning": words.meaning.plain(), "impact": words.impact.plain(), "owner": words.owner().name(),
            "next_steps": steps, "runbook": "/runbooks/LightningSyncServiceAccountNotRecognized", "held_back_by": [],
        })
    );
    let external_url = ExternalUrl::new("https://tools.example/sync").ok();
    let elsewhere = Site::with(Setting { external_url, ..Setting::default() });
    for (path, finding) in [
        ("orgs", "/orgs/0/worst_finding"),
        ("orgs/acme", "/findings/0"),
        ("findings", "/findings/0"),
    ] {
        assert_eq!(
            fetch(&elsewhere, &format!("/api/v1/{path}")).pointer(&format!("{finding}/runbook")),
            Some(&json!(
                "https://tools.example/sync/runbooks/LightningSyncServiceAccountNotRecognized"
            )),
            "{path}: for who reads it elsewhere"
        );
    }
    let warnings = fetch(&site, "/api/v1/findings?org=acme&severity=warning");
    assert!(
        warnings["findings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["severity"] == "warning")
    );
    assert_eq!(fetch(&site, "/api/v1/findings?org=beta")["findings"], json!([]));
    for (query, status) in [("org=nobody", 404), ("severity=bad", 400), ("limit=1", 400)] {
        assert_eq!(
            get(site.address, &format!("/api/v1/findings?{query}")).status,
            status,
            "{query}"
        );
    }
}

#[test]
fn an_organisation_of_which_nobody_spoke_is_unknown_and_not_well() {
    let site = Site::start();
    let orgs = fetch(&site, "/api/v1/orgs");
    let short: Vec<Value> = orgs["orgs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|org| json!([org["org"], org["url"], org["verdict"], org["worst_finding"]["reason"]]))
        .collect();
    assert_eq!(
        short,
        [
            json!(["acme", "/api/v1/orgs/acme", "broken", "service_account_not_recognized"]),
            json!(["beta", "/api/v1/orgs/beta", "unknown", null]),
        ]
    );
    let unknown = get(site.address, "/api/v1/orgs/nobody");
    assert_eq!((unknown.status, unknown.json()["reason"].as_str()), (404, Some("unknown_org")));
}

fn users(page: &Value) -> Vec<&str> {
    page["users"].as_array().unwrap().iter().map(|user| user["user"].as_str().unwrap()).collect()
}

#[test]
fn users_are_paged_by_what_stands_for_them_and_no_name_shows() {
    let site = Site::start();
    let path = "/api/v1/orgs/acme/users";
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = fetch(&site, &format!("{path}?limit=2{after}"));
        assert_eq!(
            (&page["known"], &page["matching"], &page["complete"]),
            (&json!(5), &json!(5), &json!(true))
        );
        assert!(!page.to_string().contains("corp.example"), "{page}");
        seen.extend(users(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ["effc", "effd", "effe", "efff", "f000"]);
    let failing = fetch(&site, &format!("{path}?failing=true"));
    assert_eq!(users(&failing), ["f000"]);
    let user = &failing["users"][0];
    assert_eq!(
        (&user["verdict"], &user["failing_check"], &user["since"]),
        (&json!("failing"), &json!("service_account"), &json!("2026-11-22T13:54:00Z"))
    );
    assert!(!user["next_steps"].as_array().unwrap().is_empty());
    let row = |id: &str| {
        user["rows"].as_array().unwrap().iter().find(|row| row["row"] == id).unwrap().clone()
    };
    assert_eq!(
        row("user.contacts.records"),
        json!({ "row": "user.contacts.records", "check": "contacts_records", "state": "live", "value": 312, "source": "snapshot", "observed_at": "2026-11-22T13:54:00Z", "changed_at": "2026-11-22T13:54:00Z", "age_seconds": 360.0 })
    );
    assert_eq!(row("user.reset")["state"], "unknown");
    for (query, wanted) in [
        ("check=service_account&status=yes", vec!["effd", "effe", "efff"]),
        ("check=service_account&status=unknown", vec!["effc"]),
        ("check=service_account&failing=true", vec!["f000"]),
        ("check=mailbox_version&failing=true", vec![]),
        ("failing=false", vec!["effc", "effd", "effe", "efff"]),
    ] {
        assert_eq!(users(&fetch(&site, &format!("{path}?{query}"))), wanted, "{query}");
    }
    for bad in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "check=nonsense&status=yes",
        "check=reset&status=yes",
        "status=yes",
        "check=reset",
        "failing=maybe",
        "page=2",
    ] {
        let answer = get(site.address, &format!("{path}?{bad}"));
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (400, Some("bad_query")),
            "{bad}"
        );
    }
}

#[test]
fn names_show_where_the_operator_asked_for_them() {
    let plain = View { user_names: UserNames::Plain, ..view() };
    let site = Site::with(Setting { view: plain, ..Setting::default() });
    let page = fetch(&site, "/api/v1/orgs/acme/users?limit=2&after=user1%40corp.example");
    assert_eq!(
        (users(&page), &page["next"]),
        (vec!["user2@corp.example", "user3@corp.example"], &json!("user3@corp.example"))
    );
}

#[test]
fn the_description_is_served() {
    let site = Site::start();
    let description = fetch(&site, "/api/v1/openapi.json");
    assert_eq!(description["openapi"], "3.1.0");
    assert!(description["paths"]["/api/v1/orgs/{org}/activity"]["post"].is_object());
}

/// What of `value` the schema does not allow or does not name. Strict where JSON Schema is not: a member that no
/// schema names is a mistake of the description.
fn check(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let fits = |schema: &Value| {
        let mut wrong = Vec::new();
        check(document, schema, value, at, &mut wrong);
        wrong.is_empty()
    };
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).unwrap();
        return check(document, schema, value, at, wrong);
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        if !choices.iter().any(fits) {
            wrong.push(format!("{at}: {value} is none of {schema}"));
        }
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong.push(format!("{at}: {value} is none of {schema}"));
    }
    let is = |kind: &Value| match kind.as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("null") => value.is_null(),
        other => panic!("{at}: type {other:?}"),
    };
    let kinds = schema["type"].as_array();
    let typed = kinds.map_or_else(
        || schema["type"].is_null() || is(&schema["type"]),
        |kinds| kinds.iter().any(is),
    );
    if !typed {
        wrong.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}/{index}"), wrong);
    }
    let (Some(members), true) =
        (value.as_object(), schema["properties"].is_object() || schema["allOf"].is_array())
    else {
        return;
    };
    // The parts of a schema whose members lie side by side.
    let mut parts = vec![schema];
    let mut properties = serde_json::Map::new();
    while let Some(part) = parts.pop() {
        let part = match part["$ref"].as_str() {
            Some(reference) => document.pointer(&reference[1..]).unwrap(),
            None => part,
        };
        parts.extend(part["allOf"].as_array().into_iter().flatten());
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        for required in part["required"].as_array().into_iter().flatten() {
            if !members.contains_key(required.as_str().unwrap()) {
                wrong.push(format!("{at}: {required} is missing"));
            }
        }
    }
    for (key, member) in members {
        match properties.get(key) {
            Some(schema) => check(document, schema, member, &format!("{at}/{key}"), wrong),
            None => wrong.push(format!("{at}: {key} is not described")),
        }
    }
}

#[test]
fn what_is_answered_is_what_the_description_promises() {
    let directory = tempfile::tempdir().unwrap();
    let past = super::history::week(directory.path(), "user5@corp.example", minutes_ago(0));
    let site = Site::with(Setting { history: Some(past), ..Setting::default() });
    let document = fetch(&site, "/api/v1/openapi.json");
    let mut seen = 0;
    for (path, like) in [
        ("/api/v1/orgs", "/api/v1/orgs"),
        ("/api/v1/orgs/acme", "/api/v1/orgs/{org}"),
        ("/api/v1/orgs/beta", "/api/v1/orgs/{org}"),
        ("/api/v1/orgs/acme/users", "/api/v1/orgs/{org}/users"),
        ("/api/v1/orgs/acme/users/f000", "/api/v1/orgs/{org}/users/{user}"),
        ("/api/v1/orgs/acme/history", "/api/v1/orgs/{org}/history"),
        ("/api/v1/findings", "/api/v1/findings"),
        ("/api/v1/orgs/nobody", ""),
        ("/api/v1/findings?severity=bad", ""),
        ("/-/nothing", ""),
    ] {
        let answer = get(site.address, path);
        let schema = match like {
            "" => &document["components"]["schemas"]["Problem"],
            like => {
                &document["paths"][like]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            }
        };
        assert!(schema.is_object(), "{path}");
        let mut wrong = Vec::new();
        check(&document, schema, &answer.json(), path, &mut wrong);
        assert_eq!(wrong, Vec::<String>::new());
        seen += answer.text().len();
    }
    assert!(seen > 10_000, "{seen}");
    // A description that allows anything would pass: it must refuse what is not so.
    let schema = &document["components"]["schemas"]["Findings"];
    let mut bad = fetch(&site, "/api/v1/findings");
    bad["findings"][0]["severity"] = "dire".into();
    bad["findings"][0]["mood"] = "gloomy".into();
    let mut wrong = Vec::new();
    check(&document, schema, &bad, "", &mut wrong);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
}
