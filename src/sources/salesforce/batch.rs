//! Several queries in one request, and what came of each.

use super::errors::failure_in;
use super::failure::SalesforceFailure;
use super::paging::Page;
use super::queries::in_batch;
use super::settings::Settings;
use crate::http_client::TransportFailure;
use crate::sources::failure::Failure;
use serde_json::{Map, Value, json};

/// The body of a batch.
pub(super) fn body(settings: &Settings, soql: &[String]) -> String {
    let requests: Vec<Value> = soql
        .iter()
        .map(|soql| json!({ "method": "GET", "url": in_batch(settings, soql) }))
        .collect();
    json!({ "haltOnError": false, "batchRequests": requests }).to_string()
}

/// What came of each of `count` queries.
pub(super) fn results(
    mut answer: Map<String, Value>,
    count: usize,
) -> Result<Vec<Result<Page, Failure>>, Failure> {
    let results = match answer.remove("results") {
        Some(Value::Array(results)) if results.len() == count => results,
        _ => {
            return Err(Failure::new(
                TransportFailure::AnswerMalformed,
                "the answer to a batch has another number of results than it has queries",
            ));
        }
    };
    Ok(results.into_iter().map(result).collect())
}

fn result(mut result: Value) -> Result<Page, Failure> {
    let status = result
        .get("statusCode")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or_default();
    let body = result.get_mut("result").map(Value::take).unwrap_or_default();
    if (200..300).contains(&status) {
        return Page::of(body);
    }
    Err(failure_in(&body, status).unwrap_or_else(|| {
        Failure::new(
            SalesforceFailure::Other,
            format!("a query of a batch has status {status} without a code"),
        )
    }))
}
