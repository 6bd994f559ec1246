//! Exit codes and the three standard streams.

use std::fmt;
use std::io::{BufRead, ErrorKind, Write};
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

    /// As a monitoring plugin: nobody knows. Its other codes are 0 ok, 1 warning and 2 critical.
    pub(super) const UNKNOWN: Self = Self(3);

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
        match self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush()) {
            Ok(()) => Exit::FINE,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::FINE,
            Err(_) => Exit::FAILED,
        }
    }

    /// Prints what a command made, or why it made nothing, which exits with `failed`.
    pub(super) fn finish(&mut self, made: Result<String, impl fmt::Display>, failed: Exit) -> Exit {
        match made {
            Ok(text) => self.print(&text),
            Err(error) => self.complain(error, failed),
        }
    }

    /// Prints what went wrong, with the name of the program before it, and gives `exit` back.
    pub fn complain(&mut self, what: impl fmt::Display, exit: Exit) -> Exit {
        // Where it cannot be written, the exit code says it.
        writeln!(self.errors, "lightning-sync-exporter: {what}").ok();
        exit
    }
}
