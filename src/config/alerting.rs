//! The section `alerting`.

use super::exchange::{account, token_file};
use super::load::set;
use super::section::ConfigSection;
use super::token;
use crate::alerting::{
    AlertingSettings, AlertmanagerAuth, AlertmanagerSettings, HeartbeatSettings,
};
use crate::domain::external_url::ExternalUrl;
use crate::http_client::{Authorities, Endpoint};
use crate::rules::ScrapeTarget;
use crate::secret::Secret;
use chrono::TimeDelta;
use std::collections::BTreeSet;
use std::path::Path;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(
    root: &ConfigSection<'_>,
    external_url: Option<&ExternalUrl>,
    base: &Path,
) -> Option<AlertingSettings> {
    let section = root.section("alerting");
    if !section.is_given() {
        return None;
    }
    let sections = section.sections("alertmanagers").unwrap_or_default();
    let read: Vec<Option<AlertmanagerSettings>> =
        sections.iter().map(|section| alertmanager(section, base)).collect();
    let alertmanagers: Vec<AlertmanagerSettings> = read.into_iter().flatten().collect();
    let names: BTreeSet<String> =
        alertmanagers.iter().map(|alertmanager| alertmanager.endpoint.to_string()).collect();
    if names.len() < alertmanagers.len() {
        section.wrong("alertmanagers", "two have the same url; keep one of them");
    }
    let most = AlertingSettings::MAX_ALERTMANAGERS;
    if alertmanagers.len() > most {
        let says = format!("found {}; allowed: at most {most}", alertmanagers.len());
        section.wrong("alertmanagers", says);
    }
    let mut exporter =
        ScrapeTarget { job: "lightning-sync".to_owned(), instance: "127.0.0.1:9877".to_owned() };
    set(&mut exporter.job, section.text("job", label));
    set(&mut exporter.instance, section.text("instance", label));
    Some(AlertingSettings {
        alertmanagers,
        exporter,
        heartbeat: heartbeat(&section.section("heartbeat")),
        external_url: external_url.cloned().unwrap_or_default(),
    })
}

fn alertmanager(section: &ConfigSection<'_>, base: &Path) -> Option<AlertmanagerSettings> {
    let endpoint = section.text("url", Endpoint::with_path);
    let endpoint = section.require("url", endpoint);
    let authorities = section.text("ca_file", |text| {
        let path = base.join(text);
        Authorities::from_file(&path)
            .map_err(|says| format!("{} {says}", token::named(text, &path)))
    });
    let auth = section.section("auth");
    let auth = match (auth.has("basic"), auth.has("bearer")) {
        (true, true) => {
            section.wrong("auth", "found basic and bearer; keep one");
            None
        }
        (true, false) => account(&auth.section("basic"), base)
            .map(|(username, password)| AlertmanagerAuth::Basic { username, password }),
        (false, true) => token_file(&auth.section("bearer"), base)
            .map(|token_file| AlertmanagerAuth::Bearer { token_file }),
        (false, false) => {
            if auth.is_given() {
                section.wrong("auth", "needs one of basic, bearer");
            }
            None
        }
    };
    Some(AlertmanagerSettings { endpoint: endpoint?, authorities, auth })
}

fn heartbeat(section: &ConfigSection<'_>) -> Option<HeartbeatSettings> {
    if !section.is_given() {
        return None;
    }
    let url = section.text("url", |text| {
        let begin = text.find("://").map_or(0, |at| at + 3);
        let (_, rest) = text.split_at_checked(begin).unwrap_or_default();
        let host = begin + rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = text.split_at_checked(host).unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains('#');
        let path = Secret::from_file_text(&path).filter(|_| plain);
        Ok((Endpoint::new(host)?, path.ok_or("allowed: a URL such as https://HOST/PATH")?))
    });
    let url = section.require("url", url);
    let every = section.span("every").unwrap_or(TimeDelta::seconds(60));
    let (endpoint, path) = url?;
    Some(HeartbeatSettings { endpoint, path, every })
}

fn label(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "allowed: the value of a label".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::alerting::{AlertingSettings, AlertmanagerAuth};
    use crate::config::{Environment, from_text};
    use chrono::TimeDelta;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::sync::Arc;

    fn read(text: &str, base: &Path) -> Result<Option<Arc<AlertingSettings>>, String> {
        let text = format!("orgs: [{{ name: acme }}]\nalerting: {text}\n");
        from_text("test", &text, base, &Environment::default())
            .map(|valid| valid.alerting)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn alertmanagers_with_their_sign_in_and_a_heartbeat_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, "hunter2\n").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = "{ alertmanagers: [{ url: \"https://a.example:9093/alerts\", auth: { basic: { username: sync, password_file: secret } } }, \
                    { url: \"http://127.0.0.1:9093\", auth: { bearer: { token_file: secret } } }, { url: \"https://c.example\" }], \
                    job: sync, heartbeat: { url: \"https://switch.example/ping/id?x=1\", every: 2m } }";
        let settings = read(text, directory.path()).unwrap().unwrap();
        let [basic, bearer, plain] = settings.alertmanagers.as_slice() else {
            panic!("{settings:#?}");
        };
        assert_eq!(basic.endpoint.to_string(), "https://a.example:9093/alerts");
        assert!(matches!(&basic.auth, Some(AlertmanagerAuth::Basic { username, password })
            if username == "sync" && password.expose() == "hunter2"));
        assert_eq!(bearer.auth, Some(AlertmanagerAuth::Bearer { token_file: secret }));
        assert_eq!(plain.auth, None);
        assert_eq!(
            (settings.exporter.job.as_str(), settings.exporter.instance.as_str()),
            ("sync", "127.0.0.1:9877")
        );
        let heartbeat = settings.heartbeat.clone().unwrap();
        assert_eq!(heartbeat.endpoint.to_string(), "https://switch.example");
        assert_eq!(
            (heartbeat.path.expose(), heartbeat.every),
            ("/ping/id?x=1", TimeDelta::minutes(2))
        );
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("/ping"), "{shown}");
        assert!(settings.is_secure());
    }

    #[test]
    fn what_cannot_be_meant_is_a_mistake() {
        for (text, says) in [
            (
                "{ alertmanagers: [{ url: \"http://a.example\" }] }",
                "plain http is taken to loopback only",
            ),
            ("{ alertmanagers: [{ ca_file: none.pem }] }", "url: missing"),
            (
                "{ alertmanagers: [{ url: \"https://a\" }, { url: \"https://a/\" }] }",
                "two have the same url",
            ),
            ("{ alertmanagers: [{ url: \"https://a\", auth: {} }] }", "needs one of basic, bearer"),
            ("{ heartbeat: { every: 5s, url: \"https://a\" } }", "10s to 1h"),
            ("{ heartbeat: {} }", "url: missing"),
            (
                "{ heartbeat: { url: \"http://a.example/x\" } }",
                "plain http is taken to loopback only",
            ),
            ("{ heartbeat: { url: \"https://a.example/x#y\" } }", "allowed: a URL"),
            ("{ heartbeat: { url: nothing } }", "allowed: a URL"),
        ] {
            let error = read(text, Path::new("/nowhere")).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        for (url, path) in [("https://a.example", "/"), ("https://a.example?x=1", "/?x=1")] {
            let read = read(&format!("{{ heartbeat: {{ url: \"{url}\" }} }}"), Path::new(""))
                .unwrap()
                .unwrap();
            assert_eq!(read.heartbeat.as_ref().unwrap().path.expose(), path);
        }
    }
}
