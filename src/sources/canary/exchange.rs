//! The canary's side in Exchange: contacts in the folder that is synced, events in the calendar.

use super::failure::CanaryFailure;
use super::machine::{FoundItem, SideFound, SideWork};
use super::salesforce::event_times;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use crate::sources::exchange::client::{CallTrouble, EwsConnection, ExchangeClient, SignIn};
use crate::sources::exchange::ews::answer::{EwsFault, EwsMessage};
use crate::sources::exchange::ews::items::{EwsItemFolder, ItemRequest};
use crate::sources::exchange::ews::request::{Acting, Operation};
use crate::sources::exchange::failure::{ExchangeFailure, FaultMeaning, meaning};
use crate::sources::failure::{Failure, FailureReason};

/// One look into the mailbox.
pub(super) struct MailboxVisit<'a> {
    pub(super) client: &'a ExchangeClient,
    pub(super) sign_in: &'a SignIn,
    pub(super) acting: Acting<'a>,
    /// The name of the folder of contacts.
    pub(super) folder: &'a str,
    /// Who attends events.
    pub(super) attendee: Option<&'a str>,
    pub(super) now: Timestamp,
}

impl MailboxVisit<'_> {
    /// Requests what is due; `found` has what was answered before anything failed.
    pub(super) async fn request_all(
        &self,
        work: &SideWork,
        found: &mut SideFound,
    ) -> Result<(), CallTrouble> {
        let mut lane = EwsConnection::new(self.client, self.sign_in, None);
        for object in ObjectType::ALL {
            let is_due = work.create.iter().any(|(of, _)| of == object)
                || work.delete.iter().any(|(of, ..)| of == object)
                || !work.find[*object].is_empty();
            if !is_due {
                continue;
            }
            let id = match object {
                ObjectType::Contacts => Some(self.contacts(&mut lane).await?),
                ObjectType::Events => None,
            };
            let folder = id.as_deref().map_or(EwsItemFolder::Calendar, EwsItemFolder::Id);
            self.find_and_delete(&mut lane, *object, folder, work, found).await?;
            self.create(*object, folder, work, found).await?;
        }
        Ok(())
    }

    async fn contacts(&self, lane: &mut EwsConnection<'_>) -> Result<String, CallTrouble> {
        let operation = Operation::FindFolder(self.folder);
        let messages = messages(lane, self.acting, operation, false).await?;
        let mut folders = messages.into_iter().flat_map(|message| message.folders);
        let wanted = self.folder.to_lowercase();
        let folder = folders.find(|folder| folder.name.to_lowercase() == wanted);
        folder.map(|folder| folder.id).ok_or_else(|| {
            let says = "the mailbox has no folder of this name under its contacts";
            CallTrouble::Failed(Failure::new(CanaryFailure::FolderMissing, says), None)
        })
    }

    async fn find_and_delete(
        &self,
        lane: &mut EwsConnection<'_>,
        object: ObjectType,
        folder: EwsItemFolder<'_>,
        work: &SideWork,
        found: &mut SideFound,
    ) -> Result<(), CallTrouble> {
        let due: Vec<_> = work.delete.iter().filter(|(of, ..)| *of == object).collect();
        let finds = &work.find[object];
        let marks = finds.iter().chain(due.iter().map(|(_, mark, _)| mark));
        let titles: Vec<String> = marks.clone().map(|mark| mark.title()).collect();
        if titles.is_empty() {
            return Ok(());
        }
        let operation = Operation::Items(ItemRequest::Find(object, folder, &titles));
        let listed = messages(lane, self.acting, operation, false).await?;
        let listed: Vec<_> = listed.into_iter().flat_map(|message| message.listed).collect();
        found.searched[object] = true;
        found.seen[object] = listed
            .iter()
            .filter_map(|item| {
                let mark = finds.iter().copied().find(|mark| mark.is_in(&item.title))?;
                Some(FoundItem { mark, id: item.id.clone(), at: item.created_at })
            })
            .collect();
        for (_, mark, id) in due {
            // A copy of it that somebody made has another id, and stays.
            let is_there = listed.iter().any(|item| item.id == *id && mark.is_in(&item.title));
            if is_there {
                let operation = Operation::Items(ItemRequest::Delete(id));
                messages(lane, self.acting, operation, true).await?;
            }
            found.deleted.push(*mark);
        }
        Ok(())
    }

    async fn create(
        &self,
        object: ObjectType,
        folder: EwsItemFolder<'_>,
        work: &SideWork,
        found: &mut SideFound,
    ) -> Result<(), CallTrouble> {
        for (_, mark) in work.create.iter().filter(|(of, _)| *of == object) {
            // A connection of its own: on one that was used before, a request may be sent twice.
            let mut lane = EwsConnection::new(self.client, self.sign_in, None);
            let times = (object == ObjectType::Events).then(|| event_times(self.now));
            let times = times.map(|times| (times, self.attendee));
            let title = mark.title();
            let operation = Operation::Items(ItemRequest::Create(folder, &title, times));
            let answer = lane.call(self.acting, operation).await?;
            let written = match &answer.outcome {
                Ok(messages) => messages.iter().find_map(|message| match &message.fault {
                    Some(fault) => Some(Err(fault)),
                    None => Some(Ok(message.listed.first()?.id.clone())),
                }),
                Err(fault) => Some(Err(fault)),
            };
            match written {
                Some(Ok(id)) => found.created.push((*mark, id)),
                Some(Err(fault)) => {
                    found.refused.push(*mark);
                    return Err(failed(CanaryFailure::WriteRefused, fault));
                }
                None => {}
            }
        }
        Ok(())
    }
}

fn failed(kind: impl Into<FailureReason>, fault: &EwsFault) -> CallTrouble {
    CallTrouble::Failed(Failure::new(kind, format!("Exchange answers {}", fault.code)), None)
}

/// What an operation gives. `may_be_gone`: that something is not there is no fault.
async fn messages(
    lane: &mut EwsConnection<'_>,
    acting: Acting<'_>,
    operation: Operation<'_>,
    may_be_gone: bool,
) -> Result<Vec<EwsMessage>, CallTrouble> {
    let answer = lane.call(acting, operation).await?;
    let faults = match &answer.outcome {
        Ok(messages) => messages.iter().filter_map(|message| message.fault.as_ref()).collect(),
        Err(fault) => vec![fault],
    };
    for fault in faults {
        match meaning(fault) {
            FaultMeaning::NotFound if may_be_gone => {}
            FaultMeaning::NotFound | FaultMeaning::VersionTooNew => {
                return Err(failed(ExchangeFailure::CalendarMissing, fault));
            }
            FaultMeaning::Failed(kind) => return Err(failed(kind, fault)),
            FaultMeaning::Throttled(wait) => return Err(CallTrouble::Throttled(wait)),
            FaultMeaning::SignIn(kind) => return Err(CallTrouble::SignIn(kind)),
        }
    }
    Ok(answer.outcome.unwrap_or_default())
}
