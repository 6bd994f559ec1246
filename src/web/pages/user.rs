//! One user: how they stand, every row, and what changed.

use super::cells::{status_text, user_value_text};
use super::frame::Frame;
use super::page;
use super::users::Stand;
use super::when::When;
use crate::domain::policy::Product;
use crate::domain::rows::{Status, UserRow};
use crate::domain::source_state::SuccessorNote;
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, UserEntry, UserVerdict};
use crate::domain::view::OrgView;
use crate::guidance::{self, Owner, Step, Text};
use crate::store::UserChange;
use crate::web::answer::Answer;
use crate::web::history;
use crate::web::openapi::Html;
use crate::web::problem::Problem;
use crate::web::query::{OrgAt, escaped};
use crate::web::user_filter::{find, shown};
use askama::Template;

#[derive(Template)]
#[template(path = "user.html", config = "src/web/pages/askama.toml")]
struct UserPage<'a> {
    frame: Frame<'a>,
    name: &'a str,
    class: &'static str,
    word: &'static str,
    sentence: Text,
    since: Option<When>,
    steps: &'static [Step],
    rows: Vec<UserRowLine>,
    changes: Vec<UserChangeLine>,
    no_changes: &'static str,
    note: Option<SuccessorNote>,
    /// When the user logged in last, as far as it was read.
    logged_in: Option<When>,
    /// Whether the user has to move to the successor product and has not.
    left: bool,
}

struct UserRowLine {
    label: &'static str,
    object: &'static str,
    value: String,
    class: &'static str,
    meaning: Text,
    source: &'static str,
    seen: Option<When>,
}

struct UserChangeLine {
    when: When,
    label: &'static str,
    object: &'static str,
    before: &'static str,
    after: &'static str,
    source: &'static str,
}

/// The page of a user
#[utoipa::path(get, path = "/orgs/{org}/users/{user}", responses(Html))]
pub(in crate::web) async fn user_page(at: OrgAt) -> Result<Answer, Problem> {
    let (org, names, now) = (&*at.org, at.moment.view.user_names, at.moment.now);
    let entry = find(org, names, &at.user)?;
    let live = org.live(now);
    let stand = Stand::of(entry, org, &live, now);
    let row = stand.row(entry, &live);
    let past = history::of_user(&at.site, org, entry, now).await;
    let shown = shown(entry, names);
    page(&UserPage {
        frame: Frame::of_org(
            &at,
            org,
            shown,
            format!("/api/v1/orgs/{}/users/{}", org.policy.name, escaped(shown)),
        ),
        name: shown,
        class: stand.class(),
        word: stand.word(),
        sentence: sentence(stand.verdict, org.policy.product),
        since: row.map(|(_, _, since)| When::of(since, org, now)),
        steps: stand.steps(entry, org.policy.product, &live),
        rows: rows(entry, org, &live, now),
        no_changes: match past {
            Some(_) => "Nothing has changed since this user was first read.",
            None => "The history cannot be read just now.",
        },
        logged_in: org
            .note(entry, now)
            .and_then(|note| Some(When::of(note.logged_in_at?, org, now))),
        note: org.note(entry, now).cloned(),
        left: org.moved(entry, now) == Some(false),
        changes: past
            .unwrap_or_default()
            .iter()
            .map(|change| UserChangeLine::of(change, org, now))
            .collect(),
    })
}

fn sentence(verdict: UserVerdict, product: Product) -> Text {
    Text::new(match verdict {
        UserVerdict::Failing(row, _) => guidance::user_row_of(product, row, Status::No)
            .map_or("A check fails.", |guide| guide.meaning.marked()),
        UserVerdict::Stuck(UserRow::Reset, _) => {
            "No check fails, and a reset has lasted longer than it may: nothing syncs until it is over."
        }
        UserVerdict::Stuck(..) => {
            "No check fails, and a first sync has not ended, or not begun, for longer than it may."
        }
        UserVerdict::Resetting => {
            "A reset waits or runs. What else is found of this user says nothing until it is over."
        }
        UserVerdict::Excluded => "This user should not sync, so nothing here counts.",
        UserVerdict::Leaving => {
            "This user is on the way to the successor product, so nothing here counts."
        }
        UserVerdict::Healthy => "Every check that counts is known, and none fails.",
        UserVerdict::PartlyKnown => {
            "No check is known to fail, and not every check that counts is known."
        }
        UserVerdict::Unknown => {
            "No source has reported a check of this user: whether they sync is not known."
        }
    })
}

fn rows(user: &UserEntry, org: &OrgView, live: &LiveSources, now: Timestamp) -> Vec<UserRowLine> {
    UserRow::ALL
        .into_iter()
        .filter(|row| org.policy.covers(*row))
        // Rows of the page that the successor product does not have.
        .filter(|row| {
            org.policy.product == Product::LightningSync || user.current(*row, live).is_some()
        })
        .map(|row| {
            let current = user.current(row, live);
            let status = user.status(row, live);
            let is_count = row.statuses().is_empty();
            let guide = guidance::user_row_of(org.policy.product, row, status);
            let class = match current {
                None => "unknown",
                Some(current) if current.stale => "held",
                Some(_) if is_count => "none",
                Some(_) if row == UserRow::OutlookIntegration && !org.policy.reps_select_events => {
                    "none"
                }
                Some(_) if status == Status::NotSetToSync => "none",
                Some(_) => match guide.map(|guide| guide.owner()) {
                    Some(Owner::Nobody) => "fine",
                    Some(Owner::Wait) => "waiting",
                    Some(_) | None => "attention",
                },
            };
            let value = match current {
                None => "unknown".to_owned(),
                Some(current) => user_value_text(current.value),
            };
            UserRowLine {
                label: row.label(),
                object: row.object_type().map_or("", |object| object.name()),
                value: match class {
                    "held" => format!("{value}, stale"),
                    _ => value,
                },
                class,
                meaning: guide.map_or(Text::new(""), |guide| guide.meaning),
                source: current.map_or("nobody", |current| current.source.name()),
                seen: current.map(|current| When::of(current.observed_at, org, now)),
            }
        })
        .collect()
}

impl UserChangeLine {
    fn of(change: &UserChange, org: &OrgView, now: Timestamp) -> Self {
        Self {
            when: When::of(change.at, org, now),
            label: change.row.label(),
            object: change.row.object_type().map_or("", |object| object.name()),
            before: status_text(change.before),
            after: status_text(change.after),
            source: change.source.name(),
        }
    }
}
