//! `check`: one judgement of a running daemon for Nagios and its kin.

mod client;
mod judgement;

use super::args::CheckArgs;
use super::exit::{Exit, Streams};
use judgement::Judgement;

/// Asks the daemon, prints one line with performance data, and exits as a plugin does: 0 ok, 1 warning, 2 critical,
/// 3 unknown. What cannot be asked is unknown.
pub fn check(args: &CheckArgs, streams: &mut Streams<'_>) -> Exit {
    let judgement = match client::get(&args.url, &format!("/api/v1/orgs/{}", args.org)) {
        Ok(body) => judgement::of(&args.org, &body),
        Err(error) => Judgement::unknown(&args.org, &error.to_string()),
    };
    match streams.print(&judgement.line()) {
        Exit::FINE => judgement.exit(),
        // Nobody read the line; the code alone must not look well.
        _ => Exit::of_plugin(3),
    }
}
