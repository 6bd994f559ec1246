//! One line a check: PASS, WARN, FAIL or SKIP, what was looked at, and what was found or is to be done.

use crate::cli::exit::{Exit, Streams};
use std::fmt::Display;

/// Prints lines as they come, and remembers whether one was bad.
pub(super) struct DoctorReport<'r, 's> {
    streams: &'r mut Streams<'s>,
    exit: Exit,
}

impl<'r, 's> DoctorReport<'r, 's> {
    pub(super) fn new(streams: &'r mut Streams<'s>) -> Self {
        Self { streams, exit: Exit::FINE }
    }

    /// It is well.
    pub(super) fn pass(&mut self, check: &str, found: impl Display) {
        self.line("PASS", check, &found);
    }

    /// It works, and may not be what is wanted.
    pub(super) fn warn(&mut self, check: &str, found: impl Display) {
        self.line("WARN", check, &found);
    }

    /// It does not work.
    pub(super) fn fail(&mut self, check: &str, found: impl Display) {
        self.line("FAIL", check, &found);
        self.exit = Exit::FAILED;
    }

    /// It was not looked at.
    pub(super) fn skip(&mut self, check: &str, why: impl Display) {
        self.line("SKIP", check, &why);
    }

    /// How to exit.
    pub(super) fn finish(self) -> Exit {
        self.exit
    }

    fn line(&mut self, word: &str, check: &str, found: &dyn Display) {
        let printed = self.streams.print(&format!("{word} {check}: {found}\n"));
        if printed != Exit::FINE {
            self.exit = printed;
        }
    }
}
