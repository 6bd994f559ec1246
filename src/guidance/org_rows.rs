//! The organisation's rows.
use super::{OrgState, RowGuide};
use crate::domain::rows::OrgRow;
pub(super) const fn label(_row: OrgRow) -> &'static str {
    ""
}
pub(super) fn guide(_row: OrgRow, _state: OrgState) -> Option<&'static RowGuide> {
    None
}
