//! The paste box: what is shown before it is stored, what is refused and to whom, and what is kept of a form that failed.

use super::fixture::Site;
use crate::support::http::{Response, request};

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
        &[("content", HOSTILE), ("captured_at", "2026-11-22T13:55"), ("do", "show")],
        &[],
    );
    let html = shown.text();
    assert_eq!(shown.status, 200, "{html}");
    assert!(site.seen.pushed.lock().unwrap().is_empty());
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(html.contains("<bdi>&#34;&#62;&#60;script&#62;alert(1)"), "{html}");
    assert!(
        html.contains("26 h ago <small>(Sat 12:00 UTC)</small>"),
        "as the pages tell instants: {html}"
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
    let fields = [("content", content.as_str()), ("captured_at", "2026-11-22T13:55")];
    let answer = paste(&site, "acme", &fields, &[]);
    let html = answer.text();
    assert_eq!(answer.status, 422);
    assert!(html.contains("Page cut short: nothing was stored"), "{html}");
    assert!(!html.contains("<script>alert"), "{html}");
    let answer = paste(&site, "acme", &[("content", "x"), ("captured_at", "soon")], &[]);
    assert_eq!(answer.status, 422);
    assert!(site.seen.pushed.lock().unwrap().is_empty());
    let refused = site.seen.refused.lock().unwrap();
    assert!(refused.is_empty(), "to look is no push: {refused:?}");
}

#[test]
fn a_paste_that_failed_keeps_what_was_typed() {
    let site = Site::start();
    let typed = [("captured_at", "2026-11-20T07:31"), ("user", "ann@corp.example")];
    let kept = |html: &str| {
        html.contains("value=\"2026-11-20T07:31\"") && html.contains("value=\"ann@corp.example\"")
    };
    let unread = [&typed[..], &[("content", "broken")]].concat();
    let html = paste(&site, "acme", &unread, &[]).text();
    assert!(kept(&html), "{html}");
    let wrong = [&typed[..], &[("content", "x"), ("token", "guess")]].concat();
    let answer = paste(&site, "beta", &wrong, &[]);
    assert!(answer.status == 401 && kept(&answer.text()));
    assert!(!answer.text().contains("guess") && !answer.text().contains("Authorization"));
    // What another site filled in is not offered as if it were typed here.
    let foreign = [("Origin", "https://evil.example")];
    let answer = paste(&site, "beta", &wrong, &foreign);
    assert!(answer.status == 401 && !kept(&answer.text()));
}

#[test]
fn what_could_not_be_stored_is_still_there() {
    let site = Site::start();
    let json = "{\"service_account\":\"svc\"}";
    let hidden = json.replace('"', "&#34;");
    let fields = [("snapshot", json), ("do", "store"), ("token", "guess")];
    let html = paste(&site, "beta", &fields, &[]).text();
    assert!(html.contains(&hidden) && html.contains("This is not the token of beta."), "{html}");
    let foreign = paste(&site, "beta", &fields, &[("Origin", "https://evil.example")]);
    assert!(!foreign.text().contains(&hidden));
    let failing = [("snapshot", "{\"a full disk\":0}"), ("do", "store")];
    let answer = paste(&site, "acme", &failing, &[]);
    let html = answer.text();
    assert_eq!(answer.status, 503, "{html}");
    assert!(html.contains("What was understood") && html.contains("The disk is full."), "{html}");
    let known = [("snapshot", "{\"nothing new\":0}"), ("do", "store")];
    let html = paste(&site, "acme", &known, &[]).text();
    assert!(html.contains("<h2>Nothing new</h2>") && html.contains("as of <time"), "{html}");
}

#[test]
fn who_cannot_paste_is_told_before_pasting() {
    let site = Site::start();
    let from_elsewhere = [("Via", "1.1 proxy")];
    let html = |org: &str| {
        let path = format!("/orgs/{org}/paste");
        request(site.address, "GET", &path, &from_elsewhere, b"").unwrap().text()
    };
    let closed = html("acme");
    assert!(closed.contains("acme has no token") && !closed.contains("<textarea"), "{closed}");
    let open = html("beta");
    assert!(open.contains("<textarea") && open.contains("Token of beta"), "{open}");
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
        assert_eq!(paste(&site, org, fields, headers).status, status, "{org} {headers:?}");
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
