//! Why a body was not taken: the mistakes as a parser finds them, and how a sender's text is shown.

use super::vocabulary::is_ours;
pub(super) use crate::domain::ids::invisible;
use crate::domain::problem::{FieldError, ProblemReason};

/// How many mistakes one answer lists; more would only repeat the sender's one error.
pub const MAX_LISTED: usize = 100;
/// How much of a sender's own text is shown in a message: enough to recognise it, too little to flood a log.
const MAX_ECHO: usize = 80;

/// A body that was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct IngestError {
    /// Which of the closed list.
    pub reason: ProblemReason,
    /// What is wrong and the next step, as one lowercase sentence.
    pub detail: String,
    /// The first [`MAX_LISTED`] mistakes.
    pub errors: Vec<FieldError>,
    /// How many mistakes there are.
    pub total: u64,
}

impl IngestError {
    /// A refusal of the body as a whole, without single mistakes.
    pub(crate) fn whole(reason: ProblemReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), errors: Vec::new(), total: 0 }
    }
}

impl IngestError {
    /// What is wrong and where, without a word of the body: for whoever reads along beside the sender. Labels and keys of
    /// ours stay, whatever else is quoted goes.
    pub fn without_quotes(&self) -> String {
        let errors = self.errors.iter().map(|error| {
            let is_ours = is_path_of_ours(&error.field);
            let field = if is_ours { &error.field } else { "…" };
            FieldError::new(error.line, field, unquoted(&error.message)).to_string()
        });
        let lines = std::iter::once(unquoted(&self.detail)).chain(errors);
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A message whose quotes hold nothing but words of ours.
fn unquoted(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, quoted)) = rest.split_once('"') {
        let mut escaped = false;
        let end = quoted.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (inner, after) = quoted.split_at(end.unwrap_or(quoted.len()));
        let inner = if is_ours(inner) { inner } else { "…" };
        shown.extend([before, "\"", inner, "\""]);
        rest = after.strip_prefix('"').unwrap_or_default();
    }
    shown + rest
}

/// Whether a path of keys, `users[3].contacts.linked`, has no key of the sender's own.
fn is_path_of_ours(path: &str) -> bool {
    path.split('.').all(|key| {
        let (key, place) = key.split_once('[').unwrap_or((key, ""));
        is_ours(key) && place.bytes().all(|byte| byte.is_ascii_digit() || byte == b']')
    })
}

/// What was read of a body, with the records that were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithRejected<T> {
    /// What was read.
    pub value: T,
    /// The first [`MAX_LISTED`] records that were left out.
    pub rejected: Vec<FieldError>,
    /// How many were left out.
    pub rejected_total: u64,
}

/// What becomes of a body with a wrong record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Nothing of it is taken.
    Refuse,
    /// The good records are taken and the others listed.
    Skip,
}

/// Mistakes as they are found: the first are listed, all are counted.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    pub(super) listed: Vec<FieldError>,
    pub(super) total: u64,
}

impl Mistakes {
    /// Notes a mistake; the text is only made when it is listed.
    pub(super) fn note(&mut self, mistake: impl FnOnce() -> FieldError) {
        self.total += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(mistake());
        }
    }

    /// The refusal that lists them.
    pub(super) fn refusal(self, reason: ProblemReason, detail: impl Into<String>) -> IngestError {
        IngestError { reason, detail: detail.into(), errors: self.listed, total: self.total }
    }
}

/// What is wrong with the JSON, without the sender's text; `column` counts from 1.
pub(super) fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let fault = match error.classify() {
        serde_json::error::Category::Data => "it is something else",
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => text.split(" at line ").next().unwrap_or_default(),
    };
    if error.line() > 1 {
        format!("{fault} in its line {}, column {}", error.line(), error.column())
    } else {
        format!("{fault} at column {}", error.column())
    }
}

/// A sender's text for a message: quoted, control and other unprintable characters escaped, at most 80 bytes of it.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(MAX_ECHO + 6);
    shown.push('"');
    for character in text.chars() {
        let before = shown.len();
        if invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.extend(character.escape_debug());
        }
        if shown.len() > MAX_ECHO + 1 {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown.push('"');
    shown
}

/// A sender's key as the `field` of a mistake: as [`quoted`], without the quotes.
pub(super) fn field_name(key: &str) -> String {
    let shown = quoted(key);
    let inner = shown.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
    inner.unwrap_or(&shown).to_owned()
}
/// The body as text without its byte order mark.
pub(super) fn text_of(body: &[u8]) -> Result<&str, IngestError> {
    let body = without_mark(body)?;
    std::str::from_utf8(body).map_err(|error| {
        let line = 1 + body.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
        IngestError::whole(
            ProblemReason::Malformed,
            format!("line {line} is not UTF-8; save or send the body as UTF-8"),
        )
    })
}

/// The body without the mark that some editors put before UTF-8; UTF-16 is named as such.
pub(super) fn without_mark(body: &[u8]) -> Result<&[u8], IngestError> {
    if body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]) {
        return Err(IngestError::whole(
            ProblemReason::Malformed,
            "the body is UTF-16; save or send it as UTF-8",
        ));
    }
    Ok(body.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        assert_eq!(quoted("a\"b\n\u{0}\u{202e}"), r#""a\"b\n\0\u{202e}""#);
        let long = quoted(&"\u{1}".repeat(1000));
        assert!(long.len() <= 80 + 5, "{}", long.len());
        assert!(long.ends_with("…\""));
        assert_eq!(quoted(&"é".repeat(80)).chars().count(), 43);
    }

    #[test]
    fn a_mistake_names_its_place() {
        assert_eq!(FieldError::new(3, "at", "is missing").to_string(), "line 3, at: is missing");
        assert_eq!(FieldError::new(0, "", "is empty").to_string(), "is empty");
        assert_eq!(
            FieldError::new(0, "users[1].user", "is empty").to_string(),
            "users[1].user: is empty"
        );
    }

    #[test]
    fn all_mistakes_are_counted_and_the_first_hundred_listed() {
        let mut mistakes = Mistakes::default();
        for line in 1..=250 {
            mistakes.note(|| FieldError::new(line, "at", "is missing"));
        }
        let error = mistakes.refusal(ProblemReason::Invalid, "250 wrong");
        assert_eq!((error.errors.len(), error.total), (MAX_LISTED, 250));
        assert_eq!(error.to_string(), "250 wrong");
    }

    #[test]
    fn nothing_of_a_body_is_left_where_it_may_not_be_quoted() {
        let secret = r#"hunt"er\2"#;
        let mut mistakes = Mistakes::default();
        mistakes.note(|| FieldError::new(3, secret, format!("{} is no count", quoted(secret))));
        mistakes.note(|| FieldError::new(0, "users[3].contacts.linked", "is missing"));
        mistakes.note(|| FieldError::new(0, "users[hunter].linked", "is \"never closed hunter"));
        let label = quoted("Events: Last sync activity");
        let detail = format!("{label} and {}; write \"User: \"", quoted(secret));
        let error = mistakes.refusal(ProblemReason::Invalid, detail);
        assert_eq!(
            error.without_quotes(),
            "\"Events: Last sync activity\" and \"…\"; write \"User: \"\n\
             line 3, …: \"…\" is no count\n\
             users[3].contacts.linked: is missing\n\
             …: is \"…\""
        );
    }

    #[test]
    fn other_encodings_are_named() {
        assert_eq!(
            text_of(b"\xff\xfea\0").unwrap_err().detail,
            "the body is UTF-16; save or send it as UTF-8"
        );
        assert_eq!(
            text_of(b"a\nb\xe4").unwrap_err().detail,
            "line 2 is not UTF-8; save or send the body as UTF-8"
        );
        assert_eq!(text_of(b"\xef\xbb\xbfa").unwrap(), "a");
    }
}
