//! What is wrong with a page, label by label.

use crate::domain::problem::{FieldError, ProblemReason};
use crate::sources::ingest_error::{IngestError, Mistakes, quoted};

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
pub(super) fn error_of(troubles: Vec<Trouble>) -> Option<IngestError> {
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
