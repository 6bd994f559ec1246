//! Whom the organisations of the stories employ: invented names under the reserved domain `example`.

use crate::domain::ids::{OrgName, UserName};

const FIRST_NAMES: [&str; 16] = [
    "ann", "ben", "cleo", "dan", "eve", "finn", "gina", "hugo", "ida", "jon", "kim", "lea", "max",
    "nora", "otto", "pia",
];

/// The name of the `index`th user of an organisation; two organisations share nobody.
#[expect(
    clippy::expect_used,
    reason = "a short mail address of letters, digits and dots is a user's name"
)]
pub(crate) fn user_name(org: &OrgName, index: u32) -> UserName {
    let first = FIRST_NAMES.get(index as usize % FIRST_NAMES.len()).copied().unwrap_or("zoe");
    UserName::new(&format!("{first}.{:02}@{org}.example", index + 1)).expect("a short mail address")
}
