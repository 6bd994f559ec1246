//! The first page: every organisation with its worst finding and the next step, and where to find the rest.

use super::{STYLE, page};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::guidance;
use crate::web::answer::Answer;
use crate::web::problem::Problem;
use crate::web::routes::Site;
use crate::web::verdict::{Judged, Verdict};
use askama::Template;
use std::cmp::Reverse;

#[derive(Template)]
#[template(path = "landing.html", config = "src/web/pages/askama.toml")]
struct Landing<'a> {
    style: &'static str,
    telemetry_path: &'a str,
    /// Why what is shown may be old or incomplete.
    warnings: Vec<&'static str>,
    orgs: Vec<Line>,
    now: Timestamp,
}

struct Line {
    name: String,
    verdict: Verdict,
    worst: Option<Worst>,
    /// How many more findings there are.
    more: usize,
}

struct Worst {
    summary: &'static str,
    object: &'static str,
    since: Option<(Timestamp, String)>,
    step: &'static str,
    owner: &'static str,
}

/// `GET /`.
pub(in crate::web) fn landing(site: &Site) -> Result<Answer, Problem> {
    let (view, now) = ((site.services.view)(), (site.services.now)());
    let mut orgs: Vec<Line> = view
        .orgs
        .iter()
        .map(|org| {
            Line::of(
                org.policy.name.to_string(),
                &Judged::of(&view, org, now),
                now,
            )
        })
        .collect();
    orgs.sort_by_key(|line| (line.verdict, Reverse(line.more)));
    page(&Landing {
        style: STYLE,
        telemetry_path: &site.options.telemetry_path,
        warnings: warnings(&view, now),
        orgs,
        now,
    })
}

fn warnings(view: &View, now: Timestamp) -> Vec<&'static str> {
    [
        (!view.is_fresh(now), "The engine has not published for too long. What follows may be old; counts are left out."),
        (view.store_failing, "The store cannot write. Nothing that is pushed is taken until it can."),
        (view.clock_suspect, "The clock stepped. Ages and counts may be off."),
    ]
    .into_iter()
    .filter_map(|(holds, text)| holds.then_some(text))
    .collect()
}

impl Line {
    fn of(name: String, judged: &Judged, now: Timestamp) -> Self {
        let worst = judged.findings.first().map(|finding| {
            let words = guidance::cause(finding.reason);
            Worst {
                summary: words.summary,
                object: finding.object_type.map_or("", |object| object.name()),
                since: finding.since.map(|since| (since, ago(since, now))),
                step: words.steps.first().map_or("", |step| step.text),
                owner: words
                    .steps
                    .first()
                    .map_or(words.owner, |step| step.owner)
                    .name(),
            }
        });
        Self {
            name,
            verdict: judged.verdict,
            worst,
            more: judged.findings.len().saturating_sub(1),
        }
    }
}

/// How long ago, in the largest unit of which there are at least two.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.since(then).num_minutes().max(0);
    match minutes {
        0..120 => format!("{minutes} min ago"),
        120..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} d ago", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_largest_unit_of_which_there_are_two() {
        let at = |minutes: i64| Timestamp::from_seconds(minutes * 60);
        for (minutes, text) in [
            (-5, "0 min ago"),
            (119, "119 min ago"),
            (120, "2 h ago"),
            (2879, "47 h ago"),
            (2880, "2 d ago"),
        ] {
            assert_eq!(ago(at(0), at(minutes)), text);
        }
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let line = Line {
            name: "<script>alert(1)</script>".to_owned(),
            verdict: Verdict::Ok,
            worst: None,
            more: 0,
        };
        let page = Landing {
            style: STYLE,
            telemetry_path: "/m\"><b>",
            warnings: Vec::new(),
            orgs: vec![line],
            now: Timestamp::from_seconds(0),
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    }
}
