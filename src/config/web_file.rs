//! `--web.config.file`, in the format of the Prometheus family's exporter-toolkit: file form → [`WebFile`].

use super::keys::{ConfigKey, WEB_KEYS};
use super::load::{path_of_file, set, text_of_file};
use super::mistakes::{Collector, ConfigError};
use super::reader;
use super::section::ConfigSection;
use crate::domain::time::Timestamp;
use crate::secret::Secret;
use crate::tls::{self, CURVES, ClientAuth, ServerConfig, TlsSettings, TlsVersion};
use chrono::TimeDelta;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A thousand users with their hashes.
const MAX_BYTES: u64 = 128 * 1024;
/// Header values go into every answer.
const MAX_HEADER_BYTES: usize = 2048;
/// The least that a hash may cost to compute: what bcrypt itself takes for the least.
const MIN_COST: u32 = 4;
/// The most: a second of one processor. Anybody who knows the address can make us compute it.
const MAX_COST: u32 = 14;

/// Authorities that renew by themselves do so a month before; what is left at two weeks was forgotten.
const EXPIRES_SOON: TimeDelta = TimeDelta::days(14);

/// What an operator says about the server, without a mistake in it.
#[derive(Debug, Clone)]
pub struct WebFile {
    /// What connections are encrypted with; `None` is plain http.
    pub tls: Option<Arc<ServerConfig>>,
    /// The certificate's file, and when it expires.
    pub certificate: Option<(PathBuf, Timestamp)>,
    /// Headers of every answer.
    pub headers: Vec<(&'static str, String)>,
    /// Who may read; empty is everybody.
    pub users: Vec<WebUser>,
    /// Every file that was read; a change of one makes this old.
    pub files: Vec<PathBuf>,
}

impl WebFile {
    /// The warning about a certificate that has expired or will before somebody is likely to look again.
    pub fn certificate_warning(&self, now: Timestamp) -> Option<String> {
        let (file, until) = self.certificate.as_ref()?;
        let left = until.since(now);
        if left > EXPIRES_SOON {
            return None;
        }
        let (file, day) = (file.display(), until.datetime().format("%Y-%m-%d %H:%M UTC"));
        Some(if left <= TimeDelta::zero() {
            format!(
                "{file} expired on {day}, and clients refuse it; put a new certificate and its key in the place of the files"
            )
        } else {
            format!(
                "{file} expires on {day}, in {} days; put a new certificate and its key in the place of the files before",
                left.num_days()
            )
        })
    }
}

/// Somebody who may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUser {
    /// The name.
    pub name: String,
    /// The bcrypt hash of the password.
    pub hash: Secret,
    /// The hash's cost, at most a second's.
    pub cost: u32,
}

/// The web's file, with the certificates that it names.
///
/// # Errors
/// When the file cannot be read, or all its mistakes at once.
pub fn web_file(path: &Path) -> Result<WebFile, ConfigError> {
    const NEXT: &str = "name the file with --web.config.file, or leave the flag out to serve plain http to everybody";
    let (text, metadata) = text_of_file(path, MAX_BYTES, NEXT)?;
    let (base, mode) = (path.parent().unwrap_or(Path::new("")), metadata.mode());
    let mistakes = Collector::default();
    let valid = reader::read(&text, &mistakes).map(|tree| {
        let root = ConfigSection::root(WEB_KEYS, &tree, &mistakes);
        let mut file = read(&root, base);
        if mode & 0o002 != 0 || (mode & 0o004 != 0 && !file.users.is_empty()) {
            root.wrong(
                "basic_auth_users",
                format!(
                    "the file is open to every user of this machine (its mode is {:04o}); chmod 0640 and give it to the daemon's group",
                    mode & 0o7777
                ),
            );
        }
        file.files.push(path.to_owned());
        file
    });
    mistakes.finish(&path.display().to_string(), valid)
}

fn read(root: &ConfigSection<'_>, base: &Path) -> WebFile {
    let section = root.section("tls_server_config");
    let mut file = WebFile {
        tls: None,
        certificate: None,
        headers: headers(root),
        users: root.mapping("basic_auth_users", HASH_IS, user).unwrap_or_default(),
        files: Vec::new(),
    };
    if let Some(settings) = section.is_given().then(|| settings(&section, base)).flatten() {
        let served = tls::server(&settings, |key, says| section.wrong(key, says));
        let TlsSettings { cert_file, key_file, client_ca_file, .. } = settings;
        if let Some((server, until)) = served {
            file.tls = Some(server);
            file.certificate = until.map(|until| (cert_file.clone(), until));
        }
        file.files.extend([cert_file, key_file].into_iter().chain(client_ca_file));
    }
    file
}

fn settings(section: &ConfigSection<'_>, base: &Path) -> Option<TlsSettings> {
    let file = |name| section.text(name, |text| Ok(base.join(path_of_file(text)?)));
    let cert_file = section.require("cert_file", file("cert_file"));
    let key_file = section.require("key_file", file("key_file"));
    let client_ca_file = file("client_ca_file");
    let auth = section.text("client_auth_type", client_auth);
    let auth_is_known = auth.is_some() == section.has("client_auth_type");
    let client_auth = auth.unwrap_or(ClientAuth::NoClientCert);
    match (client_auth, section.has("client_ca_file")) {
        (ClientAuth::NoClientCert, true) if auth_is_known => section.wrong(
            "client_ca_file",
            "is there and client_auth_type asks for no certificate; set that to RequireAndVerifyClientCert, or remove this",
        ),
        (ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify, false) => section.wrong(
            "client_auth_type",
            format!("{client_auth} needs client_ca_file, the authorities of the certificates"),
        ),
        _ => {}
    }
    let (mut min_version, mut max_version) = (TlsVersion::Tls12, TlsVersion::Tls13);
    set(&mut min_version, section.text("min_version", version));
    set(&mut max_version, section.text("max_version", version));
    if min_version > max_version {
        section.wrong("max_version", format!("is below min_version, {min_version}"));
    }
    let cipher_suites = section.texts("cipher_suites", |text| {
        // Those of TLS 1.3 are always there.
        let always =
            ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
        let found = tls::cipher_suites().find(|(name, _)| *name == text);
        match found {
            Some((_, suite)) => Ok(Some(suite)),
            None if always.contains(&text) => Ok(None),
            None => Err(names(
                "without forward secrecy, or unknown; allowed",
                tls::cipher_suites().map(|(name, _)| name),
            )),
        }
    });
    let curves = section.texts("curve_preferences", |text| {
        let found = CURVES.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, curve)| *curve)
            .ok_or_else(|| names("allowed", CURVES.iter().map(|(name, _)| *name)))
    });
    Some(TlsSettings {
        cert_file: cert_file?,
        key_file: key_file?,
        client_auth,
        client_ca_file,
        min_version,
        max_version,
        cipher_suites: cipher_suites.into_iter().flatten().flatten().collect(),
        curves: curves.unwrap_or_default(),
        server_order: section.flag("prefer_server_cipher_suites").unwrap_or(true),
    })
}

fn client_auth(text: &str) -> Result<ClientAuth, String> {
    match text {
        "RequestClientCert" | "RequireAnyClientCert" => Err(
            "it believes a certificate of anybody; allowed: NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
                .to_owned(),
        ),
        _ => ClientAuth::from_name(text)
            .ok_or_else(|| names("allowed", ClientAuth::ALL.iter().map(|auth| auth.name()))),
    }
}

fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "TLS10" | "TLS11" => Err("it is broken and not offered; allowed: TLS12, TLS13".to_owned()),
        _ => TlsVersion::from_name(text).ok_or_else(|| "allowed: TLS12, TLS13".to_owned()),
    }
}

fn names<'n>(before: &str, names: impl Iterator<Item = &'n str>) -> String {
    format!("{before}: {}", names.collect::<Vec<_>>().join(", "))
}

fn headers(root: &ConfigSection<'_>) -> Vec<(&'static str, String)> {
    let http = root.section("http_server_config");
    // Read for its type alone.
    http.flag("http2");
    let headers = http.section("headers");
    let of = |key: &'static ConfigKey| {
        let fits = |text: &str| {
            let shaped = text.len() <= MAX_HEADER_BYTES
                && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
            let known: &[&str] = match key.name() {
                "X-Frame-Options" => &["", "deny", "sameorigin"],
                "X-Content-Type-Options" => &["", "nosniff"],
                _ => return shaped,
            };
            known.contains(&text.to_ascii_lowercase().as_str())
        };
        let take = |text: &str| {
            fits(text)
                .then(|| (key.name(), text.to_owned()))
                .ok_or_else(|| format!("allowed: {}", key.takes()))
        };
        headers.text(key.name(), take)
    };
    headers.children().filter_map(of).filter(|(_, text)| !text.is_empty()).collect()
}

const HASH_IS: &str =
    "a name and a bcrypt hash in quotes, such as `htpasswd -nBC 10 NAME` prints behind the colon";

fn user(name: &str, hash: &str) -> Result<WebUser, String> {
    if name.is_empty() || name.len() > 255 || name.contains(':') || name.contains(char::is_control)
    {
        return Err("a user's name has 1 to 255 characters, without colons".to_owned());
    }
    let parts: bcrypt::HashParts =
        hash.parse().map_err(|_| format!("no bcrypt hash; allowed: {HASH_IS}"))?;
    let cost = parts.get_cost();
    if !(MIN_COST..=MAX_COST).contains(&cost) {
        return Err(format!(
            "the hash costs {cost}; allowed: {MIN_COST} to {MAX_COST}, because whoever can reach the port can make the daemon compute it"
        ));
    }
    let hash = Secret::from_file_text(hash).ok_or_else(|| format!("allowed: {HASH_IS}"))?;
    Ok(WebUser { name: name.to_owned(), hash, cost })
}
