//! One mailbox over EWS: two requests when all is well, and one more when its contacts folder is not where it has to be.

use super::super::client::{CallTrouble, EwsConnection};
use super::super::ews::answer::{EwsAnswer, EwsFault, EwsFolder};
use super::super::ews::request::{Acting, Operation};
use super::super::ews::version::{self, ServerVersion};
use super::super::failure::{ExchangeFailure, FaultMeaning, meaning};
use super::state::MailboxLook;
use crate::domain::ids::ObjectType;
use crate::domain::policy::OrgPolicy;
use crate::domain::probe::{ProbeProtocol, ProbeStep};
use std::time::Instant;

/// What a look needs to know.
pub(super) struct Looking<'a> {
    pub(super) policy: &'a OrgPolicy,
    pub(super) folder: &'a str,
    pub(super) acting: Acting<'a>,
    /// What a search that is not too old found.
    pub(super) searched: Option<ExchangeFailure>,
}

impl Looking<'_> {
    /// Looks at the mailbox.
    pub(super) async fn look(
        &self,
        lane: &mut EwsConnection<'_>,
    ) -> Result<MailboxLook, CallTrouble> {
        let mut look = MailboxLook { over: Some(ProbeProtocol::Ews), ..MailboxLook::default() };
        let began = Instant::now();
        let answer = match lane.call(self.acting, Operation::GetFolders).await {
            Err(CallTrouble::Failed(_, Some(kind))) if is_of_mailbox(kind) => {
                look.steps[ProbeStep::Impersonation] = Some(Err(kind));
                return Ok(look);
            }
            other => other?,
        };
        look.took[ProbeStep::Impersonation] = Some(began.elapsed());
        look.version = answer.version;
        let [calendar, contacts] = match folders(answer) {
            Ok(folders) => folders,
            Err(kind) => {
                look.steps[ProbeStep::Impersonation] = Some(Err(kind));
                return Ok(look);
            }
        };
        look.steps[ProbeStep::Impersonation] = Some(Ok(()));
        let product = look.version.and_then(ServerVersion::product);
        let supported = product.and_then(|product| {
            version::is_supported(product, self.policy.product, self.policy.connection)
        });
        look.steps[ProbeStep::Version] = Some(if supported == Some(false) {
            Err(ExchangeFailure::VersionUnsupported)
        } else {
            Ok(())
        });
        look.steps[ProbeStep::Calendar] = Some(calendar.map(drop));
        if !self.policy.objects.contains(&ObjectType::Contacts) {
            return Ok(look);
        }
        if let Err(failure) = contacts {
            look.steps[ProbeStep::ContactsFolder] = Some(Err(failure));
            return Ok(look);
        }
        let began = Instant::now();
        let answer = lane.call(self.acting, Operation::FindFolder(self.folder)).await;
        look.took[ProbeStep::ContactsFolder] = Some(began.elapsed());
        let found = match answer {
            Err(CallTrouble::Failed(_, Some(kind))) if is_of_mailbox(kind) => Err(kind),
            other => listed(other?).map(|mut lists| lists.pop().unwrap_or_default()),
        };
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                look.steps[ProbeStep::ContactsFolder] = Some(Err(failure));
                return Ok(look);
            }
        };
        let (fitting, other): (Vec<_>, Vec<_>) = found
            .into_iter()
            .filter(|folder| folder.name.to_lowercase() == self.folder.to_lowercase())
            .partition(is_for_contacts);
        look.steps[ProbeStep::ContactsFolder] =
            Some(match (fitting.as_slice(), other.as_slice()) {
                ([folder], _) => {
                    look.records = folder.total;
                    Ok(())
                }
                ([], []) => Err(self.search(lane, &mut look).await?),
                ([], _) => Err(ExchangeFailure::FolderWrongClass),
                (_, _) => Err(ExchangeFailure::FolderTwice),
            });
        if look.records.is_some() {
            look.steps[ProbeStep::Counts] = Some(Ok(()));
        }
        Ok(look)
    }

    /// Where a folder is that is not directly under the contacts.
    async fn search(
        &self,
        lane: &mut EwsConnection<'_>,
        look: &mut MailboxLook,
    ) -> Result<ExchangeFailure, CallTrouble> {
        if let Some(found) = self.searched {
            return Ok(found);
        }
        let word: String =
            self.folder.chars().take_while(|letter| letter.is_alphanumeric()).collect();
        let word = if word.is_empty() { self.folder } else { &word };
        let answer = lane.call(self.acting, Operation::SearchFolders(word)).await?;
        let found = match listed(answer) {
            Ok(lists) => placed(&lists, self.folder),
            // Not every server lets itself be searched; that the folder is not where it has to be is known.
            Err(_) => ExchangeFailure::FolderMissing,
        };
        look.searched = Some(found);
        Ok(found)
    }
}

/// What a search of deleted folders and then of all found.
fn placed(lists: &[Vec<EwsFolder>], name: &str) -> ExchangeFailure {
    let [deleted, all] = lists else {
        return ExchangeFailure::FolderMissing;
    };
    let same = |folder: &&EwsFolder| folder.name.trim().to_lowercase() == name.to_lowercase();
    let living = |folder: &&EwsFolder| !deleted.iter().any(|gone| gone.id == folder.id);
    if all.iter().filter(same).any(|folder| living(&folder)) {
        // Blanks around a name make it another.
        let exact = |folder: &EwsFolder| folder.name.to_lowercase() == name.to_lowercase();
        let exact = all.iter().filter(same).filter(living).any(exact);
        return if exact {
            ExchangeFailure::FolderMisplaced
        } else {
            ExchangeFailure::FolderNearName
        };
    }
    if deleted.iter().any(|folder| same(&folder)) {
        return ExchangeFailure::FolderDeleted;
    }
    if all.iter().filter(living).any(|folder| is_near(&folder.name, name)) {
        return ExchangeFailure::FolderNearName;
    }
    ExchangeFailure::FolderMissing
}

/// Whether two names have the same letters and digits.
pub(super) fn is_near(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    plain(one) == plain(other)
}

fn is_for_contacts(folder: &EwsFolder) -> bool {
    folder.class == "IPF.Contact" || folder.class.starts_with("IPF.Contact.")
}

/// Whether a failure of the whole request is about the mailbox rather than about the server.
fn is_of_mailbox(kind: ExchangeFailure) -> bool {
    matches!(
        kind,
        ExchangeFailure::EwsDisabled | ExchangeFailure::EwsBlocked | ExchangeFailure::EwsForbidden
    )
}

pub(super) fn failure_of(fault: &EwsFault) -> ExchangeFailure {
    match meaning(fault) {
        FaultMeaning::Failed(failure) | FaultMeaning::SignIn(failure) => failure,
        FaultMeaning::NotFound => ExchangeFailure::FolderMissing,
        FaultMeaning::Throttled(_) => ExchangeFailure::ExchangeThrottled,
        FaultMeaning::VersionTooNew => ExchangeFailure::RequestRefused,
    }
}

/// The calendar and the contacts, or what keeps the account out of the mailbox.
fn folders(answer: EwsAnswer) -> Result<[Result<EwsFolder, ExchangeFailure>; 2], ExchangeFailure> {
    let messages = answer.outcome.map_err(|fault| failure_of(&fault))?;
    let mut folders = messages.into_iter().map(|message| match message.fault {
        None => message.folders.into_iter().next().ok_or(ExchangeFailure::CalendarMissing),
        Some(fault) => Err(match meaning(&fault) {
            FaultMeaning::NotFound => ExchangeFailure::CalendarMissing,
            FaultMeaning::Throttled(_)
            | FaultMeaning::VersionTooNew
            | FaultMeaning::SignIn(_)
            | FaultMeaning::Failed(_) => failure_of(&fault),
        }),
    });
    let (Some(calendar), Some(contacts)) = (folders.next(), folders.next()) else {
        return Err(ExchangeFailure::ExchangeOther);
    };
    match (calendar, contacts) {
        // Neither can be had for the same reason: it is the mailbox that cannot be opened.
        (Err(failure), Err(other))
            if failure == other && failure != ExchangeFailure::CalendarMissing =>
        {
            Err(failure)
        }
        (calendar, contacts) => {
            // Without its contacts the mailbox cannot have a folder under them.
            let missing = |failure| {
                if failure == ExchangeFailure::CalendarMissing {
                    ExchangeFailure::FolderMissing
                } else {
                    failure
                }
            };
            Ok([calendar, contacts.map_err(missing)])
        }
    }
}

/// The folders of each place that was searched.
fn listed(answer: EwsAnswer) -> Result<Vec<Vec<EwsFolder>>, ExchangeFailure> {
    let messages = answer.outcome.map_err(|fault| failure_of(&fault))?;
    messages
        .into_iter()
        .map(|message| match message.fault {
            None => Ok(message.folders),
            Some(fault) => match meaning(&fault) {
                FaultMeaning::NotFound => Ok(Vec::new()),
                FaultMeaning::Throttled(_)
                | FaultMeaning::VersionTooNew
                | FaultMeaning::SignIn(_)
                | FaultMeaning::Failed(_) => Err(failure_of(&fault)),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(id: &str, name: &str) -> EwsFolder {
        EwsFolder {
            id: id.to_owned(),
            parent: String::new(),
            class: "IPF.Contact".to_owned(),
            name: name.to_owned(),
            total: None,
        }
    }

    #[test]
    fn a_search_tells_where_the_folder_is() {
        use ExchangeFailure as F;
        let ours = "Salesforce_Sync";
        for (deleted, all, found) in [
            (vec![], vec![], F::FolderMissing),
            (vec![], vec![folder("1", "Salesforce_Sync")], F::FolderMisplaced),
            (
                vec![folder("1", "Salesforce_Sync")],
                vec![folder("1", "Salesforce_Sync")],
                F::FolderDeleted,
            ),
            (
                vec![folder("1", ours)],
                vec![folder("1", ours), folder("2", ours)],
                F::FolderMisplaced,
            ),
            (vec![], vec![folder("1", "salesforce sync")], F::FolderNearName),
            (vec![], vec![folder("1", "Salesforce_Sync ")], F::FolderNearName),
            (vec![], vec![folder("1", "Salesforce reports")], F::FolderMissing),
        ] {
            assert_eq!(placed(&[deleted, all], ours), found);
        }
    }
}
