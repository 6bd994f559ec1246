//! Where the database is: a connection string from a file, which nothing prints.

use crate::http_client::{Authorities, Trust};
use crate::secret::{Readers, Secret, read_file};
use crate::store::StoreError;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Longer than any connection string; what is longer is another file.
const MAX_BYTES: u64 = 4096;
/// A host that does not answer within this is down; the next one of the string is tried.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A connection that is silent this long is probed, and given up after three probes, 5 s apart: a cut network is noticed
/// before the figures on the pages are 30 s old.
const IDLE: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// What a connection string has to look like.
const SHAPE: &str =
    "has to hold one connection string, such as postgres://user:password@host:5432/database";

/// A PostgreSQL database, and how to reach it. Its name in errors is the file that says where it is.
///
/// Both files are read at every connection, so that a password and an authority can be changed while the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresDsn {
    file: PathBuf,
    shown: String,
    ca_file: Option<PathBuf>,
}

impl PostgresDsn {
    /// Of a file with a connection string, which only the owner and the group can read. The certificates of `ca_file` are
    /// trusted beside the system's.
    ///
    /// # Errors
    /// The end of a sentence about the file; nothing of its text.
    pub fn from_file(file: &Path, ca_file: Option<&Path>) -> Result<Self, String> {
        let shown = format!("PostgreSQL of {}", file.display());
        let dsn = Self { file: file.to_owned(), shown, ca_file: ca_file.map(Path::to_owned) };
        dsn.written().map(|_| dsn)
    }

    /// How to connect, and whom to trust, as the files say now; an error in words.
    pub(super) fn read(&self) -> Result<(Config, Trust), String> {
        let config =
            self.written().map_err(|says| format!("the file with the connection string {says}"))?;
        if config.get_ssl_mode() == SslMode::Disable {
            return Ok((config, Trust::of_nobody()));
        }
        let authorities = self.ca_file.as_deref().map(Authorities::from_file).transpose();
        let authorities =
            authorities.map_err(|says| format!("the file of its authority {says}"))?;
        Ok((config, Trust::of_system().with(authorities.as_ref())))
    }

    fn written(&self) -> Result<Config, String> {
        let bytes = read_file(&self.file, MAX_BYTES, Readers::OwnerAndGroup("640"))?;
        let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() as u64 <= MAX_BYTES);
        let written = text.and_then(Secret::from_file_text).ok_or(SHAPE)?;
        config_of(written.expose())
    }

    /// Whether a file is text; other files are databases of SQLite, whole or damaged.
    fn is_in(file: &Path) -> bool {
        let bytes = read_file(file, MAX_BYTES, Readers::Anybody);
        bytes.is_ok_and(|bytes| {
            let text = std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'));
            text && !bytes.is_empty()
        })
    }

    /// The database that a file says, if it says one; `None`: the file is a database of SQLite, or is yet to be one.
    ///
    /// # Errors
    /// When the file is text and no connection string.
    pub fn named(file: &Path, ca_file: Option<&Path>) -> Result<Option<Self>, StoreError> {
        if !Self::is_in(file) {
            return Ok(None);
        }
        let path = file.display().to_string();
        Self::from_file(file, ca_file).map(Some).map_err(|reason| StoreError::Io { path, reason })
    }

    /// What stands for the database in messages.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }
}

/// Reads a connection string. What leaves this machine is encrypted and verified, whatever the string says.
fn config_of(written: &str) -> Result<Config, String> {
    // Verified it is in any case: `require` says so to the library, which knows no more than that.
    let known = written
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    let mut config: Config = known.parse().map_err(|_| SHAPE.to_owned())?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(format!("{SHAPE}; this one names no host"));
    }
    let local = config.get_hosts().iter().all(is_local)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    match (local, config.get_ssl_mode()) {
        (true, SslMode::Require) => {}
        // A server's own certificate for this machine is mostly one that it signed itself.
        (true, _) => {
            config.ssl_mode(SslMode::Disable);
        }
        (false, SslMode::Disable) => {
            return Err(
                "turns encryption off for another machine; remove sslmode=disable".to_owned()
            );
        }
        (false, _) => {
            config.ssl_mode(SslMode::Require);
        }
    }
    config
        .application_name("lightning-sync-exporter")
        .connect_timeout(CONNECT_WITHIN)
        .keepalives(true)
        .keepalives_idle(IDLE)
        .keepalives_interval(PROBE_EVERY)
        .keepalives_retries(PROBES)
        .tcp_user_timeout(IDLE + PROBE_EVERY);
    Ok(config)
}

/// Whether a host is this machine.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_leaves_this_machine_is_encrypted_and_verified() {
        let mode = |text| config_of(text).map(|config| config.get_ssl_mode());
        for (text, expected) in [
            ("postgres://u:p@db.example/x", SslMode::Require),
            ("postgres://u:p@db.example/x?sslmode=prefer", SslMode::Require),
            ("postgres://u:p@db.example/x?sslmode=verify-full", SslMode::Require),
            ("host=localhost,db.example user=u", SslMode::Require),
            ("host=localhost hostaddr=192.0.2.1 user=u", SslMode::Require),
            ("postgres://u:p@127.0.0.1/x", SslMode::Disable),
            ("postgres://u:p@[::1]/x", SslMode::Disable),
            ("host=/run/postgresql user=u", SslMode::Disable),
            ("postgres://u:p@localhost/x?sslmode=require", SslMode::Require),
        ] {
            assert_eq!(mode(text), Ok(expected), "{text}");
        }
        assert_eq!(
            mode("postgres://u:p@db.example/x?sslmode=disable"),
            Err("turns encryption off for another machine; remove sslmode=disable".to_owned())
        );
    }

    #[test]
    fn nothing_prints_what_the_file_holds() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsn");
        let write = |text: &str| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            PostgresDsn::from_file(&file, None)
        };
        let good = write("postgres://ann:hunter2@db.example/sync").unwrap();
        assert!(PostgresDsn::is_in(&file));
        let shown = format!("{good:?} {}", good.shown());
        for word in ["ann", "hunter2", "db.example"] {
            assert!(!shown.contains(word), "{shown}");
        }
        for bad in ["postgres://ann:hunter2@:bad", "user=ann hunter2=x", "hunter2", "user=ann", ""]
        {
            let error = write(bad).unwrap_err();
            assert!(error.starts_with(SHAPE), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(PostgresDsn::from_file(&file, None).unwrap_err().contains("chmod 640"));
    }
}
