//! Compressed pieces of the page that are kept between scrapes. The series of an organisation's users change only when
//! a user's state does, and compressing them costs ten times what writing them does.

use super::deflate::{Deflater, Segment};
use super::facts::OrgFacts;
use super::users::UserLines;
use crate::domain::ids::OrgName;
use crate::domain::policy::{OrgPolicy, UserNames, UserSeries};
use crate::domain::users::StatusColumns;
use crate::domain::view::View;
use bytes::BytesMut;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How many users a piece holds: about 350 KiB of text, compressed in well under a millisecond, so that an organisation
/// of 100,000 users holds up nobody who shares the thread.
const USERS: usize = 256;

/// The pieces of all organisations; shared by all scrapes, bounded to the organisations of the View that was scraped last.
#[derive(Debug, Default)]
pub(super) struct Segments(Mutex<HashMap<OrgName, Arc<OrgSegments>>>);

/// The pieces of one organisation, each made when it is first asked for. They hold what they were made of, so that an
/// address that says the same is the same.
#[derive(Debug)]
pub(super) struct OrgSegments {
    policy: Arc<OrgPolicy>,
    columns: Arc<StatusColumns>,
    names: UserNames,
    blocks: Box<[OnceLock<Segment>]>,
}

impl Segments {
    /// Forgets organisations that `view` does not have, and all of them where users have no series.
    pub(super) fn retain(&self, view: &View) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = view.user_series == UserSeries::PerUser;
        kept.retain(|name, _| wanted && view.org(name).is_some());
    }

    /// The pieces that hold for an organisation; empty ones when something that they depend on has changed.
    pub(super) fn of(&self, facts: &OrgFacts, names: UserNames) -> Arc<OrgSegments> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = &facts.org.policy.name;
        if let Some(found) = kept.get(name).filter(|found| found.holds(facts, names)) {
            return Arc::clone(found);
        }
        let made = Arc::new(OrgSegments::new(facts, names));
        kept.insert(name.clone(), Arc::clone(&made));
        made
    }

    #[cfg(test)]
    pub(super) fn orgs(&self) -> Vec<OrgName> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<OrgName> = kept.keys().cloned().collect();
        names.sort();
        names
    }
}

impl OrgSegments {
    fn new(facts: &OrgFacts, names: UserNames) -> Self {
        let columns = Arc::clone(&facts.org.summary.columns);
        let blocks = columns.0.len().div_ceil(USERS);
        Self {
            policy: Arc::clone(&facts.org.policy),
            columns,
            names,
            blocks: std::iter::repeat_with(OnceLock::new).take(blocks).collect(),
        }
    }

    fn holds(&self, facts: &OrgFacts, names: UserNames) -> bool {
        Arc::ptr_eq(&self.policy, &facts.org.policy)
            && Arc::ptr_eq(&self.columns, &facts.org.summary.columns)
            && self.names == names
    }

    /// The piece of a number; `None` behind the last.
    pub(super) fn block(
        &self,
        index: usize,
        lines: &mut UserLines,
        deflater: &mut Deflater,
        text: &mut BytesMut,
    ) -> Option<Segment> {
        let made = self.blocks.get(index)?.get_or_init(|| {
            let first = index * USERS;
            text.clear();
            lines.fill(text, &self.columns, first, first + USERS, usize::MAX);
            deflater.segment(text)
        });
        Some(made.clone())
    }
}
