//! The API's description: what the handlers say of themselves, and what holds for all of them.

use super::answer::answer;
use super::negotiate::ExpositionFormat;
use super::problem::ProblemJson;
use super::routes::WebState;
use super::scrape;
use super::services::IngestKind;
use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};

/// What is described without a handler of the router.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "lightning-sync-exporter",
        description = "What is known of the sync between Salesforce and Exchange, and where sources push what they see."
    ),
    paths(scrape::scrape),
    components(schemas(ProblemJson<'_>))
)]
struct Described;

/// A page for people.
pub(super) enum Html {}

impl IntoResponses for Html {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let page = ResponseBuilder::new()
            .description("The page")
            .content("text/html", ContentBuilder::new().build());
        [("200".to_owned(), page.build().into())].into()
    }
}

/// This description
#[utoipa::path(get, path = "/api/v1/openapi.json", responses((status = 200, content_type = "application/json")))]
pub(super) async fn openapi(State(site): State<Arc<WebState>>) -> Response {
    answer(StatusCode::OK, "application/json", site.description.clone())
}

/// The whole document, for a metrics page at `telemetry_path`.
pub(super) fn complete(handlers: utoipa::openapi::OpenApi, telemetry_path: &str) -> Value {
    let mut described = Described::openapi();
    described.merge(handlers);
    let Paths { paths, .. } = &mut described.paths;
    if let Some(metrics) = paths.remove("/metrics") {
        paths.insert(telemetry_path.to_owned(), metrics);
    }
    let mut document = serde_json::to_value(&described).unwrap_or_default();
    for (path, item) in members(document.pointer_mut("/paths")) {
        let kind = path.rsplit('/').next().and_then(IngestKind::from_name);
        for (method, operation) in members(Some(&mut *item)) {
            let mut content = Map::new();
            if path == telemetry_path {
                let formats = [
                    ExpositionFormat::Text004,
                    ExpositionFormat::OpenMetrics001,
                    ExpositionFormat::OpenMetrics100,
                ];
                content.extend(formats.map(|format| (format.content_type().to_owned(), json!({}))));
                put(operation.pointer_mut("/responses/200"), "content", content.into());
            } else if let Some(kind) = kind.filter(|_| method == "post") {
                let taken = kind.media_types().iter();
                content.extend(taken.map(|taken| (taken.name().to_owned(), json!({}))));
                let body = json!({ "content": content, "description": "As it is, or with Content-Encoding: gzip" });
                put(Some(&mut *operation), "requestBody", body);
                put(Some(&mut *operation), "security", json!([{ "token": [] }, {}]));
            } else if kind.is_some() {
                *operation = json!({ "summary": "A browser's question whether a page may push", "responses": { "204": { "description": "It may" } } });
            }
            put(
                operation.pointer_mut("/responses"),
                "default",
                json!({ "$ref": "#/components/responses/Problem" }),
            );
            if let Some(operation) = operation.as_object_mut() {
                // A handler's name says nothing to readers, and two handlers may have the same.
                operation.retain(|key, _| !["operationId", "tags"].contains(&key.as_str()));
            }
        }
        if let Some(get) = item.get("get").cloned() {
            put(Some(&mut *item), "head", get);
        }
        let names: Vec<Value> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "description": of_path(name), "schema": { "type": "string" } }))
            .collect();
        put(Some(item), "parameters", names.into());
    }
    let components = document.pointer_mut("/components");
    let problem = json!({ "description": "Refused; `reason` says why and `detail` what to do.", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let token = json!({ "type": "http", "scheme": "bearer", "description": "The organisation's ingest token. Without a configured token, requests are taken from this host only." });
    if let Some(components) = components.and_then(Value::as_object_mut) {
        components.insert("responses".to_owned(), json!({ "Problem": problem }));
        components.insert("securitySchemes".to_owned(), json!({ "token": token }));
    }
    document
}

/// The members of an object.
fn members(object: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    object.and_then(Value::as_object_mut).into_iter().flatten()
}

/// Sets a member of an object.
fn put(object: Option<&mut Value>, key: &str, value: Value) {
    if let Some(object) = object.and_then(Value::as_object_mut) {
        object.insert(key.to_owned(), value);
    }
}

fn of_path(name: &str) -> &'static str {
    match name {
        "org" => "The organisation's name",
        "user" => "What stands for the user: the pseudonym, or the name where names are shown",
        _ => "The alert's name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::problem::ProblemReason;
    use crate::web::routes::paths;
    use std::collections::BTreeSet;

    fn document() -> Value {
        complete(paths().into_openapi(), "/scrape")
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_referenced() {
        let document = document();
        let text = document.to_string();
        let mut referenced = BTreeSet::new();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            referenced.insert(pointer.to_owned());
        }
        let schemas: BTreeSet<String> = document["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
            .map(|name| format!("/components/schemas/{name}"))
            .collect();
        let unused: Vec<&String> = schemas.difference(&referenced).collect();
        assert_eq!(unused, Vec::<&String>::new());
    }

    #[test]
    fn every_answer_of_json_has_a_schema_and_every_operation_a_refusal() {
        let document = document();
        assert!(document["paths"]["/metrics"].is_null());
        assert!(document["paths"]["/scrape"]["head"].is_object());
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if method == "parameters" {
                    continue;
                }
                assert!(operation["summary"].is_string(), "{method} {path}");
                let responses = &operation["responses"];
                assert!(responses["default"].is_object(), "{method} {path}");
                let json = &responses["200"]["content"]["application/json"];
                assert!(
                    json.is_null()
                        || json["schema"]["$ref"].is_string()
                        || path.ends_with("openapi.json"),
                    "{method} {path}: {json}"
                );
            }
        }
    }

    #[test]
    fn every_parameter_of_the_list_of_users_is_described() {
        let document = document();
        let parameters = &document["paths"]["/api/v1/orgs/{org}/users"]["get"]["parameters"];
        let names: Vec<&str> = parameters
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        let keys = ["limit", "after", "q", "verdict", "check", "status", "failing", "moved"];
        assert_eq!(names, keys);
    }

    #[test]
    fn every_reason_is_one_that_something_gives() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut code = String::new();
        let mut directories = vec![root];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let text = text.split("#[cfg(test)]").next().unwrap();
                    // What a reason is answered with gives none.
                    let (before, after) =
                        text.split_once("pub const fn http_status").unwrap_or((text, ""));
                    code.push_str(before);
                    code.push_str(after.split("\nimpl Problem {").nth(1).unwrap_or_default());
                }
            }
        }
        for reason in ProblemReason::ALL {
            assert!(code.contains(&format!("ProblemReason::{reason:?}")), "{reason}");
        }
    }
}
