//! A small disk, to fill up or to make read-only.

use std::path::PathBuf;
use std::process::Command;

/// A file system of its own size in memory. Only root may mount one.
pub(crate) struct Disk {
    pub(crate) at: PathBuf,
    _directory: tempfile::TempDir,
}

impl Disk {
    /// Mounts one, or fails with what to do.
    pub(crate) fn new(bytes: u64) -> Self {
        Self::mount(bytes).expect(
            "a small disk can be mounted; run the tests as root, or within `unshare --map-root-user --mount`",
        )
    }

    /// Mounts one where that is allowed.
    pub(crate) fn mount(bytes: u64) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().to_owned();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(&at)
            .output();
        let mounted = mounted.is_ok_and(|done| done.status.success());
        mounted.then(|| Self { at, _directory: directory })
    }

    pub(crate) fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.at).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(&self.at).status();
        assert!(std::thread::panicking() || done.unwrap().success());
    }
}
