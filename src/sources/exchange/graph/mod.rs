//! Microsoft Graph: an application that reads folders of mailboxes in Exchange Online. `client` has the input and output.

pub(super) mod answer;
pub(super) mod client;
pub(super) mod meaning;
pub(super) mod request;
mod settings;
pub(super) mod token;

pub use settings::{GraphAuth, GraphCertificate, GraphCloud, GraphSettings};
