//! An Exchange of the simulator over TLS, and a probe of it whose clock the test turns.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::{OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::OrgPolicy;
use lightning_sync_exporter::domain::probe::{ProbeReport, ProbeStep, StepVerdict};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::events::Figure;
use lightning_sync_exporter::http_client::{Authorities, Endpoint, Trust};
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::exchange::{
    EwsSettings, ExchangeAuth, ExchangeSettings, ExchangeSource, ProbedMailbox,
};
use lightning_sync_exporter::sources::failure::Failure;
use lightning_sync_exporter::sources::polling::{PollOutcome, PollSettings, PolledSource};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeMailbox, ExchangeOrg};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) const ACCOUNT: &str = "CORP\\svc-sfsync";
pub(super) const PASSWORD: &str = "pass: w\u{f6}rd of the account";

/// What a test needs of certificates: an authority in a file, and a server's configuration that it signed.
pub(super) struct Certified {
    pub(super) directory: tempfile::TempDir,
    pub(super) ca_file: PathBuf,
    pub(super) config: Arc<ServerConfig>,
}

/// A certificate for a name until a year, of an authority of its own.
pub(super) fn certified(name: &str, until: i32) -> Certified {
    certified_until(name, (until, 1, 1), None)
}

/// The same until a day; of the authority of another certificate, where one is given.
pub(super) fn certified_until(
    name: &str,
    (year, month, day): (i32, u8, u8),
    by: Option<&Certified>,
) -> Certified {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let authority_key = by.map_or_else(
        || KeyPair::generate().unwrap(),
        |by| {
            let pem = fs::read_to_string(by.directory.path().join("ca.key")).unwrap();
            KeyPair::from_pem(&pem).unwrap()
        },
    );
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "an authority of the tests");
    let ca_file = at("ca.pem");
    fs::write(&ca_file, authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    fs::write(at("ca.key"), authority_key.serialize_pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(year, month, day);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    fs::write(at("server.pem"), certificate.pem()).unwrap();
    fs::write(at("server.key"), key.serialize_pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Certified { directory, ca_file, config: Arc::new(config) }
}

/// An Exchange and a probe of it.
pub(super) struct World {
    pub(super) exchange: Exchange,
    pub(super) certified: Certified,
    pub(super) settings: ExchangeSettings,
    pub(super) policy: OrgPolicy,
    pub(super) now: Timestamp,
    source: Box<dyn PolledSource>,
    memory: Option<Vec<u8>>,
}

/// What one poll gave.
pub(super) struct Polled {
    pub(super) snapshot: Result<Option<Snapshot>, Failure>,
    pub(super) report: ProbeReport,
    pub(super) figures: Vec<Figure>,
    pub(super) news: Vec<String>,
}

impl Polled {
    /// The first step that failed, and why.
    pub(super) fn broken(&self) -> Option<(ProbeStep, &'static str)> {
        self.report.broken().map(|(step, found)| (step, found.reason.unwrap()))
    }

    pub(super) fn verdict(&self, step: ProbeStep) -> StepVerdict {
        self.report.steps[step].verdict
    }

    pub(super) fn figure(&self, metric: &str, labels: &[&str]) -> Option<f64> {
        let metric = format!("lightning_sync_exchange_{metric}");
        let mut found = self.figures.iter();
        found
            .find(|it| {
                it.metric == metric
                    && it.labels.iter().map(AsRef::as_ref).eq(labels.iter().copied())
            })
            .map(|it| it.value)
    }
}

/// How many users of a snapshot have something reported of them.
pub(super) fn answered(snapshot: &Snapshot) -> usize {
    snapshot.users.iter().filter(|(_, values)| !values.is_empty()).count()
}

pub(super) fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("user{n}@corp.example")).collect()
}

pub(super) fn mailboxes(count: usize) -> Vec<ExchangeMailbox> {
    addresses(count).into_iter().map(|address| ExchangeMailbox::healthy(address, 42)).collect()
}

pub(super) fn settings(url: &str, certified: &Certified, count: usize) -> ExchangeSettings {
    ExchangeSettings {
        ews: Some(EwsSettings {
            host: Endpoint::new(url.strip_suffix("/EWS/Exchange.asmx").unwrap()).unwrap(),
            path: EwsSettings::PATH.to_owned(),
            auth: basic(PASSWORD),
            impersonate: true,
            autodiscover: true,
        }),
        graph: None,
        authorities: Some(Authorities::from_file(&certified.ca_file).unwrap()),
        mailboxes: probed(count),
        poll_every: ExchangeSettings::POLL_EVERY,
        contacts_folder: ExchangeSettings::CONTACTS_FOLDER.to_owned(),
        limits: ExchangeSettings::LIMITS,
        ews_retirement: Some(ExchangeSettings::EWS_RETIREMENT),
    }
}

pub(super) fn probed(count: usize) -> Vec<ProbedMailbox> {
    let addresses = addresses(count).into_iter();
    addresses
        .map(|address| ProbedMailbox { user: UserName::new(&address).unwrap(), address })
        .collect()
}

pub(super) fn basic(password: &str) -> ExchangeAuth {
    ExchangeAuth::Basic {
        username: ACCOUNT.to_owned(),
        password: Secret::from_file_text(password).unwrap(),
    }
}

impl World {
    pub(super) async fn of(count: usize) -> Self {
        let certified = certified("localhost", 2100);
        let org = ExchangeOrg::healthy(ACCOUNT, PASSWORD, mailboxes(count));
        let exchange = Exchange::start(org, "localhost", Some(Arc::clone(&certified.config))).await;
        let exchange = exchange.unwrap();
        let settings = settings(&exchange.url(), &certified, count);
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let source = started(&policy, &settings);
        let now = Timestamp::from_seconds(1_795_435_200);
        Self { exchange, certified, settings, policy, now, source, memory: None }
    }

    /// The probe's settings as the daemon and `doctor` have them.
    pub(super) fn source(&self) -> ExchangeSource {
        source(&self.policy, &self.settings)
    }

    pub(super) fn ews(&mut self) -> &mut EwsSettings {
        self.settings.ews.as_mut().unwrap()
    }

    /// Begins anew with what the settings are now, and with what was stored, as after a restart.
    pub(super) fn restart(&mut self) {
        self.source = started(&self.policy, &self.settings);
    }

    pub(super) fn pass(&mut self, time: TimeDelta) {
        self.now = self.now.plus(time);
    }

    /// A poll, five minutes after the one before.
    pub(super) async fn poll(&mut self) -> Polled {
        self.poll_whole().await.0
    }

    /// The same, also as the loop of polls gets it.
    pub(super) async fn poll_whole(&mut self) -> (Polled, PollOutcome) {
        self.pass(TimeDelta::minutes(5));
        polled(self.source.as_mut(), &mut self.memory, &self.policy, self.now).await
    }

    /// Requests with something to sign in, since the last question.
    pub(super) fn sign_ins(&self) -> usize {
        self.exchange.take_seen().iter().filter(|seen| seen.signs_in).count()
    }
}

/// A poll of a source, with what it has to know after a restart.
pub(super) async fn polled(
    source: &mut dyn PolledSource,
    memory: &mut Option<Vec<u8>>,
    policy: &OrgPolicy,
    now: Timestamp,
) -> (Polled, PollOutcome) {
    let mut org = OrgView::new(OrgId(1), Arc::new(policy.clone()), now, now);
    if let Some(memory) = &*memory {
        Arc::make_mut(&mut org.source_states).remember(Source::Exchange, memory.clone().into());
    }
    let outcome = source.poll(now, &org).await;
    *memory = outcome.memory.clone().or(memory.take());
    let report = outcome.facts.probe.clone().unwrap();
    let polled = Polled {
        snapshot: outcome.snapshot.clone(),
        report: (*report).clone(),
        figures: outcome.figures.clone(),
        news: outcome.news.clone(),
    };
    (polled, PollOutcome { memory: None, ..outcome })
}

fn source(policy: &OrgPolicy, settings: &ExchangeSettings) -> ExchangeSource {
    ExchangeSource {
        policy: Arc::new(policy.clone()),
        settings: Arc::new(settings.clone()),
        trust: Trust::of_nobody(),
    }
}

pub(super) fn started(policy: &OrgPolicy, settings: &ExchangeSettings) -> Box<dyn PolledSource> {
    source(policy, settings).start()
}
