//! Token files: read once, checked for who else can read them, never printed.

use super::mistakes::quoted;
use crate::secret::Secret;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Sixteen random characters cannot be guessed over a network.
const MIN_CHARS: usize = 16;
/// Longer than any token; what is longer is another file.
const MAX_BYTES: u64 = 4096;
/// The mode bits of users who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

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
    let text = secret_text(&name, path, MAX_BYTES)?;
    let secret = Secret::from_file_text(&text)
        .filter(|_| text.len() as u64 <= MAX_BYTES)
        .ok_or_else(|| format!("{name} has to hold one line, the {what}, and nothing else"))?;
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
    let name = quoted(&path.display().to_string());
    let text = secret_text(&name, path, MAX_BYTES)?;
    Secret::from_file_text(&text)
        .filter(|_| text.len() as u64 <= MAX_BYTES)
        .ok_or_else(|| format!("{name} has to hold one line, the password, and nothing else"))
}

/// What a message calls the file: the error repeats the path as written, so only one that was completed has news.
pub(super) fn named(written: &str, path: &Path) -> String {
    if Path::new(written).is_absolute() {
        "the file".to_owned()
    } else {
        quoted(&path.display().to_string())
    }
}

/// The text of a file that holds a secret, up to one byte more than `max`.
pub(super) fn secret_text(name: &str, path: &Path, max: u64) -> Result<Zeroizing<String>, String> {
    let cannot = |error: std::io::Error| {
        format!("{name} cannot be read: {error}; give the daemon's user read access to it")
    };
    let mut file = open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err(format!("{name} is no file; name the file that holds the secret"));
    }
    if metadata.permissions().mode() & OTHERS != 0 {
        return Err(format!(
            "{name} is open to every user of this machine; run `chmod 600` on it (in Kubernetes, `defaultMode: 0440` on the secret's volume)"
        ));
    }
    text_of(&mut file, max).map_err(cannot)
}

/// Without waiting for the other end of a named pipe.
fn open(path: &Path) -> std::io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(nonblocking).open(path)
}

fn text_of(file: &mut File, max: u64) -> std::io::Result<Zeroizing<String>> {
    // Enough capacity from the start, so that no grown-out-of buffer keeps a copy.
    let mut text = Zeroizing::new(String::with_capacity(max as usize + 2));
    file.take(max + 1).read_to_string(&mut text)?;
    Ok(text)
}
