//! Exit codes and the three standard streams.

use std::io::{self, BufRead, ErrorKind, Write};
use std::process::ExitCode;

/// How the program ends: 0 fine, 1 failed, 2 wrong usage or configuration. `check` has a meaning of its own for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// All is well.
    pub const FINE: Self = Self(0);
    /// It was tried and did not work.
    pub const FAILED: Self = Self(1);
    /// The command line or the configuration is wrong.
    pub const WRONG: Self = Self(2);

    /// The code of a monitoring plugin: 0 ok, 1 warning, 2 critical, 3 unknown.
    pub(super) const fn of_plugin(code: u8) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// Where commands read from and write to.
pub struct Streams<'a> {
    /// Answers.
    pub input: &'a mut dyn BufRead,
    /// What was wanted.
    pub output: &'a mut dyn Write,
    /// What went wrong.
    pub errors: &'a mut dyn Write,
}

impl Streams<'_> {
    /// Prints the output. A reader that has seen enough (`| head`) is no failure.
    pub fn print(&mut self, text: &str) -> Exit {
        exit_of(self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush()))
    }

    /// Prints what went wrong, with the name of the program before it, and gives `exit` back.
    pub fn complain(&mut self, what: impl std::fmt::Display, exit: Exit) -> Exit {
        match writeln!(self.errors, "lightning-sync-exporter: {what}") {
            Ok(()) => exit,
            // There is nowhere left to say it; the exit code says it.
            Err(_) => exit,
        }
    }
}

fn exit_of(written: io::Result<()>) -> Exit {
    match written {
        Ok(()) => Exit::FINE,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::FINE,
        Err(_) => Exit::FAILED,
    }
}
