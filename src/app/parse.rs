//! Which parser reads what, for pushes and files alike.

use crate::domain::activity::IdentityKey;
use crate::domain::observation::{Observation, Snapshot};
use crate::domain::policy::OrgPolicy;
use crate::domain::problem::FieldError;
use crate::domain::time::Timestamp;
use crate::sources::ingest_error::{IngestError, OnError};
use crate::sources::{activity, page, snapshot};

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PushedForm {
    Activity,
    Json,
    Csv,
    Html,
    Text,
}

/// A body and what came beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushedBody<'a> {
    pub(super) form: PushedForm,
    pub(super) bytes: &'a [u8],
    pub(super) received_at: Timestamp,
    pub(super) on_error: OnError,
    pub(super) captured_at: Option<&'a str>,
    /// When a file was written, which is when it was true unless it says otherwise itself.
    pub(super) written_at: Option<Timestamp>,
    pub(super) user: Option<&'a str>,
}

/// What was understood of a body.
pub(super) struct Parsed {
    pub(super) observation: Observation,
    pub(super) left_out: LeftOut,
}

/// Records that were left out because the sender allowed it.
#[derive(Default)]
pub(super) struct LeftOut {
    pub(super) listed: Vec<FieldError>,
    pub(super) total: u64,
}

/// Reads a body of an organisation.
pub(super) fn read(
    policy: &OrgPolicy,
    identity: &IdentityKey,
    body: &PushedBody<'_>,
) -> Result<Parsed, IngestError> {
    let org = &policy.name;
    let now = body.received_at;
    let tabled = snapshot::SnapshotContext {
        org,
        now,
        captured_at: body.captured_at,
        written_at: body.written_at,
    };
    let written_at = body.written_at.map(|at| at.to_string());
    let paged = |form| {
        let context = page::PageContext {
            org,
            now,
            captured_at: body.captured_at.or(written_at.as_deref()),
            user: body.user,
            time_zone: policy.time_zone,
            date_order: policy.date_order,
        };
        page::parse(body.bytes, form, &context).map(of_snapshot)
    };
    match body.form {
        PushedForm::Activity => {
            let context = activity::ActivityContext { org, identity, now, on_error: body.on_error };
            let parsed = activity::parse(body.bytes, &context)?;
            let left_out = LeftOut { listed: parsed.rejected, total: parsed.rejected_total };
            Ok(Parsed { observation: Observation::Activity(parsed.value), left_out })
        }
        PushedForm::Json => snapshot::parse_json(body.bytes, &tabled).map(of_snapshot),
        PushedForm::Csv => snapshot::parse_csv(body.bytes, &tabled).map(of_snapshot),
        PushedForm::Html => paged(page::PageForm::Html),
        PushedForm::Text => paged(page::PageForm::of(body.bytes)),
    }
}

fn of_snapshot(snapshot: Snapshot) -> Parsed {
    Parsed { observation: Observation::Snapshot(snapshot), left_out: LeftOut::default() }
}
