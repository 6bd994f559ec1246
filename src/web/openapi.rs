//! The API's description, written by hand. A test holds it against the routes: every path and method, and nothing else.

use super::negotiate::Exposition;
use super::problem::ProblemReason;
use super::services::{IngestKind, MediaType};
use crate::domain::causes::Severity;
use crate::domain::ids::Source;
use crate::domain::rows::{Status, UserRow};
use crate::domain::setup::SetupArea;
use crate::domain::users::Standing;
use serde_json::{Map, Value, json};

/// The document, for a metrics page at `telemetry_path`.
pub(super) fn description(telemetry_path: &str) -> Value {
    let mut paths = Map::new();
    for (path, item) in fixed_paths() {
        paths.insert(path.to_owned(), item);
    }
    paths.insert(telemetry_path.to_owned(), metrics());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "lightning-sync-exporter",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What is known of the sync between Salesforce and Exchange, and where sources push what they see.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "The organisation's ingest token. Without a configured token, requests are taken from this host only." } },
            "parameters": { "user": path("user", "What stands for the user: the pseudonym, or the name where names are shown"), "alert": path("alert", "The alert's name"), "org": { "name": "org", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[a-z0-9-]{1,63}$" } } },
            "schemas": { "Problem": problem(), "Row": row(), "Finding": finding(), "SetupChanges": setup_changes() },
            "responses": { "Problem": { "description": "Refused; `reason` says why and `detail` what to do.", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } } },
        },
    })
}

fn fixed_paths() -> [(&'static str, Value); 21] {
    [
        ("/", get("The page of all organisations", "text/html", &[])),
        (
            "/orgs/{org}",
            of_org(get("The page of an organisation", "text/html", &[])),
        ),
        (
            "/orgs/{org}/users",
            of_org(get("The page of its users", "text/html", &[])),
        ),
        (
            "/orgs/{org}/users/{user}",
            of_user(get("The page of a user", "text/html", &[])),
        ),
        ("/orgs/{org}/paste", of_org(paste())),
        (
            "/orgs/{org}/paste/lightning-sync.user.js",
            of_org(get(
                "A script that copies the status page",
                "text/javascript",
                &[],
            )),
        ),
        (
            "/assets/paste.js",
            get("The script of the paste box", "text/javascript", &[]),
        ),
        (
            "/runbooks/{alert}",
            of(
                &["alert"],
                get("What an alert means and what to do", "text/html", &[]),
            ),
        ),
        (
            "/assets/style.css",
            get("The style of the pages", "text/css", &[]),
        ),
        (
            "/api/v1/orgs/{org}/users/{user}",
            of_user(get("One user with every row", JSON, &[])),
        ),
        (
            "/api/v1/orgs/{org}/history",
            of_org(get(
                "Totals of each hour and the last syncs that were told, eight days back",
                JSON,
                &[],
            )),
        ),
        ("/api/v1/orgs", get("All organisations in short", JSON, &[])),
        (
            "/api/v1/orgs/{org}",
            of_org(get(
                "One organisation: its rows, sources, users in numbers, findings and changes of the set-up",
                JSON,
                &[],
            )),
        ),
        (
            "/api/v1/orgs/{org}/users",
            of_org(get(
                "Users, a page at a time",
                JSON,
                &[
                    query(
                        "limit",
                        json!({ "type": "integer", "minimum": 1, "maximum": super::limits::USERS_PER_PAGE_MOST, "default": super::limits::USERS_PER_PAGE }),
                    ),
                    query(
                        "after",
                        json!({ "type": "string", "description": "`next` of the page before" }),
                    ),
                    query(
                        "q",
                        json!({ "type": "string", "description": "A part of what stands for the user, or the user's whole name" }),
                    ),
                    query(
                        "verdict",
                        one_of(Standing::ALL.iter().map(|standing| standing.name())),
                    ),
                    query("check", one_of(UserRow::checks().map(UserRow::check))),
                    query(
                        "status",
                        one_of(Status::ALL.iter().map(|status| status.name())),
                    ),
                    query("failing", json!({ "type": "boolean" })),
                    query("moved", one_of(["yes", "no"].into_iter())),
                ],
            )),
        ),
        (
            "/api/v1/orgs/{org}/snapshot",
            of_org(push(
                IngestKind::Snapshot,
                "The values of the status page, or the page itself",
                &[
                    query(
                        "captured_at",
                        json!({ "type": "string", "format": "date-time", "description": "When the page was saved; otherwise the time of receipt" }),
                    ),
                    query(
                        "user",
                        json!({ "type": "string", "description": "Whose page it is, when the page does not say" }),
                    ),
                    on_error(),
                ],
            )),
        ),
        (
            "/api/v1/orgs/{org}/activity",
            of_org(push(
                IngestKind::Activity,
                "Records of activity; none at all is a heartbeat",
                &[on_error()],
            )),
        ),
        (
            "/api/v1/findings",
            get(
                "What is wrong, worst first, with the next steps",
                JSON,
                &[
                    query("org", json!({ "type": "string" })),
                    query(
                        "severity",
                        one_of(Severity::ALL.iter().map(|severity| severity.name())),
                    ),
                ],
            ),
        ),
        ("/api/v1/openapi.json", get("This description", JSON, &[])),
        (
            "/-/healthy",
            get("Whether the process is alive", "text/plain", &[]),
        ),
        (
            "/-/ready",
            get("Whether it can answer for what it says", "text/plain", &[]),
        ),
        (
            "/-/reload",
            json!({ "post": operation("Read the configuration again; from this host only", json!({ "text/plain": {} }), &[]) }),
        ),
    ]
}

const JSON: &str = "application/json";

fn operation(summary: &str, content: Value, parameters: &[Value]) -> Value {
    json!({
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done", "content": content },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    })
}

fn get(summary: &str, media_type: &str, parameters: &[Value]) -> Value {
    let mut content = Map::new();
    content.insert(media_type.to_owned(), json!({}));
    let operation = operation(summary, content.into(), parameters);
    json!({ "get": operation, "head": operation })
}

fn metrics() -> Value {
    let mut content = Map::new();
    for format in [
        Exposition::Text004,
        Exposition::OpenMetrics001,
        Exposition::OpenMetrics100,
    ] {
        content.insert(format.content_type().to_owned(), json!({}));
    }
    let operation = operation("The metrics page; gzip by negotiation", content.into(), &[]);
    json!({ "get": operation, "head": operation })
}

fn push(kind: IngestKind, summary: &str, parameters: &[Value]) -> Value {
    let content: Map<String, Value> = kind
        .media_types()
        .iter()
        .map(|media_type: &MediaType| (media_type.name().to_owned(), json!({})))
        .collect();
    let mut post = operation(summary, json!({ "application/json": {} }), parameters);
    if let Some(post) = post.as_object_mut() {
        post.insert("requestBody".to_owned(), json!({ "content": content, "description": "As it is, or with Content-Encoding: gzip" }));
        post.insert("security".to_owned(), json!([{ "token": [] }, {}]));
    }
    json!({ "post": post, "options": { "summary": "A browser's question whether a page may push", "responses": { "204": { "description": "It may" }, "403": { "$ref": "#/components/responses/Problem" } } } })
}

fn paste() -> Value {
    let mut item = get("Where the status page is pasted", "text/html", &[]);
    let mut post = operation(
        "What was understood of a paste, or its storing; with the access rules of ingest",
        json!({ "text/html": {} }),
        &[],
    );
    if let (Some(item), Some(post)) = (item.as_object_mut(), post.as_object_mut()) {
        post.insert(
            "requestBody".to_owned(),
            json!({ "content": { "application/x-www-form-urlencoded": {} } }),
        );
        item.insert("post".to_owned(), Value::Object(post.clone()));
    }
    item
}

fn of_org(item: Value) -> Value {
    of(&["org"], item)
}

fn of_user(item: Value) -> Value {
    of(&["org", "user"], item)
}

fn of(parameters: &[&str], mut item: Value) -> Value {
    let references: Vec<Value> = parameters
        .iter()
        .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
        .collect();
    if let Some(item) = item.as_object_mut() {
        item.insert("parameters".to_owned(), references.into());
    }
    item
}

fn path(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } })
}

fn query(name: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "schema": schema })
}

fn on_error() -> Value {
    query(
        "on_error",
        json!({ "type": "string", "enum": ["refuse", "skip"], "default": "refuse", "description": "`skip` takes the good records and lists the others" }),
    )
}

fn one_of(values: impl Iterator<Item = &'static str>) -> Value {
    json!({ "type": "string", "enum": values.collect::<Vec<_>>() })
}

fn nullable(kind: &str) -> Value {
    json!({ "type": [kind, "null"] })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "reason"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What happened and the next step" },
            "reason": one_of(ProblemReason::ALL.iter().map(|reason| reason.name())),
            "errors": { "type": "array", "items": { "type": "object", "required": ["message"], "properties": {
                "line": { "type": "integer" }, "field": { "type": "string" }, "message": { "type": "string" } } } },
        },
    })
}

fn row() -> Value {
    json!({
        "type": "object",
        "properties": {
            "row": { "type": "string" },
            "state": one_of(["live", "held", "unknown"].into_iter()),
            "value": { "description": "null when it is unknown, and when the page shows None" },
            "source": { "enum": Source::ALL.iter().map(|source| Some(source.name())).chain([None]).collect::<Vec<_>>() },
            "observed_at": nullable("string"), "changed_at": nullable("string"), "age_seconds": nullable("number"),
        },
    })
}

fn finding() -> Value {
    json!({
        "type": "object",
        "properties": {
            "org": { "type": "string" },
            "severity": one_of(Severity::ALL.iter().map(|severity| severity.name())),
            "reason": one_of(crate::domain::causes::Cause::ALL.iter().map(|reason| reason.name())),
            "alert": nullable("string"), "since": nullable("string"), "since_seconds": nullable("number"),
            "users": nullable("integer"), "summary": { "type": "string" }, "sentence": { "type": "string" }, "owner": { "type": "string" },
            "next_steps": { "type": "array", "items": { "type": "object", "properties": { "text": { "type": "string" }, "owner": { "type": "string" } } } },
            "runbook": nullable("string"),
            "held_back_by": { "type": "array", "items": { "type": "string" } },
        },
    })
}

fn setup_changes() -> Value {
    json!({
        "type": ["object", "null"],
        "description": "Changes of the set-up in Salesforce's audit trail; null where Salesforce is not asked",
        "properties": {
            "read_at": { "type": ["string", "null"], "description": "When the trail was last read; null when it was not" },
            "since": { "type": ["string", "null"], "description": "From when on no change is left out" },
            "changes": { "type": "array", "description": "Newest first", "items": { "type": "object", "required": ["at", "area"], "properties": {
                "at": { "type": "string" }, "area": one_of(SetupArea::ALL.iter().map(|area| area.name())) } } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes::Route;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_and_method_is_described_and_nothing_else() {
        let routed: BTreeSet<(String, String)> = Route::ALL
            .iter()
            .flat_map(|route| {
                let path = route.path("/metrics");
                let methods = route.methods().split(", ");
                methods.map(move |method| (path.clone(), method.to_lowercase()))
            })
            .collect();
        let description = description("/metrics");
        let described: BTreeSet<(String, String)> = description["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                let methods = item
                    .as_object()
                    .unwrap()
                    .keys()
                    .filter(|key| *key != "parameters");
                methods.map(|method| (path.clone(), method.clone()))
            })
            .collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description = description("/metrics");
        let text = description.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(description.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
