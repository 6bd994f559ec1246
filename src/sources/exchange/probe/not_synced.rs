//! Counted on request: what is in a mailbox and never syncs, by the vendor's documents. It is no failure.

use super::super::client::{CallTrouble, EwsConnection, ExchangeClient};
use super::super::ews::answer::{EwsFault, EwsItemCounts};
use super::super::ews::request::{Acting, MAX_EVENTS, Operation};
use super::super::failure::ExchangeFailure;
use super::ExchangeSource;
use super::ews_mailbox::failure_of;
use crate::domain::time::Timestamp;
use crate::sources::failure::FailureReason;
use chrono::TimeDelta;
use std::fmt::{self, Display};

/// Meetings that people look for are in the next weeks; more would not fit into one answer of a busy calendar.
const AHEAD: TimeDelta = TimeDelta::days(30);

/// What of a mailbox never syncs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSynced {
    events: EwsItemCounts,
    contacts: Option<u32>,
    folder: String,
}

impl Display for NotSynced {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EwsItemCounts { listed, private, recurring, .. } = self.events;
        let more = if listed >= MAX_EVENTS { "first " } else { "" };
        write!(
            to,
            "of the {more}{listed} events of the next {} days {private} are private and {recurring} belong to a series; ",
            AHEAD.num_days()
        )?;
        write!(to, "contacts with the category {0} outside the folder {0}: ", self.folder)?;
        match self.contacts {
            Some(count) => write!(to, "{count}")?,
            None => to.write_str("unknown")?,
        }
        to.write_str(". Such items do not sync, and that is no failure")
    }
}

impl ExchangeSource {
    /// Counts what never syncs in a mailbox, with two requests.
    ///
    /// # Errors
    /// Why it cannot be counted, in words.
    pub async fn count_not_synced(
        &self,
        mailbox: &str,
        now: Timestamp,
    ) -> Result<NotSynced, String> {
        let ews =
            self.settings.ews.as_ref().ok_or("it is counted over EWS, which needs ews_url")?;
        let trust = self.trust.with(self.settings.authorities.as_ref());
        let client = ExchangeClient::new(ews.clone(), &trust, self.settings.limits);
        let sign_in = client.sign_in(now).map_err(|failure| failure.to_string())?;
        let connection = client.http.open().await.map_err(|error| error.to_string())?;
        let mut lane = EwsConnection::new(&client, &sign_in, Some(connection));
        let acting = ews.acting(mailbox);
        let folder = &self.settings.contacts_folder;
        let events = Operation::FindEvents(now, now.plus(AHEAD));
        let events = items(&mut lane, acting, events).await?;
        let contacts = items(&mut lane, acting, Operation::FindByCategory(folder)).await?;
        Ok(NotSynced { events, contacts: contacts.total, folder: folder.clone() })
    }
}

async fn items(
    lane: &mut EwsConnection<'_>,
    acting: Acting<'_>,
    operation: Operation<'_>,
) -> Result<EwsItemCounts, String> {
    let answer = lane.call(acting, operation).await.map_err(|trouble| match trouble {
        CallTrouble::Throttled(wait) => {
            format!("Exchange demands a pause of {} seconds", wait.num_seconds())
        }
        CallTrouble::SignIn(failure) => words(failure),
        CallTrouble::Failed(failure, _) => failure.to_string(),
    })?;
    let refused = |fault: &EwsFault| words(failure_of(fault));
    let messages = answer.outcome.map_err(|fault| refused(&fault))?;
    let message = messages.into_iter().next().ok_or("the answer is empty")?;
    message.fault.map_or(Ok(message.items), |fault| Err(refused(&fault)))
}

fn words(failure: ExchangeFailure) -> String {
    format!("{failure}. {}", FailureReason::from(failure).advice)
}
