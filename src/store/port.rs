//! What the engine needs of a store: the writer's port and the shapes that go through it.

use super::StoreError;
use crate::domain::activity::{ActivityRecord, IdentityKey};
use crate::domain::alerts::{AlertId, AlertState};
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use crate::domain::incidents::Incidents;
use crate::domain::readings::Reading;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow};
use crate::domain::time::Timestamp;
use crate::domain::users::UserReadings;
use crate::domain::windows::Ledger;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// A row of a user that takes another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange {
    /// The row.
    pub row: UserRow,
    /// The state before.
    pub before: Status,
    /// The state from then on.
    pub after: Status,
    /// Since when, by the source's own time.
    pub at: Timestamp,
}

impl StatusChange {
    /// The changes of state from `old` to `new`. The first state that a source reports is no change.
    pub fn between(old: &UserReadings, new: &UserReadings) -> Vec<Self> {
        UserRow::checks()
            .filter_map(|row| {
                let (before, after) = (old.get(row)?, new.get(row)?);
                (before.value != after.value).then_some(Self {
                    row,
                    before: before.value.status(),
                    after: after.value.status(),
                    at: after.observed_at,
                })
            })
            .collect()
    }
}

/// Something to be written about an organisation; all writes of one [`Store::commit`] are one transaction.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields' types say what they are")]
pub enum StoreWrite {
    /// Records of activity. Those before `horizon` are not stored; the newest of each kind is noted as expired.
    Activity { org: OrgId, records: Arc<[ActivityRecord]>, horizon: Timestamp },
    /// A reading that holds from now on; a change of value also goes into the history.
    Reading { org: OrgId, row: OrgRow, source: Source, reading: Reading<OrgValue> },
    /// All readings that a source has of a user, and the rows whose state differs from before, for the history.
    User {
        org: OrgId,
        source: Source,
        user: UserName,
        readings: Box<UserReadings>,
        changes: Vec<StatusChange>,
    },
    /// A user that a source no longer lists.
    ForgetUser { org: OrgId, source: Source, user: UserName },
    /// When a source last reported, and whether its latest list of users was whole; `None` leaves that as it is.
    SourceHeartbeat { org: OrgId, source: Source, at: Timestamp, users_complete: Option<bool> },
    /// What a source has to know after a restart, in its own form; replaces what was stored before.
    SourceMemory { org: OrgId, source: Source, bytes: Arc<[u8]> },
    /// Since when activity has answered for an object type without a gap.
    Covered { org: OrgId, object_type: ObjectType, since: Timestamp },
    /// All that was found, in the place of what was found before.
    Incidents { org: OrgId, incidents: Arc<Incidents> },
    /// How far an alert has got; `None`: nothing is left to be known of it. `org` is the number of its organisation.
    Alert { org: Option<OrgId>, id: AlertId, state: Option<AlertState> },
    /// The latest time that this daemon has seen, so that a clock that lies behind is noticed at the next start.
    ClockSeen { at: Timestamp },
}

/// What became of one [`StoreWrite::Activity`]; empty for the other writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// For each record whether it was taken for the first time.
    pub fresh: Vec<bool>,
    /// How many were too old to be stored.
    pub expired: u64,
    /// What lay before was too old: the write's horizon, or later where records have been pruned already and what comes
    /// again could not be distinguished from what is new.
    pub horizon: Option<Timestamp>,
}

/// What an organisation had when the daemon last wrote.
#[derive(Debug, Clone)]
pub struct StoredOrg {
    /// The store's number for it.
    pub id: OrgId,
    /// Its name.
    pub name: OrgName,
    /// When it was first configured here.
    pub known_since: Timestamp,
    /// Readings of its rows.
    pub readings: Vec<(OrgRow, Source, Reading<OrgValue>)>,
    /// Its users, with what each source says of them. Shared as the engine holds it, so that a start needs no second copy.
    pub users: BTreeMap<UserName, Arc<[(Source, UserReadings)]>>,
    /// Whether there are more users than were read.
    pub users_left_out: bool,
    /// When each source last reported, and whether its list of users was whole.
    pub heartbeats: Vec<(Source, Timestamp, bool)>,
    /// What sources have to know after a restart.
    pub memories: Vec<(Source, Arc<[u8]>)>,
    /// Since when activity has answered.
    pub covered: Vec<(ObjectType, Timestamp)>,
    /// What was found.
    pub incidents: Incidents,
}

impl StoredOrg {
    /// Adds what a source says of a user.
    pub fn add_user(&mut self, source: Source, user: UserName, readings: UserReadings) {
        match self.users.entry(user) {
            Entry::Vacant(user) => drop(user.insert(Arc::new([(source, readings)]))),
            Entry::Occupied(mut user) => {
                let others = user.get().iter().cloned();
                let all = others.chain([(source, readings)]).collect();
                user.insert(all);
            }
        }
    }
}

/// Everything that a start needs.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The secret of record identities.
    pub identity: IdentityKey,
    /// The latest [`StoreWrite::ClockSeen`].
    pub clock_seen: Option<Timestamp>,
    /// The organisations, configured or not.
    pub orgs: Vec<StoredOrg>,
    /// How far alerts have got.
    pub alerts: Vec<(AlertId, AlertState)>,
}

/// The writer's side. After an error nothing of the failed call may be relied on; [`Self::reopen`] comes first.
pub trait Store: Ledger<Error = StoreError> + Send {
    /// Reads what survived; of each organisation and source at most so many users, so that memory and time of a start are
    /// bounded whatever was stored under a higher limit.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn load(&mut self, max_users: &dyn Fn(&OrgName) -> u64) -> Result<Stored, StoreError>;

    /// The number of an organisation, made at its first mention with `now` as the time it is known since.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn org(&mut self, name: &OrgName, now: Timestamp) -> Result<(OrgId, Timestamp), StoreError>;

    /// Writes everything, or nothing, and returns when it is on disk. One [`Written`] for each write, in order.
    ///
    /// # Errors
    /// When it is not certain that everything is on disk.
    fn commit(&mut self, writes: &[StoreWrite]) -> Result<Vec<Written>, StoreError>;

    /// Drops activity before `horizon` and history before `history_horizon`, at most a bounded amount a call.
    /// Says whether more is left.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn prune(&mut self, horizon: Timestamp, history_horizon: Timestamp)
    -> Result<bool, StoreError>;

    /// Closes, opens and checks the database after an error. Where it can be read and not yet written (a full disk),
    /// [`Ledger`] answers again although this fails.
    ///
    /// # Errors
    /// When it still does not work.
    fn reopen(&mut self) -> Result<(), StoreError>;

    /// Whether another daemon became the writer, so that this one never writes again.
    fn deposed(&self) -> bool {
        false
    }
}

/// What a daemon finds that wants to become the writer of a database which several daemons share.
#[derive(Debug)]
pub enum Looked<S> {
    /// It is the writer now.
    Leads(S),
    /// Another one is.
    Follows {
        /// Where that one is reached, if it says so.
        leader: Option<ExternalUrl>,
        /// Another number when something was committed meanwhile.
        commits: i64,
    },
}

/// The place of a daemon beside the writer of a database which several daemons share.
pub trait Standby: Send {
    /// The database, for the writer and for readers.
    type Store: Store;

    /// Becomes the writer where there is none.
    ///
    /// # Errors
    /// When the database cannot be reached, or is not ours.
    fn look(&mut self) -> Result<Looked<Self::Store>, StoreError>;

    /// Opens the database to read from it: what writes fails, and an organisation that it does not know has a number that
    /// stands for nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self) -> Result<Self::Store, StoreError>;
}
