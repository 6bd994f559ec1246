//! Mailboxes with their folders and items.

use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// Where a folder lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderPlace {
    /// Directly under Contacts.
    Contacts,
    /// Beside Contacts.
    Root,
    /// Under Deleted Items.
    Deleted,
}

/// A folder that is no default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeFolder {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Where it lies.
    pub place: FolderPlace,
    /// How many items it has besides those that can be looked into.
    pub total: u32,
}

/// In which folder an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemFolder {
    /// The calendar.
    Calendar,
    /// The contacts themselves.
    Contacts,
    /// A folder that is no default one, by its name.
    Own(String),
}

/// A contact or an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeItem {
    /// Its id, which no other item of the mailbox ever has.
    pub id: String,
    /// Rises with every change; the change key.
    pub version: u64,
    /// Where it is.
    pub folder: ItemFolder,
    /// The subject of an event, the name of a contact.
    pub subject: String,
    /// Its body.
    pub text: String,
    /// From when to when an event lasts.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Whether it is marked private.
    pub private: bool,
    /// Who attends it.
    pub attendees: Vec<String>,
    /// Whether it is one of a series.
    pub recurring: bool,
    /// When it came into being here.
    pub created_at: Option<Timestamp>,
    /// Its categories.
    pub categories: Vec<String>,
    /// Extended properties by name: what a program writes to find the item again.
    pub properties: BTreeMap<String, String>,
}

impl ExchangeItem {
    /// One in a folder, with nothing but its subject.
    pub fn new(folder: ItemFolder, subject: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            version: 0,
            folder,
            subject: subject.into(),
            text: String::new(),
            times: None,
            private: false,
            attendees: Vec::new(),
            recurring: false,
            created_at: None,
            categories: Vec::new(),
            properties: BTreeMap::new(),
        }
    }
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeMailbox {
    /// Its primary address.
    pub address: String,
    /// Another one.
    pub alias: Option<String>,
    /// Whether it has a calendar.
    pub calendar: bool,
    /// Events in the calendar besides those that can be looked into.
    pub other_events: u32,
    /// Its folders besides the default ones.
    pub folders: Vec<ExchangeFolder>,
    /// Its contacts and events.
    pub items: Vec<ExchangeItem>,
    /// How many changes there were.
    pub changes: u64,
    /// Who was sent an invitation or a cancellation.
    pub invited: Vec<String>,
    /// Every request for it gives this fault.
    pub fault: Option<&'static str>,
    /// EWS is switched off for it.
    pub ews_disabled: bool,
    /// It is not among those that the application may open.
    pub forbidden: bool,
    /// Another version than the server's.
    pub version: Option<[u16; 3]>,
}

impl ExchangeMailbox {
    /// One in which all is as it should be.
    pub fn healthy(address: impl Into<String>, contacts: u32) -> Self {
        Self {
            address: address.into(),
            alias: None,
            calendar: true,
            other_events: 128,
            items: Vec::new(),
            changes: 0,
            invited: Vec::new(),
            folders: vec![ExchangeFolder {
                name: "Salesforce_Sync".to_owned(),
                class: "IPF.Contact".to_owned(),
                place: FolderPlace::Contacts,
                total: contacts,
            }],
            fault: None,
            ews_disabled: false,
            forbidden: false,
            version: None,
        }
    }

    /// One without an item in any folder.
    pub fn empty(address: impl Into<String>) -> Self {
        Self { other_events: 0, ..Self::healthy(address, 0) }
    }

    /// Takes an item in, and gives it an id.
    pub fn put(&mut self, item: ExchangeItem) -> String {
        self.changes += 1;
        let id = format!("AAMkAD{:08x}AAA=", self.changes);
        self.items.push(ExchangeItem { id: id.clone(), version: self.changes, ..item });
        id
    }

    /// Changes an item, if it is there.
    pub fn edit(&mut self, id: &str, edit: impl FnOnce(&mut ExchangeItem)) -> bool {
        self.changes += 1;
        let version = self.changes;
        let item = self.items.iter_mut().find(|item| item.id == id);
        item.map(|item| {
            edit(item);
            item.version = version;
        })
        .is_some()
    }

    /// Removes an item, if it is there.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.items.len();
        self.items.retain(|item| item.id != id);
        self.items.len() < before
    }

    /// How many items a folder has that can be looked into.
    pub(super) fn count(&self, folder: &ItemFolder) -> u32 {
        let items = self.items.iter().filter(|item| item.folder == *folder).count();
        u32::try_from(items).unwrap_or(u32::MAX)
    }
}
