//! One organisation: its section becomes a policy and who may push for it.

use super::canary;
use super::dates;
use super::exchange;
use super::exchange_log;
use super::keys::DAYS;
use super::load::set;
use super::mistakes::quoted;
use super::origin;
use super::salesforce;
use super::section::ConfigSection;
use super::token;
use super::valid::{FilesConfig, IngestConfig, OrgConfig};
use crate::domain::calendar::{Calendar, Weekly};
use crate::domain::ids::{ObjectType, OrgName, Source, UserName};
use crate::domain::policy::{ConnectionMethod, CountHours, DateOrder, OrgPolicy, Product};
use chrono::Weekday;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Reads an organisation; relative paths are taken from `base`. `None` when it has no name to be called by.
pub(super) fn read(org: &ConfigSection<'_>, base: &Path) -> Option<OrgConfig> {
    let name = org.text("name", |text| {
        OrgName::new(text)
            .map_err(|_| "allowed: 1 to 63 of the characters a-z, 0-9 and -".to_owned())
    });
    let name = org.require("name", name);
    // The rest is read under any name, so that its mistakes are found too.
    let unnamed = || OrgName::new("unnamed").ok();
    let mut policy = OrgPolicy::defaults(name.clone().or_else(unnamed)?);
    read_policy(org, &mut policy);
    let ingest = org.section("ingest");
    let token = ingest.text("token_file", |text| token::read(text, &base.join(text)));
    let origins = ingest.texts("allowed_origins", origin::read);
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
    let exchange_log = exchange_log::read(org, base);
    if let Some(settings) = &exchange_log {
        exchange_log::expect(&mut policy, settings);
    }
    let exchange = exchange::read(org, base);
    if let Some(settings) = &exchange {
        exchange::expect(&mut policy, settings);
    }
    let canary = canary::read(org, base, &policy);
    if let Some(settings) = &canary {
        canary::expect(&mut policy, settings);
    }
    name.map(|_| OrgConfig {
        policy: Arc::new(policy),
        ingest: IngestConfig { token, allowed_origins: origins.unwrap_or_default() },
        files,
        salesforce: salesforce.map(Arc::new),
        exchange_log: exchange_log.map(Arc::new),
        exchange: exchange.map(Arc::new),
        canary: canary.map(Arc::new),
    })
}

/// The keys of a policy: what [`read_policy`] reads.
pub(super) const POLICY_KEYS: [&str; 21] = [
    "product",
    "connection",
    "objects",
    "reps_select_events",
    "expected_linked_users",
    "max_users",
    "exclude_users",
    "time_zone",
    "date_order",
    "count_hours",
    "business_hours",
    "unusually_quiet",
    "setup_until",
    "migrating_since",
    "retirement",
    "fresh_within",
    "stale_after",
    "limits",
    "recovery_within",
    "drift",
    "expected_every",
];

/// Puts what the section has in the place of what `policy` has.
pub(super) fn read_policy(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    read_rules(org, policy);
    read_calendar(org, policy);
    read_dates(org, policy);
    read_spans(org, policy);
}

fn read_rules(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    set(&mut policy.product, org.choice("product", Product::from_name));
    set(&mut policy.connection, org.choice("connection", ConnectionMethod::from_name));
    set(&mut policy.objects, org.choices("objects", ObjectType::from_name));
    policy.objects.sort_unstable();
    set(&mut policy.reps_select_events, org.flag("reps_select_events"));
    set(&mut policy.expected_linked_users, org.count("expected_linked_users").map(Some));
    set(&mut policy.max_users, org.count("max_users"));
    let users =
        org.texts("exclude_users", |text| UserName::new(text).map_err(|error| error.to_string()));
    set(&mut policy.exclude_users, users.map(|users| users.into_iter().collect()));
}

fn read_calendar(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    set(&mut policy.time_zone, org.text("time_zone", dates::zone));
    set(&mut policy.date_order, org.choice("date_order", DateOrder::from_name));
    set(&mut policy.count_hours, org.choice("count_hours", CountHours::from_name));
    policy.calendar = business_hours(org, policy);
    // Without business hours nobody has listed the holidays.
    set(&mut policy.unusually_quiet, org.has("business_hours").then_some(true));
    set(&mut policy.unusually_quiet, org.flag("unusually_quiet"));
    let none = policy.calendar == Calendar::Always && !org.has("business_hours");
    if policy.count_hours == CountHours::Business && none {
        org.wrong(
            "count_hours",
            "found \"business\", but there are no business_hours to count; add them, or write wall",
        );
    }
}

/// The section's hours; what it leaves out is as it is in the policy, where that has hours.
fn business_hours(org: &ConfigSection<'_>, policy: &OrgPolicy) -> Calendar {
    let section = org.section("business_hours");
    let before = match &policy.calendar {
        Calendar::Weekly(weekly) => Some(weekly.clone()),
        Calendar::Always => None,
    };
    let days = section.choices("days", weekday);
    let from = section.text("from", |text| match dates::minute_of_day(text)? {
        1440 => Err("24:00 is the end of a day, and work begins before it".to_owned()),
        minute => Ok(minute),
    });
    let to = section.text("to", |text| Ok((dates::minute_of_day(text)?, text.to_owned())));
    let holidays = section.texts("holidays", dates::day).map(|days| days.into_iter().collect());
    let Some(mut weekly) = before.or_else(|| {
        let from_minute = section.require("from", from);
        let to_minute = section.require("to", to.clone()).map(|(minute, _)| minute);
        Some(Weekly {
            time_zone: policy.time_zone,
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
            from_minute: from_minute?,
            to_minute: to_minute?,
            holidays: BTreeSet::new(),
        })
    }) else {
        return Calendar::Always;
    };
    weekly.time_zone = policy.time_zone;
    set(&mut weekly.days, days);
    set(&mut weekly.from_minute, from);
    set(&mut weekly.to_minute, to.as_ref().map(|(minute, _)| *minute));
    set(&mut weekly.holidays, holidays);
    if weekly.to_minute <= weekly.from_minute {
        let before = || format!("{:02}:{:02}", weekly.to_minute / 60, weekly.to_minute % 60);
        let to = to.map_or_else(before, |(_, text)| text);
        let says = format!(
            "found {}; allowed: a time later than from, at most 24:00, because hours over midnight look like slips",
            quoted(&to)
        );
        section.wrong("to", says);
    }
    Calendar::Weekly(weekly)
}

fn read_dates(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    let start = |text: &str| dates::start_of(text, policy.time_zone);
    set(&mut policy.setup_until, org.text("setup_until", start).map(Some));
    set(&mut policy.migrating_since, org.text("migrating_since", start).map(Some));
    let retirement = org.text("retirement", |text| match text {
        "none" => Ok(None),
        _ => start(text).map(Some).map_err(|says| format!("{says}, or none")),
    });
    if policy.product == Product::EinsteinActivityCapture {
        if let Some(Some(_)) = retirement {
            org.wrong(
                "retirement",
                "einstein_activity_capture has no retirement; remove this, or write none",
            );
        }
        policy.retirement = None;
    } else {
        set(&mut policy.retirement, retirement);
    }
}

fn read_spans(org: &ConfigSection<'_>, policy: &mut OrgPolicy) {
    let (fresh, stale) = (org.span("fresh_within"), org.span("stale_after"));
    let readable =
        fresh.is_some() == org.has("fresh_within") && stale.is_some() == org.has("stale_after");
    set(&mut policy.fresh_within, fresh);
    set(&mut policy.stale_after, stale);
    if readable && policy.fresh_within >= policy.stale_after {
        let culprit = if fresh.is_none() { "stale_after" } else { "fresh_within" };
        let says = format!(
            "fresh_within ({}) has to be shorter than stale_after ({})",
            super::duration::text(policy.fresh_within),
            super::duration::text(policy.stale_after)
        );
        org.wrong(culprit, says);
    }
    let limits = org.section("limits");
    set(&mut policy.reset_limit, limits.span("reset"));
    set(&mut policy.initial_sync_limit, limits.span("initial_sync"));
    set(&mut policy.recovery_within, org.span("recovery_within"));
    let drift = org.section("drift");
    set(&mut policy.drift.records, drift.count("records"));
    set(&mut policy.drift.percent, drift.count("percent"));
    set(&mut policy.drift.lasting, drift.span("lasting"));
    let every = org.section("expected_every");
    for source in [Source::Snapshot, Source::Activity] {
        set(&mut policy.expected_every[source], every.span_or_none(source.name()));
    }
}

fn read_files(org: &ConfigSection<'_>, base: &Path) -> Option<FilesConfig> {
    let files = org.section("files");
    let directory = files.text("directory", |text| {
        let directory = base.join(text);
        match directory.metadata() {
            Ok(meta) if meta.is_dir() => Ok(directory),
            Ok(_) => Err("this is no directory".to_owned()),
            Err(error) => Err(format!("{error}; create it, writable by the daemon's user")),
        }
    });
    let directory = files.require("directory", directory);
    let report = files.section("report");
    let report = report.is_given().then(|| salesforce::columns(&report)).flatten();
    Some(FilesConfig { directory: directory?, report })
}

/// What happens over a weekend to an organisation whose hours are counted by the clock, where work rests for longer than
/// `stale_after`.
pub(super) fn weekend(policy: &OrgPolicy) -> Option<String> {
    let Calendar::Weekly(weekly) = &policy.calendar else {
        return None;
    };
    if policy.count_hours == CountHours::Business {
        return None;
    }
    let (from, to) = (i64::from(weekly.from_minute), i64::from(weekly.to_minute));
    let limit = policy.stale_after.num_minutes();
    let after = |day: Weekday, days: i64| (0..days).fold(day, |day, _| day.succ());
    let closing = weekly.days.iter().copied().find(|day| {
        let next = (1..=7).find(|days| weekly.days.contains(&after(*day, *days)));
        next.is_some_and(|days| days * DAY + from - to > limit)
    })?;
    let paged = to + limit;
    let time = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
    Some(format!(
        "count_hours is wall beside business_hours: a last sync on {closing} at {} pages on {} at {}; \
         `count_hours: business` counts working hours only",
        time(to),
        after(closing, paged / DAY),
        time(paged % DAY),
    ))
}

/// Minutes of a day.
const DAY: i64 = 24 * 60;

fn weekday(name: &str) -> Option<Weekday> {
    let from_monday = DAYS.iter().position(|day| *day == name)?;
    Weekday::try_from(u8::try_from(from_monday).ok()?).ok()
}
