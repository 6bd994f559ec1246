//! Pushes: who is let in, what is taken, and how much of it.

use super::fixture::{NOW, ORIGIN, Site};
use crate::support::http::{Response, get, post, request};
use crate::support::process::{Daemon, wait_until};
use flate2::Compression;
use flate2::write::GzEncoder;
use lightning_sync_exporter::web::limits::{REQUESTS_PER_ORG, WIRE_BYTES};
use lightning_sync_exporter::web::services::{IngestKind, MediaType};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const ACTIVITY: &str = "/api/v1/orgs/acme/activity";
const NDJSON: (&str, &str) = ("Content-Type", "application/x-ndjson");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn refused(answer: &Response) -> (u16, String) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{}",
        answer.text()
    );
    let json = answer.json();
    assert_eq!(json["status"], answer.status);
    assert!(json["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{json}");
    (answer.status, json["reason"].as_str().unwrap().to_owned())
}

#[test]
fn a_push_from_this_host_is_handed_over_whole_and_answered() {
    let site = Site::start();
    let answer = post(
        site.address,
        "/api/v1/orgs/acme/snapshot?captured_at=2026-11-22T13%3A55%3A00Z",
        &[("Content-Type", "text/HTML; charset=UTF-8")],
        b"<p>In sync</p>",
    );
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "{\"accepted\":1,\"duplicates\":14,\"expired\":0,\"rejected\":[]}")
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let pushed = site.seen.pushed.lock().unwrap();
    let [request] = pushed.as_slice() else { panic!("{pushed:?}") };
    assert_eq!(
        (request.org.as_str(), request.kind, request.media_type),
        ("acme", IngestKind::Snapshot, MediaType::Html)
    );
    assert_eq!(request.body, "<p>In sync</p>".as_bytes());
    assert_eq!(request.query, [("captured_at".to_owned(), "2026-11-22T13:55:00Z".to_owned())]);
    assert_eq!(request.received_at, NOW);
}

#[test]
fn a_token_opens_its_own_organisation_only() {
    let site = Site::start();
    let beta = "/api/v1/orgs/beta/activity";
    let with = |path, token| post(site.address, path, &[NDJSON, ("Authorization", token)], b"");
    assert_eq!(with(beta, "Bearer beta-token").status, 200);
    assert_eq!(refused(&with(beta, "Bearer beta-tokem")), (401, "token_wrong".to_owned()));
    let without = post(site.address, beta, &[NDJSON], b"");
    assert_eq!(refused(&without), (401, "token_required".to_owned()));
    assert_eq!(without.header("www-authenticate"), Some("Bearer"));
    // Through a proxy only a token counts: that of beta opens neither acme nor what does not exist.
    for path in [ACTIVITY, "/api/v1/orgs/nobody/activity", "/api/v1/orgs/No%20body/activity"] {
        let headers =
            [NDJSON, ("Authorization", "Bearer beta-token"), ("X-Forwarded-For", "192.0.2.1")];
        assert_eq!(
            refused(&post(site.address, path, &headers, b"")),
            (401, "token_wrong".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        refused(&post(site.address, "/api/v1/orgs/nobody/activity", &[NDJSON], b"")),
        (404, "unknown_org".to_owned())
    );
    assert_eq!(site.seen.pushed.lock().unwrap().len(), 1);
    let logged = site.seen.refused.lock().unwrap().clone();
    assert_eq!(logged[0], ("beta".to_owned(), "token_wrong"));
    assert_eq!(
        logged.last(),
        Some(&(String::new(), "unknown_org")),
        "a name that nobody configured reaches no label"
    );
}

#[test]
fn a_web_page_a_rebound_name_and_a_proxy_are_not_this_host() {
    let site = Site::start();
    for (header, reason) in [
        (("Origin", "https://evil.example"), "origin_not_allowed"),
        (("Origin", "null"), "origin_not_allowed"),
        (("Host", "rebound.example:9877"), "local_only"),
        (("X-Forwarded-For", "127.0.0.1"), "local_only"),
        (("Forwarded", "for=127.0.0.1"), "local_only"),
        (("Via", "1.1 proxy"), "local_only"),
    ] {
        let answer = post(site.address, ACTIVITY, &[NDJSON, header], b"");
        assert_eq!(refused(&answer), (403, reason.to_owned()), "{header:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert!(site.seen.pushed.lock().unwrap().is_empty());
}

#[test]
fn only_pages_of_allowed_origins_are_answered_by_cors() {
    let site = Site::start();
    let ask = |path, origin| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Private-Network", "true"),
        ];
        request(site.address, "OPTIONS", path, &headers, b"").unwrap()
    };
    let allowed = ask(ACTIVITY, ORIGIN);
    assert_eq!(allowed.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "authorization, content-type, content-encoding"),
        ("access-control-allow-private-network", "true"),
        ("vary", "origin"),
    ] {
        assert_eq!(allowed.header(name), Some(value), "{name}");
    }
    for (path, origin) in [
        (ACTIVITY, "https://evil.example"),
        ("/api/v1/orgs/beta/activity", ORIGIN),
        ("/api/v1/orgs/nobody/activity", ORIGIN),
    ] {
        let answer = ask(path, origin);
        assert_eq!(refused(&answer), (403, "origin_not_allowed".to_owned()), "{path} {origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let pushed = post(site.address, ACTIVITY, &[NDJSON, ("Origin", ORIGIN)], b"{}");
    assert_eq!((pushed.status, pushed.header("access-control-allow-origin")), (200, Some(ORIGIN)));
    // Its page may also read why it was refused.
    let refused = post(site.address, ACTIVITY, &[("Origin", ORIGIN)], b"{}");
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (415, Some(ORIGIN))
    );
}

#[test]
fn what_is_not_taken_is_named() {
    let site = Site::start();
    let snapshot = "/api/v1/orgs/acme/snapshot";
    for (path, headers, status, reason) in [
        (ACTIVITY, &[][..], 415, "media_type_unsupported"),
        (ACTIVITY, &[("Content-Type", "text/csv")], 415, "media_type_unsupported"),
        (snapshot, &[("Content-Type", "application/x-ndjson")], 415, "media_type_unsupported"),
        (
            snapshot,
            &[("Content-Type", "text/html; charset=windows-1252")],
            415,
            "encoding_unsupported",
        ),
        (ACTIVITY, &[NDJSON, ("Content-Encoding", "br")], 415, "encoding_unsupported"),
        (ACTIVITY, &[NDJSON, ("Content-Encoding", "gzip, gzip")], 415, "encoding_unsupported"),
        (ACTIVITY, &[NDJSON, GZIP], 400, "body_damaged"),
        ("/api/v1/orgs/acme/activity?a=1&a=2", &[NDJSON], 400, "bad_query"),
    ] {
        let answer = post(site.address, path, headers, b"{}");
        assert_eq!(refused(&answer), (status, reason.to_owned()), "{path} {headers:?}");
    }
    let taken = post(site.address, ACTIVITY, &[("Content-Type", "text/csv")], b"").json();
    assert_eq!(
        taken["detail"],
        "The body needs a Content-Type that is taken here: application/x-ndjson, application/json."
    );
    assert!(site.seen.pushed.lock().unwrap().is_empty());
}

#[test]
fn gzip_of_one_member_or_several_is_decoded_and_half_of_one_is_not() {
    let site = Site::start();
    let records: Vec<u8> =
        (0..50_000).flat_map(|n| format!("{{\"id\":\"{n}\"}}\n").into_bytes()).collect();
    let (first, second) = records.split_at(123_457);
    for packed in [gzip(&records), [gzip(first), gzip(second)].concat()] {
        let answer = post(site.address, ACTIVITY, &[NDJSON, GZIP], &packed);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(site.seen.pushed.lock().unwrap().pop().unwrap().body, records);
    }
    let packed = gzip(&records);
    for damaged in [&packed[..packed.len() / 2], &[&packed[..], b"more"].concat()[..]] {
        let answer = post(site.address, ACTIVITY, &[NDJSON, GZIP], damaged);
        assert_eq!(refused(&answer), (400, "body_damaged".to_owned()));
    }
    assert!(site.seen.pushed.lock().unwrap().is_empty());
}

#[test]
fn sixteen_mebibytes_are_taken_and_seventeen_are_not() {
    let site = Site::start();
    let body = vec![b' '; WIRE_BYTES + 1024 * 1024];
    let most = post(site.address, ACTIVITY, &[NDJSON], &body[..WIRE_BYTES]);
    assert_eq!(most.json()["duplicates"], WIRE_BYTES);
    let declared = post(site.address, ACTIVITY, &[NDJSON], &body);
    assert_eq!(refused(&declared), (413, "body_too_large".to_owned()));
    // In chunks, so that the size shows only as it comes.
    let mut stream = TcpStream::connect(site.address).unwrap();
    let head = format!(
        "POST {ACTIVITY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let piece = [b"100000\r\n", &body[..1024 * 1024], b"\r\n"].concat();
    for _ in 0..17 {
        stream.write_all(&piece).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(site.seen.pushed.lock().unwrap().len(), 1);
}

#[test]
fn a_body_that_ends_early_is_not_taken() {
    let site = Site::start();
    let mut stream = TcpStream::connect(site.address).unwrap();
    let head = format!(
        "POST {ACTIVITY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[{{}}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).ok();
    wait_until("the refusal is counted", Duration::from_secs(10), || {
        site.seen.refused.lock().unwrap().first().cloned()
    });
    assert_eq!(*site.seen.refused.lock().unwrap(), [("acme".to_owned(), "body_cut_short")]);
    assert!(site.seen.pushed.lock().unwrap().is_empty());
}

#[test]
fn an_organisation_that_asks_too_often_waits_and_others_do_not() {
    let site = Site::start();
    let address = site.address;
    let held: Vec<_> = (0..REQUESTS_PER_ORG)
        .map(|_| {
            std::thread::spawn(move || {
                post(address, "/api/v1/orgs/acme/activity?hold=1", &[NDJSON], b"{}").status
            })
        })
        .collect();
    wait_until("all are under way", Duration::from_secs(10), || {
        (site.seen.pushed.lock().unwrap().len() == REQUESTS_PER_ORG).then_some(())
    });
    let answer = post(address, ACTIVITY, &[NDJSON], b"{}");
    assert_eq!(refused(&answer), (429, "org_busy".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("5"));
    let other = post(
        address,
        "/api/v1/orgs/beta/activity",
        &[NDJSON, ("Authorization", "Bearer beta-token")],
        b"{}",
    );
    assert_eq!(other.status, 200);
    site.gate.add_permits(REQUESTS_PER_ORG);
    assert!(held.into_iter().all(|push| push.join().unwrap() == 200));
    assert_eq!(post(address, ACTIVITY, &[NDJSON], b"{}").status, 200);
}

/// What the description gives as a default may also be written out.
#[test]
fn promised_defaults_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let database = directory.path().join("sync.db");
    let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", database.display());
    std::fs::write(&config, text).unwrap();
    let daemon = Daemon::start(&config);
    let push = |query: &str| {
        post(daemon.address, &format!("{ACTIVITY}{query}"), &[NDJSON], b"{}").json()["reason"]
            .clone()
    };
    // A record that is wrong is refused by default, and with `skip` listed.
    let refused = push("");
    assert!(refused.is_string(), "{refused}");
    assert_eq!(push("?on_error=refuse"), refused);
    assert_eq!(push("?on_error=skip"), serde_json::Value::Null);
    assert_eq!(push("?on_error=stop"), "bad_query");
    let empty = post(daemon.address, &format!("{ACTIVITY}?on_error=refuse"), &[NDJSON], b"");
    assert_eq!(empty.status, 200, "{}", empty.text());
    let users = get(daemon.address, "/api/v1/orgs/acme/users?limit=100");
    assert_eq!(users.status, 200, "{}", users.text());
}
