//! Answers of Graph: what is needed of them, of a bounded size, whatever else they hold.

use super::request::MOST_PARTS;
use crate::sources::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use std::fmt;
use std::marker::PhantomData;

/// A list of folders with a `$top` of 100; more is no answer to us.
const MOST_FOLDERS: usize = 200;

/// The answer to one part of a batch.
#[derive(Debug, Deserialize)]
pub(in crate::sources::exchange) struct GraphPart {
    id: Numeral,
    status: u16,
    #[serde(default)]
    headers: RetryAfter,
    /// What it holds.
    #[serde(default)]
    pub(in crate::sources::exchange) body: GraphBody,
}

impl GraphPart {
    /// The place of what it answers.
    pub(in crate::sources::exchange) fn place(&self) -> Option<usize> {
        usize::try_from(self.id.0?).ok()
    }

    /// Its status.
    pub(in crate::sources::exchange) fn status(&self) -> u16 {
        self.status
    }

    /// How many seconds Graph wants to be left alone.
    pub(in crate::sources::exchange) fn retry_after(&self) -> Option<u32> {
        self.headers.0.and_then(|seconds| u32::try_from(seconds).ok())
    }
}

/// What an answer holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::sources::exchange) struct GraphBody {
    /// Why it was refused.
    pub(in crate::sources::exchange) error: Option<GraphError>,
    /// Folders, of a list.
    pub(in crate::sources::exchange) folders: Option<Vec<GraphFolder>>,
    /// A count.
    pub(in crate::sources::exchange) count: Option<u32>,
    /// Whether it is one thing with an id, or settings.
    pub(in crate::sources::exchange) is_thing: bool,
}

/// Why something was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(in crate::sources::exchange) struct GraphError {
    /// A code of a list that is not closed.
    pub(in crate::sources::exchange) code: String,
    /// Words, which are not stable.
    pub(in crate::sources::exchange) message: String,
}

/// A contact folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::sources::exchange) struct GraphFolder {
    /// Its id.
    pub(in crate::sources::exchange) id: String,
    /// Its name.
    #[serde(default, rename = "displayName")]
    pub(in crate::sources::exchange) name: String,
}

#[derive(Deserialize)]
struct Batch {
    responses: Capped<GraphPart, MOST_PARTS>,
}

/// The parts of a batch's answer, in any order.
pub(in crate::sources::exchange) fn read_batch(body: &[u8]) -> Result<Vec<GraphPart>, Failure> {
    let batch: Batch = serde_json::from_slice(without_mark(body))
        .map_err(|_| Failure::malformed("the answer is no batch of Graph's"))?;
    Ok(batch.responses.0)
}

/// What an answer outside of a batch holds; `None` when it is not of Graph's form.
pub(in crate::sources::exchange) fn read_body(body: &[u8]) -> Option<GraphBody> {
    serde_json::from_slice(without_mark(body)).ok()
}

/// Whether it is an object of JSON, as everything of Graph's is.
pub(super) fn is_object(body: &[u8]) -> bool {
    let body = without_mark(body).trim_ascii_start();
    body.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// A count as a text: digits, after a mark of byte order, or both in base64.
fn count(text: &str) -> Option<u32> {
    let digits = |text: &str| text.trim_start_matches('\u{feff}').trim().parse().ok();
    digits(text).or_else(|| {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        digits(std::str::from_utf8(&bytes).ok()?)
    })
}

impl<'de> Deserialize<'de> for GraphBody {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct BodyVisitor;
        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = GraphBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a body of Graph's")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GraphBody, A::Error> {
                let mut body = GraphBody::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "error" => body.error = Some(map.next_value()?),
                        "value" => {
                            let folders: Capped<GraphFolder, MOST_FOLDERS> = map.next_value()?;
                            body.folders = Some(folders.0);
                        }
                        "@odata.count" => {
                            let count: Numeral = map.next_value()?;
                            body.count = count.0.and_then(|count| u32::try_from(count).ok());
                        }
                        "id" | "userPurpose" | "timeZone" | "workingHours" => {
                            map.next_value::<IgnoredAny>()?;
                            body.is_thing = true;
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(body)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GraphBody, E> {
                Ok(GraphBody { count: count(text), ..GraphBody::default() })
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<GraphBody, E> {
                Ok(GraphBody { count: u32::try_from(number).ok(), ..GraphBody::default() })
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<GraphBody, E> {
                Ok(GraphBody::default())
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<GraphBody, E> {
                Ok(GraphBody::default())
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<GraphBody, E> {
                Ok(GraphBody::default())
            }

            fn visit_unit<E: de::Error>(self) -> Result<GraphBody, E> {
                Ok(GraphBody::default())
            }
        }
        from.deserialize_any(BodyVisitor)
    }
}

/// A list of at most so many.
#[derive(Debug)]
pub(super) struct Capped<T, const MOST: usize>(pub(super) Vec<T>);

impl<T, const MOST: usize> Default for Capped<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Capped<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for ListVisitor<T, MOST> {
            type Value = Capped<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(next) = list.next_element()? {
                    if all.len() == MOST {
                        return Err(A::Error::invalid_length(MOST + 1, &self));
                    }
                    all.push(next);
                }
                Ok(Capped(all))
            }
        }
        from.deserialize_seq(ListVisitor(PhantomData))
    }
}

/// A whole number, also where it is written as a text; nothing where it is something else.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numeral(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Numeral {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NumeralVisitor;
        impl<'de> Visitor<'de> for NumeralVisitor {
            type Value = Numeral;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Numeral, E> {
                Ok(Numeral(Some(number)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Numeral, E> {
                Ok(Numeral(text.trim().parse().ok()))
            }
        }
        from.deserialize_any(NumeralVisitor)
    }
}

/// `Retry-After` among the headers of a part.
#[derive(Debug, Default)]
struct RetryAfter(Option<u64>);

impl<'de> Deserialize<'de> for RetryAfter {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = RetryAfter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }

            fn visit_unit<E: de::Error>(self) -> Result<RetryAfter, E> {
                Ok(RetryAfter(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RetryAfter, A::Error> {
                let mut found = RetryAfter(None);
                while let Some(name) = map.next_key::<String>()? {
                    if name.eq_ignore_ascii_case("retry-after") {
                        found.0 = map.next_value::<Numeral>()?.0;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(found)
            }
        }
        from.deserialize_any(HeadersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_in_every_form_it_comes_in() {
        for (body, count) in [
            ("\"42\"", Some(42)),
            ("42", Some(42)),
            ("\"\u{feff}42\"", Some(42)),
            ("\"NDI=\"", Some(42)),
            ("\"77u/NDI=\"", Some(42)),
            ("{\"@odata.count\":42,\"value\":[]}", Some(42)),
            ("\"1234\"", Some(1234)),
            ("\"many\"", None),
            ("-1", None),
            ("99999999999", None),
            ("null", None),
        ] {
            let answer =
                format!("{{\"responses\":[{{\"id\":\"0\",\"status\":200,\"body\":{body}}}]}}");
            let parts = read_batch(answer.as_bytes()).unwrap();
            assert_eq!(parts[0].body.count, count, "{body}");
        }
    }

    #[test]
    fn parts_come_in_any_order_and_no_more_than_were_requested() {
        let answer = r#"{"responses":[
            {"id":"1","status":429,"headers":{"Retry-After":"17","Content-Type":"application/json"},
             "body":{"error":{"code":"ApplicationThrottled","message":"over its MailboxConcurrency limit.","innerError":{"date":"2026-11-28T10:00:00"}}}},
            {"id":"0","status":200,"body":{"@odata.context":"x","value":[{"id":"AAMk","displayName":"Salesforce_Sync","parentFolderId":"B"}]}},
            {"id":"2","status":200,"headers":null,"body":{"timeZone":"UTC","userPurpose":{"value":"user"}}}]}"#;
        let parts = read_batch(answer.as_bytes()).unwrap();
        let read: Vec<_> =
            parts.iter().map(|part| (part.place(), part.status(), part.retry_after())).collect();
        assert_eq!(read, [(Some(1), 429, Some(17)), (Some(0), 200, None), (Some(2), 200, None)]);
        assert_eq!(parts[1].body.folders.as_ref().unwrap()[0].name, "Salesforce_Sync");
        assert!(parts[2].body.is_thing);
        let many =
            format!("{{\"responses\":[{}]}}", vec![r#"{"id":"0","status":200}"#; 21].join(","));
        assert!(read_batch(many.as_bytes()).is_err());
        let deep = format!("{{\"responses\":{}", "[".repeat(100_000));
        assert!(read_batch(deep.as_bytes()).is_err());
    }
}
