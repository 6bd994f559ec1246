//! Queries, batches and limits.

use super::org::SimulatedOrg;
use super::rows::{self, QueryRows};
use super::scene::Scene;
use super::soql;
use crate::domain::time::Timestamp;
use serde_json::{Value, json};

/// An answer: status and JSON.
pub(super) type StatusAndBody = (u16, Value);

pub(super) fn refused(status: u16, code: &str, message: &str) -> StatusAndBody {
    (status, json!([{ "message": message, "errorCode": code }]))
}

/// What a path of `/services/data/vXX.0/` answers.
pub(super) fn answer(org: &SimulatedOrg, path: &str, body: &[u8], now: Timestamp) -> StatusAndBody {
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    match path.trim_end_matches('/') {
        "query" => query(org, parameters, now),
        "limits" if org.limits_fault.is_some() => {
            refused(403, org.limits_fault.unwrap_or_default(), "You do not have access")
        }
        "limits" => {
            let left = org.allowed.saturating_sub(org.used);
            (
                200,
                json!({
                    "DailyApiRequests": { "Max": org.allowed, "Remaining": left },
                    "HourlyAsyncReportRuns": { "Max": 1200, "Remaining": 1200 },
                }),
            )
        }
        "composite/batch" if org.scene != Scene::NoBatch => batch(org, body, now),
        path if path.starts_with("analytics/reports/") && org.report_runs => (200, report(org)),
        path if path.starts_with("analytics/reports/") => {
            refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.")
        }
        path => match path.strip_prefix("query/") {
            Some(cursor) => more(org, cursor, now),
            None => refused(404, "NOT_FOUND", "The requested resource does not exist"),
        },
    }
}

/// How many requests the vendor counts for one: every part of a batch.
pub(super) fn parts(path: &str, body: &[u8]) -> u64 {
    let batch: Option<Value> =
        path.ends_with("/composite/batch").then(|| serde_json::from_slice(body).ok()).flatten();
    let parts = batch.as_ref().and_then(|batch| batch.get("batchRequests")?.as_array());
    parts.map_or(1, |parts| parts.len() as u64)
}

fn report(org: &SimulatedOrg) -> Value {
    let rows: Vec<Value> = org
        .report
        .iter()
        .map(|(user, object)| {
            json!({ "dataCells": [{ "label": user, "value": user }, { "label": org.report_label.unwrap_or(object), "value": object }] })
        })
        .collect();
    json!({
        "attributes": { "type": "Report", "reportName": "Sync errors" }, "allData": org.report.len() <= 2_000, "hasDetailRows": true,
        "factMap": { "T!T": { "aggregates": [{ "label": rows.len().to_string(), "value": rows.len() }], "rows": rows } },
        "groupingsDown": { "groupings": [] }, "groupingsAcross": { "groupings": [] },
        "reportMetadata": { "reportFormat": "TABULAR", "detailColumns": ["COL_A", "COL_B"] },
        "reportExtendedMetadata": { "detailColumnInfo": {
            "COL_A": { "label": "User", "dataType": "string" }, "COL_B": { "label": "Object", "dataType": "string" },
        } },
    })
}

fn batch(org: &SimulatedOrg, body: &[u8], now: Timestamp) -> StatusAndBody {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(requests) = request.get("batchRequests").and_then(Value::as_array) else {
        return refused(400, "JSON_PARSER_ERROR", "batchRequests is missing");
    };
    let results: Vec<Value> = requests
        .iter()
        .map(|request| {
            let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
            let (_version, path) = url.split_once('/').unwrap_or_default();
            let (status, result) = answer(org, path, b"", now);
            json!({ "statusCode": status, "result": result })
        })
        .collect();
    let errors = results.iter().any(|result| result.get("statusCode") != Some(&json!(200)));
    (200, json!({ "hasErrors": errors, "results": results }))
}

fn query(org: &SimulatedOrg, parameters: &str, now: Timestamp) -> StatusAndBody {
    let text = form_urlencoded::parse(parameters.as_bytes())
        .find(|(name, _)| name == "q")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    page(org, &text, 0, now)
}

/// A cursor carries the query and where it goes on.
fn more(org: &SimulatedOrg, cursor: &str, now: Timestamp) -> StatusAndBody {
    let (text, from) = cursor.rsplit_once('-').unwrap_or_default();
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let text: Vec<u8> = text.as_bytes().chunks(2).filter_map(byte).collect();
    page(org, &String::from_utf8_lossy(&text), from.parse().unwrap_or(0), now)
}

fn page(org: &SimulatedOrg, text: &str, from: usize, now: Timestamp) -> StatusAndBody {
    let Some(query) = soql::read(text) else {
        return refused(400, "MALFORMED_QUERY", "unexpected token");
    };
    let rows = match rows::of(org, &query, now) {
        QueryRows::Found(rows) => rows,
        QueryRows::Refused(code, message) => return refused(400, code, &message),
    };
    let total = rows.len();
    let next = |at: usize| {
        // Letters and digits, as the vendor's are.
        let text: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("/services/data/v67.0/query/{text}-{at}")
    };
    let people = query.object == "ActivityUsrConnectionStatus";
    let (rows, next): (Vec<Value>, Option<String>) = if people && org.scene == Scene::EndlessPaging
    {
        // Each page is a user that nobody has seen before.
        let user = json!({ "UserName": format!("user-{from}@corp.example") });
        (vec![user], Some(next(from + 1)))
    } else if people && org.scene == Scene::RepeatingPage {
        (rows, Some(next(0)))
    } else {
        let until = from.saturating_add(org.page_rows).min(total);
        let page = rows.into_iter().skip(from).take(org.page_rows).collect();
        (page, (until < total).then(|| next(until)))
    };
    let mut answer = json!({ "totalSize": total, "done": next.is_none(), "records": rows });
    if let (Some(next), Some(answer)) = (next, answer.as_object_mut()) {
        answer.insert("nextRecordsUrl".to_owned(), next.into());
    }
    (200, answer)
}
