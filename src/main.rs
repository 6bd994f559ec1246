//! The binary: parses the command line, runs the command, and exits with its code.

use lightning_sync_exporter::cli::{self, Streams};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut input, mut output, mut errors) = (io::stdin().lock(), io::stdout(), io::stderr());
    let mut streams = Streams { input: &mut input, output: &mut output, errors: &mut errors };
    match cli::parse(std::env::args_os(), &mut streams) {
        Ok(cli) => cli::run(&cli, &mut streams).into(),
        Err(exit) => exit.into(),
    }
}
