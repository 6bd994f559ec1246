//! Contacts and events of a simulated organisation.

use super::org::SimulatedOrg;
use crate::domain::ids::{ObjectType, closed_set};
use crate::domain::time::Timestamp;

closed_set! {
    /// What is special about an event; a sync may leave out a whole class of them.
    EventClass {
        /// Nothing.
        Plain = "plain",
        /// It is marked private.
        Private = "private",
        /// It is one of a series.
        Recurring = "recurring",
        /// It is related to a record of a custom object.
        OfCustomObject = "of_custom_object",
    }
}

/// A contact or an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesforceRecord {
    /// Its id, which no other record ever has.
    pub id: String,
    /// Rises with every change.
    pub version: u64,
    /// What it is.
    pub object: ObjectType,
    /// Whose it is, by user name.
    pub owner: String,
    /// The subject of an event, the name of a contact.
    pub subject: String,
    /// Its description.
    pub text: String,
    /// From when to when an event lasts.
    pub times: Option<(Timestamp, Timestamp)>,
    /// What is special about it.
    pub class: EventClass,
    /// When it came into being here.
    pub created_at: Option<Timestamp>,
}

impl SalesforceRecord {
    /// A record with nothing but its subject.
    pub fn new(object: ObjectType, owner: &str, subject: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            version: 0,
            object,
            owner: owner.to_owned(),
            subject: subject.into(),
            text: String::new(),
            times: None,
            class: EventClass::Plain,
            created_at: None,
        }
    }
}

impl SimulatedOrg {
    /// Takes a record in, and gives it an id.
    pub fn put_record(&mut self, record: SalesforceRecord) -> String {
        self.record_changes += 1;
        let prefix = match record.object {
            ObjectType::Contacts => "003",
            ObjectType::Events => "00U",
        };
        let id = format!("{prefix}{:012}AAA", self.record_changes);
        self.records.push(SalesforceRecord {
            id: id.clone(),
            version: self.record_changes,
            created_at: record.created_at.or(self.now),
            ..record
        });
        id
    }

    /// Changes a record, if it is there; gives its new version.
    pub fn edit_record(
        &mut self,
        id: &str,
        edit: impl FnOnce(&mut SalesforceRecord),
    ) -> Option<u64> {
        self.record_changes += 1;
        let version = self.record_changes;
        let record = self.records.iter_mut().find(|record| record.id == id)?;
        edit(record);
        record.version = version;
        Some(version)
    }

    /// Removes a record, if it is there.
    pub fn remove_record(&mut self, id: &str) -> bool {
        let before = self.records.len();
        self.records.retain(|record| record.id != id);
        self.records.len() < before
    }
}
