//! The Metadata API, as far as settings are read with it.

use super::org::SimulatedOrg;

/// The session that an envelope shows.
pub(super) fn session(body: &str) -> &str {
    between(body, "sessionId>", "</").unwrap_or_default()
}

/// The answer to an envelope: status and body.
pub(super) fn answer(org: Option<&SimulatedOrg>, body: &str) -> (u16, String) {
    let Some(org) = org else {
        return fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader");
    };
    if let Some(code) = org.metadata_fault {
        let more = org.repeated();
        return fault(
            &format!("{code}{more}"),
            &format!("use of the Metadata API requires a user with the right permission{more}"),
        );
    }
    if !org.has_settings {
        return enveloped("<records xsi:nil=\"true\"/>");
    }
    let of = between(body, "type>", "</").unwrap_or_default();
    let fields = match of {
        "EmailIntegrationSettings" => format!(
            "<fullName>EmailIntegration</fullName><enableContactAndEventSync>{}</enableContactAndEventSync>\
             <enableOutlookIntegration>{}</enableOutlookIntegration><orgIsSyncingEventsOutbound>true</orgIsSyncingEventsOutbound>",
            org.contact_and_event_sync, org.outlook_integration
        ),
        "EACSettings" => format!(
            "<fullName>EAC</fullName><enableActivityCapture>true</enableActivityCapture>\
             <enableActivitySyncEngine>{}</enableActivitySyncEngine>",
            org.activity_sync_engine
        ),
        _ => return fault("INVALID_TYPE", "INVALID_TYPE: Unknown type"),
    };
    enveloped(&format!("<records xsi:type=\"{of}\">{fields}</records>"))
}

fn enveloped(records: &str) -> (u16, String) {
    (
        200,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"http://soap.sforce.com/2006/04/metadata\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>\
         <readMetadataResponse><result>{records}</result></readMetadataResponse>\
         </soapenv:Body></soapenv:Envelope>"
        ),
    )
}

fn fault(code: &str, text: &str) -> (u16, String) {
    (
        500,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:sf=\"http://soap.sforce.com/2006/04/metadata\"><soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>\
         <faultstring>{code}: {text}</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
        ),
    )
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(found, _)| found)
}
