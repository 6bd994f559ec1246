//! The paste box: what the clipboard has → what was understood, row by row → stored. Two steps, and nothing is held
//! between them: the second sends back as JSON what the first has shown, so that just this is stored.

use super::cells::{CellValue, ShownOrg, labelled, user_value_text};
use super::userscript::{Base, bookmarklet};
use super::{Frame, PASTE_ADDRESS, render};
use crate::domain::ids::{Source, UserName};
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgRow, RowSpec, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::web::access::Requester;
use crate::web::answer::set;
use crate::web::body::drain;
use crate::web::limits::PREVIEW_LINES;
use crate::web::openapi::Html;
use crate::web::problem::{Problem, ProblemReason, http_status};
use crate::web::query::OrgAt;
use crate::web::routes::{Sender, WebState};
use crate::web::services::{IngestKind, IngestRequest, MediaType, Understood};
use askama::Template;
use axum::extract::{Extension, Request};
use axum::response::Response;
use bytes::Bytes;
use chrono::{NaiveDateTime, TimeZone, Utc};
use hyper::StatusCode;
use hyper::header::{HeaderValue, REFERRER_POLICY};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "paste.html", config = "src/web/pages/askama.toml")]
struct Paste<'a> {
    frame: Frame<'a>,
    here: ShownOrg<'a>,
    script: &'static str,
    org: &'a str,
    captured_at: String,
    user: String,
    /// Whether a token opens this organisation.
    token: bool,
    /// Why nothing can be pasted from where the page was opened.
    closed: Option<String>,
    bookmarklet: String,
    base: String,
    /// Why nothing was stored, and the same for people.
    refused: Option<(Problem, String)>,
    preview: Option<Understood>,
    /// What was shown before and could not be stored, without its rows.
    again: Option<String>,
    /// How many values and users were taken.
    stored: Option<u64>,
}

impl Paste<'_> {
    /// What was understood, a line each: whose, which row, its value.
    fn lines<'b>(
        &'b self,
        snapshot: &'b Snapshot,
    ) -> impl Iterator<Item = (Option<&'b UserName>, &'static RowSpec, CellValue)> {
        let of_org = snapshot
            .rows
            .iter()
            .map(|(row, value)| (None, row.spec(), self.here.value(*row, value)));
        let of_users = snapshot.users.iter().flat_map(|(name, values)| {
            values.iter().map(move |(row, value)| {
                (Some(name), row.spec(), CellValue::text(user_value_text(*value)))
            })
        });
        of_org.chain(of_users)
    }

    /// As of when more was known than what was pasted.
    fn known(&self) -> Option<Timestamp> {
        self.here.org.last_report[Source::Snapshot]
    }
}

/// Rows that the page does not show.
fn absent(snapshot: &Snapshot) -> Vec<String> {
    let shows_org = |row: &OrgRow| {
        snapshot.rows.is_empty() || snapshot.rows.iter().any(|(shown, _)| shown == row)
    };
    let shows_user = |row: &UserRow| match snapshot.users.as_slice() {
        [(_, values)] => values.iter().any(|(shown, _)| shown == row),
        _ => true,
    };
    let of_org = OrgRow::ALL.iter().filter(|row| !shows_org(row)).map(|row| row.spec());
    let of_user = UserRow::ALL.iter().filter(|row| !shows_user(row)).map(|row| row.spec());
    of_org.chain(of_user).map(labelled).collect()
}

/// What became of a paste.
enum Done {
    NotSubmitted,
    Shown(Understood),
    Stored(u64),
}

/// Where the status page is pasted: what was understood of a paste, or its storing, with the access rules of ingest
#[utoipa::path(method(get, post), path = "/orgs/{org}/paste", responses(Html))]
pub(in crate::web) async fn paste(
    at: OrgAt,
    Extension(from): Extension<Sender>,
    request: Request,
) -> Result<Response, Problem> {
    let (site, org, now) = (&*at.site, &*at.org, at.moment.now);
    let peer = from.peer;
    let name = org.policy.name.as_str();
    let access = (site.services.access)(&org.policy.name);
    let has_token = access.as_ref().is_some_and(|access| access.token.is_some());
    let base = Base::of(request.headers(), site.scheme());
    let (done, mut fields, closed) = if request.method() == hyper::Method::POST {
        let (done, fields) = post(site, org, request, &from, now).await;
        // To look at what would be understood is no push, and what is not understood there is no refused one.
        if let Err(problem) = &done
            && fields.as_ref().is_none_or(|fields| fields.stores())
        {
            site.note_refusal(problem, Some(name.to_owned()), peer);
        }
        (done, fields.unwrap_or_default(), None)
    } else {
        let closed = match has_token {
            true => None,
            false => Requester::of(&request, peer)
                .may_paste(access.as_deref(), None)
                .err()
                // The bookmarklet opens the form from a page of Salesforce: a form that is empty changes nothing.
                .filter(|problem| problem.reason != ProblemReason::OriginNotAllowed)
                .map(|problem| for_people(&problem, name, has_token)),
        };
        (Ok(Done::NotSubmitted), PasteForm::default(), closed)
    };
    let here = ShownOrg::alone(org, now);
    let mut page = Paste {
        frame: Frame::of_org(
            &at,
            org,
            &format!("Paste the status page of {name}"),
            format!("/api/v1/orgs/{name}"),
        ),
        here,
        script: &PASTE_ADDRESS,
        org: name,
        captured_at: now
            .datetime()
            .with_timezone(&org.policy.time_zone)
            .format("%Y-%m-%dT%H:%M")
            .to_string(),
        user: String::new(),
        token: has_token,
        closed,
        bookmarklet: bookmarklet(&base, name),
        base: base.text(),
        refused: None,
        preview: None,
        again: None,
        stored: None,
    };
    let mut status = StatusCode::OK;
    match done {
        Ok(Done::NotSubmitted) => {}
        Ok(Done::Shown(preview)) => page.preview = Some(preview),
        Ok(Done::Stored(taken)) => page.stored = Some(taken),
        Err(problem) => {
            status = http_status(problem.reason);
            let let_in = !is_of_access(problem.reason);
            let is_foreign = problem.reason == ProblemReason::OriginNotAllowed;
            let detail = for_people(&problem, name, has_token);
            page.refused = Some((problem, detail));
            // A form that another site filled in is not offered again as if it were one of ours.
            if !is_foreign && fields.of_ours {
                if !fields.captured_at.is_empty() {
                    page.captured_at = std::mem::take(&mut fields.captured_at);
                }
                page.user = std::mem::take(&mut fields.user);
                if fields.stores() && !fields.snapshot.is_empty() {
                    if let_in {
                        let request = pasted(org, now, MediaType::Json, fields.snapshot.clone());
                        page.preview = site.services.ingest.understand(request).await.ok();
                    }
                    page.again = Some(std::mem::take(&mut fields.snapshot))
                        .filter(|_| page.preview.is_none() && !let_in);
                }
            }
        }
    }
    let mut answer = render(status, &page)?;
    // A browser that tells no page where it comes from tells us `Origin: null` too, and a form of ours looks foreign.
    set(&mut answer, REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(answer)
}

/// Whether a refusal is about who asks.
const fn is_of_access(reason: ProblemReason) -> bool {
    matches!(
        reason,
        ProblemReason::TokenRequired
            | ProblemReason::TokenWrong
            | ProblemReason::LocalOnly
            | ProblemReason::OriginNotAllowed
    )
}

/// A refusal in words for somebody before a form, who sends no headers.
fn for_people(problem: &Problem, org: &str, has_token: bool) -> String {
    const WHO: &str =
        "Whoever set this program up has it: it is in the file that `ingest.token_file` names.";
    let reason = problem.reason;
    if !is_of_access(reason) {
        problem.detail.clone()
    } else if reason == ProblemReason::OriginNotAllowed {
        "The form was sent from a page of another site. Open the paste box here and paste again."
            .to_owned()
    } else if reason == ProblemReason::TokenWrong {
        format!("This is not the token of {org}. {WHO}")
    } else if has_token {
        format!("Type the token of {org}. {WHO}")
    } else {
        format!(
            "{org} has no token, so it takes what is pasted only in a browser on the machine of this program, at 127.0.0.1. Whoever set it up can give {org} a token (`ingest.token_file`); then pasting works from anywhere."
        )
    }
}

/// The fields of the form.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PasteForm {
    /// `store`; otherwise it is looked at first.
    r#do: String,
    content: String,
    captured_at: String,
    user: String,
    token: String,
    snapshot: String,
    /// Whether the form came from a page of our own.
    #[serde(skip)]
    of_ours: bool,
}

impl PasteForm {
    fn stores(&self) -> bool {
        self.r#do == "store"
    }
}

/// What became of a form, and its fields; `None` when it was not read.
async fn post(
    site: &WebState,
    org: &OrgView,
    request: Request,
    from: &Sender,
    now: Timestamp,
) -> (Result<Done, Problem>, Option<PasteForm>) {
    let peer = from.peer;
    let access = (site.services.access)(&org.policy.name);
    // Who cannot be let in whatever the form says is not read at all.
    if access.as_ref().is_none_or(|access| access.token.is_none())
        && let Err(problem) = Requester::of(&request, peer).may_paste(access.as_deref(), None)
    {
        return (Err(problem), None);
    }
    let (head, mut incoming) = request.into_parts();
    let read = site.intake.form(&head.headers, &mut incoming, from).await;
    let (body, _held) = match read {
        Ok(read) => read,
        Err(problem) => {
            drain(incoming);
            return (Err(problem), None);
        }
    };
    let mut fields: PasteForm = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let request = Request::from_parts(head, ());
    let requester = Requester::of(&request, peer);
    fields.of_ours = requester.is_of_ours();
    let token = Some(fields.token.trim().as_bytes()).filter(|token| !token.is_empty());
    if let Err(problem) = requester.may_paste(access.as_deref(), token) {
        return (Err(problem), Some(fields));
    }
    let ingest = &site.services.ingest;
    let done = if fields.stores() {
        // What a preview sent back.
        let request = pasted(org, now, MediaType::Json, fields.snapshot.clone());
        ingest.take(request).await.map(|receipt| Done::Stored(receipt.accepted))
    } else {
        match instant(&fields.captured_at, org) {
            Ok(captured_at) => {
                // Of text it is looked whether it is HTML.
                let content = std::mem::take(&mut fields.content);
                let mut request = pasted(org, now, MediaType::Text, content);
                request.query.push(("captured_at".to_owned(), captured_at.to_string()));
                let user = Some(fields.user.trim()).filter(|user| !user.is_empty());
                request.query.extend(user.map(|user| ("user".to_owned(), user.to_owned())));
                ingest.understand(request).await.map(Done::Shown)
            }
            Err(problem) => Err(problem),
        }
    };
    (done, Some(fields))
}

fn pasted(org: &OrgView, now: Timestamp, media_type: MediaType, body: String) -> IngestRequest {
    IngestRequest {
        org: org.policy.name.clone(),
        kind: IngestKind::Snapshot,
        media_type,
        body: Bytes::from(body),
        query: Vec::new(),
        received_at: now,
    }
}

/// A time as the browser writes it, in the organisation's zone; the earlier one where the clock was set back.
fn instant(text: &str, org: &OrgView) -> Result<Timestamp, Problem> {
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .and_then(|local| org.policy.time_zone.from_local_datetime(&local).earliest())
        .and_then(|at| Timestamp::from_datetime(at.with_timezone(&Utc)))
        .ok_or_else(|| {
            Problem::new(
                ProblemReason::Invalid,
                "The time when the page looked like this is missing or is none, such as 2026-11-23T14:55.",
            )
        })
}
