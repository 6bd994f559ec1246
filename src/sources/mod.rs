//! How we learn. Parsers from bytes to [`crate::domain::observation`], one folder for each form of input, do no input or
//! output and read no clock. Sources that are polled ([`polling`]) keep their client apart
//! from their pure parts.
//!
//! This module knows neither the engine nor the web; its caller turns [`crate::domain::problem::ProblemReason`] into a status code, and
//! [`failure::FailureReason`] into a log line.

pub mod activity;
pub mod canary;
pub mod exchange;
pub mod exchange_log;
pub mod failure;
pub mod files;
pub mod ingest_error;
mod input_value;
mod instant;
pub mod page;
pub mod polling;
mod row_value;
pub mod salesforce;
pub mod signing;
pub mod snapshot;
mod table;
mod vocabulary;

use crate::http_client::TransportFailure;
use failure::{FailureReason, OwnFailure};

/// The reason of a failed poll that has this name.
pub fn failure_reason(name: &str) -> Option<FailureReason> {
    let own = OwnFailure::from_name(name).map(Into::into);
    let transport = || TransportFailure::from_name(name).map(Into::into);
    let salesforce = || salesforce::SalesforceFailure::from_name(name).map(Into::into);
    let files = || Some(files::DIRECTORY_UNAVAILABLE).filter(|reason| reason.name == name);
    let exchange_log = || exchange_log::ExchangeLogFailure::from_name(name).map(Into::into);
    let exchange = || exchange::ExchangeFailure::from_name(name).map(Into::into);
    let known = own.or_else(transport).or_else(salesforce).or_else(files);
    let canary = || canary::CanaryFailure::from_name(name).map(Into::into);
    known.or_else(exchange_log).or_else(exchange).or_else(canary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use salesforce::SalesforceFailure;

    #[test]
    fn every_reason_is_found_by_its_name_and_says_what_to_do() {
        let own = OwnFailure::ALL.iter().map(|own| own.name());
        let transport = TransportFailure::ALL.iter().map(|failure| failure.name());
        let salesforce = SalesforceFailure::ALL.iter().map(|failure| failure.name());
        let files = ["directory_unavailable"].into_iter();
        let logs = exchange_log::ExchangeLogFailure::ALL.iter().map(|failure| failure.name());
        let exchange = exchange::ExchangeFailure::ALL.iter().map(|failure| failure.name());
        let canary = canary::CanaryFailure::ALL.iter().map(|failure| failure.name());
        let polled = salesforce.chain(files).chain(logs).chain(exchange).chain(canary);
        for name in own.chain(transport).chain(polled) {
            let reason = failure_reason(name).unwrap();
            assert!(reason.name == name && reason.advice.ends_with('.'), "{name}");
        }
        assert_eq!(failure_reason("tired"), None);
    }
}
