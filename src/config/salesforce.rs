//! The section `salesforce` of an organisation.

use super::section::ConfigSection;
use super::token;
use crate::domain::ids::Source;
use crate::domain::policy::OrgPolicy;
use crate::http_client::{Authorities, Endpoint};
use crate::sources::salesforce::{
    Auth, ReportColumns, ReportSettings, SalesforceSettings, SigningKey,
};
use chrono::TimeDelta;
use std::path::Path;
use std::sync::Arc;

/// A key of 16,384 bits in PEM form has about 12 KiB; what is longer is another file.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<SalesforceSettings> {
    let section = org.section("salesforce");
    if !section.is_given() {
        return None;
    }
    let (my_domain, authorities, auth) = read_access(&section, base);
    let report = read_report(&section);
    Some(SalesforceSettings {
        api_version: section.count("api_version").unwrap_or(SalesforceSettings::API_VERSION),
        poll_every: section.span("poll_every").unwrap_or(SalesforceSettings::POLL_EVERY),
        api_budget_percent: section
            .count("api_budget_percent")
            .unwrap_or(SalesforceSettings::API_BUDGET_PERCENT),
        approximate_activity: section.flag("approximate_activity").unwrap_or(false),
        read_settings: section.flag("read_settings").unwrap_or(true),
        my_domain: my_domain?,
        authorities,
        auth: auth?,
        report: report?,
    })
}

/// What the canary needs of Salesforce.
pub(super) fn read_for_canary(
    section: &ConfigSection<'_>,
    base: &Path,
    every: TimeDelta,
) -> Option<SalesforceSettings> {
    let (my_domain, authorities, auth) = read_access(section, base);
    Some(SalesforceSettings {
        api_version: section.count("api_version").unwrap_or(SalesforceSettings::API_VERSION),
        poll_every: every,
        api_budget_percent: SalesforceSettings::API_BUDGET_PERCENT,
        approximate_activity: false,
        read_settings: false,
        my_domain: my_domain?,
        authorities,
        auth: auth?,
        report: None,
    })
}

/// The host, further authorities, and how to get a session.
fn read_access(
    section: &ConfigSection<'_>,
    base: &Path,
) -> (Option<Endpoint>, Option<Authorities>, Option<Auth>) {
    let my_domain = section.text("my_domain", |text| {
        // One with a password in it is not repeated.
        if text.contains('@') {
            return Ok(None);
        }
        let endpoint = Endpoint::new(text)?;
        not_my_domain(endpoint.host()).map_or(Ok(Some(endpoint)), |says| Err(says.to_owned()))
    });
    if let Some(None) = my_domain {
        section.wrong(
            "my_domain",
            "has a user name in it; allowed: a host alone, credentials stand under auth",
        );
    }
    let my_domain = section.require("my_domain", my_domain).flatten();
    let authorities = section.text("ca_file", |text| {
        let path = base.join(text);
        Authorities::from_file(&path)
            .map_err(|says| format!("{} {says}", token::named(text, &path)))
    });
    let auth = read_auth(section, base, my_domain.as_ref());
    (my_domain, authorities, auth)
}

/// `None`: the section has mistakes. `Some(None)`: it is not there.
fn read_report(section: &ConfigSection<'_>) -> Option<Option<ReportSettings>> {
    if !section.has("report") {
        return Some(None);
    }
    let report = section.section("report");
    let id = report.text("id", |text| {
        let shaped = matches!(text.len(), 15 | 18)
            && text.starts_with("00O")
            && text.bytes().all(|b| b.is_ascii_alphanumeric());
        shaped.then(|| text.to_owned()).ok_or_else(|| {
            "allowed: a record id of 15 or 18 characters that begins with 00O".to_owned()
        })
    });
    let (id, columns) = (report.require("id", id), columns(&report));
    Some(Some(ReportSettings { id: id?, columns: columns? }))
}

/// The labels of an error report's columns.
pub(super) fn columns(report: &ConfigSection<'_>) -> Option<ReportColumns> {
    let label = |name: &str| {
        let read = report.text(name, |text| {
            let fits = !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
                .ok_or_else(|| "allowed: a column's label as the report shows it".to_owned())
        });
        report.require(name, read)
    };
    let word = |name: &str| {
        report.text(name, |text| {
            let fits = !text.trim().is_empty() && text.len() <= 255;
            fits.then(|| text.trim().to_owned())
                .ok_or_else(|| "allowed: a word as the report shows it".to_owned())
        })
    };
    let (object, user) = (label("object_column"), label("user_column"));
    let (contact, event) = (word("contact_word"), word("event_word"));
    Some(ReportColumns { object: object?, user: user?, contact, event })
}

/// Says how often Salesforce speaks when it is polled like this; never less than what slowing down for the budget needs.
pub(super) fn expect(policy: &mut OrgPolicy, settings: &SalesforceSettings) {
    if let Some(every) = &mut policy.expected_every[Source::Salesforce] {
        *every = (*every).max(settings.poll_every);
    }
}

fn read_auth(
    section: &ConfigSection<'_>,
    base: &Path,
    my_domain: Option<&Endpoint>,
) -> Option<Auth> {
    let auth = section.section("auth");
    section.require("auth", auth.is_given().then_some(()))?;
    let (credentials, jwt) = (auth.section("client_credentials"), auth.section("jwt_bearer"));
    let text = |section: &ConfigSection<'_>, name: &str| {
        let read = section.text(name, |text| {
            let fits =
                !text.is_empty() && text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
            fits.then(|| text.to_owned())
                .ok_or_else(|| "allowed: letters, digits and signs without blanks".to_owned())
        });
        section.require(name, read)
    };
    match (auth.has("client_credentials"), auth.has("jwt_bearer")) {
        (false, false) => {
            section.wrong("auth", "needs one of client_credentials, jwt_bearer");
            None
        }
        (true, true) => {
            section.wrong("auth", "found both client_credentials and jwt_bearer; keep one");
            None
        }
        (true, false) => {
            let client_id = text(&credentials, "client_id");
            let secret = credentials.text("client_secret_file", |text| {
                token::line(text, &base.join(text), "consumer secret")
            });
            let secret = credentials.require("client_secret_file", secret);
            Some(Auth::ClientCredentials { client_id: client_id?, secret: secret? })
        }
        (false, true) => {
            let client_id = text(&jwt, "client_id");
            let username = text(&jwt, "username");
            let key = jwt.text("private_key_file", |text| {
                let path = base.join(text);
                let name = token::named(text, &path);
                let pem = token::secret_bytes(&name, &path, MAX_KEY_BYTES)?;
                SigningKey::from_pem(&pem).map_err(|says| format!("{name} {says}"))
            });
            let key = jwt.require("private_key_file", key);
            let fitting =
                my_domain.map_or(PRODUCTION_AUDIENCE, |my_domain| audience(my_domain.host()));
            let audience = jwt.text("audience", |text| {
                let host = Endpoint::new(text)?.host().to_owned();
                let text = text.trim_end_matches('/');
                let vendors = [PRODUCTION_AUDIENCE, SANDBOX_AUDIENCE].contains(&text);
                match my_domain {
                    Some(ours)
                        if ours.host().ends_with(MY_DOMAIN)
                            && text != fitting
                            && (vendors || host != ours.host()) =>
                    {
                        Err(format!(
                            "allowed: {fitting}, which believes in {}, or that itself",
                            ours.host()
                        ))
                    }
                    _ => Ok(text.to_owned()),
                }
            });
            Some(Auth::JwtBearer {
                client_id: client_id?,
                username: username?,
                key: Arc::new(key?),
                audience: audience.unwrap_or_else(|| fitting.to_owned()),
            })
        }
    }
}

const PRODUCTION_AUDIENCE: &str = "https://login.salesforce.com";
/// Of sandboxes and scratch organisations.
const SANDBOX_AUDIENCE: &str = "https://test.salesforce.com";
/// How the hosts of organisations end.
const MY_DOMAIN: &str = ".my.salesforce.com";

/// The audience that fits a host.
fn audience(host: &str) -> &'static str {
    let sandbox = host.contains("--") || host.contains(".sandbox.") || host.contains(".scratch.");
    if sandbox { SANDBOX_AUDIENCE } else { PRODUCTION_AUDIENCE }
}

/// Why a host of Salesforce is no My Domain; a session of another host would be refused, or sent where nobody wants it.
fn not_my_domain(host: &str) -> Option<&'static str> {
    if host.ends_with(".force.com") || host.ends_with(".my.site.com") {
        return Some(
            "this host serves pages only; allowed: the My Domain, such as https://acme.my.salesforce.com",
        );
    }
    (host.ends_with(".salesforce.com") && !host.ends_with(MY_DOMAIN)).then_some(
        "this host is not the organisation's own; allowed: the My Domain, such as https://acme.my.salesforce.com",
    )
}
