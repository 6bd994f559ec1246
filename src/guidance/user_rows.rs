//! The user's rows.
use super::RowGuide;
use crate::domain::rows::{Status, UserRow};
pub(super) const fn label(_row: UserRow) -> &'static str {
    ""
}
pub(super) fn guide(_row: UserRow, _status: Status) -> Option<&'static RowGuide> {
    None
}
