//! A simulated organisation: its app, its people, and what they synced since midnight.

use super::records::SalesforceRecord;
use super::scene::Scene;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use std::time::Duration;

/// Midnight of the counters lies this long after midnight in UTC; the vendor does not say where it lies.
const MIDNIGHT_AFTER: TimeDelta = TimeDelta::hours(8);
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// A user of Einstein Activity Capture.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name.
    pub name: String,
    /// The mail address, where the person has one.
    pub address: Option<String>,
    /// Whether the person is assigned to a configuration by name.
    pub assigned: bool,
    /// Whether the person's account is active.
    pub active: bool,
    /// When the person logged in last.
    pub logged_in_at: Option<Timestamp>,
    /// The picklist value of the connection.
    pub connectivity: &'static str,
    /// The picklist value of the first sync.
    pub onboarding: &'static str,
    /// The name of the configuration that the person is in.
    pub configuration: Option<&'static str>,
    /// What the page of connections recommends to do.
    pub recommended: Option<String>,
    /// How many contacts and how many events sync in an hour.
    pub per_hour: [u64; 2],
    /// Whether contacts and events are counted at all.
    pub counted: [bool; 2],
    /// What the counters show, whatever the time is.
    pub fixed: Option<[u64; 2]>,
}

impl Person {
    /// Somebody who syncs.
    pub fn healthy(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            address: Some(name.clone()),
            name,
            assigned: true,
            active: true,
            logged_in_at: None,
            connectivity: "ACTIVE",
            onboarding: "COMPLETE",
            configuration: Some("Sales team"),
            recommended: None,
            per_hour: [6, 12],
            counted: [true; 2],
            fixed: None,
        }
    }

    /// How many contacts (0) or events (1) synced between midnight and `now`, if sync stopped at `stopped`.
    pub(super) fn synced(&self, object: usize, now: Timestamp, stopped: Option<Timestamp>) -> u64 {
        if let Some(fixed) = self.fixed {
            return fixed.get(object).copied().unwrap_or_default();
        }
        let since_midnight = now.minus(MIDNIGHT_AFTER).nanos().rem_euclid(DAY_NANOS);
        let midnight = now.minus(TimeDelta::nanoseconds(since_midnight));
        let until = stopped.map_or(now, |stopped| stopped.min(now));
        let seconds = until.since(midnight).num_seconds().max(0).unsigned_abs();
        self.per_hour.get(object).copied().unwrap_or_default() * seconds / 3_600
    }
}

/// An organisation.
#[derive(Debug, Clone)]
pub struct SimulatedOrg {
    /// The app's consumer key, by which the organisation is known.
    pub client_id: String,
    /// The app's consumer secret.
    pub client_secret: String,
    /// What its sessions begin with.
    pub token: String,
    /// The public key of the app's certificate, as PKCS #1 DER; empty: no JWT bearer.
    pub public_key: Vec<u8>,
    /// Its people.
    pub people: Vec<Person>,
    /// How it behaves.
    pub scene: Scene,
    /// Since when nothing syncs.
    pub stopped: Option<Timestamp>,
    /// Whether its messages repeat what nobody should repeat: the secret and the session.
    pub repeats: bool,
    /// Rows of a page.
    pub page_rows: usize,
    /// Requests of the last 24 hours.
    pub used: u64,
    /// Requests that it may send in 24 hours.
    pub allowed: u64,
    /// Whether answers show how many requests are used.
    pub shows_usage: bool,
    /// The code with which the limits are refused.
    pub limits_fault: Option<&'static str>,
    /// Columns that no object has, or the user may not see.
    pub missing_columns: Vec<&'static str>,
    /// Users who are assigned besides the people, and not listed.
    pub unlisted: usize,
    /// Whether everybody is listed twice.
    pub twice: bool,
    /// Whether the list begins with the last.
    pub backwards: bool,
    /// The switch of the Outlook integration.
    pub outlook_integration: bool,
    /// The switch of sync by either product.
    pub contact_and_event_sync: bool,
    /// The switch of Einstein Activity Capture's sync.
    pub activity_sync_engine: bool,
    /// Whether there are settings records.
    pub has_settings: bool,
    /// The code with which settings are refused.
    pub metadata_fault: Option<&'static str>,
    /// Objects whose queries are refused, with the code.
    pub refused: Vec<(&'static str, &'static str)>,
    /// Where redirects lead.
    pub elsewhere: String,
    /// How long an answer takes in the slow scene.
    pub slowness: Duration,
    /// Rows of the sync error report: user and object.
    pub report: Vec<(String, &'static str)>,
    /// What the report shows for every object, in another language.
    pub report_label: Option<&'static str>,
    /// Whether the report can be run.
    pub report_runs: bool,
    /// Whether queries may count.
    pub aggregates: bool,
    /// Set-up changes: when, then action, section and display.
    pub setup_changes: Vec<(Timestamp, [&'static str; 3])>,
    /// Its contacts and events.
    pub records: Vec<SalesforceRecord>,
    /// How many changes of them there were.
    pub record_changes: u64,
    /// Whether nobody may write contacts and events over the interface.
    pub records_read_only: bool,
    /// The time of its clock.
    pub now: Option<Timestamp>,
}

impl SimulatedOrg {
    /// What its messages end with.
    pub(super) fn repeated(&self) -> String {
        if self.repeats { format!(" {} {}", self.client_secret, self.token) } else { String::new() }
    }

    /// An organisation in which all is well.
    pub fn healthy(client_id: &str, client_secret: &str, people: Vec<Person>) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            token: format!("00D!{client_id}"),
            public_key: Vec::new(),
            people,
            scene: Scene::Healthy,
            stopped: None,
            repeats: false,
            page_rows: 2_000,
            used: 0,
            allowed: 100_000,
            shows_usage: true,
            limits_fault: None,
            missing_columns: Vec::new(),
            unlisted: 0,
            twice: false,
            backwards: false,
            outlook_integration: true,
            contact_and_event_sync: true,
            activity_sync_engine: true,
            has_settings: true,
            metadata_fault: None,
            refused: Vec::new(),
            elsewhere: "https://evil.example".to_owned(),
            slowness: Duration::from_secs(2),
            report: Vec::new(),
            report_label: None,
            report_runs: true,
            aggregates: true,
            setup_changes: Vec::new(),
            records: Vec::new(),
            record_changes: 0,
            records_read_only: false,
            now: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_through_the_day_and_begin_anew_at_midnight() {
        let ann = Person::healthy("ann@corp.example");
        let at = |hour: i64| Timestamp::from_seconds(hour * 3_600);
        assert_eq!(ann.synced(0, at(8), None), 0);
        assert_eq!(ann.synced(0, at(10), None), 12);
        assert_eq!(ann.synced(1, at(31), None), 23 * 12);
        assert_eq!(ann.synced(1, at(32), None), 0);
        assert_eq!(ann.synced(0, at(20), Some(at(10))), 12);
        assert_eq!(ann.synced(0, at(40), Some(at(10))), 0);
    }
}
