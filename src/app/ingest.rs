//! Pushed bytes → a parser → the engine → the answer. The answer comes after the engine's, and so after the disk.

use super::daemon::Shared;
use super::parse::{self, LeftOut, Parsed, PushedBody, PushedForm};
use crate::domain::activity::IdentityKey;
use crate::domain::observation::{Observation, Receipt, Refusal};
use crate::domain::policy::OrgPolicy;
use crate::domain::problem::ProblemReason;
use crate::sources::ingest_error::{IngestError, OnError};
use crate::sources::snapshot::to_json;
use crate::web::problem::Problem;
use crate::web::services::{
    BoxFuture, Ingest, IngestKind, IngestReceipt, IngestRequest, MediaType, Understood,
};
use std::sync::Arc;

/// Bodies up to this size are parsed where they arrived: it takes less time than handing them to another thread.
const PARSED_IN_PLACE: usize = 32 << 10;

/// Hands pushes to the engine.
impl Ingest for Shared {
    fn take(&self, request: IngestRequest) -> BoxFuture<Result<IngestReceipt, Problem>> {
        let shared = self.clone();
        Box::pin(async move { shared.take_in(request).await })
    }

    fn understand(&self, request: IngestRequest) -> BoxFuture<Result<Understood, Problem>> {
        let shared = self.clone();
        Box::pin(async move {
            match shared.read(request).await?.observation {
                Observation::Snapshot(snapshot) => {
                    Ok(Understood { json: to_json(&snapshot), snapshot })
                }
                Observation::Activity(_) | Observation::Memory(_) => Err(Problem::new(
                    ProblemReason::Internal,
                    "Records of activity are taken, not shown.",
                )),
            }
        })
    }
}

impl Shared {
    async fn take_in(&self, request: IngestRequest) -> Result<IngestReceipt, Problem> {
        let Parsed { observation, left_out } = self.read(request).await?;
        let submitted = self.engine.submit(observation).map_err(refused)?;
        let receipt = submitted.await.unwrap_or(Err(Refusal::ShuttingDown)).map_err(refused)?;
        Ok(answer(receipt, left_out))
    }

    /// Reads a request where it takes the least time.
    async fn read(&self, request: IngestRequest) -> Result<Parsed, Problem> {
        let view = self.engine.view();
        if !view.role.leads() {
            return Err(Problem::new(ProblemReason::NotLeader, view.role.to_string()));
        }
        let org = view.org(&request.org).ok_or_else(|| refused(Refusal::UnknownOrg))?;
        let (policy, identity) = (Arc::clone(&org.policy), self.identity);
        if request.body.len() <= PARSED_IN_PLACE {
            return read(&policy, &identity, &request);
        }
        let reading = tokio::task::spawn_blocking(move || read(&policy, &identity, &request));
        reading.await.map_err(|_| {
            Problem::new(
                ProblemReason::Internal,
                "Reading the body failed in a way that is our mistake; nothing was taken.",
            )
        })?
    }
}

/// The answer to a body that is on disk.
fn answer(receipt: Receipt, left_out: LeftOut) -> IngestReceipt {
    let rejected = left_out.listed;
    IngestReceipt {
        accepted: receipt.accepted,
        duplicates: receipt.duplicates,
        expired: receipt.expired,
        rejected_total: Some(left_out.total).filter(|total| *total > rejected.len() as u64),
        rejected,
    }
}

fn read(
    policy: &OrgPolicy,
    identity: &IdentityKey,
    request: &IngestRequest,
) -> Result<Parsed, Problem> {
    // A plus that was not escaped is a blank in a query, and a time with an offset has no other.
    let captured_at = query(request, "captured_at").map(|at| at.replace(' ', "+"));
    let body = PushedBody {
        form: match (request.kind, request.media_type) {
            (IngestKind::Activity, _) => PushedForm::Activity,
            (IngestKind::Snapshot, MediaType::Csv) => PushedForm::Csv,
            (IngestKind::Snapshot, MediaType::Html) => PushedForm::Html,
            (IngestKind::Snapshot, MediaType::Text) => PushedForm::Text,
            (IngestKind::Snapshot, MediaType::Json | MediaType::Ndjson) => PushedForm::Json,
        },
        bytes: &request.body,
        received_at: request.received_at,
        on_error: on_error(request)?,
        captured_at: captured_at.as_deref(),
        written_at: None,
        user: query(request, "user"),
    };
    parse::read(policy, identity, &body).map_err(wrong)
}

fn on_error(request: &IngestRequest) -> Result<OnError, Problem> {
    match query(request, "on_error") {
        None | Some("refuse") => Ok(OnError::Refuse),
        Some("skip") => Ok(OnError::Skip),
        Some(_) => Err(Problem::query("on_error is refuse (the default) or skip.")),
    }
}

fn query<'a>(request: &'a IngestRequest, key: &str) -> Option<&'a str> {
    request.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

fn refused(refusal: Refusal) -> Problem {
    let reason = match refusal {
        Refusal::QueueFull => ProblemReason::Busy,
        Refusal::StoreFailing => ProblemReason::StoreFailing,
        Refusal::Following => ProblemReason::NotLeader,
        Refusal::TooManyUsers(_) => ProblemReason::TooManyUsers,
        Refusal::ShuttingDown => ProblemReason::ShuttingDown,
        Refusal::UnknownOrg => ProblemReason::UnknownOrg,
    };
    Problem::new(reason, sentence(&refusal.to_string()))
}

/// A body that was read and refused, as the web words it.
fn wrong(error: IngestError) -> Problem {
    Problem::new(error.reason, sentence(&error.detail)).with_errors(error.errors)
}

/// A lowercase fragment as a sentence for people.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first: String =
        letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
