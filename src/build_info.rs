//! What this program was built from; `build.rs` notes it.

/// The version of the package.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, or `unknown`.
pub(crate) const REVISION: &str = env!("LIGHTNING_SYNC_REVISION");
/// The branch of the commit, or `unknown`.
pub(crate) const BRANCH: &str = env!("LIGHTNING_SYNC_BRANCH");
/// The version of the compiler.
pub(crate) const RUST: &str = env!("LIGHTNING_SYNC_RUST");
/// All of it, as programs of the Prometheus family print it.
pub(crate) const ALL: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (branch: ",
    env!("LIGHTNING_SYNC_BRANCH"),
    ", revision: ",
    env!("LIGHTNING_SYNC_REVISION"),
    ")\n  rust version: ",
    env!("LIGHTNING_SYNC_RUST")
);
