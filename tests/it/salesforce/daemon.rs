//! The whole daemon: from the configuration to the metrics page, through failures and back.

use super::failures::FAILURES;
use super::fixture::{CLIENT_ID, SECRET, people};
use crate::support::http::{get, post};
use crate::support::process::{Daemon, wait_until};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::http_client::TransportFailure;
use lightning_sync_exporter::sources::failure_reason;
use lightning_sync_exporter::sources::salesforce::SalesforceFailure;
use lightning_sync_sim::simulator::salesforce::{Salesforce, Scene, SimulatedOrg};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Writes a file that only we can read.
pub(crate) fn secret_file(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A configuration of one organisation at `url`.
pub(crate) fn config(directory: &Path, url: &str) -> PathBuf {
    secret_file(&directory.join("acme.secret"), SECRET);
    let file = directory.join("config.yaml");
    let database = directory.join("sync.db");
    let text = format!(
        "store: {{ path: {} }}
orgs:
  - name: acme
    product: einstein_activity_capture
    salesforce:
      my_domain: {url}
      auth: {{ client_credentials: {{ client_id: {CLIENT_ID}, client_secret_file: acme.secret }} }}
      poll_every: 30s
",
        database.display()
    );
    fs::write(&file, text).unwrap();
    file
}

/// Waits until the metrics page has a line.
pub(crate) fn wait_for_metric(address: SocketAddr, line: &str) -> String {
    wait_until(line, Duration::from_secs(90), || {
        let page = get(address, "/metrics").text();
        page.lines().any(|found| found == line).then_some(page)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_salesforce_tells_is_on_the_metrics_page_and_a_failure_keeps_it() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(7));
    org.people[0].connectivity = "NEEDSATTENTION";
    // Whatever the hour is: after midnight, nothing has been counted for a while.
    org.people.iter_mut().for_each(|person| person.fixed = Some([6, 12]));
    let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = config(directory.path(), &format!("http://{}", salesforce.address()));
    let daemon = Daemon::start(&file);
    let good = "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 1";
    let page = wait_for_metric(daemon.address, good);
    for line in [
        "lightning_sync_linked_users{org=\"acme\"} 6",
        "lightning_sync_service_account_recognized{org=\"acme\"} 1",
        "lightning_sync_users{org=\"acme\",check=\"service_account\",status=\"no\"} 1",
        "lightning_sync_users{org=\"acme\",check=\"contacts_to_exchange\",status=\"in_sync\"} 6",
        "lightning_sync_salesforce_capture_users{connectivity=\"needs_attention\",org=\"acme\"} 1",
        "lightning_sync_salesforce_part_available{org=\"acme\",part=\"activity_capture\"} 1",
        "lightning_sync_salesforce_api_calls_total{org=\"acme\"} 6",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    // A series for each reason there is would be no news.
    assert!(!page.contains("lightning_sync_poll_failures_total{"));
    salesforce.change(CLIENT_ID, |org| org.scene = Scene::Maintenance);
    let bad = "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 0";
    let page = wait_for_metric(daemon.address, bad);
    let counted = "lightning_sync_poll_failures_total{org=\"acme\",reason=\"maintenance\",source=\"salesforce\"} 1";
    assert!(page.contains(counted), "{page}");
    assert!(page.contains("lightning_sync_linked_users{org=\"acme\"} 6"), "{page}");
    let log = daemon.process.log();
    let warned: Vec<&str> = log.lines().filter(|line| line.contains("\"maintenance\"")).collect();
    assert_eq!(warned.len(), 1, "{log}");
    assert!(warned[0].contains("status page"), "{log}");
    salesforce.change(CLIENT_ID, |org| org.scene = Scene::Healthy);
    wait_for_metric(daemon.address, good);
    assert!(daemon.process.log().contains("salesforce answers again"), "{}", daemon.process.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_that_asking_salesforce_fails_and_what_to_do() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(2));
    "another".clone_into(&mut org.client_secret);
    let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = config(directory.path(), &format!("http://{}", salesforce.address()));
    let daemon = Daemon::start(&file);
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 0",
    );
    // Another source speaks: that does not make this one well.
    let at = now().datetime().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let record = format!("{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"1\"}}");
    let headers = [("Content-Type", "application/x-ndjson")];
    let path = "/api/v1/orgs/acme/activity";
    let answer = post(daemon.address, path, &headers, record.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let doctor = || {
        let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
            .args(["doctor", "--url", &format!("http://{}", daemon.address)])
            .arg("--config.file")
            .arg(&file)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("PASS acme sources: activity reports"), "{said}");
    assert!(
        said.contains(
            "FAIL acme salesforce: asking it fails: credentials_rejected. Compare client id,"
        ),
        "{said}"
    );
    salesforce.change(CLIENT_ID, |org| SECRET.clone_into(&mut org.client_secret));
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 1",
    );
    let (code, said) = doctor();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PASS acme salesforce: it answers"), "{said}");
}

#[test]
fn a_machine_without_authorities_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = config(directory.path(), "https://acme.my.salesforce.example");
    let nothing = directory.path().join("nothing.pem");
    fs::write(&nothing, "").unwrap();
    let around = [
        ("SSL_CERT_FILE", nothing.to_str().unwrap()),
        ("SSL_CERT_DIR", directory.path().to_str().unwrap()),
    ];
    let daemon = Daemon::start_among(&file, "127.0.0.1:0", &[], &around);
    wait_for_metric(
        daemon.address,
        "lightning_sync_poll_success{org=\"acme\",source=\"salesforce\"} 0",
    );
    let log = daemon.process.log();
    assert_eq!(log.matches("No authority was found").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_moved_to_the_successor_is_named() {
    let mut org = SimulatedOrg::healthy(CLIENT_ID, SECRET, people(3));
    org.people[1].configuration = None;
    org.people[0].connectivity = "NEEDSATTENTION";
    org.people[0].recommended = Some("Reconnect the account".to_owned());
    let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://{}", salesforce.address());
    let file = config(directory.path(), &url);
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("einstein_activity_capture", "lightning_sync");
    fs::write(&file, format!("user_names: plain\n{text}")).unwrap();
    let daemon = Daemon::start(&file);
    let users: Vec<String> = (["User0", "user1", "user7"].iter())
        .map(|name| format!("{{\"user\":\"{name}@corp.example\",\"active_configuration\":true}}"))
        .collect();
    let page = format!("{{\"captured_at\":\"{}\",\"users\":[{}]}}", now(), users.join(","));
    let answer = post(
        daemon.address,
        "/api/v1/orgs/acme/snapshot",
        &[("Content-Type", "application/json")],
        page.as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = wait_until("the list is read", Duration::from_secs(60), || {
        let page = get(daemon.address, "/orgs/acme").text();
        page.contains("2 of 3</a> users have not moved").then_some(page)
    });
    assert!(shown.contains("/orgs/acme/users?moved=no"));
    let list = get(daemon.address, "/api/v1/orgs/acme/users?moved=no").text();
    for (name, left) in [("User0", false), ("user1", true), ("user7", true)] {
        assert_eq!(list.contains(&format!("\"{name}@corp.example\"")), left, "{list}");
    }
    let one = get(daemon.address, "/orgs/acme/users/User0@corp.example").text();
    assert!(one.contains("needs_attention") && one.contains("Reconnect the account"), "{one}");
    wait_for_metric(daemon.address, "lightning_sync_salesforce_users_not_moved{org=\"acme\"} 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_the_set_up_are_on_the_page_and_in_json() {
    let of = |id: &str| SimulatedOrg::healthy(id, SECRET, people(1));
    let ids = [CLIENT_ID, "3MVG9calm", "3MVG9blind"];
    let [mut busy, calm, mut blind] = ids.map(of);
    let ago = |hours| now().minus(chrono::TimeDelta::hours(hours));
    busy.setup_changes = vec![
        (ago(30), ["changed", "Lightning Sync", "planted-display"]),
        (ago(2), ["changed", "Manage Users", "Changed Exchange account"]),
        (ago(1), ["changed", "Manage Users", "Changed profile"]),
    ];
    blind.refused = vec![("SetupAuditTrail", "INSUFFICIENT_ACCESS")];
    let salesforce = Salesforce::start(vec![busy, calm, blind], Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    secret_file(&directory.path().join("a.secret"), SECRET);
    let mut text = format!(
        "store: {{ path: {} }}\norgs:\n  - {{ name: silent }}\n",
        directory.path().join("sync.db").display()
    );
    for (name, id) in ["acme", "calm", "blind"].into_iter().zip(ids) {
        text += &format!(
            "  - {{ name: {name}, product: einstein_activity_capture, salesforce: {{ my_domain: 'http://{}', poll_every: 30s, \
             auth: {{ client_credentials: {{ client_id: {id}, client_secret_file: a.secret }} }} }} }}\n",
            salesforce.address()
        );
    }
    let file = directory.path().join("config.yaml");
    fs::write(&file, text).unwrap();
    let daemon = Daemon::start(&file);
    let json = |org: &str| -> serde_json::Value {
        let text = get(daemon.address, &format!("/api/v1/orgs/{org}")).text();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["setup_changes"].clone()
    };
    for org in ["acme", "calm", "blind"] {
        wait_until(org, Duration::from_secs(90), || (!json(org).is_null()).then_some(()));
    }
    let page = |org: &str| get(daemon.address, &format!("/orgs/{org}")).text();
    let changes = json("acme")["changes"].clone();
    let areas: Vec<_> = (changes.as_array().unwrap().iter())
        .map(|change| change["area"].as_str().unwrap())
        .collect();
    assert_eq!(areas, ["exchange", "lightning_sync"]);
    let shown = page("acme");
    for part in
        ["Changes of the set-up", "<li>Exchange: <time ", "<li>Lightning Sync: <time ", "2 h ago"]
    {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(!shown.contains("planted-display"));
    let calm = json("calm");
    assert_eq!(calm["changes"], serde_json::json!([]));
    assert!(calm["since"].is_string() && calm["read_at"].is_string());
    assert!(page("calm").contains("The audit trail has none since <time "));
    assert!(json("blind")["read_at"].is_null());
    assert!(page("blind").contains("the audit trail was not read"));
    assert!(json("silent").is_null());
    assert!(!page("silent").contains("Changes of the set-up"));
}

/// The value of a series of an organisation.
fn figure(page: &str, name: &str, labels: &str) -> Option<f64> {
    let series = format!("lightning_sync_{name}{{{labels}}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&series))?;
    line.parse().ok()
}

/// What a failure is about: a scene, or a secret that is not the app's.
type Trouble = (Option<Scene>, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_told_once_keeps_what_was_told_and_ends_by_itself() {
    let mut troubles: Vec<Trouble> =
        (FAILURES.iter()).map(|(scene, reason)| (Some(*scene), *reason)).collect();
    troubles.extend([
        (Some(Scene::VersionMissing), SalesforceFailure::NotFound.name()),
        (Some(Scene::TokenRedirect), TransportFailure::Redirected.name()),
        (Some(Scene::StrangeCode), SalesforceFailure::Other.name()),
        (Some(Scene::Hang), TransportFailure::Timeout.name()),
        (None, SalesforceFailure::CredentialsRejected.name()),
    ]);
    let id = |n: usize| format!("3MVG9org{n}");
    let orgs =
        (0..troubles.len()).map(|n| SimulatedOrg::healthy(&id(n), SECRET, people(7))).collect();
    let salesforce = Salesforce::start(orgs, Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    secret_file(&directory.path().join("a.secret"), SECRET);
    let database = directory.path().join("sync.db");
    let mut text = format!("store: {{ path: {} }}\norgs:\n", database.display());
    for n in 0..troubles.len() {
        text += &format!(
            "  - {{ name: org-{n}, product: einstein_activity_capture, salesforce: {{ my_domain: 'http://{}', poll_every: 30s, \
             auth: {{ client_credentials: {{ client_id: {}, client_secret_file: a.secret }} }} }} }}\n",
            salesforce.address(),
            id(n)
        );
    }
    let file = directory.path().join("config.yaml");
    fs::write(&file, text).unwrap();
    let daemon = Daemon::start(&file);
    let source = |n: usize| format!("org=\"org-{n}\",source=\"salesforce\"");
    let all_good = || {
        wait_until("all answer", Duration::from_secs(240), || {
            let page = get(daemon.address, "/metrics").text();
            (0..troubles.len())
                .all(|n| figure(&page, "poll_success", &source(n)) == Some(1.0))
                .then_some(())
        });
    };
    all_good();
    let changed_at = now().seconds();
    for (n, (scene, _)) in troubles.iter().enumerate() {
        salesforce.change(&id(n), |org| match scene {
            Some(scene) => org.scene = *scene,
            None => "another".clone_into(&mut org.client_secret),
        });
    }
    salesforce.expire_sessions();
    // Each organisation as it is after its first failure.
    let mut left: Vec<usize> = (0..troubles.len()).collect();
    wait_until("all have failed", Duration::from_secs(120), || {
        let page = get(daemon.address, "/metrics").text();
        left.retain(|n| {
            let (scene, reason) = troubles[*n];
            let counted = format!("org=\"org-{n}\",reason=\"{reason}\",source=\"salesforce\"");
            let Some(failures) = figure(&page, "poll_failures_total", &counted) else {
                return true;
            };
            assert_eq!(failures, 1.0, "{scene:?}");
            // The failure is counted at once, and shown with the next View.
            if figure(&page, "poll_success", &source(*n)) != Some(0.0) {
                return true;
            }
            let linked = figure(&page, "linked_users", &format!("org=\"org-{n}\""));
            assert_eq!(linked, Some(7.0), "{scene:?}: what was told stays");
            let row = format!("org=\"org-{n}\",row=\"linked_users\",object_type=\"\"");
            let read_at = figure(&page, "reading_timestamp_seconds", &row).or_else(|| {
                figure(
                    &page,
                    "reading_timestamp_seconds",
                    &format!("org=\"org-{n}\",row=\"linked_users\""),
                )
            });
            let success = figure(&page, "poll_last_success_timestamp_seconds", &source(*n));
            assert_eq!(read_at, success, "{scene:?}: and grows old");
            assert!(success.is_some_and(|at| at <= changed_at + 1.0), "{scene:?}");
            false
        });
        left.is_empty().then_some(())
    });
    let log = daemon.process.log();
    for (n, (scene, reason)) in troubles.iter().enumerate() {
        let warned: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("\"WARN\"") && line.contains(&format!("\"org-{n}\"")))
            .collect();
        assert_eq!(warned.len(), 1, "{scene:?}: {warned:?}");
        let advice = serde_json::to_string(failure_reason(reason).unwrap().advice).unwrap();
        assert!(warned[0].contains(advice.trim_matches('"')), "{}", warned[0]);
    }
    println!("{} failures, each named and told once", troubles.len());
    for (n, _) in troubles.iter().enumerate() {
        salesforce.change(&id(n), |org| {
            org.scene = Scene::Healthy;
            SECRET.clone_into(&mut org.client_secret);
        });
    }
    all_good();
}
