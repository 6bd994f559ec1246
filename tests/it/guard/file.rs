//! Mistakes of the web's file: all at once, each with its key path, none with a secret.

use super::authority::{Authority, replace};
use lightning_sync_exporter::config::web_file;
use std::os::unix::fs::PermissionsExt;

/// What an operator reads about a file, without the directory that it is in.
fn said(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (Authority::new().good(), Authority::new().good());
    one.write(directory.path(), "web");
    other.write(directory.path(), "other");
    std::fs::write(directory.path().join("open.key"), &one.key).unwrap();
    replace(&directory.path().join("empty.crt"), "");
    let file = directory.path().join("web.yaml");
    replace(&file, text);
    match web_file(&file) {
        Ok(_) => "valid".to_owned(),
        Err(error) => error.to_string().replace(&format!("{}/", directory.path().display()), ""),
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    insta::assert_snapshot!(said(
        "tls_server_config:
  cert_file: empty.crt
  key_file: open.key
  client_auth_type: RequireAnyClientCert
  client_ca_file: nowhere.crt
  min_version: TLS11
  max_versoin: TLS13
  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]
  prefer_server_cipher_suites: perhaps
http_server_config:
  http2: maybe
  headers:
    X-Frame-Options: allow
    X-Powered-By: us
basic_auth_users:
  ann: hunter2-in-the-open
  'a:b': x
  bob: '$2y$31$abcdefghijklmnopqrstuuKm8c9gCkJkOsmKcMRM9bGgWFR3VE3YS'
  eve: 12
"
    ), @r#"
web.yaml has 15 mistakes:
  line 2: tls_server_config.cert_file: empty.crt holds no certificate; name the PEM file with BEGIN CERTIFICATE
  line 3: tls_server_config.key_file: open.key is open to every user of this machine; run `chmod 640` on it (in Kubernetes, `defaultMode: 0440` on the secret's volume)
  line 4: tls_server_config.client_auth_type: found "RequireAnyClientCert"; it believes a certificate of anybody; allowed: NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert
  line 5: tls_server_config.client_ca_file: nowhere.crt cannot be read: No such file or directory (os error 2); give the daemon's user read access to it
  line 6: tls_server_config.min_version: found "TLS11"; it is broken and not offered; allowed: TLS12, TLS13
  line 7: tls_server_config.max_versoin: unknown key; did you mean max_version?
  line 8: tls_server_config.cipher_suites[0]: found "TLS_RSA_WITH_AES_128_CBC_SHA"; without forward secrecy, or unknown; allowed: TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
  line 9: tls_server_config.prefer_server_cipher_suites: found "perhaps"; allowed: true or false, without quotes
  line 11: http_server_config.http2: found "maybe"; allowed: true or false, without quotes
  line 13: http_server_config.headers.X-Frame-Options: found "allow"; allowed: DENY or SAMEORIGIN
  line 14: http_server_config.headers.X-Powered-By: unknown key; allowed: Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security
  line 16: basic_auth_users.ann: no bcrypt hash; allowed: a name and a bcrypt hash in quotes, such as `htpasswd -nBC 10 NAME` prints behind the colon
  line 17: basic_auth_users."a:b": a user's name has 1 to 255 characters, without colons
  line 18: basic_auth_users.bob: the hash costs 31; allowed: 4 to 14, because whoever can reach the port can make the daemon compute it
  line 19: basic_auth_users.eve: not text in quotes; allowed: a name and a bcrypt hash in quotes, such as `htpasswd -nBC 10 NAME` prints behind the colon
"#);
}

#[test]
fn what_does_not_go_together_is_told() {
    assert_eq!(said(""), "valid");
    assert_eq!(said("tls_server_config: {cert_file: web.crt, key_file: web.key}\n"), "valid");
    insta::assert_snapshot!(said("tls_server_config: {cert_file: web.crt, key_file: other.key}\n"), @r#"
web.yaml has 1 mistake:
  line 1: tls_server_config.key_file: other.key is not the certificate's: keys may not be consistent: KeyMismatch
"#);
    insta::assert_snapshot!(said("tls_server_config: {client_auth_type: VerifyClientCertIfGiven, min_version: TLS13, max_version: TLS12}\n"), @r#"
web.yaml has 4 mistakes:
  line 1: tls_server_config.cert_file: missing; needed: the path of a file
  line 1: tls_server_config.client_auth_type: VerifyClientCertIfGiven needs client_ca_file, the authorities of the certificates
  line 1: tls_server_config.key_file: missing; needed: the path of a file
  line 1: tls_server_config.max_version: is below min_version, TLS13
"#);
    insta::assert_snapshot!(said("tls_server_config: {cert_file: web.crt, key_file: web.key, client_ca_file: other.crt}\n"), @r#"
web.yaml has 1 mistake:
  line 1: tls_server_config.client_ca_file: is there and client_auth_type asks for no certificate; set that to RequireAndVerifyClientCert, or remove this
"#);
}

#[test]
fn a_certificate_that_nobody_takes_is_not_blamed_on_its_key() {
    let directory = tempfile::tempdir().unwrap();
    // As `openssl` signs requests without a file of extensions: of X.509's first version.
    let script = "openssl req -newkey rsa:2048 -nodes -keyout web.key -subj /CN=localhost -out web.csr && \
        openssl x509 -req -in web.csr -signkey web.key -days 30 -out web.crt && chmod 600 web.key";
    let made = std::process::Command::new("sh")
        .current_dir(directory.path())
        .args(["-c", script])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let web = directory.path().join("web.yaml");
    std::fs::write(&web, "tls_server_config: {cert_file: web.crt, key_file: web.key}\n").unwrap();
    let says = web_file(&web).unwrap_err().to_string();
    assert!(
        says.contains("tls_server_config.cert_file: ") && says.contains("web.crt cannot be served"),
        "{says}"
    );
}

#[test]
fn hashes_that_everybody_can_read_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("web.yaml");
    for (text, mode, good) in [
        (super::passwords::users(), 0o640, true),
        (super::passwords::users(), 0o644, false),
        (super::passwords::users(), 0o602, false),
        ("{}\n".to_owned(), 0o644, true),
        ("{}\n".to_owned(), 0o666, false),
    ] {
        replace(&file, &text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let read = web_file(&file).map_err(|error| error.to_string());
        assert_eq!(read.is_ok(), good, "{mode:o}: {read:?}");
        if let Err(says) = read {
            assert!(says.contains("chmod 0640"), "{says}");
        }
    }
}
