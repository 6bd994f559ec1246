//! Organisations of the simulator and pollers that ask them.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::policy::{OrgPolicy, Product};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::http_client::{Endpoint, Trust};
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::salesforce::{
    Auth, Polled, Poller, SalesforceSettings, SigningKey,
};
use lightning_sync_sim::simulator::salesforce::{Person, Salesforce, SimulatedOrg};
use std::sync::{Arc, Mutex};

pub(super) const CLIENT_ID: &str = "3MVG9acme";
pub(super) const SECRET: &str = "a-consumer-secret-of-acme";

/// A simulator with one organisation, and a poller of it whose clock the test turns.
pub(super) struct World {
    pub(super) salesforce: Salesforce,
    pub(super) poller: Poller,
    now: Arc<Mutex<Timestamp>>,
}

pub(super) fn people(count: usize) -> Vec<Person> {
    (0..count).map(|n| Person::healthy(format!("user{n}@corp.example"))).collect()
}

pub(super) fn policy() -> OrgPolicy {
    OrgPolicy {
        product: Product::EinsteinActivityCapture,
        ..OrgPolicy::defaults(OrgName::new("acme").unwrap())
    }
}

pub(super) fn settings(url: &str) -> SalesforceSettings {
    SalesforceSettings {
        my_domain: Endpoint::new(url).unwrap(),
        authorities: None,
        auth: Auth::ClientCredentials {
            client_id: CLIENT_ID.to_owned(),
            secret: Secret::from_file_text(SECRET).unwrap(),
        },
        api_version: SalesforceSettings::API_VERSION,
        poll_every: SalesforceSettings::POLL_EVERY,
        api_budget_percent: SalesforceSettings::API_BUDGET_PERCENT,
        report: None,
        approximate_activity: false,
    }
}

pub(super) fn signing_key() -> SigningKey {
    SigningKey::from_pem(include_bytes!("data/signing.key.pem")).unwrap()
}

/// Noon UTC, hours away from the counters' midnight.
pub(super) fn noon() -> Timestamp {
    Timestamp::from_seconds(1_795_435_200)
}

impl World {
    pub(super) async fn of(org: SimulatedOrg) -> Self {
        let now = Arc::new(Mutex::new(noon()));
        let clock = Arc::clone(&now);
        let salesforce =
            Salesforce::start(vec![org], Arc::new(move || *clock.lock().unwrap())).await.unwrap();
        let settings = settings(&format!("http://{}", salesforce.address()));
        let poller = Poller::new(&policy(), Arc::new(settings), &Trust::of_system());
        Self { salesforce, poller, now }
    }

    pub(super) async fn healthy(users: usize) -> Self {
        Self::of(SimulatedOrg::healthy(CLIENT_ID, SECRET, people(users))).await
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub(super) fn pass(&self, time: TimeDelta) {
        let mut now = self.now.lock().unwrap();
        *now = now.plus(time);
    }

    pub(super) async fn poll(&mut self) -> Polled {
        let now = self.now();
        self.poller.poll(now).await
    }

    /// How many requests went to paths that begin like this since the last question.
    pub(super) fn requests(&self, path: &str) -> usize {
        self.salesforce.take_seen().iter().filter(|seen| seen.path.starts_with(path)).count()
    }
}
