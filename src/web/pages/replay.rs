//! What would have alerted in the past: a form, and the stored history played by it.

use super::{Frame, page};
use crate::domain::calendar::start_of_day;
use crate::domain::policy::OrgPolicy;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::replay::{Past, Period, Replay, play};
use crate::web::openapi::Html;
use crate::web::problem::{Problem, ProblemReason};
use crate::web::query::{OrgAt, Query};
use askama::Template;
use axum::response::Response;
use chrono::{Days, NaiveDate, TimeDelta};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// A month, and a day for the changes of its clocks: some ten thousand steps, which take a second.
const LONGEST: TimeDelta = TimeDelta::days(32);

/// What is to be played.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct ReplayQuery {
    /// The first day where the organisation is, such as 2026-11-01; without it nothing is played.
    since: Option<String>,
    /// The last day; without it today.
    until: Option<String>,
    /// Changes of the policy, such as `fresh_within=5m`, one a line.
    set: Option<String>,
}

#[derive(Template)]
#[template(path = "replay.html", config = "src/web/pages/askama.toml")]
struct ReplayPage<'a> {
    frame: Frame<'a>,
    org: &'a str,
    zone: &'static str,
    query: ReplayQuery,
    replay: Option<Replay>,
}

/// What would have alerted
#[utoipa::path(get, path = "/orgs/{org}/replay", params(ReplayQuery), responses(Html))]
pub(in crate::web) async fn replay_page(
    at: OrgAt,
    Query(query): Query<ReplayQuery>,
) -> Result<Response, Problem> {
    let org = &*at.org;
    let name = org.policy.name.as_str();
    let replay = match &query.since {
        Some(since) => Some(replayed(&at, since, &query).await?),
        None => None,
    };
    page(&ReplayPage {
        frame: Frame::of_org(
            &at,
            org,
            &format!("Replay of {name}"),
            format!("/api/v1/orgs/{name}"),
        ),
        org: name,
        zone: org.policy.time_zone.name(),
        query,
        replay,
    })
}

async fn replayed(at: &OrgAt, since: &str, query: &ReplayQuery) -> Result<Replay, Problem> {
    let lines = query.set.iter().flat_map(|set| set.lines()).map(str::trim);
    let changes: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let policy =
        (at.site.services.changed_policy)(&at.org.policy, &changes).map_err(Problem::query)?;
    let period = period(&policy, since, query.until.as_deref(), at.moment.now)?;
    let unreadable =
        || Problem::new(ProblemReason::NotReady, "The history cannot be read just now.");
    let history = at.site.services.history.clone().ok_or_else(unreadable)?;
    // A second of a processor: scrapes must find a free one, whoever wants replays.
    let turn = Arc::clone(&at.site.replays).try_acquire_owned().map_err(|_| {
        Problem::new(ProblemReason::Busy, "Another replay is under way. Try again in some seconds.")
    })?;
    let org: Arc<OrgView> = Arc::clone(&at.org);
    let played = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let (reads, step) = (period.reads(), Period::STEP);
        let past = Past::of_history(history.as_ref(), org.id, org.known_since, reads, step)?;
        Ok(play(&past, &policy, period, &changes, |_, _| {}))
    });
    let played: Result<Replay, crate::replay::ReplayError> =
        played.await.map_err(|_| unreadable())?;
    played.map_err(|error| Problem::query(format!("It cannot be played: {error}.")))
}

/// From the beginning of a day to the end of another, or to now.
fn period(
    policy: &OrgPolicy,
    since: &str,
    until: Option<&str>,
    now: Timestamp,
) -> Result<Period, Problem> {
    let wrong = || Problem::query("A day is written like 2026-11-01.");
    let start = |text: &str, later: u64| {
        let day: NaiveDate = text.parse().ok()?;
        start_of_day(policy.time_zone, day.checked_add_days(Days::new(later))?)
    };
    let from = start(since, 0).ok_or_else(wrong)?;
    let until = until.map_or(Some(now), |until| start(until, 1)).ok_or_else(wrong)?.min(now);
    if until.since(from) > LONGEST {
        return Err(Problem::query(
            "A page plays at most a month; the command `replay` plays more.",
        ));
    }
    Period::new(from, until, Period::STEP).map_err(|error| Problem::query(format!("{error}.")))
}
