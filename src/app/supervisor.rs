//! How the daemon is, for the supervisor, in systemd's protocol: datagrams to a socket that the environment names. By hand:
//! the library for it opens a socket for each line, and waits while a supervisor does not read.

use crate::domain::view::View;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Who watches over this process, if anybody does.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    socket: Option<Arc<UnixDatagram>>,
    patience: Option<Duration>,
}

impl Supervisor {
    /// The supervisor that the process's environment names.
    ///
    /// # Errors
    /// When one is named and cannot be reached: started under supervision that does not work, a daemon would be killed
    /// a minute later without a word.
    pub fn of_process() -> std::io::Result<Self> {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let ours = |pid: String| pid.parse() == Ok(std::process::id());
        let patience = std::env::var("WATCHDOG_USEC")
            .ok()
            .filter(|_| std::env::var("WATCHDOG_PID").map_or(true, ours))
            .and_then(|micros| micros.parse().ok())
            .filter(|micros| *micros > 0)
            .map(Duration::from_micros);
        Ok(Self { socket: Some(Arc::new(connect(&name)?)), patience })
    }

    /// Everything was started and answers.
    pub(super) fn ready(&self) {
        self.notify("READY=1");
    }

    /// Says that the engine works for as long as it publishes: one that hangs is restarted. One whose database is away
    /// publishes that, and a restart would take the pages too.
    pub(super) async fn watch(self, mut views: watch::Receiver<Arc<View>>) {
        let Some(patience) = self.patience else {
            return;
        };
        // An engine that ended ends the daemon.
        while views.changed().await.is_ok() {
            self.notify("WATCHDOG=1");
            // Twice within the supervisor's patience, as it asks for.
            tokio::time::sleep(patience / 2).await;
        }
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    fn notify(&self, what: &str) {
        if let Some(Err(error)) = self.socket.as_ref().map(|socket| socket.send(what.as_bytes())) {
            tracing::warn!(%error, "The supervisor cannot be notified {what}: {error}");
        }
    }
}

fn connect(name: &OsStr) -> std::io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // A supervisor that does not read must not hold us up.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn no_ping_comes_from_an_engine_that_hangs() {
        let (supervisor, socket) = UnixDatagram::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let pings = || {
            let mut received = [0; 32];
            std::iter::from_fn(|| socket.recv(&mut received).ok()).count()
        };
        let supervisor = Supervisor {
            socket: Some(Arc::new(supervisor)),
            patience: Some(Duration::from_secs(60)),
        };
        let publish = || Arc::new(View::empty(Timestamp::from_seconds(0)));
        let (views, published) = watch::channel(publish());
        let watching = tokio::spawn(supervisor.watch(published));
        for _ in 0..100 {
            views.send_replace(publish());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // At once, and every 30 s.
        assert_eq!(pings(), 4);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        // Of what was published just before.
        assert_eq!(pings(), 1);
        drop(views);
        watching.await.unwrap();
    }

    #[test]
    fn a_supervisor_is_reached_by_path_and_by_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("lightning-sync-test-{}", std::process::id());
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (socket, name) in
            [(by_path, path.as_os_str().to_owned()), (by_name, format!("@{name}").into())]
        {
            let supervisor =
                Supervisor { socket: Some(Arc::new(connect(&name).unwrap())), patience: None };
            supervisor.ready();
            let mut received = [0; 32];
            let length = socket.recv(&mut received).unwrap();
            assert_eq!(&received[..length], b"READY=1");
        }
        assert!(connect(OsStr::new("/nowhere/notify")).is_err());
    }
}
