//! Mistakes of a configuration: collected, sorted by where they stand, and printed all at once.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;

/// Why there is no [`super::ValidConfig`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; name the file with --config.file, or write one with `config init`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The web's file cannot be read.
    #[error("{}: {source}; name the file with --web.config.file, or leave the flag out to serve plain http to everybody", path.display())]
    WebUnreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is larger than any that somebody wrote.
    #[error("{} has more than {limit_bytes} bytes; is it the right file?", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// The text has mistakes.
    #[error("{0}")]
    ConfigMistakes(ConfigMistakes),
}

/// All mistakes of one text; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMistakes {
    name: String,
    list: Vec<ConfigMistake>,
    unlisted: usize,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigMistake {
    /// Where it stands.
    pub place: MistakePlace,
    /// The key path, such as `orgs[0].business_hours.from`; empty for the text as a whole.
    pub key: String,
    /// What was found and what is allowed.
    pub says: String,
}

/// Where a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MistakePlace {
    /// The text as a whole: something is missing.
    Whole,
    /// A line, counted from 1.
    Line(usize),
    /// An environment variable.
    Environment(String),
}

impl ConfigMistakes {
    /// As many as somebody can read; a text with more is the wrong file.
    const LISTED: usize = 200;

    /// The mistakes, sorted by where they stand.
    pub fn list(&self) -> &[ConfigMistake] {
        &self.list
    }
}

impl fmt::Display for ConfigMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len() + self.unlisted;
        let plural = if count == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} has {count} {plural}:", self.name)?;
        for mistake in &self.list {
            write!(f, "\n  {mistake}")?;
        }
        if self.unlisted > 0 {
            write!(f, "\n  and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            MistakePlace::Whole => {}
            MistakePlace::Line(line) => write!(f, "line {line}: ")?,
            MistakePlace::Environment(variable) => write!(f, "environment {variable}: ")?,
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.says)
    }
}

/// Where the walkers leave what they find.
#[derive(Debug, Default)]
pub(super) struct Collector {
    mistakes: RefCell<Vec<ConfigMistake>>,
    /// The files that keys name, as they are written.
    files: RefCell<Vec<(String, String)>>,
}

impl Collector {
    /// Notes a mistake.
    pub(super) fn add(&self, place: MistakePlace, key: impl Into<String>, says: impl Into<String>) {
        self.mistakes.borrow_mut().push(ConfigMistake {
            place,
            key: key.into(),
            says: says.into(),
        });
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
        let mut list = self.mistakes.into_inner();
        match value {
            Some(value) if list.is_empty() => Ok(value),
            _ => {
                list.sort();
                let unlisted = list.len().saturating_sub(ConfigMistakes::LISTED);
                list.truncate(ConfigMistakes::LISTED);
                let name = name.to_owned();
                Err(ConfigError::ConfigMistakes(ConfigMistakes { name, list, unlisted }))
            }
        }
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
