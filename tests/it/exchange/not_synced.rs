//! What never syncs in a mailbox is counted on request.

use super::fixture::World;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_sim::simulator::exchange::{ExchangeItem, ItemFolder};

fn event(from: Timestamp, private: bool, recurring: bool) -> ExchangeItem {
    let times = Some((from, from.plus(TimeDelta::hours(1))));
    ExchangeItem { times, private, recurring, ..ExchangeItem::new(ItemFolder::Calendar, "Call") }
}

fn contact(folder: ItemFolder, category: &str) -> ExchangeItem {
    ExchangeItem { categories: vec![category.to_owned()], ..ExchangeItem::new(folder, "Bob") }
}

#[tokio::test]
async fn private_and_recurring_events_and_contacts_of_the_category_alone_are_counted() {
    let world = World::of(1).await;
    let now = world.now;
    let folder = || ItemFolder::Own("Salesforce_Sync".to_owned());
    world.exchange.change(|org| {
        let mailbox = &mut org.mailboxes[0];
        for item in [
            event(now.plus(TimeDelta::days(1)), true, false),
            event(now.plus(TimeDelta::days(2)), true, true),
            event(now.plus(TimeDelta::days(29)), false, true),
            event(now.plus(TimeDelta::days(3)), false, false),
            // Over, and too far ahead.
            event(now.minus(TimeDelta::days(1)), true, true),
            event(now.plus(TimeDelta::days(31)), true, true),
            contact(ItemFolder::Contacts, "salesforce_sync"),
            contact(ItemFolder::Contacts, "Friends"),
            contact(folder(), "Salesforce_Sync"),
        ] {
            mailbox.put(item);
        }
    });
    let counted = world.source().count_not_synced("user0@corp.example", now).await.unwrap();
    assert_eq!(
        counted.to_string(),
        "of the 4 events of the next 30 days 2 are private and 2 belong to a series; contacts with the category \
         Salesforce_Sync outside the folder Salesforce_Sync: 1. Such items do not sync, and that is no failure"
    );
    let unknown = world.source().count_not_synced("nobody@corp.example", now).await.unwrap_err();
    assert!(unknown.starts_with("mailbox_not_found. No mailbox here"), "{unknown}");
}
