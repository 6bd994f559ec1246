//! Exchange as a source: a read-only probe over EWS that follows the way Salesforce goes, step by step, and reports which
//! step fails. `client` has the input and output; `ews` is pure.

mod client;
mod ews;
mod failure;
mod ntlm;
mod probe;
mod settings;

pub use ews::{ExchangeProduct, ServerVersion};
pub use failure::ExchangeFailure;
pub use probe::ExchangeSource;
pub use settings::{ExchangeAuth, ExchangeSettings, ProbedMailbox};

/// How many folders an answer of EWS names, for tests that damage answers.
///
/// # Errors
/// Why it is no answer.
pub fn folders_in(answer: &[u8]) -> Result<usize, String> {
    let answer = ews::answer::EwsAnswer::read(answer).map_err(|trouble| trouble.to_string())?;
    let messages = answer.outcome.map_err(|fault| fault.code)?;
    Ok(messages.iter().map(|message| message.folders.len()).sum())
}

/// The URL that an answer of Autodiscover names, for the same tests.
///
/// # Errors
/// Why it is no answer.
pub fn autodiscovered(answer: &[u8]) -> Result<Option<String>, String> {
    ews::answer::autodiscovered(answer).map_err(|trouble| trouble.to_string())
}
