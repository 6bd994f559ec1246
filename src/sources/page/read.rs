//! The walk over a page: labels in document order, each with the value that follows it.

mod users;

use super::PageContext;
use super::dates::Writing;
use super::labels::{LabelRows, Role, role};
use super::shown::{Piece, Shown};
use super::value::read as read_value;
use crate::domain::ids::{ObjectType, Source};
use crate::domain::observation::Snapshot;
use crate::domain::problem::{FieldError, ProblemReason};
use crate::domain::rows::{ArticleRow, RowKind};
use crate::domain::time::Timestamp;
use crate::sources::ingest_error::{IngestError, Mistakes, quoted};
use crate::sources::instant;
use crate::sources::row_value::{OrgRows, RowValue, contradictions, found, full_label, put};
use users::PageUsers;

/// How many pieces after a label are looked at: a value in two pieces, and whether another one follows.
const LOOK_AHEAD: usize = 3;

pub(super) fn read(shown: &Shown, context: &PageContext<'_>) -> Result<Snapshot, IngestError> {
    let captured_at = captured_at(context)?;
    let mut reader = PageReader {
        writing: Writing { time_zone: context.time_zone, order: context.date_order, captured_at },
        section: Section::None,
        rows: OrgRows::default(),
        users: PageUsers::default(),
        troubles: Vec::new(),
        labels: 0,
        marks: 0,
    };
    reader.walk(shown);
    if reader.labels == 0 {
        return Err(IngestError::whole(
            ProblemReason::NoKnownLabel,
            "no known label was found: this is not the Lightning Sync status page, or not in English; open that page in English and save it again",
        ));
    }
    let users = reader.users.finish(context.user, &mut reader.troubles);
    if let Some(error) = error_of(reader.troubles) {
        return Err(error);
    }
    let mut mistakes = Mistakes::default();
    for mistake in contradictions(&reader.rows) {
        mistakes.note(|| mistake);
    }
    if mistakes.total > 0 {
        let detail = "rows of the page contradict each other and nothing was taken; read the page again and send it whole";
        return Err(mistakes.refusal(ProblemReason::Invalid, detail));
    }
    Ok(Snapshot {
        org: context.org.clone(),
        source: Source::Snapshot,
        captured_at,
        rows: found(reader.rows),
        users,
        users_complete: false,
    })
}

fn captured_at(context: &PageContext<'_>) -> Result<Timestamp, IngestError> {
    let Some(text) = context.captured_at else {
        return Ok(context.now);
    };
    instant::parse(text)
        .map_err(|error| format!("{} {error}", quoted(text)))
        .and_then(|at| instant::not_ahead(at, context.now))
        .map_err(|message| {
            IngestError::whole(ProblemReason::Invalid, format!("captured_at: {message}"))
        })
}

/// What the headings say of the labels below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    None,
    One(ObjectType),
    /// Two headings side by side: a table with a column for each.
    Both([ObjectType; 2]),
}

struct PageReader {
    writing: Writing,
    section: Section,
    rows: OrgRows,
    users: PageUsers,
    troubles: Vec<Trouble>,
    /// How many labels were found.
    labels: usize,
    /// How many marks were read.
    marks: usize,
}

/// A label with the pieces that may be its value.
struct Labelled<'p> {
    name: &'static str,
    line: u64,
    values: Vec<&'p Piece>,
    /// Whether the last of the values ends the page, which was cut there.
    cut: bool,
    /// Whether no label or heading follows on the page.
    is_last: bool,
}

impl PageReader {
    fn walk(&mut self, shown: &Shown) {
        let roles: Vec<(Role<'_>, &Piece)> = shown
            .pieces
            .iter()
            .map(|piece| (role(&piece.text), piece))
            .filter(|(role, piece)| !matches!(role, Role::Noise) || !piece.marks.is_empty())
            .collect();
        let mut heading_before = None;
        for (index, (role, piece)) in roles.iter().enumerate() {
            let after = roles.get(index + 1..).unwrap_or_default();
            let values =
                after.iter().take_while(|(role, _)| matches!(role, Role::Other | Role::Noise));
            let mut heading = None;
            match role {
                Role::Heading(object) => {
                    heading = *object;
                    self.section = match (*object, heading_before) {
                        (Some(object), Some(before)) if object != before => {
                            Section::Both([before, object])
                        }
                        (Some(object), _) => Section::One(object),
                        (None, _) => Section::None,
                    };
                }
                Role::Name { rest, is_mail } => {
                    let following = values.map(|(_, piece)| piece.text.as_str()).next();
                    let name = if rest.is_empty() { following.unwrap_or_default() } else { rest };
                    self.users.candidate(name, *is_mail);
                }
                Role::Label { label, rest, before } => {
                    self.labels += 1;
                    let own = Piece {
                        line: piece.line,
                        text: (*rest).to_owned(),
                        marks: piece.marks.iter().copied().chain(*before).collect(),
                    };
                    let following: Vec<&Piece> =
                        values.take(LOOK_AHEAD).map(|(_, piece)| *piece).collect();
                    let shows_mark = !own.marks.is_empty() && label.shows_marks();
                    let (values, last) = if !rest.is_empty() || shows_mark {
                        (vec![&own], index)
                    } else {
                        let last = index + following.len();
                        (following, last)
                    };
                    let at_end = last + 1 >= roles.len();
                    let labelled = Labelled {
                        name: label.name,
                        line: piece.line,
                        values,
                        cut: shown.cut && at_end,
                        is_last: !after
                            .iter()
                            .any(|(role, _)| matches!(role, Role::Label { .. } | Role::Heading(_))),
                    };
                    self.label(label, &labelled);
                }
                Role::Noise | Role::Other => {}
            }
            heading_before = heading;
        }
    }

    fn label(&mut self, known: &LabelRows, label: &Labelled<'_>) {
        let of =
            |object| known.rows.iter().copied().find(|row| row.spec().object_type == Some(object));
        match (known.rows.as_slice(), self.section) {
            ([row], section) => match (row.spec().object_type, section) {
                (Some(object), Section::One(section)) if section != object => self.trouble(
                    ProblemReason::AmbiguousLabel,
                    label,
                    format!(
                        "belongs to {object} and stands under {section}; is a heading missing?"
                    ),
                ),
                (Some(_), Section::Both(_)) => self.only_readable(*row, label),
                _ => self.one(*row, label),
            },
            (_, Section::One(object)) => {
                if let Some(row) = of(object) {
                    self.one(row, label);
                }
            }
            (_, Section::Both(objects)) => self.both(objects.map(of), label),
            (_, Section::None) => self.trouble(
                ProblemReason::AmbiguousLabel,
                label,
                "stands under neither Contacts nor Events; keep the headings when copying the page",
            ),
        }
    }

    /// A row whose value is what follows.
    fn one(&mut self, row: ArticleRow, label: &Labelled<'_>) {
        let Some(first) = label.values.first() else {
            return self.missing(row, label);
        };
        let (value, more) = match (read_value(row, first, &self.writing), label.values.get(1)) {
            // A date and its time of day may stand in two pieces.
            (Err(error), Some(second)) if row.spec().kind == RowKind::Instant => {
                let joined =
                    Piece { text: format!("{} {}", first.text, second.text), ..Piece::default() };
                let joined = read_value(row, &joined, &self.writing);
                (joined.map_err(|_| error), label.values.get(2))
            }
            (value, more) => (value, more),
        };
        let value = match value {
            Ok(value) => value,
            Err(message) => return self.unreadable(row, label, message),
        };
        if label.cut && more.is_none() {
            return self.trouble(
                ProblemReason::Incomplete,
                label,
                "has a value that the end of the page cuts; copy the whole page",
            );
        }
        // The same picture named twice is one value; two values are a table that we do not understand.
        let other = more.and_then(|more| read_value(row, more, &self.writing).ok());
        if row.spec().kind != RowKind::Account && other.is_some_and(|other| other != value) {
            return self.trouble(
                ProblemReason::AmbiguousLabel,
                label,
                "is followed by two different values",
            );
        }
        self.put(row, value, label);
    }

    /// A row of one object type in a table with columns for both.
    fn only_readable(&mut self, row: ArticleRow, label: &Labelled<'_>) {
        let read = |piece: &&Piece| read_value(row, piece, &self.writing).ok();
        let mut values: Vec<_> = label.values.iter().take(2).filter_map(read).collect();
        match values.pop() {
            Some(value) if values.is_empty() && !label.cut => self.put(row, value, label),
            Some(_) => self.trouble(
                ProblemReason::AmbiguousLabel,
                label,
                "has a value under Contacts and one under Events",
            ),
            None => self.missing(row, label),
        }
    }

    /// A row for each object type, in columns.
    fn both(&mut self, rows: [Option<ArticleRow>; 2], label: &Labelled<'_>) {
        if label.values.len() < 2 || label.cut {
            let message = "has no value for each of the columns Contacts and Events";
            return self.trouble(ProblemReason::AmbiguousLabel, label, message);
        }
        for (row, piece) in rows.into_iter().flatten().zip(&label.values) {
            match read_value(row, piece, &self.writing) {
                Ok(value) => self.put(row, value, label),
                Err(message) => self.unreadable(row, label, message),
            }
        }
    }

    fn put(&mut self, row: ArticleRow, value: RowValue, label: &Labelled<'_>) {
        self.marks += usize::from(row.spec().kind == RowKind::Mark);
        let taken = match row {
            ArticleRow::Org(row) => put(&mut self.rows[row], value.org()),
            ArticleRow::User(row) => {
                value.user().is_some_and(|value| self.users.put(row, value, label.line))
            }
        };
        if !taken {
            let message = "comes twice in the same section; is a heading or a user's name missing between them?";
            self.trouble(ProblemReason::AmbiguousLabel, label, message);
        }
    }

    fn missing(&mut self, row: ArticleRow, label: &Labelled<'_>) {
        let (reason, message) =
            if row.spec().kind == RowKind::Mark && !(label.is_last && self.marks > 0) {
                (ProblemReason::IconsLost, "shows neither a check nor an X")
            } else {
                (ProblemReason::Incomplete, "has no value; copy the page to its end")
            };
        self.trouble(reason, label, message);
    }

    fn unreadable(&mut self, row: ArticleRow, label: &Labelled<'_>, message: String) {
        let reason = if label.cut {
            ProblemReason::Incomplete
        } else if row.spec().kind == RowKind::Mark {
            ProblemReason::IconsLost
        } else {
            ProblemReason::UnreadableValue
        };
        self.trouble(reason, label, message);
    }

    fn trouble(&mut self, reason: ProblemReason, label: &Labelled<'_>, message: impl Into<String>) {
        let object = if let Section::One(object) = self.section { Some(object) } else { None };
        let name = full_label(object, label.name);
        self.troubles.push((reason, FieldError::new(label.line, name, message)));
    }
}

/// One label that could not be read: why, and where.
pub(super) type Trouble = (ProblemReason, FieldError);

/// Reasons from what explains the others to what stands alone, with the next step: lost pictures make labels end without
/// a value.
const ORDER: [(ProblemReason, &str); 5] = [
    (
        ProblemReason::IconsLost,
        "icons lost: no check or X can be read for {of}; save the page as HTML instead of copying it, or write check or X behind the label",
    ),
    (
        ProblemReason::AmbiguousLabel,
        "ambiguous label {of}; send the whole page with its headings, one user after the other",
    ),
    (ProblemReason::Incomplete, "the page is cut at {of}; copy or save it to its end"),
    (
        ProblemReason::UserNotNamed,
        "nothing on the page says whose rows these are; add a line \"User: \" with the name before them",
    ),
    (
        ProblemReason::UnreadableValue,
        "the value of {of} cannot be read; the errors say what each one shows",
    ),
];

/// The error of a page with troubles; `None` without one.
fn error_of(troubles: Vec<Trouble>) -> Option<IngestError> {
    let of_reason = |wanted| troubles.iter().filter(move |(reason, _)| *reason == wanted);
    let (reason, detail) = ORDER.iter().find(|(reason, _)| of_reason(*reason).next().is_some())?;
    let label =
        of_reason(*reason).next().map_or_else(String::new, |(_, first)| quoted(&first.field));
    let of = match of_reason(*reason).count() {
        1 => label,
        count => format!("{label} and {} more", count - 1),
    };
    let mut mistakes = Mistakes::default();
    for (_, mistake) in troubles {
        mistakes.note(|| mistake);
    }
    Some(mistakes.refusal(*reason, detail.replace("{of}", &of)))
}
