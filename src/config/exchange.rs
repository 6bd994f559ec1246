//! The section `exchange` of an organisation.

use super::section::ConfigSection;
use super::token;
use crate::domain::ids::{Source, UserName};
use crate::domain::policy::OrgPolicy;
use crate::http_client::{Authorities, Endpoint};
use crate::sources::exchange::{ExchangeAuth, ExchangeSettings, ProbedMailbox};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<ExchangeSettings> {
    let section = org.section("exchange");
    if !section.is_given() {
        return None;
    }
    let url = section.text("ews_url", |text| {
        let uri: hyper::Uri = text
            .parse()
            .map_err(|_| "allowed: a URL such as https://HOST/EWS/Exchange.asmx".to_owned())?;
        let path = uri.path().to_owned();
        let whole = text.strip_suffix(uri.path()).unwrap_or(text);
        let path =
            if path == "/" || path.is_empty() { ExchangeSettings::PATH.to_owned() } else { path };
        if uri.query().is_some() {
            return Err("allowed: a URL without a query".to_owned());
        }
        Ok((Endpoint::new(whole)?, path))
    });
    let url = section.require("ews_url", url);
    let authorities = section.text("ca_file", |text| {
        let path = base.join(text);
        Authorities::from_file(&path)
            .map_err(|says| format!("{} {says}", token::named(text, &path)))
    });
    let auth = read_auth(&section, base);
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
    let (host, path) = url?;
    Some(ExchangeSettings {
        host,
        path,
        authorities,
        auth: auth?,
        mailboxes: mailboxes?,
        impersonate: section.flag("impersonate").unwrap_or(true),
        autodiscover: section.flag("autodiscover").unwrap_or(true),
        poll_every: section.span("poll_every").unwrap_or(ExchangeSettings::POLL_EVERY),
        contacts_folder: folder.unwrap_or_else(|| ExchangeSettings::CONTACTS_FOLDER.to_owned()),
    })
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
            let bearer = auth.section("bearer");
            let token_file = bearer.text("token_file", |text| {
                let path = base.join(text);
                token::line(text, &path, "token").map(|_| path)
            });
            Some(ExchangeAuth::Bearer { token_file: bearer.require("token_file", token_file)? })
        }
        [name] => {
            let account = auth.section(name);
            let username = account.text("username", |text| {
                let fits = !text.is_empty()
                    && text.len() <= 320
                    && !text.contains(':')
                    && !text.chars().any(char::is_control);
                fits.then(|| text.to_owned()).ok_or_else(|| {
                    "allowed: a name such as CORP\\svc-sfsync, without a colon".to_owned()
                })
            });
            let username = account.require("username", username);
            let password = account.text("password_file", |text| {
                let path = base.join(text);
                token::any_line(&token::named(text, &path), &path, "password")
            });
            let password = account.require("password_file", password);
            let (username, password) = (username?, password?);
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
