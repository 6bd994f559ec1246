//! Why something that was sent was not taken: one closed list of reasons for requests, bodies and files, and the places
//! of the mistakes.

use super::ids::closed_set;
use serde::Serialize;
use std::fmt;

/// Declares the reasons, each with its title.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $title:literal;)+) => {
        closed_set! {
            /// Why a request, a body or a file was refused.
            ProblemReason { $($(#[$doc])* #[doc = $title] $variant = $name),+ }
        }

        impl ProblemReason {
            /// What it is, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

reasons! {
    UnknownPath = "unknown_path", "Nothing is served here";
    MethodNotAllowed = "method_not_allowed", "Method not allowed";
    /// A query key is unknown, doubled or has a bad value.
    BadQuery = "bad_query", "Bad query";
    UnknownOrg = "unknown_org", "Unknown organisation";
    TokenRequired = "token_required", "Token required";
    TokenWrong = "token_wrong", "Token refused";
    PasswordRequired = "password_required", "Name and password required";
    /// Without a token only this host itself is heard, and this was not plainly it.
    LocalOnly = "local_only", "Taken from this host only";
    LifecycleDisabled = "lifecycle_disabled", "Reload over HTTP is disabled";
    OriginNotAllowed = "origin_not_allowed", "Origin not allowed";
    MediaTypeUnsupported = "media_type_unsupported", "Media type not taken";
    EncodingUnsupported = "encoding_unsupported", "Encoding not taken";
    BodyTooLarge = "body_too_large", "Body too large";
    /// More bytes after decoding, or more users or columns, than are taken.
    DecodedTooLarge = "decoded_too_large", "Decoded body too large";
    BodyTooSlow = "body_too_slow", "Body too slow";
    /// The connection ended before the body did.
    BodyCutShort = "body_cut_short", "Body cut short";
    BodyDamaged = "body_damaged", "Body damaged";
    Malformed = "malformed", "Malformed body";
    /// The body was read and says something that cannot be.
    Invalid = "invalid", "Invalid content";
    NoKnownLabel = "no_known_label", "No known label";
    /// Labels of check marks without a readable mark.
    IconsLost = "icons_lost", "Icons lost";
    /// A label that could belong to two rows, or that comes twice.
    AmbiguousLabel = "ambiguous_label", "Ambiguous label";
    Incomplete = "incomplete", "Page cut short";
    /// A user's rows without the user's name.
    UserNotNamed = "user_not_named", "User not named";
    UnreadableValue = "unreadable_value", "Value not readable";
    /// The organisation would have more users than its `max_users`.
    TooManyUsers = "too_many_users", "Too many users";
    OrgBusy = "org_busy", "Organisation busy";
    Busy = "busy", "Busy";
    ScrapesBusy = "scrapes_busy", "Too many scrapes";
    StoreFailing = "store_failing", "Store failing";
    /// Another daemon on the same database takes what is pushed.
    NotLeader = "not_leader", "Not the leader";
    ShuttingDown = "shutting_down", "Shutting down";
    ReloadFailed = "reload_failed", "Configuration not reloaded";
    /// The daemon runs and cannot answer for what it says yet.
    NotReady = "not_ready", "Not ready";
    Internal = "internal", "Internal error";
}

/// One mistake and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The line of NDJSON, CSV or text, or the place in a JSON array of records, from 1; 0 where `field` alone is the place.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u64,
    /// The key, or the path of a key such as `users[3].contacts.linked`; empty for the record as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(line: &u64) -> bool {
    *line == 0
}

impl FieldError {
    /// A mistake at a line and field.
    pub fn new(line: u64, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { line, field: field.into(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.field.as_str()) {
            (0, "") => f.write_str(&self.message),
            (0, field) => write!(f, "{field}: {}", self.message),
            (line, "") => write!(f, "line {line}: {}", self.message),
            (line, field) => write!(f, "line {line}, {field}: {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_with_as_much_of_its_place_as_it_has() {
        for (line, field, shown) in
            [(0, "", "no"), (0, "at", "at: no"), (7, "", "line 7: no"), (7, "at", "line 7, at: no")]
        {
            assert_eq!(FieldError::new(line, field, "no").to_string(), shown);
        }
    }
}
