//! The first page: every organisation, worst first, one sentence each.

use super::cells::ShownOrg;
use super::{Frame, full, page};
use crate::domain::view::View;
use crate::guidance::verdict::{Level, Verdict};
use crate::web::limits::CARDS;
use crate::web::openapi::Html;
use crate::web::org_status::OrgVerdict;
use crate::web::problem::Problem;
use crate::web::query::Moment;
use crate::web::routes::WebState;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono_tz::Tz;
use std::cmp::Reverse;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "overview.html", config = "src/web/pages/askama.toml")]
struct Overview<'a> {
    frame: Frame<'a>,
    /// The zone of every time of day.
    zone: &'static str,
    /// How many there are of each level.
    tally: Vec<(Level, usize)>,
    /// Those that need somebody, or of which nobody knows, in full.
    orgs: Vec<(ShownOrg<'a>, Verdict)>,
    /// The others, a line each.
    short: Vec<(ShownOrg<'a>, Verdict)>,
}

/// The page of all organisations
#[utoipa::path(get, path = "/", responses(Html))]
pub(in crate::web) async fn overview(
    State(site): State<Arc<WebState>>,
) -> Result<Response, Problem> {
    let Moment { view, now } = Moment::of(&site);
    let zone = zone_of_all(&view);
    let of = |org| OrgVerdict::in_zone(&view, org, zone, now).verdict;
    let mut orgs: Vec<(ShownOrg<'_>, Verdict)> =
        view.orgs.iter().map(|org| (ShownOrg { org, now, zone }, of(org))).collect();
    orgs.sort_by_key(|(here, verdict)| {
        let more = verdict.acting.len().saturating_sub(1);
        (verdict.level, Reverse(more), here.org.policy.name.as_str())
    });
    let of_level = |level: Level| orgs.iter().filter(|(_, verdict)| verdict.level == level).count();
    let tally = Level::ALL.iter().map(|level| (*level, of_level(*level)));
    let tally = tally.filter(|(_, count)| *count > 0).collect();
    let needs_nobody = |level| matches!(level, Level::Fine | Level::Retired);
    let in_full = orgs.iter().take_while(|(_, verdict)| !needs_nobody(verdict.level)).count();
    let short = orgs.split_off(in_full.min(CARDS));
    page(&Overview {
        frame: Frame {
            shown_now: full(now, zone),
            ..Frame::of(&site, &view, now, "All organisations", "/api/v1/orgs")
        },
        zone: zone.name(),
        tally,
        orgs,
        short,
    })
}

/// The zone that all organisations have; UTC where they differ, so that times can be compared.
fn zone_of_all(view: &View) -> Tz {
    let mut zones = view.orgs.iter().map(|org| org.policy.time_zone);
    let first = zones.next().unwrap_or(Tz::UTC);
    if zones.all(|zone| zone == first) { first } else { Tz::UTC }
}
