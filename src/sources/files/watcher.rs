//! Decides when a file is whole, reads it within bounds and hands it over.

use super::archive::{self, DONE, REJECTED};
use crate::domain::time::Timestamp;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// How long size and time of a file must stand still under our eyes before it counts as whole: senders that copy slowly
/// still write every second or so. The file's own time says nothing of that: a share keeps another clock than ours.
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
    /// `.report.csv`: the exported sync error report.
    Report,
    /// `.html`, `.htm`: the saved status page.
    Html,
    /// `.txt`: the status page's text.
    Text,
}

impl FileKind {
    fn of(name: &Path) -> Option<Self> {
        let ending = |name: &Path| Some(name.extension()?.to_str()?.to_ascii_lowercase());
        let before = || ending(Path::new(name.file_stem()?));
        match ending(name)?.as_str() {
            "csv" if before().as_deref() == Some("report") => Some(Self::Report),
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
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    size: u64,
    modified: Duration,
    /// Since when it has looked like that, by the steady clock.
    since: Duration,
    /// What became of it, where it could not be moved since: it is not taken again, only moved.
    taken: Option<Taken>,
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

    /// Looks once: takes what is whole, in the order of names. `steady` is a clock that does not step. Gives how many
    /// files were taken or rejected.
    ///
    /// # Errors
    /// When the directory cannot be read, or, once all others have been taken, the first file that cannot be looked at or
    /// moved; what was handed over stays taken, and is not handed over again while it stands there unchanged.
    pub fn look(
        &mut self,
        steady: Duration,
        mut take: impl FnMut(Result<Dropped, Refused>) -> Taken,
    ) -> Result<usize, Trouble> {
        let names = self
            .names()
            .map_err(|source| trouble(&self.directory, source))?;
        self.looks
            .retain(|name, _| names.binary_search(name).is_ok());
        let (mut done, mut handed, mut first) = (0, 0, None);
        for name in names {
            let path = self.directory.join(&name);
            let moved = match self.taken(&name, &path, steady, &mut handed, &mut take) {
                Ok(None) => continue,
                // Whoever cannot take this one now cannot take the next one either.
                Ok(Some(Taken::Later)) => break,
                Ok(Some(Taken::Accepted)) => archive::put_away(&path, DONE),
                Ok(Some(Taken::Rejected(reason))) => archive::reject(&path, &reason),
                Err(error) => Err(error),
            };
            match moved {
                Ok(()) => {
                    self.looks.remove(&name);
                    done += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && is_gone(&path) => {}
                Err(error) => first = first.or_else(|| Some(trouble(&path, error))),
            }
            if handed >= FILES_A_LOOK {
                break;
            }
        }
        first.map_or(Ok(done), Err)
    }

    /// What became of a file, now or earlier; `None` when it is not whole yet.
    fn taken(
        &mut self,
        name: &OsString,
        path: &Path,
        steady: Duration,
        handed: &mut usize,
        take: &mut impl FnMut(Result<Dropped, Refused>) -> Taken,
    ) -> io::Result<Option<Taken>> {
        let Some(look) = self.whole(name, path, steady)? else {
            return Ok(None);
        };
        if look.taken.is_some() {
            return Ok(look.taken.clone());
        }
        let shown = name.to_string_lossy().into_owned();
        let found = match read(path, &shown) {
            Ok(dropped) => Ok(dropped),
            Err(Unreadable::Gone) => return Ok(None),
            Err(Unreadable::Refused(reason)) => Err(Refused {
                name: shown,
                reason,
            }),
        };
        *handed += 1;
        let taken = take(found);
        look.taken = Some(taken.clone()).filter(|taken| *taken != Taken::Later);
        Ok(Some(taken))
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)?.take(NAMES_A_LOOK) {
            let entry = entry?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let unfinished =
                text.ends_with(".tmp") || text.ends_with(".part") || text.starts_with('.');
            // What stands in a shelf's place is no file that somebody dropped.
            let shelf = name == DONE || name == REJECTED;
            if !unfinished && !shelf && !entry.file_type()?.is_dir() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// How the file looks, when it has stood still for long enough.
    fn whole(
        &mut self,
        name: &OsString,
        path: &Path,
        steady: Duration,
    ) -> io::Result<Option<&mut Look>> {
        let meta = fs::symlink_metadata(path)?;
        let modified = meta
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let look = Look {
            size: meta.len(),
            modified,
            since: steady,
            taken: None,
        };
        let known = self
            .looks
            .entry(name.clone())
            .or_insert_with(|| look.clone());
        if (known.size, known.modified) != (look.size, look.modified) {
            *known = look;
        }
        let still = steady.saturating_sub(known.since) >= UNCHANGED_FOR;
        // A link is refused whatever it points to.
        Ok((still || meta.is_symlink()).then_some(known))
    }
}

fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn trouble(path: &Path, source: io::Error) -> Trouble {
    Trouble {
        path: path.display().to_string().escape_debug().to_string(),
        source,
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
            "the ending says nothing that is known: .ndjson or .jsonl is activity, .json and .csv are snapshots, .report.csv is the sync error report, .html and .txt are the status page",
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
