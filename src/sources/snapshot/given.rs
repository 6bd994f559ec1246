//! One value as JSON or CSV gives it, and what a row makes of it.

use crate::domain::ids::UserName;
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::sources::ingest_error::quoted;
use crate::sources::instant;
use crate::sources::vocabulary::{flag, state, words};
use std::borrow::Cow;

/// The largest count of an organisation: up to here a double, which is what Prometheus keeps, is exact.
const MAX_COUNT: u64 = 1 << 53;

/// A value.
#[derive(Debug)]
pub(super) enum Given<'a> {
    Null,
    Bool(bool),
    Count(u64),
    Text(Cow<'a, str>),
    /// Something that no row takes.
    Other(&'static str),
}

impl Given<'_> {
    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Count(value) => quoted(&value.to_string()),
            Self::Text(text) => quoted(text),
            Self::Other(what) => (*what).to_owned(),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Count(_) | Self::Other(_) => None,
        }
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => flag(text),
            Self::Null | Self::Count(_) | Self::Other(_) => None,
        }
        .ok_or_else(|| self.not("true or false, Yes or No, or the page's check or X"))
    }

    pub(super) fn count(&self) -> Result<u64, String> {
        match self {
            Self::Count(value) => Some(*value),
            Self::Text(text) => digits(text.trim_ascii()),
            Self::Null | Self::Bool(_) | Self::Other(_) => None,
        }
        .filter(|count| *count <= MAX_COUNT)
        .ok_or_else(|| self.not("a whole number of at least 0, in digits without separators"))
    }

    /// An instant that does not lie ahead of `now` by more than clocks may differ.
    pub(super) fn instant(&self, now: Timestamp) -> Result<Timestamp, String> {
        let Some(text) = self.text() else {
            return Err(self.not("a time like 2026-11-22T13:55:00Z"));
        };
        let at = instant::parse(text.trim_ascii())
            .map_err(|error| format!("{} {error}", self.shown()))?;
        instant::not_ahead(at, now)
    }

    pub(super) fn user(&self) -> Result<UserName, String> {
        let name =
            self.text().map(str::trim).ok_or_else(|| self.not("the user's name as a string"))?;
        UserName::new(name).map_err(|error| format!("{}: {error}", self.shown()))
    }

    fn account(&self) -> Result<OrgValue, String> {
        if matches!(self, Self::Null) {
            return Ok(OrgValue::Account(None));
        }
        let name = self.text().map(str::trim).ok_or_else(|| {
            self.not("the account's name as a string, or null where the page shows None")
        })?;
        if words(name) == "none" {
            return Ok(OrgValue::Account(None));
        }
        // An account is a user of Exchange, and takes what a user's name may be.
        match UserName::new(name) {
            Ok(name) => Ok(OrgValue::Account(Some(name.as_str().into()))),
            Err(error) => Err(format!("{}: {error}", self.shown())),
        }
    }

    /// What an organisation's row makes of the value.
    pub(super) fn org_value(&self, row: OrgRow, now: Timestamp) -> Result<OrgValue, String> {
        match row {
            OrgRow::ServiceAccountProvided => self.account(),
            OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
                self.flag().map(OrgValue::Flag)
            }
            OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
                self.count().map(OrgValue::Count)
            }
            OrgRow::LastSync(_) => self.instant(now).map(OrgValue::Instant),
        }
    }

    /// Whether a reset is said to be unknown: then it is not taken for none.
    pub(super) fn is_unknown_reset(&self, row: UserRow) -> bool {
        row == UserRow::Reset && self.text() == Some(Status::Unknown.name())
    }

    /// What a user's row makes of the value.
    pub(super) fn user_value(&self, row: UserRow) -> Result<UserValue, String> {
        if row.statuses().is_empty() {
            let count = self.count()?;
            return u32::try_from(count)
                .map(UserValue::Records)
                .map_err(|_| format!("{} is more records than a mailbox holds", self.shown()));
        }
        if row.statuses().contains(&Status::Yes) {
            let status = if self.flag()? { Status::Yes } else { Status::No };
            return Ok(status.into());
        }
        let status = match self {
            Self::Null if row == UserRow::Reset => Some(Status::None),
            Self::Text(text) => state(row, text),
            Self::Null | Self::Bool(_) | Self::Count(_) | Self::Other(_) => None,
        };
        status.map(UserValue::Status).ok_or_else(|| {
            let known = row.statuses().iter().filter(|status| **status != Status::Unknown);
            let known = known.map(|status| status.name()).collect::<Vec<_>>();
            self.not(&format!("one of {}", known.join(", ")))
        })
    }

    fn not(&self, wanted: &str) -> String {
        format!(
            "{} is not understood; write {wanted}, or leave it out where nobody knows",
            self.shown()
        )
    }
}

/// A count in digits alone: `1.204` is a thousand and more in one country and one and a bit in another.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
