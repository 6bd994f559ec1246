//! `backup`, `restore` and `erase`.

use super::args::{BackupArgs, EraseArgs, RestoreArgs};
use super::exit::{Exit, Streams};
use crate::store::{self, Copied, Erase};
use std::path::Path;

pub(super) fn backup(args: &BackupArgs, streams: &mut Streams<'_>) -> Exit {
    match store::backup(&args.database, &args.to) {
        Ok(copied) => streams.print(&line("copied to", &args.to, copied)),
        Err(error) => streams.complain(error, Exit::FAILED),
    }
}

pub(super) fn restore(args: &RestoreArgs, streams: &mut Streams<'_>) -> Exit {
    match store::restore(&args.from, &args.database) {
        Ok(copied) => streams.print(&line("restored to", &args.database, copied)),
        Err(error) => streams.complain(error, Exit::FAILED),
    }
}

pub(super) fn erase(args: &EraseArgs, streams: &mut Streams<'_>) -> Exit {
    let what = match &args.user {
        Some(user) => Erase::User(&args.org, user),
        None => Erase::Org(&args.org),
    };
    match store::erase(&args.database, what) {
        Ok(rows) => streams.print(&format!(
            "erased {rows} rows; backups and Prometheus keep what they were given before\n"
        )),
        Err(error) => streams.complain(error, Exit::FAILED),
    }
}

fn line(done: &str, place: &Path, copied: Copied) -> String {
    let Copied { records, orgs, bytes } = copied;
    format!(
        "{done} {}: {records} records of {orgs} organisations, {bytes} bytes, checked\n",
        place.display()
    )
}
