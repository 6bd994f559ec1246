//! Where taken files go: `done/` and `rejected/` beside them, never over a file that is there already. Whoever may drop
//! files may also put links in their way, so a shelf is opened once and never through a link.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The directory of files that were taken.
pub(super) const DONE: &str = "done";
/// The directory of files that were refused, each with a `.reason.txt` beside it.
pub(super) const REJECTED: &str = "rejected";

/// What a sender of the same group may read, and nobody else: it says what is wrong with a file.
const NOTE_MODE: Mode = Mode::from_raw_mode(0o640);

/// The longest name that a file has on the shelf: with a number and what is put beside it, it is the longest that Linux
/// takes.
const NAME_BYTES: usize = 255 - ".99999".len() - ".reason.txt".len();

/// How many names are tried beside one that is taken; a sender that uses one name for every file gets this many.
const NAMES_TRIED: u32 = 100_000;

/// Moves `file` into a shelf beside it, and gives its name there. A symbolic link is moved itself, never what it points to.
pub(super) fn put_away(file: &Path, shelf: &str) -> io::Result<OsString> {
    move_to(file, shelf).map(|(_, name)| name)
}

/// Refuses a file: moves it away, writes why beside it, and gives its name there.
pub(super) fn reject(file: &Path, reason: &str) -> io::Result<OsString> {
    let (shelf, name) = move_to(file, REJECTED)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let note = rustix::fs::openat(&shelf, note_of(&name), flags, NOTE_MODE)?;
    writeln!(File::from(note), "{reason}")?;
    Ok(name)
}

/// Moves a file back to where it was dropped, under the name that it had there, and forgets why it was refused. Says no
/// when there is another file of this name.
pub(super) fn take_back(
    directory: &Path,
    shelf: &str,
    archived_as: &OsStr,
    name: &OsStr,
) -> io::Result<bool> {
    let opened = open(&directory.join(shelf), shelf)?;
    let to = directory.join(name);
    match rustix::fs::renameat_with(&opened, archived_as, CWD, &to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    match rustix::fs::unlinkat(&opened, note_of(archived_as), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn note_of(name: &OsStr) -> OsString {
    let mut note = name.to_os_string();
    note.push(".reason.txt");
    note
}

/// Gives the shelf and the name that the file has there.
fn move_to(file: &Path, shelf: &str) -> io::Result<(OwnedFd, OsString)> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a file has a directory and a name",
        ));
    };
    let opened = open(&directory.join(shelf), shelf)?;
    let name = shortened(name);
    for number in 0..NAMES_TRIED {
        let mut candidate = name.clone();
        if number > 0 {
            candidate.push(format!(".{number}"));
        }
        if is_free(&opened, &candidate)? && is_free(&opened, &note_of(&candidate))? {
            rustix::fs::renameat(CWD, file, &opened, &candidate)?;
            return Ok((opened, candidate));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{shelf} is full of files of this name"),
    ))
}

/// The beginning of a name that is too long for what is put beside it.
fn shortened(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    if bytes.len() <= NAME_BYTES {
        return name.to_os_string();
    }
    // Not within a letter.
    let is_inside = |byte: &u8| byte & 0xc0 == 0x80;
    let cut = (0..=NAME_BYTES).rfind(|at| !bytes.get(*at).is_some_and(is_inside));
    OsStr::from_bytes(bytes.get(..cut.unwrap_or(NAME_BYTES)).unwrap_or(bytes)).to_os_string()
}

fn open(path: &Path, shelf: &str) -> io::Result<OwnedFd> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o777)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => io::Error::new(
            io::ErrorKind::NotADirectory,
            format!("{shelf} is no directory of its own (links are not followed); remove it"),
        ),
        other => other.into(),
    })
}

fn is_free(shelf: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match rustix::fs::statat(shelf, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(false),
        Err(Errno::NOENT) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
