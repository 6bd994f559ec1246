//! One organisation: its section becomes a policy and who may push for it.

use super::dates;
use super::hours;
use super::origin::Origin;
use super::salesforce;
use super::section::{ConfigSection, KeyRead};
use super::token;
use super::valid::{FilesConfig, IngestConfig, OrgConfig};
use crate::domain::ids::{ObjectType, OrgName, Source, UserName};
use crate::domain::policy::{Connection, CountHours, DateOrder, OrgPolicy, Product};
use std::path::Path;
use std::sync::Arc;

/// Reads an organisation; relative paths are taken from `base`. `None` when it has no name to be called by.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<OrgConfig> {
    let named = org.text("name", |text| OrgName::new(text).map_err(|_| NAME_IS.to_owned()));
    let name = org.require("name", named);
    // The rest is read under any name, so that its mistakes are found too.
    let unnamed = || OrgName::new("unnamed").ok();
    let mut policy = OrgPolicy::defaults(name.clone().or_else(unnamed)?);
    read_product(org, &mut policy);
    read_calendar(org, &mut policy);
    read_users(org, &mut policy);
    read_dates(org, &mut policy);
    read_spans(org, &mut policy);
    let ingest = read_ingest(org, base);
    let files = read_files(org, base);
    let salesforce = salesforce::read(org, base);
    if let Some(settings) = &salesforce {
        salesforce::expect(&mut policy, settings);
        let exported = files.as_ref().is_some_and(|files| files.report.is_some());
        if exported && settings.report.is_some() {
            org.wrong(
                "files",
                "has a report, and salesforce has one too, so that the figures of one would overwrite the other's; keep one",
            );
        }
    }
    name.map(|_| OrgConfig {
        policy: Arc::new(policy),
        ingest,
        files,
        salesforce: salesforce.map(Arc::new),
    })
}

const NAME_IS: &str = "allowed: 1 to 63 of the characters a-z, 0-9 and -";

fn read_product(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    policy.product = org.choice("product", Product::from_name).or(policy.product);
    policy.connection = org.choice("connection", Connection::from_name).or(policy.connection);
    if let Some(mut objects) = org.choices("objects", ObjectType::from_name).given() {
        objects.sort_unstable();
        policy.objects = objects;
    }
    policy.reps_select_events = org.flag("reps_select_events").or(policy.reps_select_events);
}

fn read_calendar(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    policy.time_zone = org.text("time_zone", dates::zone).or(policy.time_zone);
    policy.date_order = org.choice("date_order", DateOrder::from_name).or(policy.date_order);
    policy.count_hours = org.choice("count_hours", CountHours::from_name).or(policy.count_hours);
    let (calendar, given) = hours::read(org, policy.time_zone);
    policy.calendar = calendar;
    if policy.count_hours == CountHours::Business && given.is_absent() {
        org.wrong(
            "count_hours",
            "found \"business\", but there are no business_hours to count; add them, or write wall",
        );
    }
}

fn read_users(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    policy.expected_linked_users = org.count("expected_linked_users").given();
    let users =
        org.texts("exclude_users", |text| UserName::new(text).map_err(|error| error.to_string()));
    policy.exclude_users = users.or(Vec::new()).into_iter().collect();
}

fn read_dates(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    let zone = policy.time_zone;
    policy.setup_until = org.text("setup_until", |text| dates::start_of(text, zone)).given();
    policy.migrating_since =
        org.text("migrating_since", |text| dates::start_of(text, zone)).given();
    let retirement = org.text("retirement", |text| match text {
        "none" => Ok(None),
        _ => dates::start_of(text, zone).map(Some).map_err(|says| format!("{says}, or none")),
    });
    policy.retirement = match (policy.product, retirement) {
        (Product::EinsteinActivityCapture, KeyRead::Given(Some(_))) => {
            org.wrong(
                "retirement",
                "einstein_activity_capture has no retirement; remove this, or write none",
            );
            None
        }
        (Product::EinsteinActivityCapture, _) => None,
        (Product::LightningSync, read) => read.or(policy.retirement),
    };
}

fn read_spans(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    let fresh = org.span("fresh_within");
    let stale = org.span("stale_after");
    let readable = !fresh.is_wrong() && !stale.is_wrong();
    policy.fresh_within = fresh.given().flatten().unwrap_or(policy.fresh_within);
    policy.stale_after = stale.given().flatten().unwrap_or(policy.stale_after);
    if readable && policy.fresh_within >= policy.stale_after {
        let culprit = if fresh.is_absent() { "stale_after" } else { "fresh_within" };
        let says = format!(
            "fresh_within ({}) has to be shorter than stale_after ({})",
            super::duration::text(policy.fresh_within),
            super::duration::text(policy.stale_after)
        );
        org.wrong(culprit, says);
    }
    let (_, limits) = org.section("limits");
    policy.reset_limit = limits.span("reset").given().flatten().unwrap_or(policy.reset_limit);
    policy.initial_sync_limit =
        limits.span("initial_sync").given().flatten().unwrap_or(policy.initial_sync_limit);
    policy.recovery_within =
        org.span("recovery_within").given().flatten().unwrap_or(policy.recovery_within);
    policy.max_users = org.count("max_users").or(policy.max_users);
    let (_, every) = org.section("expected_every");
    for source in [Source::Snapshot, Source::Activity] {
        if let Some(span) = every.span(source.name()).given() {
            policy.expected_every[source] = span;
        }
    }
}

fn read_files(org: &ConfigSection<'_>, base: &Path) -> Option<FilesConfig> {
    let (given, files) = org.section("files");
    let directory = files.text("directory", |text| {
        let directory = base.join(text);
        match directory.metadata() {
            Ok(meta) if meta.is_dir() => Ok(directory),
            Ok(_) => Err("this is no directory".to_owned()),
            Err(error) => Err(format!("{error}; create it, writable by the daemon's user")),
        }
    });
    let (reported, report) = files.section("report");
    let columns = reported.given().map(|()| salesforce::columns(&report));
    given.given()?;
    Some(FilesConfig {
        directory: files.require("directory", directory)?,
        report: columns.flatten(),
    })
}

fn read_ingest(org: &ConfigSection<'_>, base: &Path) -> IngestConfig {
    let (_, ingest) = org.section("ingest");
    let token = ingest.text("token_file", |text| token::read(text, &base.join(text)));
    let origins = ingest.texts("allowed_origins", |text| Origin::new(text).map_err(str::to_owned));
    IngestConfig { token: token.given(), allowed_origins: origins.or(Vec::new()) }
}
