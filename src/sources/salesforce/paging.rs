//! Pages of rows: several first ones in one request, where the next one is, and when there are too many.

use super::answer::{count, failure_in};
use super::failure::SalesforceFailure;
use super::settings::SalesforceSettings;
use crate::http_client::TransportFailure;
use crate::sources::failure::Failure;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// One row.
pub(super) type Record = Map<String, Value>;

/// More rows than the largest organisation that we are built for has users.
const MAX_ROWS: usize = 200_000;
/// Pages may be smaller than the usual 2,000 rows, but not for ever.
const MAX_PAGES: usize = 400;

/// A page of a query's answer.
#[derive(Debug)]
pub(super) struct Page {
    /// Its rows.
    pub(super) records: Vec<Record>,
    /// The path of the next page.
    pub(super) next: Option<String>,
    /// Whether the server says that this is all, or the number of rows does.
    pub(super) last: bool,
}

impl Page {
    /// Reads the body of an answer.
    pub(super) fn of(body: Value) -> Result<Self, Failure> {
        let malformed = |what: &str| Failure::new(TransportFailure::AnswerMalformed, what);
        let Value::Object(mut body) = body else {
            return Err(malformed("the answer to a query is no object"));
        };
        let Some(Value::Array(rows)) = body.remove("records") else {
            return Err(malformed("the answer to a query has no list of records"));
        };
        let records: Vec<Record> = rows
            .into_iter()
            .filter_map(|row| {
                let Value::Object(record) = row else {
                    return None;
                };
                Some(record)
            })
            .collect();
        let done = body.get("done").and_then(Value::as_bool);
        let next = match body.remove("nextRecordsUrl") {
            Some(Value::String(next)) if done != Some(true) => Some(next),
            _ => None,
        };
        if next.is_none() && done == Some(false) {
            return Err(malformed("an answer is not complete and does not say where it goes on"));
        }
        // Only the interface itself: a path of another kind could ask the host for anything in our name.
        if next.as_ref().is_some_and(|next| !is_of_interface(next)) {
            return Err(malformed("the next page lies outside of the interface"));
        }
        let total = count(body.get("totalSize"));
        let last = done == Some(true) || (next.is_none() && total == Some(records.len() as u64));
        Ok(Self { records, next, last })
    }
}

/// Whether a path lies within the interface, for whoever reads it: without steps upwards, escapes or a query.
fn is_of_interface(path: &str) -> bool {
    path.strip_prefix("/services/data/").is_some_and(|path| {
        path.split('/').all(|part| {
            !part.trim_matches('.').is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        })
    })
}

/// The body of a batch.
pub(super) fn batch_of(settings: &SalesforceSettings, soql: &[String]) -> String {
    let requests: Vec<Value> = soql
        .iter()
        .map(|soql| json!({ "method": "GET", "url": settings.in_batch(soql) }))
        .collect();
    json!({ "haltOnError": false, "batchRequests": requests }).to_string()
}

/// What came of each of `count` queries.
pub(super) fn pages_of_batch(
    mut answer: Map<String, Value>,
    count: usize,
) -> Result<Vec<Result<Page, Failure>>, Failure> {
    let results = match answer.remove("results") {
        Some(Value::Array(results)) if results.len() == count => results,
        _ => {
            return Err(Failure::new(
                TransportFailure::AnswerMalformed,
                "the answer to a batch does not have one result for each query",
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

/// Collects pages, and stops when they do not end.
#[derive(Debug, Default)]
pub(super) struct PageCollector {
    records: Vec<Record>,
    visited: HashSet<String>,
    last: bool,
}

impl PageCollector {
    /// Takes a page; gives the path of the next one.
    pub(super) fn take(&mut self, page: Page) -> Result<Option<String>, Failure> {
        let endless = |what: String| Err(Failure::new(SalesforceFailure::PagingEndless, what));
        // One row can come twice, at the end of a page and the start of the next: rows were added meanwhile. A page under
        // another address without any new row, and with more behind it, is an earlier page again.
        let new = page.records.iter().any(|record| !self.records.contains(record));
        if !self.visited.is_empty() && !new && page.next.is_some() {
            return endless("a page came a second time".to_owned());
        }
        self.records.extend(page.records);
        self.last = page.last;
        if self.records.len() > MAX_ROWS {
            return endless(format!("more than {MAX_ROWS} rows"));
        }
        let Some(next) = page.next else {
            return Ok(None);
        };
        if self.visited.len() >= MAX_PAGES {
            return endless(format!("more than {MAX_PAGES} pages"));
        }
        if !self.visited.insert(next.clone()) {
            return endless("a page names itself or an earlier one as the next".to_owned());
        }
        Ok(Some(next))
    }

    /// All rows, and whether they are known to be all.
    pub(super) fn finish(self) -> (Vec<Record>, bool) {
        (self.records, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(ids: &[u32], next: Option<&str>) -> Page {
        let records: Vec<Value> = ids.iter().map(|id| json!({ "Id": id })).collect();
        let mut body = json!({ "records": records, "done": next.is_none() });
        if let Some(next) = next {
            body["nextRecordsUrl"] = json!(format!("/services/data/v67.0/query/{next}"));
        }
        Page::of(body).unwrap()
    }

    #[test]
    fn pages_are_put_together_in_their_order() {
        let mut pages = PageCollector::default();
        assert!(pages.take(page(&[1, 2], Some("a"))).unwrap().is_some());
        assert_eq!(pages.take(page(&[3], None)).unwrap(), None);
        let (records, complete) = pages.finish();
        assert_eq!((records.len(), complete), (3, true));
    }

    #[test]
    fn a_page_that_comes_again_is_endless() {
        let mut pages = PageCollector::default();
        pages.take(page(&[1], Some("a"))).unwrap();
        let same_address = pages.take(page(&[2], Some("a"))).unwrap_err();
        assert_eq!(same_address.reason, SalesforceFailure::PagingEndless.into());
        let mut pages = PageCollector::default();
        pages.take(page(&[1], Some("a"))).unwrap();
        let same_rows = pages.take(page(&[1], Some("b"))).unwrap_err();
        assert_eq!(same_rows.reason, SalesforceFailure::PagingEndless.into());
    }

    #[test]
    fn a_row_at_the_end_of_a_page_and_the_start_of_the_next_is_not_endless() {
        let mut pages = PageCollector::default();
        pages.take(page(&[1, 2], Some("a"))).unwrap();
        pages.take(page(&[2, 3], Some("b"))).unwrap();
        assert_eq!(pages.take(page(&[3], None)).unwrap(), None);
        assert!(pages.finish().1);
    }

    #[test]
    fn pages_without_end_stop() {
        let mut pages = PageCollector::default();
        let stopped =
            (0..).find_map(|n| pages.take(page(&[n], Some(&n.to_string()))).err()).unwrap();
        assert_eq!(stopped.reason, SalesforceFailure::PagingEndless.into());
        assert!(pages.records.len() <= MAX_PAGES + 1);
    }

    #[test]
    fn what_is_no_page_is_malformed() {
        for body in [
            json!(null),
            json!([]),
            json!({ "done": true }),
            json!({ "records": 3 }),
            json!({ "records": [], "done": false }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "https://evil.example/x" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/secur/logout.jsp" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/services/data/../../secur/logout.jsp" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/services/data/v67.0/../apexrest/x" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/services/data/%2e%2e/apexrest/x" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/services/data/..\\apexrest" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/services/data//evil.example/x" }),
            json!({ "records": [], "done": false, "nextRecordsUrl": "/services/data/v67.0/query/1?q=2" }),
        ] {
            let failure = Page::of(body.clone()).unwrap_err();
            assert_eq!(failure.reason, TransportFailure::AnswerMalformed.into(), "{body}");
        }
        for next in ["v67.0/query/01gD0000002HU6KIAW-2000", "v67.0/query/0r8xx3OLkFg0kFXAAD-500"] {
            let next = format!("/services/data/{next}");
            let page = json!({ "records": [], "done": false, "nextRecordsUrl": next });
            assert_eq!(Page::of(page).unwrap().next, Some(next));
        }
        let short = Page::of(json!({ "records": [{}], "totalSize": 2.0 })).unwrap();
        assert!(!short.last);
        assert!(Page::of(json!({ "records": [{}], "totalSize": 1 })).unwrap().last);
    }
}
