//! Which paths ask for what.

use super::authority::Authority;
use super::clients::{Client, TOKEN, guarded};
use crate::support::http::request;
use crate::support::process::wait_until;
use std::time::Duration;

pub(super) fn users() -> String {
    let hash = bcrypt::hash_with_salt("correct horse", 5, [7; 16])
        .unwrap()
        .format_for_version(bcrypt::Version::TwoY);
    format!("basic_auth_users: {{ ann: '{hash}' }}\n")
}

/// ann with `correct horse`, and with another.
const RIGHT: (&str, &str) = ("Authorization", "Basic YW5uOmNvcnJlY3QgaG9yc2U=");
const WRONG: (&str, &str) = ("Authorization", "Basic YW5uOndyb25n");

#[test]
fn everything_but_ingest_asks_for_a_password_and_ingest_for_its_token() {
    let directory = tempfile::tempdir().unwrap();
    let daemon = guarded(directory.path(), &users());
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        request(daemon.address, method, path, headers, b"").unwrap()
    };
    for (method, path, answered) in [
        ("GET", "/", 200),
        ("GET", "/metrics", 200),
        ("GET", "/api/v1/orgs", 200),
        ("GET", "/api/v1/orgs/acme", 200),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/-/healthy", 200),
        ("GET", "/-/ready", 200),
        ("POST", "/-/reload", 200),
        ("GET", "/nowhere", 404),
    ] {
        let refused = ask(method, path, &[]);
        assert_eq!(refused.status, 401, "{path}");
        assert_eq!(
            refused.header("www-authenticate"),
            Some("Basic realm=\"lightning-sync-exporter\", charset=\"UTF-8\"")
        );
        assert_eq!(refused.json()["reason"], "password_required");
        assert_eq!(ask(method, path, &[WRONG]).status, 401, "{path}");
        assert_eq!(ask(method, path, &[RIGHT]).status, answered, "{path}");
    }
    let activity = "/api/v1/orgs/acme/activity";
    let ndjson = ("Content-Type", "application/x-ndjson");
    let bearer = format!("Bearer {TOKEN}");
    let status = |headers: &[(&str, &str)]| ask("POST", activity, headers).status;
    assert_eq!(status(&[ndjson]), 401);
    assert_eq!(status(&[ndjson, RIGHT]), 401);
    assert_eq!(status(&[ndjson, ("Authorization", &bearer)]), 200);
    // A token opens nothing that is read.
    assert_eq!(ask("GET", "/metrics", &[("Authorization", &bearer)]).status, 401);
    // Nine asked without any, nine with a wrong one, and two sent a token or a password where the other belongs.
    let page = ask("GET", "/metrics", &[RIGHT]).text();
    let line = "\nlightning_sync_exporter_web_passwords_refused_total 9\n";
    assert!(page.contains(line), "{page}");
    let log = daemon.process.log();
    assert_eq!(
        log.matches("wrong name or password").count(),
        1,
        "the same wrong password is computed and logged once:\n{log}"
    );
    assert!(!log.contains("YW5u") && !log.contains("correct horse"));
}

#[test]
fn users_headers_and_encryption_go_together_and_change_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.good().write(directory.path(), "web");
    let web = format!(
        "tls_server_config: {{cert_file: web.crt, key_file: web.key}}\nhttp_server_config: {{headers: {{Strict-Transport-Security: max-age=60, Content-Security-Policy: default-src *}}}}\n{}",
        users()
    );
    let daemon = guarded(directory.path(), &web);
    let client = Client::of(&[&authority], None);
    let ask = |headers: &[(&str, &str)]| {
        client.request(daemon.address, "GET", "/metrics", headers).unwrap()
    };
    assert_eq!(ask(&[]).status, 401);
    let answer = ask(&[RIGHT]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=60"));
    // The operator's policy stands beside our own: browsers obey both, so that it weakens nothing.
    let policies = answer.headers.iter().filter(|(name, _)| name == "content-security-policy");
    let policies: Vec<&str> = policies.map(|(_, policy)| policy.as_str()).collect();
    assert_eq!((policies.len(), policies[1]), (2, "default-src *"));
    assert!(policies[0].starts_with("default-src 'none'"), "{policies:?}");
    let file = directory.path().join("web.yaml");
    // A mistake changes nothing, neither does turning encryption off or taking all users away: an empty file, or half of
    // one, must not open everything to everybody.
    let encrypted = "tls_server_config: {cert_file: web.crt, key_file: web.key}\n";
    for (broken, said) in [
        ("basic_auth_users: {ann: secret}\n", "no bcrypt hash"),
        ("{}\n", "encryption on or off"),
        ("", "encryption on or off"),
        (encrypted, "takes all users away"),
    ] {
        std::fs::write(&file, broken).unwrap();
        wait_until(said, Duration::from_secs(10), || {
            assert_eq!(ask(&[]).status, 401);
            daemon.process.log().contains(said).then_some(())
        });
    }
    // Nor does something that is read without end.
    std::fs::remove_file(&file).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(pipe.success());
    wait_until("it is named", Duration::from_secs(10), || {
        assert_eq!((ask(&[]).status, ask(&[RIGHT]).status), (401, 200));
        daemon.process.log().contains("is no regular file any more").then_some(())
    });
    std::fs::remove_file(&file).unwrap();
    let failures = |page: &str| {
        let name = "\nlightning_sync_exporter_web_reload_failures_total ";
        let rest = page.split(name).nth(1).unwrap();
        rest.lines().next().unwrap().parse::<u32>().unwrap()
    };
    assert!(failures(&ask(&[RIGHT]).text()) >= 3);
    // Another user instead: taken once the file has stood still for a moment, because it may be half of one.
    let other = users().replace("ann", "bob");
    std::fs::write(&file, format!("{encrypted}{other}")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(ask(&[RIGHT]).status, 200);
    let bob = ("Authorization", "Basic Ym9iOmNvcnJlY3QgaG9yc2U=");
    wait_until("bob is let in", Duration::from_secs(10), || {
        (ask(&[bob]).status == 200).then_some(())
    });
    let answer = ask(&[RIGHT]);
    assert_eq!((answer.status, answer.header("strict-transport-security")), (401, None));
    let log = wait_until("the log names the file", Duration::from_secs(10), || {
        Some(daemon.process.log()).filter(|log| log.contains("web.yaml was read again"))
    });
    assert!(!log.contains("secret"), "{log}");
}
