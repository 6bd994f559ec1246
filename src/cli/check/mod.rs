//! `check`: one judgement of a running daemon for Nagios and its kin.

mod judgement;

use super::api_client::ApiClient;
use super::args::CheckArgs;
use super::exit::{Exit, Streams};
use bytes::Bytes;
use judgement::Judgement;

/// Asks the daemon, prints one line with performance data, and exits as a plugin does: 0 ok, 1 warning, 2 critical,
/// 3 unknown. What cannot be reached is unknown.
pub fn check(args: &CheckArgs, streams: &mut Streams<'_>) -> Exit {
    let judgement = match ask(args) {
        Ok(body) => judgement::of(&args.org, &body),
        Err(says) => Judgement::unknown(&args.org, &says),
    };
    match streams.print(&judgement.line()) {
        Exit::FINE => judgement.exit(),
        // Nobody read the line; the code alone must not look well.
        _ => Exit::of_plugin(3),
    }
}

/// The daemon's answer about the organisation, or why there is none.
fn ask(args: &CheckArgs) -> Result<Bytes, String> {
    let api = ApiClient::daemon(&args.url, &args.ask)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let path = format!("/api/v1/orgs/{}", args.org);
    match runtime.block_on(api.get(&path))? {
        (200, body) => Ok(body),
        (401, _) => Err(api.refused().to_owned()),
        (404, _) => Err(
            "the daemon does not know this organisation; `orgs` of its configuration names those it knows"
                .to_owned(),
        ),
        (status, _) => Err(format!("the daemon answered {status}; its log says why")),
    }
}
