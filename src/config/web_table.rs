//! The keys of `--web.config.file`, under the names that the Prometheus family gives them.

use super::keys::{ConfigKey, KeyDefault, KeyKind};
use crate::tls::{ClientAuth, TlsVersion};

/// What the paths begin with, so that they are nobody else's.
pub(super) const ROOT: &str = "(web)";

macro_rules! keys {
    ($($path:literal: $kind:expr, $default:expr, $doc:literal;)+) => {
        &[$(ConfigKey {
            path: concat!("(web).", $path),
            kind: $kind,
            default: $default,
            example: "",
            live: false,
            doc: $doc,
        }),+]
    };
}

const NOTHING: KeyDefault = KeyDefault::Words("nothing");

/// Every key.
pub(super) const WEB_KEYS: &[ConfigKey] = keys! {
    "tls_server_config": KeyKind::Section, KeyDefault::Words("plain http"),
        "Encryption; without it everything is plain http.";
    "tls_server_config.cert_file": KeyKind::File, KeyDefault::Required,
        "The certificate and, behind it, the chain to its authority. Read again when it changes.";
    "tls_server_config.key_file": KeyKind::File, KeyDefault::Required,
        "The key of the certificate, closed to other users. Read again when it changes.";
    "tls_server_config.client_auth_type": KeyKind::Choice(|| ClientAuth::ALL.iter().map(|value| value.name()).collect()), KeyDefault::Value("NoClientCert"),
        "Whether clients have to show a certificate of client_ca_file.";
    "tls_server_config.client_ca_file": KeyKind::File, NOTHING,
        "The authorities of clients' certificates.";
    "tls_server_config.min_version": KeyKind::Choice(versions), KeyDefault::Value("TLS12"),
        "The lowest version that is offered.";
    "tls_server_config.max_version": KeyKind::Choice(versions), KeyDefault::Value("TLS13"),
        "The highest version that is offered.";
    "tls_server_config.cipher_suites": KeyKind::Texts("", "suites of TLS 1.2"), KeyDefault::Words("every good one"),
        "Suites of TLS 1.2, the preferred first. Those of TLS 1.3 are all good and always there.";
    "tls_server_config.prefer_server_cipher_suites": KeyKind::Flag, KeyDefault::Value("true"),
        "Whether our order of suites counts rather than the client's.";
    "tls_server_config.curve_preferences": KeyKind::Texts("", "curves"), KeyDefault::Words("every good one"),
        "Curves for the exchange of keys, the preferred first.";
    "http_server_config": KeyKind::Section, NOTHING,
        "Protocol and headers.";
    "http_server_config.http2": KeyKind::Flag, KeyDefault::Value("true"),
        "Taken and without effect: clients that may choose are served HTTP/1.1, which every client speaks.";
    "http_server_config.headers": KeyKind::Section, NOTHING,
        "Headers of every answer, instead of our own of the same name.";
    "http_server_config.headers.Content-Security-Policy": KeyKind::Text("", "a policy"), NOTHING,
        "What a page may load, beside the pages' own policy: browsers obey both.";
    "http_server_config.headers.X-Frame-Options": KeyKind::Text("", "DENY or SAMEORIGIN"), NOTHING,
        "Who may frame a page.";
    "http_server_config.headers.X-Content-Type-Options": KeyKind::Text("", "nosniff"), NOTHING,
        "Whether browsers guess types.";
    "http_server_config.headers.X-XSS-Protection": KeyKind::Text("", "a value of this header"), NOTHING,
        "A filter of old browsers.";
    "http_server_config.headers.Strict-Transport-Security": KeyKind::Text("", "a value such as max-age=31536000"), NOTHING,
        "For how long browsers insist on https.";
    "basic_auth_users": KeyKind::Section, KeyDefault::Words("everybody"),
        "Users and the bcrypt hashes of their passwords.";
};

fn versions() -> Vec<&'static str> {
    TlsVersion::ALL.iter().map(|value| value.name()).collect()
}
