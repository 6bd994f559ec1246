//! Mistakes of a configuration: collected, sorted by where they stand, and printed all at once.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

/// Why there is no configuration: a file that cannot be read, or all mistakes of its text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(super) String);

/// One mistake: where it stands, the key path, such as `orgs[0].business_hours.from`, which is empty for the text as a
/// whole, and what was found and what is allowed.
type ConfigMistake = (MistakePlace, String, String);

/// Where a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MistakePlace {
    /// The text as a whole: something is missing.
    Whole,
    /// A line, counted from 1.
    Line(usize),
    /// An environment variable.
    Environment(String),
}

impl fmt::Display for MistakePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(line) => write!(f, "line {line}: "),
            Self::Environment(variable) => write!(f, "environment {variable}: "),
        }
    }
}

/// Where reading leaves what it finds.
#[derive(Debug, Default)]
pub(super) struct Collector {
    mistakes: RefCell<Vec<ConfigMistake>>,
    /// The files that keys name, as they are written.
    files: RefCell<Vec<(String, String)>>,
}

impl Collector {
    /// As many as somebody can read; a text with more is the wrong file.
    const LISTED: usize = 200;

    /// Notes a mistake.
    pub(super) fn add(&self, place: MistakePlace, key: impl Into<String>, says: impl Into<String>) {
        self.mistakes.borrow_mut().push((place, key.into(), says.into()));
    }

    /// Notes that a key names a file.
    pub(super) fn name_file(&self, key: String, file: &str) {
        self.files.borrow_mut().push((key, file.to_owned()));
    }

    /// The keys that name files, with what they say.
    pub(super) fn named_files(&self) -> Vec<(String, String)> {
        self.files.borrow().clone()
    }

    /// `value` when nothing was noted, else everything that was, sorted by where it stands.
    pub(super) fn finish<T>(self, name: &str, value: Option<T>) -> Result<T, ConfigError> {
        let mut mistakes = self.mistakes.into_inner();
        if let Some(value) = value.filter(|_| mistakes.is_empty()) {
            return Ok(value);
        }
        mistakes.sort();
        let plural = if mistakes.len() == 1 { "mistake" } else { "mistakes" };
        let mut text = format!("{name} has {} {plural}:", mistakes.len());
        for (place, key, says) in mistakes.iter().take(Self::LISTED) {
            let colon = if key.is_empty() { "" } else { ": " };
            // Writing to a string cannot fail.
            write!(text, "\n  {place}{key}{colon}{says}").ok();
        }
        if mistakes.len() > Self::LISTED {
            write!(text, "\n  and {} more", mistakes.len() - Self::LISTED).ok();
        }
        Err(ConfigError(text))
    }
}

/// How much of an operator's text an error repeats.
const SHOWN_CHARS: usize = 60;

/// A text in quotes, shortened and with control characters escaped, so that it can neither flood nor forge a log.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// A key as part of a path: as it is when it looks like one, else quoted.
pub(super) fn shown_key(key: &str) -> String {
    let plain = key.len() <= SHOWN_CHARS
        && !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'<'));
    if plain { key.to_owned() } else { quoted(key) }
}

/// The known name that `text` was probably meant to be.
pub(super) fn nearest<'n>(text: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Longer texts are no slips of the finger, and the comparison is quadratic.
    const COMPARED_BYTES: usize = 64;
    if text.len() > COMPARED_BYTES {
        return None;
    }
    let lower = text.to_lowercase();
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(lower.len()) <= 4)
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).clamp(1, 4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
