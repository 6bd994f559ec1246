//! Secrets that cannot be printed: no `Debug`, `Display` or serialisation shows them, and memory is wiped on drop.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
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

/// Who may read a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Readers {
    Anybody,
    /// Nobody else; a file that others can read needs this mode.
    OwnerAndGroup(&'static str),
}

/// The bytes of a file, up to one byte more than `max`.
///
/// # Errors
/// The end of a sentence about the file; nothing of its text.
pub(crate) fn read_file(
    path: &Path,
    max: u64,
    readers: Readers,
) -> Result<Zeroizing<Vec<u8>>, String> {
    /// The mode bits of users who are neither the owner nor in the group.
    const OTHERS: u32 = 0o007;
    let cannot = |error: io::Error| {
        format!("cannot be read: {error}; give the daemon's user read access to it")
    };
    // Without waiting for the other end of a named pipe.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file =
        OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        let secret = matches!(readers, Readers::OwnerAndGroup(_));
        let next = if secret { "; name the file that holds the secret" } else { "" };
        return Err(format!("is no file{next}"));
    }
    if let Readers::OwnerAndGroup(mode) = readers
        && metadata.permissions().mode() & OTHERS != 0
    {
        return Err(format!(
            "is open to every user of this machine; run `chmod {mode}` on it (in Kubernetes, `defaultMode: 0440` on the secret's volume)"
        ));
    }
    // Enough capacity from the start, so that no grown-out-of buffer keeps a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(max as usize + 2));
    file.take(max + 1).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
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
