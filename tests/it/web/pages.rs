//! The pages as they are sent: what stands where, what is escaped, and what the paste box does.

use super::fixture::{Setting, Site, minutes_ago, view};
use crate::support::http::{Response, get, request};
use lightning_sync_exporter::domain::reasons::Reason;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::guidance;

#[test]
fn the_first_page_shows_the_worst_first_with_the_next_step_and_who() {
    let site = Site::start();
    let answer = get(site.address, "/");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let html = answer.text();
    let cause = guidance::cause(Reason::ServiceAccountNotRecognized);
    let step = &cause.steps[0];
    for wanted in [
        "<a href=\"/orgs/acme\">acme</a> <span class=\"badge broken\">BROKEN since 02:10</span>".to_owned(),
        "Since <time datetime=\"2026-11-22T02:10:00Z\" title=\"2026-11-22T02:10:00Z\">11 h ago <small>(02:10)</small></time>.".to_owned(),
        format!("<strong>Next, {}:</strong>", step.owner),
        "<a href=\"/metrics\">Metrics</a>".to_owned(),
        "<a href=\"/orgs/beta\">beta</a> <span class=\"badge unknown\">UNKNOWN</span>".to_owned(),
    ] {
        assert!(html.contains(&wanted), "{wanted} is missing:\n{html}");
    }
    assert!(html.find("acme") < html.find("beta"));
    assert!(
        !html.contains("<script") && !html.contains("style=\""),
        "{html}"
    );
    assert!(!html.contains("Nothing is wrong"), "unknown is not well");
}

#[test]
fn every_page_allows_its_own_style_and_nothing_inline_or_from_elsewhere() {
    let site = Site::start();
    for path in [
        "/",
        "/orgs/acme",
        "/orgs/beta",
        "/orgs/acme/users",
        "/orgs/acme/users/f000",
        "/orgs/acme/paste",
        "/runbooks/LightningSyncNoSyncIn24Hours",
    ] {
        let answer = get(site.address, path);
        let html = answer.text();
        assert_eq!(answer.status, 200, "{path}: {html}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';")
                && !policy.contains("unsafe"),
            "{policy}"
        );
        for inline in [
            "<style",
            "style=\"",
            "<script>",
            " onclick",
            "src=\"http",
            "url(",
        ] {
            assert!(!html.contains(inline), "{path} has {inline}");
        }
        let style = html
            .split("<link rel=\"stylesheet\" href=\"")
            .nth(1)
            .unwrap();
        let style = get(site.address, style.split('"').next().unwrap());
        assert_eq!(
            (style.status, style.header("content-type")),
            (200, Some("text/css; charset=utf-8"))
        );
    }
}

#[test]
fn an_organisation_s_page_names_cause_step_and_owner_before_everything_else() {
    let html = get(Site::start().address, "/orgs/acme").text();
    let cause = guidance::cause(Reason::ServiceAccountNotRecognized);
    let place = |text: &str| {
        html.find(text)
            .unwrap_or_else(|| panic!("{text} is missing:\n{html}"))
    };
    let verdict = place("BROKEN since 02:10");
    let sentence = place("Salesforce does not accept svc-sfsync@corp.example.");
    let next = place(&format!("DO NOW, {}:", cause.steps[0].owner));
    let glance = place("At a glance");
    assert!(verdict < sentence && sentence < next && next < glance);
    for wanted in [
        "26 h ago",
        "Held back until that is mended",
        "1 failing",
        "Lightning Sync ends",
        "snapshot",
        "/api/v1/orgs/acme",
    ] {
        place(wanted);
    }
}

#[test]
fn a_page_of_an_engine_that_stands_still_says_so() {
    let old = View {
        as_of: minutes_ago(1),
        store_failing: true,
        ..view()
    };
    let html = get(
        Site::with(Setting {
            view: old,
            ..Setting::default()
        })
        .address,
        "/",
    )
    .text();
    assert!(
        html.contains("The engine has not published for too long."),
        "{html}"
    );
    assert!(html.contains("The store cannot write."), "{html}");
    let empty = View {
        orgs: Vec::new(),
        ..view()
    };
    let html = get(
        Site::with(Setting {
            view: empty,
            ..Setting::default()
        })
        .address,
        "/",
    )
    .text();
    assert!(html.contains("No organisation is configured."), "{html}");
}

fn paste(site: &Site, org: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
    all.extend_from_slice(headers);
    let path = format!("/orgs/{org}/paste");
    request(site.address, "POST", &path, &all, form.finish().as_bytes()).unwrap()
}

const HOSTILE: &str = "\"><script>alert(1)</script>'\u{202e}&lt;";

#[test]
fn a_paste_is_shown_before_it_is_stored_and_then_stored_as_shown() {
    let site = Site::start();
    let shown = paste(
        &site,
        "acme",
        &[
            ("content", HOSTILE),
            ("captured_at", "2026-11-22T13:55"),
            ("do", "show"),
        ],
        &[],
    );
    let html = shown.text();
    assert_eq!(shown.status, 200, "{html}");
    assert!(site.seen.pushed.lock().unwrap().is_empty());
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(
        html.contains("<bdi>&#34;&#62;&#60;script&#62;alert(1)"),
        "{html}"
    );
    assert_eq!(shown.header("referrer-policy"), Some("same-origin"));
    let json = "{\"captured_at\":\"2026-11-22T14:00:00Z\"}";
    assert!(html.contains(&json.replace('"', "&#34;")), "{html}");
    let stored = paste(&site, "acme", &[("snapshot", json), ("do", "store")], &[]);
    assert_eq!(stored.status, 200, "{}", stored.text());
    assert!(stored.text().contains("<h2>Stored</h2>"));
    let pushed = site.seen.pushed.lock().unwrap();
    assert_eq!(
        (&pushed[0].body[..], pushed[0].media_type.name()),
        (json.as_bytes(), "application/json")
    );
}

#[test]
fn what_was_not_understood_is_told_and_nothing_is_stored() {
    let site = Site::start();
    let content = format!("broken {HOSTILE}");
    let fields = [
        ("content", content.as_str()),
        ("captured_at", "2026-11-22T13:55"),
    ];
    let answer = paste(&site, "acme", &fields, &[]);
    let html = answer.text();
    assert_eq!(answer.status, 422);
    assert!(
        html.contains("Page not readable: nothing was stored"),
        "{html}"
    );
    assert!(!html.contains("<script>alert"), "{html}");
    let answer = paste(
        &site,
        "acme",
        &[("content", "x"), ("captured_at", "soon")],
        &[],
    );
    assert_eq!(answer.status, 422);
    assert!(site.seen.pushed.lock().unwrap().is_empty());
}

#[test]
fn a_paste_needs_what_every_push_needs() {
    let site = Site::start();
    let fields = [("snapshot", "{}"), ("do", "store")];
    let foreign = [("Origin", "https://evil.example")];
    for (org, fields, headers, status) in [
        ("acme", &fields[..], &foreign[..], 403),
        ("acme", &fields, &[("Origin", "null")], 403),
        ("acme", &fields, &[("Via", "1.1 proxy")], 403),
        ("beta", &fields, &[], 401),
        ("nobody", &fields, &[], 404),
    ] {
        assert_eq!(
            paste(&site, org, fields, headers).status,
            status,
            "{org} {headers:?}"
        );
    }
    let wrong = [("snapshot", "{}"), ("do", "store"), ("token", "acme-token")];
    assert_eq!(paste(&site, "beta", &wrong, &[]).status, 401);
    assert!(site.seen.pushed.lock().unwrap().is_empty());
    let right = [("snapshot", "{}"), ("do", "store"), ("token", "beta-token")];
    let answer = paste(&site, "beta", &right, &[]);
    assert_eq!(answer.status, 200);
    assert!(!answer.text().contains("beta-token"));
    let refused = site.seen.refused.lock().unwrap();
    assert_eq!(refused.len(), 5, "{refused:?}");
}
