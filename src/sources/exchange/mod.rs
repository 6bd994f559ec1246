//! Exchange as a source: a read-only probe over EWS, the way Salesforce goes, and over Microsoft Graph, step by step, which
//! reports the step that fails. `client` and `graph::client` have the input and output; `ews` and the rest of `graph` are
//! pure.

pub(super) mod client;
pub(super) mod ews;
pub(super) mod failure;
mod graph;
mod ntlm;
mod probe;
mod settings;

pub use ews::{ExchangeProduct, ServerVersion};
pub use failure::ExchangeFailure;
pub use graph::{GraphAuth, GraphCertificate, GraphCloud, GraphSettings};
pub use probe::{ExchangeSource, NotSynced};
pub use settings::{EwsSettings, ExchangeAuth, ExchangeSettings, ProbedMailbox};

/// How many folders an answer of EWS names, for tests that damage answers.
///
/// # Errors
/// Why it is no answer.
pub fn folders_in(answer: &[u8]) -> Result<usize, String> {
    let answer = ews::answer::EwsAnswer::read(answer).map_err(|trouble| trouble.to_string())?;
    let messages = answer.outcome.map_err(|fault| fault.code)?;
    Ok(messages.iter().map(|message| message.folders.len()).sum())
}

/// The URLs that an answer of Autodiscover names in either of its forms, for the same tests.
pub fn autodiscovered(answer: &[u8]) -> [Option<String>; 2] {
    let oldest = ews::answer::autodiscovered(answer);
    [oldest.ok().flatten(), ews::answer::autodiscovered_v2(answer)]
}

/// How many folders and errors an answer of Graph names, alone or as a batch, for the same tests.
///
/// # Errors
/// Why it is no answer.
pub fn graph_parts_in(answer: &[u8]) -> Result<usize, String> {
    let batch = graph::answer::read_batch(answer).map(|parts| {
        parts.iter().map(|part| 1 + part.body.folders.as_ref().map_or(0, Vec::len)).sum()
    });
    let token = graph::token::read(answer).map(|_| 1);
    batch.or(token).map_err(|failure| failure.detail)
}
