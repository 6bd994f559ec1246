//! The metrics page, health and reload.

use super::fixture::{NOW, Setting, Site, minutes_ago, view};
use crate::support::http::{get, post, request};
use crate::support::process::wait_until;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::web::limits::SCRAPES;
use lightning_sync_exporter::web::negotiate::{Encoding, ExpositionFormat};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_scrape_gets_the_format_and_encoding_it_asks_for() {
    let site = Site::start();
    for (accept, encoding, content_type, packed) in [
        ("*/*", "", "text/plain; version=0.0.4; charset=utf-8", None),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "gzip",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Some("gzip"),
        ),
        (
            "application/openmetrics-text;version=0.0.1",
            "gzip;q=0",
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
            None,
        ),
    ] {
        let headers = [("Accept", accept), ("Accept-Encoding", encoding)];
        let answer = request(site.address, "GET", "/metrics", &headers, b"").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "up 1\nup 1\n"));
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("content-encoding"), packed);
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    }
    assert_eq!(
        *site.seen.scraped.lock().unwrap(),
        [
            (ExpositionFormat::Text004, Encoding::Identity),
            (ExpositionFormat::OpenMetrics100, Encoding::Gzip),
            (ExpositionFormat::OpenMetrics001, Encoding::Identity)
        ]
    );
}

#[test]
fn every_answer_carries_what_keeps_browsers_from_harm() {
    let site = Site::start();
    for path in ["/", "/metrics", "/api/v1/orgs", "/-/healthy", "/nowhere"] {
        let answer = get(site.address, path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[test]
fn head_is_answered_like_get_without_a_body() {
    let site = Site::start();
    for path in ["/", "/metrics", "/api/v1/orgs/acme", "/-/healthy"] {
        let (head, get) =
            (request(site.address, "HEAD", path, &[], b"").unwrap(), get(site.address, path));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-type", "content-length", "content-security-policy"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[test]
fn other_methods_are_refused_with_those_that_are_taken() {
    let site = Site::start();
    for (method, path, allow) in [
        ("POST", "/metrics", "GET,HEAD"),
        ("DELETE", "/api/v1/orgs/acme", "GET,HEAD"),
        ("GET", "/api/v1/orgs/acme/activity", "POST,OPTIONS"),
        ("PUT", "/api/v1/orgs/acme/snapshot", "POST,OPTIONS"),
        ("GET", "/-/reload", "POST"),
        ("TRACE", "/", "GET,HEAD"),
    ] {
        let answer = request(site.address, method, path, &[], b"").unwrap();
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["reason"], "method_not_allowed");
    }
}

#[test]
fn a_scrape_too_many_waits_for_one_that_does_not_read_and_not_for_those_that_do() {
    // Larger than what the kernel buffers of a connection on its own, and than what is read here.
    let site = Site::with(Setting { page: (&[b'#'; 65536], 1024), ..Setting::default() });
    let mut readers: Vec<TcpStream> = (0..SCRAPES)
        .map(|_| {
            let mut reader = TcpStream::connect(site.address).unwrap();
            reader.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            reader
        })
        .collect();
    wait_until("all scrapes are under way", Duration::from_secs(10), || {
        (site.seen.scraped.lock().unwrap().len() == SCRAPES).then_some(())
    });
    let refused = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Some megabytes a second: more than the kernel holds back of a connection.
            let mut some = vec![0; 128 * 1024];
            while !refused.load(Ordering::Relaxed) {
                for reader in &mut readers {
                    reader.read_exact(&mut some).unwrap();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let answer = get(site.address, "/metrics");
        refused.store(true, Ordering::Relaxed);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert_eq!(answer.json()["reason"], "scrapes_busy");
    });
    // Now nobody reads: one of them gives way.
    wait_until("there is room again", Duration::from_secs(10), || {
        (get(site.address, "/metrics").status == 200).then_some(())
    });
}

#[test]
fn alive_is_not_ready() {
    let stale = View { as_of: minutes_ago(1), ..view() };
    let failing = View { store_failing: true, ..view() };
    for (setting, detail) in [
        (
            Setting { view: stale, ..Setting::default() },
            "The engine last published at 2026-11-22T13:59:00Z, more than 30 s ago. Look in the log for what holds it up.",
        ),
        (
            Setting { view: failing, ..Setting::default() },
            "The store cannot write, so nothing that is pushed is taken. Look in the log for its error; senders retry.",
        ),
    ] {
        let site = Site::with(setting);
        assert_eq!(get(site.address, "/-/healthy").text(), "The daemon is alive.\n");
        let answer = get(site.address, "/-/ready");
        assert_eq!(answer.status, 503);
        assert_eq!(
            answer.json(),
            serde_json::json!({
                "type": "urn:lightning-sync:problem:not_ready", "title": "Not ready", "status": 503,
                "detail": detail, "reason": "not_ready",
            })
        );
    }
    let site = Site::start();
    let answer = get(site.address, "/-/ready");
    assert_eq!((answer.status, answer.text().as_str()), (200, "The daemon is ready.\n"));
    assert!(view().is_fresh(NOW));
}

#[test]
fn a_page_that_rebinds_its_own_name_to_loopback_reads_nothing() {
    let site = Site::start();
    for path in ["/", "/metrics", "/api/v1/orgs", "/nowhere"] {
        for host in ["rebound.example", "rebound.example:9877", "192.0.2.1"] {
            let answer = request(site.address, "GET", path, &[("Host", host)], b"").unwrap();
            assert_eq!(
                (answer.status, answer.json()["reason"].as_str()),
                (403, Some("local_only")),
                "{path} {host}"
            );
        }
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:9877"] {
        let answer = request(site.address, "GET", "/metrics", &[("Host", host)], b"").unwrap();
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[test]
fn reload_is_for_this_host_and_shows_every_mistake() {
    let site = Site::start();
    let answer = post(site.address, "/-/reload", &[], b"");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "The configuration was read again.\n")
    );
    for foreign in [
        ("Host", "rebound.example"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let answer = post(site.address, "/-/reload", &[foreign], b"");
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (403, Some("local_only")),
            "{foreign:?}"
        );
    }
    let site = Site::with(Setting {
        reload: Err("orgs[0].name: bad\nstore.path: missing".to_owned()),
        ..Setting::default()
    });
    let answer = post(site.address, "/-/reload", &[], b"");
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.json()["errors"],
        serde_json::json!([{ "message": "orgs[0].name: bad" }, { "message": "store.path: missing" }])
    );
}

#[test]
fn a_head_that_is_too_large_is_refused_and_the_connection_closed() {
    let site = Site::start();
    let long = "x".repeat(17 * 1024);
    let many: Vec<(String, &str)> = (0..80).map(|n| (format!("X-{n}"), "y")).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    for headers in [&[("X-Long", long.as_str())][..], &many] {
        let answer = request(site.address, "GET", "/-/healthy", headers, b"").unwrap();
        assert_eq!(answer.status, 431);
    }
    let path = format!("/{long}");
    let refused = request(site.address, "GET", &path, &[], b"").map(|answer| answer.status);
    assert!(matches!(refused, Ok(414 | 431)), "{refused:?}");
    assert_eq!(get(site.address, "/-/healthy").status, 200);
}

#[test]
fn an_address_in_use_is_named() {
    use lightning_sync_exporter::web::Server;
    use lightning_sync_exporter::web::services::ServerOptions;
    let site = Site::start();
    let again = super::fixture::bind_again(site.address, ServerOptions::default());
    let Err(error) = again.map(|server: Server| server.local_addrs().to_vec()) else {
        panic!("two servers listen on {}", site.address);
    };
    let wanted = format!("cannot listen on {}: ", site.address);
    assert!(error.to_string().starts_with(&wanted), "{error}");
}
