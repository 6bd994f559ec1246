//! The reference of all keys, `docs/configuration.md`, made from the table of keys.

use super::example::example;
use super::keys::{ConfigKey, KeyDefault, KeyKind};
use super::table;

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let rows: String = table::all().map(row).collect();
    format!("{HEAD}{rows}{TAIL}\n```yaml\n{}```\n", example())
}

const HEAD: &str = "<!-- Made from src/config/table.rs by `UPDATE_GENERATED=1 cargo nextest run`; changes here are lost. -->

# Configuration

One YAML file, named with `--config.file`; without that flag `/etc/lightning-sync/config.yaml`.

- `config init` asks a few questions and writes a first file, `config check` reads one and lists every mistake with its
  line and key path, `config example` prints the example below, `config schema` prints the JSON schema for editors.
- An unknown key, a scalar of another type (`name: 007` is a number; `name: \"007\"` is text), a value out of bounds or a
  file that is not there is an error. All are listed at once; a running daemon keeps its old configuration.
- Durations are whole numbers with the units `w`, `d`, `h`, `m`, `s`: `15m`, `1h30m`. Dates begin at midnight in the
  organisation's `time_zone`.
- Scalars outside of lists can be set from the environment; the environment goes over the file. A variable that begins
  with `LIGHTNING_SYNC__` and names no such key is an error.
- Token files must not be open to every user (`chmod 600`). Secrets are never printed.
- YAML anchors and aliases are taken (business hours that many organisations share); merge keys (`<<`) and tags are not.

## Keys

`[]` stands for each item of a list.

| key | takes | without it | what it is for |
|---|---|---|---|
";

const TAIL: &str = "
## Example

A line that begins with `#` and no blank is a key that is not set; take the `#` away to set it.
";

fn row(key: &ConfigKey) -> String {
    let without = match key.default {
        KeyDefault::Required => "needed".to_owned(),
        KeyDefault::Value(value) => format!("`{value}`"),
        KeyDefault::Words(words) => words.to_owned(),
    };
    let bounds = if let KeyKind::Span(bounds) = key.kind {
        format!(" Bounds: {}.", bounds.why)
    } else {
        String::new()
    };
    let variable = key.variable().map(|name| format!(" `{name}`")).unwrap_or_default();
    format!("| `{}` | {} | {without} | {}{bounds}{variable} |\n", key.path, key.takes(), key.doc)
}
