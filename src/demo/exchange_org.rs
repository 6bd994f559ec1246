//! The organisation of the demonstration that lives: a simulated sync between a simulated Salesforce and a simulated
//! Exchange. The daemon probes that Exchange and reads its logs, and is fed what the sync did.

use crate::config::ValidConfig;
use crate::domain::drift::DriftLimits;
use crate::domain::ids::OrgName;
use crate::domain::policy::OrgPolicy;
use crate::engine::Clock;
use crate::http_client::{Authorities, Endpoint};
use crate::secret::Secret;
use crate::sources::exchange::{EwsSettings, ExchangeAuth, ExchangeSettings, ProbedMailbox};
use crate::sources::exchange_log::columns::LogKind;
use crate::sources::exchange_log::{ExchangeLogSettings, LogServer, SyncAccount};
use chrono::TimeDelta;
use enum_map::EnumMap;
use lightning_sync_sim::scenarios;
use lightning_sync_sim::simulator::exchange::WrittenLog;
use lightning_sync_sim::simulator::synchroniser::{LivingOrg, SyncFault, SyncFeed};
use std::io;
use std::path::Path;
use std::sync::Arc;

const NAME: &str = "vandelay";
const USERS: u32 = 12;
/// Somebody watches the demonstration: what breaks shows within half a minute.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(10);
const FIRST_MINUTE: TimeDelta = TimeDelta::seconds(60);
/// A small organisation, looked at for minutes.
const SOON_DRIFT: DriftLimits =
    DriftLimits { records: 3, percent: 10, lasting: TimeDelta::seconds(60) };
/// A name that never resolves.
const NO_HOST: &str = "https://mail.vandelay.invalid";

/// The living organisation, and how the daemon looks at its Exchange.
pub(super) struct DemoExchange {
    policy: OrgPolicy,
    probe: ExchangeSettings,
    logs: ExchangeLogSettings,
    pub(super) feed: SyncFeed,
    /// The organisation's name and what stands beside its address.
    pub(super) shown: (String, &'static str),
}

impl DemoExchange {
    /// Lives through the past up to the clock's time, with what goes wrong; files are written into `directory`.
    pub(super) async fn start(
        clock: &Clock,
        directory: &Path,
        fault: SyncFault,
    ) -> io::Result<Self> {
        let now = (clock.wall)();
        let name = OrgName::new(NAME).map_err(io::Error::other)?;
        let since = now.minus(scenarios::DEMO_HISTORY);
        let logs = directory.join("logs");
        let mut org = LivingOrg::start(name.clone(), USERS, &logs, since).await?;
        let mut records = org.live(now.minus(fault.began_ago()).max(since)).await;
        if !fault.begins_live() {
            org.break_down(fault)?;
        }
        records.extend(org.live(now).await);
        let policy = OrgPolicy { retirement: None, drift: SOON_DRIFT, ..OrgPolicy::defaults(name) };
        let probe = probe(&org, directory, fault)?;
        let logs = ExchangeLogSettings {
            account: SyncAccount {
                names: vec![LivingOrg::ACCOUNT.0.to_owned()],
                ..SyncAccount::default()
            },
            servers: vec![LogServer {
                name: "EX01".to_owned(),
                directories: EnumMap::from_fn(|kind| {
                    Some(org.logs().folder(match kind {
                        LogKind::Ews => WrittenLog::Ews,
                        LogKind::HttpProxy => WrittenLog::HttpProxy,
                        LogKind::Iis => WrittenLog::Iis,
                    }))
                }),
            }],
            poll_every: LOOK_EVERY,
            no_calls_after: ExchangeLogSettings::NO_CALLS_AFTER,
        };
        let shown = (policy.name.to_string(), fault.title());
        let mut feed = SyncFeed::new(org, records, Arc::clone(&clock.wall));
        if fault.begins_live() {
            feed = feed.break_down(now.plus(FIRST_MINUTE), fault);
        }
        Ok(Self { policy, probe, logs, feed, shown })
    }

    /// The configuration with this organisation in it.
    pub(super) fn added_to(&self, config: ValidConfig) -> ValidConfig {
        config.with_exchange(self.policy.clone(), self.probe.clone(), self.logs.clone())
    }
}

fn probe(org: &LivingOrg, directory: &Path, fault: SyncFault) -> io::Result<ExchangeSettings> {
    let ca_file = directory.join("exchange.pem");
    std::fs::write(&ca_file, org.certificate_pem())?;
    let url = org.ews_url();
    let ours = url.strip_suffix(EwsSettings::PATH).unwrap_or(&url);
    let host = if fault == SyncFault::NameUnknown { NO_HOST } else { ours };
    let (username, password) = LivingOrg::ACCOUNT;
    let password = Secret::from_file_text(password)
        .ok_or_else(|| io::Error::other("the demonstration has no password"))?;
    Ok(ExchangeSettings {
        ews: Some(EwsSettings {
            host: Endpoint::new(host).map_err(io::Error::other)?,
            path: EwsSettings::PATH.to_owned(),
            auth: ExchangeAuth::Basic { username: username.to_owned(), password },
            impersonate: true,
            autodiscover: true,
        }),
        graph: None,
        authorities: Some(Authorities::from_file(&ca_file).map_err(io::Error::other)?),
        mailboxes: org
            .users()
            .iter()
            .map(|user| ProbedMailbox { address: user.mailbox.clone(), user: user.name.clone() })
            .collect(),
        poll_every: LOOK_EVERY,
        contacts_folder: ExchangeSettings::CONTACTS_FOLDER.to_owned(),
        limits: ExchangeSettings::LIMITS,
        ews_retirement: Some(ExchangeSettings::EWS_RETIREMENT),
    })
}
