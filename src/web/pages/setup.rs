//! Changes of the set-up on an organisation's page.

use super::when::When;
use crate::domain::setup::{SetupArea, SetupTrail};
use crate::domain::time::Timestamp;
use crate::domain::view::OrgView;

/// How many changes the page shows; the API has the others.
const SHOWN: usize = 10;

/// What the page says of them, where a source polls.
pub(super) struct Setup {
    /// `None`: polled for and not read.
    pub(super) read: Option<SetupRead>,
}

pub(super) struct SetupRead {
    pub(super) at: When,
    /// From when on none is left out.
    pub(super) since: When,
    pub(super) changes: Vec<(&'static str, When)>,
    /// How many are not shown here.
    pub(super) further: usize,
}

pub(super) fn setup(org: &OrgView, now: Timestamp) -> Option<Setup> {
    let trail = match org.source_states.setup() {
        SetupTrail::Off => return None,
        SetupTrail::NotRead => return Some(Setup { read: None }),
        SetupTrail::Read(trail) => trail,
    };
    let changes = trail.latest.iter().take(SHOWN);
    Some(Setup {
        read: Some(SetupRead {
            at: When::of(trail.read_at, org, now),
            since: When::of(trail.since, org, now),
            changes: changes
                .map(|change| (words(change.area), When::of(change.at, org, now)))
                .collect(),
            further: trail.latest.len().saturating_sub(SHOWN),
        }),
    })
}

const fn words(area: SetupArea) -> &'static str {
    match area {
        SetupArea::LightningSync => "Lightning Sync",
        SetupArea::ActivityCapture => "Einstein Activity Capture",
        SetupArea::Outlook => "Outlook integration",
        SetupArea::EmailIntegration => "Email integration",
        SetupArea::Exchange => "Exchange",
    }
}
