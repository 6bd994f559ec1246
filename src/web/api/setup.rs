//! Changes of the set-up in an organisation's JSON.

use super::json::At;
use crate::domain::setup::SetupTrail;
use crate::domain::view::OrgView;
use serde::Serialize;

/// What is known of them.
#[derive(Serialize)]
pub(super) struct SetupChangesJson {
    /// `null`: asked for and not read.
    read_at: Option<At>,
    /// From when on none is left out.
    since: Option<At>,
    /// Newest first.
    changes: Vec<SetupChangeJson>,
}

#[derive(Serialize)]
struct SetupChangeJson {
    at: At,
    area: &'static str,
}

/// Changes of the set-up; `None` where nobody asks.
pub(super) fn setup_changes(org: &OrgView) -> Option<SetupChangesJson> {
    let told = match org.source_states.setup() {
        SetupTrail::NotAsked => return None,
        SetupTrail::NotRead => {
            return Some(SetupChangesJson {
                read_at: None,
                since: None,
                changes: Vec::new(),
            });
        }
        SetupTrail::Read(told) => told,
    };
    Some(SetupChangesJson {
        read_at: Some(At(told.read_at)),
        since: Some(At(told.since)),
        changes: told
            .latest
            .iter()
            .map(|change| SetupChangeJson {
                at: At(change.at),
                area: change.area.name(),
            })
            .collect(),
    })
}
