//! Secrets that cannot be printed: no `Debug`, `Display` or serialisation shows them, and memory is wiped on drop.

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A token, password or key.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text of a secret file: one line, surrounding white space dropped. `None` when nothing is left.
    pub fn from_file_text(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && !text.contains(['\n', '\r']))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether `offered` is this secret, in a time that depends only on the lengths.
    pub fn matches(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let secret = Secret::from_file_text(" hunter2\n").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!(secret.matches(b"hunter2"));
        assert!(!secret.matches(b"hunter3"));
        assert!(!secret.matches(b"hunter"));
    }

    #[test]
    fn an_empty_file_or_two_lines_are_no_secret() {
        assert!(Secret::from_file_text(" \n").is_none());
        assert!(Secret::from_file_text("a\nb").is_none());
    }
}
