//! Who gets a connection at all.

use super::authority::Authority;
use super::clients::{Client, guarded};
use crate::support::http;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

const VERIFIED: &str = "tls_server_config: {cert_file: web.crt, key_file: web.key, client_ca_file: clients.crt, client_auth_type: RequireAndVerifyClientCert}\n";
const PLAIN: &str = "tls_server_config: {cert_file: web.crt, key_file: web.key}\n";

#[test]
fn without_a_good_certificate_a_client_gets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    servers.good().write(directory.path(), "web");
    std::fs::write(directory.path().join("clients.crt"), &clients.pem).unwrap();
    let daemon = guarded(directory.path(), VERIFIED);
    let ask = |own: Option<_>| {
        Client::of(&[&servers], own.as_ref())
            .get(daemon.address, "/metrics")
            .map(|answer| answer.status)
            .map_err(|error| error.to_string())
    };
    assert_eq!(ask(Some(clients.good())), Ok(200));
    for (own, alert) in [
        (None, "CertificateRequired"),
        (Some(clients.expired()), "CertificateExpired"),
        (Some(others.good()), "UnknownCA"),
    ] {
        let refused = ask(own).unwrap_err();
        assert!(refused.contains(alert), "{alert}: {refused}");
    }
    // Nor does who speaks plain http, and nobody is held up by them.
    assert!(http::request(daemon.address, "GET", "/metrics", &[], b"").is_err());
    assert_eq!(ask(Some(clients.good())), Ok(200));
}

#[test]
fn a_certificate_of_our_own_that_has_expired_is_the_clients_to_refuse() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.expired().write(directory.path(), "web");
    let daemon = guarded(directory.path(), PLAIN);
    let refused =
        Client::of(&[&authority], None).get(daemon.address, "/metrics").unwrap_err().to_string();
    assert!(refused.contains("certificate expired"), "{refused}");
    // Nor does it come as a surprise to whoever runs it.
    let expired = "web.crt expired on 2021-01-01 00:00 UTC, and clients refuse it";
    let log = daemon.process.log();
    assert!(log.contains(expired), "{log}");
    let (config, web) = (directory.path().join("config.yaml"), directory.path().join("web.yaml"));
    for command in [&["--config.check"][..], &["doctor"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
            .args(command)
            .args(["--config.file".as_ref(), config.as_os_str()])
            .args(["--web.config.file".as_ref(), web.as_os_str()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let warned = said.lines().any(|line| line.starts_with("WARN ") && line.contains(expired));
        assert!(warned, "{command:?}: {said}");
    }
    // As soon as there is a good one, it is served.
    authority.good().write(directory.path(), "web");
    let answer = Client::of(&[&authority], None).get(daemon.address, "/metrics");
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    let until =
        "\nlightning_sync_exporter_web_certificate_not_after_timestamp_seconds 4102444800\n";
    assert!(answer.text().contains(until), "{}", answer.text());
}

#[test]
fn tls_1_1_is_not_spoken_and_1_2_and_1_3_are() {
    let directory = tempfile::tempdir().unwrap();
    Authority::new().good().write(directory.path(), "web");
    let daemon = guarded(directory.path(), PLAIN);
    let (spoken, _) = openssl(daemon.address, "-tls1_1");
    assert_eq!(spoken, None);
    assert_eq!(openssl(daemon.address, "-tls1_2").0.as_deref(), Some("TLSv1.2"));
    assert_eq!(openssl(daemon.address, "-tls1_3").0.as_deref(), Some("TLSv1.3"));
    let directory = tempfile::tempdir().unwrap();
    Authority::new().good().write(directory.path(), "web");
    let only_1_3 = PLAIN.replace("cert_file", "min_version: TLS13, cert_file");
    let daemon = guarded(directory.path(), &only_1_3);
    let (spoken, said) = openssl(daemon.address, "-tls1_2");
    assert_eq!(spoken, None, "{said}");
    assert!(said.contains("alert protocol version"), "{said}");
}

/// The version that openssl and the daemon agreed on, and what openssl said.
fn openssl(address: SocketAddr, version: &str) -> (Option<String>, String) {
    let output = Command::new("openssl")
        // Debian's default forbids the client what is to be refused by the server.
        .args(["s_client", version, "-cipher", "DEFAULT@SECLEVEL=0", "-connect"])
        .arg(address.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}; tests/run installs it"));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let spoken = said
        .lines()
        .find_map(|line| line.strip_prefix("New, ")?.split(", ").next())
        .filter(|version| *version != "(NONE)")
        .map(str::to_owned);
    (spoken, said)
}
