//! Decides when a file is whole, reads it within bounds and hands it over.

use super::shelf::{self, DONE};
use crate::domain::time::Timestamp;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// How long size and time of a file must stand still before it counts as whole: senders that copy slowly still write
/// every second or so. A file that was renamed into place is older than this when it is first seen.
const UNCHANGED_FOR: Duration = Duration::from_secs(2);
/// The largest file: what one decoded request may have.
const LARGEST: u64 = 64 << 20;
/// How many files one look takes, so that a flood of files holds up neither the loop nor memory.
const FILES_A_LOOK: usize = 256;
/// How many names one look reads at most.
const NAMES_A_LOOK: usize = 10_000;

/// What a file's ending says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `.ndjson`, `.jsonl`: activity.
    Activity,
    /// `.json`: a snapshot.
    Json,
    /// `.csv`: a snapshot.
    Csv,
    /// `.html`, `.htm`: the saved status page.
    Html,
    /// `.txt`: the status page's text.
    Text,
}

impl FileKind {
    fn of(name: &Path) -> Option<Self> {
        match name.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "ndjson" | "jsonl" => Some(Self::Activity),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "html" | "htm" => Some(Self::Html),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}

/// A whole file.
#[derive(Debug)]
pub struct Dropped {
    /// What it is.
    pub kind: FileKind,
    /// Its bytes.
    pub body: Vec<u8>,
    /// When it was last written: the time of a page that does not say its own.
    pub modified: Timestamp,
    /// Its name, without the directory.
    pub name: String,
    /// The user whose page it is, where the file is named after one: `ann@acme.example.html`.
    pub user: Option<String>,
}

/// Something that no file of ours can be, such as a symbolic link.
#[derive(Debug)]
pub struct Refused {
    /// Its name, without the directory.
    pub name: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// On disk and counted.
    Accepted,
    /// Wrong; the reason is for whoever sent it.
    Rejected(String),
    /// Not now: the file stays where it is and is tried again.
    Later,
}

/// Why a look at the directory failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: {source}; the directory must exist and be writable by the daemon; outside /var/lib/lightning-sync, the unit has to allow it with ReadWritePaths= (`systemctl edit lightning-sync-exporter`)"
)]
pub struct Trouble {
    path: String,
    source: io::Error,
}

/// How a file looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    size: u64,
    modified: Duration,
    /// Since when it has looked like that, by the steady clock.
    since: Duration,
}

/// Watches one directory.
#[derive(Debug)]
pub struct Watcher {
    directory: PathBuf,
    looks: BTreeMap<OsString, Look>,
}

impl Watcher {
    /// Watches `directory`, which may come and go.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            looks: BTreeMap::new(),
        }
    }

    /// Looks once: takes what is whole, in the order of names. `steady` is a clock that does not step, `wall` the time
    /// of files. Gives how many files were taken or rejected.
    ///
    /// # Errors
    /// When the directory cannot be read or a file cannot be moved; what was handed over stays taken.
    pub fn look(
        &mut self,
        steady: Duration,
        wall: Timestamp,
        mut take: impl FnMut(Result<Dropped, Refused>) -> Taken,
    ) -> Result<usize, Trouble> {
        let names = self.names().map_err(|source| self.trouble(source))?;
        self.looks
            .retain(|name, _| names.binary_search(name).is_ok());
        let mut done = 0;
        for name in names {
            if done >= FILES_A_LOOK {
                break;
            }
            let path = self.directory.join(&name);
            match self.whole(&name, &path, steady, wall) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(self.trouble(error)),
            }
            if hand_over(&path, &mut take).map_err(|source| self.trouble(source))? {
                self.looks.remove(&name);
                done += 1;
            }
        }
        Ok(done)
    }

    fn trouble(&self, source: io::Error) -> Trouble {
        Trouble {
            path: self.directory.display().to_string(),
            source,
        }
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)?.take(NAMES_A_LOOK) {
            let entry = entry?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let unfinished =
                text.ends_with(".tmp") || text.ends_with(".part") || text.starts_with('.');
            if !unfinished && !entry.file_type()?.is_dir() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether the file has stood still for long enough.
    fn whole(
        &mut self,
        name: &OsString,
        path: &Path,
        steady: Duration,
        wall: Timestamp,
    ) -> io::Result<bool> {
        let meta = fs::symlink_metadata(path)?;
        let modified = meta
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let wall = Duration::from_nanos(u64::try_from(wall.nanos()).unwrap_or(0));
        if meta.is_symlink() || wall.saturating_sub(modified) >= UNCHANGED_FOR {
            return Ok(true);
        }
        let look = Look {
            size: meta.len(),
            modified,
            since: steady,
        };
        let known = self.looks.entry(name.clone()).or_insert(look);
        if (known.size, known.modified) != (look.size, look.modified) {
            *known = look;
        }
        Ok(steady.saturating_sub(known.since) >= UNCHANGED_FOR)
    }
}

/// Reads a file and moves it to where it belongs. `false`: it stays for later.
fn hand_over(
    path: &Path,
    take: &mut impl FnMut(Result<Dropped, Refused>) -> Taken,
) -> io::Result<bool> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let found = match read(path, &name) {
        Ok(dropped) => Ok(dropped),
        Err(Unreadable::Gone) => return Ok(false),
        Err(Unreadable::Refused(reason)) => Err(Refused { name, reason }),
    };
    match take(found) {
        Taken::Accepted => {
            shelf::put_away(path, DONE)?;
            Ok(true)
        }
        Taken::Rejected(reason) => {
            shelf::reject(path, &reason)?;
            Ok(true)
        }
        Taken::Later => Ok(false),
    }
}

enum Unreadable {
    Gone,
    Refused(String),
}

fn read(path: &Path, name: &str) -> Result<Dropped, Unreadable> {
    let refused = |reason: &str| Unreadable::Refused(reason.to_owned());
    // Never through a symbolic link: it could name a file that only this daemon may read.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => return Err(Unreadable::Gone),
        Err(rustix::io::Errno::LOOP) => {
            return Err(refused(
                "a symbolic link is not followed; copy the file itself",
            ));
        }
        Err(error) => {
            return Err(Unreadable::Refused(format!(
                "the file cannot be read: {error}; give the daemon's user read access"
            )));
        }
    };
    let meta = file
        .metadata()
        .map_err(|error| Unreadable::Refused(format!("the file cannot be read: {error}")))?;
    if !meta.is_file() {
        return Err(refused("only regular files are taken"));
    }
    let Some(kind) = FileKind::of(path) else {
        return Err(refused(
            "the ending says nothing that is known: .ndjson or .jsonl is activity, .json and .csv are snapshots, .html and .txt the status page",
        ));
    };
    let mut body = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut body)
        .map_err(|error| Unreadable::Refused(format!("the file cannot be read: {error}")))?;
    if body.len() as u64 > LARGEST {
        return Err(refused("the file is larger than 64 MiB; split it"));
    }
    let since_epoch = meta
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    let modified = Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX));
    let stem = path.file_stem().and_then(OsStr::to_str);
    Ok(Dropped {
        kind,
        body,
        modified,
        name: name.to_owned(),
        user: stem.filter(|stem| stem.contains('@')).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// Long before the files' own time, so that only standing still makes them whole.
    const EARLY: Timestamp = Timestamp::from_seconds(0);

    fn listing(directory: &Path) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for shelf in ["", "done", "rejected"] {
            let Ok(entries) = fs::read_dir(directory.join(shelf)) else {
                continue;
            };
            for entry in entries
                .map(Result::unwrap)
                .filter(|entry| !entry.file_type().unwrap().is_dir())
            {
                found.push(
                    Path::new(shelf)
                        .join(entry.file_name())
                        .display()
                        .to_string(),
                );
            }
        }
        found.sort();
        found
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_file_is_taken_once_it_stands_still_and_unfinished_names_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.json", "b.json.tmp", "c.json.part", ".d.json"] {
            fs::write(directory.path().join(name), "{}").unwrap();
        }
        let mut watcher = Watcher::new(directory.path().to_owned());
        let mut bodies = Vec::new();
        let mut look = |at, watcher: &mut Watcher| {
            watcher
                .look(seconds(at), EARLY, |dropped| {
                    let dropped = dropped.unwrap();
                    bodies.push((dropped.kind, String::from_utf8(dropped.body).unwrap()));
                    Taken::Accepted
                })
                .unwrap()
        };
        assert_eq!(look(0, &mut watcher), 0);
        fs::write(directory.path().join("a.json"), "{\"more\":1}").unwrap();
        assert_eq!(look(1, &mut watcher), 0, "it grew");
        assert_eq!(look(2, &mut watcher), 0);
        assert_eq!(look(3, &mut watcher), 1);
        assert_eq!(bodies, [(FileKind::Json, "{\"more\":1}".to_owned())]);
        assert_eq!(
            listing(directory.path()),
            [".d.json", "b.json.tmp", "c.json.part", "done/a.json"]
        );
    }

    #[test]
    fn a_file_that_was_renamed_into_place_is_taken_at_once_and_never_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let late = Timestamp::from_seconds(4_000_000_000);
        let mut watcher = Watcher::new(directory.path().to_owned());
        for _ in 0..2 {
            fs::write(directory.path().join("page.txt"), "x").unwrap();
            assert_eq!(
                watcher.look(seconds(0), late, |_| Taken::Accepted).unwrap(),
                1
            );
        }
        assert_eq!(
            listing(directory.path()),
            ["done/page.txt", "done/page.txt.1"]
        );
    }

    #[test]
    fn a_refused_file_lies_beside_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let late = Timestamp::from_seconds(4_000_000_000);
        fs::write(directory.path().join("secret"), "").unwrap();
        symlink("/etc/passwd", directory.path().join("link.txt")).unwrap();
        fs::write(directory.path().join("notes.docx"), "").unwrap();
        fs::write(directory.path().join("wrong.csv"), "").unwrap();
        fs::set_permissions(
            directory.path().join("wrong.csv"),
            fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        let mut watcher = Watcher::new(directory.path().to_owned());
        watcher
            .look(seconds(0), late, |file| {
                let reason =
                    file.map_or_else(|refused| refused.reason, |_| "line 1: no header".to_owned());
                Taken::Rejected(reason)
            })
            .unwrap();
        assert_eq!(
            listing(directory.path()),
            [
                "rejected/link.txt",
                "rejected/link.txt.reason.txt",
                "rejected/notes.docx",
                "rejected/notes.docx.reason.txt",
                "rejected/secret",
                "rejected/secret.reason.txt",
                "rejected/wrong.csv",
                "rejected/wrong.csv.reason.txt",
            ]
        );
        let reason =
            |name: &str| fs::read_to_string(directory.path().join("rejected").join(name)).unwrap();
        assert_eq!(
            reason("link.txt.reason.txt"),
            "a symbolic link is not followed; copy the file itself\n"
        );
        assert_eq!(reason("wrong.csv.reason.txt"), "line 1: no header\n");
    }

    #[test]
    fn a_file_that_cannot_be_taken_now_stays() {
        let directory = tempfile::tempdir().unwrap();
        let late = Timestamp::from_seconds(4_000_000_000);
        fs::write(directory.path().join("a.json"), "{}").unwrap();
        let mut watcher = Watcher::new(directory.path().to_owned());
        assert_eq!(watcher.look(seconds(0), late, |_| Taken::Later).unwrap(), 0);
        assert_eq!(listing(directory.path()), ["a.json"]);
        assert_eq!(
            watcher.look(seconds(1), late, |_| Taken::Accepted).unwrap(),
            1
        );
    }

    #[test]
    fn a_directory_that_vanishes_is_named_and_may_come_back() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("drop");
        let mut watcher = Watcher::new(directory.clone());
        let error = watcher
            .look(seconds(0), EARLY, |_| Taken::Accepted)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&directory.display().to_string())
                && error.contains("writable by the daemon; ")
                && error.contains("ReadWritePaths="),
            "{error}"
        );
        fs::create_dir(&directory).unwrap();
        assert_eq!(
            watcher
                .look(seconds(1), EARLY, |_| Taken::Accepted)
                .unwrap(),
            0
        );
    }
}
