//! Pages of rows: where the next one is, and when there are too many.

use super::answer::count;
use super::failure::SalesforceFailure;
use crate::sources::failure::Failure;
use serde_json::{Map, Value};
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
        let Value::Object(mut body) = body else {
            return Err(Failure::malformed("the answer to a query is no object"));
        };
        let Some(Value::Array(rows)) = body.remove("records") else {
            return Err(Failure::malformed("the answer to a query has no list of records"));
        };
        let object = |row| if let Value::Object(record) = row { Some(record) } else { None };
        let records: Vec<Record> = rows.into_iter().filter_map(object).collect();
        let done = body.get("done").and_then(Value::as_bool);
        let next = match body.remove("nextRecordsUrl") {
            Some(Value::String(next)) if done != Some(true) => Some(next),
            _ => None,
        };
        if next.is_none() && done == Some(false) {
            return Err(Failure::malformed(
                "an answer is not complete and does not say where it goes on",
            ));
        }
        // Only the interface itself: a path of another kind could ask the host for anything in our name.
        if next.as_ref().is_some_and(|next| !next.starts_with("/services/data/")) {
            return Err(Failure::malformed("the next page lies outside of the interface"));
        }
        let total = count(body.get("totalSize"));
        let last = done == Some(true) || (next.is_none() && total == Some(records.len() as u64));
        Ok(Self { records, next, last })
    }
}

/// Collects pages, and stops when they do not end.
#[derive(Debug, Default)]
pub(super) struct QueryPages {
    records: Vec<Record>,
    visited: HashSet<String>,
    last: bool,
}

impl QueryPages {
    /// Takes a page; gives the path of the next one.
    pub(super) fn take(&mut self, page: Page) -> Result<Option<String>, Failure> {
        let endless = |what: String| Err(Failure::new(SalesforceFailure::PagingEndless, what));
        // A page under another address whose first row is known is the same page again.
        let repeated = !self.visited.is_empty()
            && page.records.first().is_some_and(|first| self.records.contains(first));
        if repeated {
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
    use crate::http_client::TransportFailure;
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
        let mut pages = QueryPages::default();
        assert!(pages.take(page(&[1, 2], Some("a"))).unwrap().is_some());
        assert_eq!(pages.take(page(&[3], None)).unwrap(), None);
        let (records, complete) = pages.finish();
        assert_eq!((records.len(), complete), (3, true));
    }

    #[test]
    fn a_page_that_comes_again_is_endless() {
        let mut pages = QueryPages::default();
        pages.take(page(&[1], Some("a"))).unwrap();
        let same_address = pages.take(page(&[2], Some("a"))).unwrap_err();
        assert_eq!(same_address.reason, SalesforceFailure::PagingEndless.into());
        let mut pages = QueryPages::default();
        pages.take(page(&[1], Some("a"))).unwrap();
        let same_rows = pages.take(page(&[1], Some("b"))).unwrap_err();
        assert_eq!(same_rows.reason, SalesforceFailure::PagingEndless.into());
    }

    #[test]
    fn pages_without_end_stop() {
        let mut pages = QueryPages::default();
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
        ] {
            let failure = Page::of(body.clone()).unwrap_err();
            assert_eq!(failure.reason, TransportFailure::AnswerMalformed.into(), "{body}");
        }
        let short = Page::of(json!({ "records": [{}], "totalSize": 2.0 })).unwrap();
        assert!(!short.last);
        assert!(Page::of(json!({ "records": [{}], "totalSize": 1 })).unwrap().last);
    }
}
