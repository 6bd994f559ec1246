//! An example of the web's file, made from the table of its keys.

use super::web_table::WEB_KEYS;

/// An example that sets everything, with what each key is for.
pub fn web_example() -> String {
    let keys = WEB_KEYS.iter().map(|key| {
        let indent = "  ".repeat(key.depth() - 1);
        let (mark, value) = example_of(key.name());
        format!("{indent}# {}\n{indent}{mark}{}:{value}\n", key.doc, key.name())
    });
    let users = format!("  prometheus: '{NOBODYS_HASH}'\n");
    std::iter::once(BEFORE.to_owned()).chain(keys).chain([users]).collect()
}

const BEFORE: &str = "# What `--web.config.file` takes: encryption, headers and users, in the format of the Prometheus family.
# Files are named from this file's directory. All of it is read again when it changes.
# Replace the hash below by one of yours (`htpasswd -nBC 10 prometheus`): nobody knows the password of this one.
";

/// Of random bytes that nobody knows.
const NOBODYS_HASH: &str = "$2y$10$qPj0bGAXbRAcRpPpUxLXieYkEwVYHnbTqTx4WnWhsUaWWaCl8bEFK";

/// How a key stands in the example: whether as a comment, and its value.
fn example_of(name: &str) -> (&'static str, &'static str) {
    match name {
        "cert_file" => ("", " web.crt"),
        "key_file" => ("", " web.key"),
        "client_auth_type" => ("", " RequireAndVerifyClientCert"),
        "client_ca_file" => ("", " clients.crt"),
        "min_version" => ("", " TLS12"),
        "max_version" => ("", " TLS13"),
        "cipher_suites" => (
            "",
            " [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
        ),
        "prefer_server_cipher_suites" | "http2" => ("", " true"),
        "curve_preferences" => ("", " [X25519, CurveP256]"),
        // The pages' own is stricter and knows their styles.
        "Content-Security-Policy" => ("# ", " \"frame-ancestors 'none'\""),
        "X-Frame-Options" => ("", " deny"),
        "X-Content-Type-Options" => ("", " nosniff"),
        "X-XSS-Protection" => ("", " \"0\""),
        "Strict-Transport-Security" => ("", " max-age=31536000"),
        _ => ("", ""),
    }
}
