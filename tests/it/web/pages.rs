//! The first page.

use super::fixture::{Setting, Site, minutes_ago, view};
use crate::support::http::get;
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
        "<span class=\"verdict\">critical</span> <a href=\"/api/v1/orgs/acme\">acme</a>".to_owned(),
        "Since <time datetime=\"2026-11-22T02:10:00Z\" title=\"2026-11-22T02:10:00Z\">11 h ago</time>.".to_owned(),
        format!("<strong>Next, {}:</strong>", step.owner),
        "<a href=\"/metrics\">Metrics</a>".to_owned(),
        "<span class=\"verdict\">unknown</span> <a href=\"/api/v1/orgs/beta\">beta</a>".to_owned(),
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
fn the_page_s_style_is_the_one_that_its_policy_allows() {
    use base64::Engine;
    use sha2::Digest;
    let site = Site::start();
    let answer = get(site.address, "/");
    let html = answer.text();
    let style = html
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains(&format!("style-src 'sha256-{hash}';")),
        "{policy}"
    );
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
