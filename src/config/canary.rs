//! The section `canary` of an organisation.

use super::section::ConfigSection;
use super::{exchange, salesforce, token};
use crate::domain::ids::{Direction, ObjectType, Source};
use crate::domain::policy::OrgPolicy;
use crate::http_client::Authorities;
use crate::sources::canary::CanarySettings;
use crate::sources::exchange::ExchangeSettings;
use enum_map::EnumMap;
use std::path::Path;
use std::sync::Arc;

/// Reads the section; `None` when it is not there, or has mistakes, which are noted.
pub(super) fn read(
    org: &ConfigSection<'_>,
    base: &Path,
    policy: &OrgPolicy,
) -> Option<CanarySettings> {
    let section = org.section("canary");
    if !section.is_given() {
        return None;
    }
    let every = section.span("every").unwrap_or(CanarySettings::EVERY);
    let address = |name: &str| {
        let read = section.text(name, |text| {
            // Quotes and backslashes would have to be written otherwise in a query.
            let fits = text.len() <= 254
                && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte))
                && text
                    .split_once('@')
                    .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
            fits.then(|| text.to_owned())
                .ok_or_else(|| "allowed: a name such as sync-canary@acme.example".to_owned())
        });
        section.require(name, read)
    };
    let (mailbox, user) = (address("mailbox"), address("user"));
    let related_to = section.text("related_to", |text| {
        let fits =
            [15, 18].contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric());
        fits.then(|| text.to_owned()).ok_or_else(|| "allowed: the id of a record".to_owned())
    });
    let attendee = section.has("attendee").then(|| address("attendee")).flatten();
    let objects = section.choices("objects", ObjectType::from_name);
    let objects = objects.unwrap_or_else(|| policy.objects.clone());
    if let Some(other) = objects.iter().find(|object| !policy.objects.contains(object)) {
        section.wrong("objects", format!("{other} are not among the organisation's objects"));
    }
    let directions = section.choices("directions", Direction::from_name);
    let directions = directions.unwrap_or_else(|| Direction::ALL.to_vec());
    let within = section.section("salesforce");
    section.require("salesforce", within.is_given().then_some(()));
    let salesforce =
        within.is_given().then(|| salesforce::read_for_canary(&within, base, every)).flatten();
    let within = section.section("exchange");
    section.require("exchange", within.is_given().then_some(()));
    within.require("ews_url", within.has("ews_url").then_some(()));
    let exchange = within.is_given().then(|| exchange::read_ews(&within, base)).flatten();
    let authorities = within.text("ca_file", |text| {
        let path = base.join(text);
        Authorities::from_file(&path)
            .map_err(|says| format!("{} {says}", token::named(text, &path)))
    });
    Some(CanarySettings {
        every,
        poll_every: CanarySettings::polls(every),
        least_allowed: CanarySettings::LEAST_ALLOWED,
        mailbox: mailbox?,
        user: user?,
        lanes: EnumMap::from_fn(|object| {
            EnumMap::from_fn(|direction| {
                objects.contains(&object) && directions.contains(&direction)
            })
        }),
        related_to,
        attendee,
        salesforce: Arc::new(salesforce?),
        exchange: exchange?,
        authorities,
        contacts_folder: ExchangeSettings::CONTACTS_FOLDER.to_owned(),
    })
}

/// Says how often the canary speaks when it runs like this.
pub(super) fn expect(policy: &mut OrgPolicy, settings: &CanarySettings) {
    policy.runs_canary = true;
    policy.expected_every[Source::Canary] = Some(settings.every);
}
