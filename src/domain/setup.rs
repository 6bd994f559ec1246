//! Changes of the sync's set-up, as an audit trail shows them: when, and in which area. Nothing of the trail's own words.

use super::ids::closed_set;
use super::time::Timestamp;
use std::cmp::Reverse;
use std::sync::Arc;

closed_set! {
    /// What a change was about.
    SetupArea {
        LightningSync = "lightning_sync",
        ActivityCapture = "activity_capture",
        Outlook = "outlook",
        /// Other integration of mail.
        EmailIntegration = "email_integration",
        /// Exchange: its server, its account.
        Exchange = "exchange",
    }
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetupChange {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// What it was about.
    pub area: SetupArea,
}

/// The latest changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupChanges {
    /// From when on no change is left out.
    pub since: Timestamp,
    /// When the trail was last read.
    pub read_at: Timestamp,
    /// Newest first, at most [`Self::MOST`].
    pub latest: Vec<SetupChange>,
}

impl SetupChanges {
    /// The most changes that are held.
    pub const MOST: usize = 50;

    /// Takes more changes; the oldest of too many are left out.
    pub fn add(&mut self, changes: impl IntoIterator<Item = SetupChange>) {
        self.latest.extend(changes);
        self.latest.sort_by_key(|change| Reverse(change.at));
        if self.latest.len() > Self::MOST {
            self.latest.truncate(Self::MOST);
            self.since = self.latest.last().map_or(self.since, |oldest| oldest.at);
        }
    }
}

/// What is known of changes of the set-up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SetupTrail {
    /// No source reads them.
    #[default]
    Off,
    /// A source reads them, and could not yet.
    NotRead,
    /// They were read.
    Read(Arc<SetupChanges>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_come_first() {
        let at = Timestamp::from_seconds;
        let mut changes = SetupChanges { since: at(0), read_at: at(100), latest: Vec::new() };
        let area = SetupArea::Outlook;
        changes.add((1..=50).map(|n| SetupChange { at: at(n), area }));
        assert_eq!((changes.latest.len(), changes.since), (50, at(0)));
        changes.add([SetupChange { at: at(60), area }]);
        let times: Vec<Timestamp> = changes.latest.iter().map(|change| change.at).collect();
        assert_eq!((times[0], times[49], times.len()), (at(60), at(2), 50));
        assert_eq!(changes.since, at(2), "what was left out is not claimed");
    }
}
