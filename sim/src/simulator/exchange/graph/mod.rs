//! Microsoft Graph and the part of Microsoft Entra that gives tokens, on one port: an application's secret or signed
//! assertion is verified, and mailboxes, folders, counts and batches are answered in Microsoft's own shapes.

mod resource;
mod scene;
mod server;
mod tenant;
mod token;

pub use scene::{GraphScene, GraphTrouble};
pub use server::{Graph, GraphRequest};
pub use tenant::{GraphMailbox, GraphTenant, SimulatedApp};
