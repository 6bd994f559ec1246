//! What is read now and then, as far as a poll's calls allow: switches of the settings and the error report.
//! One that fails is reported and tried again; it never spoils the poll.

use super::facts::Part;
use super::metadata;
use super::poll::{MAX_CALLS, Poller};
use super::report;
use crate::domain::observation::Snapshot;
use crate::domain::rows::{OrgRow, OrgValue};
use crate::domain::time::Timestamp;
use crate::sources::failure::Failure;

impl Poller {
    /// Does what is due at `now`.
    pub(super) async fn hourly_queries(&mut self, now: Timestamp, snapshot: &mut Snapshot) {
        for part in [Part::EmailSettings, Part::CaptureSettings, Part::Report] {
            if self.client.calls.saturating_sub(self.further) >= MAX_CALLS
                || !self.is_due(part, now)
            {
                continue;
            }
            let done = if part == Part::EmailSettings {
                self.switches(metadata::EMAIL, now, snapshot).await
            } else if part == Part::CaptureSettings {
                self.switches(metadata::CAPTURE, now, snapshot).await
            } else {
                self.report(now).await
            };
            self.note(part, done.err().as_ref(), now);
        }
    }

    async fn switches(
        &mut self,
        record: metadata::SettingsRecord,
        now: Timestamp,
        snapshot: &mut Snapshot,
    ) -> Result<(), Failure> {
        for (name, state) in self.client.read_metadata(record, now).await? {
            self.facts.switches.retain(|(known, _)| *known != name);
            self.facts.switches.push((name, Some(state)));
            if name == metadata::OUTLOOK_INTEGRATION {
                snapshot.rows.push((OrgRow::OutlookIntegration, OrgValue::Flag(state)));
            }
        }
        Ok(())
    }

    async fn report(&mut self, now: Timestamp) -> Result<(), Failure> {
        let settings = std::sync::Arc::clone(&self.client.settings);
        let Some(wanted) = &settings.report else {
            return Ok(());
        };
        let path =
            format!("{}/analytics/reports/{}?includeDetails=true", settings.data(), wanted.id);
        let answer = self.client.call(&path, None, now).await?;
        self.facts.report = Some(report::read(&answer, &wanted.columns)?);
        Ok(())
    }
}
