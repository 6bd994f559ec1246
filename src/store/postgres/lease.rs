//! Several daemons on one database, of which one writes: a lease with an end by the server's clock, and a fence, a number
//! that grows each time somebody becomes the writer.
//!
//! The lease says when another may try. What keeps two from writing is the fence alone: every transaction that writes reads
//! its own number under a lock that lets the lease be renewed and not be taken, and a number that is gone ends the
//! transaction. So a daemon that was stopped for an hour and goes on has nothing to check by its own clock before it writes.
//! What it *sends* is not fenced; that it stops by its own clock, no later than the lease ends.

use super::schema::{self, VERSION};
use super::session::{Backend, JOB_WITHIN, Session, SessionUse};
use super::{PostgresDsn, PostgresFailure, PostgresStore, end};
use crate::domain::external_url::ExternalUrl;
use crate::store::{Looked, Standby, StoreError};
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// No transaction has this one: it is below the first.
pub(super) const NO_FENCE: i64 = -1;
/// For how long a daemon is waited for that does not answer: a takeover is over within 15 s, start included, and a server
/// that is busy for a few seconds ends nothing.
const LEASE: Duration = Duration::from_secs(10);
/// Two renewals may fail.
const RENEW_EVERY: Duration = Duration::from_millis(2_500);
/// A renewal that waits longer would leave no time for another.
const RENEW_WITHIN: Duration = Duration::from_secs(3);
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Whoever waits for our end may take over that much later at most.
const RELEASE_WITHIN: Duration = Duration::from_secs(1);

/// As whom a session becomes the only writer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Claim<'a> {
    /// As somebody who shares the database with nobody: nobody waits for the end of a lease.
    Alone,
    /// As one of several, for [`LEASE`].
    Member(&'a ExternalUrl),
    /// As the one that it was before its connection was lost.
    Again(i64),
}

/// Whether this daemon may send as the writer's does: it is sure that nobody else is the writer.
#[derive(Debug, Clone, Default)]
pub struct HeldLease(Option<Arc<LeaseTime>>);

impl HeldLease {
    /// Whether it may; one that shares its database with nobody always may.
    pub fn is_held(&self) -> bool {
        self.0.as_ref().is_none_or(|lease| lease.is_held())
    }
}

/// How long the lease is held, by this machine's clock.
#[derive(Debug, Default)]
struct LeaseTime {
    /// In milliseconds of [`machine_time`]; 0: not at all.
    until: AtomicU64,
    /// Another daemon has taken it.
    lost: AtomicBool,
}

impl LeaseTime {
    fn is_held(&self) -> bool {
        !self.lost.load(Ordering::SeqCst) && machine_time() < self.until.load(Ordering::SeqCst)
    }

    /// Notes what was renewed by a statement that was sent at `sent`: the server began to count later.
    fn renewed(&self, sent: u64) {
        let until = sent.saturating_add(u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX));
        self.until.store(until, Ordering::SeqCst);
    }
}

/// Milliseconds that this machine has run, also asleep; no step of the time of day moves it.
fn machine_time() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let millis = time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000);
    u64::try_from(millis).unwrap_or(0)
}

/// Makes of a session that has the writer's lock the writer; the fence of those before is gone.
pub(super) async fn claim(session: &Session, claim: Claim<'_>) -> Result<(), PostgresFailure> {
    let Backend { process, since } = &session.backend;
    let (row, otherwise) = match claim {
        Claim::Alone => {
            let sql = "UPDATE lease SET fence = fence + 1, holder = NULL, process = NULL, since = NULL, \
                       expires_at = '-infinity' WHERE expires_at < clock_timestamp() RETURNING fence";
            (session.row(sql, &[]).await?, PostgresFailure::Locked)
        }
        Claim::Member(url) => {
            let sql = format!(
                "UPDATE lease SET fence = fence + 1, holder = $1, process = $2, since = $3, \
                 expires_at = {} WHERE expires_at < clock_timestamp() RETURNING fence",
                lease_end()
            );
            (session.row(&sql, &[&url.as_str(), process, since]).await?, PostgresFailure::Locked)
        }
        Claim::Again(fence) => {
            let sql = "UPDATE lease SET process = $2, since = $3 WHERE fence = $1 RETURNING fence";
            (session.row(sql, &[&fence, process, since]).await?, PostgresFailure::Deposed)
        }
    };
    session.fence.set(row.ok_or(otherwise)?.try_get(0)?);
    Ok(())
}

fn lease_end() -> String {
    format!("clock_timestamp() + interval '{} ms'", LEASE.as_millis())
}

/// Renews the lease of the daemon that leads, for as long as this is there.
#[derive(Debug)]
pub(super) struct LeaseKeeper {
    fence: i64,
    time: Arc<LeaseTime>,
    /// Dropped, it ends the renewals.
    _alive: mpsc::Sender<()>,
}

impl LeaseKeeper {
    /// Begins with a lease that was claimed at `claimed`.
    fn start(
        dsn: &PostgresDsn,
        fence: i64,
        time: Arc<LeaseTime>,
        claimed: u64,
    ) -> Result<Self, PostgresFailure> {
        time.renewed(claimed);
        let (alive, ended) = mpsc::channel();
        let (dsn, renewed) = (dsn.clone(), Arc::clone(&time));
        let renewing = move || {
            let (mut session, mut pause) = (None, RENEW_EVERY);
            while ended.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                pause = match renew(&dsn, &mut session, fence, &renewed) {
                    Ok(true) => RENEW_EVERY,
                    Ok(false) => return,
                    Err(_) => {
                        session = None;
                        RETRY_AFTER
                    }
                };
            }
        };
        let thread = thread::Builder::new().name("lease".to_owned());
        let no_thread = |_| PostgresFailure::Other("the system refuses a thread".to_owned());
        thread.spawn(renewing).map_err(no_thread)?;
        Ok(Self { fence, time, _alive: alive })
    }

    pub(super) fn fence(&self) -> i64 {
        self.fence
    }

    pub(super) fn is_lost(&self) -> bool {
        self.time.lost.load(Ordering::SeqCst)
    }

    /// Notes that a transaction found another fence.
    pub(super) fn lose(&self) {
        self.time.lost.store(true, Ordering::SeqCst);
    }

    /// Lets others take over at once. What is not renewed any more ends by itself.
    pub(super) fn release(&self, session: &Session) {
        self.time.until.store(0, Ordering::SeqCst);
        let sql = "UPDATE lease SET expires_at = '-infinity' WHERE fence = $1";
        session.wait(RELEASE_WITHIN, session.execute(sql, &[&self.fence])).ok();
    }
}

/// Renews once; `false` when there is nothing to renew any more.
fn renew(
    dsn: &PostgresDsn,
    session: &mut Option<Session>,
    fence: i64,
    time: &LeaseTime,
) -> Result<bool, PostgresFailure> {
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::open(dsn, SessionUse::Write)?),
    };
    let sent = machine_time();
    let sql = format!(
        "UPDATE lease SET expires_at = {} WHERE fence = $1 AND expires_at > '-infinity'",
        lease_end()
    );
    let renewed = session.wait(RENEW_WITHIN, session.execute(&sql, &[&fence]))? > 0;
    if renewed {
        time.renewed(sent);
    } else {
        time.lost.store(true, Ordering::SeqCst);
    }
    Ok(renewed)
}

/// Whether the writer of a fence is still the one; what waits for the lock of another would not learn it.
pub(super) async fn prove_held(session: &Session, fence: i64) -> Result<(), PostgresFailure> {
    let row = session.row("SELECT FROM lease WHERE fence = $1", &[&fence]).await?;
    row.map(drop).ok_or(PostgresFailure::Deposed)
}

/// See [`Standby`].
pub struct PostgresStandby {
    dsn: PostgresDsn,
    url: ExternalUrl,
    time: Arc<LeaseTime>,
    /// What looks, while it works.
    session: Option<Session>,
}

/// What a look finds.
struct Seen {
    leader: Option<ExternalUrl>,
    backend: Option<Backend>,
    expired: bool,
    commits: i64,
}

impl PostgresStandby {
    /// A daemon that others reach at `url`.
    pub fn new(dsn: PostgresDsn, url: ExternalUrl) -> Self {
        Self { dsn, url, time: Arc::default(), session: None }
    }

    /// Whether it leads, for whoever may act only then.
    pub fn lease(&self) -> HeldLease {
        HeldLease(Some(Arc::clone(&self.time)))
    }

    fn try_look(&mut self) -> Result<Looked<PostgresStore>, PostgresFailure> {
        let seen = self.seen()?;
        if let Some(Seen { leader, expired: false, commits, .. }) = seen {
            return Ok(Looked::Follows { leader, commits });
        }
        let (leader, commits, backend) = match seen {
            Some(seen) => (seen.leader, seen.commits, seen.backend),
            None => (None, 0, None),
        };
        if let (Some(session), Some(backend)) = (&self.session, &backend) {
            session.wait(JOB_WITHIN, end(session, backend))?;
        }
        let claimed = machine_time();
        match PostgresStore::claimed(self.dsn.clone(), Claim::Member(&self.url)) {
            Ok(mut store) => {
                let fence = store.fence();
                let time = Arc::clone(&self.time);
                store.keeper = Some(LeaseKeeper::start(&self.dsn, fence, time, claimed)?);
                self.session = None;
                Ok(Looked::Leads(store))
            }
            // Somebody was faster, or shares it with nobody.
            Err(PostgresFailure::Locked) => Ok(Looked::Follows { leader, commits }),
            Err(failure) => Err(failure),
        }
    }

    /// Who leads; `None` where the tables are not there yet.
    fn seen(&mut self) -> Result<Option<Seen>, PostgresFailure> {
        let session = match &self.session {
            Some(session) => session,
            None => {
                let session = Session::open(&self.dsn, SessionUse::Read)?;
                if session.wait(JOB_WITHIN, schema::version(&session))? < VERSION {
                    return Ok(None);
                }
                self.session.insert(session)
            }
        };
        let sql = "SELECT holder, process, since, expires_at < clock_timestamp(), (SELECT count FROM commits) FROM lease";
        let row = session.wait(RENEW_WITHIN, session.row(sql, &[]))?;
        let row = row.ok_or(PostgresFailure::Foreign("lease"))?;
        let holder: Option<&str> = row.try_get(0)?;
        let process: Option<i32> = row.try_get(1)?;
        let since: Option<String> = row.try_get(2)?;
        Ok(Some(Seen {
            leader: holder.and_then(|url| ExternalUrl::new(url).ok()),
            backend: process.zip(since).map(|(process, since)| Backend { process, since }),
            expired: row.try_get(3)?,
            commits: row.try_get(4)?,
        }))
    }
}

impl Standby for PostgresStandby {
    type Store = PostgresStore;

    fn look(&mut self) -> Result<Looked<PostgresStore>, StoreError> {
        self.try_look().map_err(|failure| {
            self.session = None;
            self.dsn.error(&failure)
        })
    }

    fn read(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::reader(self.dsn.clone()).map_err(|failure| self.dsn.error(&failure))
    }
}
