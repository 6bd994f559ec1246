//! The series of single users: most of a large page, so they are written from prepared pieces. A line is the
//! organisation's and the user's part, made once a user, and one of a few endings that never change.

use super::encoder::{Quotes, put_escaped};
use super::facts::OrgFacts;
use super::gzip::{CompressedPiece, Deflater};
use crate::domain::policy::{OrgPolicy, UserNames};
use crate::domain::rows::{Status, UserRow};
use crate::domain::users::{StatusColumns, UserStatuses};
use bytes::BytesMut;
use enum_map::EnumMap;
use std::sync::{Arc, LazyLock, OnceLock};

/// How the lines of one organisation's users are written.
#[derive(Debug)]
pub(super) struct UserLines {
    /// Up to the opening quote of the user label.
    prefix: Vec<u8>,
    names: UserNames,
    /// The checks that the organisation has, with their endings.
    checks: Vec<(UserRow, &'static EnumMap<Status, Vec<u8>>)>,
    /// The beginning of the lines of one user; its allocation is used again.
    line: BytesMut,
}

impl UserLines {
    /// For the users of the organisation of `policy`.
    pub(super) fn new(name: &str, policy: &OrgPolicy, names: UserNames) -> Self {
        let endings: &'static EnumMap<UserRow, EnumMap<Status, Vec<u8>>> = &ENDINGS;
        let checks = UserRow::checks()
            .filter(|row| policy.covers(*row))
            .map(|row| (row, &endings[row]))
            .collect();
        let org = &policy.name;
        Self {
            // An organisation's name has no character that wants escaping.
            prefix: format!("{name}{{org=\"{org}\",user=\"").into_bytes(),
            names,
            checks,
            line: BytesMut::new(),
        }
    }

    fn put(&mut self, out: &mut BytesMut, user: &UserStatuses) {
        self.line.clear();
        self.line.extend_from_slice(&self.prefix);
        let label = match self.names {
            UserNames::Pseudonym => &*user.pseudonym,
            UserNames::Plain => user.name.as_str(),
        };
        put_escaped(&mut self.line, label, Quotes::Escaped);
        for (row, endings) in &self.checks {
            out.extend_from_slice(&self.line);
            out.extend_from_slice(&endings[user.statuses[*row]]);
        }
    }

    /// Writes users from `next` on until `out` holds `enough` bytes or `upto` is reached; says where to go on.
    pub(super) fn fill(
        &mut self,
        out: &mut BytesMut,
        columns: &StatusColumns,
        next: usize,
        upto: usize,
        enough: usize,
    ) -> usize {
        let users = columns.0.get(next..upto.min(columns.0.len()));
        let mut at = next;
        for user in users.unwrap_or_default() {
            if out.len() >= enough {
                break;
            }
            self.put(out, user);
            at += 1;
        }
        at
    }
}

/// Everything after the user label.
static ENDINGS: LazyLock<EnumMap<UserRow, EnumMap<Status, Vec<u8>>>> = LazyLock::new(|| {
    EnumMap::from_fn(|row: UserRow| {
        EnumMap::from_fn(|status| {
            format!("\",check=\"{}\",status=\"{status}\"}} 1\n", row.check()).into_bytes()
        })
    })
});

/// How many users a piece holds: about 350 KiB of text, compressed in well under a millisecond, so that an organisation
/// of 100,000 users holds up nobody who shares the thread.
const USERS: usize = 256;

/// Compressed series of the users of one organisation, which serve later scrapes too: they change only when a user's
/// state does, and compressing them costs ten times what writing them does. Each piece is made at its first use. They
/// hold what they were made of, so that an address that says the same is the same.
#[derive(Debug)]
pub(super) struct UserPieces {
    policy: Arc<OrgPolicy>,
    columns: Arc<StatusColumns>,
    names: UserNames,
    blocks: Box<[OnceLock<CompressedPiece>]>,
}

impl UserPieces {
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
    ) -> Option<CompressedPiece> {
        let made = self.blocks.get(index)?.get_or_init(|| {
            let first = index * USERS;
            text.clear();
            lines.fill(text, &self.columns, first, first + USERS, usize::MAX);
            deflater.compress(text)
        });
        Some(made.clone())
    }
}
