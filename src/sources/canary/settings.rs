//! What the operator says about an organisation's canary.

use crate::domain::canary::CanaryClass;
use crate::domain::ids::{Direction, ObjectType};
use crate::http_client::Authorities;
use crate::sources::exchange::EwsSettings;
use crate::sources::polling::PollPace;
use crate::sources::salesforce::SalesforceSettings;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::fmt;
use std::sync::Arc;

/// The section `canary` of an organisation.
#[derive(Clone, PartialEq, Eq)]
pub struct CanarySettings {
    /// How often an item is written in each lane.
    pub every: TimeDelta,
    /// How often Exchange is looked at while something is awaited.
    pub poll_every: TimeDelta,
    /// What takes no longer is in time, however fast it is otherwise.
    pub least_allowed: TimeDelta,
    /// The mailbox, by its primary address; nobody else's.
    pub mailbox: String,
    /// The Salesforce user of that mailbox, by user name; nobody else's.
    pub user: String,
    /// What is written, and which way.
    pub lanes: EnumMap<ObjectType, EnumMap<Direction, bool>>,
    /// The record that events written in Salesforce are related to, by its id.
    pub related_to: Option<String>,
    /// Who attends events written in Exchange, by address; nobody is invited.
    pub attendee: Option<String>,
    /// Salesforce, with an app of the canary's own.
    pub salesforce: Arc<SalesforceSettings>,
    /// Exchange, with an account of the canary's own.
    pub exchange: EwsSettings,
    /// Authorities of Exchange besides the system's.
    pub authorities: Option<Authorities>,
    /// The name of the folder with the contacts that are synced.
    pub contacts_folder: String,
}

impl CanarySettings {
    /// How often when the operator does not say: 96 requests a day to Salesforce.
    pub const EVERY: TimeDelta = TimeDelta::minutes(30);

    /// Lightning Sync runs every few minutes.
    pub const LEAST_ALLOWED: TimeDelta = TimeDelta::minutes(10);

    /// How often Exchange is looked at: an item's own time is read, so this need not be exact.
    pub fn polls(every: TimeDelta) -> TimeDelta {
        (every / 30).clamp(TimeDelta::seconds(1), TimeDelta::minutes(1))
    }

    /// What items of a lane prove.
    pub(super) fn class(&self, object: ObjectType, direction: Direction) -> CanaryClass {
        match (object, direction) {
            (ObjectType::Events, Direction::ToExchange) if self.related_to.is_some() => {
                CanaryClass::RelatedRecord
            }
            (ObjectType::Events, Direction::ToSalesforce) if self.attendee.is_some() => {
                CanaryClass::Attendee
            }
            (ObjectType::Contacts | ObjectType::Events, _) => CanaryClass::Plain,
        }
    }

    pub(super) fn pace(&self) -> PollPace {
        PollPace { every: self.poll_every, budget_percent: 100, steady: false }
    }
}

/// Names the interval alone: accounts and mailboxes do not belong in a log.
impl fmt::Debug for CanarySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CanarySettings").field("every", &self.every).finish_non_exhaustive()
    }
}
