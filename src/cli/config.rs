//! `config` and `--config.check`.

use super::args::{ConfigCommand, ConfigFile, DaemonArgs};
use super::exit::{Exit, Streams};
use crate::app::now;
use crate::config::{self, Answers, Environment, InitError};

/// Runs one of the commands.
pub(super) fn run(command: &ConfigCommand, streams: &mut Streams<'_>) -> Exit {
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
        Err(error @ (InitError::Exists(_) | InitError::NoAnswer(_) | InitError::Invalid(_))) => {
            streams.complain(error, Exit::WRONG)
        }
    }
}

/// Checks what the daemon would read: its configuration, and the web's file if there is one.
pub(super) fn check_all(args: &DaemonArgs, streams: &mut Streams<'_>) -> Exit {
    let checked = check(&args.config, streams);
    match args.web_file.as_deref().map(config::web_file) {
        Some(Err(error)) => streams.complain(error, Exit::WRONG),
        Some(Ok(file)) => match file.certificate_warning(now()) {
            Some(says) if checked == Exit::FINE => streams.print(&format!("WARN {says}\n")),
            Some(_) | None => checked,
        },
        None => checked,
    }
}

/// Reads a configuration with the process's environment and lists its mistakes.
pub(super) fn check(config: &ConfigFile, streams: &mut Streams<'_>) -> Exit {
    match config::from_file(&config.file, &Environment::of_process()) {
        Ok(valid) => {
            let count = valid.orgs.len();
            let plural = if count == 1 { "organisation" } else { "organisations" };
            let notes: String =
                valid.notes.iter().map(|note| ["WARN ", note, "\n"].concat()).collect();
            streams.print(&format!("{} is valid: {count} {plural}\n{notes}", config.file.display()))
        }
        Err(error) => streams.complain(error, Exit::WRONG),
    }
}
