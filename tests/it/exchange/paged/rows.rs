//! What happens, what shows it by the metrics alone, and who hears of it.

use lightning_sync_sim::simulator::exchange::graph::{
    GraphScene, GraphTenant, GraphTrouble, SimulatedApp,
};
use lightning_sync_sim::simulator::exchange::{
    ExchangeItem, ExchangeOrg, ExchangeScene as Scene, FolderPlace, ItemFolder,
};

/// What happens, and where.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// In an Exchange Server that is looked at over EWS.
    Ews(fn(&mut ExchangeOrg)),
    /// Nobody knows the name any more.
    Name,
    /// Connections get no answer.
    Firewall,
    /// Nothing listens.
    Down,
    /// Its certificate has expired.
    Expired,
    /// Its certificate ends in ten days.
    Ending,
    /// The password is another; the configuration is read again when it is known.
    Password(fn(&mut ExchangeOrg)),
    /// A token in the place of a password.
    Token(fn(&mut ExchangeOrg)),
    /// In Exchange Online, looked at over Graph.
    Graph(fn(&mut GraphTenant)),
    /// The same with the application, which shows when it needs its next token.
    GraphApp(fn(&mut GraphTenant)),
    /// The same, three hours ago.
    GraphForHours(fn(&mut GraphTenant)),
    /// Mailboxes leave the Exchange Server for Exchange Online; both are looked at.
    Move,
    /// In the logs of an Exchange Server.
    Logged,
}

/// Who hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange) enum Heard {
    /// Nobody: it is no failure, or nothing that may be claimed yet.
    Nobody,
    /// Somebody is woken.
    Page(&'static str),
    /// Somebody reads it in office hours.
    OfficeHours(&'static str),
}

impl Heard {
    /// The alert, where somebody hears of it at this receiver.
    pub(super) fn at(self, receiver: &str) -> Option<&'static str> {
        match (self, receiver) {
            (Self::Page(alert), "page") | (Self::OfficeHours(alert), "office-hours") => Some(alert),
            _ => None,
        }
    }
}

/// An organisation.
pub(in crate::exchange) struct Played {
    pub(super) org: &'static str,
    pub(super) trouble: Trouble,
    /// `x:` stands for what the names of the probe's metrics begin with, `log:` for that of the logs'.
    query: &'static str,
    pub(in crate::exchange) heard: Heard,
    /// Which reports from the field it plays.
    pub(in crate::exchange) reports: &'static [usize],
    /// It goes on for longer than this test when all is repaired.
    pub(super) lasts: bool,
}

impl Played {
    const fn of(self, reports: &'static [usize]) -> Self {
        Self { reports, ..self }
    }

    const fn lasting(self) -> Self {
        Self { lasts: true, ..self }
    }

    /// What names it, as it can be typed into Prometheus.
    pub(super) fn query(&self) -> String {
        let query = self.query.replace("x:", "lightning_sync_exchange_");
        let query = query.replace("log:", "lightning_sync_exchange_log_");
        format!("count by (org) ({query})")
    }

    pub(super) const fn is_in_cloud(&self) -> bool {
        matches!(self.trouble, Graph(_) | GraphApp(_) | GraphForHours(_) | Trouble::Move)
    }

    pub(super) const fn is_on_premises(&self) -> bool {
        !matches!(self.trouble, Graph(_) | GraphApp(_) | GraphForHours(_) | Logged)
    }

    pub(super) const fn reads_logs(&self) -> bool {
        matches!(self.trouble, Trouble::Logged)
    }

    /// Whether it is in trouble before anybody looks.
    pub(super) const fn begins_early(&self) -> bool {
        matches!(self.trouble, Trouble::GraphForHours(_))
    }
}

const fn played(org: &'static str, trouble: Trouble, query: &'static str, heard: Heard) -> Played {
    Played { org, trouble, query, heard, reports: &[], lasts: false }
}

use Heard::{Nobody, OfficeHours, Page};
use Trouble::{Ews, Graph, GraphApp, GraphForHours, Logged, Password, Token};

const UNREACHABLE: Heard = Page("LightningSyncExchangeUnreachable");
const ACCOUNT: Heard = Page("LightningSyncExchangeAccountRefused");
const EWS_OFF: Heard = Page("LightningSyncExchangeEwsOff");
const IMPERSONATION: Heard = Page("LightningSyncExchangeImpersonationRefused");
const USERS: Heard = OfficeHours("LightningSyncUsersFailing");

fn in_all(org: &mut ExchangeOrg, fault: &'static str) {
    org.mailboxes.iter_mut().for_each(|mailbox| mailbox.fault = Some(fault));
}

fn trouble_in_all(tenant: &mut GraphTenant, trouble: GraphTrouble) {
    tenant.mailboxes.iter_mut().for_each(|mailbox| mailbox.trouble = Some(trouble));
}

/// Those whose repair is a reload come first: a reload begins with them.
pub(in crate::exchange) const ALL: &[Played] = &[
    // What keeps everybody from using Exchange.
    played(
        "password",
        Password(|org| "another".clone_into(&mut org.password)),
        "x:step_failure_info{step='auth',verdict='failed',reason='sign_in_refused'} unless on (org) x:sign_in_suspended_until_timestamp_seconds == 0",
        ACCOUNT,
    ),
    played(
        "locked-out",
        Password(|org| org.scene = Scene::LockedOut),
        "x:step_failure_info{step='auth',verdict='failed',reason='account_locked'}",
        ACCOUNT,
    ),
    played(
        "name",
        Trouble::Name,
        "x:step_failure_info{step='dns',verdict='failed',reason='name_not_resolved'}",
        UNREACHABLE,
    ),
    played(
        "firewall",
        Trouble::Firewall,
        "x:step_failure_info{step='tcp',verdict='failed',reason='timeout'}",
        UNREACHABLE,
    ),
    played(
        "certificate",
        Trouble::Expired,
        "x:step_failure_info{step='tls',verdict='failed',reason='certificate_expired'}",
        UNREACHABLE,
    ),
    played(
        "certificate-ending",
        Trouble::Ending,
        "x:certificate_not_after_timestamp_seconds - time() < 21 * 86400 unless on (org) x:step_failure_info",
        OfficeHours("LightningSyncExchangeCertificateEnding"),
    ),
    played(
        "server-down",
        Trouble::Down,
        "x:step_failure_info{step='tcp',verdict='failed',reason='connect_failed'}",
        UNREACHABLE,
    ),
    played(
        "pool-down",
        Ews(|org| org.scene = Scene::PoolDown),
        "x:step_failure_info{step='http',verdict='failed',reason='service_unavailable'}",
        UNREACHABLE,
    ),
    played(
        "impersonation",
        Ews(|org| in_all(org, "ErrorImpersonateUserDenied")),
        "x:mailboxes{verdict='impersonation_denied'} == 3",
        IMPERSONATION,
    ),
    // An access policy refuses the application in mailboxes and not as a whole.
    played(
        "out-of-scope",
        Ews(|org| org.mailboxes.iter_mut().for_each(|mailbox| mailbox.forbidden = true)),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='ews_forbidden'}",
        IMPERSONATION,
    )
    .of(&[17]),
    played(
        "ews-off",
        Ews(|org| org.scene = Scene::EwsDisabled),
        "x:step_failure_info{step='auth',verdict='failed',reason='ews_disabled'}",
        EWS_OFF,
    )
    .of(&[23]),
    // The tenant's mailboxes are refused, and the one on premises goes on.
    played(
        "ews-off-online",
        Ews(|org| org.mailboxes.iter_mut().take(2).for_each(|mailbox| mailbox.ews_disabled = true)),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='ews_disabled'}",
        EWS_OFF,
    )
    .of(&[23]),
    played(
        "user-agents",
        Ews(|org| org.scene = Scene::EwsBlocked),
        "x:step_failure_info{step='auth',verdict='failed',reason='ews_blocked_by_policy'}",
        EWS_OFF,
    )
    .of(&[16]),
    played(
        "token-ended",
        Token(|org| "another".clone_into(&mut org.token)),
        "x:step_failure_info{step='auth',verdict='failed',reason='sign_in_refused'} and on (org) x:sign_in_suspended_until_timestamp_seconds == 0",
        ACCOUNT,
    )
    .of(&[13]),
    // Records go on syncing: only our own account is refused, which wakes nobody.
    played(
        "syncing",
        Ews(|org| in_all(org, "ErrorImpersonationDenied")),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='impersonation_denied_server'}",
        OfficeHours("LightningSyncExchangeImpersonationRefused"),
    ),
    // What concerns single mailboxes.
    played(
        "folder-deleted",
        Ews(|org| org.mailboxes[0].folders[0].place = FolderPlace::Deleted),
        "x:step_failure_info{step='contacts_folder',verdict='failed',reason='folder_deleted'}",
        USERS,
    ),
    played(
        "folder-missing",
        Ews(|org| org.mailboxes[0].folders.clear()),
        "x:mailboxes_by_place{place='on_premises'} > 0 and on (org) x:step_failure_info{step='contacts_folder',verdict='failed',reason='folder_missing'}",
        USERS,
    ),
    played(
        "version-old",
        Ews(|org| org.mailboxes[0].version = Some([14, 3, 123])),
        "x:step_failure_info{step='version',verdict='failed',reason='version_unsupported'} unless on (org) x:mailboxes_by_place{place='online'} > 0",
        USERS,
    ),
    played(
        "one-refused",
        Ews(|org| org.mailboxes[2].fault = Some("ErrorImpersonateUserDenied")),
        "x:mailboxes{verdict='impersonation_denied'} == 1",
        USERS,
    ),
    // What an Exchange Server answers for a mailbox that is now another server's.
    played(
        "moved",
        Ews(|org| drop(org.mailboxes.remove(0))),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='mailbox_not_found'}",
        USERS,
    ),
    // The same where Graph is looked at, too: it is found there, where Lightning Sync's service account does not reach.
    played("moved-seen", Trouble::Move, "x:mailboxes_by_place{place='online'} == 1", USERS),
    played(
        "alias",
        Ews(|org| org.mailboxes[0].alias = Some(org.mailboxes[0].address.clone())),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='alias_address'}",
        Nobody,
    )
    .of(&[2]),
    played(
        "attendees",
        Ews(|org| org.mailboxes[1].fault = Some("ErrorNonPrimarySmtpAddress")),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='alias_address'}",
        Nobody,
    )
    .of(&[8]),
    // Counts.
    played(
        "surge",
        Ews(|org| org.mailboxes[0].folders[0].total = 84),
        "x:contacts_records == 168",
        OfficeHours("LightningSyncDuplicateSurge"),
    )
    .of(&[4])
    .lasting(),
    played(
        "drift",
        Ews(|org| org.mailboxes[0].folders[0].total = 5),
        "x:contacts_records == 89 and on (org) sum by (org) (lightning_sync_records_in_sync{object_type='contacts'})",
        OfficeHours("LightningSyncRecordsDrift"),
    ),
    played(
        "first-sync",
        Ews(|org| org.mailboxes[0].folders[0].total = 0),
        "x:contacts_records == 84 unless on (org) x:step_failure_info",
        Nobody,
    )
    .of(&[14]),
    // No failure.
    played(
        "throttled",
        Ews(|org| org.scene = Scene::Busy),
        "x:throttled_until_timestamp_seconds > 0",
        Nobody,
    )
    .of(&[5]),
    played(
        "throttled-front",
        Ews(|org| org.scene = Scene::BusyFront),
        "x:throttled_until_timestamp_seconds > 0",
        Nobody,
    )
    .of(&[22]),
    played(
        "throttled-graph",
        Graph(|tenant| tenant.scene = GraphScene::Throttled),
        "x:throttled_until_timestamp_seconds > 0",
        Nobody,
    ),
    played("well", Ews(|_| {}), WELL, Nobody).of(&[15]),
    played(
        "category",
        Ews(|org| {
            let mut contact = ExchangeItem::new(ItemFolder::Contacts, "Ann Example");
            contact.categories = vec!["Salesforce_Sync".to_owned()];
            org.mailboxes[0].put(contact);
        }),
        WELL,
        Nobody,
    )
    .of(&[10]),
    // Exchange Online.
    played(
        "graph-tenant",
        GraphApp(|tenant| tenant.scene = GraphScene::TenantUnknown),
        "x:step_failure_info{step='auth',verdict='failed',reason='tenant_unknown'}",
        ACCOUNT,
    ),
    played(
        "graph-secret",
        GraphApp(|tenant| tenant.app = SimulatedApp::Secret("another".to_owned())),
        "x:step_failure_info{step='auth',verdict='failed',reason='app_secret_wrong'}",
        ACCOUNT,
    ),
    played(
        "graph-secret-expired",
        GraphApp(|tenant| tenant.scene = GraphScene::SecretExpired),
        "x:step_failure_info{step='auth',verdict='failed',reason='app_secret_expired'}",
        ACCOUNT,
    ),
    played(
        "graph-conditional",
        GraphApp(|tenant| tenant.scene = GraphScene::ConditionalAccess),
        "x:step_failure_info{step='auth',verdict='failed',reason='conditional_access'}",
        ACCOUNT,
    )
    .of(&[13]),
    // It may come from what Exchange Online remembers: left alone for 35 minutes, and nothing claimed for two hours.
    played(
        "graph-out-of-scope",
        Graph(|tenant| trouble_in_all(tenant, GraphTrouble::AccessPolicy)),
        "x:step_failure_info{step='impersonation',verdict='held',reason='fresh_refusal'}",
        Nobody,
    )
    .of(&[17, 18]),
    played(
        FOR_HOURS,
        GraphForHours(|tenant| trouble_in_all(tenant, GraphTrouble::AccessPolicy)),
        "x:step_failure_info{step='impersonation',verdict='failed',reason='out_of_scope'}",
        IMPERSONATION,
    )
    .of(&[17])
    .lasting(),
    played(
        "graph-folder",
        Graph(|tenant| tenant.mailboxes[0].folders.clear()),
        "x:mailboxes_by_place{place='online'} > 0 and on (org) x:step_failure_info{step='contacts_folder',verdict='failed',reason='folder_missing'}",
        USERS,
    ),
    // What only the server's logs show.
    played(
        "two-writers",
        Logged,
        "log:mailboxes_two_writers > 0",
        OfficeHours("LightningSyncExchangeTwoWriters"),
    )
    .of(&[9])
    .lasting(),
    played(
        SIGN_INS,
        Logged,
        "log:sign_in_refused{reason='locked_out'} == 1",
        Page("LightningSyncExchangeSignInRefused"),
    )
    .of(&[21]),
    played(
        "no-calls",
        Logged,
        "time() - max by (org) (log:last_call_timestamp_seconds) > 20 unless on (org) log:sign_in_refused == 1",
        OfficeHours("LightningSyncExchangeNoCalls"),
    ),
];

/// The one that is in trouble before anybody looks.
pub(super) const FOR_HOURS: &str = "graph-out-of-scope-for-hours";

/// The organisation whose account is locked a second time.
pub(super) const SIGN_INS: &str = "sign-ins";

/// All is well, and nothing is to come.
const WELL: &str = "x:contacts_records == 126 unless on (org) x:step_failure_info unless on (org) x:certificate_not_after_timestamp_seconds - time() < 21 * 86400 unless on (org) x:throttled_until_timestamp_seconds > 0";
