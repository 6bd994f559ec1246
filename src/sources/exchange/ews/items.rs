//! Operations on items that the canary writes. Nothing here can send a message: invitations and cancellations go to nobody.

use super::xml::escaped;
use crate::domain::ids::ObjectType;
use crate::domain::time::Timestamp;
use std::fmt::Write as _;

/// A folder with items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EwsItemFolder<'f> {
    /// The default calendar.
    Calendar,
    /// A folder by its id.
    Id(&'f str),
}

/// From when to when an event lasts, and the address of somebody who attends it.
pub(crate) type NewEvent<'f> = ((Timestamp, Timestamp), Option<&'f str>);

/// What is requested of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemRequest<'f> {
    /// Items directly in a folder that have one of these titles.
    Find(ObjectType, EwsItemFolder<'f>, &'f [String]),
    /// A new item: its title; where it is an event, from when to when it lasts and who attends it.
    Create(EwsItemFolder<'f>, &'f str, Option<NewEvent<'f>>),
    /// An item by its id is deleted for good.
    Delete(&'f str),
}

/// More copies of our items than a sync that doubles everything makes.
const MOST_FOUND: u32 = 200;

impl ItemRequest<'_> {
    /// The operation as text; `distinguished` writes a folder that has a name.
    pub(super) fn text(self, distinguished: impl Fn(&str) -> String) -> String {
        let folder = |folder: EwsItemFolder<'_>| match folder {
            EwsItemFolder::Calendar => distinguished("calendar"),
            EwsItemFolder::Id(id) => format!("<t:FolderId Id=\"{}\"/>", escaped(id)),
        };
        match self {
            Self::Find(object, place, titles) => {
                let field = match object {
                    ObjectType::Contacts => "contacts:Surname",
                    ObjectType::Events => "item:Subject",
                };
                let mut tests = String::new();
                for title in titles {
                    // Writing to a text cannot fail.
                    write!(tests, "<t:IsEqualTo><t:FieldURI FieldURI=\"{field}\"/><t:FieldURIOrConstant><t:Constant Value=\"{}\"/></t:FieldURIOrConstant></t:IsEqualTo>", escaped(title)).ok();
                }
                if titles.len() > 1 {
                    tests = format!("<t:Or>{tests}</t:Or>");
                }
                format!(
                    "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI=\"{field}\"/><t:FieldURI FieldURI=\"item:DateTimeCreated\"/></t:AdditionalProperties></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned=\"{MOST_FOUND}\" Offset=\"0\" BasePoint=\"Beginning\"/><m:Restriction>{tests}</m:Restriction><m:ParentFolderIds>{}</m:ParentFolderIds></m:FindItem>",
                    folder(place)
                )
            }
            Self::Create(place, title, times) => {
                let (title, place) = (escaped(title), folder(place));
                let item = match times {
                    None => format!(
                        "<t:Contact><t:Subject>{title}</t:Subject><t:FileAs>{title}</t:FileAs><t:DisplayName>{title}</t:DisplayName><t:Surname>{title}</t:Surname></t:Contact>"
                    ),
                    Some(((start, end), attendee)) => {
                        let attendee = attendee.map(|address| format!("<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>{}</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>", escaped(address)));
                        let attendee = attendee.unwrap_or_default();
                        format!(
                            "<t:CalendarItem><t:Subject>{title}</t:Subject><t:ReminderIsSet>false</t:ReminderIsSet><t:Start>{start}</t:Start><t:End>{end}</t:End><t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>{attendee}</t:CalendarItem>"
                        )
                    }
                };
                format!(
                    "<m:CreateItem SendMeetingInvitations=\"SendToNone\"><m:SavedItemFolderId>{place}</m:SavedItemFolderId><m:Items>{item}</m:Items></m:CreateItem>"
                )
            }
            Self::Delete(id) => format!(
                "<m:DeleteItem DeleteType=\"HardDelete\" SendMeetingCancellations=\"SendToNone\"><m:ItemIds><t:ItemId Id=\"{}\"/></m:ItemIds></m:DeleteItem>",
                escaped(id)
            ),
        }
    }
}
