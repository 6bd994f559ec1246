//! The section `exchange_log` of an organisation.

use super::section::ConfigSection;
use crate::domain::ids::Source;
use crate::domain::policy::OrgPolicy;
use crate::sources::exchange_log::columns::LogKind;
use crate::sources::exchange_log::{AddressRange, ExchangeLogSettings, LogServer, SyncAccount};
use enum_map::EnumMap;
use std::path::{Path, PathBuf};

/// More servers than any organisation that Lightning Sync was made for; each has series of its own.
const MOST_SERVERS: usize = 64;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<ExchangeLogSettings> {
    let section = org.section("exchange_log");
    if !section.is_given() {
        return None;
    }
    let names = section.texts("service_account", |text| {
        let fits = |name: &str| !name.is_empty() && !name.chars().any(char::is_control);
        let parts: Vec<&str> = text.split(['@', '\\']).collect();
        let shaped = matches!(parts.as_slice(), [one, other] if fits(one) && fits(other));
        (shaped && text.len() <= 320).then(|| text.to_owned()).ok_or_else(|| {
            r"allowed: a mail address such as svc-sfsync@acme.example, or ACME\svc-sfsync"
                .to_owned()
        })
    });
    let names = section.require("service_account", names);
    if names.as_ref().is_some_and(Vec::is_empty) {
        section.wrong("service_account", "found an empty list; needed: a name of the account");
    }
    let user_agent = section.text("user_agent", |text| {
        let fits = (3..=256).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        fits.then(|| text.to_ascii_lowercase())
            .ok_or_else(|| "allowed: 3 to 256 characters of ASCII".to_owned())
    });
    let addresses = section.texts("addresses", |text| {
        AddressRange::new(text).ok_or_else(|| {
            "allowed: an address such as 192.0.2.7, or a range such as 192.0.2.0/24".to_owned()
        })
    });
    let servers = section.require("servers", read_servers(&section, base));
    Some(ExchangeLogSettings {
        poll_every: section.span("poll_every").unwrap_or(ExchangeLogSettings::POLL_EVERY),
        no_calls_after: section
            .span("no_calls_after")
            .unwrap_or(ExchangeLogSettings::NO_CALLS_AFTER),
        account: SyncAccount {
            names: names?,
            user_agent,
            addresses: addresses.unwrap_or_default(),
        },
        servers: servers?,
    })
}

fn read_servers(section: &ConfigSection<'_>, base: &Path) -> Option<Vec<LogServer>> {
    let sections = section.sections("servers")?;
    if sections.is_empty() || sections.len() > MOST_SERVERS {
        let says = format!("found {} servers; allowed: 1 to {MOST_SERVERS}", sections.len());
        section.wrong("servers", says);
    }
    let mut servers: Vec<LogServer> = Vec::new();
    let mut paths: Vec<(PathBuf, LogKind)> = Vec::new();
    for server in &sections {
        let name = server.text("name", |text| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if !(1..=64).contains(&text.len()) || !text.bytes().all(fits) {
                return Err("allowed: 1 to 64 letters, digits, dots, _ and -".to_owned());
            }
            if servers.iter().any(|other| other.name.eq_ignore_ascii_case(text)) {
                return Err("another server has this name; each needs its own".to_owned());
            }
            Ok(text.to_owned())
        });
        let name = server.require("name", name);
        let mut directories = EnumMap::default();
        for kind in LogKind::ALL {
            directories[*kind] = server.text(kind.name(), |text| {
                let path = base.join(text);
                if paths.contains(&(path.clone(), *kind)) {
                    return Err("another server's log of this kind is read from there".to_owned());
                }
                // Whether it is there shows later: a share that is away must not keep the daemon from starting.
                if path.metadata().is_ok_and(|found| !found.is_dir()) {
                    return Err("this is no directory".to_owned());
                }
                paths.push((path.clone(), *kind));
                Ok(path)
            });
        }
        if LogKind::ALL.iter().all(|kind| !server.has(kind.name())) {
            server.wrong(
                "name",
                "this server has no directory; give at least one of ews, http_proxy, iis",
            );
        }
        servers.extend(name.map(|name| LogServer { name, directories }));
    }
    Some(servers)
}

/// Says that the logs are read, and how often they report then.
pub(super) fn expect(policy: &mut OrgPolicy, settings: &ExchangeLogSettings) {
    policy.reads_exchange_log = true;
    if let Some(every) = &mut policy.expected_every[Source::ExchangeLog] {
        *every = (*every).max(settings.poll_every);
    }
}
