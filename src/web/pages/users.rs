//! Users of an organisation, searched, by how they stand, by check and status, a page at a time; and one of them with
//! every row and what changed.

use super::cells::{ShownOrg, labelled, status_text, user_value_text};
use super::{Frame, page};
use crate::domain::causes::Cause;
use crate::domain::ids::Source;
use crate::domain::policy::{Product, UserNames};
use crate::domain::rows::{Status, UserRow, UserValue};
use crate::domain::source_state::SuccessorNote;
use crate::domain::time::Timestamp;
use crate::domain::users::{LiveSources, Standing, UserEntry, UserVerdict, verdict};
use crate::domain::view::{Current, OrgView};
use crate::guidance::exchange::{case_of_user, of_exchange, user_steps};
use crate::guidance::{self, Owner, Step, Text};
use crate::store::UserChange;
use crate::web::history;
use crate::web::limits::USERS_PER_SHEET;
use crate::web::openapi::Html;
use crate::web::problem::Problem;
use crate::web::query::{Named, OrgAt, Query, escaped};
use crate::web::user_filter::{UserMatches, UsersQuery, find, shown};
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "users.html", config = "src/web/pages/askama.toml")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    here: ShownOrg<'a>,
    org: &'a str,
    query: UsersQuery,
    pseudonyms: bool,
    /// Whether who reads has shown a password, and may search by name.
    guarded: bool,
    /// Why nobody can match.
    impossible: Option<String>,
    matching: usize,
    known: usize,
    complete: bool,
    users: Vec<(&'a str, UserStanding)>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "user.html", config = "src/web/pages/askama.toml")]
struct UserPage<'a> {
    frame: Frame<'a>,
    here: ShownOrg<'a>,
    name: &'a str,
    stand: UserStanding,
    user: &'a UserEntry,
    live: LiveSources,
    /// The newest first; `None` when they cannot be read.
    changes: Option<Vec<UserChange>>,
    note: Option<&'a SuccessorNote>,
    /// Whether the user has to move to the successor product and has not.
    left: bool,
    /// Whether other accounts are named.
    plain: bool,
}

/// Why nobody can match: the form offers every status with every check.
fn impossible(query: &UsersQuery) -> Option<String> {
    let (check, status) = (query.check?.0, query.status?.0);
    if check.statuses().contains(&status) {
        return None;
    }
    let shows: Vec<&str> = check.statuses().iter().map(|one| status_text(*one)).collect();
    Some(format!(
        "“{}” never shows “{}”. It shows: {}.",
        labelled(check.spec()),
        status_text(status),
        shows.join(", ")
    ))
}

/// The page of its users
#[utoipa::path(get, path = "/orgs/{org}/users", params(UsersQuery), responses(Html))]
pub(in crate::web) async fn users_page(
    at: OrgAt,
    Query(mut query): Query<UsersQuery>,
) -> Result<Response, Problem> {
    let (org, names, now) = (&*at.org, at.moment.view.user_names, at.moment.now);
    let name = org.policy.name.as_str();
    // A check alone means who fails there; a status alone means nothing without its check.
    query.status = query.status.filter(|_| query.check.is_some());
    if query.check.is_some() && query.status.is_none() && query.failing.is_none() {
        query.failing = Some(true);
    }
    let impossible = impossible(&query);
    let found = match impossible {
        Some(_) => UserMatches::default(),
        None => query.page(org, names, at.site.is_guarded(), USERS_PER_SHEET, now)?,
    };
    let live = org.live(now);
    page(&UsersPage {
        frame: Frame::of_part(
            &at,
            org,
            &format!("Users of {name}"),
            format!("/api/v1/orgs/{name}/users"),
        ),
        here: ShownOrg::alone(org, now),
        org: name,
        pseudonyms: names == UserNames::Pseudonym,
        guarded: at.site.is_guarded(),
        impossible,
        matching: found.matching,
        known: org.users.users.len(),
        complete: org.users.complete,
        next: found.next.map(|after| {
            let next = UsersQuery { limit: None, after: Some(after.to_owned()), ..query.clone() };
            let next = serde_urlencoded::to_string(next).unwrap_or_default();
            format!("/orgs/{name}/users?{next}")
        }),
        users: found
            .users
            .into_iter()
            .map(|(shown, user)| (shown, UserStanding::of(user, org, &live, now)))
            .collect(),
        query,
    })
}

impl UsersPage<'_> {
    /// The checks of what the organisation syncs.
    fn checks(&self) -> impl Iterator<Item = UserRow> {
        UserRow::checks().filter(|row| self.here.org.policy.covers(*row))
    }
}

/// The page of a user
#[utoipa::path(get, path = "/orgs/{org}/users/{user}", responses(Html))]
pub(in crate::web) async fn user_page(at: OrgAt) -> Result<Response, Problem> {
    let (org, names, now) = (&*at.org, at.moment.view.user_names, at.moment.now);
    let user = find(org, names, &at.user)?;
    let live = org.live(now);
    let name = shown(user, names);
    let json = format!("/api/v1/orgs/{}/users/{}", org.policy.name, escaped(name));
    page(&UserPage {
        frame: Frame::of_part(&at, org, name, json),
        here: ShownOrg::alone(org, now),
        name,
        stand: UserStanding::of(user, org, &live, now),
        user,
        live,
        changes: history::of_user(&at.site, org, user, now).await,
        note: org.note(user, now),
        left: org.moved(user, now) == Some(false),
        plain: names == UserNames::Plain,
    })
}

impl UserPage<'_> {
    fn sentence(&self) -> Text {
        Text::new(match self.stand.verdict {
            UserVerdict::Failing(row, _) => {
                guidance::user_row_of(self.here.org.policy.product, row, Status::No)
                    .map_or("A check fails.", |guide| guide.meaning.marked())
            }
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

    /// The text for Salesforce's support.
    fn case(&self) -> Option<String> {
        case_of_user(self.user, self.here.org, self.here.now)
    }

    /// What Salesforce shows beside what Exchange answers, row by row; empty where nobody looks at Exchange.
    fn sides(&self) -> Vec<TwoSides> {
        let side = |source: Source, row: UserRow| {
            let reading = self.user.of_source(source)?.get(row)?;
            let at = reading.observed_at;
            Some(OneSide { value: reading.value, at, stale: !self.live[source] })
        };
        of_exchange(self.user)
            .map(|(row, _)| {
                let sources = [Source::Snapshot, Source::Salesforce];
                let salesforce = sources.into_iter().find_map(|source| side(source, row));
                let exchange = side(Source::Exchange, row);
                let trail = self.here.org.summary.counts.users.get(&self.user.name);
                let apart = match (&salesforce, &exchange) {
                    (Some(one), Some(other)) if one.stale || other.stale => false,
                    _ if row == UserRow::ContactsRecords => {
                        trail.is_some_and(|trail| trail.differs_since.is_some())
                    }
                    (Some(one), Some(other)) => one.value != other.value,
                    _ => false,
                };
                TwoSides { row, salesforce, exchange, apart }
            })
            .collect()
    }

    /// The latest call and the latest write of Salesforce in this mailbox, as Exchange logged them.
    fn logged(&self) -> Option<[(&'static str, Option<Timestamp>); 2]> {
        let calls = self.here.org.source_states.exchange_calls()?;
        let mailbox = calls.mailboxes.get(&self.user.name);
        Some([
            ("Last call of Salesforce that worked", mailbox.and_then(|it| it.last_call())),
            ("Last write of Salesforce", mailbox.and_then(|it| it.last_write())),
        ])
    }

    /// Every row of what the organisation syncs, but for those of the page that the successor product does not have.
    fn rows(&self) -> impl Iterator<Item = (UserRow, Option<Current<UserValue>>)> {
        let policy = &self.here.org.policy;
        UserRow::ALL
            .into_iter()
            .filter(|row| policy.covers(*row))
            .map(|row| (row, self.user.current(row, &self.live)))
            .filter(|(_, current)| policy.product == Product::LightningSync || current.is_some())
    }

    /// The class of a row, and what its value means.
    fn judged(&self, row: &UserRow, current: Option<&Current<UserValue>>) -> (&'static str, Text) {
        let policy = &self.here.org.policy;
        let status = self.user.status(*row, &self.live);
        let guide = guidance::user_row_of(policy.product, *row, status);
        let counts_nothing = row.statuses().is_empty()
            || *row == UserRow::OutlookIntegration && !policy.reps_select_events
            || status == Status::NotSetToSync;
        let class = match (current, guide.map(|guide| guide.owner())) {
            (None, _) => "unknown",
            (Some(current), _) if current.stale => "held",
            _ if counts_nothing => "none",
            (_, Some(Owner::Nobody)) => "fine",
            (_, Some(Owner::Wait)) => "waiting",
            (_, Some(_) | None) => "attention",
        };
        (class, guide.map_or(Text::new(""), |guide| guide.meaning))
    }
}

/// What one side shows of a row.
struct OneSide {
    value: UserValue,
    at: Timestamp,
    stale: bool,
}

/// A row as both sides show it.
struct TwoSides {
    row: UserRow,
    salesforce: Option<OneSide>,
    exchange: Option<OneSide>,
    /// Whether they disagree.
    apart: bool,
}

/// The step of the probe that answers a row.
#[expect(clippy::wildcard_enum_match_arm, reason = "the probe answers no other row")]
const fn answered_by(row: UserRow) -> &'static str {
    match row {
        UserRow::ServiceAccount => "impersonation",
        UserRow::MailboxVersion => "version",
        UserRow::EventsFolder => "calendar",
        UserRow::ContactsFolder => "contacts_folder",
        UserRow::ContactsRecords => "counts",
        _ => "",
    }
}

/// How a user stands, for people.
const fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing => "failing",
        Standing::Stuck => "stuck",
        Standing::Resetting => "in a reset",
        Standing::Healthy => "fine",
        Standing::PartlyKnown => "partly known",
        Standing::Excluded => "excluded",
        Standing::Leaving => "leaving",
        Standing::Unknown => "unknown",
    }
}

/// The class of how a user stands.
const fn class_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Failing | Standing::Stuck => "attention",
        Standing::Resetting => "waiting",
        Standing::Healthy => "fine",
        Standing::Excluded | Standing::Leaving => "none",
        Standing::PartlyKnown | Standing::Unknown => "unknown",
    }
}

/// How a user stands at one instant, judged once. What is held never looks fresh.
struct UserStanding {
    verdict: UserVerdict,
    held: bool,
    /// The row that fails or is stuck, and since when.
    row: Option<(UserRow, Timestamp)>,
    /// What to do, in order.
    steps: Vec<Step>,
}

impl UserStanding {
    fn of(user: &UserEntry, org: &OrgView, live: &LiveSources, now: Timestamp) -> Self {
        let product = org.policy.product;
        let verdict = verdict(user, &org.policy, live, now);
        let is_stale = |row| user.current(row, live).is_some_and(|current| current.stale);
        let (held, row, steps) = match verdict {
            UserVerdict::Failing(row, since) => {
                let guide = guidance::user_row_of(product, row, Status::No);
                let all = guide.map_or(&[][..], |guide| guide.steps);
                (is_stale(row), Some((row, since)), user_steps(all, user, row, org, now))
            }
            // A state that lasts too long has the steps of its cause, not of the state.
            UserVerdict::Stuck(row, since) => {
                let is_reset = row == UserRow::Reset;
                let cause = if is_reset { Cause::ResetStuck } else { Cause::InitialSyncStuck };
                let steps = guidance::cause_of(product, cause).steps.to_vec();
                (is_stale(row), Some((row, since)), steps)
            }
            UserVerdict::Resetting => (is_stale(UserRow::Reset), None, Vec::new()),
            UserVerdict::Unknown => (false, None, Vec::new()),
            UserVerdict::Excluded
            | UserVerdict::Leaving
            | UserVerdict::Healthy
            | UserVerdict::PartlyKnown => {
                let mut known = UserRow::checks().filter_map(|row| user.current(row, live));
                (known.all(|current| current.stale), None, Vec::new())
            }
        };
        Self { verdict, held, row, steps }
    }

    const fn class(&self) -> &'static str {
        if self.held { "held" } else { class_of(self.verdict.standing()) }
    }

    const fn word(&self) -> &'static str {
        match (self.verdict.standing(), self.held) {
            (Standing::Failing, true) => "failing when last read",
            (Standing::Stuck, true) => "stuck when last read",
            (Standing::Resetting, true) => "in a reset when last read",
            (Standing::Healthy, true) => "fine when last read",
            (Standing::PartlyKnown, true) => "partly known when last read",
            (standing, _) => word_of(standing),
        }
    }
}
