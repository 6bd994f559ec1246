//! A TCP proxy to a server on loopback that can be cut: at the near end, as a connection that is lost, or in either direction
//! without a word, as a network that swallows what is sent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// The directions that let nothing through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BlockedDirections {
    pub(crate) to_server: bool,
    pub(crate) to_client: bool,
}

type Gate = Arc<(Mutex<BlockedDirections>, Condvar)>;

pub(crate) struct TcpProxy {
    pub(crate) port: u16,
    ends: Arc<Mutex<Vec<(TcpStream, TcpStream)>>>,
    gate: Gate,
}

impl TcpProxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let own = listener.local_addr().expect("it is bound").port();
        let ends = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate::default();
        let (all, shut) = (Arc::clone(&ends), Arc::clone(&gate));
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // A server that is not there hangs up.
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                all.lock().expect("no panic while held").push((copy(&near), copy(&far)));
                let (from, to, gate) = (copy(&near), copy(&far), Arc::clone(&shut));
                thread::spawn(move || forward(from, to, &gate, |blocked| blocked.to_server));
                let gate = Arc::clone(&shut);
                thread::spawn(move || forward(far, near, &gate, |blocked| blocked.to_client));
            }
        });
        Self { port: own, ends, gate }
    }

    /// The near side alone sees the end: the server goes on, as with a network that is cut.
    pub(crate) fn cut(&self) {
        for (near, _) in &*self.ends.lock().expect("no panic while held") {
            near.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    /// Swallows what is sent from now on, or lets it through again, with what was sent meanwhile.
    pub(crate) fn block(&self, blocked: BlockedDirections) {
        *self.gate.0.lock().expect("no panic while held") = blocked;
        self.gate.1.notify_all();
    }
}

fn forward(
    mut from: TcpStream,
    mut to: TcpStream,
    gate: &Gate,
    blocked: fn(&BlockedDirections) -> bool,
) {
    let mut bytes = [0; 16 << 10];
    loop {
        let read = from.read(&mut bytes).unwrap_or(0);
        let guard = gate.0.lock().expect("no panic while held");
        drop(gate.1.wait_while(guard, |now| blocked(now)).expect("no panic while held"));
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            to.shutdown(Shutdown::Both).unwrap_or_default();
            return;
        }
    }
}
