//! Paths of Graph, and batches of them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Graph takes no more parts in a batch.
pub(in crate::sources::exchange) const MOST_PARTS: usize = 20;

/// Everything but letters, digits and what no part of a path or query gives a meaning to.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// What is to be known of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sources::exchange) enum GraphAsk {
    /// Whether it is there.
    Settings,
    /// Its calendar.
    Calendar,
    /// The contact folders of a name.
    FoldersNamed(String),
    /// All contact folders, for one of nearly that name.
    Folders,
    /// How many contacts are in a folder.
    Count(String),
}

impl GraphAsk {
    fn path(&self, address: &str) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let user = encoded(address);
        match self {
            Self::Settings => format!("/users/{user}/mailboxSettings"),
            Self::Calendar => format!("/users/{user}/calendar?$select=id,name"),
            Self::FoldersNamed(name) => {
                let filter = encoded(&format!("displayName eq '{}'", name.replace('\'', "''")));
                format!(
                    "/users/{user}/contactFolders?$filter={filter}&$select=id,displayName,parentFolderId&$top=20"
                )
            }
            Self::Folders => {
                format!(
                    "/users/{user}/contactFolders?$select=id,displayName,parentFolderId&$top=100"
                )
            }
            Self::Count(folder) => {
                format!("/users/{user}/contactFolders/{}/contacts/$count", encoded(folder))
            }
        }
    }
}

/// The body of a batch. Its parts have the numbers of their places as ids.
pub(in crate::sources::exchange) fn batch<'a>(
    parts: impl Iterator<Item = (&'a str, &'a GraphAsk)>,
) -> Vec<u8> {
    let requests: Vec<Value> = parts
        .enumerate()
        .map(|(place, (address, ask))| {
            let mut part =
                json!({"id": place.to_string(), "method": "GET", "url": ask.path(address)});
            if let (GraphAsk::Count(_), Some(part)) = (ask, part.as_object_mut()) {
                // Without it some tenants do not count.
                part.insert("headers".to_owned(), json!({"ConsistencyLevel": "eventual"}));
            }
            part
        })
        .collect();
    json!({ "requests": requests }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_cannot_leave_their_place() {
        let named = GraphAsk::FoldersNamed("Bob's & 'co'/?#".to_owned());
        assert_eq!(
            named.path("o'hara+x/../y@corp.example"),
            "/users/o%27hara%2Bx%2F..%2Fy@corp.example/contactFolders?$filter=displayName%20eq%20%27Bob%27%27s%20%26%20%27%27co%27%27%2F%3F%23%27&$select=id,displayName,parentFolderId&$top=20"
        );
        let count = GraphAsk::Count("AAMk/=?".to_owned());
        assert_eq!(
            count.path("ann@corp.example"),
            "/users/ann@corp.example/contactFolders/AAMk%2F%3D%3F/contacts/$count"
        );
    }
}
