//! What a follower shows, refuses and takes from its configuration.

use super::load::push;
use super::{PATIENCE, Pair, leads, replace};
use crate::support::http::{get, post};
use crate::support::process::wait_until;
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What is exported of organisations but ages, which differ from one scrape to the next.
fn exported(address: SocketAddr) -> BTreeSet<String> {
    let page = get(address, "/metrics").text();
    let of_org = |line: &&str| {
        line.starts_with("lightning_sync_")
            && !line.starts_with("lightning_sync_exporter_")
            && !line.contains("_age_seconds")
            && !line.contains("coverage_seconds")
            && !line.contains("business_")
            // A count is exact for the instant of its View.
            && !line.contains("row=\"synced_")
            && !line.contains("row=\"last_sync")
    };
    page.lines().filter(of_org).map(str::to_owned).collect()
}

#[test]
fn a_follower_shows_what_the_leader_found_and_says_who_takes_pushes() {
    let mut pair = Pair::start("");
    let (leader, follower) = (pair.address(0), pair.address(1));
    pair.load.goes_on_at(leader);
    pair.settle().unwrap();
    let at = now().datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = format!(
        "{{\"captured_at\":\"{at}\",\"service_account\":\"svc@corp.example\",\"service_account_recognized\":false,\
         \"users\":[{{\"user\":\"ann@corp.example\",\"active_configuration\":true,\"mailbox_version_supported\":false}}]}}"
    );
    let headers = [("Content-Type", "application/json")];
    let answer = post(leader, "/api/v1/orgs/acme/snapshot", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let is_found = |all: &BTreeSet<String>| {
        all.iter().any(|line| {
            line.starts_with("lightning_sync_finding_since")
                && line.contains("cause=\"service_account_not_recognized\"")
                && !line.ends_with(" 0")
        })
    };
    wait_until("both export the same findings", PATIENCE, || {
        let [one, other] = [exported(leader), exported(follower)];
        (one == other && is_found(&one)).then_some(())
    });

    let url = Pair::url(0);
    let says = format!("This daemon follows. Push to the leader, {url}.");
    let refused = push(follower, "").unwrap();
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (503, true));
    assert_eq!(refused.json()["reason"], "not_leader");
    assert_eq!(refused.json()["detail"], says);
    assert!(get(follower, "/").text().contains(&says));
    assert_eq!(get(follower, "/-/ready").text(), format!("The daemon is ready. {says}\n"));
    assert_eq!(get(follower, "/api/v1/orgs").json()["view"]["leader"], false);
    assert_eq!(get(leader, "/api/v1/orgs").json()["view"]["leader"], true);
    let history = "/api/v1/orgs/acme/users";
    assert!(get(follower, history).text().contains("ann@corp.example"));
    // A push to the follower is no finding: the answer names the leader.
    let page = get(follower, "/metrics").text();
    let alerted = page.lines().any(|line| {
        line.contains("exporter_finding_since")
            && line.contains("ingest_rejected")
            && !line.ends_with(" 0")
    });
    assert!(!alerted, "{page}");
}

#[test]
fn a_follower_takes_a_new_configuration_and_runs_it_once_it_leads() {
    let mut pair = Pair::start("");
    for which in 0..2 {
        replace(&pair.config(which), "{ name: acme }", "{ name: acme }, { name: beta }");
    }
    // It knows an organisation that the leader has not written yet.
    let follower = pair.address(1);
    pair.signal(1, Signal::HUP);
    let known = |address| get(address, "/api/v1/orgs").text().contains("beta");
    wait_until("the follower shows it", PATIENCE, || known(follower).then_some(()));
    pair.signal(0, Signal::TERM);
    pair.ended(0);
    wait_until("it leads", PATIENCE, || (leads(follower) && known(follower)).then_some(()));
    let at = now().datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let record = format!("{{\"at\":\"{at}\",\"object_type\":\"events\",\"id\":\"1\"}}");
    let headers = [("Content-Type", "application/x-ndjson")];
    let answer = post(follower, "/api/v1/orgs/beta/activity", &headers, record.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Another address needs a restart.
    replace(&pair.config(1), &Pair::url(1), &Pair::url(2));
    pair.signal(1, Signal::HUP);
    let refused = "store.postgres.advertise_url: found another address than the one";
    let process = &pair.daemon(1).process;
    process.wait_for_line(|line| line.contains(refused).then_some(()));
}
