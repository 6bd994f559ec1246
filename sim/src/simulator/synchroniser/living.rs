//! An organisation that lives: people who work in Salesforce and in Exchange, the sync between them, and the logs of the
//! server. What happens depends on the clock that each step is given.

use super::ews::{EwsCaller, EwsFolderId, ItemText};
use super::{
    Office, SALESFORCE_AGENT, SlowNight, SyncFault, SyncSettings, SyncTarget, SyncUser,
    Synchroniser,
};
use crate::domain::ids::{Direction, ObjectType, OrgName};
use crate::domain::observation::Snapshot;
use crate::domain::time::Timestamp;
use crate::scenarios::{SyncRecord, user_name};
use crate::simulator::exchange::{
    Exchange, ExchangeItem, ExchangeMailbox, ExchangeOrg, ExchangeScene, FolderPlace, ItemFolder,
    ServerCertificate, ServerLogs,
};
use crate::simulator::salesforce::{EventClass, Person, Salesforce, SimulatedOrg};
use chrono::TimeDelta;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const APP: &str = "lightning-sync";
/// The name under which Exchange is reached.
const HOST: &str = "localhost";
/// How often the past is stepped through.
const PAST_STEP: TimeDelta = TimeDelta::minutes(30);
/// Contacts that everybody had before the story begins.
const CONTACTS: usize = 14;

/// A living organisation.
pub struct LivingOrg {
    name: OrgName,
    salesforce: Arc<Salesforce>,
    exchange: Exchange,
    sync: Synchroniser,
    office: Office,
    logs: ServerLogs,
    clock: Arc<AtomicI64>,
    certificate: ServerCertificate,
    users: Vec<SyncUser>,
    /// A second program that writes.
    other: Option<EwsCaller>,
    lived_until: Timestamp,
}

impl LivingOrg {
    /// The account that Salesforce signs in with, and its password.
    pub const ACCOUNT: (&str, &str) = ("VANDELAY\\svc-sfsync", "the password of the demonstration");

    /// An organisation of so many users that begins to live at `since`, with its logs in a directory.
    ///
    /// # Errors
    /// When loopback gives no port or the directory cannot be written.
    pub async fn start(
        name: OrgName,
        users: u32,
        logs: &Path,
        since: Timestamp,
    ) -> io::Result<Self> {
        let clock = Arc::new(AtomicI64::new(since.nanos()));
        let reads = Arc::clone(&clock);
        let now = move || Timestamp::from_nanos(reads.load(Ordering::Relaxed));
        let logs = ServerLogs::new(logs, "EX01", Arc::new(now.clone()))?;
        let users: Vec<SyncUser> = (0..users)
            .map(|index| user_name(&name, index))
            .map(|name| SyncUser { mailbox: name.to_string(), name })
            .collect();
        let people = users.iter().map(|user| Person::healthy(user.name.as_str())).collect();
        let org = SimulatedOrg::healthy(APP, "secret", people);
        let salesforce = Arc::new(Salesforce::start(vec![org], Arc::new(now)).await?);
        let (username, password) = Self::ACCOUNT;
        let mut mailboxes: Vec<ExchangeMailbox> =
            users.iter().map(|user| ExchangeMailbox::empty(&user.mailbox)).collect();
        for (index, mailbox) in mailboxes.iter_mut().enumerate() {
            for number in 0..CONTACTS + index % 4 {
                let folder = ItemFolder::Own(super::CONTACTS_FOLDER.to_owned());
                mailbox.put(ExchangeItem::new(folder, format!("Customer {number}")));
            }
        }
        let mut org = ExchangeOrg::healthy(username, password, mailboxes);
        org.logs = Some(logs.clone());
        org.others = vec![("VANDELAY\\svc-crm".to_owned(), password.to_owned())];
        // Certificates are verified by the machine's own clock; years around both are enough.
        let year = TimeDelta::days(365);
        let certificate = ServerCertificate::new(HOST, since.minus(year), since.plus(year))?;
        let exchange = Exchange::start(org, HOST, Some(certificate.server()?)).await?;
        let target = SyncTarget {
            address: exchange.address(),
            host: HOST.to_owned(),
            tls: Some(certificate.client()?),
            username: username.to_owned(),
            password: password.to_owned(),
            agent: SALESFORCE_AGENT,
        };
        let sync = Synchroniser::new(
            name.clone(),
            Arc::clone(&salesforce),
            APP,
            target,
            users.clone(),
            SyncSettings::HEALTHY,
        );
        let office = Office::new(APP, users.clone(), since);
        let (lived_until, other) = (since, None);
        Ok(Self {
            name,
            salesforce,
            exchange,
            sync,
            office,
            logs,
            clock,
            certificate,
            users,
            other,
            lived_until,
        })
    }

    /// The organisation's name.
    pub fn name(&self) -> &OrgName {
        &self.name
    }

    /// The URL of EWS.
    pub fn ews_url(&self) -> String {
        self.exchange.url()
    }

    /// The server's certificate, as a file of authorities has it.
    pub fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// Its users.
    pub fn users(&self) -> &[SyncUser] {
        &self.users
    }

    /// The logs.
    pub fn logs(&self) -> &ServerLogs {
        &self.logs
    }

    /// Lives until `now` in steps; gives what was synced.
    pub async fn live(&mut self, now: Timestamp) -> Vec<SyncRecord> {
        let mut synced = Vec::new();
        while self.lived_until.plus(PAST_STEP) < now {
            synced.extend(self.step(self.lived_until.plus(PAST_STEP)).await);
        }
        synced.extend(self.step(now).await);
        synced
    }

    async fn step(&mut self, now: Timestamp) -> Vec<SyncRecord> {
        self.lived_until = now;
        self.clock.store(now.nanos(), Ordering::Relaxed);
        self.office.work(&self.salesforce, &self.exchange, now);
        self.logs.idle();
        if let Some(other) = &mut self.other {
            let minute = now.datetime().format("%H:%M").to_string();
            let item = ItemText {
                subject: &format!("Written by another program at {minute}"),
                text: "",
                times: Some((now, now.plus(TimeDelta::minutes(15)))),
                private: true,
                salesforce_id: "of another program",
            };
            for user in self.users.iter().take(3) {
                // Whether it works is that program's matter.
                other.create(&user.mailbox, &EwsFolderId::Calendar, &item).await.ok();
            }
        }
        self.sync.step(now).await
    }

    /// The status page as it is now.
    pub fn page(&self) -> Snapshot {
        self.sync.page(self.lived_until)
    }

    /// Lets something go wrong from now on.
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub fn break_down(&mut self, fault: SyncFault) -> io::Result<()> {
        let now = self.lived_until;
        let scene = |scene| self.exchange.change(|org| org.scene = scene);
        match fault {
            // The daemon alone is given another name.
            SyncFault::Nothing | SyncFault::NameUnknown => {}
            SyncFault::ServerDown => self.exchange.close(),
            SyncFault::PoolDown => scene(ExchangeScene::PoolDown),
            SyncFault::CertificateExpired => {
                self.show_certificate(now.minus(TimeDelta::days(400)), now)?;
            }
            SyncFault::CertificateEnding => {
                self.show_certificate(
                    now.minus(TimeDelta::days(353)),
                    now.plus(TimeDelta::days(12)),
                )?;
            }
            SyncFault::PasswordExpired => {
                self.exchange.change(|org| org.password = "a new password".to_owned());
            }
            SyncFault::LockedOut => scene(ExchangeScene::LockedOut),
            SyncFault::ImpersonationRefused => self.exchange.change(|org| {
                for mailbox in &mut org.mailboxes {
                    mailbox.fault = Some("ErrorImpersonateUserDenied");
                }
            }),
            SyncFault::FolderDeleted => self.exchange.change(|org| {
                for folder in org.mailboxes.iter_mut().take(2).flat_map(|it| &mut it.folders) {
                    folder.place = FolderPlace::Deleted;
                }
            }),
            SyncFault::MailboxTooOld => self.exchange.change(|org| {
                if let Some(mailbox) = org.mailboxes.first_mut() {
                    mailbox.version = Some([14, 3, 123]);
                }
            }),
            SyncFault::Throttled => scene(ExchangeScene::Busy),
            SyncFault::EwsOff => scene(ExchangeScene::EwsDisabled),
            SyncFault::TwoWriters => {
                let mut target = None;
                self.sync.retarget(|it| target = Some(it.clone()));
                self.other = target.map(|target| {
                    let username = "VANDELAY\\svc-crm".to_owned();
                    EwsCaller::new(SyncTarget { username, agent: "OtherSync/4.2", ..target })
                });
            }
            SyncFault::OldPassword => {
                self.sync.retarget(|target| target.password = "of yesterday".to_owned());
            }
            SyncFault::Stopped => self.sync.settings.stopped = true,
            SyncFault::OneDirection => {
                self.sync.settings.dropped = Some(Direction::ToSalesforce);
            }
            SyncFault::OneClass => {
                self.sync.settings.dropped_class = Some(EventClass::OfCustomObject);
            }
            SyncFault::Duplicates => self.sync.settings.duplicates = true,
            SyncFault::LostDeletions => {
                self.sync.settings.loses_deletions = true;
                self.salesforce.change(APP, |org| {
                    let contacts = org.records.iter();
                    let contacts = contacts.filter(|it| it.object == ObjectType::Contacts);
                    let every_third: Vec<String> =
                        contacts.step_by(3).map(|it| it.id.clone()).collect();
                    for id in every_third {
                        org.remove_record(&id);
                    }
                });
            }
            SyncFault::SlowNights => {
                let night = SlowNight { from: 20, to: 6, delay: TimeDelta::hours(3) };
                self.sync.settings.slow_night = Some(night);
            }
        }
        Ok(())
    }

    fn show_certificate(&mut self, from: Timestamp, until: Timestamp) -> io::Result<()> {
        self.certificate = ServerCertificate::new(HOST, from, until)?;
        self.exchange.set_tls(self.certificate.server()?);
        let client = self.certificate.client()?;
        self.sync.retarget(|target| target.tls = Some(client));
        Ok(())
    }
}

impl std::fmt::Debug for LivingOrg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LivingOrg").field("name", &self.name).finish_non_exhaustive()
    }
}
