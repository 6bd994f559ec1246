//! How the synchroniser calls Exchange: real requests of EWS over real HTTP, on one connection.

use crate::domain::time::Timestamp;
use crate::simulator::exchange::{
    after, all_after, error_code, escaped, extended, extended_field, extended_of, unescaped,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// No answer within this long is no answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The largest answer: a folder of a thousand items.
const MAX_ANSWER: usize = 8 << 20;
/// The property in which Salesforce's id is written.
pub(super) const SALESFORCE_ID: &str = "SalesforceId";

/// Where Exchange is, and who calls it.
#[derive(Clone)]
pub struct SyncTarget {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its name.
    pub host: String,
    /// How it is verified, where it is encrypted.
    pub tls: Option<Arc<ClientConfig>>,
    /// The account.
    pub username: String,
    /// Its password.
    pub password: String,
    /// What the program calls itself.
    pub agent: &'static str,
}

/// What the vendor may call itself; nobody documents it.
pub const SALESFORCE_AGENT: &str = "Salesforce Lightning Sync";

impl std::fmt::Debug for SyncTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncTarget").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why a call did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EwsTrouble {
    /// No connection, or no answer.
    Unreachable,
    /// The account was not let in.
    SignIn,
    /// Exchange answered with another status than EWS has.
    Status(u16),
    /// An error of EWS.
    Fault(String),
}

/// An item as a search gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenItem {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) times: Option<(Timestamp, Timestamp)>,
    pub(super) private: bool,
    pub(super) recurring: bool,
    /// Salesforce's id, where the item came from there.
    pub(super) salesforce_id: Option<String>,
}

/// What is written into an item.
pub(super) struct ItemText<'a> {
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    pub(super) times: Option<(Timestamp, Timestamp)>,
    pub(super) private: bool,
    pub(super) salesforce_id: &'a str,
}

/// A folder as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EwsFolderId {
    Calendar,
    Own(String),
}

impl EwsFolderId {
    fn xml(&self) -> String {
        match self {
            Self::Calendar => "<t:DistinguishedFolderId Id=\"calendar\"/>".to_owned(),
            Self::Own(id) => format!("<t:FolderId Id=\"{}\"/>", escaped(id)),
        }
    }
}

/// Calls Exchange.
pub(super) struct EwsCaller {
    pub(super) target: SyncTarget,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl EwsCaller {
    pub(super) const fn new(target: SyncTarget) -> Self {
        Self { target, sender: None }
    }

    /// The id of the folder of contacts that is synced; `None`: it is not there.
    pub(super) async fn contacts_folder(
        &mut self,
        mailbox: &str,
        name: &str,
    ) -> Result<Option<EwsFolderId>, EwsTrouble> {
        let answer = self.call(mailbox, &format!(
            "<m:FindFolder Traversal=\"Shallow\"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:IndexedPageFolderView MaxEntriesReturned=\"10\" Offset=\"0\" BasePoint=\"Beginning\"/><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI=\"folder:DisplayName\"/><t:FieldURIOrConstant><t:Constant Value=\"{}\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id=\"contacts\"/></m:ParentFolderIds></m:FindFolder>",
            escaped(name)
        )).await?;
        let id = all_after(&answer, "<t:FolderId Id=\"").next();
        Ok(id.map(|id| EwsFolderId::Own(unescaped(id))))
    }

    /// The items of a folder, without their texts.
    pub(super) async fn items(
        &mut self,
        mailbox: &str,
        folder: &EwsFolderId,
    ) -> Result<Vec<SeenItem>, EwsTrouble> {
        let fields = match folder {
            EwsFolderId::Calendar => {
                "<t:FieldURI FieldURI=\"calendar:Start\"/><t:FieldURI FieldURI=\"calendar:End\"/><t:FieldURI FieldURI=\"calendar:IsRecurring\"/>"
            }
            EwsFolderId::Own(_) => "",
        };
        let answer = self.call(mailbox, &format!(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI=\"item:Subject\"/><t:FieldURI FieldURI=\"item:Sensitivity\"/>{fields}{}</t:AdditionalProperties></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned=\"1000\" Offset=\"0\" BasePoint=\"Beginning\"/><m:ParentFolderIds>{}</m:ParentFolderIds></m:FindItem>",
            extended_field(SALESFORCE_ID),
            folder.xml()
        )).await?;
        Ok(items(&answer))
    }

    /// An item with its text.
    pub(super) async fn item(
        &mut self,
        mailbox: &str,
        id: &str,
    ) -> Result<Option<SeenItem>, EwsTrouble> {
        let answer = self.call(mailbox, &format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id=\"{}\"/></m:ItemIds></m:GetItem>",
            escaped(id)
        )).await?;
        Ok(items(&answer).pop())
    }

    /// Writes a new item; gives its id and version.
    pub(super) async fn create(
        &mut self,
        mailbox: &str,
        folder: &EwsFolderId,
        item: &ItemText<'_>,
    ) -> Result<Option<SeenItem>, EwsTrouble> {
        let kind = if item.times.is_some() { " SendMeetingInvitations=\"SendToNone\"" } else { "" };
        let answer = self.call(mailbox, &format!(
            "<m:CreateItem{kind}><m:SavedItemFolderId>{}</m:SavedItemFolderId><m:Items>{}</m:Items></m:CreateItem>",
            folder.xml(),
            item.xml()
        )).await?;
        Ok(items(&answer).pop())
    }

    /// Writes over an item.
    pub(super) async fn update(
        &mut self,
        mailbox: &str,
        id: &str,
        item: &ItemText<'_>,
    ) -> Result<Option<SeenItem>, EwsTrouble> {
        let kind = if item.times.is_some() { "CalendarItem" } else { "Contact" };
        let mut updates = String::new();
        let mut set = |field: &str, inner: &str| {
            // Writing to a text cannot fail.
            write!(updates, "<t:SetItemField><t:FieldURI FieldURI=\"{field}\"/><t:{kind}>{inner}</t:{kind}></t:SetItemField>").ok();
        };
        set("item:Subject", &format!("<t:Subject>{}</t:Subject>", escaped(item.subject)));
        set("item:Body", &format!("<t:Body BodyType=\"Text\">{}</t:Body>", escaped(item.text)));
        if let Some((start, end)) = item.times {
            set("calendar:Start", &format!("<t:Start>{}</t:Start>", time(start)));
            set("calendar:End", &format!("<t:End>{}</t:End>", time(end)));
        }
        let meetings = if item.times.is_some() {
            " SendMeetingInvitationsOrCancellations=\"SendToNone\""
        } else {
            ""
        };
        let answer = self.call(mailbox, &format!(
            "<m:UpdateItem ConflictResolution=\"AlwaysOverwrite\"{meetings}><m:ItemChanges><t:ItemChange><t:ItemId Id=\"{}\"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>",
            escaped(id)
        )).await?;
        Ok(items(&answer).pop())
    }

    /// Deletes an item.
    pub(super) async fn delete(&mut self, mailbox: &str, id: &str) -> Result<(), EwsTrouble> {
        self.call(mailbox, &format!(
            "<m:DeleteItem DeleteType=\"HardDelete\" SendMeetingCancellations=\"SendToNone\"><m:ItemIds><t:ItemId Id=\"{}\"/></m:ItemIds></m:DeleteItem>",
            escaped(id)
        )).await.map(drop)
    }

    async fn call(&mut self, mailbox: &str, operation: &str) -> Result<String, EwsTrouble> {
        let called = timeout(ANSWER_WITHIN, self.attempt(mailbox, operation)).await;
        let (status, text) = match called {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => {
                self.sender = None;
                return Err(EwsTrouble::Unreachable);
            }
        };
        let code = error_code(&text);
        match status {
            401 => Err(EwsTrouble::SignIn),
            200 | 500 if !code.is_empty() => Err(EwsTrouble::Fault(code.to_owned())),
            200 => Ok(text),
            status => Err(EwsTrouble::Status(status)),
        }
    }

    async fn attempt(&mut self, mailbox: &str, operation: &str) -> anyhow::Result<(u16, String)> {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><soap:Header><t:RequestServerVersion Version=\"Exchange2013_SP1\"/><t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>{}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></soap:Header><soap:Body>{operation}</soap:Body></soap:Envelope>",
            escaped(mailbox)
        );
        let target = &self.target;
        let shown = STANDARD.encode(format!("{}:{}", target.username, target.password));
        let request = Request::builder()
            .method(Method::POST)
            .uri("/EWS/Exchange.asmx")
            .header(HOST, target.host.clone())
            .header(AUTHORIZATION, format!("Basic {shown}"))
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(USER_AGENT, target.agent)
            .header("X-AnchorMailbox", mailbox)
            .body(Full::new(Bytes::from(body)))?;
        let response = self.ready().await?.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn ready(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            return Ok(self.sender.insert(sender));
        }
        let stream = TcpStream::connect(self.target.address).await?;
        stream.set_nodelay(true)?;
        let sender = match &self.target.tls {
            None => opened(stream).await?,
            Some(tls) => {
                let name = ServerName::try_from(self.target.host.clone())?;
                opened(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?).await?
            }
        };
        Ok(self.sender.insert(sender))
    }
}

async fn opened(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "The connection to Exchange broke.");
        }
    });
    Ok(sender)
}

impl ItemText<'_> {
    fn xml(&self) -> String {
        let subject = escaped(self.subject);
        let sensitivity = if self.private { "Private" } else { "Normal" };
        let begins = format!(
            "<t:Subject>{subject}</t:Subject><t:Sensitivity>{sensitivity}</t:Sensitivity><t:Body BodyType=\"Text\">{}</t:Body>{}",
            escaped(self.text),
            extended(SALESFORCE_ID, self.salesforce_id)
        );
        match self.times {
            Some((start, end)) => format!(
                "<t:CalendarItem>{begins}<t:Start>{}</t:Start><t:End>{}</t:End></t:CalendarItem>",
                time(start),
                time(end)
            ),
            None => {
                format!("<t:Contact>{begins}<t:DisplayName>{subject}</t:DisplayName></t:Contact>")
            }
        }
    }
}

fn time(at: Timestamp) -> String {
    at.datetime().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Timestamp::from_datetime(at.with_timezone(&Utc))
}

/// The items of an answer, in order.
fn items(answer: &str) -> Vec<SeenItem> {
    let kinds = ["Contact", "CalendarItem"];
    let pieces = kinds.iter().flat_map(|kind| {
        let begins = format!("<t:{kind}>");
        let ends = format!("</t:{kind}>");
        let pieces: Vec<String> = answer
            .split(&begins)
            .skip(1)
            .filter_map(|rest| rest.split(&ends).next().map(str::to_owned))
            .collect();
        pieces
    });
    pieces.filter_map(|piece| seen(&piece)).collect()
}

fn seen(piece: &str) -> Option<SeenItem> {
    let text = |begins| after(piece, begins, '<').map(unescaped);
    let at = |begins| instant(after(piece, begins, '<')?);
    let body = after(piece, "<t:Body BodyType=", '<').and_then(|body| body.split_once('>'));
    Some(SeenItem {
        id: unescaped(after(piece, "ItemId Id=\"", '"')?),
        version: after(piece, "ChangeKey=\"", '"')?.parse().ok()?,
        subject: text("<t:Subject>").unwrap_or_default(),
        text: body.map(|(_, body)| unescaped(body)).unwrap_or_default(),
        times: at("<t:Start>").zip(at("<t:End>")),
        private: text("<t:Sensitivity>").as_deref() == Some("Private"),
        recurring: text("<t:IsRecurring>").as_deref() == Some("true"),
        salesforce_id: extended_of(piece).remove(SALESFORCE_ID),
    })
}
