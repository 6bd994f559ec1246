//! Headers: what programs and browsers on this host send is heard; what a proxy, a browser's foreign page or a rebound
//! name adds is not.

use super::peers::site;
use super::{HEADERS, Inputs};
use crate::random::Random;
use crate::support::http::request;

/// What programs on this host send, and pages of our own.
const PLAIN: [(&str, &str); 24] = [
    ("User-Agent", "curl/8.9.1"),
    ("User-Agent", "Prometheus/3.5.0"),
    ("Accept", "*/*"),
    ("Accept-Language", "de-DE,de;q=0.9"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Cache-Control", "no-cache"),
    ("Cookie", "theme=dark; via=none; ip=1"),
    ("DNT", "1"),
    ("Referer", "http://localhost:9877/"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-CH-UA-Platform", "\"Linux\""),
    ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("Tracestate", "congo=t61rcWkgMzE"),
    ("X-Request-ID", "7b0c2f66"),
    ("X-Correlation-ID", "7b0c2f66"),
    ("X-Requested-With", "XMLHttpRequest"),
    ("X-Prometheus-Scrape-Timeout-Seconds", "10"),
    ("Idempotency-Key", "a1"),
    ("Priority", "u=1, i"),
    ("Pragma", "no-cache"),
    ("TE", "trailers"),
    ("X-Sipper", "recipient, equipment, trivia"),
];
/// What proxies, tunnels, balancers and content networks add, by their own documents.
const OF_PROXIES: [&str; 40] = [
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Forwarded-Client-Cert",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Original-Forwarded-For",
    "X-Original-Host",
    "X-Original-URL",
    "X-Originating-IP",
    "X-Remote-IP",
    "X-Remote-Addr",
    "X-ProxyUser-IP",
    "X-Envoy-External-Address",
    "X-Envoy-Expected-Rq-Timeout-Ms",
    "X-Amzn-Trace-Id",
    "X-Amz-Cf-Id",
    "X-Azure-ClientIP",
    "X-ARR-LOG-ID",
    "X-Appengine-User-IP",
    "X-Cloud-Trace-Context",
    "X-Varnish",
    "X-Vercel-Id",
    "X-Vercel-Forwarded-For",
    "X-NF-Client-Connection-IP",
    "DO-Connecting-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "CF-Visitor",
    "CDN-Loop",
    "True-Client-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "WL-Proxy-Client-IP",
    "Proxy-Connection",
    "Tailscale-User-Login",
];
const HOSTS: [&str; 7] =
    ["localhost", "localhost:9877", "LocalHost", "127.0.0.1", "127.0.0.53:1", "[::1]", "[::1]:80"];
const OTHER_HOSTS: [&str; 12] = [
    "rebound.example",
    "localhost.rebound.example:9877",
    "127.0.0.1.rebound.example",
    "192.0.2.1",
    "0.0.0.0",
    "[::]",
    "[::ffff:192.0.2.1]",
    "2130706433",
    "0x7f000001",
    "localhost@rebound.example",
    "localhosts",
    "10.127.0.1",
];
const OF_PAGES: [(&str, &str); 6] = [
    ("Origin", "https://evil.example"),
    ("Origin", "null"),
    ("Origin", "http://localhost:1"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
    ("Sec-Fetch-Site", "Cross-Site"),
];

fn some(random: &mut Random) -> Vec<(&'static str, &'static str)> {
    let count = random.below(6);
    let mut some: Vec<(&str, &str)> = (0..count).map(|_| random.one_of(&PLAIN)).collect();
    some.sort_unstable();
    some.dedup_by_key(|(name, _)| *name);
    some
}

/// A name in letters of another case, as another program writes it.
fn in_case(name: &str, random: &mut Random) -> String {
    match random.below(3) {
        0 => name.to_ascii_lowercase(),
        1 => name.to_ascii_uppercase(),
        _ => name.to_owned(),
    }
}

#[test]
fn this_host_is_heard_and_nobody_who_stands_behind_it() {
    let (mut inputs, mut random) = Inputs::new("headers");
    let (_directory, daemon) = site("");
    let mut try_one = |headers: &[(String, String)], right: u16| {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let path = "/api/v1/orgs/acme/activity";
        let answer = request(daemon.address, "POST", path, &headers, b"");
        let status = answer.map_or(0, |answer| answer.status);
        inputs.is(|| format!("{headers:?}"), &status, &right);
    };
    let owned = |headers: Vec<(&str, &str)>| -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let usual = |random: &mut Random| {
        let mut headers = owned(some(random));
        headers.push(("Content-Type".to_owned(), "application/x-ndjson".to_owned()));
        headers
    };
    let (proxies, others, pages) = (20, 8, 6);
    for number in 0..proxies {
        let mut headers = usual(&mut random);
        headers.push(("Host".to_owned(), random.one_of(&HOSTS).to_owned()));
        let name = OF_PROXIES[(number * 2 + random.below(2) as usize) % OF_PROXIES.len()];
        let value = random.one_of(&["127.0.0.1", "192.0.2.1", "", "1.1 proxy", "localhost"]);
        headers.push((in_case(name, &mut random), value.to_owned()));
        try_one(&headers, 403);
    }
    for _ in 0..others {
        let mut headers = usual(&mut random);
        headers.push(("Host".to_owned(), random.one_of(&OTHER_HOSTS).to_owned()));
        try_one(&headers, 403);
    }
    for (name, value) in OF_PAGES.into_iter().take(pages) {
        let mut headers = usual(&mut random);
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push((in_case(name, &mut random), value.to_owned()));
        headers.push(("Host".to_owned(), random.one_of(&HOSTS).to_owned()));
        try_one(&headers, 403);
    }
    // A type twice is one type; two types are none.
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let ndjson = ("Content-Type".to_owned(), "application/x-ndjson".to_owned());
    try_one(&[ndjson.clone(), ndjson.clone()], 200);
    try_one(&[ndjson.clone(), ndjson.clone(), ndjson.clone()], 200);
    try_one(&[ndjson, json.clone()], 415);
    try_one(&[json], 200);
    while inputs.count < HEADERS {
        let mut headers = usual(&mut random);
        headers.push(("Host".to_owned(), random.one_of(&HOSTS).to_owned()));
        let headers: Vec<_> =
            headers.into_iter().map(|(name, value)| (in_case(&name, &mut random), value)).collect();
        let shown: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let path = "/api/v1/orgs/acme/activity";
        let answer = request(daemon.address, "POST", path, &shown, b"");
        let status = answer.map_or(0, |answer| answer.status);
        inputs.is(|| format!("{shown:?}"), &status, &200);
    }
    inputs.finish(HEADERS);
}

/// Each of them by itself, in every spelling, so that none is left to chance.
#[test]
fn every_header_of_a_proxy_is_known() {
    let (_directory, daemon) = site("");
    let heard = |name: &str| {
        let headers = [("Content-Type", "application/x-ndjson"), (name, "x")];
        request(daemon.address, "POST", "/api/v1/orgs/acme/activity", &headers, b"").unwrap().status
            != 403
    };
    let wrong: Vec<&str> = OF_PROXIES.into_iter().filter(|name| heard(name)).collect();
    assert_eq!(wrong, [""; 0]);
    let deaf: Vec<_> =
        PLAIN.into_iter().filter(|(name, _)| !heard(name) && *name != "Sec-Fetch-Site").collect();
    assert_eq!(deaf, []);
}
