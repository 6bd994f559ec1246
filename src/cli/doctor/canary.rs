//! Both sides of the canary, without writing.

use super::DoctorReport;
use crate::app::now;
use crate::config::OrgConfig;
use crate::guidance::Text;
use crate::http_client::Trust;
use crate::sources::canary::CanarySource;
use std::sync::Arc;

/// Signs in on both sides of an organisation's canary, where there is one, and looks for an item that nobody has.
pub(super) async fn look(org: &OrgConfig, report: &mut DoctorReport<'_, '_>) {
    let Some(settings) = &org.canary else { return };
    let source = CanarySource { settings: Arc::clone(settings), trust: Trust::of_system() };
    for (side, looked) in source.look(now()).await {
        let check = format!("{} canary {side}", org.policy.name);
        match looked {
            Ok(()) => report.pass(&check, "its account is let in and finds its user's items"),
            Err(failure) => {
                let advice = Text::new(failure.reason.advice).marked();
                report.fail(&check, format!("{failure}. {advice}"));
            }
        }
    }
}
