//! Bytes of an answer → JSON, and numbers as Salesforce writes them.

use super::errors::failure_of;
use crate::domain::time::Timestamp;
use crate::http_client::HttpResponse;
use crate::http_client::TransportFailure;
use crate::sources::failure::Failure;
use crate::sources::instant;
use serde_json::{Map, Value};

/// The JSON of a good answer.
pub(super) fn json_of(answer: &HttpResponse) -> Result<Value, Failure> {
    if !(200..300).contains(&answer.status) || is_page(answer) {
        return Err(failure_of(answer));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::new(TransportFailure::AnswerMalformed, "the answer is not JSON"))
}

/// The JSON object of a good answer.
pub(super) fn object_of(answer: &HttpResponse) -> Result<Map<String, Value>, Failure> {
    let Value::Object(object) = json_of(answer)? else {
        return Err(Failure::new(
            TransportFailure::AnswerMalformed,
            "the answer is JSON, but no object",
        ));
    };
    Ok(object)
}

/// Whether a page for people came where data should be, whatever its status says.
pub(super) fn is_page(answer: &HttpResponse) -> bool {
    let said = answer
        .headers
        .get(hyper::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    let mut text = answer.body.iter().copied().filter(|b| !b.is_ascii_whitespace());
    // Data of ours begins with { or [; XML of ours with <?xml or <soapenv.
    let looks =
        text.next() == Some(b'<') && text.next().is_some_and(|b| matches!(b, b'!' | b'h' | b'H'));
    said || looks
}

/// A count: a whole number that is not negative, also one written `300.0`. Anything else says nothing.
pub(super) fn count(value: Option<&Value>) -> Option<u64> {
    let number = value?.as_number()?;
    number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        // Beyond 2^53 a float no longer names one whole number.
        ((0.0..=9_007_199_254_740_992.0).contains(&float) && float.fract() == 0.0)
            .then_some(float as u64)
    })
}

/// A text that is not empty.
pub(super) fn text<'v>(record: &'v Map<String, Value>, field: &str) -> Option<&'v str> {
    record.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// A time such as `2023-12-06T05:44:24.973+0000`. One without a zone is refused: it could be any of 26.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    instant::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_are_whole_and_not_negative() {
        for (value, read) in [
            (json!(3), Some(3)),
            (json!(300.0), Some(300)),
            (json!(0), Some(0)),
            (json!(-1), None),
            (json!(2.5), None),
            (json!(1e300), None),
            (json!("3"), None),
            (json!(null), None),
            (json!([3]), None),
        ] {
            assert_eq!(count(Some(&value)), read, "{value}");
        }
        assert_eq!(count(None), None);
    }

    #[test]
    fn times_have_a_zone_with_or_without_a_colon() {
        let at = time("2023-12-06T05:44:24.973+0000").unwrap();
        assert_eq!(at.to_string(), "2023-12-06T05:44:24.973Z");
        assert_eq!(time("2023-12-06T05:44:24.973Z"), Some(at));
        assert_eq!(time("2023-12-06T06:44:24.973+01:00"), Some(at));
        assert_eq!(time("2023-12-06T06:44:24.973+0100"), Some(at));
        for bad in [
            "",
            "2023-12-06T05:44:24.973",
            "2023-12-06",
            "+0000",
            "2023-13-06T05:44:24+0000",
            "€€€€",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
