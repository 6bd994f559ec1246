//! The canary's side in Salesforce: everything that is due in one request, which Salesforce counts as one call. Its parts
//! refer to each other: what is deleted is the result of a query by id, title and owner.

use super::failure::CanaryFailure;
use super::machine::{FoundItem, Mark, SideFound, SideWork};
use super::settings::CanarySettings;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use crate::sources::failure::Failure;
use crate::sources::salesforce::answer::{failure_in, text, time};
use crate::sources::salesforce::client::Client;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Map, Value, json};

/// Salesforce takes 25 parts, of which five may be queries: those are all used. A lane writes one item at a time.
const MOST_CREATED: usize = 2;
/// Deletions of each object type; what is left waits for the next request.
const MOST_DELETED: usize = 9;
/// The user whose records they are, which other parts refer to.
const USER: &str = "user";

/// An object type as Salesforce names it, and where its items have their title.
const fn names(object: ObjectType) -> (&'static str, &'static str) {
    match object {
        ObjectType::Contacts => ("Contact", "LastName"),
        ObjectType::Events => ("Event", "Subject"),
    }
}

/// Whose items they are, and what events are related to.
#[derive(Clone, Copy)]
pub(super) struct Whose<'s> {
    pub(super) user: &'s str,
    pub(super) related_to: Option<&'s str>,
}

impl<'s> Whose<'s> {
    pub(super) fn of(settings: &'s CanarySettings) -> Self {
        Self { user: &settings.user, related_to: settings.related_to.as_deref() }
    }
}

/// The text of a request. `data` is `/services/data/v67.0`.
pub(super) fn request(data: &str, whose: Whose<'_>, work: &SideWork, now: Timestamp) -> String {
    let user = whose.user;
    let query = |name: String, soql: &str| {
        let soql: String = form_urlencoded::byte_serialize(soql.as_bytes()).collect();
        json!({ "method": "GET", "url": format!("{data}/query/?q={soql}"), "referenceId": name })
    };
    let owned = format!("OwnerId IN (SELECT Id FROM User WHERE Username = '{user}')");
    let who = format!("SELECT Id FROM User WHERE Username = '{user}' AND IsActive = true");
    let mut parts = vec![query(USER.to_owned(), &who)];
    for (place, (object, mark)) in work.create.iter().take(MOST_CREATED).enumerate() {
        let (table, field) = names(*object);
        let mut body = Map::new();
        body.insert(field.to_owned(), mark.title().into());
        body.insert("OwnerId".to_owned(), format!("@{{{USER}.records[0].Id}}").into());
        if *object == ObjectType::Events {
            let (start, end) = event_times(now);
            let text = |at: Timestamp| at.datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
            body.insert("StartDateTime".to_owned(), text(start).into());
            body.insert("EndDateTime".to_owned(), text(end).into());
            body.insert("ShowAs".to_owned(), "Free".into());
            body.insert("IsReminderSet".to_owned(), false.into());
            body.extend(whose.related_to.map(|id| ("WhatId".to_owned(), id.into())));
        }
        parts.push(json!({
            "method": "POST", "url": format!("{data}/sobjects/{table}"),
            "referenceId": format!("create{place}"), "body": body,
        }));
    }
    for (object, marks) in &work.find {
        if marks.is_empty() {
            continue;
        }
        let (table, field) = names(object);
        let titles: Vec<String> = marks.iter().map(|mark| format!("'{}'", mark.title())).collect();
        let titles = titles.join(",");
        let soql = format!(
            "SELECT Id, {field}, CreatedDate FROM {table} WHERE {field} IN ({titles}) AND {owned}"
        );
        parts.push(query(format!("find{table}"), &soql));
    }
    for object in ObjectType::ALL {
        let due = deletions(work, *object);
        if due.is_empty() {
            continue;
        }
        let (table, field) = names(*object);
        let each: Vec<String> = due
            .iter()
            .map(|(mark, id)| format!("(Id = '{}' AND {field} = '{}')", plain(id), mark.title()))
            .collect();
        let each = each.join(" OR ");
        let soql = format!("SELECT Id, {field} FROM {table} WHERE ({each}) AND {owned}");
        parts.push(query(format!("due{table}"), &soql));
        for place in 0..due.len() {
            // Where the query gives fewer, this refers to nothing and is refused.
            parts.push(json!({
                "method": "DELETE",
                "url": format!("{data}/sobjects/{table}/@{{due{table}.records[{place}].Id}}"),
                "referenceId": format!("delete{table}{place}"),
            }));
        }
    }
    json!({ "allOrNone": false, "compositeRequest": parts }).to_string()
}

/// An event of a canary is tomorrow: within what every sync brings over, and in nobody's way.
pub(super) fn event_times(now: Timestamp) -> (Timestamp, Timestamp) {
    let start = Timestamp::of_hour(now.hour()).plus(TimeDelta::days(1));
    (start, start.plus(TimeDelta::minutes(15)))
}

/// An id has letters and digits only; whatever else was stored finds nothing.
fn plain(id: &str) -> &str {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) { id } else { "" }
}

fn deletions(work: &SideWork, object: ObjectType) -> Vec<(Mark, &str)> {
    let due = work.delete.iter().filter(|(of, ..)| *of == object);
    due.map(|(_, mark, id)| (*mark, id.as_str())).take(MOST_DELETED).collect()
}

/// What an answer says, and the first thing that Salesforce refused.
pub(super) fn read(
    work: &SideWork,
    answer: &Map<String, Value>,
) -> Result<(SideFound, Option<Failure>), Failure> {
    let parts = answer.get("compositeResponse").and_then(Value::as_array);
    let parts = parts.ok_or_else(|| Failure::malformed("the answer has no compositeResponse"))?;
    let part = |name: &str| {
        let named = |part: &&Value| part.get("referenceId").and_then(Value::as_str) == Some(name);
        let part = parts.iter().find(named)?;
        let status = u16::try_from(part.get("httpStatusCode")?.as_u64()?).ok()?;
        Some((status, part.get("body").unwrap_or(&Value::Null)))
    };
    let mut found = SideFound::default();
    let mut trouble: Option<Failure> = None;
    let mut refused = |kind: CanaryFailure, status: u16, body: &Value| {
        let says = failure_in(body, status);
        let says = says.map_or_else(|| format!("status {status}"), |failure| failure.detail);
        trouble.get_or_insert_with(|| Failure::new(kind, says));
    };
    match part(USER).map(|(status, body)| (status, records(body))) {
        Some((200, Some(users))) if users.is_empty() => {
            let says = "no active user has the configured name";
            return Err(Failure::new(CanaryFailure::UserMissing, says));
        }
        Some((200, Some(_))) => {}
        Some((status, _)) => refused(CanaryFailure::UserMissing, status, &Value::Null),
        None => return Err(Failure::malformed("the answer lacks a part")),
    }
    for (place, (_, mark)) in work.create.iter().take(MOST_CREATED).enumerate() {
        match part(&format!("create{place}")) {
            Some((200..300, body)) => {
                let id = body.get("id").and_then(Value::as_str);
                found.created.extend(id.map(|id| (*mark, id.to_owned())));
            }
            Some((status @ 400..500, body)) => {
                refused(CanaryFailure::WriteRefused, status, body);
                found.refused.push(*mark);
            }
            // Whether it was written is not known.
            Some(_) | None => {}
        }
    }
    for (object, marks) in &work.find {
        let (table, field) = names(object);
        match part(&format!("find{table}")) {
            Some((200, body)) => {
                let Some(records) = records(body) else { continue };
                found.searched[object] = true;
                let records = records.iter().filter_map(Value::as_object);
                found.seen[object] = records
                    .filter_map(|record| {
                        let title = text(record, field)?;
                        Some(FoundItem {
                            mark: marks.iter().copied().find(|mark| mark.is_in(title))?,
                            id: text(record, "Id")?.to_owned(),
                            at: text(record, "CreatedDate").and_then(time),
                        })
                    })
                    .collect();
            }
            Some((status, body)) => refused(CanaryFailure::SearchRefused, status, body),
            None => {}
        }
    }
    for object in ObjectType::ALL {
        let (table, _) = names(*object);
        let due = deletions(work, *object);
        let Some((200, body)) = part(&format!("due{table}")) else { continue };
        let Some(records) = records(body) else { continue };
        let there: Vec<&str> =
            records.iter().filter_map(|record| record.get("Id")?.as_str()).collect();
        for (mark, id) in due {
            // Ids come with 15 characters and with 18.
            let short = |id: &str| id.get(..15).unwrap_or(id).to_owned();
            let Some(place) = there.iter().position(|it| short(it) == short(id)) else {
                found.deleted.push(mark);
                continue;
            };
            match part(&format!("delete{table}{place}")) {
                Some((200..300, _)) => found.deleted.push(mark),
                Some((status, body)) => refused(CanaryFailure::DeleteRefused, status, body),
                None => {}
            }
        }
    }
    Ok((found, trouble))
}

fn records(body: &Value) -> Option<&Vec<Value>> {
    body.get("records")?.as_array()
}

/// Requests what is due.
pub(super) async fn request_all(
    client: &mut Client,
    whose: Whose<'_>,
    work: &SideWork,
    now: Timestamp,
) -> Result<(SideFound, Option<Failure>), Failure> {
    client.begin(now);
    let data = client.settings.data();
    let body = request(&data, whose, work, now);
    let answer = client.call(&format!("{data}/composite"), Some(body), now).await?;
    read(work, &answer)
}

#[cfg(test)]
mod tests;
