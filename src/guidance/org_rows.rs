//! The organisation's ten rows: the article's labels, and our words for each state.

mod account;
mod activity;

use super::{OrgState, RowGuide};
use crate::domain::ids::ObjectType;
use crate::domain::rows::OrgRow;

/// The article's label.
pub(super) const fn label(row: OrgRow) -> &'static str {
    match row {
        OrgRow::ServiceAccountProvided => "Microsoft Exchange service account provided",
        OrgRow::OutlookIntegration => "Outlook integration enabled",
        OrgRow::ServiceAccountRecognized => {
            "Salesforce recognizes Microsoft Exchange service account"
        }
        OrgRow::LinkedUsers => {
            "Users with linked Microsoft Exchange and Salesforce email addresses"
        }
        OrgRow::LastSync(_) => "Last sync activity",
        OrgRow::Synced60m(_) => "Records synced in last 60 minutes",
        OrgRow::Synced24h(_) => "Records synced in last 24 hours",
    }
}

/// The words for a state; `None` when the row cannot show it.
pub(super) fn guide(row: OrgRow, state: OrgState) -> Option<&'static RowGuide> {
    match row {
        OrgRow::ServiceAccountProvided => account::provided(state),
        OrgRow::OutlookIntegration => account::outlook_integration(state),
        OrgRow::ServiceAccountRecognized => account::recognized(state),
        OrgRow::LinkedUsers => account::linked_users(state),
        OrgRow::LastSync(ObjectType::Contacts) => activity::contacts::last_sync(state),
        OrgRow::LastSync(ObjectType::Events) => activity::events::last_sync(state),
        OrgRow::Synced60m(ObjectType::Contacts) => activity::contacts::synced_60m(state),
        OrgRow::Synced60m(ObjectType::Events) => activity::events::synced_60m(state),
        OrgRow::Synced24h(ObjectType::Contacts) => activity::contacts::synced_24h(state),
        OrgRow::Synced24h(ObjectType::Events) => activity::events::synced_24h(state),
    }
}

/// Picks the guide of a state; a test holds that none of [`OrgState::of`] is missing.
fn pick(state: OrgState, guides: &[(OrgState, &'static RowGuide)]) -> Option<&'static RowGuide> {
    guides
        .iter()
        .find(|(shown, _)| *shown == state)
        .map(|(_, guide)| *guide)
}
