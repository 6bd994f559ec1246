//! The organisation of the demonstration that nobody feeds: the daemon asks a simulated Salesforce.

use crate::domain::ids::OrgName;
use crate::domain::policy::{OrgPolicy, Product};
use crate::engine::Clock;
use crate::http_client::Endpoint;
use crate::secret::Secret;
use crate::sources::salesforce::{Auth, SalesforceSettings};
use chrono::TimeDelta;
use lightning_sync_sim::simulator::salesforce::{Person, Salesforce, SimulatedOrg};
use std::io;
use std::sync::Arc;

/// What stands beside its address.
pub(super) const TITLE: &str =
    "Polled over Salesforce's interfaces: two of 24 users of the successor product need attention";

const NAME: &str = "einstein";
const CLIENT_ID: &str = "3MVG9demonstration";
const CLIENT_SECRET: &str = "secret-of-the-demonstration";
const USERS: usize = 24;

/// A simulated Salesforce, and how it is polled. It listens as long as this lives.
pub(super) struct DemoSalesforce {
    pub(super) policy: OrgPolicy,
    pub(super) settings: SalesforceSettings,
    _salesforce: Salesforce,
}

impl DemoSalesforce {
    /// Starts the simulated Salesforce.
    pub(super) async fn start(clock: &Clock) -> io::Result<Self> {
        let mut people: Vec<Person> =
            (1..=USERS).map(|n| Person::healthy(format!("user{n}@einstein.example"))).collect();
        for (person, connectivity) in people.iter_mut().zip(["NEEDSATTENTION", "DISABLED"]) {
            person.connectivity = connectivity;
            person.per_hour = [0, 0];
        }
        let mut org = SimulatedOrg::healthy(CLIENT_ID, CLIENT_SECRET, people);
        let changed_at = (clock.wall)().minus(TimeDelta::hours(3));
        org.setup_changes = vec![(
            changed_at,
            [
                "changedConfiguration",
                "Einstein Activity Capture",
                "Changed the configuration Sales team",
            ],
        )];
        let salesforce = Salesforce::start(vec![org], Arc::clone(&clock.wall)).await?;
        let name = OrgName::new(NAME).map_err(io::Error::other)?;
        let policy = OrgPolicy {
            product: Product::EinsteinActivityCapture,
            retirement: None,
            ..OrgPolicy::defaults(name)
        };
        let my_domain =
            Endpoint::new(&format!("http://{}", salesforce.address())).map_err(io::Error::other)?;
        let secret = Secret::from_file_text(CLIENT_SECRET)
            .ok_or_else(|| io::Error::other("the demonstration has no secret"))?;
        let settings = SalesforceSettings {
            my_domain,
            authorities: None,
            auth: Auth::ClientCredentials { client_id: CLIENT_ID.to_owned(), secret },
            api_version: SalesforceSettings::API_VERSION,
            poll_every: TimeDelta::seconds(30),
            api_budget_percent: SalesforceSettings::API_BUDGET_PERCENT,
            report: None,
            approximate_activity: true,
        };
        Ok(Self { policy, settings, _salesforce: salesforce })
    }
}
