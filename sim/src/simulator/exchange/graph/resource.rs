//! What is at a path of Graph: settings, calendars, contact folders, counts, and errors.

use super::scene::{GraphScene, GraphTrouble};
use super::tenant::{GraphMailbox, GraphTenant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const CONTEXT: &str = "https://graph.microsoft.com/v1.0/$metadata#users";

/// An answer: status, `Retry-After` where there is one, and the body.
pub(super) struct Resource {
    pub(super) status: u16,
    pub(super) retry_after: Option<u32>,
    pub(super) body: ResourceBody,
}

/// A body.
pub(super) enum ResourceBody {
    Json(Value),
    Text(String),
}

impl Resource {
    fn good(body: Value) -> Self {
        Self { status: 200, retry_after: None, body: ResourceBody::Json(body) }
    }

    pub(super) fn error(scene: GraphScene, status: u16, code: &str, message: &str) -> Self {
        let mut error = json!({"code": code, "message": message});
        if scene != GraphScene::NoInnerError
            && let Some(error) = error.as_object_mut()
        {
            let id = "fa89876e-3852-4ac7-af23-1966073f7653";
            error.insert(
                "innerError".to_owned(),
                json!({"date": "2026-11-28T10:00:00", "request-id": id, "client-request-id": id}),
            );
        }
        Self { status, retry_after: None, body: ResourceBody::Json(json!({ "error": error })) }
    }

    fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// A part of a path or query without its escapes. Nobody writes a blank as a plus here.
fn decoded(text: &str) -> String {
    let form = format!("x={}", text.replace('+', "%2B"));
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The user that a path is about.
pub(super) fn user_of(path: &str) -> Option<String> {
    Some(decoded(path.strip_prefix("/users/")?.split(['/', '?']).next()?))
}

/// What is at a path below `/v1.0`.
pub(super) fn resource(tenant: &GraphTenant, path: &str) -> Resource {
    let error = |status, code, message| Resource::error(tenant.scene, status, code, message);
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    let Some(user) = user_of(path) else {
        return error(400, "BadRequest", "Resource not found for the segment.");
    };
    let found = tenant.mailboxes.iter().find(|mailbox| mailbox.user.eq_ignore_ascii_case(&user));
    let Some(mailbox) = found else {
        return error(
            404,
            "Request_ResourceNotFound",
            "Resource does not exist or one of its queried reference-property objects are not present.",
        );
    };
    let parts: Vec<&str> = place.split('/').skip(3).collect();
    if let Some(trouble) = mailbox.trouble
        && let Some(answer) = troubled(tenant.scene, trouble, &parts)
    {
        return answer;
    }
    let context = |rest: &str| format!("{CONTEXT}('{}'){rest}", user.replace('@', "%40"));
    match parts.as_slice() {
        ["mailboxSettings"] => Resource::good(settings(&context("/mailboxSettings"))),
        ["calendar"] => Resource::good(json!({
            "@odata.context": context("/calendar(id,name)/$entity"),
            "id": "AAMkAGI2TGuLAAA=", "name": "Calendar",
        })),
        ["contactFolders"] => folders(tenant.scene, mailbox, query, &context("/contactFolders")),
        ["contactFolders", id, "contacts", rest @ ..] => {
            let id = decoded(id);
            let folder = (0..).zip(&mailbox.folders).find(|(place, _)| folder_id(*place) == id);
            let Some((_, (_, total))) = folder else {
                return error(
                    404,
                    "ErrorItemNotFound",
                    "The specified object was not found in the store.",
                );
            };
            contacts(tenant.scene, mailbox, *total, (rest, query))
        }
        _ => error(400, "BadRequest", "Resource not found for the segment."),
    }
}

fn settings(context: &str) -> Value {
    json!({
        "@odata.context": context, "archiveFolder": "AAMkAGI2ARCH=", "timeZone": "W. Europe Standard Time",
        "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly", "dateFormat": "dd.MM.yyyy", "timeFormat": "HH:mm",
        "userPurpose": {"value": "user"},
        "automaticRepliesSetting": {"status": "disabled", "externalAudience": "all", "internalReplyMessage": "", "externalReplyMessage": ""},
        "language": {"locale": "en-US", "displayName": "English (United States)"},
        "workingHours": {"daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": {"name": "W. Europe Standard Time"}},
    })
}

fn folder_id(place: usize) -> String {
    format!("AAMkAGI2FLD/{place}+x=")
}

fn folders(scene: GraphScene, mailbox: &GraphMailbox, query: &str, context: &str) -> Resource {
    let options: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let option =
        |name: &str| options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let named = option("$filter").map(|filter| {
        filter
            .strip_prefix("displayName eq '")
            .and_then(|rest| rest.strip_suffix('\''))
            .map(|name| name.replace("''", "'"))
    });
    if let Some(None) = named {
        return Resource::error(
            scene,
            400,
            "ErrorInvalidUrlQueryFilter",
            "The query filter contains one or more invalid nodes.",
        );
    }
    let named = named.flatten();
    let top = option("$top").and_then(|top| top.parse().ok()).unwrap_or(10);
    let list: Vec<Value> = (0..)
        .zip(&mailbox.folders)
        .filter(|(_, (name, _))| {
            named.as_ref().is_none_or(|wanted| wanted.to_lowercase() == name.to_lowercase())
        })
        .take(top)
        .map(|(place, (name, _))| {
            json!({"id": folder_id(place), "displayName": name, "parentFolderId": "AAMkAGI2CONT="})
        })
        .collect();
    let mut answer = json!({"@odata.context": format!("{context}(id,displayName,parentFolderId)"), "value": list});
    if mailbox.trouble == Some(GraphTrouble::MoreElsewhere)
        && let Some(answer) = answer.as_object_mut()
    {
        let more = "https://graph.elsewhere.example/v1.0/users/x/contactFolders?$skip=10";
        answer.insert("@odata.nextLink".to_owned(), more.into());
    }
    Resource::good(answer)
}

/// The contacts of a folder: a number alone, or with the first of them.
fn contacts(
    scene: GraphScene,
    mailbox: &GraphMailbox,
    total: u32,
    (rest, query): (&[&str], &str),
) -> Resource {
    if rest.is_empty() {
        let one = json!({"@odata.etag": "W/\"EQAAAA==\"", "id": "AAMkAGI2CONTACT="});
        let list: Vec<Value> = (0..total.min(1)).map(|_| one.clone()).collect();
        let counts = query.contains("$count=true") || query.contains("%24count=true");
        return Resource::good(if counts {
            json!({"@odata.count": total, "value": list})
        } else {
            json!({"value": list})
        });
    }
    let text = if mailbox.trouble == Some(GraphTrouble::OddCount) {
        "many".to_owned()
    } else if scene == GraphScene::CountsInBase64 {
        STANDARD.encode(format!("\u{feff}{total}"))
    } else {
        total.to_string()
    };
    Resource { status: 200, retry_after: None, body: ResourceBody::Text(text) }
}

/// What is answered instead.
fn troubled(scene: GraphScene, trouble: GraphTrouble, parts: &[&str]) -> Option<Resource> {
    use GraphTrouble as T;
    let error = |status, code, message| Some(Resource::error(scene, status, code, message));
    let denied =
        || error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.");
    let first = parts.first().copied().unwrap_or_default();
    match trouble {
        T::ODataDisabled => error(403, "ErrorAccessDenied", "Access to OData is disabled."),
        T::AccessPolicy => error(
            403,
            "ErrorAccessDenied",
            "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.",
        ),
        T::AccessDenied => denied(),
        T::ExtensionError => error(
            403,
            "ExtensionError",
            "Operation: Read; Exception: [Status Code: Forbidden; Reason: Access is denied.]",
        ),
        T::RequestDenied => error(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        T::NotEnabled => error(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        ),
        T::NotEnabledOld => error(
            404,
            "MailboxNotEnabledForRESTAPI",
            "REST API is not yet supported for this mailbox.",
        ),
        T::InvalidUser => error(404, "ErrorInvalidUser", "The requested user is invalid."),
        T::UserNotFound => error(404, "Request_ResourceNotFound", "Resource does not exist."),
        T::ResourceNotFound => error(404, "ResourceNotFound", "Resource could not be discovered."),
        T::CalendarNotFound if first == "calendar" => {
            error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        }
        T::ContactsDenied if first == "contactFolders" => denied(),
        T::SettingsDenied if first == "mailboxSettings" => denied(),
        T::StateNotFound => error(
            410,
            "SyncStateNotFound",
            "The sync state generation is not found; continuing will require resync.",
        ),
        T::Throttled => Resource::error(
            scene,
            429,
            "ApplicationThrottled",
            "Application is over its MailboxConcurrency limit.",
        )
        .after(17)
        .into(),
        T::ActivityLimit => Resource::error(
            scene,
            429,
            "activityLimitReached",
            "The app or user has been throttled.",
        )
        .after(17)
        .into(),
        T::DependencyFailed => {
            error(424, "FailedDependency", "A request that this one depends on failed.")
        }
        T::Unavailable => {
            error(503, "ServiceUnavailable", "The service is temporarily unavailable.")
        }
        T::BadRequest => error(400, "RequestBroker--ParseUri", "The request is malformed."),
        T::Unknown => error(409, "SomethingNew", "Nobody has heard of it."),
        T::CalendarNotFound
        | T::ContactsDenied
        | T::SettingsDenied
        | T::MoreElsewhere
        | T::OddCount => None,
    }
}
