//! How one user stands: what fails for them, in a word.

use super::{LiveSources, UserEntry};
use crate::ids::closed_set;
use crate::policy::{Connection, OrgPolicy, Product};
use crate::readings::Current;
use crate::rows::{Status, UserRow, UserValue};
use crate::time::Timestamp;

/// The rows whose X means that the user does not sync, in the order in which they are looked at:
/// configuration, version, service account, addresses, folder; the Outlook integration last, where it matters.
pub const FAILURE_ORDER: [UserRow; 8] = [
    UserRow::ActiveConfiguration,
    UserRow::MailboxVersion,
    UserRow::ServiceAccount,
    UserRow::ContactsLinked,
    UserRow::EventsLinked,
    UserRow::ContactsFolder,
    UserRow::EventsFolder,
    UserRow::OutlookIntegration,
];

closed_set! {
    /// How a user stands, in a word.
    Standing {
        /// A check fails that counts.
        Failing = "failing",
        /// A reset holds findings back.
        Resetting = "resetting",
        /// A reset or a first sync lasts longer than it may.
        Stuck = "stuck",
        /// Nothing fails, and every check that counts is known.
        Healthy = "healthy",
        /// Nothing fails of what is known, and not every check that counts is.
        PartlyKnown = "partly_known",
        /// Should not sync.
        Excluded = "excluded",
        /// On the way to the successor product.
        Leaving = "leaving",
        /// Nothing is known of any check.
        Unknown = "unknown",
    }
}

/// How a user stands, with the row and the time where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerdict {
    /// The first failing check that counts, and since when.
    Failing(UserRow, Timestamp),
    /// A reset runs or waits, younger than its limit: other findings are held back.
    Resetting,
    /// Left, or should never sync: neither failing nor healthy.
    Excluded,
    /// On the way to the successor product.
    Leaving,
    /// The row of a reset or a first sync that lasts longer than it may, and since when it lasts. No check fails.
    Stuck(UserRow, Timestamp),
    /// Every check that counts is known and nothing fails.
    Healthy,
    /// Something is known, not everything, and nothing fails.
    PartlyKnown,
    /// Nothing is known of any check.
    Unknown,
}

impl UserVerdict {
    /// In a word.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Failing(..) => Standing::Failing,
            Self::Resetting => Standing::Resetting,
            Self::Excluded => Standing::Excluded,
            Self::Leaving => Standing::Leaving,
            Self::Stuck(..) => Standing::Stuck,
            Self::Healthy => Standing::Healthy,
            Self::PartlyKnown => Standing::PartlyKnown,
            Self::Unknown => Standing::Unknown,
        }
    }

    /// The check that fails, and since when.
    pub const fn failing(self) -> Option<(UserRow, Timestamp)> {
        if let Self::Failing(row, since) = self { Some((row, since)) } else { None }
    }
}

/// Judges one user at `now`.
pub fn verdict(
    user: &UserEntry,
    policy: &OrgPolicy,
    live: &LiveSources,
    now: Timestamp,
) -> UserVerdict {
    if policy.exclude_users.contains(&user.name) {
        return UserVerdict::Excluded;
    }
    let status = |row| user.status(row, live);
    let since = |row| user.current(row, live).map_or(Timestamp::MIN, |current| current.changed_at);
    if policy.migrating(now) && status(UserRow::ActiveConfiguration) == Status::No {
        return UserVerdict::Leaving;
    }
    let hangs = Hanging { user, policy, live };
    if hangs.row(UserRow::Reset, now) == Some(false) {
        return UserVerdict::Resetting;
    }
    let counts = |row: &UserRow| counts(*row, policy);
    let checks = || FAILURE_ORDER.into_iter().filter(counts);
    if let Some(row) = checks().find(|row| status(*row) == Status::No) {
        return UserVerdict::Failing(row, since(row));
    }
    if directions(policy).all(|row| status(row) == Status::NotSetToSync) {
        return UserVerdict::Excluded;
    }
    let stuck = std::iter::once(UserRow::Reset)
        .chain(directions(policy))
        .find(|row| hangs.row(*row, now) == Some(true));
    if let Some(row) = stuck {
        return UserVerdict::Stuck(row, since(row));
    }
    let known = |row: UserRow| status(row) != Status::Unknown;
    if !UserRow::checks().any(known) {
        return UserVerdict::Unknown;
    }
    // The successor product reports only some of these rows, and without an account nothing recognises one.
    let all_known = policy.product == Product::EinsteinActivityCapture
        || checks()
            .filter(|row| {
                *row != UserRow::ServiceAccount || policy.connection == Connection::ServiceAccount
            })
            .all(known);
    if all_known { UserVerdict::Healthy } else { UserVerdict::PartlyKnown }
}

/// Whether a row means anything for what the organisation syncs.
fn counts(row: UserRow, policy: &OrgPolicy) -> bool {
    policy.covers(row) && (row != UserRow::OutlookIntegration || policy.reps_select_events)
}

/// The directions of what the organisation syncs.
pub(super) fn directions(policy: &OrgPolicy) -> impl Iterator<Item = UserRow> {
    UserRow::ALL.into_iter().filter(|row| row.is_direction() && counts(*row, policy))
}

/// What of a user may last only so long.
struct Hanging<'a> {
    user: &'a UserEntry,
    policy: &'a OrgPolicy,
    live: &'a LiveSources,
}

impl Hanging<'_> {
    /// When a row's reset or first sync, which waits or runs, began and until when it may, as `judge` counts.
    fn limit(&self, row: UserRow, now: Timestamp) -> Option<(Current<UserValue>, Timestamp)> {
        let current = self.user.current(row, self.live)?;
        let limit = match self.user.status(row, self.live) {
            Status::MarkedForReset | Status::ResetInProgress => self.policy.reset_limit,
            Status::InitialSyncInProgress => self.policy.initial_sync_limit,
            Status::NotStarted
                if !self.policy.setting_up(now)
                    && self.user.status(UserRow::ActiveConfiguration, self.live) == Status::Yes =>
            {
                self.policy.initial_sync_limit
            }
            Status::NotStarted
            | Status::Yes
            | Status::No
            | Status::None
            | Status::InitialSyncCompleted
            | Status::SyncInProgress
            | Status::InSync
            | Status::NotSetToSync
            | Status::Unknown => return None,
        };
        Some((current, current.changed_at.plus(limit)))
    }

    /// Whether it lasts longer than it may; `None` when nothing waits or runs. A reset is judged by the clock; what is
    /// stale only by what was already so when it was read.
    fn row(&self, row: UserRow, now: Timestamp) -> Option<bool> {
        let (current, until) = self.limit(row, now)?;
        let seen_at =
            if current.stale && row != UserRow::Reset { current.observed_at } else { now };
        Some(seen_at > until)
    }
}

/// When a limit turns a user's verdict without a new report.
pub(super) fn turns_at(
    user: &UserEntry,
    policy: &OrgPolicy,
    live: &LiveSources,
    now: Timestamp,
) -> Option<Timestamp> {
    let hangs = Hanging { user, policy, live };
    std::iter::once(UserRow::Reset)
        .chain(directions(policy))
        .filter_map(|row| hangs.limit(row, now))
        .map(|(_, until)| until)
        .filter(|until| *until >= now)
        .min()
}
