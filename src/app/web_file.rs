//! The web's file, read again when it or a certificate changes: what every connection and every request needs.

use crate::config::{ConfigError, WebFile, web_file};
use crate::domain::time::Timestamp;
use crate::events::{Event, Events};
use crate::metrics::SelfMetrics;
use crate::web::auth::{BasicAuthUser, WebAuth};
use arc_swap::ArcSwap;
use hyper::header::{HeaderName, HeaderValue};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What tells one state of a file from another: a copy in its place has another inode, a change another time or size.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

struct Watch {
    path: PathBuf,
    reporter: ReloadReporter,
    /// Whether connections are encrypted, decided at the start: a file without a certificate must not open them.
    encrypted: bool,
    auth: ArcSwap<WebAuth>,
    seen: Mutex<WatchState>,
}

/// Where what was read is reported.
pub(super) struct ReloadReporter {
    pub(super) events: Events,
    pub(super) own: Arc<SelfMetrics>,
    pub(super) now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl ReloadReporter {
    fn of(&self, file: &WebFile) {
        let until = file.certificate.as_ref().map(|(_, until)| *until);
        self.own.set_certificate_until(until);
        if let Some(says) = file.certificate_warning((self.now)()) {
            tracing::warn!("The certificate {says}.");
        }
    }
}

/// What was read last.
struct WatchState {
    stamps: Vec<(PathBuf, Stamp)>,
    /// When it could not be used.
    failed: Option<Failed>,
}

struct Failed {
    reported: bool,
    at: Instant,
}

/// A file that could not be used may name others that come a moment later, and some that come much later.
const TRY_AGAIN: Duration = Duration::from_secs(1);
const TRY_AGAIN_ONCE_REPORTED: Duration = Duration::from_secs(60);

/// Watches the web's file.
///
/// # Errors
/// When it has mistakes now; later ones are logged, and the earlier settings stay in force.
pub(super) fn watch(
    path: &Path,
    reporter: ReloadReporter,
) -> Result<Arc<dyn Fn() -> Arc<WebAuth> + Send + Sync>, ConfigError> {
    let file = web_file(path)?;
    reporter.of(&file);
    let watch = Watch {
        path: path.to_owned(),
        reporter,
        encrypted: file.tls.is_some(),
        seen: Mutex::new(WatchState { stamps: stamps(file.files.iter().cloned()), failed: None }),
        auth: ArcSwap::from_pointee(auth(file)),
    };
    Ok(Arc::new(move || watch.now()))
}

impl Watch {
    fn now(&self) -> Arc<WebAuth> {
        // A look takes microseconds, and a change a millisecond: whoever comes meanwhile waits, and gets what is new.
        self.look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.auth.load_full()
    }

    fn look(&self, seen: &mut WatchState) {
        let found = stamps(seen.stamps.iter().map(|(path, _)| path.clone()));
        let due = seen.failed.as_ref().is_some_and(|failed| {
            let wait = if failed.reported { TRY_AGAIN_ONCE_REPORTED } else { TRY_AGAIN };
            failed.at.elapsed() >= wait
        });
        if found == seen.stamps && !due {
            return;
        }
        // What stands still for a moment is not being written.
        let settled = due && found == seen.stamps;
        // Stamped before reading: what changes while it is read is seen again.
        seen.stamps = found;
        match self.read(settled) {
            Ok(file) => {
                // A file that is new to us is stamped as it stands; the others as they stood before reading.
                for path in &file.files {
                    if !seen.stamps.iter().any(|(known, _)| known == path) {
                        seen.stamps.extend(stamps(std::iter::once(path.clone())));
                    }
                }
                seen.stamps.retain(|(path, _)| file.files.contains(path));
                seen.failed = None;
                self.reporter.of(&file);
                self.auth.store(Arc::new(auth(file)));
                tracing::info!("{} was read again.", self.path.display());
            }
            Err(says) => {
                // A certificate is there a moment before its key: what passes by itself is not reported.
                if due {
                    self.reporter.events.emit(Event::WebReloadFailed { says });
                }
                seen.failed = Some(Failed { reported: due, at: Instant::now() });
            }
        }
    }

    /// Reads the file. `settled` says that it has not changed for a moment: half of a file that is being copied may be a
    /// good one in which users are missing.
    fn read(&self, settled: bool) -> Result<WebFile, String> {
        let path = self.path.display();
        // Every request waits for this: a pipe in the file's place would be waited for without end.
        if std::fs::metadata(&self.path).is_ok_and(|meta| !meta.is_file()) {
            return Err(format!("{path} is no regular file any more"));
        }
        let file = web_file(&self.path).map_err(|error| error.to_string())?;
        if file.tls.is_some() != self.encrypted {
            return Err(format!("{path} turns encryption on or off, which takes a restart"));
        }
        let before = &self.auth.load().users;
        if !before.is_empty() && file.users.is_empty() {
            return Err(format!(
                "{path} takes all users away and would open everything to everybody, which takes a restart"
            ));
        }
        let is_left = |name: &String| file.users.iter().any(|user| user.name == *name);
        if !settled && !before.iter().all(|user| is_left(&user.name)) {
            return Err(format!("{path} takes users away and may be half written"));
        }
        Ok(file)
    }
}

fn stamps(paths: impl Iterator<Item = PathBuf>) -> Vec<(PathBuf, Stamp)> {
    let stamp = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    };
    paths
        .map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        })
        .collect()
}

fn auth(file: WebFile) -> WebAuth {
    let headers = file.headers.into_iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    let users = file.users.into_iter().map(|user| BasicAuthUser {
        name: user.name,
        hash: user.hash,
        cost: user.cost,
    });
    WebAuth { tls: file.tls, headers: headers.collect(), users: users.collect() }
}
