//! The families that are written from a View, in the order of the page. Each names its metric once; a name that the
//! catalogue does not have does not compile.

use super::catalogue::{Metric, metric};
use super::encoder::Lines;
use super::facts::{
    Ages, Findings, Hours, ObservedAt, OrgFacts, Part, PerObject, UserFacts, Values, WindowCounts,
};
use crate::domain::causes::Severity;
use crate::domain::ids::ObjectType;
use crate::domain::incidents::Subject;
use crate::domain::policy::{OrgPolicy, Product};
use crate::domain::rows::{OrgRow, OrgValue, RowSpec, Status, UserRow};
use crate::domain::time::{Timestamp, seconds};
use crate::domain::users::FAILURE_ORDER;
use crate::domain::view::View;
use bytes::BytesMut;

/// A family and where its samples come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) samples: Samples,
}

/// Writes the samples of an organisation from a part of its facts.
type Put<P> = fn(&mut Writer<'_>, &P);

/// Where the samples of a family come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Samples {
    /// One sample, from the whole View.
    View(fn(&View) -> f64),
    /// Some samples for each organisation, from one part of its facts.
    Settings(Put<()>),
    Hours(Put<Hours>),
    Users(Put<UserFacts>),
    Values(Put<Values>),
    Findings(Put<Findings>),
    ObservedAt(Put<ObservedAt>),
    Counts(Put<WindowCounts>),
    Ages(Put<Ages>),
    /// One sample for each user and check, where the View asks for series of users.
    EachUser,
}

const fn family(name: &str, samples: Samples) -> Family {
    Family { metric: metric(name), samples }
}

/// Every family, in the order of the page.
#[rustfmt::skip]
pub(super) const FAMILIES: &[Family] = &[
    // What is configured, and the calendar.
    family("lightning_sync_org_info", Samples::Settings(|out, ()| {
        out.put(&[out.policy.product.name(), out.policy.connection.name()], 1.0);
    })),
    family("lightning_sync_fresh_within_seconds",
        Samples::Settings(|out, ()| out.put(&[], seconds(out.policy.fresh_within)))),
    family("lightning_sync_stale_after_seconds",
        Samples::Settings(|out, ()| out.put(&[], seconds(out.policy.stale_after)))),
    family("lightning_sync_reset_limit_seconds",
        Samples::Settings(|out, ()| out.put(&[], seconds(out.policy.reset_limit)))),
    family("lightning_sync_initial_sync_limit_seconds",
        Samples::Settings(|out, ()| out.put(&[], seconds(out.policy.initial_sync_limit)))),
    family("lightning_sync_retirement_timestamp_seconds", Samples::Settings(|out, ()| {
        let ends = out.policy.product == Product::LightningSync;
        out.instant(&[], out.policy.retirement.filter(|_| ends));
    })),
    family("lightning_sync_business_open", Samples::Hours(|out, hours| out.flag(&[], hours.open))),
    family("lightning_sync_utc_offset_seconds",
        Samples::Hours(|out, hours| out.put(&[], f64::from(hours.utc_offset)))),
    // What was read of the organisation's rows, and what its activity feed counts.
    family("lightning_sync_last_sync_timestamp_seconds", Samples::Values(|out, values| {
        out.each(&values.last_sync, |out, labels, at| out.instant(labels, Some(at)));
    })),
    family("lightning_sync_last_sync_age_seconds", Samples::Ages(|out, ages| {
        out.each(&ages.last_sync, |out, labels, age| out.put(labels, seconds(age)));
    })),
    family("lightning_sync_last_sync_deadline_timestamp_seconds", Samples::Values(|out, values| {
        let deadlines = values.deadlines.map(|_, at| Some(at));
        out.each(&deadlines, |out, labels, at| out.instant(labels, Some(at)));
    })),
    family("lightning_sync_ever_synced",
        Samples::Values(|out, values| out.each(&values.ever_synced, Writer::flag))),
    family("lightning_sync_records_synced_60m",
        Samples::Counts(|out, counts| out.counts(&counts.synced_60m))),
    family("lightning_sync_records_synced_24h",
        Samples::Counts(|out, counts| out.counts(&counts.synced_24h))),
    family("lightning_sync_records_failed_24h",
        Samples::Counts(|out, counts| out.counts(&counts.failed_24h))),
    family("lightning_sync_activity_coverage_seconds", Samples::Ages(|out, ages| {
        out.each(&ages.coverage, |out, labels, covered| out.put(labels, seconds(covered)));
    })),
    family("lightning_sync_service_account_provided",
        Samples::Values(|out, values| out.row(values, OrgRow::ServiceAccountProvided))),
    family("lightning_sync_service_account_recognized",
        Samples::Values(|out, values| out.row(values, OrgRow::ServiceAccountRecognized))),
    family("lightning_sync_outlook_integration_enabled",
        Samples::Values(|out, values| out.row(values, OrgRow::OutlookIntegration))),
    family("lightning_sync_linked_users",
        Samples::Values(|out, values| out.row(values, OrgRow::LinkedUsers))),
    family("lightning_sync_expected_linked_users", Samples::Values(|out, values| {
        out.known(&[], values.expected_linked_users.map(|users| users as f64));
    })),
    // Counts over the users, and the series of single users where the operator wants them.
    family("lightning_sync_users", Samples::Users(|out, users| {
        for row in checks(out.policy).filter(|_| users.listed) {
            for status in row.statuses().iter().copied() {
                let count = users.summary.status(row, status);
                out.put(&[row.check(), status.name()], f64::from(count));
            }
        }
    })),
    family("lightning_sync_users_failing", Samples::Users(|out, users| {
        for row in FAILURE_ORDER.into_iter().filter(|_| users.listed) {
            let matters = row != UserRow::OutlookIntegration || out.policy.reps_select_events;
            if matters && out.policy.covers(row) {
                let count = users.summary.failing(row).map_or(0, |(users, _)| users);
                out.put(&[row.check()], f64::from(count));
            }
        }
    })),
    family("lightning_sync_oldest_status_timestamp_seconds", Samples::Users(|out, users| {
        for row in checks(out.policy) {
            for status in row.statuses().iter().copied().filter(|status| has_limit(*status)) {
                out.instant(&[row.check(), status.name()], users.summary.oldest(row, status));
            }
        }
    })),
    family("lightning_sync_records_in_sync",
        Samples::Users(|out, users| out.counts(&users.summary.records_in_sync))),
    family("lightning_sync_users_drifting", Samples::Users(|out, users| {
        let counts = &users.summary.counts;
        if counts.users.values().any(|trail| trail.counts.is_some()) {
            out.put(&[], f64::from(counts.drifting.map_or(0, |(users, _)| users)));
        }
    })),
    family("lightning_sync_users_surging", Samples::Users(|out, users| {
        let counts = &users.summary.counts;
        if !counts.users.is_empty() {
            out.put(&[], f64::from(counts.surging.map_or(0, |(users, _)| users)));
        }
    })),
    family("lightning_sync_user_status", Samples::EachUser),
    // Which source reported what is known, when, and what follows from it.
    family("lightning_sync_reading_timestamp_seconds", Samples::ObservedAt(|out, observed_at| {
        for row in OrgRow::ALL {
            out.instant(&row_labels(row), observed_at.rows[row]);
        }
        for (row, at) in &observed_at.users {
            out.instant(&row_labels(row), *at);
        }
    })),
    family("lightning_sync_reading_stale", Samples::Values(|out, values| {
        for row in OrgRow::ALL {
            if let Some(value) = &values.rows[row] {
                out.flag(&row_labels(row), value.stale);
            }
        }
        for (row, stale) in &values.users_stale {
            out.known(&row_labels(row), stale.map(flag));
        }
    })),
    family("lightning_sync_reading_info", Samples::Values(|out, values| {
        for row in OrgRow::ALL {
            if let Some(value) = &values.rows[row] {
                let [row, object] = row_labels(row);
                out.put(&[row, object, value.source.name()], 1.0);
            }
        }
    })),
    family("lightning_sync_observation_timestamp_seconds", Samples::ObservedAt(|out, observed_at| {
        for (source, at) in observed_at.last_report {
            out.instant(&[source.name()], at);
        }
    })),
    family("lightning_sync_expected_every_seconds", Samples::Values(|out, values| {
        for (source, reported) in values.reported {
            let every = out.policy.expected_every[source].filter(|_| reported);
            out.known(&[source.name()], every.map(seconds));
        }
    })),
    family("lightning_sync_finding_since_timestamp_seconds", Samples::Findings(|out, findings| {
        for finding in &findings.hold {
            let since = finding.since.filter(|_| finding.held_back_by.is_none());
            out.finding(finding.subject(), since.map(|since| (finding.severity, since)));
        }
        for subject in &findings.refuted {
            out.finding(*subject, None);
        }
    })),
    // The age of what is shown.
    family("lightning_sync_exporter_view_timestamp_seconds",
        Samples::View(|view| view.as_of.seconds())),
    family("lightning_sync_exporter_clock_suspect", Samples::View(|view| flag(view.clock_suspect))),
    family("lightning_sync_exporter_store_failing", Samples::View(|view| flag(view.store_failing))),
    family("lightning_sync_exporter_leader", Samples::View(|view| flag(view.role.leads()))),
];

impl Samples {
    /// The part that decides what the samples say; `None` where it is not an organisation's.
    pub(super) const fn part(&self) -> Option<Part> {
        Some(match self {
            Self::View(_) | Self::EachUser => return None,
            Self::Settings(_) => Part::Settings,
            Self::Hours(_) => Part::Hours,
            Self::Users(_) => Part::Users,
            Self::Values(_) => Part::Values,
            Self::Findings(_) => Part::Findings,
            Self::ObservedAt(_) => Part::ObservedAt,
            Self::Counts(_) => Part::Counts,
            Self::Ages(_) => Part::Ages,
        })
    }
}

impl Family {
    /// Writes the samples of an organisation; none for a family that has no part of its facts.
    pub(super) fn write(&self, out: &mut BytesMut, lines: &mut Lines, org: &OrgFacts) {
        lines.open(self.metric, &org.policy.name);
        let writer = &mut Writer { out, lines, metric: self.metric, policy: &org.policy };
        match self.samples {
            Samples::View(_) | Samples::EachUser => {}
            Samples::Settings(put) => put(writer, &()),
            Samples::Hours(put) => put(writer, &org.hours),
            Samples::Users(put) => put(writer, &org.users),
            Samples::Values(put) => put(writer, &org.values),
            Samples::Findings(put) => put(writer, &org.findings),
            Samples::ObservedAt(put) => put(writer, &org.observed_at),
            Samples::Counts(put) => put(writer, &org.counts),
            Samples::Ages(put) => put(writer, &org.ages),
        }
    }
}

/// Writes the samples of one organisation in one family; labels are those behind `org`.
pub(super) struct Writer<'a> {
    out: &'a mut BytesMut,
    lines: &'a mut Lines,
    metric: &'static Metric,
    policy: &'a OrgPolicy,
}

impl Writer<'_> {
    fn put(&mut self, labels: &[&'static str], value: f64) {
        self.lines.of_org(self.out, self.metric, labels, value);
    }

    /// Writes what is known; what is not leaves no trace.
    fn known(&mut self, labels: &[&'static str], value: Option<f64>) {
        if let Some(value) = value {
            self.put(labels, value);
        }
    }

    fn flag(&mut self, labels: &[&'static str], yes: bool) {
        self.put(labels, flag(yes));
    }

    /// Writes an instant. Before every source's time means never; after it, no instant that can be named.
    fn instant(&mut self, labels: &[&'static str], at: Option<Timestamp>) {
        match at {
            None | Some(Timestamp::MIN) => {}
            Some(Timestamp::MAX) => self.put(labels, f64::INFINITY),
            Some(at) => self.put(labels, at.seconds()),
        }
    }

    /// Writes what is known of each object type that the organisation syncs.
    fn each<T: Copy>(
        &mut self,
        each: &PerObject<T>,
        write: impl Fn(&mut Self, &[&'static str], T),
    ) {
        let policy = self.policy;
        for object in &policy.objects {
            if let Some(value) = each[*object] {
                write(self, &[object.name()], value);
            }
        }
    }

    fn counts(&mut self, counts: &PerObject<u64>) {
        self.each(counts, |out, labels, count| out.put(labels, count as f64));
    }

    /// Writes a row of the organisation as a number.
    fn row(&mut self, values: &Values, row: OrgRow) {
        let value = values.rows[row].as_ref().and_then(|value| value.value.as_ref());
        let number = value.map(|value| match value {
            OrgValue::Account(name) => flag(name.is_some()),
            OrgValue::Flag(yes) => flag(*yes),
            OrgValue::Count(count) => *count as f64,
            OrgValue::Instant(at) => at.seconds(),
        });
        self.known(&[], number);
    }

    /// Writes a subject. What does not hold is 0 and has no severity, so that rules that look for what holds do not read it.
    fn finding(&mut self, subject: Subject, holds: Option<(Severity, Timestamp)>) {
        let labels = [
            subject.cause.name(),
            holds.map_or("", |(severity, _)| severity.name()),
            object_label(subject.object_type),
            subject.check.map_or("", UserRow::check),
        ];
        self.put(&labels, holds.map_or(0.0, |(_, since)| since.seconds()));
    }
}

/// A yes or no as Prometheus counts it.
fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

/// The rows with states that are about the user as a whole or about an object type that the organisation syncs.
fn checks(policy: &OrgPolicy) -> impl Iterator<Item = UserRow> {
    UserRow::checks().filter(|row| policy.covers(*row))
}

/// Whether somebody should look when a user stays in this state for long.
const fn has_limit(status: Status) -> bool {
    matches!(
        status,
        Status::MarkedForReset
            | Status::ResetInProgress
            | Status::NotStarted
            | Status::InitialSyncInProgress
    )
}

fn row_labels(row: impl Into<&'static RowSpec>) -> [&'static str; 2] {
    let row = row.into();
    [row.name, object_label(row.object_type)]
}

fn object_label(object: Option<ObjectType>) -> &'static str {
    object.map_or("", ObjectType::name)
}
