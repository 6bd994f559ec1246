//! `config init`: a few questions, and a first file that is valid.

use super::dates;
use super::load::{Environment, from_text};
use super::token;
use crate::domain::ids::OrgName;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, BufRead, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// How often a question is repeated before it is given up: a pipe does not learn.
const TRIES: usize = 3;
/// An answer is a name or a path.
const MAX_ANSWER_BYTES: u64 = 4096;

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file is there already, there was no good answer, or the answers make no valid file.
    #[error("{0}")]
    Refused(String),
    /// Something cannot be read or written.
    #[error("{what}: {source}")]
    Io {
        /// The file, or standard input or output.
        what: String,
        /// The system's words.
        source: io::Error,
    },
}

fn exists(path: &Path) -> InitError {
    let shown = path.display();
    InitError::Refused(format!(
        "{shown} is there already; move it away, or name another file with --config.file"
    ))
}

fn io_error(what: impl ToString) -> impl FnOnce(io::Error) -> InitError {
    move |source| InitError::Io { what: what.to_string(), source }
}

/// Who answers.
pub struct Answers<'a> {
    /// Where answers come from, one on each line.
    pub input: &'a mut dyn BufRead,
    /// Where questions go.
    pub output: &'a mut dyn Write,
}

/// Asks, and writes a new file to `path`. An existing one is left alone.
///
/// # Errors
/// When the file is there already, an answer is missing, or something cannot be written.
pub fn init(path: &Path, answers: &mut Answers<'_>) -> Result<(), InitError> {
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let shown = path.display().to_string();
    let base = path.parent().unwrap_or(Path::new(""));
    let name = answers.ask("Name of the organisation (a-z, 0-9 and -)", "", |text| {
        OrgName::new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
    })?;
    let zone = answers.ask("Its time zone", "UTC", dates::zone)?;
    const HOURS: &str = "Does it work Monday to Friday, 08:00 to 18:00? y or n";
    const WEEKEND: &str = "Does a weekend without a sync have to page somebody? y or n";
    let hours = answers.ask(HOURS, "y", yes_or_no)?;
    let weekend = hours && answers.ask(WEEKEND, "n", yes_or_no)?;
    const TOKEN: &str =
        "Token file for senders on other machines (nothing: only this machine may push)";
    let token_file = answers.ask(TOKEN, "", |text| {
        let target = base.join(text);
        if !text.is_empty() && target.symlink_metadata().is_ok() {
            token::read(text, &target)?;
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    })?;
    // A file that is not there yet is written now that every answer is in.
    let new = token_file.as_ref().map(|file| base.join(file));
    let new = new.filter(|target| target.symlink_metadata().is_err());
    if let Some(target) = &new {
        // Root writes it and the daemon reads it where the directory hands its group on, as the package's does.
        let mode = if hands_group_on(base) { 0o640 } else { 0o600 };
        write_new(target, &(new_token()? + "\n"), mode)?;
    }
    let text = first_file(&name, zone.name(), hours, weekend, token_file);
    let written = from_text(&shown, &text, base, &Environment::default())
        .map_err(|error| InitError::Refused(error.to_string()))
        .and_then(|_| write_new(path, &text, 0o640));
    if let (Err(_), Some(target)) = (&written, &new) {
        // A token that nothing names would only keep the next try from writing its own.
        std::fs::remove_file(target).ok();
    }
    written?;
    if let Some(target) = &new {
        answers.say(&format!("Wrote a new token to {}.", target.display()))?;
    }
    answers.say(&format!("Wrote {shown}. `config example` shows every other key."))
}

/// Whether new files of a directory belong to its group.
fn hands_group_on(directory: &Path) -> bool {
    const SETGID: u32 = 0o2000;
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    directory.metadata().is_ok_and(|found| found.permissions().mode() & SETGID != 0)
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("answer y or n".to_owned()),
    }
}

impl Answers<'_> {
    fn say(&mut self, sentence: &str) -> Result<(), InitError> {
        writeln!(self.output, "{sentence}").map_err(io_error("standard output"))
    }

    fn ask<T>(
        &mut self,
        question: &str,
        default: &str,
        take: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, InitError> {
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        for _ in 0..TRIES {
            self.say(&format!("{question}{shown}:"))?;
            let mut line = String::new();
            let mut input = (&mut *self.input).take(MAX_ANSWER_BYTES);
            if input.read_line(&mut line).map_err(io_error("standard input"))? == 0 {
                break;
            }
            match take(if line.trim().is_empty() { default } else { line.trim() }) {
                Ok(taken) => return Ok(taken),
                Err(says) => self.say(&format!("  {says}"))?,
            }
        }
        Err(InitError::Refused(format!("no good answer to: {question}")))
    }
}

fn first_file(
    name: &str,
    zone: &str,
    hours: bool,
    weekend: bool,
    token_file: Option<String>,
) -> String {
    let mut text = format!("orgs:\n  - name: \"{name}\"\n    time_zone: {zone}\n");
    if hours {
        text.push_str("    business_hours: { days: [mon, tue, wed, thu, fri], from: \"08:00\", to: \"18:00\" }\n");
        text.push_str(if weekend {
            "    # A weekend without a sync pages somebody: stale_after (24h) is counted by the clock.\n    count_hours: wall\n"
        } else {
            "    # A weekend without a sync pages nobody: stale_after (24h) counts working hours only, which are 2.4 such days.\n    # For one working day write stale_after: 10h.\n    count_hours: business\n"
        });
    }
    if let Some(file) = token_file {
        // A JSON string is a YAML string.
        let quoted = serde_json::Value::String(file).to_string();
        text += &["    ingest: { token_file: ", &quoted, " }\n"].concat();
    }
    text
}

/// 256 bits of the system's randomness, as hexadecimal digits.
fn new_token() -> Result<String, InitError> {
    const SOURCE: &str = "/dev/urandom";
    let mut random = [0_u8; 32];
    std::fs::File::open(SOURCE)
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(io_error(SOURCE))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), InitError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        // Whatever the umask took away.
        file.set_permissions(Permissions::from_mode(mode))
    };
    write().map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            exists(path)
        } else {
            io_error(path.display())(source)
        }
    })
}
