//! The guarded server: `--web.config.file` with real clients, certificates and programs of the family.

mod authority;
mod clients;
mod commands;
mod example;
mod file;
mod passwords;
mod rotation;
mod tls;
