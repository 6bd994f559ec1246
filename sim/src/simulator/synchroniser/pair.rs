//! One user's contacts, or events: what differs between both sides, since when, and how it is brought over.

use super::ews::{EwsCaller, EwsFolderId, EwsTrouble, ItemText, SeenItem};
use super::records;
use super::settings::SyncSettings;
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::time::Timestamp;
use crate::simulator::salesforce::{EventClass, Salesforce, SalesforceRecord};
use std::collections::BTreeMap;

/// A record and its item.
#[derive(Debug, Clone)]
struct Link {
    record: String,
    record_version: u64,
    item: String,
    item_version: u64,
    /// A second item of the same record.
    copy: Option<String>,
    /// A deletion on one side was lost: nothing of it is brought over any more.
    lost: bool,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// It is on one side alone, by its id there.
    New(Direction, String),
    /// It changed on one side, by its id there.
    Changed(Direction, String),
    /// It is gone on one side, by its id on the other.
    Gone(Direction, String),
}

/// What is known of one user's contacts or events.
#[derive(Debug, Default)]
pub(super) struct SyncPair {
    links: Vec<Link>,
    /// Since when what differs was seen.
    waiting: BTreeMap<Difference, Timestamp>,
}

/// Both sides of a step.
pub(super) struct Sides<'a> {
    pub(super) salesforce: &'a Salesforce,
    pub(super) client_id: &'a str,
    pub(super) caller: &'a mut EwsCaller,
    pub(super) settings: &'a SyncSettings,
    pub(super) owner: &'a str,
    pub(super) mailbox: &'a str,
    pub(super) folder: &'a EwsFolderId,
    pub(super) object: ObjectType,
    pub(super) now: Timestamp,
}

impl SyncPair {
    /// How many records are in sync.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.links.len()).unwrap_or(u32::MAX)
    }

    /// Brings over what has waited long enough; gives the direction of each.
    pub(super) async fn step(
        &mut self,
        sides: &mut Sides<'_>,
    ) -> Result<Vec<Direction>, EwsTrouble> {
        let records = records(sides.salesforce, sides.client_id, sides.object, sides.owner);
        let items = sides.caller.items(sides.mailbox, sides.folder).await?;
        let differences = self.differences(sides.settings, &records, &items);
        self.waiting.retain(|difference, _| differences.contains(difference));
        let delay = sides.settings.delay_at(sides.now);
        let mut synced = Vec::new();
        for difference in differences {
            let since = *self.waiting.entry(difference.clone()).or_insert(sides.now);
            if sides.now.since(since) < delay {
                continue;
            }
            self.waiting.remove(&difference);
            if let Some(direction) = self.bring(sides, difference, &records, &items).await? {
                synced.push(direction);
            }
        }
        if sides.settings.duplicates && sides.object == ObjectType::Contacts {
            self.double(sides, &records).await?;
        }
        Ok(synced)
    }

    fn differences(
        &mut self,
        settings: &SyncSettings,
        records: &[SalesforceRecord],
        items: &[SeenItem],
    ) -> Vec<Difference> {
        let has_record = |id: &str| records.iter().any(|record| record.id == id);
        let has_item = |id: &str| items.iter().any(|item| item.id == id);
        self.links.retain(|link| has_record(&link.record) || has_item(&link.item));
        let synced = |class| settings.dropped_class != Some(class);
        let mut found = Vec::new();
        for record in records.iter().filter(|record| synced(record.class)) {
            match self.links.iter().find(|link| link.record == record.id) {
                None => found.push(Difference::New(Direction::ToExchange, record.id.clone())),
                Some(link) if link.record_version != record.version => {
                    found.push(Difference::Changed(Direction::ToExchange, record.id.clone()));
                }
                Some(_) => {}
            }
        }
        for item in items.iter().filter(|item| synced(class_of(item))) {
            let link = self.links.iter().find(|link| {
                link.item == item.id || link.copy.as_deref() == Some(item.id.as_str())
            });
            let ours = item.salesforce_id.as_deref().is_some_and(has_record);
            match link {
                None if !ours => {
                    found.push(Difference::New(Direction::ToSalesforce, item.id.clone()));
                }
                Some(link) if link.item == item.id && link.item_version != item.version => {
                    found.push(Difference::Changed(Direction::ToSalesforce, item.id.clone()));
                }
                None | Some(_) => {}
            }
        }
        for link in self.links.iter_mut().filter(|_| settings.loses_deletions) {
            link.lost |= !has_record(&link.record) || !has_item(&link.item);
        }
        for link in self.links.iter().filter(|link| !link.lost) {
            if !has_record(&link.record) {
                found.push(Difference::Gone(Direction::ToExchange, link.item.clone()));
            } else if !has_item(&link.item) {
                found.push(Difference::Gone(Direction::ToSalesforce, link.record.clone()));
            }
        }
        let direction = |difference: &Difference| match difference {
            Difference::New(direction, _)
            | Difference::Changed(direction, _)
            | Difference::Gone(direction, _) => *direction,
        };
        found.retain(|difference| settings.dropped != Some(direction(difference)));
        found
    }

    async fn bring(
        &mut self,
        sides: &mut Sides<'_>,
        difference: Difference,
        records: &[SalesforceRecord],
        items: &[SeenItem],
    ) -> Result<Option<Direction>, EwsTrouble> {
        match difference {
            Difference::New(Direction::ToExchange, id) => {
                let Some(record) = records.iter().find(|record| record.id == id) else {
                    return Ok(None);
                };
                let created = sides.create(record).await?;
                self.links.extend(created.map(|item| Link {
                    record: id,
                    record_version: record.version,
                    item: item.id,
                    item_version: item.version,
                    copy: None,
                    lost: false,
                }));
                Ok(Some(Direction::ToExchange))
            }
            Difference::New(Direction::ToSalesforce, id) => {
                let Some(item) = sides.caller.item(sides.mailbox, &id).await? else {
                    return Ok(None);
                };
                let mut record = SalesforceRecord::new(sides.object, sides.owner, "");
                copy(&item, &mut record);
                let mut put = (String::new(), 0);
                sides.salesforce.change(sides.client_id, |org| {
                    put = (org.put_record(record), org.record_changes);
                });
                let (record, record_version) = put;
                self.links.push(Link {
                    record,
                    record_version,
                    item: id,
                    item_version: item.version,
                    copy: None,
                    lost: false,
                });
                Ok(Some(Direction::ToSalesforce))
            }
            Difference::Changed(Direction::ToExchange, id) => {
                let record = records.iter().find(|record| record.id == id);
                let link = self.links.iter_mut().find(|link| link.record == id);
                let (Some(record), Some(link)) = (record, link) else { return Ok(None) };
                let text = text_of(record);
                let item = sides.caller.update(sides.mailbox, &link.item, &text).await?;
                link.record_version = record.version;
                if let Some(item) = item {
                    link.item_version = item.version;
                }
                Ok(Some(Direction::ToExchange))
            }
            Difference::Changed(Direction::ToSalesforce, id) => {
                let link = self.links.iter_mut().find(|link| link.item == id);
                // Both sides changed: Salesforce has won a moment ago.
                let seen = items.iter().find(|item| item.id == id).map(|item| item.version);
                let Some(link) = link.filter(|link| seen.is_some_and(|it| it > link.item_version))
                else {
                    return Ok(None);
                };
                let Some(item) = sides.caller.item(sides.mailbox, &id).await? else {
                    return Ok(None);
                };
                let mut version = None;
                sides.salesforce.change(sides.client_id, |org| {
                    version = org.edit_record(&link.record, |record| copy(&item, record));
                });
                link.record_version = version.unwrap_or(link.record_version);
                link.item_version = item.version;
                Ok(Some(Direction::ToSalesforce))
            }
            Difference::Gone(Direction::ToExchange, id) => {
                let copy = self.links.iter().find(|link| link.item == id);
                let copy = copy.and_then(|link| link.copy.clone());
                for item in [Some(id.clone()), copy].into_iter().flatten() {
                    sides.caller.delete(sides.mailbox, &item).await?;
                }
                self.links.retain(|link| link.item != id);
                Ok(Some(Direction::ToExchange))
            }
            Difference::Gone(Direction::ToSalesforce, id) => {
                sides.salesforce.change(sides.client_id, |org| {
                    org.remove_record(&id);
                });
                self.links.retain(|link| link.record != id);
                Ok(Some(Direction::ToSalesforce))
            }
        }
    }

    /// Writes every contact once more.
    async fn double(
        &mut self,
        sides: &mut Sides<'_>,
        records: &[SalesforceRecord],
    ) -> Result<(), EwsTrouble> {
        for link in self.links.iter_mut().filter(|link| link.copy.is_none()) {
            if let Some(record) = records.iter().find(|record| record.id == link.record) {
                link.copy = sides.create(record).await?.map(|item| item.id);
            }
        }
        Ok(())
    }
}

impl Sides<'_> {
    async fn create(&mut self, record: &SalesforceRecord) -> Result<Option<SeenItem>, EwsTrouble> {
        self.caller.create(self.mailbox, self.folder, &text_of(record)).await
    }
}

fn text_of(record: &SalesforceRecord) -> ItemText<'_> {
    ItemText {
        subject: &record.subject,
        text: &record.text,
        times: record.times,
        private: record.class == EventClass::Private,
        salesforce_id: &record.id,
    }
}

fn copy(item: &SeenItem, record: &mut SalesforceRecord) {
    record.subject.clone_from(&item.subject);
    record.text.clone_from(&item.text);
    record.times = item.times;
    record.class = class_of(item);
}

fn class_of(item: &SeenItem) -> EventClass {
    match (item.private, item.recurring) {
        (true, _) => EventClass::Private,
        (false, true) => EventClass::Recurring,
        (false, false) => EventClass::Plain,
    }
}
