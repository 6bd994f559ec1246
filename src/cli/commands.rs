//! The commands that need no daemon: `config`, `parse`, `explain`, `rules`, `backup`, `restore`, `erase`
//! and `store copy`.

use super::args::{
    BackupArgs, ConfigCommand, ConfigFile, DaemonArgs, EraseArgs, ExplainArgs, ParseArgs,
    RestoreArgs, RulesArgs, RulesFormat, StoreCopyArgs,
};
use super::exit::{Exit, Streams};
use crate::app::now;
use crate::config::{self, Answers, Environment, InitError};
use crate::domain::causes::Cause;
use crate::domain::ids::OrgName;
use crate::domain::time::Timestamp;
use crate::sources::page::{self, MAX_PAGE_BYTES};
use crate::sources::snapshot::to_json;
use crate::store::{self, Copied, CopiedTable, Erase};
use crate::{guidance, rules};
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(super) fn config(command: &ConfigCommand, streams: &mut Streams<'_>) -> Exit {
    match command {
        ConfigCommand::Init(config) => init(config, streams),
        ConfigCommand::Check(config) => check(config, streams),
        ConfigCommand::Example => streams.print(&config::example()),
        ConfigCommand::Schema => streams.print(&format!("{:#}\n", config::schema())),
    }
}

fn init(config: &ConfigFile, streams: &mut Streams<'_>) -> Exit {
    let mut answers = Answers { input: &mut *streams.input, output: &mut *streams.output };
    match config::init(&config.file, &mut answers) {
        Ok(()) => Exit::FINE,
        Err(error @ InitError::Io { .. }) => streams.complain(error, Exit::FAILED),
        Err(error @ InitError::Refused(_)) => streams.complain(error, Exit::WRONG),
    }
}

/// Checks what the daemon would read: its configuration, and the web's file if there is one.
pub(super) fn check_all(args: &DaemonArgs, streams: &mut Streams<'_>) -> Exit {
    let checked = check(&args.config, streams);
    match args.web_file.as_deref().map(config::web_file).transpose() {
        Err(error) => streams.complain(error, Exit::WRONG),
        Ok(file) => match file.and_then(|file| file.certificate_warning(now())) {
            Some(says) if checked == Exit::FINE => streams.print(&format!("WARN {says}\n")),
            Some(_) | None => checked,
        },
    }
}

/// Reads a configuration with the process's environment and lists its mistakes.
fn check(config: &ConfigFile, streams: &mut Streams<'_>) -> Exit {
    let read = config::from_file(&config.file, &Environment::of_process()).map(|valid| {
        let count = valid.orgs.len();
        let plural = if count == 1 { "organisation" } else { "organisations" };
        let notes = valid.notes.iter().map(|note| format!("WARN {note}\n"));
        let notes: String = notes.collect();
        format!("{} is valid: {count} {plural}\n{notes}", config.file.display())
    });
    streams.finish(read, Exit::WRONG)
}

/// Prints a row's states, one state, the list of rows, or the runbook of an alert.
pub(super) fn explain(args: &ExplainArgs, streams: &mut Streams<'_>) -> Exit {
    let alert = args.row.as_deref().and_then(|name| {
        let named =
            |cause: &Cause| cause.alert().is_some_and(|alert| alert.eq_ignore_ascii_case(name));
        rules::runbook(Cause::ALL.iter().copied().find(named)?)
    });
    if let Some(runbook) = alert {
        return streams.print(&runbook);
    }
    streams.finish(guidance::explain(args.row.as_deref()), Exit::WRONG)
}

const NO_EXTERNAL_URL: &str =
    "the configuration has no web.external_url; set it, or give --external-url";

pub(super) fn rules(args: &RulesArgs, streams: &mut Streams<'_>) -> Exit {
    let format = match args.format {
        RulesFormat::Prometheus => rules::Format::Prometheus,
        RulesFormat::Operator => rules::Format::Operator,
    };
    let configured = match &args.config {
        Some(file) => config::from_file(file, &Environment::of_process())
            .map(|config| config.external_url.ok_or(NO_EXTERNAL_URL)),
        None => Ok(Ok(args.external_url.clone().unwrap_or_default())),
    };
    match configured {
        Ok(Ok(url)) => streams.print(&rules::render(format, &url)),
        Ok(Err(says)) => streams.complain(says, Exit::WRONG),
        Err(error) => streams.complain(error, Exit::WRONG),
    }
}

pub(super) fn backup(args: &BackupArgs, streams: &mut Streams<'_>) -> Exit {
    let began = now();
    let copied = store::backup(&args.database, &args.to);
    if copied.is_ok()
        && let Err(error) = store::note_backup(&args.database, began)
    {
        // The copy is good all the same.
        let says = format!("the daemon cannot see that there is a backup: {error}");
        streams.complain(says, Exit::FINE);
    }
    streams.finish(copied.map(|copied| line("copied to", &args.to, copied)), Exit::FAILED)
}

pub(super) fn restore(args: &RestoreArgs, streams: &mut Streams<'_>) -> Exit {
    let copied = store::restore(&args.from, &args.database);
    let line = copied.map(|copied| line("restored to", &args.database, copied));
    streams.finish(line, Exit::FAILED)
}

fn line(done: &str, place: &Path, copied: Copied) -> String {
    let Copied { records, orgs, bytes } = copied;
    format!(
        "{done} {}: {records} records of {orgs} organisations, {bytes} bytes, checked\n",
        place.display()
    )
}

pub(super) fn erase(args: &EraseArgs, streams: &mut Streams<'_>) -> Exit {
    let what = match &args.user {
        Some(user) => Erase::User(&args.org, user),
        None => Erase::Org(&args.org),
    };
    let erased = store::erase(&args.database, args.ca_file.as_deref(), what);
    let line = erased.map(|rows| {
        format!("erased {rows} rows; backups and Prometheus keep what they were given before\n")
    });
    streams.finish(line, Exit::FAILED)
}

pub(super) fn copy_store(args: &StoreCopyArgs, streams: &mut Streams<'_>) -> Exit {
    let copied = store::copy_store(&args.from, &args.to, args.ca_file.as_deref());
    let lines = copied.map(|tables| {
        let line = |CopiedTable { name, rows }| format!("{name}: {rows} rows, as many as before\n");
        tables.into_iter().map(line).collect::<String>()
    });
    streams.finish(lines, Exit::FAILED)
}

/// Prints the snapshot, or everything that cannot be read.
pub(super) fn parse(args: &ParseArgs, streams: &mut Streams<'_>) -> Exit {
    let printed = snapshot(args).map(|json| json + "\n");
    streams.finish(printed.map_err(|says| format!("{}: {says}", args.file.display())), Exit::FAILED)
}

fn snapshot(args: &ParseArgs) -> Result<String, String> {
    let (body, written_at) = read(args).map_err(|error| error.to_string())?;
    let written_at = written_at.to_string();
    let captured_at = args.captured_at.as_deref().unwrap_or(&written_at);
    // The page does not say whose it is, and the snapshot does not either.
    let org = OrgName::new("page").map_err(|error| error.to_string())?;
    let context = page::PageContext {
        org: &org,
        now: now(),
        captured_at: Some(captured_at),
        user: args.user.as_deref(),
        time_zone: args.time_zone,
        date_order: args.date_order,
    };
    page::parse(&body, page::PageForm::of(&body), &context)
        .map(|snapshot| to_json(&snapshot))
        .map_err(|error| {
            let mistakes = error.errors.iter().map(|mistake| format!("\n  {mistake}"));
            format!("{error}{}", mistakes.collect::<String>())
        })
}

/// The bytes, as far as a page can have them, and when they were written.
fn read(args: &ParseArgs) -> io::Result<(Vec<u8>, Timestamp)> {
    let file = File::open(&args.file)?;
    let written_at = DateTime::<Utc>::from(file.metadata()?.modified()?);
    let mut body = Vec::new();
    file.take(MAX_PAGE_BYTES as u64 + 1).read_to_end(&mut body)?;
    Ok((body, Timestamp::from_datetime(written_at).unwrap_or(Timestamp::MAX)))
}
