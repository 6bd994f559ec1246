//! The words of the status page and of our JSON: labels of rows, states, marks, and how spelling is evened out.

use super::ingest_error::invisible;
use crate::domain::ids::ObjectType;
use crate::domain::rows::{OrgRow, RowSpec, Status, UserRow};

/// A row with its key in JSON and CSV and its label on the page.
#[derive(Debug)]
pub(super) struct Label<T> {
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) row: T,
}

const fn label<T>(spec: &RowSpec, row: T) -> Label<T> {
    Label { key: spec.key, label: spec.label, row }
}

const fn org(row: OrgRow) -> Label<OrgRow> {
    label(row.spec(), row)
}

const fn user(row: UserRow) -> Label<UserRow> {
    label(row.spec(), row)
}

/// Rows of the organisation that have no object type.
pub(super) const ORG: [Label<OrgRow>; 4] = [
    org(OrgRow::ServiceAccountProvided),
    org(OrgRow::OutlookIntegration),
    org(OrgRow::ServiceAccountRecognized),
    org(OrgRow::LinkedUsers),
];

/// A row that exists once for each object type.
type OfObject = fn(ObjectType) -> OrgRow;

/// Rows that the organisation has once for each object type; key and label are the same for both.
pub(super) const ORG_OBJECT: [Label<OfObject>; 3] = [
    label(OrgRow::LastSync(ObjectType::Contacts).spec(), OrgRow::LastSync),
    label(OrgRow::Synced60m(ObjectType::Contacts).spec(), OrgRow::Synced60m),
    label(OrgRow::Synced24h(ObjectType::Contacts).spec(), OrgRow::Synced24h),
];

/// Rows of a user that have no object type.
pub(super) const USER: [Label<UserRow>; 5] = [
    user(UserRow::ActiveConfiguration),
    user(UserRow::MailboxVersion),
    user(UserRow::ServiceAccount),
    user(UserRow::Reset),
    user(UserRow::OutlookIntegration),
];

/// A user's rows about one object type.
pub(super) const fn user_object(object: ObjectType) -> &'static [Label<UserRow>; 5] {
    match object {
        ObjectType::Contacts => {
            &const {
                [
                    user(UserRow::ContactsFolder),
                    user(UserRow::ContactsLinked),
                    user(UserRow::ContactsToExchange),
                    user(UserRow::ContactsToSalesforce),
                    user(UserRow::ContactsRecords),
                ]
            }
        }
        ObjectType::Events => {
            &const {
                [
                    user(UserRow::EventsFolder),
                    user(UserRow::EventsLinked),
                    user(UserRow::EventsToExchange),
                    user(UserRow::EventsToSalesforce),
                    user(UserRow::EventsRecords),
                ]
            }
        }
    }
}

/// The row of a key: as our JSON spells it, or the label or key in any spelling that [`words`] evens out.
pub(super) fn find<'l, T>(labels: &'l [Label<T>], key: &str) -> Option<&'l Label<T>> {
    labels.iter().find(|label| label.key == key).or_else(|| {
        let even = words(key);
        labels.iter().find(|label| is_spelled(&even, label.key) || is_spelled(&even, label.label))
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
    let objects = ObjectType::ALL.iter().copied();
    KEYS.contains(&words(name).as_str())
        || find(&ORG, name).is_some()
        || find(&ORG_OBJECT, name).is_some()
        || find(&USER, name).is_some()
        || objects.into_iter().any(|object| find(user_object(object), name).is_some())
}

/// Whether `even`, made by [`words`], is a name of ours, all of which are ASCII.
fn is_spelled(even: &str, name: &str) -> bool {
    let name = name.bytes().map(|byte| match byte {
        b'_' => b' ',
        byte => byte.to_ascii_lowercase(),
    });
    name.eq(even.bytes())
}

/// The state that a text shows in a row; `None` when the row has no such state.
pub(super) fn state(row: UserRow, text: &str) -> Option<Status> {
    let shown = |status: &Status| row.statuses().contains(status) && *status != Status::Unknown;
    if let Some(status) = Status::from_name(text).filter(shown) {
        return Some(status);
    }
    let name = words(text);
    let status = match name.as_str() {
        "exchange configuration not set to sync" => Some(Status::NotSetToSync),
        name => Status::from_name(&name.replace(' ', "_")),
    };
    status.filter(shown)
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

/// A text evened out: lower case, one space between words, underscores as spaces, a straight apostrophe; without
/// trade marks, invisible characters and a final colon.
pub(super) fn words(text: &str) -> String {
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
    const ZEROS: [char; 26] = [
        '0',
        '\u{660}',
        '\u{6f0}',
        '\u{7c0}',
        '\u{966}',
        '\u{9e6}',
        '\u{a66}',
        '\u{ae6}',
        '\u{b66}',
        '\u{be6}',
        '\u{c66}',
        '\u{ce6}',
        '\u{d66}',
        '\u{de6}',
        '\u{e50}',
        '\u{ed0}',
        '\u{f20}',
        '\u{1040}',
        '\u{17e0}',
        '\u{1810}',
        '\u{1946}',
        '\u{1c50}',
        '\u{abf0}',
        '\u{ff10}',
        '\u{11136}',
        '\u{1e950}',
    ];
    let of = |zero: char| u32::from(character).checked_sub(zero.into());
    ZEROS.into_iter().filter_map(of).find(|value| *value < 10)
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
        for label in &ORG {
            assert_eq!(find(&ORG, label.key).unwrap().row, label.row);
            assert_eq!(find(&ORG, &label.label.to_uppercase()).unwrap().row, label.row);
        }
        for label in &USER {
            assert_eq!(find(&USER, &label.key.to_uppercase()).unwrap().row, label.row);
            assert_eq!(find(&USER, &label.label.to_lowercase()).unwrap().row, label.row);
        }
        for object in ObjectType::ALL {
            let rows = user_object(*object).iter().map(|label| label.row.object_type());
            assert!(rows.into_iter().all(|of| of == Some(*object)));
        }
    }

    #[test]
    fn states_are_read_as_we_and_as_the_page_write_them() {
        let row = UserRow::EventsToExchange;
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
        assert_eq!(state(UserRow::Reset, "Marked for reset"), Some(Status::MarkedForReset));
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
