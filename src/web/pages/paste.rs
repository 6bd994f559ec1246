//! The paste box: what the clipboard has → what was understood, row by row → stored. Two steps, and nothing is kept
//! between them: the second sends back as JSON what the first has shown, so that just this is stored.

use super::asset::Asset;
use super::copying::{Base, bookmarklet};
use super::frame::Frame;
use super::preview::Preview;
use super::render;
use crate::domain::ids::OrgName;
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;
use crate::events::Event;
use crate::web::access::Asker;
use crate::web::answer::{Answer, set};
use crate::web::api::Moment;
use crate::web::body::drain;
use crate::web::problem::{FieldError, Problem, Reason};
use crate::web::routes::Site;
use crate::web::services::{IngestAnswer, IngestKind, IngestRequest, MediaType};
use askama::Template;
use bytes::Bytes;
use chrono::{NaiveDateTime, TimeZone, Utc};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, REFERRER_POLICY};
use hyper::{Request, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "paste.html", config = "src/web/pages/askama.toml")]
struct Paste<'a> {
    frame: Frame<'a>,
    script: &'static str,
    org: &'a str,
    zone: &'static str,
    captured_at: String,
    /// Whether a token opens this organisation.
    token: bool,
    bookmarklet: String,
    base: String,
    trouble: Option<Trouble>,
    preview: Option<Preview>,
    /// How many values and users were taken.
    stored: Option<u64>,
}

struct Trouble {
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
}

/// What became of a paste.
enum Done {
    Asked,
    Shown(Preview),
    Stored(u64),
}

/// `GET` and `POST /orgs/{org}/paste`.
pub(in crate::web) async fn paste(
    site: &Site,
    name: &str,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Answer, Problem> {
    let moment = Moment::of(site);
    let org: Arc<OrgView> = Arc::clone(moment.org(name)?);
    let base = Base::of(request.headers());
    let done = if request.method() == hyper::Method::POST {
        let done = post(site, &org, request, peer, moment.now).await;
        if let Err(problem) = &done {
            site.services.events.emit(Event::IngestRejected {
                org: name.to_owned(),
                reason: problem.reason.name(),
                detail: problem.detail.clone(),
            });
        }
        done
    } else {
        Ok(Done::Asked)
    };
    let (status, trouble, preview, stored) = match done {
        Ok(Done::Asked) => (StatusCode::OK, None, None, None),
        Ok(Done::Shown(preview)) => (StatusCode::OK, None, Some(preview), None),
        Ok(Done::Stored(taken)) => (StatusCode::OK, None, None, Some(taken)),
        Err(problem) => (
            problem.reason.status(),
            Some(Trouble {
                title: problem.reason.title(),
                detail: problem.detail,
                errors: problem.errors,
            }),
            None,
            None,
        ),
    };
    let zone = org.policy.time_zone;
    let access = (site.services.access)(&org.policy.name);
    let mut answer = render(
        status,
        &Paste {
            frame: Frame::of(
                site,
                &moment.view,
                moment.now,
                &format!("Paste the status page of {name}"),
                Some(name),
                format!("/api/v1/orgs/{name}"),
            ),
            script: Asset::Paste.address(),
            org: name,
            zone: zone.name(),
            captured_at: (site.services.now)()
                .datetime()
                .with_timezone(&zone)
                .format("%Y-%m-%dT%H:%M")
                .to_string(),
            token: access.is_some_and(|access| access.token.is_some()),
            bookmarklet: bookmarklet(&base, name),
            base: base.text(),
            trouble,
            preview,
            stored,
        },
    )?;
    // A browser that tells no page where it comes from tells us `Origin: null` too, and a form of ours looks foreign.
    set(
        &mut answer,
        REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    Ok(answer)
}

/// The fields of the form.
#[derive(Default)]
struct Fields {
    store: bool,
    content: String,
    captured_at: String,
    user: String,
    token: String,
    snapshot: String,
}

impl Fields {
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

async fn post(
    site: &Site,
    org: &OrgView,
    request: Request<Incoming>,
    peer: SocketAddr,
    now: Timestamp,
) -> Result<Done, Problem> {
    let name = &org.policy.name;
    let access = (site.services.access)(name);
    // Who cannot be let in whatever the form says is not read at all.
    if access.as_ref().is_none_or(|access| access.token.is_none()) {
        Asker::of(&request, peer).may_paste(access.as_deref(), None)?;
    }
    let (head, mut incoming) = request.into_parts();
    let read = site.intake.form(&head.headers, &mut incoming).await;
    let (body, _held) = match read {
        Ok(read) => read,
        Err(problem) => {
            drain(incoming);
            return Err(problem);
        }
    };
    let fields = Fields::of(&body);
    let asker = Request::from_parts(head, ());
    let token = Some(fields.token.trim().as_bytes()).filter(|token| !token.is_empty());
    Asker::of(&asker, peer).may_paste(access.as_deref(), token)?;
    if fields.store {
        store(site, name, fields, now).await
    } else {
        show(site, org, fields, now).await
    }
}

async fn show(site: &Site, org: &OrgView, fields: Fields, now: Timestamp) -> Result<Done, Problem> {
    let mut query = vec![(
        "captured_at".to_owned(),
        instant(&fields.captured_at, org)?.to_string(),
    )];
    let user = fields.user.trim();
    if !user.is_empty() {
        query.push(("user".to_owned(), user.to_owned()));
    }
    let request = IngestRequest {
        org: org.policy.name.clone(),
        kind: IngestKind::Snapshot,
        // Of text it is looked whether it is HTML.
        media_type: MediaType::Text,
        body: Bytes::from(fields.content),
        query,
        received_at: now,
    };
    let understood = site.services.ingest.understand(request).await?;
    Ok(Done::Shown(Preview::of(understood, org, now)))
}

async fn store(
    site: &Site,
    org: &OrgName,
    fields: Fields,
    now: Timestamp,
) -> Result<Done, Problem> {
    let request = IngestRequest {
        org: org.clone(),
        kind: IngestKind::Snapshot,
        media_type: MediaType::Json,
        body: Bytes::from(fields.snapshot),
        query: Vec::new(),
        received_at: now,
    };
    match site.services.ingest.take(request).await {
        IngestAnswer::Taken(answer) => {
            let taken = answer.get("accepted").and_then(serde_json::Value::as_u64);
            Ok(Done::Stored(taken.unwrap_or(0)))
        }
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
                Reason::Invalid,
                "The time when the page looked like this is missing or is none, such as 2026-11-23T14:55.",
            )
        })
}
