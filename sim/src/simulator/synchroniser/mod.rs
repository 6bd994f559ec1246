//! Lightning Sync between a simulated Salesforce and a simulated Exchange: what is written on one side is on the other
//! after a while. It works within Salesforce and calls Exchange over EWS, so that Exchange's logs have its calls.
//! The clock is an argument of every step.

mod ews;
mod fault;
mod feed;
mod living;
mod office;
mod page;
mod pair;
mod settings;

pub use ews::{EwsTrouble, SALESFORCE_AGENT, SyncTarget};
pub use fault::SyncFault;
pub use feed::SyncFeed;
pub use living::LivingOrg;
pub use office::Office;
pub use settings::{SlowNight, SyncSettings};

use super::salesforce::{Salesforce, SalesforceRecord};
use crate::domain::ids::{ObjectType, OrgName, UserName};
use crate::domain::time::Timestamp;
use crate::domain::windows::DAY;
use crate::scenarios::SyncRecord;
use enum_map::EnumMap;
use ews::{EwsCaller, EwsFolderId};
use pair::SyncPair;
use std::collections::VecDeque;
use std::sync::Arc;

/// What the vendor calls the folder.
pub const CONTACTS_FOLDER: &str = "Salesforce_Sync";

/// A user who syncs.
#[derive(Debug, Clone)]
pub struct SyncUser {
    /// The user, as Salesforce names it.
    pub name: UserName,
    /// The mailbox's address.
    pub mailbox: String,
}

/// What is known of a user.
struct UserState {
    user: SyncUser,
    pairs: EnumMap<ObjectType, SyncPair>,
    /// Whether the folder of contacts was found.
    contacts_folder: bool,
    /// Whether Exchange refused the mailbox.
    refused: bool,
}

/// Lightning Sync of one organisation.
pub struct Synchroniser {
    org: OrgName,
    salesforce: Arc<Salesforce>,
    client_id: String,
    caller: EwsCaller,
    users: Vec<UserState>,
    /// How it behaves.
    pub settings: SyncSettings,
    /// What was synced in the last day: when, and what.
    done: VecDeque<(Timestamp, ObjectType)>,
    last_sync: EnumMap<ObjectType, Option<Timestamp>>,
    /// Whether Exchange let the account in, the last time that it was called.
    recognized: bool,
    next_id: u64,
}

impl Synchroniser {
    /// A sync of `users` that has not begun.
    pub fn new(
        org: OrgName,
        salesforce: Arc<Salesforce>,
        client_id: &str,
        target: SyncTarget,
        users: Vec<SyncUser>,
        settings: SyncSettings,
    ) -> Self {
        let users = users.into_iter().map(|user| UserState {
            user,
            pairs: EnumMap::default(),
            contacts_folder: true,
            refused: false,
        });
        Self {
            org,
            salesforce,
            client_id: client_id.to_owned(),
            caller: EwsCaller::new(target),
            users: users.collect(),
            settings,
            done: VecDeque::new(),
            last_sync: EnumMap::default(),
            recognized: true,
            next_id: 0,
        }
    }

    /// Where Exchange is, and who calls it, from now on.
    pub fn retarget(&mut self, change: impl FnOnce(&mut SyncTarget)) {
        let mut target = self.caller.target.clone();
        change(&mut target);
        self.caller = EwsCaller::new(target);
    }

    /// Brings over what is due at `now`; gives what was synced.
    pub async fn step(&mut self, now: Timestamp) -> Vec<SyncRecord> {
        let mut synced = Vec::new();
        while self.done.front().is_some_and(|(at, _)| now.since(*at) > DAY) {
            self.done.pop_front();
        }
        if self.settings.stopped {
            return synced;
        }
        for index in 0..self.users.len() {
            match self.step_of(index, now, &mut synced).await {
                Ok(()) => self.recognized = true,
                // Nobody gets in: the others are not tried.
                Err(EwsTrouble::SignIn) => {
                    self.recognized = false;
                    break;
                }
                Err(EwsTrouble::Unreachable | EwsTrouble::Status(_)) => break,
                Err(EwsTrouble::Fault(_)) => {}
            }
        }
        for record in &synced {
            self.done.push_back((now, record.object_type));
            self.last_sync[record.object_type] = Some(now);
        }
        synced
    }

    async fn step_of(
        &mut self,
        index: usize,
        now: Timestamp,
        synced: &mut Vec<SyncRecord>,
    ) -> Result<(), EwsTrouble> {
        let Some(state) = self.users.get_mut(index) else { return Ok(()) };
        let mailbox = state.user.mailbox.clone();
        let looked = self.caller.contacts_folder(&mailbox, CONTACTS_FOLDER).await;
        // What says nothing of the mailbox leaves it as it was.
        match &looked {
            Ok(_) => state.refused = false,
            Err(EwsTrouble::Fault(code)) => state.refused = code != "ErrorServerBusy",
            Err(EwsTrouble::SignIn | EwsTrouble::Unreachable | EwsTrouble::Status(_)) => {}
        }
        let contacts = looked?;
        state.contacts_folder = contacts.is_some();
        let folders =
            [(ObjectType::Contacts, contacts), (ObjectType::Events, Some(EwsFolderId::Calendar))];
        for (object, folder) in folders {
            let Some(folder) = folder else { continue };
            let Some(state) = self.users.get_mut(index) else { continue };
            let mut side = pair::Sides {
                salesforce: &self.salesforce,
                client_id: &self.client_id,
                caller: &mut self.caller,
                settings: &self.settings,
                owner: state.user.name.as_str(),
                mailbox: &mailbox,
                folder: &folder,
                object,
                now,
            };
            let user = state.user.name.clone();
            for direction in state.pairs[object].step(&mut side).await? {
                self.next_id += 1;
                synced.push(SyncRecord {
                    at: now,
                    object_type: object,
                    direction,
                    outcome: crate::domain::ids::Outcome::Synced,
                    user: user.clone(),
                    id: self.next_id,
                });
            }
        }
        Ok(())
    }
}

/// The records of one owner and object.
fn records(
    salesforce: &Salesforce,
    client_id: &str,
    object: ObjectType,
    owner: &str,
) -> Vec<SalesforceRecord> {
    let mut found = Vec::new();
    salesforce.change(client_id, |org| {
        let own = org.records.iter().filter(|it| it.object == object && it.owner == owner);
        found.extend(own.cloned());
    });
    found
}

impl std::fmt::Debug for Synchroniser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Synchroniser").field("org", &self.org).finish_non_exhaustive()
    }
}
