//! Why something that was sent was not taken: one closed list of reasons for requests, bodies and files, and the places
//! of the mistakes.

use super::ids::closed_set;
use serde::Serialize;
use std::fmt;

closed_set! {
    /// Why a request, a body or a file was refused.
    ProblemReason {
        /// Nothing is served here.
        UnknownPath = "unknown_path",
        /// The path takes other methods.
        MethodNotAllowed = "method_not_allowed",
        /// A query key is unknown, doubled or has a bad value.
        BadQuery = "bad_query",
        /// No such organisation is configured.
        UnknownOrg = "unknown_org",
        /// No token came with the request.
        TokenRequired = "token_required",
        /// The token opens nothing here.
        TokenWrong = "token_wrong",
        /// No name and password of a user came with the request, or wrong ones.
        PasswordRequired = "password_required",
        /// Without a token only this host itself is heard, and this was not plainly it.
        LocalOnly = "local_only",
        /// A reload over HTTP was not enabled.
        LifecycleDisabled = "lifecycle_disabled",
        /// A web page of an origin that is not allowed.
        OriginNotAllowed = "origin_not_allowed",
        /// The media type is not taken here.
        MediaTypeUnsupported = "media_type_unsupported",
        /// The content encoding or the character set is not taken.
        EncodingUnsupported = "encoding_unsupported",
        /// More bytes on the wire than are taken.
        BodyTooLarge = "body_too_large",
        /// More bytes after decoding, or more users or columns, than are taken.
        DecodedTooLarge = "decoded_too_large",
        /// The body came slower than the least rate.
        BodyTooSlow = "body_too_slow",
        /// The connection ended before the body did.
        BodyCutShort = "body_cut_short",
        /// The compressed body cannot be decoded.
        BodyDamaged = "body_damaged",
        /// The body is not of its media type, or not UTF-8.
        Malformed = "malformed",
        /// The body was read and says something that cannot be.
        Invalid = "invalid",
        /// The page shows no label that is known.
        NoKnownLabel = "no_known_label",
        /// Labels of check marks without a readable mark.
        IconsLost = "icons_lost",
        /// A label that could belong to two rows, or that comes twice.
        AmbiguousLabel = "ambiguous_label",
        /// A row without its value: the page was cut.
        Incomplete = "incomplete",
        /// A user's rows without the user's name.
        UserNotNamed = "user_not_named",
        /// A label whose value cannot be read.
        UnreadableValue = "unreadable_value",
        /// Too many requests of this organisation at once.
        OrgBusy = "org_busy",
        /// Too much at once of everybody.
        Busy = "busy",
        /// Too many scrapes at once.
        ScrapesBusy = "scrapes_busy",
        /// The store cannot write.
        StoreFailing = "store_failing",
        /// The daemon is ending.
        ShuttingDown = "shutting_down",
        /// The configuration has mistakes and the old one stays.
        ReloadFailed = "reload_failed",
        /// The daemon runs and cannot answer for what it says yet.
        NotReady = "not_ready",
        /// A mistake of ours.
        Internal = "internal",
    }
}

impl ProblemReason {
    /// What it is, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::UnknownPath => "Nothing is served here",
            Self::MethodNotAllowed => "Method not allowed",
            Self::BadQuery => "Bad query",
            Self::UnknownOrg => "Unknown organisation",
            Self::TokenRequired => "Token required",
            Self::TokenWrong => "Token refused",
            Self::PasswordRequired => "Name and password required",
            Self::LocalOnly => "Taken from this host only",
            Self::LifecycleDisabled => "Reload over HTTP is disabled",
            Self::OriginNotAllowed => "Origin not allowed",
            Self::MediaTypeUnsupported => "Media type not taken",
            Self::EncodingUnsupported => "Encoding not taken",
            Self::BodyTooLarge => "Body too large",
            Self::DecodedTooLarge => "Decoded body too large",
            Self::BodyTooSlow => "Body too slow",
            Self::BodyCutShort => "Body cut short",
            Self::BodyDamaged => "Body damaged",
            Self::Malformed => "Malformed body",
            Self::Invalid => "Invalid content",
            Self::NoKnownLabel => "No known label",
            Self::IconsLost => "Icons lost",
            Self::AmbiguousLabel => "Ambiguous label",
            Self::Incomplete => "Page cut short",
            Self::UserNotNamed => "User not named",
            Self::UnreadableValue => "Value not readable",
            Self::OrgBusy => "Organisation busy",
            Self::Busy => "Busy",
            Self::ScrapesBusy => "Too many scrapes",
            Self::StoreFailing => "Store failing",
            Self::ShuttingDown => "Shutting down",
            Self::ReloadFailed => "Configuration not reloaded",
            Self::NotReady => "Not ready",
            Self::Internal => "Internal error",
        }
    }
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
