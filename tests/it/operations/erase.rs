//! Forgetting somebody: the file has no byte of them left, and everybody else stays.

use super::{run, text};
use crate::support::http::{get, post};
use crate::support::process::Daemon;
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::path::Path;

fn erase(database: &Path, flags: &[&str]) -> std::process::Output {
    run(&[&["erase", "--database", database.to_str().unwrap()], flags].concat())
}

fn bytes_have(directory: &Path, word: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

#[test]
fn a_person_and_an_organisation_are_taken_out_without_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let (config, database) = (directory.path().join("config.yaml"), data.join("store.db"));
    let write = |orgs: &str| {
        let store = database.display();
        std::fs::write(
            &config,
            format!("store: {{ path: {store} }}\nuser_names: plain\norgs: {orgs}\n"),
        )
        .unwrap();
    };
    write("[{ name: acme }, { name: globex }]");
    let daemon = Daemon::start(&config);
    let at = now().datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    for (org, user) in [("acme", "ann"), ("acme", "bob"), ("globex", "zoe")] {
        let snapshot = format!(
            "{{\"captured_at\":\"{at}\",\"service_account\":\"svc-{org}@corp.example\",\"users\":[{{\"user\":\"{user}@corp.example\",\"active_configuration\":true}}]}}"
        );
        let headers = [("Content-Type", "application/json")];
        let path = format!("/api/v1/orgs/{org}/snapshot");
        let answer = post(daemon.address, &path, &headers, snapshot.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // Christine is in activity alone.
    let activity = format!(
        "{{\"at\":\"{at}\",\"object_type\":\"contacts\",\"id\":\"1\",\"user\":\"christine@corp.example\"}}"
    );
    let headers = [("Content-Type", "application/x-ndjson")];
    let answer = post(daemon.address, "/api/v1/orgs/acme/activity", &headers, activity.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let running = erase(&database, &["--org", "acme"]);
    assert!(text(&running.stderr).contains("is in use by another daemon"));
    drop(daemon);

    for (mistyped, complaint) in [
        (
            "Anne@corp.example",
            "it knows no user anne@corp.example of acme; did you mean ann@corp.example?",
        ),
        ("bbo@corp.example", "did you mean bob@corp.example?"),
        ("zoe@corp.example", "it knows no user zoe@corp.example of acme"),
        (
            "christine@corp.example",
            "it knows no user christine@corp.example of acme. Activity is stored without names: of somebody who is in activity \
             alone, there is nothing to erase",
        ),
    ] {
        let output = erase(&database, &["--org", "acme", "--user", mistyped]);
        assert_eq!(output.status.code(), Some(1), "{mistyped}");
        let says = text(&output.stderr);
        assert!(says.contains(complaint), "{says}");
    }
    assert!(bytes_have(&data, "ann@corp") && bytes_have(&data, "bob@corp"));
    assert!(!bytes_have(&data, "christine@corp"));
    let output = erase(&database, &["--org", "acme", "--user", "ann@corp.example"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!bytes_have(&data, "ann@corp"));
    assert!(bytes_have(&data, "bob@corp") && bytes_have(&data, "zoe@corp"));
    let output = erase(&database, &["--org", "globex"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!bytes_have(&data, "zoe@corp") && !bytes_have(&data, "globex"));
    let again = erase(&database, &["--org", "globex"]);
    assert!(text(&again.stderr).contains("knows no organisation globex"));

    write("[{ name: acme }]");
    let daemon = Daemon::start(&config);
    let users = get(daemon.address, "/api/v1/orgs/acme/users").text();
    assert!(!users.contains("ann@corp") && users.contains("\"bob@corp.example\""), "{users}");
    assert_eq!(get(daemon.address, "/api/v1/orgs/globex").status, 404);
}
