//! Which label, heading or name a piece of the page is.

use crate::domain::ids::ObjectType;
use crate::domain::rows::{ArticleRow, RowKind};
use crate::sources::ingest_error::invisible;
use crate::sources::vocabulary::{flag, words};
use std::sync::LazyLock;

/// A label with its row, or with its rows of both object types, between which the section decides.
#[derive(Debug)]
pub(super) struct LabelRows {
    pub(super) name: &'static str,
    pub(super) rows: Vec<ArticleRow>,
}

impl LabelRows {
    /// Whether the label's values are marks, or Yes and No.
    pub(super) fn shows_marks(&self) -> bool {
        let kind = self.rows.first().map(|row| row.spec().kind);
        matches!(kind, Some(RowKind::Mark | RowKind::YesNo))
    }
}

/// Every label. None is the beginning of another.
static LABELS: LazyLock<Vec<LabelRows>> = LazyLock::new(|| {
    let mut labels: Vec<LabelRows> = Vec::new();
    for row in ArticleRow::all() {
        let name = row.spec().label;
        match labels.iter_mut().find(|label| label.name == name) {
            Some(label) => label.rows.push(row),
            None => labels.push(LabelRows { name, rows: vec![row] }),
        }
    }
    labels
});

/// What a piece is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role<'t> {
    /// A label, with the text that follows it in the same piece and a mark before it.
    Label { label: &'static LabelRows, rest: &'t str, before: Option<bool> },
    /// A heading; of an object type, or of something else.
    Heading(Option<ObjectType>),
    /// A label of the user's name, with the text that follows it.
    Name { rest: &'t str, is_mail: bool },
    /// Words that stand beside labels and values and say nothing.
    Noise,
    /// Something else: a value, or what is no business of ours.
    Other,
}

/// Labels of the user whose page it is.
const NAMES: [&str; 5] = ["user", "user name", "username", "salesforce user", "exchange user"];
/// Labels of the user's address.
const MAILS: [&str; 3] = ["email", "email address", "user email"];

/// Whether a text says nothing.
pub(super) fn is_noise(text: &str) -> bool {
    says_nothing(&words(text))
}

/// Whether a text that was evened out is empty, or what links and help bubbles beside a label say.
fn says_nothing(even: &str) -> bool {
    matches!(
        even,
        "" | "help"
            | "info"
            | "information"
            | "i"
            | "?"
            | "edit"
            | "change"
            | "refresh"
            | "more info"
            | "learn more"
            | "-"
            | "–"
    )
}

/// Says what a piece of text is.
pub(super) fn role(text: &str) -> Role<'_> {
    let even = words(text);
    if says_nothing(&even) {
        return Role::Noise;
    }
    if let Some(heading) = heading(&even) {
        return Role::Heading(heading);
    }
    for label in LABELS.iter() {
        if let Some(rest) = after_label(text, label.name) {
            let rest = if is_noise(rest) { "" } else { rest };
            return Role::Label { label, rest, before: None };
        }
    }
    // A mark before its label in the same piece, as in a list of checks.
    if let Some((mark, text)) = text.split_once(' ')
        && let Some(mark) = flag(mark)
        && let Some(label) = LABELS.iter().find(|label| after_label(text, label.name) == Some(""))
    {
        return Role::Label { label, rest: "", before: Some(mark) };
    }
    name(text, &even)
}

/// The object type that a heading names; `Some(None)` for the headings of other sections.
fn heading(even: &str) -> Option<Option<ObjectType>> {
    let bare = even
        .strip_suffix(" statuses")
        .or_else(|| even.strip_suffix(" status"))
        .or_else(|| even.strip_suffix(" sync"))
        .unwrap_or(even);
    match bare {
        "contacts" | "contact" | "contacts sync" => Some(Some(ObjectType::Contacts)),
        "events" | "event" | "events sync" => Some(Some(ObjectType::Events)),
        "system" | "configuration setup" | "configuration" | "setup" => Some(None),
        "user" | "organization" | "organisation" if bare != even => Some(None),
        _ => None,
    }
}

fn name<'t>(text: &'t str, even: &str) -> Role<'t> {
    let (label, rest) = match (text.split_once(':'), text.rsplit_once(' ')) {
        (Some((label, rest)), _) => (words(label), rest.trim()),
        // Without a colon only an address is no word of the label.
        (None, Some((label, address))) if address.contains('@') => (words(label), address),
        (None, _) => (even.to_owned(), ""),
    };
    let is_mail = MAILS.contains(&label.as_str());
    if is_mail || NAMES.contains(&label.as_str()) {
        Role::Name { rest, is_mail }
    } else {
        Role::Other
    }
}

/// What follows a label at the beginning of a text, however the label is spelled; `None` without the label.
fn after_label<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    let wanted = label.chars().map(evened);
    let mut chars = text.char_indices().peekable();
    for next in wanted {
        loop {
            let (_, found) = chars.next()?;
            if invisible(found) || matches!(found, '®' | '™') {
                continue;
            }
            if evened(found) != next {
                return None;
            }
            break;
        }
        if next == ' ' {
            while chars.next_if(|(_, found)| evened(*found) == ' ').is_some() {}
        }
    }
    while chars.next_if(|(_, found)| matches!(found, '®' | '™')).is_some() {}
    let rest = chars.peek().map_or("", |(at, _)| text.get(*at..).unwrap_or_default());
    let parted = rest.is_empty() || rest.starts_with([' ', ':', '：', '\u{a0}', '*']);
    parted.then(|| rest.trim_matches([' ', ':', '：', '\u{a0}', '*']))
}

/// One character as [`words`] evens it out, for labels, which are ASCII.
fn evened(character: char) -> char {
    match character {
        '_' => ' ',
        white if white.is_whitespace() => ' ',
        '\u{2019}' | '\u{2018}' | '\u{2bc}' | '`' | '´' => '\'',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_the_beginning_of_another() {
        let all: Vec<_> = LABELS.iter().map(|label| label.name).collect();
        assert_eq!(all.len(), 18);
        for (index, name) in all.iter().enumerate() {
            for (other, longer) in all.iter().enumerate() {
                assert!(
                    index == other || !words(longer).starts_with(&words(name)),
                    "{name} {longer}"
                );
            }
        }
    }

    #[test]
    fn a_label_is_found_in_any_spelling_with_what_follows_it() {
        for name in LABELS.iter().map(|label| label.name) {
            for text in [
                name.to_owned(),
                format!("{name}:"),
                format!("{}  : ", name.to_uppercase().replace('\'', "’")),
                name.replace("Exchange", "Exchange®"),
                format!("{name} *"),
            ] {
                assert_eq!(after_label(&text, name), Some(""), "{text}");
            }
            let long = format!("{name}: Marked For");
            assert_eq!(after_label(&long, name), Some("Marked For"));
            assert_eq!(after_label(&format!("{name}s"), name), None);
            assert_eq!(after_label("", name), None);
        }
    }

    #[test]
    fn headings_name_object_types_or_other_sections() {
        for contacts in ["contacts", "contacts statuses", "contact status", "contacts sync status"]
        {
            assert_eq!(heading(contacts), Some(Some(ObjectType::Contacts)), "{contacts}");
        }
        assert_eq!(heading("event statuses"), Some(Some(ObjectType::Events)));
        assert_eq!(heading("configuration setup statuses"), Some(None));
        assert_eq!(heading("user statuses"), Some(None));
        assert_eq!(heading("user"), None);
        assert_eq!(heading("in sync"), None);
    }
}
