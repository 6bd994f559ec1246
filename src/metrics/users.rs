//! The series of single users: most of a large page, so they are written from prepared pieces. A line is the
//! organisation's and the user's part, made once a user, and one of a few endings that never change.

use super::encoder::{Quotes, put_escaped};
use crate::domain::policy::{OrgPolicy, UserNames};
use crate::domain::rows::{Status, UserRow};
use crate::domain::users::{StatusColumns, UserStatuses};
use bytes::BytesMut;
use enum_map::EnumMap;
use std::sync::LazyLock;

/// How the lines of one organisation's users are written.
#[derive(Debug)]
pub(super) struct UserLines {
    /// Up to the opening quote of the user label.
    prefix: Vec<u8>,
    names: UserNames,
    /// The checks that the organisation has, with their endings.
    checks: Vec<(UserRow, &'static EnumMap<Status, Vec<u8>>)>,
    /// The beginning of the lines of one user; kept for its room.
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

    /// Writes the lines of a user.
    pub(super) fn put(&mut self, out: &mut BytesMut, user: &UserStatuses) {
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
