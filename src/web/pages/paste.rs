//! The paste box: what the clipboard has → what was understood, row by row → stored. Two steps, and nothing is held
//! between them: the second sends back as JSON what the first has shown, so that just this is stored.

use super::PASTE_ADDRESS;
use super::frame::Frame;
use super::preview::Preview;
use super::render;
use super::userscript::{Base, bookmarklet};
use super::when::When;
use crate::domain::ids::Source;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::web::access::Requester;
use crate::web::answer::{Answer, set};
use crate::web::body::drain;
use crate::web::openapi::Html;
use crate::web::problem::{FieldError, Problem, ProblemReason, http_status};
use crate::web::query::OrgAt;
use crate::web::routes::{Sender, Site};
use crate::web::services::{IngestAnswer, IngestKind, IngestRequest, MediaType};
use askama::Template;
use axum::extract::{Extension, Request};
use bytes::Bytes;
use chrono::{NaiveDateTime, TimeZone, Utc};
use hyper::StatusCode;
use hyper::header::{HeaderValue, REFERRER_POLICY};

#[derive(Template)]
#[template(path = "paste.html", config = "src/web/pages/askama.toml")]
struct Paste<'a> {
    frame: Frame<'a>,
    script: &'static str,
    org: &'a str,
    zone: &'static str,
    captured_at: String,
    user: String,
    /// Whether a token opens this organisation.
    token: bool,
    /// Why nothing can be pasted from where the page was opened.
    closed: Option<String>,
    bookmarklet: String,
    base: String,
    trouble: Option<PasteTrouble>,
    preview: Option<Preview>,
    /// What was shown before and could not be stored, without its rows.
    again: Option<String>,
    stored: Option<PasteStored>,
}

struct PasteTrouble {
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
}

struct PasteStored {
    /// How many values and users were taken.
    taken: u64,
    /// As of when more was known, where nothing was taken.
    known: Option<When>,
}

/// What became of a paste.
enum Done {
    NotSubmitted,
    Shown(Preview),
    Stored(u64),
}

/// Where the status page is pasted: what was understood of a paste, or its storing, with the access rules of ingest
#[utoipa::path(method(get, post), path = "/orgs/{org}/paste", responses(Html))]
pub(in crate::web) async fn paste(
    at: OrgAt,
    Extension(from): Extension<Sender>,
    request: Request,
) -> Result<Answer, Problem> {
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
            && fields.as_ref().is_none_or(|fields| fields.store)
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
    let zone = org.policy.time_zone;
    let mut page = Paste {
        frame: Frame::of_org(
            &at,
            org,
            &format!("Paste the status page of {name}"),
            format!("/api/v1/orgs/{name}"),
        ),
        script: &PASTE_ADDRESS,
        org: name,
        zone: zone.name(),
        captured_at: now.datetime().with_timezone(&zone).format("%Y-%m-%dT%H:%M").to_string(),
        user: String::new(),
        token: has_token,
        closed,
        bookmarklet: bookmarklet(&base, name),
        base: base.text(),
        trouble: None,
        preview: None,
        again: None,
        stored: None,
    };
    let mut status = StatusCode::OK;
    match done {
        Ok(Done::NotSubmitted) => {}
        Ok(Done::Shown(preview)) => page.preview = Some(preview),
        Ok(Done::Stored(taken)) => {
            let known = org.last_report[Source::Snapshot].filter(|_| taken == 0);
            page.stored =
                Some(PasteStored { taken, known: known.map(|at| When::of(at, org, now)) });
        }
        Err(problem) => {
            status = http_status(problem.reason);
            let let_in = !is_of_access(problem.reason);
            page.trouble = Some(PasteTrouble {
                title: problem.reason.title(),
                detail: for_people(&problem, name, has_token),
                errors: problem.errors,
            });
            // A form that another site filled in is not offered again as if it were one of ours.
            if problem.reason != ProblemReason::OriginNotAllowed && fields.of_ours {
                if !fields.captured_at.is_empty() {
                    page.captured_at = std::mem::take(&mut fields.captured_at);
                }
                page.user = std::mem::take(&mut fields.user);
                if fields.store && !fields.snapshot.is_empty() {
                    if let_in {
                        page.preview = again(site, org, &fields, now).await;
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
#[derive(Default)]
struct PasteForm {
    store: bool,
    content: String,
    captured_at: String,
    user: String,
    token: String,
    snapshot: String,
    /// Whether the form came from a page of our own.
    of_ours: bool,
}

impl PasteForm {
    fn of(body: &[u8]) -> Self {
        let mut fields = Self::default();
        for (key, value) in form_urlencoded::parse(body) {
            match key.as_ref() {
                "do" => fields.store = value == "store",
                "content" => fields.content = value.into_owned(),
                "captured_at" => fields.captured_at = value.into_owned(),
                "user" => fields.user = value.into_owned(),
                "token" => fields.token = value.into_owned(),
                "snapshot" => fields.snapshot = value.into_owned(),
                _ => {}
            }
        }
        fields
    }
}

/// What became of a form, and what it said; `None` when it was not read.
async fn post(
    site: &Site,
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
    let mut fields = PasteForm::of(&body);
    let request = Request::from_parts(head, ());
    let requester = Requester::of(&request, peer);
    fields.of_ours = requester.is_of_ours();
    let token = Some(fields.token.trim().as_bytes()).filter(|token| !token.is_empty());
    if let Err(problem) = requester.may_paste(access.as_deref(), token) {
        return (Err(problem), Some(fields));
    }
    let done = if fields.store {
        store(site, org, &fields, now).await
    } else {
        show(site, org, &mut fields, now).await
    };
    (done, Some(fields))
}

async fn show(
    site: &Site,
    org: &OrgView,
    fields: &mut PasteForm,
    now: Timestamp,
) -> Result<Done, Problem> {
    let mut query =
        vec![("captured_at".to_owned(), instant(&fields.captured_at, org)?.to_string())];
    let user = fields.user.trim();
    if !user.is_empty() {
        query.push(("user".to_owned(), user.to_owned()));
    }
    let request = IngestRequest {
        org: org.policy.name.clone(),
        kind: IngestKind::Snapshot,
        // Of text it is looked whether it is HTML.
        media_type: MediaType::Text,
        body: Bytes::from(std::mem::take(&mut fields.content)),
        query,
        received_at: now,
    };
    let understood = site.services.ingest.understand(request).await?;
    Ok(Done::Shown(Preview::of(understood, org, now)))
}

/// What a preview sent back.
fn shown_before(org: &OrgView, fields: &PasteForm, now: Timestamp) -> IngestRequest {
    IngestRequest {
        org: org.policy.name.clone(),
        kind: IngestKind::Snapshot,
        media_type: MediaType::Json,
        body: Bytes::from(fields.snapshot.clone()),
        query: Vec::new(),
        received_at: now,
    }
}

/// The preview of what could not be stored.
async fn again(site: &Site, org: &OrgView, fields: &PasteForm, now: Timestamp) -> Option<Preview> {
    let request = shown_before(org, fields, now);
    let understood = site.services.ingest.understand(request).await.ok()?;
    Some(Preview::of(understood, org, now))
}

async fn store(
    site: &Site,
    org: &OrgView,
    fields: &PasteForm,
    now: Timestamp,
) -> Result<Done, Problem> {
    match site.services.ingest.take(shown_before(org, fields, now)).await {
        IngestAnswer::Taken(receipt) => Ok(Done::Stored(receipt.accepted)),
        IngestAnswer::Refused(problem) => Err(problem),
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
