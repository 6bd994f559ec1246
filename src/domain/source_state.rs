//! What polled sources report besides rows, each on its own. It is not stored: the next poll reports it again.

use super::canary::CanaryReport;
use super::exchange_log::ExchangeCalls;
use super::ids::{Source, UserName};
use super::policy::Product;
use super::probe::ProbeReport;
use super::rows::{Status, UserRow};
use super::setup::SetupTrail;
use super::time::Timestamp;
use super::users::UserEntry;
use super::view::OrgView;
use std::collections::{BTreeMap, HashMap};
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
    /// When the user logged in last, as far as it was read: the state of the connection is as old.
    pub logged_in_at: Option<Timestamp>,
}

/// The successor product's users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Successor {
    /// By name and by mail address.
    pub users: HashMap<UserName, Arc<SuccessorNote>>,
}

impl Successor {
    /// What it says of a user.
    pub fn of(&self, user: &UserEntry) -> Option<&SuccessorNote> {
        self.users.get(&user.name).map(Arc::as_ref)
    }
}

/// What a polled source knows besides the article's rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceFacts {
    /// The successor product's users, where they were seen.
    pub successor: Option<Arc<Successor>>,
    /// Active users who are assigned to the successor product and not among its users.
    pub unlisted: Option<u64>,
    /// Changes of the set-up.
    pub setup: SetupTrail,
    /// What Exchange's logs say of Salesforce's calls, where they are read.
    pub exchange_calls: Option<Arc<ExchangeCalls>>,
    /// What a probe of Exchange found, step by step.
    pub probe: Option<Arc<ProbeReport>>,
    /// What the canary found.
    pub canary: Option<Arc<CanaryReport>>,
}

/// The state of one polled source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceState {
    /// Why its polls fail, while they do.
    pub failing: Option<PollFailing>,
    /// What it reported last.
    pub facts: SourceFacts,
}

/// The states of an organisation's polled sources, by the sources' names: a watched directory has one too, although no
/// reading is ever `files`'.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceStates {
    states: BTreeMap<&'static str, SourceState>,
    memories: BTreeMap<Source, Arc<[u8]>>,
}

impl SourceStates {
    /// Replaces the state of one source; `None`: it is no longer polled.
    pub fn set(&mut self, source: &'static str, state: Option<SourceState>) {
        match state {
            Some(state) => drop(self.states.insert(source, state)),
            None => drop(self.states.remove(source)),
        }
    }

    /// Forgets how sources are doing, because nobody polls them; what they have to know after a restart stays.
    pub fn forget(&mut self) {
        self.states.clear();
    }

    /// Stores what a source has to know after a restart.
    pub fn remember(&mut self, source: Source, memory: Arc<[u8]>) {
        self.memories.insert(source, memory);
    }

    /// What a source has to know after a restart, in its own form.
    pub fn memory(&self, source: Source) -> Option<&[u8]> {
        self.memories.get(&source).map(AsRef::as_ref)
    }

    /// The state of a source, if it is polled.
    pub fn of(&self, source: &str) -> Option<&SourceState> {
        self.states.get(source)
    }

    /// Whether any source is polled.
    pub fn any(&self) -> bool {
        !self.states.is_empty()
    }

    /// The sources whose polls fail, and why.
    pub fn failing(&self) -> impl Iterator<Item = (&'static str, PollFailing)> {
        self.states.iter().filter_map(|(source, state)| Some((*source, state.failing?)))
    }

    /// The successor product's users, from whichever source sees them.
    pub fn successor(&self) -> Option<&Successor> {
        self.states.values().find_map(|state| state.facts.successor.as_deref())
    }

    /// Active users who are assigned to the successor product and not among its users, where somebody sees that.
    pub fn unlisted(&self) -> Option<u64> {
        self.states.values().find_map(|state| state.facts.unlisted)
    }

    /// What Exchange's logs say of Salesforce's calls, where they are read.
    pub fn exchange_calls(&self) -> Option<&ExchangeCalls> {
        self.states.values().find_map(|state| state.facts.exchange_calls.as_deref())
    }

    /// What a probe of Exchange found, from whichever source probes.
    pub fn probe(&self) -> Option<&ProbeReport> {
        self.states.values().find_map(|state| state.facts.probe.as_deref())
    }

    /// What the canary found, where there is one.
    pub fn canary(&self) -> Option<&CanaryReport> {
        self.states.values().find_map(|state| state.facts.canary.as_deref())
    }

    /// Changes of the set-up, from whichever source reads them.
    pub fn setup(&self) -> &SetupTrail {
        self.states
            .values()
            .map(|state| &state.facts.setup)
            .max_by_key(|trail| match trail {
                SetupTrail::Off => 0,
                SetupTrail::NotRead => 1,
                SetupTrail::Read(_) => 2,
            })
            .unwrap_or(&SetupTrail::Off)
    }
}

impl OrgView {
    /// What the successor product says of a user, while somebody who sees it is live.
    pub fn note(&self, user: &UserEntry, now: Timestamp) -> Option<&SuccessorNote> {
        let successor = self.source_states.successor()?;
        self.is_live(Source::Salesforce, now).then(|| successor.of(user))?
    }

    /// Whether a user of Lightning Sync is in its successor already; `None` for who does not use it, or where nobody
    /// sees the successor's users.
    pub fn moved(&self, user: &UserEntry, now: Timestamp) -> Option<bool> {
        let successor = self.source_states.successor()?;
        self.is_live(Source::Salesforce, now).then(|| self.moved_to(successor, user))?
    }

    /// Users who have not moved, and all who have to; `None` where nobody can say.
    pub fn not_moved(&self, successor: &Successor) -> Option<(u64, u64)> {
        let users = self.users.users.iter();
        let moved: Vec<bool> = users.filter_map(|user| self.moved_to(successor, user)).collect();
        let left = moved.iter().filter(|moved| !**moved).count();
        (!moved.is_empty()).then_some((left as u64, moved.len() as u64))
    }

    fn moved_to(&self, successor: &Successor, user: &UserEntry) -> Option<bool> {
        let page = user.of_source(Source::Snapshot);
        let assigned = page
            .and_then(|readings| readings.get(UserRow::ActiveConfiguration))
            .is_some_and(|reading| reading.value.status() == Status::Yes);
        let ours = self.policy.product == Product::LightningSync
            && assigned
            && !self.policy.exclude_users.contains(&user.name);
        ours.then(|| successor.of(user).is_some_and(|note| note.configured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::Cause;
    use crate::ids::{OrgId, OrgName, UserName};
    use crate::judge::judge_org;
    use crate::policy::OrgPolicy;
    use crate::users::{UserReadings, UserTable};

    fn user(name: &str, status: Status) -> UserEntry {
        let mut readings = UserReadings::default();
        let at = Timestamp::from_seconds(0);
        readings.take(UserRow::ActiveConfiguration, status.into(), at);
        UserEntry {
            name: UserName::new(name).unwrap(),
            pseudonym: name.into(),
            readings: Arc::from([(Source::Snapshot, readings)]),
        }
    }

    #[test]
    fn only_assigned_users_of_lightning_sync_have_moved_or_not() {
        let now = Timestamp::from_seconds(60);
        let mut policy = OrgPolicy::defaults(OrgName::new("acme").unwrap());
        policy.exclude_users.insert(UserName::new("left@b.c").unwrap());
        let mut org = OrgView::new(OrgId(1), Arc::new(policy), now, now);
        let users = [
            user("Ann@b.c", Status::Yes),
            user("bob@b.c", Status::Yes),
            user("eve@b.c", Status::Yes),
            user("never@b.c", Status::No),
            user("left@b.c", Status::Yes),
        ];
        let moved =
            |org: &OrgView| users.iter().map(|user| org.moved(user, now)).collect::<Vec<_>>();
        assert_eq!(moved(&org), [None; 5], "nobody sees the successor's users");
        let note = |configured| {
            Arc::new(SuccessorNote {
                configured,
                connectivity: "active",
                onboarding: "complete",
                recommended: None,
                logged_in_at: None,
            })
        };
        let names = [("ann@b.c", true), ("bob@b.c", false)];
        let successor = Arc::new(Successor {
            users: names
                .map(|(name, configured)| (UserName::new(name).unwrap(), note(configured)))
                .into(),
        });
        let facts =
            SourceFacts { successor: Some(Arc::clone(&successor)), ..SourceFacts::default() };
        let state = SourceState { failing: None, facts };
        Arc::make_mut(&mut org.source_states).set("salesforce", Some(state));
        assert_eq!(moved(&org), [None; 5], "and not while the source is silent");
        assert!(users.iter().all(|user| org.note(user, now).is_none()));
        org.last_report[Source::Salesforce] = Some(now);
        let expected = [Some(true), Some(false), Some(false), None, None];
        assert_eq!(moved(&org), expected);
        let noted = |org: &OrgView, now| users.each_ref().map(|user| org.note(user, now).is_some());
        assert_eq!(noted(&org, now), [true, true, false, false, false]);
        org.users = Arc::new(UserTable { users: users.to_vec(), complete: true });
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
        let mut org = OrgView::new(OrgId(1), Arc::new(policy), at(0), at(0));
        let failing = |source, failing: bool, org: &mut OrgView| {
            let failing = failing.then_some(PollFailing {
                since: at(0),
                reason: "maintenance",
                advice: "Wait.",
            });
            let state = SourceState { failing, ..SourceState::default() };
            Arc::make_mut(&mut org.source_states).set(source, Some(state));
        };
        let found = |org: &OrgView, now| {
            let findings = judge_org(org, true, now);
            findings.iter().any(|finding| finding.cause == Cause::PollFailing)
        };
        // A watched directory is judged as Salesforce is.
        for source in ["salesforce", "files"] {
            failing(source, true, &mut org);
            assert_eq!([at(899), at(900)].map(|now| found(&org, now)), [false, true], "{source}");
            failing(source, false, &mut org);
        }
        // What one source reports erases nothing of another's.
        failing("salesforce", true, &mut org);
        failing("files", false, &mut org);
        assert!(found(&org, at(900)));
        Arc::make_mut(&mut org.source_states).set("salesforce", None);
        assert!(!found(&org, at(900)));
    }

    #[test]
    fn what_any_source_reports_is_found_and_forgotten_with_it() {
        let at = Timestamp::from_seconds;
        let changes = crate::setup::SetupChanges { since: at(0), read_at: at(1), latest: vec![] };
        let read = SetupTrail::Read(Arc::new(changes));
        let mut states = SourceStates::default();
        assert_eq!((states.unlisted(), states.setup()), (None, &SetupTrail::Off));
        states.remember(Source::Salesforce, Arc::from([1]));
        for (source, unlisted, setup) in
            [("files", None, SetupTrail::NotRead), ("salesforce", Some(7), read.clone())]
        {
            let facts = SourceFacts { unlisted, setup, ..SourceFacts::default() };
            states.set(source, Some(SourceState { failing: None, facts }));
        }
        assert_eq!((states.unlisted(), states.setup()), (Some(7), &read));
        states.forget();
        assert!(!states.any());
        assert_eq!(states.memory(Source::Salesforce), Some(&[1][..]));
    }
}
