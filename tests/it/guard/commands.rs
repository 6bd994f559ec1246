//! `check` and `doctor` of a daemon that is guarded in every way.

use super::authority::{Authority, replace};
use super::clients::guarded;
use super::passwords::users;
use std::path::Path;
use std::process::Command;

const VERIFIED: &str = "tls_server_config: {cert_file: web.crt, key_file: web.key, client_ca_file: clients.crt, client_auth_type: RequireAndVerifyClientCert}\n";

fn asked(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .current_dir(directory)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

#[test]
fn a_guarded_daemon_is_checked_with_a_certificate_and_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (servers, clients) = (Authority::new(), Authority::new());
    servers.good().write(directory.path(), "web");
    clients.good().write(directory.path(), "own");
    std::fs::write(at("clients.crt"), &clients.pem).unwrap();
    std::fs::write(at("servers.crt"), &servers.pem).unwrap();
    replace(&at("ann.password"), "correct horse\n");
    replace(&at("wrong.password"), "another horse\n");
    let daemon = guarded(directory.path(), &format!("{VERIFIED}{}", users()));
    let url = format!("https://localhost:{}", daemon.address.port());
    let check = |more: &[&str]| {
        let ask = ["check", "--org", "acme", "--url", &url];
        asked(directory.path(), &[&ask, more].concat())
    };
    let trusted = ["--ca-file", "servers.crt"];
    let shown = ["--cert", "own.crt", "--key", "own.key"];
    let ann = ["--user", "ann", "--password-file"];

    let (code, said) = check(&[&trusted[..], &shown, &ann, &["ann.password"]].concat());
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.starts_with("UNKNOWN acme: ") && said.contains("nobody"),
        "the daemon's own answer, which nobody has fed: {said}"
    );
    for (flags, part) in [
        (
            [&trusted[..], &shown].concat(),
            "the daemon asks for a name and a password; give --user and --password-file",
        ),
        (
            [&trusted[..], &shown, &ann, &["wrong.password"]].concat(),
            "the daemon refuses the name or the password of --user and --password-file",
        ),
        (
            [&trusted[..], &shown, &ann, &["none.password"]].concat(),
            "\"none.password\" cannot be read",
        ),
        (["--ca-file", "clients.crt"].to_vec(), "is not trusted: "),
        ([&trusted[..], &ann, &["ann.password"]].concat(), "CertificateRequired"),
    ] {
        let (code, said) = check(&flags);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(part), "{part}: {said}");
        assert!(!said.contains("horse"), "{said}");
    }

    let doctor = |more: &[&str]| {
        let ask = ["doctor", "--config.file", "config.yaml", "--url", &url];
        asked(directory.path(), &[&ask, more].concat())
    };
    let (code, said) = doctor(&[&trusted[..], &shown, &ann, &["ann.password"]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("PASS daemon: {url} is ready")), "{said}");
    let (code, said) = doctor(&[&trusted[..], &shown].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("give --user and --password-file"), "{said}");
}
