//! The end: what is under way may finish, and nobody can hold it up.

use super::fixture::Site;
use crate::support::http::{get, post};
use crate::support::process::wait_until;
use lightning_sync_exporter::web::limits::SHUTDOWN_WITHIN;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const NDJSON: (&str, &str) = ("Content-Type", "application/x-ndjson");

#[test]
fn a_push_that_is_under_way_is_answered_before_the_end() {
    let mut site = Site::start();
    let address = site.address;
    let push = std::thread::spawn(move || {
        post(address, "/api/v1/orgs/acme/activity?hold=1", &[NDJSON], b"{}").status
    });
    wait_until("it is under way", Duration::from_secs(10), || {
        site.seen.pushed.lock().unwrap().len().checked_sub(1)
    });
    // A connection that rests is no reason to wait.
    let mut resting = TcpStream::connect(address).unwrap();
    resting.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut begun = [0; 12];
    resting.read_exact(&mut begun).unwrap();
    site.stop();
    wait_until("nobody new is let in", Duration::from_secs(5), || {
        TcpStream::connect(address).err()
    });
    let stopped = Instant::now();
    site.gate.add_permits(1);
    site.wait();
    assert_eq!(push.join().unwrap(), 200);
    assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
}

#[test]
fn a_client_that_hangs_delays_the_end_no_longer_than_its_bound() {
    let mut site = Site::start();
    assert_eq!(get(site.address, "/-/healthy").status, 200);
    let mut hanging = TcpStream::connect(site.address).unwrap();
    let head = "POST /api/v1/orgs/acme/activity?hold=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]";
    hanging.write_all(head.as_bytes()).unwrap();
    wait_until("it is under way", Duration::from_secs(10), || {
        site.seen.pushed.lock().unwrap().len().checked_sub(1)
    });
    site.stop();
    let stopped = Instant::now();
    site.wait();
    let took = stopped.elapsed();
    assert!(took >= SHUTDOWN_WITHIN && took < SHUTDOWN_WITHIN + Duration::from_secs(3), "{took:?}");
    println!("ended {:.1} s after the signal with a client that hangs", took.as_secs_f64());
}
