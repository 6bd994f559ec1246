//! Why PostgreSQL did not do a job, in words that hold nothing of the connection string.

use super::PostgresDsn;
use crate::store::StoreError;
use std::error::Error as _;
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why PostgreSQL did not do a job.
#[derive(Debug)]
pub(super) enum PostgresFailure {
    /// The server or the library says so.
    Library(Error),
    /// Nothing was answered within this time.
    Late(Duration),
    /// What was read is nothing that we wrote.
    Foreign(&'static str),
    /// Another daemon writes there.
    Locked,
    /// Another daemon became the writer.
    Deposed,
    /// The schema of a later version.
    TooNew { found: i64, known: i64 },
    /// Anything else; a sentence.
    Other(String),
}

impl From<Error> for PostgresFailure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl PostgresFailure {
    /// The state that the server gives, if it was the server.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Library(error) => error.code(),
            Self::Late(_)
            | Self::Foreign(_)
            | Self::Locked
            | Self::Deposed
            | Self::TooNew { .. }
            | Self::Other(_) => None,
        }
    }
}

impl PostgresDsn {
    /// What a failure means.
    pub(super) fn error(&self, failure: &PostgresFailure) -> StoreError {
        let path = self.shown().to_owned();
        let io = |reason: String| StoreError::Io { path: path.clone(), reason };
        match failure {
            PostgresFailure::Late(within) => {
                io(format!("it did not answer within {} s", within.as_secs()))
            }
            PostgresFailure::Foreign(what) => {
                StoreError::Corrupt { path, reason: format!("it has an unknown {what}") }
            }
            PostgresFailure::Locked => StoreError::Locked { path, setting: "store.postgres" },
            PostgresFailure::Deposed => StoreError::Deposed { path },
            PostgresFailure::TooNew { found, known } => {
                StoreError::TooNew { path, found: *found, known: *known }
            }
            PostgresFailure::Other(reason) => io(reason.clone()),
            PostgresFailure::Library(error) => match error.as_db_error() {
                Some(server) => match reason(server.code()) {
                    ServerReason::Full => StoreError::Full { path },
                    ServerReason::Damaged => {
                        StoreError::Corrupt { path, reason: beginning(server.message()) }
                    }
                    ServerReason::Words(words) => io(words.to_owned()),
                    ServerReason::Unnamed => {
                        io(format!("{} ({})", beginning(server.message()), server.code().code()))
                    }
                },
                // The library's own words, and the system's behind them: neither knows the string.
                None => io(match error.source() {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                }),
            },
        }
    }
}

/// More than the server's own messages have; what a function of somebody's writes may be longer.
const MESSAGE_CHARACTERS: usize = 300;

/// The beginning of a message, in one line.
fn beginning(message: &str) -> String {
    let shown = message.chars().take(MESSAGE_CHARACTERS);
    shown.map(|shown| if shown.is_control() { ' ' } else { shown }).collect()
}

/// What a state of the server means here.
enum ServerReason {
    Full,
    Damaged,
    Words(&'static str),
    Unnamed,
}

fn reason(code: &SqlState) -> ServerReason {
    match code.code() {
        "53100" => ServerReason::Full,
        "XX001" | "XX002" => ServerReason::Damaged,
        "25006" => ServerReason::Words(
            "it takes no writes: it is a standby, or read-only; name the primary, or all servers with target_session_attrs=read-write",
        ),
        "28000" | "28P01" => ServerReason::Words(
            "it refuses the user or the password of that file; correct the file, or pg_hba.conf",
        ),
        "3D000" => ServerReason::Words(
            "it has no database of the name in that file; make it with CREATE DATABASE",
        ),
        "42501" => {
            ServerReason::Words("its user may not do that; make the user the owner of the database")
        }
        _ => ServerReason::Unnamed,
    }
}
