//! `explain`: what a status means and what to do next, from guidance.

use super::args::ExplainArgs;
use super::exit::{Exit, Streams};
use crate::guidance::explain as from_guidance;

/// Prints a row's states, one state, or the list of rows.
pub(super) fn explain(args: &ExplainArgs, streams: &mut Streams<'_>) -> Exit {
    match from_guidance(args.row.as_deref()) {
        Ok(text) => streams.print(&text),
        Err(error) => streams.complain(error, Exit::WRONG),
    }
}
