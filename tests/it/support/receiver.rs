//! A webhook receiver: keeps every notification that Alertmanager delivers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A notification as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    pub(crate) path: String,
    pub(crate) body: serde_json::Value,
    pub(crate) at: Instant,
}

impl Notification {
    /// The alerts of a status (`firing` or `resolved`) and name.
    pub(crate) fn alerts(&self, status: &str, name: &str) -> Vec<&serde_json::Value> {
        let all = self.body["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter(|alert| alert["status"] == status && alert["labels"]["alertname"] == name)
            .collect()
    }
}

/// A listening receiver.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: Arc<Mutex<Vec<Notification>>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("bound");
        let got = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if let Some(notification) = take(stream) {
                    sink.lock().expect("no panic while held").push(notification);
                }
            }
        });
        Self { address, got }
    }

    pub(crate) fn notifications(&self) -> Vec<Notification> {
        self.got.lock().expect("no panic while held").clone()
    }
}

fn take(mut stream: TcpStream) -> Option<Notification> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).ok()?;
        request.extend_from_slice(&buffer[..count]);
        let Some(split) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
            if count == 0 {
                return None;
            }
            continue;
        };
        let head = String::from_utf8_lossy(&request[..split]).into_owned();
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())?;
        let body = &request[split + 4..];
        if body.len() >= length {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .ok()?;
            let path = head.split(' ').nth(1)?.to_owned();
            return Some(Notification {
                path,
                body: serde_json::from_slice(body).ok()?,
                at: Instant::now(),
            });
        }
        if count == 0 {
            return None;
        }
    }
}
