//! Files with secrets: read once, checked for who else can read them, never printed.

use super::mistakes::quoted;
use crate::secret::{Readers, Secret, read_file};
use std::path::Path;
use zeroize::Zeroizing;

/// Sixteen random characters cannot be guessed over a network.
const MIN_CHARS: usize = 16;
/// Longer than any token; what is longer is another file.
const MAX_BYTES: u64 = 4096;

/// The token in a file; `written` is the path as the operator wrote it, `path` where that is.
///
/// # Errors
/// A sentence that names the file and what to do; nothing of its text.
pub(super) fn read(written: &str, path: &Path) -> Result<Secret, String> {
    let secret = line(written, path, "token")?;
    let length = secret.expose().len();
    if length < MIN_CHARS {
        return Err(format!(
            "the token in {} has {length} characters; at least {MIN_CHARS} are needed, such as `openssl rand -hex 32` prints",
            named(written, path)
        ));
    }
    Ok(secret)
}

/// The secret of one line in a file, which the messages call `what`. How long it is, is its giver's choice.
///
/// # Errors
/// As [`read`].
pub(super) fn line(written: &str, path: &Path, what: &str) -> Result<Secret, String> {
    let name = named(written, path);
    let secret = any_line(&name, path, what)?;
    if !secret.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!(
            "the {what} in {name} has characters that a header cannot carry; letters, digits and signs are allowed"
        ));
    }
    Ok(secret)
}

/// The password in a file, which may have any characters but those that end a line.
///
/// # Errors
/// A sentence that names the file and what to do; nothing of its text.
pub fn password(path: &Path) -> Result<Secret, String> {
    any_line(&quoted(&path.display().to_string()), path, "password")
}

pub(super) fn any_line(name: &str, path: &Path, what: &str) -> Result<Secret, String> {
    let bytes = secret_bytes(name, path, MAX_BYTES)?;
    let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() as u64 <= MAX_BYTES);
    text.and_then(Secret::from_file_text)
        .ok_or_else(|| format!("{name} has to hold one line, the {what}, and nothing else"))
}

/// What a message calls the file: the error repeats the path as written, so only one that was completed has news.
pub(super) fn named(written: &str, path: &Path) -> String {
    if Path::new(written).is_absolute() {
        "the file".to_owned()
    } else {
        quoted(&path.display().to_string())
    }
}

/// What a file holds that is a secret, up to one byte more than `max`.
pub(super) fn secret_bytes(
    name: &str,
    path: &Path,
    max: u64,
) -> Result<Zeroizing<Vec<u8>>, String> {
    read_file(path, max, Readers::OwnerAndGroup("600")).map_err(|says| format!("{name} {says}"))
}
