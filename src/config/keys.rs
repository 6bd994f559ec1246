//! Every key of the configuration as data: its path, what it takes, its default, and what it is for. The walker, the
//! example, the schema and the reference in `docs/` all read this table.

use super::bytes;
use super::duration;
use super::table;
use super::web_table::WEB_KEYS;
use chrono::TimeDelta;

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConfigKey {
    /// Where it stands; `[]` is any item of a list.
    pub(super) path: &'static str,
    /// What it takes.
    pub(super) kind: KeyKind,
    /// What holds without it.
    pub(super) default: KeyDefault,
    /// The value in the example, as YAML.
    pub(super) example: &'static str,
    /// Whether the example sets it; otherwise it stands there as a comment.
    pub(super) live: bool,
    /// What it is for: sentences, one paragraph.
    pub(super) doc: &'static str,
}

/// What holds when a key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyDefault {
    /// Nothing: the key has to be there.
    Required,
    /// This value, as YAML.
    Value(&'static str),
    /// Something that is no value; in words.
    Words(&'static str),
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyKind {
    /// More keys.
    Section,
    /// A list of sections.
    Sections,
    /// Text that has to fit a pattern (for the schema); in words.
    Text(&'static str, &'static str),
    /// Texts of such a shape.
    Texts(&'static str, &'static str),
    /// The name of a file.
    File,
    /// One name of a closed list.
    Choice(fn() -> Vec<&'static str>),
    /// Names of a closed list, each at most once.
    Choices(fn() -> Vec<&'static str>),
    /// `true` or `false`.
    Flag,
    /// A whole number between two, both included.
    Count(u64, u64),
    /// A number of bytes between two, both included, with a unit.
    Bytes(u64, u64),
    /// A span of time.
    Span(Bounds),
    /// A day.
    Date,
    /// A day, or `none`.
    DateOrNone,
    /// Days, each at most once.
    Dates,
}

/// Between what a span of time has to lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The shortest.
    pub(super) min: TimeDelta,
    /// The longest.
    pub(super) max: TimeDelta,
    /// Why these, as the end of a sentence that begins with "because".
    pub(super) why: &'static str,
    /// Whether `none` is taken too.
    pub(super) or_none: OrNone,
}

/// Whether a span may be `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrNone {
    /// Only a span.
    Span,
    /// A span or `none`.
    SpanOrNone,
}

impl Bounds {
    /// `3d to 400d`.
    pub(super) fn range(&self) -> String {
        format!("{} to {}", duration::text(self.min), duration::text(self.max))
    }
}

impl ConfigKey {
    /// The last part of the path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The path of the section that it stands in; empty for the top.
    pub(super) fn parent(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// Whether it names a file that the daemon reads itself, under the directory of the configuration.
    pub(super) fn is_own_file(&self) -> bool {
        matches!(self.kind, KeyKind::File) && self.name().ends_with("_file")
    }

    /// How deep it stands.
    pub(super) fn depth(&self) -> usize {
        self.path.matches('.').count()
    }

    /// Whether an environment variable can set it: a scalar outside of lists.
    pub(super) fn variable(&self) -> Option<String> {
        let scalar = !matches!(
            self.kind,
            KeyKind::Section
                | KeyKind::Sections
                | KeyKind::Texts(..)
                | KeyKind::Choices(_)
                | KeyKind::Dates
        );
        (scalar && !self.path.contains("[]"))
            .then(|| format!("{VARIABLE_PREFIX}{}", self.path.replace('.', "__").to_uppercase()))
    }

    /// What it takes, in words.
    pub(super) fn takes(&self) -> String {
        match self.kind {
            KeyKind::Section => "a mapping of keys".to_owned(),
            KeyKind::Sections => "a list of mappings".to_owned(),
            KeyKind::Text(_, words) => words.to_owned(),
            KeyKind::Texts(_, words) => format!("a list of {words}"),
            KeyKind::File => "the path of a file".to_owned(),
            KeyKind::Choice(names) => names().join(" or "),
            KeyKind::Choices(names) => format!("a list of {}", names().join(", ")),
            KeyKind::Flag => "true or false".to_owned(),
            KeyKind::Count(min, max) => format!("a whole number from {min} to {max}"),
            KeyKind::Bytes(min, max) => {
                format!("a size from {} to {}", bytes::text(min), bytes::text(max))
            }
            KeyKind::Span(bounds) => {
                let none = if bounds.or_none == OrNone::SpanOrNone { ", or none" } else { "" };
                format!("a duration from {}{none}", bounds.range())
            }
            KeyKind::Date => "a date such as 2026-12-31".to_owned(),
            KeyKind::DateOrNone => "a date such as 2026-12-31, or none".to_owned(),
            KeyKind::Dates => "a list of dates such as 2026-12-31".to_owned(),
        }
    }
}

/// What the names of our environment variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "LIGHTNING_SYNC__";

/// Keys of the interface that this version does not know yet.
pub(super) const NOT_YET: &[&str] = &["orgs[].exchange", "orgs[].canary"];

/// The key of a path.
pub(super) fn key(path: &str) -> Option<&'static ConfigKey> {
    both().find(|key| key.path == path)
}

/// The keys that stand directly in a section, in the order of the table.
pub(super) fn children(parent: &str) -> impl Iterator<Item = &'static ConfigKey> {
    both().filter(move |key| key.parent() == parent)
}

/// The keys of both files; those of the web's stand below a name that no configuration can have.
fn both() -> impl Iterator<Item = &'static ConfigKey> {
    table::all().chain(WEB_KEYS)
}
