//! `parse`: a saved status page → the snapshot that it says, for whoever wants to see what is understood of it, or to
//! push it from a machine that the daemon does not hear.

use super::args::ParseArgs;
use super::exit::{Exit, Streams};
use crate::domain::ids::OrgName;
use crate::domain::time::Timestamp;
use crate::sources::page::{self, Context, Form, MAX_PAGE_BYTES};
use crate::sources::snapshot::to_json;
use std::fs::File;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints the snapshot, or everything that cannot be read.
pub(super) fn parse(args: &ParseArgs, streams: &mut Streams<'_>) -> Exit {
    match snapshot(args) {
        Ok(json) => streams.print(&format!("{json}\n")),
        Err(mistakes) => {
            let file = args.file.display();
            streams.complain(format!("{file}: {mistakes}"), Exit::FAILED)
        }
    }
}

fn snapshot(args: &ParseArgs) -> Result<String, String> {
    let (body, written_at) = read(args).map_err(|error| error.to_string())?;
    let written_at = written_at.to_string();
    let captured_at = args.captured_at.as_deref().unwrap_or(&written_at);
    // The page does not say whose it is, and the snapshot does not either.
    let org = OrgName::new("page").map_err(|error| error.to_string())?;
    let context = Context {
        org: &org,
        now: crate::app::now(),
        captured_at: Some(captured_at),
        user: args.user.as_deref(),
        time_zone: args.time_zone,
        date_order: args.date_order,
    };
    page::parse(&body, Form::of(&body), &context).map(|snapshot| to_json(&snapshot)).map_err(
        |error| {
            let mistakes = error.errors.iter().map(|mistake| format!("\n  {mistake}"));
            format!("{error}{}", mistakes.collect::<String>())
        },
    )
}

/// The bytes, as far as a page can have them, and when they were written.
fn read(args: &ParseArgs) -> std::io::Result<(Vec<u8>, Timestamp)> {
    let file = File::open(&args.file)?;
    let written_at = instant(file.metadata()?.modified()?);
    let mut body = Vec::new();
    file.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(&mut body)?;
    Ok((body, written_at))
}

fn instant(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
