//! Decides when a file is whole, reads it within bounds and hands it over.

use super::archive::{self, DONE, REJECTED};
use super::names;
use crate::domain::time::Timestamp;
use rustix::fs::{Mode, OFlags};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, ReadDir};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// How long size and time of a file must stand still under our eyes before it counts as whole: senders that copy slowly
/// still write every second or so. The file's own time says nothing of that: a share keeps another clock than ours.
const UNCHANGED_FOR: Duration = Duration::from_secs(2);
/// The largest file: what one decoded request may have.
const LARGEST: u64 = 64 << 20;
/// How many files one look takes, so that a flood of files holds up neither the loop nor memory.
const FILES_A_LOOK: usize = 256;
/// How many names one look reads, and how many files are known at most; the next look reads on where it ended.
const NAMES_A_LOOK: usize = 10_000;
/// How long a file that was taken is watched for more: a share may show for a minute how a file was, and senders pause.
const GROWS_WITHIN: Duration = Duration::from_secs(600);
/// How many files that were taken are watched for more, and how many of them a look sees: a question to the share each.
const TAKEN_WATCHED: usize = 1024;
const TAKEN_A_LOOK: usize = 128;

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

/// A whole file.
#[derive(Debug)]
pub struct WholeFile {
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
pub enum LookError {
    /// The directory, or a file in it.
    #[error(
        "{path}: {source}; the directory must exist and be writable by the daemon; outside /var/lib/lightning-sync, the unit has to allow it with ReadWritePaths= (`systemctl edit lightning-sync-exporter`)"
    )]
    Io {
        /// Which.
        path: String,
        /// What.
        source: io::Error,
    },
    /// Most of what lies there is left alone, and in the way of what is not.
    #[error(
        "{path} holds more than {NAMES_A_LOOK} names that are left alone, such as unfinished uploads; files are taken all the same, only later: remove what nobody needs"
    )]
    Crowded {
        /// Which.
        path: String,
    },
}

impl LookError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: shown(path), source }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

/// What a file's attributes say of how far it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) size: u64,
    pub(super) modified: Duration,
}

impl Extent {
    fn of(meta: &Metadata) -> io::Result<Self> {
        let modified = meta.modified()?.duration_since(UNIX_EPOCH);
        Ok(Self { size: meta.len(), modified: modified.unwrap_or_default() })
    }
}

/// A file in the directory, as far as it is known.
#[derive(Debug)]
struct WatchedFile {
    extent: Extent,
    /// How it was when it was opened and its name still showed something else: a share remembers attributes for a while.
    opened: Option<Extent>,
    /// Since when it has looked like that, by the steady clock.
    since: Duration,
    /// What became of it, where it could not be moved since: it is not taken again, only moved.
    taken: Option<Taken>,
    /// The reading of the directory that named it last.
    round: u64,
}

/// A file that was taken, and may still grow.
#[derive(Debug)]
struct ArchivedFile {
    name: OsString,
    shelf: &'static str,
    archived_as: OsString,
    extent: Extent,
    until: Duration,
}

/// Watches one directory.
#[derive(Debug)]
pub struct Watcher {
    directory: PathBuf,
    /// The reading of the directory that one look did not finish.
    reading: Option<ReadDir>,
    round: u64,
    /// How many names were left alone in this round, and whether there were too many in the last one.
    left_alone: usize,
    crowded: bool,
    known: BTreeMap<OsString, WatchedFile>,
    put_away: VecDeque<ArchivedFile>,
    /// How a file looks by its name; tests put a share's memory in its place.
    pub(super) extent: fn(&Path) -> io::Result<(Extent, bool)>,
}

impl Watcher {
    /// Watches `directory`, which may come and go.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            reading: None,
            round: 0,
            left_alone: 0,
            crowded: false,
            known: BTreeMap::new(),
            put_away: VecDeque::new(),
            extent: |path| {
                let meta = fs::symlink_metadata(path)?;
                Ok((Extent::of(&meta)?, meta.is_symlink()))
            },
        }
    }

    /// Looks once: takes what is whole, in the order of names. `steady` is a clock that does not step. Gives how many
    /// files were taken or rejected.
    ///
    /// # Errors
    /// When the directory cannot be read, or, once all others have been taken, the first file that cannot be looked at or
    /// moved, or that most names are left alone; what was handed over stays taken, and is not handed over again while it
    /// stands there unchanged.
    pub fn look(
        &mut self,
        steady: Duration,
        mut take: impl FnMut(Result<WholeFile, Refused>) -> Taken,
    ) -> Result<usize, LookError> {
        let mut first = self.take_back_what_grew(steady).err();
        self.read_names(steady).map_err(|source| LookError::io(&self.directory, source))?;
        let (mut done, mut handed) = (0, 0);
        for name in self.known.keys().cloned().collect::<Vec<_>>() {
            let path = self.directory.join(&name);
            let moved = match self.taken(&name, &path, steady, &mut handed, &mut take) {
                Ok(None) => continue,
                // Whoever cannot take this one now cannot take the next one either.
                Ok(Some((Taken::Later, _))) => break,
                Ok(Some((Taken::Accepted, extent))) => {
                    archive::put_away(&path, DONE).map(|archived_as| (DONE, archived_as, extent))
                }
                Ok(Some((Taken::Rejected(reason), extent))) => archive::reject(&path, &reason)
                    .map(|archived_as| (REJECTED, archived_as, extent)),
                Err(error) => Err(error),
            };
            match moved {
                Ok((shelf, archived_as, extent)) => {
                    self.known.remove(&name);
                    done += 1;
                    self.put_away.push_back(ArchivedFile {
                        name,
                        shelf,
                        archived_as,
                        extent,
                        until: steady + GROWS_WITHIN,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && is_gone(&path) => {
                    self.known.remove(&name);
                }
                Err(error) => first = first.or_else(|| Some(LookError::io(&path, error))),
            }
            if handed >= FILES_A_LOOK {
                break;
            }
        }
        let excess = self.put_away.len().saturating_sub(TAKEN_WATCHED);
        self.put_away.drain(..excess);
        let crowded = self.crowded.then(|| LookError::Crowded { path: shown(&self.directory) });
        first.or(crowded).map_or(Ok(done), Err)
    }

    /// What became of a file, now or earlier, and how it was then; `None` when it is not whole yet.
    fn taken(
        &mut self,
        name: &OsString,
        path: &Path,
        steady: Duration,
        handed: &mut usize,
        take: &mut impl FnMut(Result<WholeFile, Refused>) -> Taken,
    ) -> io::Result<Option<(Taken, Extent)>> {
        let (extent, is_link) = (self.extent)(path)?;
        let Some(known) = self.known.get_mut(name) else {
            return Ok(None);
        };
        if known.extent != extent {
            *known = WatchedFile {
                extent,
                opened: None,
                since: steady,
                taken: None,
                round: known.round,
            };
        }
        // A link is refused whatever it points to.
        if steady.saturating_sub(known.since) < UNCHANGED_FOR && !is_link {
            return Ok(None);
        }
        if let Some(taken) = &known.taken {
            return Ok(Some((taken.clone(), known.opened.unwrap_or(extent))));
        }
        let shown = name.to_string_lossy().into_owned();
        let found = match read(path, &shown, known.opened.unwrap_or(extent)) {
            Ok(dropped) => Ok(dropped),
            Err(Unreadable::Gone) => return Err(io::ErrorKind::NotFound.into()),
            Err(Unreadable::Growing(opened)) => {
                known.opened = Some(opened);
                known.since = steady;
                return Ok(None);
            }
            Err(Unreadable::Refused(reason)) => Err(Refused { name: shown, reason }),
        };
        *handed += 1;
        let taken = take(found);
        known.taken = Some(taken.clone()).filter(|taken| *taken != Taken::Later);
        Ok(Some((taken, known.opened.unwrap_or(extent))))
    }

    /// Reads names where the last look ended. At the end of the directory, files that were not named are forgotten.
    fn read_names(&mut self, steady: Duration) -> io::Result<()> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => fs::read_dir(&self.directory)?,
        };
        for _ in 0..NAMES_A_LOOK {
            let Some(entry) = reading.next() else {
                self.known.retain(|_, known| known.round == self.round);
                self.round += 1;
                self.crowded = std::mem::take(&mut self.left_alone) > NAMES_A_LOOK;
                return Ok(());
            };
            let entry = entry?;
            let name = entry.file_name();
            // What stands in a shelf's place is no file that somebody dropped.
            let shelf = name == DONE || name == REJECTED;
            if shelf || names::is_unfinished(&name.to_string_lossy()) || entry.file_type()?.is_dir()
            {
                self.left_alone += 1;
            } else if let Some(known) = self.known.get_mut(&name) {
                known.round = self.round;
            } else if self.known.len() < NAMES_A_LOOK {
                // Its extent is looked at below, and differs.
                let nothing = Extent { size: u64::MAX, modified: Duration::MAX };
                let known = WatchedFile {
                    extent: nothing,
                    opened: None,
                    since: steady,
                    taken: None,
                    round: self.round,
                };
                self.known.insert(name, known);
            }
        }
        self.reading = Some(reading);
        Ok(())
    }

    /// Moves files that grew after they were taken back to where they were dropped: what was taken already is known, and
    /// the rest is not lost.
    fn take_back_what_grew(&mut self, steady: Duration) -> Result<(), LookError> {
        for _ in 0..self.put_away.len().min(TAKEN_A_LOOK) {
            let Some(put_away) = self.put_away.pop_front() else {
                break;
            };
            let path = self.directory.join(put_away.shelf).join(&put_away.archived_as);
            let grew = match (self.extent)(&path) {
                Ok((extent, is_link)) => !is_link && extent.size > put_away.extent.size,
                // Whoever tidied up wants nothing more of it.
                Err(_) => continue,
            };
            if grew
                && archive::take_back(
                    &self.directory,
                    put_away.shelf,
                    &put_away.archived_as,
                    &put_away.name,
                )
                .map_err(|error| LookError::io(&path, error))?
            {
                continue;
            }
            if steady < put_away.until {
                self.put_away.push_back(put_away);
            }
        }
        Ok(())
    }
}

fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

enum Unreadable {
    Gone,
    /// Opened, it is not what its name showed.
    Growing(Extent),
    Refused(String),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Refused(format!(
            "the file cannot be read: {error}; give the daemon's user read access"
        ))
    }
}

fn read(path: &Path, name: &str, expected: Extent) -> Result<WholeFile, Unreadable> {
    let refused = |reason: &str| Unreadable::Refused(reason.to_owned());
    // Never through a symbolic link: it could name a file that only this daemon may read.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => return Err(Unreadable::Gone),
        Err(rustix::io::Errno::LOOP) => {
            return Err(refused("a symbolic link is not followed; copy the file itself"));
        }
        Err(error) => return Err(io::Error::from(error).into()),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(refused("only regular files are taken"));
    }
    // A second name of a file that only this daemon may read is as good as a link to it.
    if meta.nlink() > 1 {
        return Err(refused("the file has a second name (a hard link); copy the file itself"));
    }
    if is_ours_alone(&meta, path) {
        return Err(refused(
            "the file belongs to root or the daemon and not everybody may read it; drop it as the sender, or let everybody read it",
        ));
    }
    let Some(kind) = names::kind(name) else {
        return Err(refused(
            "the ending says nothing that is known: .ndjson or .jsonl is activity, .json and .csv are snapshots, .report.csv is the sync error report, .html and .txt are the status page",
        ));
    };
    let user = match kind {
        FileKind::Html | FileKind::Text => names::user(name).map_err(Unreadable::Refused)?,
        FileKind::Activity | FileKind::Json | FileKind::Csv | FileKind::Report => None,
    };
    let opened = Extent::of(&meta)?;
    if opened != expected {
        return Err(Unreadable::Growing(opened));
    }
    let mut body = Vec::new();
    (&mut file).take(LARGEST + 1).read_to_end(&mut body)?;
    if body.len() as u64 > LARGEST {
        return Err(refused("the file is larger than 64 MiB; split it"));
    }
    let read = Extent::of(&file.metadata()?)?;
    if read != opened || body.len() as u64 != opened.size {
        return Err(Unreadable::Growing(read));
    }
    let nanos = i64::try_from(opened.modified.as_nanos()).unwrap_or(i64::MAX);
    Ok(WholeFile {
        kind,
        body,
        modified: Timestamp::from_nanos(nanos),
        name: name.to_owned(),
        user,
    })
}

/// Whether a file looks like a secret of this machine in a directory of somebody else.
fn is_ours_alone(meta: &Metadata, path: &Path) -> bool {
    let directory = path.parent().and_then(|parent| fs::metadata(parent).ok());
    let owner = meta.uid();
    let ours = owner == 0 || owner == rustix::process::geteuid().as_raw();
    ours && meta.mode() & 0o004 == 0 && directory.is_none_or(|directory| directory.uid() != owner)
}
