//! What is wrong with a page, gathered label by label.

use crate::sources::ingest_error::{IngestError, IngestReason, Mistakes, RecordError, quoted};

/// One label that could not be read.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) reason: IngestReason,
    /// The line of pasted text, or 0.
    pub(super) line: u64,
    pub(super) label: String,
    pub(super) message: String,
}

/// Reasons from what explains the others to what stands alone: lost pictures make labels end without a value.
const ORDER: [IngestReason; 5] = [
    IngestReason::IconsLost,
    IngestReason::AmbiguousLabel,
    IngestReason::Incomplete,
    IngestReason::UserNotNamed,
    IngestReason::UnreadableValue,
];

/// The refusal for a page with troubles; never called without one.
pub(super) fn refusal(troubles: Vec<Trouble>) -> IngestError {
    let rank = |reason| {
        ORDER
            .iter()
            .position(|known| *known == reason)
            .unwrap_or(ORDER.len())
    };
    let first = troubles.iter().min_by_key(|trouble| rank(trouble.reason));
    let (reason, label) = first.map_or((IngestReason::UnreadableValue, String::new()), |first| {
        (first.reason, quoted(&first.label))
    });
    let count = troubles
        .iter()
        .filter(|trouble| trouble.reason == reason)
        .count();
    let of = if count == 1 {
        label
    } else {
        format!("{label} and {} more", count - 1)
    };
    let detail = match reason {
        IngestReason::IconsLost => format!(
            "icons lost: no check or X can be read for {of}; save the page as HTML instead of copying it, or write check or X behind the label"
        ),
        IngestReason::AmbiguousLabel => format!(
            "ambiguous label {of}; send the whole page with its headings, one user after the other"
        ),
        IngestReason::Incomplete => format!("the page is cut at {of}; copy or save it to its end"),
        IngestReason::UserNotNamed => {
            "nothing on the page says whose rows these are; add a line \"User: \" with the name before them".to_owned()
        }
        IngestReason::UnreadableValue
        | IngestReason::NotUtf8
        | IngestReason::Malformed
        | IngestReason::TooLarge
        | IngestReason::InvalidRecords
        | IngestReason::NoCaptureTime
        | IngestReason::NoKnownLabel => {
            format!("the value of {of} cannot be read; the errors say what each one shows")
        }
    };
    let mut mistakes = Mistakes::default();
    for trouble in troubles {
        mistakes.note(|| RecordError::new(trouble.line, trouble.label, trouble.message));
    }
    mistakes.refusal(reason, detail)
}
