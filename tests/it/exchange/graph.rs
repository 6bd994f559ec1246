//! Mailboxes in Exchange Online, looked at over Microsoft Graph.

use super::fixture::{
    ACCOUNT, Certified, PASSWORD, Polled, addresses, answered, basic, certified, mailboxes, polled,
    probed, started,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::{ObjectType, OrgName, UserName};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::{ConnectionMethod, OrgPolicy};
use lightning_sync_exporter::domain::probe::{ProbeStep, StepVerdict};
use lightning_sync_exporter::domain::rows::{Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::http_client::{Authorities, Endpoint};
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::exchange::{
    EwsSettings, ExchangeSettings, GraphAuth, GraphCertificate, GraphSettings,
};
use lightning_sync_exporter::sources::polling::PolledSource;
use lightning_sync_exporter::sources::signing::SigningKey;
use lightning_sync_sim::simulator::exchange::graph::{
    Graph, GraphMailbox, GraphScene as Scene, GraphTenant, GraphTrouble as Trouble, SimulatedApp,
};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, PublicKeyData, date_time_ymd};
use std::sync::Arc;
use std::time::Duration;

pub(super) const SECRET: &str = "the-value~of.the_secret";
pub(super) const KEY: &str = include_str!("../salesforce/data/signing.key.pem");

/// A tenant and a probe of it.
pub(super) struct Tenant {
    pub(super) graph: Graph,
    pub(super) exchange: Option<Exchange>,
    pub(super) certified: Certified,
    pub(super) settings: ExchangeSettings,
    pub(super) policy: OrgPolicy,
    pub(super) now: Timestamp,
    source: Box<dyn PolledSource>,
    memory: Option<Vec<u8>>,
}

fn users(count: usize) -> Vec<GraphMailbox> {
    addresses(count).into_iter().map(|user| GraphMailbox::healthy(user, 42)).collect()
}

impl Tenant {
    pub(super) async fn of(count: usize) -> Self {
        let certified = certified("localhost", 2100);
        let now = Timestamp::from_seconds(1_795_435_200);
        let mut tenant =
            GraphTenant::healthy(SimulatedApp::Secret(SECRET.to_owned()), users(count));
        tenant.now_seconds = 1_795_435_200;
        let (id, client_id) = (tenant.tenant.clone(), tenant.client_id.clone());
        let config = Some(Arc::clone(&certified.config));
        let graph = Graph::start(tenant, "localhost", config).await.unwrap();
        let endpoint = Endpoint::new(&graph.url()).unwrap();
        let settings = ExchangeSettings {
            ews: None,
            graph: Some(GraphSettings {
                login: endpoint.clone(),
                host: endpoint,
                scope: "https://graph.microsoft.com/.default".to_owned(),
                tenant: id,
                client_id,
                auth: GraphAuth::Secret(Secret::from_file_text(SECRET).unwrap()),
            }),
            authorities: Some(Authorities::from_file(&certified.ca_file).unwrap()),
            mailboxes: probed(count),
            poll_every: ExchangeSettings::POLL_EVERY,
            contacts_folder: ExchangeSettings::CONTACTS_FOLDER.to_owned(),
            ews_retirement: Some(ExchangeSettings::EWS_RETIREMENT),
            limits: ExchangeSettings::LIMITS,
        };
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.connection = ConnectionMethod::Oauth;
        let source = started(&policy, &settings);
        Self { graph, exchange: None, certified, settings, policy, now, source, memory: None }
    }

    pub(super) fn restart(&mut self) {
        self.source = started(&self.policy, &self.settings);
    }

    pub(super) fn pass(&mut self, time: TimeDelta) {
        self.now = self.now.plus(time);
        let seconds = self.now.seconds() as i64;
        self.graph.change(|tenant| tenant.now_seconds = seconds);
    }

    pub(super) async fn poll(&mut self) -> Polled {
        self.pass(TimeDelta::minutes(5));
        polled(self.source.as_mut(), &mut self.memory, &self.policy, self.now).await.0
    }

    fn trouble(&self, user: usize, trouble: Option<Trouble>) {
        self.graph.change(|tenant| tenant.mailboxes[user].trouble = trouble);
    }

    fn scene(&self, scene: Scene) {
        self.graph.change(|tenant| tenant.scene = scene);
    }

    /// An Exchange Server besides, with these many more mailboxes on it.
    async fn with_on_premises(&mut self, more: usize) {
        let online = self.settings.mailboxes.len();
        let mailboxes = mailboxes(online + more).split_off(online);
        let org = ExchangeOrg::healthy(ACCOUNT, PASSWORD, mailboxes);
        let config = Some(Arc::clone(&self.certified.config));
        let exchange = Exchange::start(org, "localhost", config).await.unwrap();
        let url = exchange.url();
        self.settings.ews = Some(EwsSettings {
            host: Endpoint::new(url.strip_suffix("/EWS/Exchange.asmx").unwrap()).unwrap(),
            path: EwsSettings::PATH.to_owned(),
            auth: basic(PASSWORD),
            impersonate: true,
            autodiscover: true,
        });
        self.settings.mailboxes = probed(online + more);
        self.graph.change(|tenant| {
            for user in addresses(online + more).split_off(online) {
                let trouble = Some(Trouble::NotEnabled);
                tenant.mailboxes.push(GraphMailbox { trouble, ..GraphMailbox::healthy(user, 0) });
            }
        });
        self.exchange = Some(exchange);
        self.restart();
    }
}

fn is_well(polled: &Polled, users: usize) {
    assert_eq!(polled.broken(), None);
    for (step, found) in polled.report.steps {
        let expected = if step == ProbeStep::Autodiscover {
            StepVerdict::Skipped
        } else {
            StepVerdict::Passed
        };
        assert_eq!(found.verdict, expected, "{step}");
    }
    assert_eq!(answered(polled.snapshot.as_ref().unwrap().as_ref().unwrap()), users);
}

fn value(snapshot: &Snapshot, user: usize, row: UserRow) -> Option<UserValue> {
    let name = UserName::new(&format!("user{user}@corp.example")).unwrap();
    let (_, values) = snapshot.users.iter().find(|(found, _)| *found == name)?;
    values.iter().find(|(of, _)| *of == row).map(|(_, value)| *value)
}

const YES: Option<UserValue> = Some(UserValue::Status(Status::Yes));
const NO: Option<UserValue> = Some(UserValue::Status(Status::No));

#[tokio::test]
async fn a_good_probe_answers_its_rows_with_few_requests() {
    let mut tenant = Tenant::of(40).await;
    let polled = tenant.poll().await;
    is_well(&polled, 40);
    let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
    // What our application may says nothing of Salesforce's account.
    assert!(snapshot.rows.is_empty());
    assert_eq!(value(snapshot, 7, UserRow::ServiceAccount), None);
    for row in [UserRow::MailboxVersion, UserRow::ContactsFolder, UserRow::EventsFolder] {
        assert_eq!(value(snapshot, 7, row), YES, "{row}");
    }
    assert_eq!(value(snapshot, 7, UserRow::ContactsRecords), Some(UserValue::Records(42)));
    // One without a sign-in, one for a token, 7 batches about 6 mailboxes, 2 with the counts of 20.
    assert_eq!(polled.figure("requests_total", &[]), Some(11.0));
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(40.0));
    assert_eq!(polled.figure("contacts_records", &[]), Some(40.0 * 42.0));
    assert_eq!(polled.figure("mailboxes_by_place", &["online"]), Some(40.0));
    assert_eq!(polled.figure("ews_retirement_timestamp_seconds", &[]), None, "no EWS");
    // The certificate of the service is Microsoft's.
    assert_eq!(polled.figure("certificate_not_after_timestamp_seconds", &[]), None);
    for seen in tenant.graph.take_seen() {
        assert!(!seen.body.contains("\"POST\"") && !seen.body.contains("\"PATCH\""));
        assert!(!seen.path.contains(SECRET));
    }
    // The next probe has the token already.
    let polled = tenant.poll().await;
    assert_eq!((polled.figure("requests_total", &[]), tenant.graph.tokens()), (Some(10.0), 1));
    tenant.pass(TimeDelta::minutes(41));
    is_well(&tenant.poll().await, 40);
    assert_eq!(tenant.graph.tokens(), 2, "renewed ten minutes before its end");
}

#[tokio::test]
async fn without_contacts_no_folder_is_looked_for() {
    let mut tenant = Tenant::of(10).await;
    tenant.policy.objects = vec![ObjectType::Events];
    tenant.restart();
    let polled = tenant.poll().await;
    assert_eq!(polled.broken(), None);
    assert_eq!(polled.figure("requests_total", &[]), Some(3.0));
    let seen = tenant.graph.take_seen();
    assert!(seen.iter().all(|seen| !seen.body.contains("contactFolders")));
}

/// A certificate for the key of the tests: its DER, and a tenant's view of it.
pub(super) fn app_certificate(until: i32) -> (Vec<u8>, String, SimulatedApp) {
    let key = KeyPair::from_pem_and_sign_algo(KEY, &PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let der = certificate.der().to_vec();
    let hash = ring_digest(&der);
    let app = SimulatedApp::Certificate {
        thumbprint: URL_SAFE_NO_PAD.encode(hash),
        public_key: key.der_bytes().to_vec(),
    };
    (der, certificate.pem(), app)
}

fn ring_digest(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

#[tokio::test]
async fn a_certificate_proves_the_application() {
    let mut tenant = Tenant::of(2).await;
    let (der, _, app) = app_certificate(2100);
    let key = || SigningKey::from_pem(KEY.as_bytes()).unwrap();
    let ends = Timestamp::from_seconds(4_102_444_800);
    tenant.graph.change(|tenant| tenant.app = app);
    let certificate = Arc::new(GraphCertificate::new(&der, Some(ends), key()).unwrap());
    tenant.settings.graph.as_mut().unwrap().auth = GraphAuth::Certificate(certificate);
    tenant.restart();
    let polled = tenant.poll().await;
    is_well(&polled, 2);
    // The application's own certificate is the one that we have to renew.
    assert_eq!(
        polled.figure("certificate_not_after_timestamp_seconds", &[]),
        Some(4_102_444_800.0)
    );
    // A clock that is an hour off, and a certificate that is not the one that was uploaded.
    let refused = Some((ProbeStep::Auth, "app_certificate_refused"));
    tenant.restart();
    tenant.now = tenant.now.plus(TimeDelta::hours(1));
    let seconds = tenant.now.seconds() as i64 - 3600;
    tenant.graph.change(|tenant| tenant.now_seconds = seconds);
    for _ in 0..2 {
        tenant.now = tenant.now.plus(TimeDelta::minutes(5));
        let now = tenant.now;
        let polled = polled_at(&mut tenant, now).await;
        if polled.verdict(ProbeStep::Auth) == StepVerdict::Failed {
            assert_eq!(polled.broken(), refused);
        }
    }
    let (other, _, _) = app_certificate(2099);
    let certificate = Arc::new(GraphCertificate::new(&other, Some(ends), key()).unwrap());
    tenant.settings.graph.as_mut().unwrap().auth = GraphAuth::Certificate(certificate);
    tenant.restart();
    assert_eq!(tenant.poll().await.broken(), None, "one refusal proves nothing");
    assert_eq!(tenant.poll().await.broken(), refused);
    // A key of another certificate is none.
    let stranger = KeyPair::generate().unwrap();
    let stranger = CertificateParams::new(Vec::new()).unwrap().self_signed(&stranger).unwrap();
    assert!(GraphCertificate::new(stranger.der(), None, key()).is_none());
}

async fn polled_at(tenant: &mut Tenant, now: Timestamp) -> Polled {
    polled(tenant.source.as_mut(), &mut tenant.memory, &tenant.policy, now).await.0
}

/// Scene, the step that fails, its reason, and in which poll it is believed.
const SCENES: &[(Scene, ProbeStep, &str, usize)] = &[
    (Scene::SecretExpired, ProbeStep::Auth, "app_secret_expired", 2),
    (Scene::CertificateUnknown, ProbeStep::Auth, "app_certificate_refused", 2),
    (Scene::AppUnknown, ProbeStep::Auth, "app_unknown", 2),
    (Scene::TenantUnknown, ProbeStep::Auth, "tenant_unknown", 2),
    (Scene::NoConsent, ProbeStep::Auth, "consent_or_scope", 1),
    (Scene::ConditionalAccess, ProbeStep::Auth, "conditional_access", 2),
    (Scene::OtherRefusal, ProbeStep::Auth, "app_refused", 2),
    (Scene::LoginDown, ProbeStep::Auth, "exchange_server_error", 2),
    (Scene::TokenRefused, ProbeStep::Auth, "app_refused", 2),
    (Scene::Unavailable, ProbeStep::Http, "exchange_server_error", 2),
    (Scene::LoginPage, ProbeStep::Http, "login_page", 1),
    (Scene::RedirectElsewhere, ProbeStep::Http, "redirected", 1),
    (Scene::WrongType, ProbeStep::Http, "answer_malformed", 1),
    (Scene::Truncated, ProbeStep::Http, "connect_failed", 1),
    (Scene::Huge, ProbeStep::Http, "answer_too_large", 1),
    (Scene::Deep, ProbeStep::Http, "answer_malformed", 1),
    (Scene::ManyParts, ProbeStep::Http, "answer_malformed", 1),
];

#[tokio::test]
async fn every_trouble_of_the_service_has_its_step_and_reason_and_ends_by_itself() {
    let mut tenant = Tenant::of(3).await;
    for (scene, step, reason, believed_in) in SCENES {
        is_well(&tenant.poll().await, 3);
        tenant.scene(*scene);
        // Without a token that is held.
        tenant.pass(TimeDelta::hours(1));
        for poll in 1..=*believed_in {
            tenant.graph.take_seen();
            let polled = tenant.poll().await;
            let failure = polled.snapshot.as_ref().unwrap_err();
            if poll < *believed_in {
                assert_eq!(polled.verdict(*step), StepVerdict::Held, "{scene} {poll}");
                assert_eq!(polled.broken(), None, "{scene} {poll}");
                continue;
            }
            assert_eq!(polled.broken(), Some((*step, *reason)), "{scene}: {failure}");
            assert_eq!(failure.reason.name, *reason, "{scene}");
            assert!(failure.reason.advice.ends_with('.') && !failure.detail.contains(SECRET));
            for (later, found) in polled.report.steps.iter().filter(|(later, _)| later > step) {
                assert_eq!(found.verdict, StepVerdict::Skipped, "{scene}: {later}");
            }
            let seen = tenant.graph.take_seen();
            assert!(seen.len() <= 6, "{scene}: {}", seen.len());
        }
        println!("{scene}: {step}, {reason}, believed in poll {believed_in}");
        tenant.scene(Scene::Healthy);
    }
    for scene in [Scene::Shuffled, Scene::CountsInBase64, Scene::NoInnerError] {
        tenant.scene(scene);
        is_well(&tenant.poll().await, 3);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_named() {
    let mut tenant = Tenant::of(1).await;
    let wrong = Secret::from_file_text("another").unwrap();
    tenant.settings.graph.as_mut().unwrap().auth = GraphAuth::Secret(wrong);
    tenant.restart();
    assert_eq!(tenant.poll().await.broken(), None);
    assert_eq!(tenant.poll().await.broken(), Some((ProbeStep::Auth, "app_secret_wrong")));
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once() {
    let mut tenant = Tenant::of(20).await;
    is_well(&tenant.poll().await, 20);
    tenant.graph.end_tokens();
    is_well(&tenant.poll().await, 20);
    assert_eq!(tenant.graph.tokens(), 2);
}

/// What is wrong with a mailbox, the step that fails, its reason, what the row of the folder shows, and in which poll it is
/// believed.
type OfMailbox = (Trouble, ProbeStep, &'static str, Option<UserValue>, usize);

const OF_MAILBOXES: &[OfMailbox] = &[
    (Trouble::NotEnabled, ProbeStep::Impersonation, "not_in_exchange_online", None, 1),
    (Trouble::NotEnabledOld, ProbeStep::Impersonation, "not_in_exchange_online", None, 1),
    (Trouble::InvalidUser, ProbeStep::Impersonation, "mailbox_not_found", None, 1),
    (Trouble::UserNotFound, ProbeStep::Impersonation, "mailbox_not_found", None, 1),
    (Trouble::ResourceNotFound, ProbeStep::Impersonation, "mailbox_not_found", None, 1),
    (Trouble::Unavailable, ProbeStep::Impersonation, "exchange_server_error", None, 2),
    (Trouble::BadRequest, ProbeStep::Impersonation, "request_refused", None, 1),
    (Trouble::Unknown, ProbeStep::Impersonation, "exchange_other", None, 1),
    (Trouble::CalendarNotFound, ProbeStep::Calendar, "calendar_missing", YES, 1),
    (Trouble::OddCount, ProbeStep::Counts, "exchange_other", YES, 1),
];

#[tokio::test]
async fn every_trouble_of_a_mailbox_has_its_reason_and_touches_no_other() {
    let mut tenant = Tenant::of(3).await;
    for scene in [Scene::Healthy, Scene::Shuffled, Scene::NoInnerError] {
        tenant.scene(scene);
        for (trouble, step, reason, folder, believed_in) in OF_MAILBOXES {
            is_well(&tenant.poll().await, 3);
            tenant.trouble(1, Some(*trouble));
            for _ in 1..*believed_in {
                assert_eq!(tenant.poll().await.broken(), None, "{trouble}");
            }
            let polled = tenant.poll().await;
            assert_eq!(polled.broken(), Some((*step, *reason)), "{trouble}");
            let found = polled.report.steps[*step];
            assert_eq!((found.failing, found.passing), (1, 2), "{trouble}");
            let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
            assert_eq!(value(snapshot, 1, UserRow::ContactsFolder), *folder, "{trouble}");
            assert_eq!(value(snapshot, 0, UserRow::ContactsFolder), YES, "{trouble}");
            assert_eq!(polled.figure("mailboxes", &[reason]), Some(1.0));
            assert!(polled.news.iter().any(|line| line.contains(reason)), "{:?}", polled.news);
            tenant.trouble(1, None);
        }
    }
    // What decides nothing leaves everything as it was.
    for trouble in [Trouble::StateNotFound, Trouble::DependencyFailed, Trouble::SettingsDenied] {
        is_well(&tenant.poll().await, 3);
        tenant.trouble(1, Some(trouble));
        let polled = tenant.poll().await;
        assert_eq!((polled.broken(), polled.figure("mailboxes", &["ok"])), (None, Some(3.0)));
        tenant.trouble(1, None);
    }
}

#[tokio::test]
async fn where_the_folder_is_not_is_named() {
    type Change = fn(&mut Vec<(String, u32)>);
    let cases: [(Change, &str); 3] = [
        (Vec::clear, "folder_missing"),
        (|folders| folders[0].0 = "Salesforce sync".to_owned(), "folder_near_name"),
        (|folders| folders.push(("SALESFORCE_SYNC".to_owned(), 1)), "folder_twice"),
    ];
    for (change, reason) in cases {
        let mut tenant = Tenant::of(2).await;
        tenant.graph.change(|tenant| change(&mut tenant.mailboxes[1].folders));
        let polled = tenant.poll().await;
        assert_eq!(polled.broken(), Some((ProbeStep::ContactsFolder, reason)));
        let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
        let shown = value(snapshot, 1, UserRow::ContactsFolder);
        assert_eq!(shown, if reason == "folder_twice" { None } else { NO });
        // It is searched once, and again after six hours.
        tenant.graph.take_seen();
        assert_eq!(tenant.poll().await.broken(), Some((ProbeStep::ContactsFolder, reason)));
        let lists = |tenant: &Tenant| {
            let seen = tenant.graph.take_seen();
            seen.iter().flat_map(|seen| &seen.parts).filter(|part| part.contains("top=100")).count()
        };
        assert_eq!(lists(&tenant), 0);
        tenant.pass(TimeDelta::hours(6));
        tenant.poll().await;
        assert_eq!(lists(&tenant), usize::from(reason != "folder_twice"));
    }
    // A name with every sign that has a meaning in a path, a query or a filter.
    let mut tenant = Tenant::of(1).await;
    let name = "R&D's /?#%+\"sync\" \u{e4}";
    name.clone_into(&mut tenant.settings.contacts_folder);
    tenant.graph.change(|tenant| tenant.mailboxes[0].folders = vec![(name.to_owned(), 7)]);
    tenant.restart();
    let polled = tenant.poll().await;
    assert_eq!((polled.broken(), polled.figure("contacts_records", &[])), (None, Some(7.0)));
}

#[tokio::test]
async fn a_fresh_refusal_is_left_alone_and_believed_after_two_hours() {
    for (trouble, reason) in [
        (Trouble::ODataDisabled, "out_of_scope"),
        (Trouble::AccessPolicy, "out_of_scope"),
        (Trouble::ExtensionError, "out_of_scope"),
        (Trouble::AccessDenied, "consent_or_scope"),
        (Trouble::RequestDenied, "consent_or_scope"),
    ] {
        let mut tenant = Tenant::of(3).await;
        is_well(&tenant.poll().await, 3);
        tenant.trouble(1, Some(trouble));
        let began = tenant.now.plus(TimeDelta::minutes(5));
        let about_it = |tenant: &Tenant| {
            let seen = tenant.graph.take_seen();
            seen.iter().flat_map(|seen| &seen.parts).any(|part| part.contains("user1@"))
        };
        let mut looked = Vec::new();
        let believed = loop {
            tenant.graph.take_seen();
            let polled = tenant.poll().await;
            let minutes = tenant.now.since(began).num_minutes();
            if about_it(&tenant) {
                looked.push(minutes);
            }
            if polled.broken().is_some() {
                assert_eq!(polled.broken(), Some((ProbeStep::Impersonation, reason)), "{trouble}");
                break minutes;
            }
            assert_eq!(polled.verdict(ProbeStep::Impersonation), StepVerdict::Held, "{minutes}");
            let info = ["impersonation", "held", "fresh_refusal"];
            assert_eq!(polled.figure("step_failure_info", &info), Some(1.0), "{minutes}");
            // What was found before stays, and nothing is claimed of the user.
            let known = if minutes > 50 { 2.0 } else { 3.0 };
            assert_eq!(polled.figure("mailboxes", &["ok"]), Some(known), "{minutes}");
            let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
            assert_eq!(answered(snapshot), 2);
            let is_news = polled.news.iter().any(|line| line.contains("fresh_refusal"));
            assert_eq!(is_news, [0, 55].contains(&minutes), "once for each program");
            // A program that is started again forgets no refusal.
            if minutes == 50 {
                tenant.restart();
            }
        };
        println!("{trouble}: looked at after {looked:?} minutes, believed after {believed}");
        assert_eq!((looked, believed), (vec![0, 35, 70, 105, 140], 140), "{trouble}");
        tenant.trouble(1, None);
        for _ in 0..5 {
            tenant.poll().await;
        }
        assert!(tenant.poll().await.broken().is_some(), "not looked at yet");
        is_well(&tenant.poll().await, 3);
    }
    // A right for contacts alone.
    let mut tenant = Tenant::of(2).await;
    tenant.trouble(1, Some(Trouble::ContactsDenied));
    for _ in 0..28 {
        assert_eq!(tenant.poll().await.broken(), None);
    }
    let refused = Some((ProbeStep::ContactsFolder, "consent_or_scope"));
    assert_eq!(tenant.poll().await.broken(), refused);
}

#[tokio::test]
async fn throttling_is_obeyed_and_flips_no_verdict() {
    for (scene, seconds) in
        [(Scene::Throttled, 40), (Scene::GatewayTimeout, 40), (Scene::ThrottledParts, 25)]
    {
        let mut tenant = Tenant::of(6).await;
        is_well(&tenant.poll().await, 6);
        tenant.scene(scene);
        tenant.graph.take_seen();
        let polled = tenant.poll().await;
        assert!(matches!(polled.snapshot, Ok(None)), "{scene}: no failure");
        assert!(tenant.graph.take_seen().len() <= 3, "{scene}");
        assert_eq!(polled.verdict(ProbeStep::Impersonation), StepVerdict::Held);
        assert_eq!(polled.figure("step_success", &["impersonation"]), Some(1.0), "{scene}");
        let until = polled.figure("throttled_until_timestamp_seconds", &[]).unwrap();
        assert_eq!(until, tenant.now.seconds() + f64::from(seconds), "{scene}");
        // Before that nothing is requested.
        tenant.now = tenant
            .now
            .plus(TimeDelta::seconds(i64::from(seconds) - 1))
            .minus(TimeDelta::minutes(5));
        let polled = tenant.poll().await;
        assert!(matches!(polled.snapshot, Ok(None)) && tenant.graph.take_seen().is_empty());
        tenant.scene(Scene::Healthy);
        is_well(&tenant.poll().await, 6);
    }
}

#[tokio::test]
async fn a_part_that_is_throttled_holds_its_mailbox_alone() {
    for trouble in [Trouble::Throttled, Trouble::ActivityLimit] {
        let mut tenant = Tenant::of(12).await;
        is_well(&tenant.poll().await, 12);
        tenant.trouble(4, Some(trouble));
        tenant.graph.take_seen();
        let polled = tenant.poll().await;
        assert_eq!((polled.broken(), polled.figure("mailboxes", &["ok"])), (None, Some(12.0)));
        assert_eq!(
            answered(polled.snapshot.as_ref().unwrap().as_ref().unwrap()),
            11,
            "the others are looked at"
        );
        assert_eq!(polled.figure("throttled_until_timestamp_seconds", &[]), Some(0.0));
        let about_it = |tenant: &Tenant| {
            let seen = tenant.graph.take_seen();
            seen.iter().flat_map(|seen| &seen.parts).filter(|part| part.contains("user4@")).count()
        };
        assert_eq!(about_it(&tenant), 3);
        // It wants to be left alone for 17 seconds.
        tenant.now = tenant.now.plus(TimeDelta::seconds(16)).minus(TimeDelta::minutes(5));
        tenant.poll().await;
        assert_eq!(about_it(&tenant), 0);
        tenant.trouble(4, None);
        is_well(&tenant.poll().await, 12);
    }
}

#[tokio::test]
async fn a_mixed_organisation_is_found_out_and_shown_as_such() {
    let mut tenant = Tenant::of(4).await;
    tenant.with_on_premises(3).await;
    let exchange = tenant.exchange.take().unwrap();
    let polled = tenant.poll().await;
    assert_eq!(polled.broken(), None);
    assert_eq!(polled.verdict(ProbeStep::Autodiscover), StepVerdict::Passed);
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(7.0));
    let places = [
        polled.figure("mailboxes_by_place", &["online"]),
        polled.figure("mailboxes_by_place", &["on_premises"]),
    ];
    assert_eq!((places, polled.report.is_mixed()), ([Some(4.0), Some(3.0)], true));
    let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(answered(snapshot), 7);
    for user in 0..7 {
        let records = value(snapshot, user, UserRow::ContactsRecords);
        assert_eq!(records, Some(UserValue::Records(42)), "{user}");
    }
    let about = |text: &str| {
        let seen = tenant.graph.take_seen();
        seen.iter().flat_map(|seen| &seen.parts).filter(|part| part.contains(text)).count()
    };
    assert_eq!(about("user5@"), 3);
    let by_ews = exchange.take_seen();
    assert!(by_ews.iter().all(|seen| !seen.body.contains("user0@")));
    // What is known is not requested again at Graph, until it may have moved.
    let polled = tenant.poll().await;
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(7.0));
    let about = |tenant: &Tenant, text: &str| {
        let seen = tenant.graph.take_seen();
        seen.iter().flat_map(|seen| &seen.parts).filter(|part| part.contains(text)).count()
    };
    assert_eq!(about(&tenant, "user5@"), 0);
    exchange.change(|org| drop(org.mailboxes.remove(1)));
    tenant.trouble(5, None);
    tenant.graph.change(|tenant| tenant.mailboxes[5].folders[0].1 = 9);
    let polled = tenant.poll().await;
    assert_eq!(polled.broken(), Some((ProbeStep::Impersonation, "mailbox_not_found")));
    let polled = tenant.poll().await;
    assert_eq!((polled.broken(), polled.figure("mailboxes", &["ok"])), (None, Some(7.0)));
    assert_eq!(polled.figure("mailboxes_by_place", &["online"]), Some(5.0));
    let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(value(snapshot, 5, UserRow::ContactsRecords), Some(UserValue::Records(9)));
    // One way that fails does not take the other with it.
    tenant.scene(Scene::LoginPage);
    let polled = tenant.poll().await;
    assert_eq!(polled.broken(), Some((ProbeStep::Http, "login_page")));
    assert_eq!(answered(&polled.snapshot.unwrap().unwrap()), 2);
    assert_eq!(tenant.source.incomplete().unwrap().reason.name, "login_page");
}

#[tokio::test]
async fn no_answer_leads_to_another_host() {
    let mut tenant = Tenant::of(2).await;
    tenant.trouble(0, Some(Trouble::MoreElsewhere));
    is_well(&tenant.poll().await, 2);
    let before = tenant.graph.take_seen().len();
    is_well(&tenant.poll().await, 2);
    assert_eq!((before, tenant.graph.take_seen().len()), (4, 3));
}

#[tokio::test]
async fn an_answer_of_a_byte_a_second_is_none() {
    let mut tenant = Tenant::of(2).await;
    tenant.settings.limits.total = Duration::from_secs(3);
    tenant.restart();
    is_well(&tenant.poll().await, 2);
    tenant.scene(Scene::Trickle);
    let began = std::time::Instant::now();
    let polled = tenant.poll().await;
    assert_eq!(polled.broken(), Some((ProbeStep::Http, "timeout")));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_mailboxes_are_probed_within_five_minutes() {
    let mut tenant = Tenant::of(2_000).await;
    // Graph takes a second or so for a batch of 18.
    tenant.graph.change(|tenant| tenant.slowness = Duration::from_millis(50));
    let began = std::time::Instant::now();
    let polled = tenant.poll().await;
    let took = began.elapsed();
    let requests = polled.figure("requests_total", &[]);
    let (batches, parts) = tenant.graph.most_at_once();
    println!(
        "2000 mailboxes: {took:?}, {requests:?} requests, {batches} batches at once, {parts} parts of a mailbox"
    );
    // 334 batches about 6 mailboxes, 100 with the counts of 20, one without a sign-in, one for a token.
    assert_eq!((polled.broken(), requests), (None, Some(436.0)));
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(2_000.0));
    assert!(took < Duration::from_secs(300) && batches <= 2 && parts <= 4);
}
