//! The texts of requests. They only read, but for those of [`super::items`].

use super::items::ItemRequest;
use super::xml::escaped;
use crate::domain::ids::closed_set;
use crate::domain::time::Timestamp;

closed_set! {
    /// The version of the interface that a request names. A server that is older refuses newer ones.
    RequestVersion {
        Exchange2013Sp1 = "Exchange2013_SP1",
        Exchange2013 = "Exchange2013",
        Exchange2010Sp2 = "Exchange2010_SP2",
        Exchange2010 = "Exchange2010",
    }
}

impl RequestVersion {
    /// The next older one.
    pub(crate) fn older(self) -> Option<Self> {
        Self::ALL.get(self.index() + 1).copied()
    }
}

/// For whom a request is, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acting<'m> {
    /// For the service account itself.
    Own,
    /// Impersonates the mailbox.
    Impersonating(&'m str),
    /// Opens the mailbox with the account's own rights in it.
    Delegate(&'m str),
}

impl<'m> Acting<'m> {
    /// The mailbox that the request is to be routed to.
    pub(crate) fn anchor(self) -> Option<&'m str> {
        match self {
            Self::Own => None,
            Self::Impersonating(mailbox) | Self::Delegate(mailbox) => Some(mailbox),
        }
    }

    fn distinguished(self, id: &str) -> String {
        match self {
            Self::Delegate(mailbox) => format!(
                "<t:DistinguishedFolderId Id=\"{id}\"><t:Mailbox><t:EmailAddress>{}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>",
                escaped(mailbox)
            ),
            Self::Own | Self::Impersonating(_) => {
                format!("<t:DistinguishedFolderId Id=\"{id}\"/>")
            }
        }
    }
}

/// What is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation<'f> {
    /// The cheapest request that needs a sign-in: whether one id, which nobody has, can be written another way. The
    /// address is only looked at for its form.
    ConvertId(&'f str),
    /// The calendar and the contacts of the mailbox.
    GetFolders,
    /// The folder of a name directly under the contacts.
    FindFolder(&'f str),
    /// Folders whose name has a word in it: first all that were deleted, then all of the mailbox.
    SearchFolders(&'f str),
    /// The events between two instants, each occurrence by itself.
    FindEvents(Timestamp, Timestamp),
    /// Contacts directly under the contacts that have a category; their number is enough.
    FindByCategory(&'f str),
    /// Something of the canary's items.
    Items(ItemRequest<'f>),
}

const SHAPE: &str = "<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>\
<t:FieldURI FieldURI=\"folder:DisplayName\"/><t:FieldURI FieldURI=\"folder:FolderClass\"/>\
<t:FieldURI FieldURI=\"folder:TotalCount\"/><t:FieldURI FieldURI=\"folder:ParentFolderId\"/>\
</t:AdditionalProperties></m:FolderShape>";
/// More folders of one name than anybody has.
const VIEW: &str =
    "<m:IndexedPageFolderView MaxEntriesReturned=\"50\" Offset=\"0\" BasePoint=\"Beginning\"/>";

const EVENT_SHAPE: &str = "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>\
<t:FieldURI FieldURI=\"item:Sensitivity\"/><t:FieldURI FieldURI=\"calendar:IsRecurring\"/>\
</t:AdditionalProperties></m:ItemShape>";
/// Exchange gives at most 1,000 items an answer by its default limits.
pub(crate) const MAX_EVENTS: u32 = 1_000;

/// The body of a request.
pub(crate) fn envelope(
    version: RequestVersion,
    acting: Acting<'_>,
    operation: Operation<'_>,
) -> String {
    let impersonation = match acting {
        Acting::Impersonating(mailbox) => format!(
            "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>{}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>",
            escaped(mailbox)
        ),
        Acting::Own | Acting::Delegate(_) => String::new(),
    };
    let of = |id| acting.distinguished(id);
    let body = match operation {
        Operation::ConvertId(address) => format!(
            "<m:ConvertId DestinationFormat=\"EntryId\"><m:SourceIds><t:AlternateId Format=\"EwsId\" Id=\"AAAA\" Mailbox=\"{}\"/></m:SourceIds></m:ConvertId>",
            escaped(address)
        ),
        Operation::GetFolders => format!(
            "<m:GetFolder>{SHAPE}<m:FolderIds>{}{}</m:FolderIds></m:GetFolder>",
            of("calendar"),
            of("contacts")
        ),
        Operation::FindFolder(name) => format!(
            "<m:FindFolder Traversal=\"Shallow\">{SHAPE}{VIEW}<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI=\"folder:DisplayName\"/><t:FieldURIOrConstant><t:Constant Value=\"{}\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>{}</m:ParentFolderIds></m:FindFolder>",
            escaped(name),
            of("contacts")
        ),
        Operation::SearchFolders(word) => format!(
            "<m:FindFolder Traversal=\"Deep\">{SHAPE}{VIEW}<m:Restriction><t:Contains ContainmentMode=\"Substring\" ContainmentComparison=\"IgnoreCase\"><t:FieldURI FieldURI=\"folder:DisplayName\"/><t:Constant Value=\"{}\"/></t:Contains></m:Restriction><m:ParentFolderIds>{}{}</m:ParentFolderIds></m:FindFolder>",
            escaped(word),
            of("deleteditems"),
            of("msgfolderroot")
        ),
        Operation::FindEvents(from, to) => format!(
            "<m:FindItem Traversal=\"Shallow\">{EVENT_SHAPE}<m:CalendarView MaxEntriesReturned=\"{MAX_EVENTS}\" StartDate=\"{}\" EndDate=\"{}\"/><m:ParentFolderIds>{}</m:ParentFolderIds></m:FindItem>",
            from,
            to,
            of("calendar")
        ),
        Operation::FindByCategory(category) => format!(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned=\"1\" Offset=\"0\" BasePoint=\"Beginning\"/><m:Restriction><t:Contains ContainmentMode=\"FullString\" ContainmentComparison=\"IgnoreCase\"><t:FieldURI FieldURI=\"item:Categories\"/><t:Constant Value=\"{}\"/></t:Contains></m:Restriction><m:ParentFolderIds>{}</m:ParentFolderIds></m:FindItem>",
            escaped(category),
            of("contacts")
        ),
        Operation::Items(request) => request.text(|id| acting.distinguished(id)),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
<soap:Header><t:RequestServerVersion Version=\"{version}\"/>{impersonation}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

/// The body of a request to Autodiscover in its oldest form, which every version answers.
pub(crate) fn autodiscover(address: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request><EMailAddress>{}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>",
        escaped(address)
    )
}
