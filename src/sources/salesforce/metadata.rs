//! Switches of the settings, read over the Metadata API: SOAP, of which the few elements that matter are found by name.

use super::answer::{failure_in, failure_of, is_page};
use crate::http_client::HttpResponse;
use crate::secret::Secret;
use crate::sources::failure::Failure;
use serde_json::json;
use zeroize::Zeroizing;

/// A settings record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SettingsRecord {
    /// Its type.
    pub(super) of: &'static str,
    /// Its only name.
    pub(super) name: &'static str,
}

/// Outlook integration, and sync by either product.
pub(super) const EMAIL: SettingsRecord =
    SettingsRecord { of: "EmailIntegrationSettings", name: "EmailIntegration" };
/// Einstein Activity Capture.
pub(super) const CAPTURE: SettingsRecord = SettingsRecord { of: "EACSettings", name: "EAC" };

/// The label of the switch that is a row of the article.
pub(super) const OUTLOOK_INTEGRATION: &str = "outlook_integration";

/// The switches that are reported, by the name of the element and the name in the `setting` label.
pub(super) const SWITCHES: [(&str, &str, SettingsRecord); 5] = [
    ("enableOutlookIntegration", OUTLOOK_INTEGRATION, EMAIL),
    ("enableContactAndEventSync", "contact_and_event_sync", EMAIL),
    ("orgIsSyncingEventsOutbound", "events_outbound", EMAIL),
    ("enableActivityCapture", "activity_capture", CAPTURE),
    ("enableActivitySyncEngine", "activity_sync_engine", CAPTURE),
];

/// The settings record that a switch stands in.
pub(super) fn record_of(label: &str) -> Option<SettingsRecord> {
    let found = SWITCHES.iter().find(|(_, known, _)| *known == label)?;
    Some(found.2)
}

/// The envelope that asks for a settings record. The session stands in the body, so the text is wiped after use.
pub(super) fn envelope(record: SettingsRecord, session: &Secret) -> Zeroizing<String> {
    let session = Zeroizing::new(escaped(session.expose()));
    let SettingsRecord { of, name } = record;
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

/// The switches of an answer: label and state. A record that the organisation does not have gives none.
pub(super) fn switches(answer: &HttpResponse) -> Result<Vec<(&'static str, bool)>, Failure> {
    let malformed =
        || Failure::malformed("the answer of the Metadata API is no envelope of readMetadata");
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
    Ok(SWITCHES.into_iter().filter_map(|(name, label, _)| Some((label, state(name)?))).collect())
}

/// What stands between the tags of the first element of this local name, whatever its prefix. Not a reader of all of
/// XML: comments and CDATA do not occur in what the vendor documents, and what is not understood is not reported.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        let (tag, inside) = after.split_once('>')?;
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
    use crate::sources::salesforce::failure::SalesforceFailure;

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse { status, headers: hyper::HeaderMap::new(), body: body.to_owned().into() }
    }

    const GOOD: &str = "<?xml version=\"1.0\"?><soapenv:Envelope><soapenv:Body><readMetadataResponse xmlns=\"x\"><result>\
        <records xsi:type=\"EmailIntegrationSettings\"><fullName>EmailIntegration</fullName>\
        <enableContactAndEventSync>false</enableContactAndEventSync><enableOutlookIntegration> true </enableOutlookIntegration>\
        <orgIsSyncingEventsOutbound>perhaps</orgIsSyncingEventsOutbound></records></result></readMetadataResponse></soapenv:Body></soapenv:Envelope>";

    #[test]
    fn switches_are_found_by_name_and_what_is_no_flag_is_left_out() {
        let read = switches(&answer(200, GOOD)).unwrap();
        assert_eq!(read, [("outlook_integration", true), ("contact_and_event_sync", false)]);
    }

    #[test]
    fn faults_have_their_codes() {
        let fault = |code: &str| {
            let body = format!(
                "<e:Envelope><e:Body><e:Fault><faultcode>sf:{code}</faultcode><faultstring>token 00D!</faultstring></e:Fault></e:Body></e:Envelope>"
            );
            switches(&answer(500, &body)).unwrap_err()
        };
        assert_eq!(fault("INVALID_SESSION_ID").reason, SalesforceFailure::SessionExpired.into());
        assert_eq!(fault("INSUFFICIENT_ACCESS").reason, SalesforceFailure::PermissionDenied.into());
        assert!(!fault("INVALID_TYPE").detail.contains("00D"));
    }

    #[test]
    fn what_is_no_envelope_is_malformed() {
        for body in
            ["", "{}", "<a>", "<readMetadataResponse>", "<readMetadataResponse/>", "<", "<>", "< >"]
        {
            assert!(switches(&answer(200, body)).is_err(), "{body}");
        }
    }

    #[test]
    fn the_session_is_escaped() {
        let session = Secret::from_file_text("00D!<&>").unwrap();
        assert!(envelope(EMAIL, &session).contains("<m:sessionId>00D!&lt;&amp;&gt;</m:sessionId>"));
    }
}
