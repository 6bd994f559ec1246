//! The daemon as the sending of alerts needs it.

use super::daemon::Shared;
use crate::alerting::{AlertHost, Recorded};
use crate::domain::alerts::{AlertChange, OwnFinding};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use std::sync::Arc;

impl AlertHost for Shared {
    fn now(&self) -> Timestamp {
        (self.clock.wall)()
    }

    fn view(&self) -> Arc<View> {
        self.engine.view()
    }

    fn may_send(&self) -> bool {
        self.lease.is_held()
    }

    fn own_findings(&self, view: &View, now: Timestamp) -> Vec<OwnFinding> {
        self.own.own_findings(view, now)
    }

    fn record(&self, changes: Vec<AlertChange>) -> Recorded {
        let engine = self.engine.clone();
        Box::pin(async move { engine.record_alerts(changes).await })
    }
}
