//! Dates and times as every locale writes them: read as the instant that was written, or refused by name, never read
//! as another one. `tests/locales` says where the samples come from.

use chrono_tz::Tz;
use lightning_sync_exporter::domain::ids::{ObjectType, OrgName};
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::page::{self, PageForm};

/// What a page says that shows `text` as the last sync.
fn read(text: &str, order: DateOrder) -> Result<Timestamp, String> {
    let org = OrgName::new("acme").unwrap();
    let context = page::PageContext {
        org: &org,
        now: Timestamp::from_seconds(1_798_761_600),
        captured_at: None,
        user: None,
        time_zone: Tz::UTC,
        date_order: order,
    };
    let body = format!("Contacts\nLast sync activity: {text}\nEvents\n");
    let snapshot = page::parse(body.as_bytes(), PageForm::Text, &context)
        .map_err(|error| error.errors[0].to_string())?;
    match snapshot.rows.as_slice() {
        [(OrgRow::LastSync(ObjectType::Contacts), OrgValue::Instant(at))] => Ok(*at),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn every_locale_is_read_as_written_or_refused_by_name() {
    let (mut right, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for line in include_str!("../locales/samples.tsv").lines() {
        let [locale, calendar, order, at, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let order = match order {
            "mdy" => DateOrder::Mdy,
            "ymd" => DateOrder::Ymd,
            _ => DateOrder::Dmy,
        };
        match read(text, order) {
            Ok(found) if found.to_string() == format!("{at}:00Z") => right += 1,
            Ok(found) => wrong.push(format!("{locale} {text} is {at}, read as {found}")),
            // Other months, other years; and the June of Croatia, which is the July of Poland.
            Err(_) if calendar == "persian" || locale == "shn-TH" => {}
            Err(error) if error.contains("has the word \"lip\"") && locale == "hr" => {}
            Err(error) => refused.push(format!("{locale} {calendar} {text}: {error}")),
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(refused, [""; 0]);
    assert!(right > 890, "{right}");
}
