//! The words of the status page and of our JSON: labels of rows, states, marks, and how spelling is evened out.

use super::ingest_error::invisible;
use crate::domain::ids::ObjectType;
use crate::domain::rows::{ArticleRow, OrgRow, RowKind, Status, UserRow};

/// The rows of the organisation, or of a user, that are about an object type, or about none; in the article's order.
pub(super) fn rows(of_users: bool, object: Option<ObjectType>) -> impl Iterator<Item = ArticleRow> {
    let (org, users): (&[OrgRow], &[UserRow]) =
        if of_users { (&[], &UserRow::ALL) } else { (&OrgRow::ALL, &[]) };
    let users = users.iter().copied().map(ArticleRow::User);
    let rows = org.iter().copied().map(ArticleRow::Org).chain(users);
    rows.filter(move |row| row.spec().object_type == object)
}

/// The row of a key: as our JSON spells it, or the label or key in any spelling that [`words`] evens out.
pub(super) fn find(of_users: bool, object: Option<ObjectType>, key: &str) -> Option<ArticleRow> {
    let spelled = if of_users {
        UserRow::from_key(object, key).map(ArticleRow::User)
    } else {
        OrgRow::from_key(object, key).map(ArticleRow::Org)
    };
    spelled.or_else(|| {
        let even = words(key);
        rows(of_users, object).find(|row| is_named(*row, &even))
    })
}

/// Whether a text is a key, a label or the empty name: a word of ours in a message, and not the sender's.
pub(super) fn is_ours(text: &str) -> bool {
    const KEYS: [&str; 14] = [
        "",
        "at",
        "captured at",
        "contacts",
        "direction",
        "error",
        "events",
        "id",
        "object type",
        "outcome",
        "record",
        "user",
        "users",
        "users complete",
    ];
    let name = match text.split_once(": ") {
        Some(("Contacts" | "Events", name)) => name,
        _ => text,
    };
    let even = words(name);
    KEYS.contains(&even.as_str()) || ArticleRow::all().any(|row| is_named(row, &even))
}

/// Whether `even`, made by [`words`], is the row's key or label, all of which are ASCII.
fn is_named(row: ArticleRow, even: &str) -> bool {
    let is_even = |byte: u8| if byte == b'_' { b' ' } else { byte.to_ascii_lowercase() };
    let is_spelled = |name: &str| name.bytes().map(is_even).eq(even.bytes());
    is_spelled(row.spec().key) || is_spelled(row.spec().label)
}

/// The state that a text shows in a row of a kind; `None` when the row has no such state.
pub(super) fn state(kind: RowKind, text: &str) -> Option<Status> {
    let shown = |status: &Status| kind.statuses().contains(status) && *status != Status::Unknown;
    Status::from_name(text).filter(shown).or_else(|| {
        let status = match words(text).as_str() {
            "exchange configuration not set to sync" => Some(Status::NotSetToSync),
            name => Status::from_name(&name.replace(' ', "_")),
        };
        status.filter(shown)
    })
}

/// Check or Yes, X or No: words, glyphs, and what pictures of them are called.
pub(super) fn flag(text: &str) -> Option<bool> {
    match words(text).as_str() {
        "yes"
        | "true"
        | "check"
        | "checked"
        | "checkmark"
        | "check mark"
        | "checkbox checked"
        | "exchange sync status checkmark"
        | "✓"
        | "✔"
        | "✅"
        | "☑" => Some(true),
        "no"
        | "false"
        | "x"
        | "cross"
        | "x mark"
        | "cross mark"
        | "unchecked"
        | "not checked"
        | "checkbox not checked"
        | "exchange sync status x"
        | "✗"
        | "✘"
        | "✕"
        | "✖"
        | "×"
        | "❌"
        | "❎"
        | "☒" => Some(false),
        _ => None,
    }
}

/// The longest text that is evened out: twice the longest piece of a page, and many times the longest label.
const MAX_WORDS_BYTES: usize = 2048;

/// A text evened out: lower case, one space between words, underscores as spaces, a straight apostrophe; without
/// trade marks, invisible characters and a final colon.
pub(super) fn words(text: &str) -> String {
    // Whatever is longer is no word of ours, and evening out a whole body would take as long as reading it several times.
    if text.len() > MAX_WORDS_BYTES {
        return "…".to_owned();
    }
    let mut even = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '_' => space(&mut even),
            white if white.is_whitespace() => space(&mut even),
            // U+FE0E and U+FE0F ask for a glyph as text or as a picture.
            '®' | '™' | '©' | '\u{fe0e}' | '\u{fe0f}' => {}
            hidden if invisible(hidden) => {}
            '\u{2019}' | '\u{2018}' | '\u{2bc}' | '`' | '´' => even.push('\''),
            other => even.extend(other.to_lowercase()),
        }
    }
    let trimmed = even.trim_end_matches([' ', ':', '：']).len();
    even.truncate(trimmed);
    even
}

/// The value of a decimal digit, in any of the scripts in which languages write numbers.
pub(super) fn digit(character: char) -> Option<u32> {
    /// Where the ten digits of a script begin.
    const ZEROS: &str = "0\u{660}\u{6f0}\u{7c0}\u{966}\u{9e6}\u{a66}\u{ae6}\u{b66}\u{be6}\u{c66}\u{ce6}\u{d66}\
        \u{de6}\u{e50}\u{ed0}\u{f20}\u{1040}\u{17e0}\u{1810}\u{1946}\u{1c50}\u{abf0}\u{ff10}\u{11136}\u{1e950}";
    let of = |zero: char| u32::from(character).checked_sub(zero.into());
    ZEROS.chars().filter_map(of).find(|value| *value < 10)
}

fn space(even: &mut String) {
    if !even.is_empty() && !even.ends_with(' ') {
        even.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_evened_out() {
        for same in [
            "User's reset sync status",
            " USER’S  reset\u{a0}sync\nstatus : ",
            "\u{200f}User's reset_sync status\u{200b}",
        ] {
            assert_eq!(words(same), "user's reset sync status");
        }
        assert_eq!(words("Microsoft® Exchange™"), "microsoft exchange");
        assert_eq!(words(" _:_ "), "");
    }

    #[test]
    fn every_key_and_label_is_found_in_any_letter_case() {
        for row in ArticleRow::all() {
            let (spec, of_users) = (row.spec(), matches!(row, ArticleRow::User(_)));
            for name in [spec.key.to_owned(), spec.key.to_uppercase(), spec.label.to_lowercase()] {
                assert_eq!(find(of_users, spec.object_type, &name), Some(row), "{name}");
                assert_eq!(find(!of_users, spec.object_type, &name), None, "{name}");
            }
        }
    }

    #[test]
    fn states_are_read_as_we_and_as_the_page_write_them() {
        let row = RowKind::Direction;
        for status in row.statuses() {
            let read = (*status != Status::Unknown).then_some(*status);
            assert_eq!(state(row, status.name()), read);
            assert_eq!(state(row, &status.name().replace('_', " ").to_uppercase()), read);
        }
        assert_eq!(
            state(row, "Exchange configuration not set to sync"),
            Some(Status::NotSetToSync)
        );
        assert_eq!(state(row, "Marked for reset"), None);
        assert_eq!(state(RowKind::Reset, "Marked for reset"), Some(Status::MarkedForReset));
    }

    #[test]
    fn marks_are_words_glyphs_and_names_of_pictures() {
        for yes in ["✓", "✔\u{fe0f}", "YES", "Exchange Sync status checkmark", "true"] {
            assert_eq!(flag(yes), Some(true), "{yes}");
        }
        for no in ["X", "✗", "×", "No", "Exchange Sync status X"] {
            assert_eq!(flag(no), Some(false), "{no}");
        }
        for neither in ["", "Oui", "1", "0", "checkmarks", "n/a"] {
            assert_eq!(flag(neither), None, "{neither}");
        }
    }
}
