//! Bytes of answers → what they say. Faults come with any status, with and without a header, and their codes are an open
//! list.

use super::version::ServerVersion;
use super::xml::{Element, XmlTrouble};
use chrono::TimeDelta;

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
        Self { fault: (!succeeded).then(|| EwsFault::new(code, message)), folders }
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
            assert_eq!(messages, [EwsMessage { fault: None, folders: Vec::new() }], "{inner}");
            assert_eq!(read.version, Some(ServerVersion { major: 15, minor: 1, build: 2507 }));
        }
        let folder = "<m:RootFolder><t:Folders xmlns:t='t'><t:ContactsFolder><t:FolderId Id='f' ChangeKey='c'/><t:ParentFolderId Id='p'/>\
            <t:FolderClass>IPF.Contact</t:FolderClass><t:DisplayName>Salesforce_Sync</t:DisplayName><t:TotalCount>42</t:TotalCount></t:ContactsFolder></t:Folders></m:RootFolder>";
        let read = EwsAnswer::read(answer(folder).as_bytes()).unwrap().outcome.unwrap();
        let found = &read[0].folders[0];
        assert_eq!((found.id.as_str(), found.parent.as_str(), found.total), ("f", "p", Some(42)));
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
