//! EWS and Autodiscover as text: what a request is about, and answers in the order that the schemas demand.

use super::mailbox::{ExchangeFolder, ExchangeMailbox, FolderPlace, ItemFolder};
use super::scene::ExchangeScene;
use std::fmt::Write as _;

const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
const ERRORS: &str = "http://schemas.microsoft.com/exchange/services/2006/errors";
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// The text between what begins it and the next sign that ends it.
pub(in crate::simulator) fn after<'t>(text: &'t str, begins: &str, ends: char) -> Option<&'t str> {
    let (_, rest) = text.split_once(begins)?;
    rest.split(ends).next()
}

/// Every such text, in order.
pub(in crate::simulator) fn all_after<'t>(
    text: &'t str,
    begins: &'t str,
) -> impl Iterator<Item = &'t str> {
    text.split(begins).skip(1).filter_map(|rest| rest.split('"').next())
}

pub(in crate::simulator) fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

pub(in crate::simulator) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The mailbox that a request is for.
pub(super) fn mailbox_of(body: &str) -> Option<String> {
    let impersonated = body.split_once("ExchangeImpersonation").and_then(|(_, rest)| {
        after(rest, "SmtpAddress>", '<').or_else(|| after(rest, "PrincipalName>", '<'))
    });
    impersonated.or_else(|| after(body, "EmailAddress>", '<')).map(unescaped)
}

/// The version of the interface that a request names.
pub(super) fn requested_version(body: &str) -> &str {
    after(body, "RequestServerVersion Version=\"", '"').unwrap_or_default()
}

fn envelope(version: [u16; 3], body: &str) -> String {
    let [major, minor, build] = version;
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Header><h:ServerVersionInfo MajorVersion=\"{major}\" MinorVersion=\"{minor}\" MajorBuildNumber=\"{build}\" MinorBuildNumber=\"7\" Version=\"V2017_07_11\" xmlns:h=\"{TYPES}\"/></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// A fault: status and text.
pub(super) fn fault(scene: ExchangeScene, code: &str, wait: Option<u32>) -> (u16, String) {
    if scene == ExchangeScene::FaultsOfAnother || scene == ExchangeScene::BusyWrapped {
        let (outer, text) = if scene == ExchangeScene::BusyWrapped {
            ("ErrorInternalServerError", format!("An internal server error occurred: {code}"))
        } else {
            (code, "refused".to_owned())
        };
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP:Envelope xmlns:SOAP=\"{ENVELOPE}\"><SOAP:Header/><SOAP:Body><SOAP:Fault><faultcode xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xsd:string\">{outer}</faultcode><faultstring>{text}</faultstring></SOAP:Fault></SOAP:Body></SOAP:Envelope>"
        );
        return (200, text);
    }
    let wait = wait.map_or_else(String::new, |wait| {
        format!("<t:MessageXml xmlns:t=\"{TYPES}\"><t:Value Name=\"BackOffMilliseconds\">{wait}</t:Value></t:MessageXml>")
    });
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Body><s:Fault><faultcode xmlns:a=\"{TYPES}\">a:{code}</faultcode><faultstring xml:lang=\"en-US\">The request was refused.</faultstring><detail><e:ResponseCode xmlns:e=\"{ERRORS}\">{code}</e:ResponseCode><e:Message xmlns:e=\"{ERRORS}\">The request was refused.</e:Message>{wait}</detail></s:Fault></s:Body></s:Envelope>"
    );
    (500, text)
}

/// A folder as it is written.
struct FolderText {
    element: &'static str,
    id: String,
    parent: &'static str,
    class: String,
    name: String,
    total: u32,
}

impl FolderText {
    fn xml(&self) -> String {
        let Self { element, id, parent, class, name, total } = self;
        format!(
            "<t:{element}><t:FolderId Id=\"{id}\" ChangeKey=\"AQAAAA==\"/><t:ParentFolderId Id=\"{parent}\" ChangeKey=\"AQAAAA==\"/><t:FolderClass>{}</t:FolderClass><t:DisplayName>{}</t:DisplayName><t:TotalCount>{total}</t:TotalCount><t:ChildFolderCount>0</t:ChildFolderCount></t:{element}>",
            escaped(class),
            escaped(name)
        )
    }
}

fn default_folder(mailbox: &ExchangeMailbox, id: &str) -> Option<FolderText> {
    let (element, own, parent, class, name) = match id {
        "root" => ("Folder", "AAAA0oot", "AAAA0oot", "", "root"),
        "msgfolderroot" => {
            ("Folder", "AAAAt0p=", "AAAA0oot", "IPF.Note", "Top of Information Store")
        }
        "calendar" if mailbox.calendar => {
            ("CalendarFolder", "AAAAca1=", "AAAAt0p=", "IPF.Appointment", "Calendar")
        }
        "contacts" => ("ContactsFolder", "AAAAc0n=", "AAAAt0p=", "IPF.Contact", "Contacts"),
        "inbox" => ("Folder", "AAAA1nb=", "AAAAt0p=", "IPF.Note", "Inbox"),
        "deleteditems" => ("Folder", "AAAAde1=", "AAAAt0p=", "IPF.Note", "Deleted Items"),
        _ => return None,
    };
    let total = match id {
        "calendar" => mailbox.other_events.saturating_add(mailbox.count(&ItemFolder::Calendar)),
        "contacts" => mailbox.count(&ItemFolder::Contacts),
        _ => 0,
    };
    Some(FolderText {
        element,
        id: own.to_owned(),
        parent,
        class: class.to_owned(),
        name: name.to_owned(),
        total,
    })
}

fn own_folder(mailbox: &ExchangeMailbox, place: usize, folder: &ExchangeFolder) -> FolderText {
    let items = mailbox.count(&ItemFolder::Own(folder.name.clone()));
    let parent = match folder.place {
        FolderPlace::Contacts => "AAAAc0n=",
        FolderPlace::Root => "AAAAt0p=",
        FolderPlace::Deleted => "AAAAde1=",
    };
    FolderText {
        element: if folder.class.starts_with("IPF.Contact") { "ContactsFolder" } else { "Folder" },
        id: format!("AAAAf{place:03}"),
        parent,
        class: folder.class.clone(),
        name: folder.name.clone(),
        total: folder.total.saturating_add(items),
    }
}

/// The folders that a request names, in order.
pub(super) fn named_ids(body: &str) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for begins in ["DistinguishedFolderId Id=\"", ":FolderId Id=\""] {
        let mut from = 0;
        while let Some(at) = body.get(from..).and_then(|rest| rest.find(begins)) {
            from += at + begins.len();
            let id = body.get(from..).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            found.push((from, id.to_owned()));
        }
    }
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

/// The folder of an id, as far as items are in it.
pub(super) fn item_folder(mailbox: &ExchangeMailbox, id: &str) -> Option<ItemFolder> {
    match id {
        "calendar" | "AAAAca1=" => mailbox.calendar.then_some(ItemFolder::Calendar),
        "contacts" | "AAAAc0n=" => Some(ItemFolder::Contacts),
        id => {
            let place: usize = id.strip_prefix("AAAAf")?.parse().ok()?;
            mailbox.folders.get(place).map(|folder| ItemFolder::Own(folder.name.clone()))
        }
    }
}

/// The id of a folder of items.
pub(super) fn folder_id(mailbox: &ExchangeMailbox, folder: &ItemFolder) -> String {
    match folder {
        ItemFolder::Calendar => "AAAAca1=".to_owned(),
        ItemFolder::Contacts => "AAAAc0n=".to_owned(),
        ItemFolder::Own(name) => {
            let place = mailbox.folders.iter().position(|folder| folder.name == *name);
            format!("AAAAf{:03}", place.unwrap_or_default())
        }
    }
}

/// The operation of a request.
pub(super) fn operation(body: &str) -> &str {
    let Some((_, rest)) = body.split_once("Body>") else { return "" };
    let name = rest.trim_start().trim_start_matches('<').split([' ', '>', '/']).next();
    let name = name.unwrap_or_default();
    name.rsplit(':').next().unwrap_or(name)
}

/// The first error of an answer.
pub(in crate::simulator) fn error_code(answer: &str) -> &str {
    let codes = answer.split("ResponseCode").skip(1).filter_map(|rest| {
        let (_, rest) = rest.split_once('>')?;
        rest.split('<').next()
    });
    codes.map(str::trim).find(|code| code.starts_with("Error")).unwrap_or_default()
}

const DEFAULTS: [&str; 6] =
    ["root", "msgfolderroot", "calendar", "contacts", "inbox", "deleteditems"];

fn every_folder(mailbox: &ExchangeMailbox) -> Vec<FolderText> {
    let defaults = DEFAULTS.iter().filter_map(|id| default_folder(mailbox, id));
    let own = mailbox.folders.iter().enumerate();
    let own = own.map(|(place, folder)| own_folder(mailbox, place, folder));
    defaults.chain(own).collect()
}

pub(super) fn message(response: &str, error: Option<&str>, inner: &str) -> String {
    match error {
        None => format!(
            "<m:{response}Message ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>{inner}</m:{response}Message>"
        ),
        Some(code) => format!(
            "<m:{response}Message ResponseClass=\"Error\"><m:MessageText>It is not there.</m:MessageText><m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{inner}</m:{response}Message>"
        ),
    }
}

pub(super) fn response(name: &str, version: [u16; 3], messages: &str) -> String {
    envelope(
        version,
        &format!(
            "<m:{name} xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"><m:ResponseMessages>{messages}</m:ResponseMessages></m:{name}>"
        ),
    )
}

/// An answer to `ConvertId`, which needs no mailbox.
pub(super) fn converted(version: [u16; 3]) -> String {
    let messages = message("ConvertIdResponse", Some("ErrorInvalidIdMalformed"), "");
    response("ConvertIdResponse", version, &messages)
}

/// An answer to an operation on folders; `None` for any other.
pub(super) fn folders(
    mailbox: &ExchangeMailbox,
    scene: ExchangeScene,
    version: [u16; 3],
    body: &str,
) -> Option<String> {
    if body.contains(":GetFolder>") || body.contains(":GetFolder ") {
        let mut messages = String::new();
        for id in named_ids(body) {
            let own = every_folder(mailbox).into_iter().find(|folder| folder.id == id);
            let found = default_folder(mailbox, &id).or(own);
            let inner =
                found.as_ref().map(|folder| format!("<m:Folders>{}</m:Folders>", folder.xml()));
            let error = found.is_none().then_some("ErrorFolderNotFound");
            messages += &message("GetFolderResponse", error, &inner.unwrap_or_default());
        }
        return Some(response("GetFolderResponse", version, &messages));
    }
    if !body.contains(":FindFolder") {
        return None;
    }
    let deep = body.contains("Traversal=\"Deep\"");
    let constant = all_after(body, "Constant Value=\"").next().map(unescaped);
    let by_part = body.contains("ContainmentMode=\"Substring\"");
    let fits = |folder: &FolderText| match &constant {
        None => true,
        Some(part) if by_part => folder.name.to_lowercase().contains(&part.to_lowercase()),
        Some(name) => folder.name.to_lowercase() == name.to_lowercase(),
    };
    let mut messages = String::new();
    for id in named_ids(body) {
        let own = every_folder(mailbox).into_iter().find(|folder| folder.id == id);
        let Some(parent) = default_folder(mailbox, &id).or(own) else {
            messages += &message("FindFolderResponse", Some("ErrorFolderNotFound"), "");
            continue;
        };
        let all = every_folder(mailbox);
        let within = |folder: &FolderText| {
            let direct = folder.parent == parent.id && folder.id != parent.id;
            let grand = all.iter().any(|between| {
                between.id == folder.parent
                    && between.id != parent.id
                    && (between.parent == parent.id
                        || all.iter().any(|top| {
                            top.id == between.parent
                                && top.parent == parent.id
                                && top.id != parent.id
                        }))
            });
            direct || (deep && folder.id != parent.id && grand)
        };
        let found: Vec<&FolderText> =
            all.iter().filter(|folder| within(folder) && fits(folder)).collect();
        let inner = if found.is_empty() && scene == ExchangeScene::NoRootFolder {
            String::new()
        } else {
            let count = found.len();
            let mut list = String::new();
            for folder in found {
                list += &folder.xml();
            }
            let mut root = String::new();
            // Writing to a text cannot fail.
            write!(
                root,
                "<m:RootFolder IndexedPagingOffset=\"{count}\" TotalItemsInView=\"{count}\" IncludesLastItemInRange=\"true\"><t:Folders>{list}</t:Folders></m:RootFolder>"
            )
            .ok();
            root
        };
        messages += &message("FindFolderResponse", None, &inner);
    }
    Some(response("FindFolderResponse", version, &messages))
}

/// Autodiscover's oldest form.
pub(super) fn autodiscovered(url: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\"><User><DisplayName>Ann</DisplayName></User><Account><AccountType>email</AccountType><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>{url}</EwsUrl></Protocol></Account></Response></Autodiscover>"
    )
}
