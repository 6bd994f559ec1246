//! Who is assigned to a configuration of Einstein Activity Capture: users by their ids, or whole profiles.

use super::answer::text;
use super::capture::record_id;
use super::paging::Record;
use std::collections::HashSet;

/// What the rows of assignments say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Assignments {
    /// Assigned users, by the first 15 characters of their ids.
    pub(super) users: HashSet<String>,
    /// How many profiles are assigned; who has them is not asked.
    pub(super) profiles: u64,
}

impl Assignments {
    /// Reads the rows; one without a configuration is an assignment that was taken back.
    pub(super) fn of(records: &[Record]) -> Self {
        let mut read = Self::default();
        let mut profiles = HashSet::new();
        for record in records {
            let assigned = text(record, "AssignedId").and_then(record_id);
            let (Some(id), Some(_)) = (assigned, text(record, "ConfigurationId")) else {
                continue;
            };
            if id.starts_with("005") {
                read.users.insert(id);
            } else if id.starts_with("00e") {
                profiles.insert(id);
            }
        }
        read.profiles = profiles.len() as u64;
        read
    }
}
