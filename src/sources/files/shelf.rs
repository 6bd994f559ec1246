//! Where taken files go: `done/` and `rejected/` beside them, never over a file that is there already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of files that were taken.
pub(super) const DONE: &str = "done";
/// The directory of files that were refused, each with a `.reason.txt` beside it.
pub(super) const REJECTED: &str = "rejected";

/// How many names are tried beside one that is taken; a sender that uses one name for every file gets this many.
const NAMES_TRIED: u32 = 100_000;

/// Moves `file` into a shelf beside it. A symbolic link is moved itself, never what it points to.
pub(super) fn put_away(file: &Path, shelf: &str) -> io::Result<PathBuf> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a file has a directory and a name",
        ));
    };
    let shelf = directory.join(shelf);
    fs::create_dir_all(&shelf)?;
    for number in 0..NAMES_TRIED {
        let mut candidate = name.to_os_string();
        if number > 0 {
            candidate.push(format!(".{number}"));
        }
        let target = shelf.join(candidate);
        if fs::symlink_metadata(&target).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            fs::rename(file, &target)?;
            return Ok(target);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{} is full of files of this name", shelf.display()),
    ))
}

/// Refuses a file: moves it away and writes why beside it.
pub(super) fn reject(file: &Path, reason: &str) -> io::Result<()> {
    let target = put_away(file, REJECTED)?;
    let mut note = target.into_os_string();
    note.push(".reason.txt");
    fs::write(note, format!("{reason}\n"))
}
