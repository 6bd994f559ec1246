//! The section `salesforce` of an organisation.

use super::section::{ConfigSection, KeyRead};
use super::token;
use crate::domain::ids::Source;
use crate::domain::policy::OrgPolicy;
use crate::http_client::{Authorities, Endpoint};
use crate::sources::salesforce::{Auth, Columns, ReportSettings, Settings, SigningKey};
use std::path::Path;
use std::sync::Arc;

/// A key of 16,384 bits in PEM form has about 12 KiB; what is longer is another file.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<Settings> {
    let (given, section) = org.section("salesforce");
    given.given()?;
    let my_domain = section.text("my_domain", |text| {
        // One with a password in it is not repeated.
        if text.contains('@') {
            return Ok(None);
        }
        let endpoint = Endpoint::new(text)?;
        match not_my_domain(endpoint.host()) {
            Some(says) => Err(says.to_owned()),
            None => Ok(Some(endpoint)),
        }
    });
    if let KeyRead::Given(None) = my_domain {
        section.wrong(
            "my_domain",
            "has a user name in it; allowed: a host alone, credentials stand under auth",
        );
    }
    let my_domain = section.require("my_domain", my_domain).flatten();
    let authorities = section.text("ca_file", |text| ca_file(text, &base.join(text)));
    let api_version = section.count("api_version").or(u64::from(Settings::API_VERSION));
    let poll_every = section.span("poll_every").given().flatten();
    let budget = section.count("api_budget_percent").or(u64::from(Settings::API_BUDGET_PERCENT));
    let auth = read_auth(&section, base, my_domain.as_ref());
    let report = read_report(&section);
    let approximate_activity = section.flag("approximate_activity").or(false);
    Some(Settings {
        my_domain: my_domain?,
        authorities: authorities.given(),
        auth: auth?,
        api_version: u16::try_from(api_version).unwrap_or(Settings::API_VERSION),
        poll_every: poll_every.unwrap_or(Settings::POLL_EVERY),
        api_budget_percent: u8::try_from(budget).unwrap_or(Settings::API_BUDGET_PERCENT),
        report: report?,
        approximate_activity,
    })
}

/// `None`: the section has mistakes. `Some(None)`: it is not there.
fn read_report(section: &ConfigSection<'_>) -> Option<Option<ReportSettings>> {
    let (given, report) = section.section("report");
    if given.is_absent() {
        return Some(None);
    }
    given.given()?;
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
pub(super) fn columns(report: &ConfigSection<'_>) -> Option<Columns> {
    let label = |name: &str| {
        let read = report.text(name, |text| {
            let fits = !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
                .ok_or_else(|| "allowed: a column's label as the report shows it".to_owned())
        });
        report.require(name, read)
    };
    let (object, user) = (label("object_column"), label("user_column"));
    Some(Columns { object: object?, user: user? })
}

/// Says how often Salesforce speaks when it is polled like this; never less than what slowing down for the budget needs.
pub(super) fn expect(policy: &mut OrgPolicy, settings: &Settings) {
    if let Some(every) = &mut policy.expected_every[Source::Salesforce] {
        *every = (*every).max(settings.poll_every);
    }
}

fn read_auth(
    section: &ConfigSection<'_>,
    base: &Path,
    my_domain: Option<&Endpoint>,
) -> Option<Auth> {
    let (given, auth) = section.section("auth");
    section.require("auth", given)?;
    let (credentials_given, credentials) = auth.section("client_credentials");
    let (jwt_given, jwt) = auth.section("jwt_bearer");
    let text = |section: &ConfigSection<'_>, name: &str| {
        let read = section.text(name, |text| {
            let fits =
                !text.is_empty() && text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic());
            fits.then(|| text.to_owned())
                .ok_or_else(|| "allowed: letters, digits and signs without blanks".to_owned())
        });
        section.require(name, read)
    };
    match (credentials_given, jwt_given) {
        (KeyRead::Absent, KeyRead::Absent) => {
            section.wrong("auth", "needs one of client_credentials, jwt_bearer");
            None
        }
        (KeyRead::Given(()), KeyRead::Absent) => {
            let client_id = text(&credentials, "client_id");
            let secret = credentials.text("client_secret_file", |text| {
                token::line(text, &base.join(text), "consumer secret")
            });
            let secret = credentials.require("client_secret_file", secret);
            Some(Auth::ClientCredentials { client_id: client_id?, secret: secret? })
        }
        (KeyRead::Absent, KeyRead::Given(())) => {
            let client_id = text(&jwt, "client_id");
            let username = text(&jwt, "username");
            let key = jwt.text("private_key_file", |text| key_file(text, &base.join(text)));
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
                key: key?,
                audience: audience.or(fitting.to_owned()),
            })
        }
        (KeyRead::Given(()), KeyRead::Given(())) => {
            section.wrong("auth", "found both client_credentials and jwt_bearer; keep one");
            None
        }
        (KeyRead::Wrong, _) | (_, KeyRead::Wrong) => None,
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
        Some(
            "this host serves pages only; allowed: the My Domain, such as https://acme.my.salesforce.com",
        )
    } else if host.ends_with(".salesforce.com") && !host.ends_with(MY_DOMAIN) {
        Some(
            "this host is not the organisation's own; allowed: the My Domain, such as https://acme.my.salesforce.com",
        )
    } else {
        None
    }
}

fn key_file(written: &str, path: &Path) -> Result<Arc<SigningKey>, String> {
    let name = token::named(written, path);
    let text = token::secret_text(&name, path, MAX_KEY_BYTES)?;
    SigningKey::from_pem(text.as_bytes()).map(Arc::new).map_err(|says| format!("{name} {says}"))
}

fn ca_file(written: &str, path: &Path) -> Result<Authorities, String> {
    Authorities::from_file(path).map_err(|says| format!("{} {says}", token::named(written, path)))
}
