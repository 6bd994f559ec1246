//! Line ends: a mistake is found on the line where it stands, whatever ends lines, and without one everything is taken.

use super::{Inputs, LINES, NOW, context, org};
use crate::random::Random;
use lightning_sync_exporter::domain::activity::IdentityKey;
use lightning_sync_exporter::sources::activity::{self, ActivityContext};
use lightning_sync_exporter::sources::ingest_error::OnError;
use lightning_sync_exporter::sources::snapshot::parse_csv;

/// A text that knows the line it is at.
struct Text {
    text: String,
    line: u64,
    end: &'static str,
    /// Whether line ends may be mixed, as in files that two systems wrote.
    mixed: bool,
}

impl Text {
    fn put(&mut self, text: &str) {
        self.text += text;
    }

    fn end_line(&mut self, random: &mut Random) {
        if self.mixed {
            self.end = random.one_of(&["\n", "\r\n"]);
        }
        self.text += self.end;
        self.line += 1;
    }

    fn blank_lines(&mut self, random: &mut Random) {
        for _ in 0..[0, 0, 0, 1, 2][random.below(5) as usize] {
            self.end_line(random);
        }
    }
}

/// A table of users, and what is right: how many there are, or the line of the mistake.
fn table(random: &mut Random) -> (String, Result<usize, u64>) {
    let end = random.one_of(&["\n", "\r\n", "\r"]);
    let mixed = end != "\r" && random.below(4) == 0;
    let mut text = Text { text: String::new(), line: 1, end, mixed };
    if random.below(4) == 0 {
        text.put("\u{feff}");
    }
    let separator = random.one_of(&[",", ";", "\t"]);
    // Columns that a spreadsheet adds and nobody fills.
    let empty = separator.repeat(random.below(3) as usize);
    if random.below(5) == 0 {
        // Spreadsheets tell each other so.
        text.put(&format!("{}{separator}", random.one_of(&["sep=", "SEP="])));
        text.end_line(random);
    }
    text.blank_lines(random);
    text.put(&format!("user{separator}active_configuration{separator}contacts.linked{empty}"));
    text.end_line(random);
    let users = random.between(2, 30) as usize;
    let wrong = (random.below(2) == 0).then(|| random.below(users as u64) as usize);
    let mut right = Ok(users);
    for user in 0..users {
        text.blank_lines(random);
        if random.below(6) == 0 {
            text.put(&format!("{separator}{separator}{empty}"));
            text.end_line(random);
        }
        if wrong == Some(user) {
            right = Err(text.line);
        }
        let value =
            if wrong == Some(user) { "perhaps" } else { random.one_of(&["yes", "No", "✓", "X"]) };
        text.put(&format!("user{user}@corp.example{separator}"));
        // A cell may go on in the next line.
        if random.below(5) == 0 {
            text.put(&format!("\"{value}"));
            text.end_line(random);
            text.put("\"");
        } else {
            text.put(value);
        }
        text.put(&format!("{separator}\"yes\"{empty}"));
        if user + 1 < users || random.below(2) == 0 {
            text.end_line(random);
        }
    }
    (text.text, right)
}

/// Records of activity, a line each, and what is right.
fn records(random: &mut Random) -> (String, Result<usize, u64>) {
    let end = random.one_of(&["\n", "\r\n"]);
    let mut text = Text { text: String::new(), line: 1, end, mixed: random.below(3) == 0 };
    if random.below(4) == 0 {
        text.put("\u{feff}");
    }
    let count = random.between(1, 40) as usize;
    let wrong = (random.below(2) == 0).then(|| random.below(count as u64) as usize);
    let mut right = Ok(count);
    for number in 0..count {
        text.blank_lines(random);
        let object = if wrong == Some(number) {
            right = Err(text.line);
            random.one_of(&["tasks", "", "Contacts "])
        } else {
            "contacts"
        };
        let space = random.one_of(&["", " ", "\t"]);
        text.put(&format!(
            "{space}{{\"at\":\"2026-11-22T13:55:00Z\",{space}\"object_type\":\"{object}\",\"id\":\"{number}\"}}{space}"
        ));
        if number + 1 < count || random.below(2) == 0 {
            text.end_line(random);
        }
    }
    (text.text, right)
}

#[test]
fn mistakes_are_found_on_their_lines_whatever_ends_lines() {
    let (mut inputs, mut random) = Inputs::new("line ends");
    for _ in 0..LINES / 2 {
        let (text, right) = table(&mut random);
        let got = parse_csv(text.as_bytes(), &context(&org()))
            .map(|snapshot| snapshot.users.len())
            .map_err(|error| error.errors.first().map_or(0, |first| first.line));
        inputs.is(|| format!("{text:?}"), &got, &right);
    }
    let (org, identity) = (org(), IdentityKey::new([7; 16]));
    let context =
        ActivityContext { org: &org, identity: &identity, now: NOW, on_error: OnError::Refuse };
    for _ in 0..LINES / 2 {
        let (text, right) = records(&mut random);
        let got = activity::parse(text.as_bytes(), &context)
            .map(|read| read.value.records.len())
            .map_err(|error| error.errors.first().map_or(0, |first| first.line));
        inputs.is(|| format!("{text:?}"), &got, &right);
    }
    inputs.finish(LINES);
}
