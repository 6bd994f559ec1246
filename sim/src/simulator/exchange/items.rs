//! Operations on contacts and events: create, find, get, update and delete, as text.

use super::mailbox::{ExchangeItem, ExchangeMailbox, ItemFolder};
use super::soap::{
    after, all_after, escaped, folder_id, item_folder, message, named_ids, operation, response,
    unescaped,
};
use crate::domain::time::Timestamp;
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// An answer to an operation on items; `None` for any other.
pub(super) fn answer(
    mailbox: &mut ExchangeMailbox,
    version: [u16; 3],
    body: &str,
    now: Option<Timestamp>,
) -> Option<String> {
    let name = operation(body);
    let messages = match name {
        "CreateItem" => created(mailbox, body, now),
        "FindItem" => found(mailbox, body),
        "GetItem" => of_each(body, "GetItemResponse", "<m:Items/>", |id| {
            let item = mailbox.items.iter().find(|item| item.id == id)?;
            Some(format!("<m:Items>{}</m:Items>", xml(mailbox, item, true)))
        }),
        "UpdateItem" => updated(mailbox, body),
        "DeleteItem" => {
            if !body.contains("SendMeetingCancellations=\"SendToNone\"") {
                let gone = |item: &&ExchangeItem| body.contains(&item.id);
                let gone = mailbox.items.iter().filter(gone);
                mailbox.invited.extend(gone.flat_map(|item| item.attendees.clone()));
            }
            of_each(body, "DeleteItemResponse", "", |id| mailbox.remove(id).then(String::new))
        }
        _ => return None,
    };
    Some(response(&format!("{name}Response"), version, &messages))
}

/// One message for each item that a request names; `absent` is what it holds where there is no such item.
fn of_each(
    body: &str,
    name: &str,
    absent: &str,
    mut answer: impl FnMut(&str) -> Option<String>,
) -> String {
    all_after(body, "ItemId Id=\"")
        .map(|id| match answer(id) {
            Some(inner) => message(name, None, &inner),
            None => message(name, Some("ErrorItemNotFound"), absent),
        })
        .collect()
}

fn created(mailbox: &mut ExchangeMailbox, body: &str, now: Option<Timestamp>) -> String {
    let name = "CreateItemResponse";
    let event = body.contains(":CalendarItem>");
    let folder = match named_ids(body).first() {
        Some(id) => item_folder(mailbox, id),
        None if event => Some(ItemFolder::Calendar),
        None => Some(ItemFolder::Contacts),
    };
    let Some(folder) = folder else {
        return message(name, Some("ErrorFolderNotFound"), "<m:Items/>");
    };
    let mut item = ExchangeItem::new(folder, "");
    item.created_at = now;
    take(&mut item, body);
    if !body.contains("SendMeetingInvitations=\"SendToNone\"") {
        mailbox.invited.extend(item.attendees.iter().cloned());
    }
    let id = mailbox.put(item);
    let item = mailbox.items.iter().find(|item| item.id == id);
    let inner = item.map(|item| element(item, &item_id(item))).unwrap_or_default();
    message(name, None, &format!("<m:Items>{inner}</m:Items>"))
}

fn updated(mailbox: &mut ExchangeMailbox, body: &str) -> String {
    let Some(id) = all_after(body, "ItemId Id=\"").next().map(str::to_owned) else {
        return String::new();
    };
    if !mailbox.edit(&id, |item| take(item, body)) {
        return message("UpdateItemResponse", Some("ErrorItemNotFound"), "<m:Items/>");
    }
    let item = mailbox.items.iter().find(|item| item.id == id);
    let inner = item.map(|item| element(item, &item_id(item))).unwrap_or_default();
    let inner = format!(
        "<m:Items>{inner}</m:Items><m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>"
    );
    message("UpdateItemResponse", None, &inner)
}

/// Takes what a request says of an item; what it does not name stays.
fn take(item: &mut ExchangeItem, body: &str) {
    let text = |begins| after(body, begins, '<').map(unescaped);
    if let Some(subject) =
        text(":Subject>").or_else(|| text(":DisplayName>")).or_else(|| text(":Surname>"))
    {
        item.subject = subject;
    }
    if let Some((_, text)) = after(body, ":Body BodyType=", '<').and_then(|it| it.split_once('>')) {
        item.text = unescaped(text);
    }
    if let Some(sensitivity) = text(":Sensitivity>") {
        item.private = sensitivity == "Private";
    }
    item.recurring |= body.contains(":Recurrence>");
    if let Some((attendees, _)) = body
        .split_once(":RequiredAttendees>")
        .and_then(|(_, rest)| rest.split_once(":RequiredAttendees>"))
    {
        let addresses = attendees.split(":EmailAddress>").skip(1).step_by(2);
        let addresses = addresses.filter_map(|rest| rest.split('<').next());
        item.attendees = addresses.map(unescaped).collect();
    }
    let at = |begins| instant(after(body, begins, '<')?);
    if let (Some(start), Some(end)) = (at(":Start>"), at(":End>")) {
        item.times = Some((start, end));
    }
    for property in body.split(":ExtendedProperty>").skip(1).step_by(2) {
        let name = after(property, "PropertyName=\"", '"');
        if let (Some(name), Some(value)) = (name, after(property, ":Value>", '<')) {
            item.properties.insert(unescaped(name), unescaped(value));
        }
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text.trim()).ok()?;
    Timestamp::from_datetime(at.with_timezone(&Utc))
}

fn found(mailbox: &ExchangeMailbox, body: &str) -> String {
    let all: Vec<String> = all_after(body, "Constant Value=\"").map(unescaped).collect();
    let wanted = all.first().cloned();
    let of_sensitivity = body.contains("\"item:Sensitivity\"") && wanted.is_some();
    let of_category = body.contains("\"item:Categories\"");
    let edge = |name| after(body, name, '"').and_then(instant);
    let view = edge(" StartDate=\"").zip(edge(" EndDate=\""));
    let fits = |item: &&ExchangeItem| match &wanted {
        None => view.is_none_or(|(from, to)| {
            item.times.is_some_and(|(start, end)| start < to && end > from)
        }),
        Some(wanted) if of_category => {
            item.categories.iter().any(|category| category.eq_ignore_ascii_case(wanted))
        }
        Some(wanted) if of_sensitivity => item.private == (wanted == "Private"),
        Some(wanted) => {
            all.contains(&item.subject) || item.properties.values().any(|it| it == wanted)
        }
    };
    let most = after(body, "MaxEntriesReturned=\"", '"').and_then(|most| most.parse().ok());
    let from: usize =
        after(body, " Offset=\"", '"').and_then(|from| from.parse().ok()).unwrap_or_default();
    let mut messages = String::new();
    for id in named_ids(body) {
        let Some(folder) = item_folder(mailbox, &id) else {
            messages += &message("FindItemResponse", Some("ErrorFolderNotFound"), "");
            continue;
        };
        let inside = mailbox.items.iter().filter(|item| item.folder == folder);
        let all: Vec<&ExchangeItem> = inside.filter(fits).collect();
        let shown: Vec<&&ExchangeItem> =
            all.iter().skip(from).take(most.unwrap_or(usize::MAX)).collect();
        let (total, next) = (all.len(), from + shown.len());
        let items: String = shown.into_iter().map(|item| xml(mailbox, item, false)).collect();
        let root = format!(
            "<m:RootFolder IndexedPagingOffset=\"{next}\" TotalItemsInView=\"{total}\" IncludesLastItemInRange=\"{}\"><t:Items>{items}</t:Items></m:RootFolder>",
            next >= total
        );
        messages += &message("FindItemResponse", None, &root);
    }
    messages
}

fn item_id(item: &ExchangeItem) -> String {
    format!("<t:ItemId Id=\"{}\" ChangeKey=\"{}\"/>", item.id, item.version)
}

fn element(item: &ExchangeItem, inner: &str) -> String {
    let name = if item.times.is_some() { "CalendarItem" } else { "Contact" };
    format!("<t:{name}>{inner}</t:{name}>")
}

/// An item as a whole; its body is given when it is requested by its id, as Exchange does it.
fn xml(mailbox: &ExchangeMailbox, item: &ExchangeItem, whole: bool) -> String {
    let time = |at: Timestamp| at.datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let class = if item.times.is_some() { "IPM.Appointment" } else { "IPM.Contact" };
    let sensitivity = if item.private { "Private" } else { "Normal" };
    let subject = escaped(&item.subject);
    let mut inner = format!(
        "{}<t:ParentFolderId Id=\"{}\" ChangeKey=\"AQAAAA==\"/><t:ItemClass>{class}</t:ItemClass><t:Subject>{subject}</t:Subject><t:Sensitivity>{sensitivity}</t:Sensitivity>",
        item_id(item),
        folder_id(mailbox, &item.folder)
    );
    // Writing to a text cannot fail.
    if whole {
        let text = escaped(&item.text);
        write!(inner, "<t:Body BodyType=\"Text\">{text}</t:Body>").ok();
    }
    if let Some(at) = item.created_at {
        write!(inner, "<t:DateTimeCreated>{}</t:DateTimeCreated>", time(at)).ok();
    }
    for (name, value) in &item.properties {
        inner += &extended(name, value);
    }
    match item.times {
        Some((start, end)) => write!(
            inner,
            "<t:Start>{}</t:Start><t:End>{}</t:End><t:IsRecurring>{}</t:IsRecurring>",
            time(start),
            time(end),
            item.recurring
        ),
        None => write!(
            inner,
            "<t:DisplayName>{subject}</t:DisplayName><t:Surname>{subject}</t:Surname>"
        ),
    }
    .ok();
    element(item, &inner)
}

/// The name space of properties that programs give names to.
const PUBLIC_STRINGS: &str = "00020329-0000-0000-c000-000000000046";

/// An extended property as it is written.
pub(in crate::simulator) fn extended(name: &str, value: &str) -> String {
    format!(
        "<t:ExtendedProperty>{}<t:Value>{}</t:Value></t:ExtendedProperty>",
        extended_field(name),
        escaped(value)
    )
}

/// The name of an extended property as it is written.
pub(in crate::simulator) fn extended_field(name: &str) -> String {
    format!(
        "<t:ExtendedFieldURI PropertySetId=\"{PUBLIC_STRINGS}\" PropertyName=\"{}\" PropertyType=\"String\"/>",
        escaped(name)
    )
}

/// The extended properties of an item as it is written.
pub(in crate::simulator) fn extended_of(item: &str) -> BTreeMap<String, String> {
    let pieces = item.split("<t:ExtendedProperty>").skip(1);
    let named = |piece| {
        let name = after(piece, "PropertyName=\"", '"')?;
        Some((unescaped(name), unescaped(after(piece, "<t:Value>", '<')?)))
    };
    pieces.filter_map(named).collect()
}
