//! Commands that root runs in somebody's directory act as the owner of that directory: whoever owns a directory can put
//! a link in place of any file in it, at any moment, and a link leads root wherever its maker wants.

use super::super::StoreError;
use rustix::process::{Gid, Uid};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Links that lead on to links; more than this is a circle.
const LONGEST_CHAIN: usize = 16;

/// Runs `work` as the owner of the directory of `path`, where root runs this program and the owner is somebody else.
pub(super) fn as_owner<T: Send>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send,
) -> Result<T, StoreError> {
    if !rustix::process::geteuid().is_root() {
        return work();
    }
    let shown = path.display().to_string();
    let Some((user, group)) =
        owner(path).map_err(|error| StoreError::from_opening(&shown, &error))?
    else {
        return work();
    };
    // Linux gives each thread credentials of its own, so the rest of the program stays what it is.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            become_user(user, group).map_err(|error| StoreError::Io {
                path: shown.clone(),
                reason: format!(
                    "its directory belongs to user {}, and root may not act as that user here: {error}; run the command \
                     as that user",
                    user.as_raw()
                ),
            })?;
            work()
        });
        thread.join().unwrap_or_else(|_| {
            Err(StoreError::Io {
                path: shown.clone(),
                reason: "the command ended by a defect".to_owned(),
            })
        })
    })
}

/// The owner of the first directory on the way to a file, links included, that is not root's; `None` where all are.
fn owner(path: &Path) -> io::Result<Option<(Uid, Gid)>> {
    let mut path = path.to_owned();
    for _ in 0..LONGEST_CHAIN {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => std::fs::canonicalize(parent)?,
            _ => std::fs::canonicalize(".")?,
        };
        let found = directory.metadata()?;
        if found.uid() != 0 {
            let (user, group) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
            return Ok(Some((user, group)));
        }
        match std::fs::read_link(&path) {
            Ok(target) => path = directory.join(target),
            Err(_) => return Ok(None),
        }
    }
    Err(io::ErrorKind::InvalidInput.into())
}

/// Gives this thread the rights of a user and nothing else; there is no way back.
fn become_user(user: Uid, group: Gid) -> rustix::io::Result<()> {
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)
}
