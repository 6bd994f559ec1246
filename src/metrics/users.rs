//! The series of single users: most of a large page, so they are written from prepared pieces. A line is the
//! organisation's and the user's part, made once a user, and one of a few endings that never change.

use super::encoder::{Quotes, put_escaped};
use crate::domain::ids::ObjectType;
use crate::domain::policy::UserNames;
use crate::domain::rows::{Status, UserRow};
use crate::domain::users::{StatusColumns, UserStatuses};
use bytes::BytesMut;
use std::sync::LazyLock;

/// How the lines of one organisation's users are written.
#[derive(Debug)]
pub(super) struct UserLines {
    /// Up to the opening quote of the user label.
    prefix: Vec<u8>,
    names: UserNames,
    /// The checks that the organisation has, with their endings by [`Status::index`].
    checks: Vec<(UserRow, &'static [Vec<u8>; Status::COUNT])>,
    /// The beginning of the lines of one user; kept for its room.
    line: BytesMut,
}

impl UserLines {
    /// For the users of `org`, an organisation that syncs `objects`.
    pub(super) fn new(name: &str, org: &str, objects: &[ObjectType], names: UserNames) -> Self {
        let checks = UserRow::checks()
            .filter(|row| {
                row.object_type()
                    .is_none_or(|object| objects.contains(&object))
            })
            .filter_map(|row| Some((row, ENDINGS.get(row.index())?)))
            .collect();
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
            let status = user.statuses.get(row.index());
            let status = status.copied().unwrap_or(Status::Unknown);
            if let Some(ending) = endings.get(status.index()) {
                out.extend_from_slice(&self.line);
                out.extend_from_slice(ending);
            }
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

/// Everything after the user label, by row and status.
static ENDINGS: LazyLock<[[Vec<u8>; Status::COUNT]; UserRow::COUNT]> = LazyLock::new(|| {
    std::array::from_fn(|row| {
        std::array::from_fn(|status| {
            let check = UserRow::ALL.get(row).map_or("", |row| row.check());
            let status = Status::ALL.get(status).map_or("", |status| status.name());
            format!("\",check=\"{check}\",status=\"{status}\"}} 1\n").into_bytes()
        })
    })
});
