//! The probe of Exchange, run once and printed step by step.

use super::DoctorReport;
use crate::app::now;
use crate::config::OrgConfig;
use crate::domain::ids::OrgId;
use crate::domain::probe::StepVerdict;
use crate::domain::view::OrgView;
use crate::guidance::Text;
use crate::http_client::Trust;
use crate::sources::exchange::ExchangeSource;
use crate::sources::polling::PollSettings;
use std::sync::Arc;

/// Probes the Exchange of an organisation, where one is configured, with one sign-in; and counts what never syncs in those
/// of `mailboxes` that it probes.
pub(super) async fn look(org: &OrgConfig, mailboxes: &[String], report: &mut DoctorReport<'_, '_>) {
    let Some(settings) = &org.exchange else { return };
    let source = ExchangeSource {
        policy: Arc::clone(&org.policy),
        settings: Arc::clone(settings),
        trust: Trust::of_system(),
    };
    let at = now();
    let view = OrgView::new(OrgId(0), Arc::clone(&org.policy), at, at);
    let outcome = source.start().poll(at, &view).await;
    let name = &org.policy.name;
    for (step, found) in outcome.facts.probe.iter().flat_map(|probe| probe.steps) {
        let check = format!("{name} exchange {step}");
        let mailboxes = if step.is_of_mailbox() {
            format!("{} of {} mailboxes", found.passing, found.passing + found.failing)
        } else {
            "it works".to_owned()
        };
        let advice = Text::new(found.advice.unwrap_or_default()).marked();
        let reason = found.reason.unwrap_or_default();
        let failing = if found.failing > 0 {
            format!(" in {} of {} mailboxes", found.failing, found.passing + found.failing)
        } else {
            String::new()
        };
        match found.verdict {
            StepVerdict::Passed => report.pass(&check, mailboxes),
            StepVerdict::Failed => report.fail(&check, format!("{reason}{failing}. {advice}")),
            StepVerdict::Held => report.warn(&check, format!("{reason}. {advice}")),
            StepVerdict::Skipped => {
                report.skip(&check, "an earlier step fails, or it is switched off")
            }
        }
    }
    if let Err(failure) = outcome.snapshot {
        report.fail(&format!("{name} exchange"), format!("{failure}. {}", failure.reason.advice));
        return;
    }
    let probed = |address: &&String| {
        settings.mailboxes.iter().any(|probed| probed.address.eq_ignore_ascii_case(address))
    };
    for address in mailboxes.iter().filter(probed) {
        let check = format!("{name} {address}");
        match source.count_not_synced(address, at).await {
            Ok(counted) => report.pass(&check, counted),
            Err(says) => report.fail(&check, says),
        }
    }
}
