//! Alerts that the daemon sends itself: what each is about, and how far it has got. That is stored before it is sent, so
//! that a restart neither ends one, nor begins it anew, nor forgets that it ended.

use super::causes::{Cause, Severity};
use super::ids::OrgName;
use super::incidents::Subject;
use super::time::Timestamp;
use std::sync::Arc;

/// What an alert is about: its labels follow from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertId {
    /// How soon somebody has to act.
    pub severity: Severity,
    /// What was found.
    pub subject: Subject,
    /// Where; `None`: of the daemon, or of many organisations.
    pub org: Option<OrgName>,
    /// What many organisations have in common, where it is about that.
    pub shared: Option<Cause>,
}

/// How far an alert has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertState {
    /// Since when its condition has held without a break; `None`: it does not hold.
    pub held_since: Option<Timestamp>,
    /// When it fired last.
    pub fired_at: Option<Timestamp>,
    /// When it ended after that; `None`: it fires, or never did.
    pub resolved_at: Option<Timestamp>,
    /// The facts, as of when it held last.
    pub description: Arc<str>,
}

/// A state to be stored; `None`: nothing is left to be known of the alert.
pub type AlertChange = (AlertId, Option<AlertState>);

/// What the daemon knows of a possible cause of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnState {
    /// It holds since then.
    Holds(Timestamp),
    /// It was judged and does not hold.
    Refuted,
    /// It cannot be judged.
    Unknown,
}

/// A possible cause for attention of the daemon itself, or of an organisation by what the daemon alone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFinding {
    /// Of which organisation.
    pub org: Option<OrgName>,
    /// Which.
    pub cause: Cause,
    /// What is known of it.
    pub state: OwnState,
}
