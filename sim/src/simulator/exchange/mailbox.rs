//! Mailboxes with their folders.

/// Where a folder lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderPlace {
    /// Directly under Contacts.
    Contacts,
    /// Beside Contacts.
    Root,
    /// Under Deleted Items.
    Deleted,
}

/// A folder that is no default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeFolder {
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Where it lies.
    pub place: FolderPlace,
    /// How many items it has.
    pub total: u32,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeMailbox {
    /// Its primary address.
    pub address: String,
    /// Another one.
    pub alias: Option<String>,
    /// Whether it has a calendar.
    pub calendar: bool,
    /// Its folders besides the default ones.
    pub folders: Vec<ExchangeFolder>,
    /// Every request for it gives this fault.
    pub fault: Option<&'static str>,
    /// EWS is switched off for it.
    pub ews_disabled: bool,
    /// Another version than the server's.
    pub version: Option<[u16; 3]>,
}

impl ExchangeMailbox {
    /// One in which all is as it should be.
    pub fn healthy(address: impl Into<String>, contacts: u32) -> Self {
        Self {
            address: address.into(),
            alias: None,
            calendar: true,
            folders: vec![ExchangeFolder {
                name: "Salesforce_Sync".to_owned(),
                class: "IPF.Contact".to_owned(),
                place: FolderPlace::Contacts,
                total: contacts,
            }],
            fault: None,
            ews_disabled: false,
            version: None,
        }
    }
}
