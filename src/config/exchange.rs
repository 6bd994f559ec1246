//! The section `exchange` of an organisation.

use super::dates;
use super::section::ConfigSection;
use super::token;
use crate::domain::ids::{Source, UserName};
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::http_client::{Authorities, Endpoint};
use crate::secret::Secret;
use crate::sources::exchange::{
    EwsSettings, ExchangeAuth, ExchangeSettings, GraphAuth, GraphCertificate, GraphCloud,
    GraphSettings, ProbedMailbox,
};
use crate::sources::signing::SigningKey;
use chrono::NaiveTime;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A key of 4096 bits has 3 kB in PEM form.
const MAX_KEY_BYTES: u64 = 16 << 10;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<ExchangeSettings> {
    let section = org.section("exchange");
    if !section.is_given() {
        return None;
    }
    if !section.has("ews_url") && !section.has("graph") {
        section.wrong("ews_url", "missing; needed: ews_url, graph, or both");
    }
    let ews = section.has("ews_url").then(|| read_ews(&section, base));
    let graph = section.has("graph").then(|| read_graph(&section, base));
    let authorities = section.text("ca_file", |text| {
        let path = base.join(text);
        Authorities::from_file(&path)
            .map_err(|says| format!("{} {says}", token::named(text, &path)))
    });
    let mailboxes = section.texts("mailboxes", mailbox);
    let mailboxes = section.require("mailboxes", mailboxes);
    if let Some(mailboxes) = &mailboxes {
        let users: BTreeSet<&UserName> = mailboxes.iter().map(|mailbox| &mailbox.user).collect();
        if mailboxes.is_empty() {
            section.wrong("mailboxes", "found an empty list; allowed: at least one address");
        } else if users.len() < mailboxes.len() {
            section.wrong("mailboxes", "two mailboxes are of the same user; keep one of them");
        } else if mailboxes.len() > ExchangeSettings::MAX_MAILBOXES {
            section.wrong(
                "mailboxes",
                format!(
                    "found {}; allowed: at most {}",
                    mailboxes.len(),
                    ExchangeSettings::MAX_MAILBOXES
                ),
            );
        }
    }
    let folder = section.text("contacts_folder", |text| {
        let fits =
            !text.trim().is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned()).ok_or_else(|| "allowed: the name of a folder".to_owned())
    });
    let ends = section.text("ews_retirement", |text| match text {
        "none" => Ok(None),
        text => midnight(text).map(Some),
    });
    Some(ExchangeSettings {
        // A way that has mistakes ends the reading.
        ews: ews.map_or(Some(None), |ews| ews.map(Some))?,
        graph: graph.map_or(Some(None), |graph| graph.map(Some))?,
        authorities,
        mailboxes: mailboxes?,
        poll_every: section.span("poll_every").unwrap_or(ExchangeSettings::POLL_EVERY),
        contacts_folder: folder.unwrap_or_else(|| ExchangeSettings::CONTACTS_FOLDER.to_owned()),
        limits: ExchangeSettings::LIMITS,
        ews_retirement: ends.unwrap_or(Some(ExchangeSettings::EWS_RETIREMENT)),
    })
}

/// Where EWS is, and who signs in.
pub(super) fn read_ews(section: &ConfigSection<'_>, base: &Path) -> Option<EwsSettings> {
    let url = section.text("ews_url", |text| {
        let uri: hyper::Uri = text
            .parse()
            .map_err(|_| "allowed: a URL such as https://HOST/EWS/Exchange.asmx".to_owned())?;
        let path = uri.path().to_owned();
        let whole = text.strip_suffix(uri.path()).unwrap_or(text);
        let path = if path == "/" || path.is_empty() { EwsSettings::PATH.to_owned() } else { path };
        if uri.query().is_some() {
            return Err("allowed: a URL without a query".to_owned());
        }
        Ok((Endpoint::new(whole)?, path))
    });
    let auth = read_auth(section, base);
    let (host, path) = url?;
    Some(EwsSettings {
        host,
        path,
        auth: auth?,
        impersonate: section.flag("impersonate").unwrap_or(true),
        autodiscover: section.flag("autodiscover").unwrap_or(true),
    })
}

/// The application that reads over Graph.
fn read_graph(section: &ConfigSection<'_>, base: &Path) -> Option<GraphSettings> {
    let section = section.section("graph");
    let tenant = section.text("tenant", |text| {
        let fits = text.len() <= 253
            && text.contains(['.', '-'])
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        fits.then(|| text.to_owned()).ok_or_else(|| {
            "allowed: the tenant's id, or a domain of it such as acme.onmicrosoft.com".to_owned()
        })
    });
    let tenant = section.require("tenant", tenant);
    let client_id = section.text("client_id", |text| {
        let fits =
            text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        fits.then(|| text.to_owned()).ok_or_else(|| {
            "allowed: the application's id, such as 00000000-0000-0000-0000-000000000000".to_owned()
        })
    });
    let client_id = section.require("client_id", client_id);
    let cloud = section.choice("cloud", GraphCloud::from_name).unwrap_or(GraphCloud::Global);
    let [login, host] = cloud.hosts();
    let scope = format!("{host}/.default");
    let simulator = section.text("simulator", |text| {
        let endpoint = Endpoint::new(text)?;
        endpoint.is_loopback().then_some(endpoint).ok_or_else(|| "allowed: this machine".to_owned())
    });
    let hosts = match simulator {
        Some(simulator) => [simulator.clone(), simulator],
        None => [Endpoint::new(login).ok()?, Endpoint::new(host).ok()?],
    };
    let auth = match (section.has("client_secret_file"), section.has("certificate_file")) {
        (true, false) => section
            .text("client_secret_file", |text| token::line(text, &base.join(text), "secret"))
            .map(GraphAuth::Secret),
        (false, true) => {
            let certificate = section.text("certificate_file", |text| {
                let path = base.join(text);
                let about = |says| format!("{} {says}", token::named(text, &path));
                let chain = crate::tls::certificates(&path).map_err(about)?;
                chain.into_iter().next().ok_or_else(|| about("holds no certificate".to_owned()))
            });
            let key = section.text("key_file", |text| {
                let path = base.join(text);
                let name = token::named(text, &path);
                let pem = token::secret_bytes(&name, &path, MAX_KEY_BYTES)?;
                SigningKey::from_pem(&pem).map_err(|says| format!("{name} {says}"))
            });
            let key = section.require("key_file", key);
            let (certificate, key) = (certificate?, key?);
            let auth =
                GraphCertificate::new(&certificate, crate::tls::not_after(&certificate), key);
            if auth.is_none() {
                section.wrong("key_file", "the key is not that of the certificate");
            }
            auth.map(|certificate| GraphAuth::Certificate(Arc::new(certificate)))
        }
        (true, true) => {
            section.wrong("certificate_file", "found beside client_secret_file; keep one");
            None
        }
        (false, false) => {
            section.wrong(
                "client_secret_file",
                "missing; needed: client_secret_file, or certificate_file with key_file",
            );
            None
        }
    };
    let [login, host] = hosts;
    Some(GraphSettings { login, host, scope, tenant: tenant?, client_id: client_id?, auth: auth? })
}

/// The beginning of a day, in UTC.
fn midnight(text: &str) -> Result<Timestamp, String> {
    let day = dates::day(text)?;
    Timestamp::from_datetime(day.and_time(NaiveTime::MIN).and_utc())
        .ok_or_else(|| "allowed: a date such as 2027-04-01".to_owned())
}

/// Says how often the probe speaks when it runs like this.
pub(super) fn expect(policy: &mut OrgPolicy, settings: &ExchangeSettings) {
    policy.probes_exchange = true;
    if let Some(every) = &mut policy.expected_every[Source::Exchange] {
        *every = (*every).max(settings.poll_every);
    }
}

fn mailbox(text: &str) -> Result<ProbedMailbox, String> {
    let allowed = || {
        "allowed: an address such as ann@acme.example, or `ann@acme.example as USER` where Salesforce names the user otherwise".to_owned()
    };
    let (address, user) = text.split_once(" as ").unwrap_or((text, text));
    let address = address.trim();
    let fits = address.len() <= 254
        && address.bytes().all(|byte| byte.is_ascii_graphic())
        && address
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    let user = UserName::new(user).map_err(|_| allowed())?;
    fits.then(|| ProbedMailbox { address: address.to_owned(), user }).ok_or_else(allowed)
}

fn read_auth(section: &ConfigSection<'_>, base: &Path) -> Option<ExchangeAuth> {
    let auth = section.section("auth");
    section.require("auth", auth.is_given().then_some(()))?;
    let given: Vec<&str> =
        ["basic", "ntlm", "bearer"].into_iter().filter(|name| auth.has(name)).collect();
    match given.as_slice() {
        [] => {
            section.wrong("auth", "needs one of basic, ntlm, bearer");
            None
        }
        ["bearer"] => {
            Some(ExchangeAuth::Bearer { token_file: token_file(&auth.section("bearer"), base)? })
        }
        [name] => {
            let (username, password) = account(&auth.section(name), base)?;
            Some(if *name == "ntlm" {
                ExchangeAuth::Ntlm { username, password }
            } else {
                ExchangeAuth::Basic { username, password }
            })
        }
        more => {
            section.wrong("auth", format!("found {}; keep one", more.join(" and ")));
            None
        }
    }
}

/// The file of a token that another program renews.
pub(super) fn token_file(bearer: &ConfigSection<'_>, base: &Path) -> Option<PathBuf> {
    let token_file = bearer.text("token_file", |text| {
        let path = base.join(text);
        token::line(text, &path, "token").map(|_| path)
    });
    bearer.require("token_file", token_file)
}

/// The name and the password of an account.
pub(super) fn account(account: &ConfigSection<'_>, base: &Path) -> Option<(String, Secret)> {
    let username = account.text("username", |text| {
        let fits = !text.is_empty()
            && text.len() <= 320
            && !text.contains(':')
            && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
            .ok_or_else(|| "allowed: a name such as CORP\\svc-sfsync, without a colon".to_owned())
    });
    let username = account.require("username", username);
    let password = account.text("password_file", |text| {
        let path = base.join(text);
        token::any_line(&token::named(text, &path), &path, "password")
    });
    let password = account.require("password_file", password);
    Some((username?, password?))
}
