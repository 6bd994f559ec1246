//! What a source that asks tells besides rows. It is not stored: the next poll tells it again.

use super::ids::Source;
use super::policy::Product;
use super::rows::{Status, UserRow};
use super::setup::SetupTrail;
use super::time::Timestamp;
use super::users::UserEntry;
use super::view::OrgView;
use std::collections::HashMap;
use std::sync::Arc;

/// Polls of a source that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollFailing {
    /// When the first of them began.
    pub since: Timestamp,
    /// The closed reason of the latest.
    pub reason: &'static str,
    /// What somebody can do about it.
    pub advice: &'static str,
}

/// What the successor product says of a user, as it writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessorNote {
    /// Whether a configuration names the user.
    pub configured: bool,
    /// The state of the connection.
    pub connectivity: &'static str,
    /// The state of the first sync.
    pub onboarding: &'static str,
    /// What it recommends to do.
    pub recommended: Option<Arc<str>>,
}

/// The successor product's users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Successor {
    /// By name and by mail address, in small letters.
    pub users: HashMap<String, Arc<SuccessorNote>>,
}

impl Successor {
    /// What it says of a user.
    pub fn of(&self, user: &UserEntry) -> Option<&SuccessorNote> {
        let name = user.name.as_str().to_lowercase();
        self.users.get(&name).map(Arc::as_ref)
    }
}

/// What sources that ask told last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceState {
    /// Sources whose polls fail, by [`Source::index`].
    pub failing: [Option<PollFailing>; Source::COUNT],
    /// The successor product's users, where they were seen.
    pub successor: Option<Arc<Successor>>,
    /// Changes of the set-up.
    pub setup: SetupTrail,
}

impl SourceState {
    /// Why polls of a source fail, if they do.
    pub fn failing(&self, source: Source) -> Option<PollFailing> {
        self.failing.get(source.index()).copied().flatten()
    }
}

impl OrgView {
    /// What the successor product says of a user, while somebody who sees it is live.
    pub fn note(&self, user: &UserEntry, now: Timestamp) -> Option<&SuccessorNote> {
        let successor = self.source_state.successor.as_deref()?;
        self.is_live(Source::Salesforce, now)
            .then(|| successor.of(user))?
    }

    /// Whether a user of Lightning Sync is in its successor already; `None` for who does not use it, or where nobody
    /// sees the successor's users.
    pub fn moved(&self, user: &UserEntry, now: Timestamp) -> Option<bool> {
        let successor = self.source_state.successor.as_deref()?;
        self.is_live(Source::Salesforce, now)
            .then(|| self.moved_to(successor, user))?
    }

    /// Users who have not moved, and all who have to; `None` where nobody can say.
    pub fn not_moved(&self, successor: &Successor) -> Option<(u64, u64)> {
        let users = self.users.users.iter();
        let moved: Vec<bool> = users
            .filter_map(|user| self.moved_to(successor, user))
            .collect();
        let left = moved.iter().filter(|moved| !**moved).count();
        (!moved.is_empty()).then_some((left as u64, moved.len() as u64))
    }

    fn moved_to(&self, successor: &Successor, user: &UserEntry) -> Option<bool> {
        let page = user.readings.iter().find(|(by, _)| *by == Source::Snapshot);
        let assigned = page
            .and_then(|(_, cells)| cells.get(UserRow::ActiveConfiguration))
            .is_some_and(|cell| cell.value as usize == Status::Yes.index());
        let ours = self.policy.product == Product::LightningSync
            && assigned
            && !self.policy.exclude_users.contains(&user.name);
        ours.then(|| successor.of(user).is_some_and(|note| note.configured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::causes::Cause;
    use crate::domain::ids::{OrgName, UserName};
    use crate::domain::judge::judge_org;
    use crate::domain::policy::OrgPolicy;
    use crate::domain::users::{UserCells, UserTable};
    use crate::domain::view::{SourceReport, bare};

    fn user(name: &str, status: Status) -> UserEntry {
        let mut cells = UserCells::default();
        let at = Timestamp::from_seconds(0);
        cells.take(UserRow::ActiveConfiguration, status.index() as u32, at);
        UserEntry {
            name: UserName::new(name).unwrap(),
            pseudonym: name.into(),
            readings: Arc::from([(Source::Snapshot, cells)]),
        }
    }

    #[test]
    fn only_assigned_users_of_lightning_sync_have_moved_or_not() {
        let now = Timestamp::from_seconds(60);
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy
            .exclude_users
            .insert(UserName::new("left@b.c").unwrap());
        let mut org = bare(Arc::new(policy), now);
        let users = [
            user("Ann@b.c", Status::Yes),
            user("bob@b.c", Status::Yes),
            user("eve@b.c", Status::Yes),
            user("never@b.c", Status::No),
            user("left@b.c", Status::Yes),
        ];
        let moved = |org: &OrgView| {
            users
                .iter()
                .map(|user| org.moved(user, now))
                .collect::<Vec<_>>()
        };
        assert_eq!(moved(&org), [None; 5], "nobody sees the successor's users");
        let note = |configured| {
            Arc::new(SuccessorNote {
                configured,
                connectivity: "active",
                onboarding: "complete",
                recommended: None,
            })
        };
        let names = [("ann@b.c", true), ("bob@b.c", false)];
        let successor = Arc::new(Successor {
            users: names
                .map(|(name, configured)| (name.to_owned(), note(configured)))
                .into(),
        });
        org.source_state = Arc::new(SourceState {
            successor: Some(Arc::clone(&successor)),
            ..SourceState::default()
        });
        assert_eq!(moved(&org), [None; 5], "and not while the source is silent");
        org.sources[Source::Salesforce.index()] = Some(SourceReport {
            last_report_at: now,
        });
        let told = [Some(true), Some(false), Some(false), None, None];
        assert_eq!(moved(&org), told);
        org.users = Arc::new(UserTable {
            users: users.to_vec(),
            complete: true,
        });
        assert_eq!(org.not_moved(&successor), Some((2, 3)));
        let mut policy = (*org.policy).clone();
        policy.product = Product::EinsteinActivityCapture;
        org.policy = Arc::new(policy);
        assert_eq!(org.not_moved(&successor), None);
    }

    #[test]
    fn polls_that_fail_for_long_are_found() {
        let at = Timestamp::from_seconds;
        let policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        let mut org = bare(Arc::new(policy), at(0));
        let mut asked = SourceState::default();
        asked.failing[Source::Salesforce.index()] = Some(PollFailing {
            since: at(0),
            reason: "maintenance",
            advice: "Wait.",
        });
        org.source_state = Arc::new(asked);
        let found = |now| {
            let findings = judge_org(&org, true, now);
            findings
                .iter()
                .any(|finding| finding.cause == Cause::PollFailing)
        };
        assert_eq!([at(899), at(900)].map(found), [false, true]);
    }
}
