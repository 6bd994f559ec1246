//! New certificates under load.

use super::authority::Authority;
use super::clients::{Client, guarded};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ROTATIONS: u64 = 50;
const SCRAPERS: usize = 4;

#[test]
fn certificates_rotate_under_load_without_a_dropped_scrape() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    old.good().write(directory.path(), "web");
    let daemon =
        guarded(directory.path(), "tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
    let client = Client::of(&[&old, &new], None);
    let (scrapes, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (failed, seen) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    // A connection from before the first rotation.
    let mut kept = client.connect(daemon.address).unwrap();
    kept.write_all(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(kept.read(&mut [0; 4096]).unwrap() > 0);
    std::thread::scope(|scope| {
        for _ in 0..SCRAPERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    match client.get(daemon.address, "/metrics") {
                        Ok(answer) if answer.status == 200 => {}
                        other => failed.lock().unwrap().push(format!("{other:?}")),
                    }
                    scrapes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for serial in 1..=ROTATIONS {
            let authority = if serial % 2 == 0 { &old } else { &new };
            let signed = authority.sign(2100, serial);
            signed.write(directory.path(), "web");
            // What was written is served at once.
            let mut stream = client.connect(daemon.address).unwrap();
            stream.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let served = stream.conn.peer_certificates().unwrap()[0].clone();
            let written = CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap();
            seen.lock().unwrap().insert(served == written);
        }
        done.store(true, Ordering::Relaxed);
    });
    kept.write_all(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(kept.read(&mut [0; 4096]).unwrap() > 0);
    let scrapes = scrapes.load(Ordering::Relaxed);
    println!(
        "{ROTATIONS} rotations, {scrapes} scrapes under way, each with a handshake of its own"
    );
    assert_eq!(failed.into_inner().unwrap(), Vec::<String>::new());
    assert_eq!(seen.into_inner().unwrap(), BTreeSet::from([true]));
    assert!(scrapes > 10, "{scrapes}");
}
