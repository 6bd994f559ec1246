//! Peers: requests that come in pieces, by chunks, one behind the other, or not to their end; and bodies and heads just
//! within and just beyond the bounds.

use super::{BOUNDS, Inputs, PEERS};
use crate::random::Random;
use crate::support::http::{get, request};
use crate::support::process::Daemon;
use lightning_sync_exporter::app::now;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;
use tempfile::TempDir;

/// A daemon that takes what comes from this host, with more lines for its organisation.
pub(super) fn site(more: &str) -> (TempDir, Daemon) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let database = directory.path().join("inputs.db");
    let text = format!(
        "store: {{ path: {} }}\nuser_names: plain\norgs:\n  - name: acme\n{more}",
        database.display()
    );
    std::fs::write(&config, text).unwrap();
    let daemon = Daemon::start(&config);
    (directory, daemon)
}

fn records(count: u64, first: u64) -> String {
    let now = now().to_string();
    let record = |number: u64| {
        format!("{{\"at\":\"{now}\",\"object_type\":\"events\",\"id\":\"p{number}\"}}\n")
    };
    (first..first + count).map(record).collect()
}

/// Sends bytes in so many pieces, a moment apart, and reads what is answered.
fn in_pieces(address: SocketAddr, bytes: &[u8], pieces: usize, close: bool) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = bytes.len().div_ceil(pieces.max(1));
    for piece in bytes.chunks(length.max(1)) {
        if stream.write_all(piece).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    if close {
        // Who was refused before the end may be gone.
        stream.shutdown(Shutdown::Write).ok();
    }
    let mut answer = Vec::new();
    // A connection that is closed in the middle has answered nothing more.
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn chunked(body: &[u8], random: &mut Random) -> Vec<u8> {
    let (mut rest, mut chunks) = (body, Vec::new());
    while !rest.is_empty() {
        let length = (random.below(200) as usize + 1).min(rest.len());
        let (chunk, after) = rest.split_at(length);
        let size = match random.below(3) {
            0 => format!("{length:X}"),
            1 => format!("{length:05x}"),
            _ => format!("{length:x};name=value"),
        };
        chunks.extend([size.as_bytes(), b"\r\n", chunk, b"\r\n"].concat());
        rest = after;
    }
    let trailer: &[u8] = if random.below(2) == 0 { b"0\r\n\r\n" } else { b"0\r\nX-Sum: 1\r\n\r\n" };
    [&chunks, trailer].concat()
}

/// The statuses of all answers in what came back.
fn statuses(answer: &str) -> Vec<u16> {
    let parts = answer.split("HTTP/1.1 ").skip(1);
    parts.map(|part| part[..3].parse().unwrap()).collect()
}

#[test]
fn what_comes_in_pieces_is_what_comes_at_once_and_what_does_not_end_is_nothing() {
    let (mut inputs, mut random) = Inputs::new("peers");
    let (_directory, daemon) = site("");
    let address = daemon.address;
    let (mut first, mut accepted) = (0, 0);
    for number in 0..PEERS - 1 {
        let count = random.between(1, 60) as u64;
        let body = records(count, first);
        first += count;
        let close = random.below(2) == 0;
        let head = "POST /api/v1/orgs/acme/activity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n";
        let plain =
            format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let (what, bytes, right, taken) = match number % 8 {
            0 | 1 => ("pieces", plain.into_bytes(), vec![200], count),
            2 => {
                let head = format!("{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
                let chunks = chunked(body.as_bytes(), &mut random);
                ("chunks", [head.as_bytes(), &chunks].concat(), vec![200], count)
            }
            3 => {
                // The same again in the same breath: it is taken once.
                let again = format!("{head}Content-Length: {}\r\n\r\n{body}{plain}", body.len());
                ("two at once", again.into_bytes(), vec![200, 200], count)
            }
            4 => {
                let cut = random.below(body.len() as u64 - 1) as usize;
                let whole = plain.len() - body.len() + cut;
                ("cut off", plain.as_bytes()[..whole].to_vec(), vec![400], 0)
            }
            5 => {
                let expect = plain.replacen("Host", "Expect: 100-continue\r\nHost", 1);
                ("asks first", expect.into_bytes(), vec![100, 200], count)
            }
            6 => {
                let length = format!("Content-Length: {}", body.len());
                let two =
                    plain.replacen(&length, &format!("{length}\r\nTransfer-Encoding: chunked"), 1);
                ("two lengths", two.into_bytes(), vec![400], 0)
            }
            _ => {
                let more = plain.replacen("Content-Length: ", "Content-Length: +", 1);
                ("a length that is none", more.into_bytes(), vec![400], 0)
            }
        };
        accepted += taken;
        // What does not end is known to be so by the end of the connection.
        let close = close || what == "cut off";
        let pieces = random.between(1, 40) as usize;
        let answer = in_pieces(address, &bytes, pieces, close);
        let mut got = statuses(&answer);
        if what == "cut off" && got.is_empty() {
            got = vec![400];
        }
        if what == "asks first" && got == [200] {
            // All of the body was there before anybody asked for it.
            got = vec![100, 200];
        }
        inputs.is(|| format!("{what} in {pieces} pieces, closed {close}: {answer}"), &got, &right);
    }
    // What was answered with 200 was counted once, and nothing else.
    let page = get(address, "/metrics").text();
    let series = "lightning_sync_exporter_ingest_records_total{org=\"acme\",outcome=\"accepted\"} ";
    let counted = page.lines().find_map(|line| line.strip_prefix(series)).map(str::to_owned);
    inputs.is(|| "all of them".to_owned(), &counted, &Some(accepted.to_string()));
    inputs.finish(PEERS);
}

#[test]
fn what_is_within_its_bound_is_taken_and_what_is_beyond_it_is_not() {
    let (mut inputs, mut random) = Inputs::new("bounds");
    let (_directory, daemon) = site("    max_users: 50\n");
    let address = daemon.address;
    let push = |kind: &str, media_type: &str, body: &str| {
        let headers = [("Content-Type", media_type)];
        let path = format!("/api/v1/orgs/acme/{kind}");
        request(address, "POST", &path, &headers, body.as_bytes()).map_or(0, |answer| answer.status)
    };
    let now = now().to_string();
    let near = |random: &mut Random, bound: i64| bound + random.between(-3, 4);
    for number in 0..BOUNDS {
        let (what, got, right) = match number % 10 {
            0 => {
                let cells = near(&mut random, 128);
                let body = format!("user{}\n", ",k".repeat(cells as usize - 1));
                let right = if cells <= 128 { 422 } else { 413 };
                (format!("{cells} columns"), push("snapshot", "text/csv", &body), right)
            }
            1 => {
                let cells = random.between(1, 5_000) as usize;
                let body = format!("captured_at{0}\n{now}{0}\n", ",".repeat(cells));
                (format!("{cells} empty columns"), push("snapshot", "text/csv", &body), 200)
            }
            2 => {
                let bytes = near(&mut random, 1_024);
                let id = "x".repeat(bytes as usize);
                let body =
                    format!("{{\"at\":\"{now}\",\"object_type\":\"events\",\"id\":\"{id}\"}}");
                let right = if bytes <= 1_024 { 200 } else { 422 };
                (
                    format!("an id of {bytes} bytes"),
                    push("activity", "application/json", &format!("[{body}]")),
                    right,
                )
            }
            3 => {
                // A letter of two bytes.
                let letters = near(&mut random, 154);
                let name = format!("{}@acme.example", "é".repeat(letters as usize));
                let body = format!(
                    "{{\"captured_at\":\"{now}\",\"users_complete\":true,\"users\":[{{\"user\":\"{name}\"}}]}}"
                );
                let right = if letters * 2 + 13 <= 320 { 200 } else { 422 };
                (
                    format!("a name of {letters} letters"),
                    push("snapshot", "application/json", &body),
                    right,
                )
            }
            4 => {
                let users = near(&mut random, 50);
                let users_json: Vec<String> = (0..users)
                    .map(|user| format!("{{\"user\":\"u{user}\",\"active_configuration\":true}}"))
                    .collect();
                // The whole list, so that those of other inputs go.
                let body = format!(
                    "{{\"captured_at\":\"{now}\",\"users_complete\":true,\"users\":[{}]}}",
                    users_json.join(",")
                );
                let right = if users <= 50 { 200 } else { 422 };
                (format!("{users} users of 50"), push("snapshot", "application/json", &body), right)
            }
            5 => {
                let error = "e".repeat(near(&mut random, 16 * 1_024) as usize);
                let body = format!(
                    "{{\"at\":\"{now}\",\"object_type\":\"events\",\"outcome\":\"failed\",\"id\":\"b{number}\",\"error\":\"{error}\"}}"
                );
                let right = if error.len() <= 16 * 1_024 { 200 } else { 422 };
                (
                    format!("an error of {} bytes", error.len()),
                    push("activity", "application/x-ndjson", &body),
                    right,
                )
            }
            6 => {
                let depth = random.one_of(&[1, 20, 100, 200, 5_000, 60_000]);
                let body = format!(
                    "{{\"captured_at\":\"{now}\",\"x\":{}{}}}",
                    "[".repeat(depth),
                    "]".repeat(depth)
                );
                // However deep it is, it stands under a key that nobody knows.
                (format!("{depth} deep"), push("snapshot", "application/json", &body), 422)
            }
            7 => {
                let fields = random.one_of(&[1, 30, 58, 70, 100, 2_000]);
                let names: Vec<String> = (0..fields).map(|field| format!("X-{field}")).collect();
                let headers: Vec<(&str, &str)> =
                    names.iter().map(|name| (name.as_str(), "1")).collect();
                let got = request(address, "GET", "/-/healthy", &headers, b"")
                    .map_or(0, |answer| answer.status);
                (format!("{fields} fields"), got, if fields <= 58 { 200 } else { 431 })
            }
            8 => {
                let bytes = random.one_of(&[100, 8_000, 15_000, 17_000, 60_000]);
                let value = "v".repeat(bytes);
                let headers = [("X-Long", value.as_str())];
                let got = request(address, "GET", "/-/healthy", &headers, b"")
                    .map_or(0, |answer| answer.status);
                (format!("a field of {bytes} bytes"), got, if bytes <= 15_000 { 200 } else { 431 })
            }
            _ => {
                let bytes = near(&mut random, 64 * 1_024);
                let record =
                    format!("{{\"at\":\"{now}\",\"object_type\":\"events\",\"id\":\"r{number}\"}}");
                let space = " ".repeat(bytes as usize - record.len());
                let body = format!("{}{space}{}", &record[..1], &record[1..]);
                let right = if bytes <= 64 * 1_024 { 200 } else { 422 };
                (
                    format!("a record of {bytes} bytes"),
                    push("activity", "application/x-ndjson", &body),
                    right,
                )
            }
        };
        inputs.is(|| what, &got, &right);
    }
    inputs.finish(BOUNDS);
}
