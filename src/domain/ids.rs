//! Names of things: organisations, users, object types, directions and sources.

use std::borrow::Cow;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

/// Why a name was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The organisation's name is not a label value we can put into a path and a metric.
    #[error("an organisation's name has 1 to 63 of the characters a-z, 0-9 and -")]
    Org,
    /// The user's name is empty, too long or has control characters.
    #[error("a user's name has 1 to {} bytes and no control characters", UserName::MAX_BYTES)]
    User,
}

/// Gives a text with a type of its own its look: that of the text.
macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}
pub(super) use text;

text!(OrgName);
text!(UserName);

/// An organisation as the operator named it: `[a-z0-9-]{1,63}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgName(Arc<str>);

impl OrgName {
    /// Takes a name that fits a path segment and a label.
    ///
    /// # Errors
    /// [`NameError::Org`] when a character or the length is off.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let fits = (1..=63).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(name.into())) } else { Err(NameError::Org) }
    }
}

/// The store's small number for an organisation; stable over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId(pub u32);

/// A user as a source names them, usually a mail address, as [`folded`] writes it: however an address is typed, it is one
/// person. Personal data: it reaches no label unless configured.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

/// Whether a character shows nothing by itself: marks of direction, and what has no width. Texts that are copied from pages
/// have them, and nobody sees it.
pub const fn invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A name as it is compared: in small letters, in Unicode NFC and without what nobody sees. Letters that only look alike,
/// or that a language writes in two ways (ß and ss), stay different: two people must never become one.
pub fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    let seen = name.chars().filter(|letter| !invisible(*letter));
    let small = seen.flat_map(char::to_lowercase);
    // Greek writes one letter in two ways, by its place in the word, and its capital does not show which.
    small.map(|letter| if letter == 'ς' { 'σ' } else { letter }).nfc().collect()
}

impl UserName {
    /// The longest mail address that SMTP allows is 254 bytes; some more for account names with a domain.
    pub const MAX_BYTES: usize = 320;

    /// Takes a name as somebody wrote it.
    ///
    /// # Errors
    /// [`NameError::User`] when it is empty, too long or has control characters.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let fits = |name: &str| (1..=Self::MAX_BYTES).contains(&name.len());
        if !fits(name) || name.chars().any(char::is_control) {
            return Err(NameError::User);
        }
        // A letter's small form may be longer.
        let folded = folded(name);
        let folded = folded.trim();
        if fits(folded) { Ok(Self(folded.into())) } else { Err(NameError::User) }
    }
}

/// Declares a closed set of names: the enum, `ALL`, `COUNT`, `name`, `from_name` and `index`, in one order. A value's name
/// is part of its documentation; a comment says what the name does not.
#[macro_export]
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, enum_map::Enum)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* #[doc = concat!("`", $text, "`")] $variant),+ }

        impl $name {
            /// Every value, in the order they are declared and shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// How many values there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in JSON, labels and configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of this name, if there is one.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }

            /// The place in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub use closed_set;

closed_set! {
    /// What is synchronised.
    ObjectType {
        Contacts = "contacts",
        Events = "events",
    }
}

closed_set! {
    /// Which way a record went.
    Direction {
        ToExchange = "to_exchange",
        ToSalesforce = "to_salesforce",
    }
}

closed_set! {
    /// How the sync of one record ended.
    Outcome {
        /// The record arrived; only this counts as activity.
        Synced = "synced",
        /// The record was refused or lost.
        Failed = "failed",
    }
}

closed_set! {
    /// Where a value comes from; see the order of trust in [`crate::view`].
    Source {
        /// One record for each synced item.
        Activity = "activity",
        /// The status page's values, pushed or dropped as a file.
        Snapshot = "snapshot",
        /// A record written on one side and looked for on the other.
        Canary = "canary",
        /// A read-only probe of the Exchange server.
        Exchange = "exchange",
        /// Salesforce's documented interfaces.
        Salesforce = "salesforce",
        /// What Exchange itself logged of Salesforce's calls.
        ExchangeLog = "exchange_log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_name_is_what_fits_a_path_and_a_label() {
        for good in ["a", "acme", "acme-2", &"x".repeat(63)] {
            assert!(OrgName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "Acme", "a_b", "ä", "a/b", "a\"", &"x".repeat(64)] {
            assert_eq!(OrgName::new(bad), Err(NameError::Org), "{bad}");
        }
    }

    #[test]
    fn a_user_name_has_no_control_characters() {
        assert!(UserName::new("ann@corp.example").is_ok());
        for bad in ["", "a\u{0}b", "a\nb", &"x".repeat(321)] {
            assert_eq!(UserName::new(bad), Err(NameError::User), "{bad:?}");
        }
    }

    #[test]
    fn one_person_is_one_user_however_the_address_is_typed() {
        for (typed, compared) in [
            ("Ann.Lee@Corp.EXAMPLE", "ann.lee@corp.example"),
            ("Jose\u{301}@corp.example", "jos\u{e9}@corp.example"),
            ("JOS\u{c9}@corp.example", "jos\u{e9}@corp.example"),
            // Two marks, in either order.
            ("a\u{308}\u{323}@corp.example", "a\u{323}\u{308}@corp.example"),
            // The sign of a unit of length is the letter.
            ("\u{212b}sa@corp.example", "\u{e5}sa@corp.example"),
            ("\u{130}pek@corp.example", "i\u{307}pek@corp.example"),
            ("ΝΙΚΟΣ@corp.example", "νικος@corp.example"),
            ("CORP\\svc-Sync", "corp\\svc-sync"),
            ("SVC", "svc"),
        ] {
            let [typed, compared] = [typed, compared].map(|name| UserName::new(name).unwrap());
            assert_eq!(typed, compared);
        }
        assert_eq!(UserName::new("JOSE\u{301}").unwrap().as_str(), "jos\u{e9}");
        for (one, other) in [("straße", "strasse"), ("jose", "josé"), ("ipek", "ıpek")] {
            assert_ne!(UserName::new(one), UserName::new(other));
        }
        assert_eq!(UserName::new(&"\u{130}".repeat(160)), Err(NameError::User), "it grows");
    }

    #[test]
    fn what_was_folded_is_not_folded_again() {
        for letter in '\0'..=char::MAX {
            let once = folded(letter.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(folded(&once), once, "{letter:?}");
        }
    }

    #[test]
    fn names_of_closed_sets_read_back() {
        for source in Source::ALL {
            assert_eq!(Source::from_name(source.name()), Some(*source));
        }
        assert_eq!(Source::from_name("approximate"), None);
    }
}
