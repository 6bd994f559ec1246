//! Switches of the settings, read over the Metadata API: SOAP, of which the few elements that matter are found by name.

use super::answer::{failure_in, failure_of, is_page};
use super::facts::SalesforcePart;
use super::failure::SalesforceFailure;
use crate::domain::ids::closed_set;
use crate::http_client::{HttpResponse, TransportFailure};
use crate::secret::Secret;
use crate::sources::failure::Failure;
use serde_json::json;
use zeroize::Zeroizing;

closed_set! {
    /// A switch of the settings, by its `setting` label.
    Switch {
        /// The Outlook integration: the one that is a row of the article.
        OutlookIntegration = "outlook_integration",
        /// Sync of contacts and events, by either product.
        ContactAndEventSync = "contact_and_event_sync",
        /// Whether changes in Salesforce leave it; Salesforce sets it.
        EventsOutbound = "events_outbound",
        /// Einstein Activity Capture.
        ActivityCapture = "activity_capture",
        /// Its sync, beside its capture.
        ActivitySyncEngine = "activity_sync_engine",
    }
}

impl Switch {
    /// The settings record that it stands in, and the name of its element.
    const fn place(self) -> (SalesforcePart, &'static str) {
        match self {
            Self::OutlookIntegration => (SalesforcePart::EmailSettings, "enableOutlookIntegration"),
            Self::ContactAndEventSync => {
                (SalesforcePart::EmailSettings, "enableContactAndEventSync")
            }
            Self::EventsOutbound => (SalesforcePart::EmailSettings, "orgIsSyncingEventsOutbound"),
            Self::ActivityCapture => (SalesforcePart::CaptureSettings, "enableActivityCapture"),
            Self::ActivitySyncEngine => {
                (SalesforcePart::CaptureSettings, "enableActivitySyncEngine")
            }
        }
    }

    /// The settings record that it stands in.
    pub(super) const fn part(self) -> SalesforcePart {
        self.place().0
    }
}

/// The envelope that requests a settings record. The session stands in the body, so the text is wiped after use.
pub(super) fn envelope(part: SalesforcePart, session: &Secret) -> Zeroizing<String> {
    let session = Zeroizing::new(escaped(session.expose()));
    let (of, name) = if part == SalesforcePart::EmailSettings {
        ("EmailIntegrationSettings", "EmailIntegration")
    } else {
        ("EACSettings", "EAC")
    };
    Zeroizing::new(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:m=\"http://soap.sforce.com/2006/04/metadata\">\
         <soapenv:Header><m:SessionHeader><m:sessionId>{}</m:sessionId></m:SessionHeader></soapenv:Header>\
         <soapenv:Body><m:readMetadata><m:type>{of}</m:type><m:fullNames>{name}</m:fullNames></m:readMetadata></soapenv:Body>\
         </soapenv:Envelope>",
        *session
    ))
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            letter => letter.to_string(),
        })
        .collect()
}

/// The switches of a settings record, and whether each is on; a record without any is one that is not there.
pub(super) fn switches(
    part: SalesforcePart,
    answer: &HttpResponse,
) -> Result<Vec<(Switch, Option<bool>)>, Failure> {
    let malformed = || {
        Failure::new(
            TransportFailure::AnswerMalformed,
            "the answer of the Metadata API is no envelope of readMetadata",
        )
    };
    let text = std::str::from_utf8(&answer.body).map_err(|_| malformed())?;
    if let Some(code) = element(text, "faultcode") {
        let code = code.rsplit(':').next().unwrap_or_default();
        let fault = json!({ "errorCode": code, "message": "" });
        return Err(failure_in(&fault, answer.status).unwrap_or_else(malformed));
    }
    if answer.status != 200 || is_page(answer) {
        return Err(failure_of(answer));
    }
    if element(text, "readMetadataResponse").is_none() {
        return Err(malformed());
    }
    let state = |name| match element(text, name)?.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    let switches = Switch::ALL.iter().map(|switch| (*switch, switch.place()));
    let found: Vec<(Switch, Option<bool>)> = switches
        .filter(|(_, (of, _))| *of == part)
        .map(|(switch, (_, name))| (switch, state(name)))
        .collect();
    if found.iter().all(|(_, state)| state.is_none()) {
        return Err(Failure::new(
            SalesforceFailure::ObjectMissing,
            "the organisation has no such settings record",
        ));
    }
    Ok(found)
}

/// What stands between the tags of the first element of this local name, whatever its prefix. Not a reader of all of
/// XML: comments and CDATA do not occur in what the vendor documents, and what is not understood is left out.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text;
    // From one end of a tag to the next: what is passed is not looked at again, however many beginnings there are.
    while let Some((before, inside)) = rest.split_once('>') {
        rest = inside;
        let (_, tag) = before.rsplit_once('<').unwrap_or_default();
        let full = tag.split([' ', '\t', '\r', '\n']).next()?;
        let local = full.rsplit(':').next()?;
        if local == name && !tag.ends_with('/') {
            let end = format!("</{full}>");
            return inside.split_once(end.as_str()).map(|(value, _)| value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse { status, headers: hyper::HeaderMap::new(), body: body.to_owned().into() }
    }

    const GOOD: &str = "<?xml version=\"1.0\"?><soapenv:Envelope><soapenv:Body><readMetadataResponse xmlns=\"x\"><result>\
        <records xsi:type=\"EmailIntegrationSettings\"><fullName>EmailIntegration</fullName>\
        <enableContactAndEventSync>false</enableContactAndEventSync><enableOutlookIntegration> true </enableOutlookIntegration>\
        <orgIsSyncingEventsOutbound>perhaps</orgIsSyncingEventsOutbound></records></result></readMetadataResponse></soapenv:Body></soapenv:Envelope>";

    #[test]
    fn switches_are_found_by_name_and_what_is_no_flag_is_unknown() {
        let read = switches(SalesforcePart::EmailSettings, &answer(200, GOOD)).unwrap();
        let expected = [
            (Switch::OutlookIntegration, Some(true)),
            (Switch::ContactAndEventSync, Some(false)),
            (Switch::EventsOutbound, None),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_record_that_is_not_there_is_missing() {
        for record in
            ["", "<records xsi:nil=\"true\"/>", "<records><fullName>EAC</fullName></records>"]
        {
            let body = format!(
                "<a><readMetadataResponse><result>{record}</result></readMetadataResponse></a>"
            );
            let missing =
                switches(SalesforcePart::CaptureSettings, &answer(200, &body)).unwrap_err();
            assert_eq!(missing.reason, SalesforceFailure::ObjectMissing.into(), "{record}");
        }
        assert!(switches(SalesforcePart::CaptureSettings, &answer(200, GOOD)).is_err());
    }

    #[test]
    fn faults_have_their_codes() {
        let fault = |code: &str| {
            let body = format!(
                "<e:Envelope><e:Body><e:Fault><faultcode>sf:{code}</faultcode><faultstring>token 00D!</faultstring></e:Fault></e:Body></e:Envelope>"
            );
            switches(SalesforcePart::EmailSettings, &answer(500, &body)).unwrap_err()
        };
        assert_eq!(fault("INVALID_SESSION_ID").reason, SalesforceFailure::SessionExpired.into());
        assert_eq!(fault("INSUFFICIENT_ACCESS").reason, SalesforceFailure::PermissionDenied.into());
        assert!(!fault("INVALID_TYPE").detail.contains("00D"));
    }

    #[test]
    fn beginnings_of_tags_without_end_take_no_time_that_grows_with_their_square() {
        let begun = std::time::Instant::now();
        let hostile = "<".repeat(96 << 10);
        for body in [
            format!("{hostile}>"),
            hostile.clone(),
            "<a:".repeat(48 << 10) + ">",
            "<a>".repeat(48 << 10),
        ] {
            let body = format!("<soapenv:Envelope>{body}");
            assert!(switches(SalesforcePart::EmailSettings, &answer(200, &body)).is_err());
        }
        let took = begun.elapsed();
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
        // A beginning that is not one hides nothing.
        assert_eq!(element("a < b <x:flag>true</x:flag>", "flag"), Some("true"));
    }

    #[test]
    fn what_is_no_envelope_is_malformed() {
        for body in
            ["", "{}", "<a>", "<readMetadataResponse>", "<readMetadataResponse/>", "<", "<>", "< >"]
        {
            assert!(switches(SalesforcePart::EmailSettings, &answer(200, body)).is_err(), "{body}");
        }
    }

    #[test]
    fn the_session_is_escaped() {
        let session = Secret::from_file_text("00D!<&>").unwrap();
        assert!(
            envelope(SalesforcePart::EmailSettings, &session)
                .contains("<m:sessionId>00D!&lt;&amp;&gt;</m:sessionId>")
        );
    }
}
