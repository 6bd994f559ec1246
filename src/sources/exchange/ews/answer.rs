//! Bytes of answers → what they say. Faults come with any status, with and without a header, and their codes are an open
//! list.

use super::version::ServerVersion;
use super::xml::{Element, XmlTrouble};
use crate::domain::time::Timestamp;
use chrono::{DateTime, TimeDelta, Utc};

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EwsAnswer {
    /// The version of the server that answered, where it says so.
    pub(crate) version: Option<ServerVersion>,
    /// What each requested thing gave, or the fault that ended all.
    pub(crate) outcome: Result<Vec<EwsMessage>, EwsFault>,
}

/// A code of an error with what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EwsFault {
    /// The code, or a word of ours where it has no shape of one.
    pub(crate) code: String,
    /// How long to wait, where it says so.
    pub(crate) back_off: Option<TimeDelta>,
}

/// What one requested thing gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EwsMessage {
    /// `None`: it succeeded.
    pub(crate) fault: Option<EwsFault>,
    /// The folders in it.
    pub(crate) folders: Vec<EwsFolder>,
    /// How many items are in it.
    pub(crate) items: EwsItemCounts,
    /// Those that it lists.
    pub(crate) listed: Vec<EwsItem>,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EwsItem {
    pub(crate) id: String,
    /// The last name of a contact, the subject of anything else, where the answer has it.
    pub(crate) title: String,
    pub(crate) created_at: Option<Timestamp>,
}

/// How many items a search found, and of which kinds those are that it listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EwsItemCounts {
    /// All that fit, listed or not, where the answer says so.
    pub(crate) total: Option<u32>,
    pub(crate) listed: u32,
    pub(crate) private: u32,
    pub(crate) recurring: u32,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EwsFolder {
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) total: Option<u32>,
}

/// What a code looks like that has no shape of one.
const SHAPELESS: &str = "a code of another shape";

impl EwsAnswer {
    /// Reads an answer.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, XmlTrouble> {
        let root = Element::parse(bytes)?;
        let body = (root.name() == "Envelope").then(|| root.child("Body")).flatten();
        let content = body.and_then(|body| body.children().first()).ok_or(XmlTrouble::Malformed)?;
        let info = root.child("Header").and_then(|header| header.find("ServerVersionInfo"));
        let outcome = if content.name() == "Fault" {
            Err(EwsFault::of_soap(content))
        } else {
            let messages = content.child("ResponseMessages").ok_or(XmlTrouble::Malformed)?;
            Ok(messages.children().iter().map(EwsMessage::read).collect())
        };
        Ok(Self { version: info.and_then(ServerVersion::read), outcome })
    }
}

impl EwsFault {
    fn of_soap(fault: &Element) -> Self {
        let detailed = fault.find("ResponseCode").map(Element::text);
        let code = detailed.filter(|code| !code.is_empty()).unwrap_or_else(|| {
            let written = fault.text_of("faultcode");
            let written = written.or_else(|| fault.child("Code")?.text_of("Value"));
            let written = written.unwrap_or_default();
            written.rsplit(':').next().unwrap_or_default()
        });
        Self::new(code, fault)
    }

    fn new(code: &str, around: &Element) -> Self {
        let mut waits =
            around.all().filter(|value| value.attribute("Name") == Some("BackOffMilliseconds"));
        let wait = waits.find_map(|value| value.text().parse::<u32>().ok());
        // One that wraps another names it in its text alone.
        let texts = around
            .all()
            .filter(|element| matches!(element.name(), "MessageText" | "Message" | "faultstring"));
        let wraps_busy = code == "ErrorInternalServerError"
            && (wait.is_some()
                || texts.into_iter().any(|text| text.text().contains("ErrorServerBusy")));
        let shaped = !code.is_empty()
            && code.len() <= 60
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = if wraps_busy {
            "ErrorServerBusy"
        } else if shaped {
            code
        } else {
            SHAPELESS
        };
        Self {
            code: code.to_owned(),
            back_off: wait.map(|wait| TimeDelta::milliseconds(wait.into())),
        }
    }
}

impl EwsMessage {
    fn read(message: &Element) -> Self {
        let code = message.text_of("ResponseCode").unwrap_or_default();
        let succeeded = match message.attribute("ResponseClass") {
            Some("Success") => true,
            // A warning gives what was requested, with a remark.
            Some("Warning") => code == "NoError",
            _ => false,
        };
        // An absent folder has an empty list, no list, or nothing at all.
        let list = message.find("Folders");
        let folders = list.into_iter().flat_map(Element::children).map(EwsFolder::read).collect();
        let list = message.find("Items");
        let items = list.map(EwsItemCounts::read).unwrap_or_default();
        let listed = list.into_iter().flat_map(Element::children).map(EwsItem::read).collect();
        let root = message.find("RootFolder");
        let total = root.and_then(|root| root.attribute("TotalItemsInView")?.parse().ok());
        Self {
            fault: (!succeeded).then(|| EwsFault::new(code, message)),
            folders,
            items: EwsItemCounts { total, ..items },
            listed,
        }
    }
}

impl EwsItem {
    fn read(item: &Element) -> Self {
        let title = item.text_of("Surname").or_else(|| item.text_of("Subject"));
        let created_at = item.text_of("DateTimeCreated").and_then(|at| {
            let at = DateTime::parse_from_rfc3339(at).ok()?;
            Timestamp::from_datetime(at.with_timezone(&Utc))
        });
        Self {
            id: item
                .child("ItemId")
                .and_then(|id| id.attribute("Id"))
                .unwrap_or_default()
                .to_owned(),
            title: title.unwrap_or_default().to_owned(),
            created_at,
        }
    }
}

impl EwsItemCounts {
    fn read(items: &Element) -> Self {
        let of = |fits: fn(&Element) -> bool| {
            let count = items.children().iter().filter(|item| fits(item)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        Self {
            total: None,
            listed: of(|_| true),
            private: of(|item| item.text_of("Sensitivity") == Some("Private")),
            recurring: of(|item| item.text_of("IsRecurring") == Some("true")),
        }
    }
}

impl EwsFolder {
    fn read(folder: &Element) -> Self {
        let id = |name: &str| {
            let id = folder.child(name).and_then(|id| id.attribute("Id"));
            id.unwrap_or_default().to_owned()
        };
        let text = |name: &str| folder.text_of(name).unwrap_or_default().to_owned();
        Self {
            id: id("FolderId"),
            parent: id("ParentFolderId"),
            class: text("FolderClass"),
            name: text("DisplayName"),
            total: folder.text_of("TotalCount").and_then(|total| total.parse().ok()),
        }
    }
}

/// The URL of EWS that an answer of Autodiscover's newest form names, if it is one.
pub(crate) fn autodiscovered_v2(bytes: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    Some(json.get("Url")?.as_str()?.to_owned())
}

/// The URL of EWS that an answer of Autodiscover names, if it names one.
pub(crate) fn autodiscovered(bytes: &[u8]) -> Result<Option<String>, XmlTrouble> {
    let root = Element::parse(bytes)?;
    if root.name() != "Autodiscover" {
        return Err(XmlTrouble::Malformed);
    }
    // The address from outside comes first where there are two.
    let urls = |kind: &str| {
        let protocols = root.all().filter(|element| element.name() == "Protocol");
        let mut fitting = protocols.filter(|protocol| protocol.text_of("Type") == Some(kind));
        fitting
            .find_map(|protocol| protocol.text_of("EwsUrl").or_else(|| protocol.text_of("ASUrl")))
    };
    Ok(["EXPR", "EXCH", "EXHTTP"].into_iter().find_map(urls).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> EwsFault {
        EwsAnswer::read(text.as_bytes()).unwrap().outcome.unwrap_err()
    }

    #[test]
    fn faults_of_both_shapes_are_read() {
        let exchange = "<s:Envelope xmlns:s='e'><s:Body><s:Fault><faultcode xmlns:a='t'>a:ErrorServerBusy</faultcode>\
            <faultstring xml:lang='en-US'>busy</faultstring><detail><e:ResponseCode xmlns:e='x'>ErrorServerBusy</e:ResponseCode>\
            <e:Message xmlns:e='x'>busy</e:Message><t:MessageXml xmlns:t='t'><t:Value Name='BackOffMilliseconds'>5000</t:Value>\
            </t:MessageXml></detail></s:Fault></s:Body></s:Envelope>";
        let expected =
            EwsFault { code: "ErrorServerBusy".to_owned(), back_off: Some(TimeDelta::seconds(5)) };
        assert_eq!(fault(exchange), expected);
        let other = "<SOAP:Envelope xmlns:SOAP='e'><SOAP:Header/><SOAP:Body><SOAP:Fault>\
            <faultcode xsi:type='xsd:string' xmlns:xsi='i'>ErrorImpersonateUserDenied</faultcode></SOAP:Fault></SOAP:Body></SOAP:Envelope>";
        assert_eq!(fault(other).code, "ErrorImpersonateUserDenied");
        let odd = "<E:Envelope xmlns:E='e'><E:Body><E:Fault><faultcode>E:Client</faultcode></E:Fault></E:Body></E:Envelope>";
        assert_eq!(fault(odd).code, "Client");
        let secret = odd.replace("Client", "pass word!");
        assert_eq!(fault(&secret).code, SHAPELESS);
        let wrapped =
            other.replace("ErrorImpersonateUserDenied", "ErrorInternalServerError").replace(
                "</SOAP:Fault>",
                "<faultstring>x ErrorServerBusy y</faultstring></SOAP:Fault>",
            );
        assert_eq!(fault(&wrapped).code, "ErrorServerBusy");
    }

    #[test]
    fn an_absent_folder_is_read_in_every_shape() {
        let answer = |inner: &str| {
            format!(
                "<s:Envelope xmlns:s='e'><s:Header><h:ServerVersionInfo xmlns:h='t' MajorVersion='15' MinorVersion='1' MajorBuildNumber='2507'/></s:Header>\
                <s:Body><m:FindFolderResponse xmlns:m='m'><m:ResponseMessages><m:FindFolderResponseMessage ResponseClass='Success'>\
                <m:ResponseCode>NoError</m:ResponseCode>{inner}</m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse></s:Body></s:Envelope>"
            )
        };
        for inner in [
            "",
            "<m:RootFolder TotalItemsInView='0'/>",
            "<m:RootFolder TotalItemsInView='0'><t:Folders xmlns:t='t'/></m:RootFolder>",
        ] {
            let read = EwsAnswer::read(answer(inner).as_bytes()).unwrap();
            let messages = read.outcome.unwrap();
            assert_eq!((&messages[0].fault, messages[0].folders.len()), (&None, 0), "{inner}");
            assert_eq!(read.version, Some(ServerVersion { major: 15, minor: 1, build: 2507 }));
        }
        let folder = "<m:RootFolder><t:Folders xmlns:t='t'><t:ContactsFolder><t:FolderId Id='f' ChangeKey='c'/><t:ParentFolderId Id='p'/>\
            <t:FolderClass>IPF.Contact</t:FolderClass><t:DisplayName>Salesforce_Sync</t:DisplayName><t:TotalCount>42</t:TotalCount></t:ContactsFolder></t:Folders></m:RootFolder>";
        let read = EwsAnswer::read(answer(folder).as_bytes()).unwrap().outcome.unwrap();
        let found = &read[0].folders[0];
        assert_eq!((found.id.as_str(), found.parent.as_str(), found.total), ("f", "p", Some(42)));
    }

    #[test]
    fn items_are_counted_by_kind() {
        let answer = |inner: &str| {
            let text = format!(
                "<s:Envelope xmlns:s='e'><s:Body><m:FindItemResponse xmlns:m='m' xmlns:t='t'><m:ResponseMessages>\
                <m:FindItemResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>{inner}\
                </m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>"
            );
            EwsAnswer::read(text.as_bytes()).unwrap().outcome.unwrap()[0].items
        };
        let event = |sensitivity: &str, recurring: &str| {
            format!(
                "<t:CalendarItem><t:ItemId Id='i' ChangeKey='c'/><t:Sensitivity>{sensitivity}</t:Sensitivity>\
                <t:IsRecurring>{recurring}</t:IsRecurring></t:CalendarItem>"
            )
        };
        let list = [event("Private", "true"), event("Normal", "true"), event("Normal", "false")];
        let counts =
            |total, listed, private, recurring| EwsItemCounts { total, listed, private, recurring };
        assert_eq!(
            answer(&format!(
                "<m:RootFolder TotalItemsInView='1200'><t:Items>{}</t:Items></m:RootFolder>",
                list.concat()
            )),
            counts(Some(1200), 3, 1, 2)
        );
        assert_eq!(
            answer("<m:RootFolder TotalItemsInView='4'><t:Items/></m:RootFolder>"),
            counts(Some(4), 0, 0, 0)
        );
        assert_eq!(answer(""), counts(None, 0, 0, 0), "an unknown number is not 0");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "<html/>",
            "<Envelope/>",
            "<Envelope><Body/></Envelope>",
            "<Envelope><Body><x/></Body></Envelope>",
            "{}",
        ] {
            assert_eq!(EwsAnswer::read(text.as_bytes()), Err(XmlTrouble::Malformed), "{text}");
        }
    }

    #[test]
    fn autodiscover_names_the_url_from_outside_first() {
        let text = "<Autodiscover xmlns='r'><Response><Account><Action>settings</Action>\
            <Protocol><Type>EXCH</Type><EwsUrl>https://in/EWS/Exchange.asmx</EwsUrl></Protocol>\
            <Protocol><Type>EXPR</Type><EwsUrl>https://out/EWS/Exchange.asmx</EwsUrl></Protocol></Account></Response></Autodiscover>";
        let found = autodiscovered(text.as_bytes()).unwrap();
        assert_eq!(found.as_deref(), Some("https://out/EWS/Exchange.asmx"));
        assert_eq!(
            autodiscovered(b"<Autodiscover><Response><Error/></Response></Autodiscover>"),
            Ok(None)
        );
    }
}
