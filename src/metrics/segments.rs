//! Compressed series of the users of an organisation, which are kept between scrapes: they change only when a user's
//! state does, and compressing them costs ten times what writing them does.

use super::deflate::{Deflater, Segment};
use super::facts::OrgFacts;
use super::users::UserLines;
use crate::domain::policy::{OrgPolicy, UserNames};
use crate::domain::users::StatusColumns;
use bytes::BytesMut;
use std::sync::{Arc, OnceLock};

/// How many users a piece holds: about 350 KiB of text, compressed in well under a millisecond, so that an organisation
/// of 100,000 users holds up nobody who shares the thread.
const USERS: usize = 256;

/// The pieces of the users of one organisation, each made when it is first asked for. They hold what they were made of, so that an
/// address that says the same is the same.
#[derive(Debug)]
pub(super) struct OrgSegments {
    policy: Arc<OrgPolicy>,
    columns: Arc<StatusColumns>,
    names: UserNames,
    blocks: Box<[OnceLock<Segment>]>,
}

impl OrgSegments {
    pub(super) fn new(facts: &OrgFacts, names: UserNames) -> Self {
        let columns = Arc::clone(&facts.users.summary.columns);
        let blocks = columns.0.len().div_ceil(USERS);
        Self {
            policy: Arc::clone(&facts.policy),
            columns,
            names,
            blocks: std::iter::repeat_with(OnceLock::new).take(blocks).collect(),
        }
    }

    pub(super) fn holds(&self, facts: &OrgFacts, names: UserNames) -> bool {
        Arc::ptr_eq(&self.policy, &facts.policy)
            && Arc::ptr_eq(&self.columns, &facts.users.summary.columns)
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
