//! What is typed: flags and commands, what they print, and how they exit.
//!
//! Everything here ends by itself; the daemon and the demonstration are parsed here and run by the wiring. Text goes to
//! the writers that are passed in. A new command is a variant of [`Command`] and a file.

mod api_client;
mod args;
mod check;
mod config;
mod database;
mod doctor;
mod exit;
mod explain;
mod listen;
pub mod log;
mod page;
mod parse;

pub use args::{
    BackupArgs, CheckArgs, Cli, Command, ConfigCommand, ConfigFile, DaemonArgs, DemoArgs,
    DoctorArgs, EraseArgs, ExplainArgs, LogArgs, ParseArgs, RestoreArgs, RulesArgs, RulesFormat,
    WebArgs,
};
pub use check::check;
pub use exit::{Exit, Streams};
pub use listen::ListenAddress;
pub use parse::parse;

/// Runs the commands that need nothing running. `None` for those that do: the daemon, `demo` and `rules`.
pub fn run(cli: &Cli, streams: &mut Streams<'_>) -> Option<Exit> {
    match &cli.command {
        None if cli.daemon.check_only => Some(config::check_all(&cli.daemon, streams)),
        None | Some(Command::Demo(_) | Command::Rules(_)) => None,
        Some(Command::Backup(args)) => Some(database::backup(args, streams)),
        Some(Command::Doctor(args)) => Some(doctor::doctor(args, streams)),
        Some(Command::Erase(args)) => Some(database::erase(args, streams)),
        Some(Command::Restore(args)) => Some(database::restore(args, streams)),
        Some(Command::Check(args)) => Some(check(args, streams)),
        Some(Command::Explain(args)) => Some(explain::explain(args, streams)),
        Some(Command::Parse(args)) => Some(page::parse(args, streams)),
        Some(Command::Config(command)) => Some(config::run(command, streams)),
    }
}
