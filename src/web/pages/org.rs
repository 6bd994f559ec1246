//! An organisation: what is wrong, what to do next and who; then everything that stands behind it.

use super::cells::{ShownOrg, class_of, judged, labelled, meaning, text, word_of};
use super::chart::{Chart, charts};
use super::{Frame, page};
use crate::domain::canary::{CanaryClass, CanaryState, LaneReport, Leftover, RoundTrip};
use crate::domain::causes::Cause;
use crate::domain::ids::{Direction, ObjectType, Source};
use crate::domain::judge::Finding;
use crate::domain::policy::Product;
use crate::domain::probe::{MailboxPlace, ProbeStep, StepReport, StepVerdict};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::setup::{SetupArea, SetupTrail};
use crate::domain::time::Timestamp;
use crate::guidance::exchange::case;
use crate::guidance::verdict::{Level, Verdict, span, steps, which_way};
use crate::guidance::{OrgState, Step, Text, cause_of};
use crate::web::history;
use crate::web::openapi::Html;
use crate::web::org_status::{self, OrgVerdict, RowStatus, SourceStatus, UserTotals};
use crate::web::problem::Problem;
use crate::web::query::OrgAt;
use crate::web::services::runbook;
use askama::Template;
use axum::response::Response;
use std::cmp::Reverse;

/// How many changes of the set-up the page shows; the API has the others.
const SETUP_CHANGES: usize = 10;

#[derive(Template)]
#[template(path = "org.html", config = "src/web/pages/askama.toml")]
struct OrgPage<'a> {
    frame: Frame<'a>,
    here: ShownOrg<'a>,
    name: &'a str,
    product: Product,
    verdict: Verdict,
    /// Worst first.
    findings: Vec<Finding>,
    statuses: Vec<RowStatus>,
    users: UserTotals,
    charts: Vec<Chart>,
}

/// The page of an organisation
#[utoipa::path(get, path = "/orgs/{org}", responses(Html))]
pub(in crate::web) async fn org_page(at: OrgAt) -> Result<Response, Problem> {
    let (org, view, now) = (&*at.org, &at.moment.view, at.moment.now);
    let name = org.policy.name.as_str();
    let past = history::of_org(&at.site, org, now).await;
    let OrgVerdict { verdict, findings, .. } = OrgVerdict::of(view, org, now);
    page(&OrgPage {
        frame: Frame::of_org(&at, org, name, format!("/api/v1/orgs/{name}")),
        here: ShownOrg::alone(org, now),
        name,
        product: org.policy.product,
        verdict,
        findings,
        statuses: org_status::rows(org, view.is_fresh(now), now),
        users: UserTotals::of(org),
        charts: past.map_or(Vec::new(), |past| charts(&past, org, now)),
    })
}

impl OrgPage<'_> {
    /// What to do about the worst finding.
    fn steps(&self) -> Vec<Step> {
        let leading = self.verdict.acting.first();
        leading.map_or(Vec::new(), |finding| steps(finding, self.here.org, self.here.now))
    }

    /// What to do first about another one.
    fn next(&self, finding: &Finding) -> Option<Step> {
        steps(finding, self.here.org, self.here.now).first().copied()
    }

    /// The text for Salesforce's support.
    fn case(&self) -> Option<String> {
        case(&self.verdict.acting, self.here.org, self.here.now)
    }

    /// Which sources have reported, the latest first.
    fn known_from(&self) -> Vec<(Source, Timestamp)> {
        let last = |source: &Source| Some((*source, self.here.org.last_report[*source]?));
        let mut reported: Vec<_> = Source::ALL.iter().filter_map(last).collect();
        reported.sort_by_key(|(_, at)| Reverse(*at));
        reported
    }

    fn is_live(&self, source: &Source) -> bool {
        self.here.org.is_live(*source, self.here.now)
    }

    /// Last sync and both counts of an object type.
    fn glance(&self, object: &ObjectType) -> impl Iterator<Item = &RowStatus> {
        [OrgRow::LastSync(*object), OrgRow::Synced60m(*object), OrgRow::Synced24h(*object)]
            .into_iter()
            .filter_map(|row| self.statuses.iter().find(|status| status.row == row))
    }

    /// Account, linked users and Outlook integration in a word each: name, class and word.
    fn facts(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        [
            (OrgRow::ServiceAccountProvided, "Account"),
            (OrgRow::ServiceAccountRecognized, "Recognised"),
            (OrgRow::LinkedUsers, "Linked"),
            (OrgRow::OutlookIntegration, "Outlook"),
        ]
        .into_iter()
        .filter_map(|(row, name)| {
            let (class, text) = self.fact(self.statuses.iter().find(|status| status.row == row)?);
            Some((name, class, text))
        })
    }

    fn fact(&self, status: &RowStatus) -> (&'static str, String) {
        if !status.applies {
            return ("", "n/a".to_owned());
        }
        let Some(current) = &status.current else {
            return ("unknown", "unknown".to_owned());
        };
        let mut text = match &current.value {
            // The fact's name is a question; a mark and its letter would answer it twice.
            OrgValue::Flag(true) => "✓ yes".to_owned(),
            OrgValue::Flag(false) => "✗ no".to_owned(),
            value @ (OrgValue::Account(_) | OrgValue::Count(_) | OrgValue::Instant(_)) => {
                text(status.row, value)
            }
        };
        if status.row == OrgRow::LinkedUsers
            && let Some(expected) = self.here.org.expected_linked_users(self.here.now)
        {
            text = format!("{text}/{expected}");
        }
        let is_bad = matches!(
            status.shows,
            OrgState::No | OrgState::NoneShown | OrgState::Zero | OrgState::Unexpected
        );
        match (current.stale, is_bad) {
            (true, _) => ("held", format!("{text}, stale")),
            (false, true) => ("broken", text),
            (false, false) => ("", text),
        }
    }

    /// The rows that show a finding.
    fn evidence(&self, finding: &Finding) -> impl Iterator<Item = &RowStatus> {
        self.statuses.iter().filter(|status| status.current.is_some() && status.shows_why(finding))
    }

    /// Every source that can be fed or has reported, and how it is doing.
    fn sources(&self) -> Vec<SourceStatus> {
        org_status::sources(self.here.org, self.here.now)
    }

    /// The checks at which users fail first, most users first.
    fn checks(&self) -> Vec<(UserRow, u32, Timestamp)> {
        let failing = |check: UserRow| {
            let (users, since) = self.here.org.summary.failing(check)?;
            Some((check, users, since))
        };
        let mut checks: Vec<_> = UserRow::checks().filter_map(failing).collect();
        checks.sort_by_key(|(_, users, _)| Reverse(*users));
        checks
    }

    /// Resets and first syncs under way.
    fn running(&self) -> Vec<(UserRow, Status, &'static str, Timestamp)> {
        let states = [
            (Status::MarkedForReset, "marked for a reset"),
            (Status::ResetInProgress, "in a reset"),
            (Status::InitialSyncInProgress, "in their first sync"),
        ];
        UserRow::checks()
            .flat_map(|row| states.map(|(status, words)| (row, status, words)))
            .filter_map(|(row, status, words)| {
                Some((row, status, words, self.here.org.summary.oldest(row, status)?))
            })
            .collect()
    }

    /// What is not known, and why, a sentence each.
    fn unknowns(&self) -> Vec<String> {
        let org = self.here.org;
        let because = |status: &RowStatus| {
            let because = status.unknown_because.filter(|_| status.applies && !status.never)?;
            Some(format!("{}: {because}.", labelled(status.row.spec())))
        };
        let mut unknowns: Vec<String> = self.statuses.iter().filter_map(because).collect();
        if self.product == Product::LightningSync
            && org.expected_linked_users(self.here.now).is_none()
        {
            unknowns.push(
                "How many users should be linked: nobody has set it, and no whole list of users was read. Only 0 can be judged."
                    .to_owned(),
            );
        }
        if !org.users.complete {
            unknowns.push(
                "Whether these are all users: no list was reported as whole. A user that no source reports may fail unseen."
                    .to_owned(),
            );
        }
        unknowns
    }

    fn retirement(&self) -> &'static str {
        let (policy, now) = (&self.here.org.policy, self.here.now);
        match (policy.product, policy.retirement) {
            (Product::EinsteinActivityCapture, _) => {
                "This organisation uses the successor product."
            }
            (Product::LightningSync, None) => "No end is set for this organisation.",
            (Product::LightningSync, Some(_)) if policy.retired(now) => "Lightning Sync ended here",
            (Product::LightningSync, Some(_)) if policy.migrating(now) => {
                "Users are moving to the successor product. Lightning Sync ends"
            }
            (Product::LightningSync, Some(_)) => {
                "What has synced by then stays; changes made later do not cross. Lightning Sync ends"
            }
        }
    }

    /// The steps of the probe, each with whether it is the first that fails.
    fn probed(&self) -> Vec<(ProbeStep, StepReport, bool)> {
        let Some(probe) = self.here.org.source_states.probe() else {
            return Vec::new();
        };
        let first = probe.broken().map(|(step, _)| step);
        probe.steps.iter().map(|(step, found)| (step, *found, Some(step) == first)).collect()
    }

    /// The steps that failed or are held, neighbours with one reason together.
    fn not_passed(&self) -> Vec<(String, StepReport)> {
        let mut groups: Vec<(ProbeStep, ProbeStep, StepReport)> = Vec::new();
        for (step, found, _) in self.probed() {
            if !matches!(found.verdict, StepVerdict::Failed | StepVerdict::Held) {
                continue;
            }
            match groups.last_mut() {
                Some((_, last, of)) if (of.verdict, of.reason) == (found.verdict, found.reason) => {
                    *last = step;
                }
                _ => groups.push((step, step, found)),
            }
        }
        let named = |(first, last, found): (ProbeStep, ProbeStep, StepReport)| {
            let steps =
                if first == last { first.to_string() } else { format!("{first} to {last}") };
            (steps, found)
        };
        groups.into_iter().map(named).collect()
    }

    /// When Lightning Sync ends or ended here.
    fn retires(&self) -> Option<Timestamp> {
        self.here.org.policy.retirement.filter(|_| self.product == Product::LightningSync)
    }

    /// How many users have not moved to the successor product, and how many have to.
    fn not_moved(&self) -> Option<(u64, u64)> {
        let successor = self.here.org.source_states.successor()?;
        self.is_live(&Source::Salesforce).then(|| self.here.org.not_moved(successor))?
    }
}

/// The class and the word of a step of the probe.
const fn verdict_of(verdict: StepVerdict) -> (&'static str, &'static str) {
    match verdict {
        StepVerdict::Passed => ("fine", "passed"),
        StepVerdict::Failed => ("broken", "failed"),
        StepVerdict::Held => ("held", "held"),
        StepVerdict::Skipped => ("unknown", "skipped"),
    }
}

/// The class and the word of how a lane of the canary is doing.
const fn canary_state(state: CanaryState) -> (&'static str, &'static str) {
    match state {
        CanaryState::Starting => ("waiting", "starting"),
        CanaryState::InTime => ("fine", "in time"),
        CanaryState::Late => ("broken", "late"),
        CanaryState::Failing => ("unknown", "failing"),
    }
}

/// What items of a lane are.
const fn canary_class(class: CanaryClass) -> &'static str {
    match class {
        CanaryClass::Plain => "plain",
        CanaryClass::RelatedRecord => "related to a record",
        CanaryClass::Attendee => "with an attendee",
    }
}

fn trip_in_words(trip: &RoundTrip) -> String {
    trip.took.map_or_else(|| "lost".to_owned(), span)
}

/// The line of dots for who does not see it.
fn trips_in_words(lane: &LaneReport) -> String {
    let lost = lane.trips.iter().filter(|trip| trip.took.is_none()).count();
    let longest = lane.trips.iter().filter_map(|trip| trip.took).max();
    let longest = longest.map_or_else(String::new, |took| format!(", the longest {}", span(took)));
    format!("{} round trips, {lost} lost{longest}", lane.trips.len())
}

/// Where an item is left over.
const fn side_of(leftover: &Leftover) -> &'static str {
    match (leftover.direction, leftover.on_other_side) {
        (Direction::ToExchange, true) | (Direction::ToSalesforce, false) => "in Exchange",
        (Direction::ToExchange, false) | (Direction::ToSalesforce, true) => "in Salesforce",
    }
}

/// The class and the word of how a source is doing.
const fn badge(status: &SourceStatus) -> (&'static str, &'static str) {
    match (status.last_report_at, status.source) {
        (Some(_), _) if status.live => ("fine", "live"),
        (Some(_), _) => ("held", "silent"),
        (None, Some(_)) => ("unknown", "never reported"),
        (None, None) if status.live => ("fine", "watched"),
        (None, None) => ("broken", "fails"),
    }
}

const fn about(source: Option<Source>) -> &'static str {
    match source {
        None => "a watched directory; what its files say is another source's.",
        Some(Source::Activity) => "one record for each synced item: last sync and counts, exactly.",
        Some(Source::Snapshot) => "the status page as somebody read it: every row.",
        Some(Source::Canary) => "a record written on one side and looked for on the other.",
        Some(Source::Exchange) => "a read-only look at Exchange and its mailboxes.",
        Some(Source::Salesforce) => "Salesforce's documented interfaces.",
        Some(Source::ExchangeLog) => {
            "what Exchange itself logged of Salesforce's calls: Exchange's side only."
        }
    }
}

const fn area(area: SetupArea) -> &'static str {
    match area {
        SetupArea::LightningSync => "Lightning Sync",
        SetupArea::ActivityCapture => "Einstein Activity Capture",
        SetupArea::Outlook => "Outlook integration",
        SetupArea::EmailIntegration => "Email integration",
        SetupArea::Exchange => "Exchange",
    }
}
