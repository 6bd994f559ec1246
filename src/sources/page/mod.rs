//! The status page itself, saved as HTML or pasted as text → [`Snapshot`].
//!
//! Nobody documents how the page is laid out, and it differs between the vendor's interfaces. So nothing here knows a
//! layout: a page is a sequence of texts and marks, labels are found among them in document order, and a value is what
//! follows its label. Whatever could be read in two ways is an error that names the label.

mod dates;
mod html;
mod labels;
mod read;
mod shown;
mod value;

use super::ingest_error::{IngestError, text_of};
use crate::domain::ids::OrgName;
use crate::domain::observation::Snapshot;
use crate::domain::policy::DateOrder;
use crate::domain::problem::ProblemReason;
use crate::domain::time::Timestamp;
use chrono_tz::Tz;

/// The largest page. A saved page of the vendor's heavier interface has about a megabyte.
pub const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// What the reading of a page depends on.
#[derive(Debug, Clone, Copy)]
pub struct PageContext<'a> {
    /// Whose page.
    pub org: &'a OrgName,
    /// The time of receipt; the page was captured then when nobody says otherwise.
    pub now: Timestamp,
    /// `captured_at` as the request says it.
    pub captured_at: Option<&'a str>,
    /// Whose rows a user's page shows, where the page itself does not name the user.
    pub user: Option<&'a str>,
    /// The zone of the page's times.
    pub time_zone: Tz,
    /// The order of day, month and year in the page's dates.
    pub date_order: DateOrder,
}

/// What a page is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageForm {
    /// Saved by a browser.
    Html,
    /// Copied and pasted.
    Text,
}

impl PageForm {
    /// What a body looks like: HTML begins with a tag.
    pub fn of(body: &[u8]) -> Self {
        let body = body.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(body);
        match body.trim_ascii_start() {
            [b'<', ..] => Self::Html,
            _ => Self::Text,
        }
    }
}

/// Reads a page.
///
/// # Errors
/// When no label of the page is known, a value is missing or unreadable, or a label could belong to two rows.
pub fn parse(
    body: &[u8],
    form: PageForm,
    context: &PageContext<'_>,
) -> Result<Snapshot, IngestError> {
    if body.len() > MAX_PAGE_BYTES {
        return Err(IngestError::whole(
            ProblemReason::DecodedTooLarge,
            format!(
                "the page has {} bytes and at most {MAX_PAGE_BYTES} are taken; save the frame of the status page alone",
                body.len()
            ),
        ));
    }
    let body = text_of(body)?;
    let shown = match form {
        PageForm::Html => html::flatten(body),
        PageForm::Text => shown::split(body),
    }?;
    read::read(&shown, context)
}
