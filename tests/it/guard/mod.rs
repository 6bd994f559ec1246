//! The guarded server: `--web.config.file` with real clients, certificates and programs of the family.

mod asked;
mod authority;
mod clients;
mod example;
mod file;
mod passwords;
mod rotation;
mod tls;
