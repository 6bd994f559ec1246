//! The store on a PostgreSQL server: for those who run one anyway, with its replicas and backups.
//!
//! `dsn` says where it is, `session` is one connection, `schema` what is stored; `write`, `ledger`, `load` and `prune` are
//! the port's four jobs, and `failure` says what errors mean.
//!
//! What became of a commit whose connection was lost is only known to the server. The lock of the one writer belongs to the
//! session, so [`Store::reopen`] gets it when that commit is decided and can be seen, and not before: the windows are then
//! made anew from what is there, and whoever sends the same records again is answered that they are known.

mod columns;
mod dsn;
mod erase;
mod failure;
mod history;
mod lease;
mod ledger;
mod load;
mod prune;
mod schema;
mod session;
mod side;
mod tls;
mod write;

pub use dsn::PostgresDsn;
pub(super) use erase::erase;
use failure::PostgresFailure;
pub use history::PostgresHistory;
use lease::{Claim, LeaseKeeper};
pub use lease::{HeldLease, PostgresStandby};
use session::Session;
pub(super) use side::ServerSide;

use self::session::{Backend, JOB_WITHIN, SessionUse};
use super::ledger::{newest, tally};
use super::{Store, StoreError, StoreWrite, Stored, Written, fresh_identity};
use crate::domain::activity::{ActivityKind, IdentityKey};
use crate::domain::ids::{OrgId, OrgName};
use crate::domain::time::Timestamp;
use crate::domain::windows::{LaneTally, Ledger};
use std::time::{Duration, Instant};

/// A start reads every organisation and user; the supervisor waits longer than this.
const START_WITHIN: Duration = Duration::from_secs(60);
/// The most rows that one [`Store::prune`] removes: about 100 ms of the writer's time.
const PRUNE_ROWS: usize = 50_000;
/// The longest pause between two attempts to reach a server that is away; they double up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A PostgreSQL database, and the right to be its only writer.
pub struct PostgresStore {
    dsn: PostgresDsn,
    identity: IdentityKey,
    prune_rows: usize,
    /// `None` after a failure, until [`Store::reopen`].
    session: Option<Session>,
    backend: Backend,
    pause: Duration,
    retry_at: Instant,
    /// Where several daemons share the database: what renews the lease of this one.
    keeper: Option<LeaseKeeper>,
    /// How many organisations a reader has given numbers to.
    unknown_orgs: u32,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.dsn).finish()
    }
}

impl PostgresStore {
    /// Opens a database, and makes the tables where there are none; takes the lock of a single writer.
    ///
    /// # Errors
    /// [`StoreError::Locked`] beside another daemon, [`StoreError::TooNew`] after a later version, or whatever else keeps the
    /// database from being used.
    pub fn open(dsn: PostgresDsn) -> Result<Self, StoreError> {
        Self::open_with(dsn, PRUNE_ROWS)
    }

    /// The same, with as many rows as one [`Store::prune`] removes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(dsn: PostgresDsn, prune_rows: usize) -> Result<Self, StoreError> {
        let mut store =
            Self::claimed(dsn.clone(), Claim::Alone).map_err(|failure| dsn.error(&failure))?;
        store.prune_rows = prune_rows;
        Ok(store)
    }

    fn claimed(dsn: PostgresDsn, claim: Claim<'_>) -> Result<Self, PostgresFailure> {
        let (session, identity) = own(&dsn, None, claim)?;
        Ok(Self::of(dsn, session, identity))
    }

    /// A store for reading, where the schema is ours.
    fn reader(dsn: PostgresDsn) -> Result<Self, PostgresFailure> {
        let session = schema::open_reader(&dsn)?;
        let identity = session.wait(JOB_WITHIN, schema::identity(&session))?;
        Ok(Self::of(dsn, session, identity))
    }

    fn of(dsn: PostgresDsn, session: Session, identity: IdentityKey) -> Self {
        Self {
            dsn,
            identity,
            prune_rows: PRUNE_ROWS,
            backend: session.backend.clone(),
            session: Some(session),
            pause: FIRST_PAUSE,
            retry_at: Instant::now(),
            keeper: None,
            unknown_orgs: 0,
        }
    }

    /// Under which it writes.
    fn fence(&self) -> i64 {
        self.session.as_ref().map_or(lease::NO_FENCE, |session| session.fence.get())
    }

    fn session(&self) -> Result<&Session, StoreError> {
        self.session.as_ref().ok_or_else(|| {
            let reason = "an earlier write failed; it has to be opened anew first".to_owned();
            StoreError::Io { path: self.dsn.shown().to_owned(), reason }
        })
    }

    /// Runs one transaction; after an error the connection is given up, and with it what was not committed.
    fn write<T>(
        &mut self,
        within: Duration,
        job: impl AsyncFnOnce(&Session) -> Result<T, PostgresFailure>,
    ) -> Result<T, StoreError> {
        let session = self.session()?;
        let done = session.wait(within, job(session));
        done.map_err(|failure| self.failed(&failure))
    }

    fn failed(&mut self, failure: &PostgresFailure) -> StoreError {
        self.session = None;
        if let (Some(keeper), PostgresFailure::Deposed) = (&self.keeper, failure) {
            keeper.lose();
        }
        self.dsn.error(failure)
    }
}

/// Whoever waits for the lease need not wait for its end.
impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let (Some(keeper), Some(session)) = (&self.keeper, &self.session) {
            keeper.release(session);
        }
    }
}

/// Connects and becomes the only writer. Whoever knows the database's secret from before gets the same database or an error.
fn own(
    dsn: &PostgresDsn,
    known: Option<IdentityKey>,
    claim: Claim<'_>,
) -> Result<(Session, IdentityKey), PostgresFailure> {
    let session = Session::open(dsn, SessionUse::Write)?;
    let fresh = fresh_identity().map_err(PostgresFailure::Other)?;
    let identity = session.wait(START_WITHIN, async {
        schema::own(&session, fresh).await?;
        lease::claim(&session, claim).await?;
        schema::identity(&session).await
    })?;
    if known.is_some_and(|known| known.bytes() != identity.bytes()) {
        return Err(PostgresFailure::Other(
            "it is another database than before; put that one back, or restart the daemon to go on with what is there"
                .to_owned(),
        ));
    }
    Ok((session, identity))
}

/// Ends what is left of a session of ours on the server: over a cut network it would hold the lock for as long as nobody
/// notices.
async fn end(session: &Session, backend: &Backend) -> Result<(), PostgresFailure> {
    session
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2",
            &[&backend.process, &backend.since],
        )
        .await?;
    Ok(())
}

impl Ledger for PostgresStore {
    type Error = StoreError;

    fn tally(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<LaneTally>, StoreError> {
        tally(self.session()?, after, upto).map_err(|failure| self.dsn.error(&failure))
    }

    fn newest(&self, upto: Timestamp) -> Result<Vec<(OrgId, ActivityKind, Timestamp)>, StoreError> {
        newest(self.session()?, upto).map_err(|failure| self.dsn.error(&failure))
    }
}

impl Store for PostgresStore {
    fn load(&mut self, max_users: &dyn Fn(&OrgName) -> u64) -> Result<Stored, StoreError> {
        self.write(START_WITHIN, async |session| load::load(session, max_users).await)
    }

    fn org(&mut self, name: &OrgName, now: Timestamp) -> Result<(OrgId, Timestamp), StoreError> {
        if self.fence() == lease::NO_FENCE {
            let known =
                self.write(JOB_WITHIN, async |session| write::known_org(session, name).await)?;
            return Ok(known.unwrap_or_else(|| {
                self.unknown_orgs += 1;
                (OrgId(u32::MAX - self.unknown_orgs), now)
            }));
        }
        self.write(JOB_WITHIN, async |session| write::org(session, name, now).await)
    }

    fn commit(&mut self, writes: &[StoreWrite]) -> Result<Vec<Written>, StoreError> {
        self.write(JOB_WITHIN, async |session| write::commit(session, writes).await)
    }

    fn prune(
        &mut self,
        horizon: Timestamp,
        history_horizon: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = self.prune_rows;
        self.write(JOB_WITHIN, async |session| {
            prune::prune(session, horizon, history_horizon, rows).await
        })
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.session = None;
        let now = Instant::now();
        if now < self.retry_at {
            let reason = format!(
                "it did not answer; the next attempt is in {} s",
                self.retry_at.duration_since(now).as_secs() + 1
            );
            return Err(StoreError::Io { path: self.dsn.shown().to_owned(), reason });
        }
        let reopened = Session::open(&self.dsn, SessionUse::Read).and_then(|session| {
            session.wait(JOB_WITHIN, async {
                if let Some(keeper) = &self.keeper {
                    lease::prove_held(&session, keeper.fence()).await?;
                }
                end(&session, &self.backend).await
            })?;
            drop(session);
            let claim =
                self.keeper.as_ref().map_or(Claim::Alone, |keeper| Claim::Again(keeper.fence()));
            let (session, _) = own(&self.dsn, Some(self.identity), claim)?;
            session.wait(JOB_WITHIN, schema::prove_writable(&session))?;
            Ok(session)
        });
        match reopened {
            Ok(session) => {
                self.backend = session.backend.clone();
                self.session = Some(session);
                self.pause = FIRST_PAUSE;
                Ok(())
            }
            Err(failure) => {
                self.retry_at = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                Err(self.failed(&failure))
            }
        }
    }

    fn deposed(&self) -> bool {
        self.keeper.as_ref().is_some_and(LeaseKeeper::is_lost)
    }
}
