//! People at work: they write, change and delete contacts and events on both sides. What they do depends on the clock and
//! on nothing else.

use super::{CONTACTS_FOLDER, SyncUser};
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use crate::simulator::exchange::{Exchange, ExchangeItem, ItemFolder};
use crate::simulator::salesforce::{EventClass, Salesforce, SalesforceRecord};
use chrono::TimeDelta;

/// Everybody does one thing, or nothing, in each stretch of this length.
const STRETCH_SECONDS: i64 = 600;
/// One in so many stretches has something in it.
const BUSY_ONE_IN: u64 = 3;
/// From so many contacts, or events, of a person on, one is deleted for each that is written.
const ENOUGH: usize = 12;
const TOPICS: [&str; 8] =
    ["Renewal", "Demo", "Offer", "Visit", "Contract", "Review", "Lunch", "Training"];
const COMPANIES: [&str; 8] = [
    "Alder Ltd",
    "Birch & Sons",
    "Cedar AG",
    "Doe Inc",
    "Elm GmbH",
    "Fir SA",
    "Gorse plc",
    "Hazel BV",
];

/// The people of an organisation.
#[derive(Debug)]
pub struct Office {
    client_id: String,
    users: Vec<SyncUser>,
    worked_until: Timestamp,
}

impl Office {
    /// People who begin to work at `since`.
    pub fn new(client_id: &str, users: Vec<SyncUser>, since: Timestamp) -> Self {
        Self { client_id: client_id.to_owned(), users, worked_until: since }
    }

    /// What they do until `now`.
    pub fn work(&mut self, salesforce: &Salesforce, exchange: &Exchange, now: Timestamp) {
        let stretch = |at: Timestamp| at.nanos().div_euclid(STRETCH_SECONDS * 1_000_000_000);
        let (from, to) = (stretch(self.worked_until), stretch(now));
        self.worked_until = now;
        for stretch in from..to {
            for (index, user) in self.users.iter().enumerate() {
                let dice = mix(stretch as u64, index as u64);
                if dice.is_multiple_of(BUSY_ONE_IN) {
                    let at = Timestamp::from_seconds((stretch + 1) * STRETCH_SECONDS);
                    self.act(salesforce, exchange, user, dice >> 8, at);
                }
            }
        }
    }

    fn act(
        &self,
        salesforce: &Salesforce,
        exchange: &Exchange,
        user: &SyncUser,
        dice: u64,
        now: Timestamp,
    ) {
        let pick = |from: [&'static str; 8], shift: u32| {
            from.get((dice >> shift) as usize % from.len()).copied().unwrap_or_default()
        };
        let event = dice & 1 == 0;
        let object = if event { ObjectType::Events } else { ObjectType::Contacts };
        let subject = format!("{} {}", pick(TOPICS, 4), pick(COMPANIES, 8));
        let starts = now.plus(TimeDelta::hours(24 + (dice >> 12) as i64 % 200));
        let times = event.then(|| (starts, starts.plus(TimeDelta::minutes(45))));
        if dice & 2 == 0 {
            salesforce.change(&self.client_id, |org| {
                let own: Vec<String> = org
                    .records
                    .iter()
                    .filter(|it| it.object == object && it.owner == user.name.as_str())
                    .map(|it| it.id.clone())
                    .collect();
                match own.get((dice >> 16) as usize % own.len().max(1)) {
                    Some(id) if dice & 4 == 0 => {
                        org.edit_record(id, |record| record.subject = subject);
                    }
                    Some(id) if own.len() > ENOUGH => {
                        org.remove_record(id);
                    }
                    _ => {
                        let classes = EventClass::ALL;
                        let class = if event { (dice >> 20) as usize % 16 } else { 0 };
                        let class = classes.get(class).copied().unwrap_or(EventClass::Plain);
                        let record = SalesforceRecord::new(object, user.name.as_str(), subject);
                        org.put_record(SalesforceRecord { times, class, ..record });
                    }
                }
            });
            return;
        }
        exchange.change(|org| {
            let Some(mailbox) = org.mailbox(&user.mailbox) else { return };
            let own: Vec<String> = mailbox
                .items
                .iter()
                .filter(|item| item.times.is_some() == event)
                .map(|item| item.id.clone())
                .collect();
            match own.get((dice >> 16) as usize % own.len().max(1)).cloned() {
                Some(id) if dice & 4 == 0 => {
                    mailbox.edit(&id, |item| item.subject = subject);
                }
                Some(id) if own.len() > ENOUGH => {
                    mailbox.remove(&id);
                }
                _ => {
                    let folder = if event {
                        ItemFolder::Calendar
                    } else {
                        ItemFolder::Own(CONTACTS_FOLDER.to_owned())
                    };
                    mailbox.put(ExchangeItem { times, ..ExchangeItem::new(folder, subject) });
                }
            }
        });
    }
}

/// A number that looks like chance.
const fn mix(one: u64, other: u64) -> u64 {
    let mut bits =
        one.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ other.wrapping_mul(0xd1b5_4a32_d192_ed03);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
