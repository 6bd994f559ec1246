//! What is made of the table of keys: the commented examples, the reference `docs/configuration.md` and the JSON schema.

use super::keys::{ConfigKey, KEYS, KeyDefault, KeyExample, KeyKind, WEB_KEYS};
use super::mistakes::Collector;
use super::reader;
use config::ValueKind;
use serde_json::{Map, Value, json};

/// An example of a configuration with a comment for every key. Keys that change what is judged, or that name a file,
/// stand in it as `#key: value`: taking the `#` away sets them.
pub fn example() -> String {
    let keys = KEYS.iter().map(|key| {
        // Two columns for a mapping around it, four for a list of mappings.
        let lists = key.parent().matches("[]").count();
        let indent = " ".repeat((key.path.matches('.').count() + lists) * 2);
        let (off, value) = shown(key);
        // The first key of an item has the item's mark before it.
        let first = ["[].name", "[].url"].iter().any(|first| key.path.ends_with(first));
        let start = match indent.strip_suffix("  ").filter(|_| first) {
            Some(indent) => format!("{indent}{off}- "),
            None => [&indent, off].concat(),
        };
        let comment = wrapped(&comment(key), &format!("{indent}# "));
        format!("\n{comment}{start}{}:{value}\n", key.name())
    });
    std::iter::once(EXAMPLE_HEAD.to_owned()).chain(keys).collect()
}

const EXAMPLE_HEAD: &str = "# The configuration of lightning-sync-exporter. Only `orgs` with a name is needed; everything else has a default.
# Check it with `lightning-sync-exporter config check`.
";

/// An example of the web's file that sets everything, with what each key is for.
pub fn web_example() -> String {
    let keys = WEB_KEYS.iter().map(|key| {
        let indent = "  ".repeat(key.path.matches('.').count());
        let (off, value) = shown(key);
        let off = if off.is_empty() { "" } else { "# " };
        format!("{indent}# {}\n{indent}{off}{}:{value}\n", key.doc, key.name())
    });
    let users = format!("  prometheus: '{NOBODYS_HASH}'\n");
    std::iter::once(WEB_EXAMPLE_HEAD.to_owned()).chain(keys).chain([users]).collect()
}

const WEB_EXAMPLE_HEAD: &str = "# What `--web.config.file` takes: encryption, headers and users, in the format of the Prometheus family.
# Files are named from this file's directory. All of it is read again when it changes.
# Replace the hash below by one of yours (`htpasswd -nBC 10 prometheus`): nobody knows the password of this one.
";

/// Of random bytes that nobody knows.
const NOBODYS_HASH: &str = "$2y$10$qPj0bGAXbRAcRpPpUxLXieYkEwVYHnbTqTx4WnWhsUaWWaCl8bEFK";

/// The mark before a key that is not set, and its value with a blank before it.
fn shown(key: &ConfigKey) -> (&'static str, String) {
    let (off, value) = match key.example {
        KeyExample::Live(value) => ("", value),
        KeyExample::Off(value) => ("#", value),
    };
    (off, if value.is_empty() { String::new() } else { format!(" {value}") })
}

fn comment(key: &ConfigKey) -> String {
    if matches!(key.kind, KeyKind::Section | KeyKind::Sections) {
        return key.doc.to_owned();
    }
    match key.default {
        KeyDefault::Needed => format!("{} Takes {}; needed.", key.doc, key.takes()),
        KeyDefault::Value(default) | KeyDefault::Words(default) => {
            format!("{} Takes {}; without it: {default}.", key.doc, key.takes())
        }
    }
}

/// The words of a text in lines that begin with `start` and have at most `COLUMNS` characters, but at least one word each.
fn wrapped(text: &str, start: &str) -> String {
    const COLUMNS: usize = 112;
    let mut lines = start.to_owned();
    let mut column = start.len();
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > COLUMNS {
            lines.extend(["\n", start]);
            column = start.len();
        } else if index > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines + "\n"
}

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let rows: String = KEYS.iter().map(row).collect();
    format!("{HEAD}{rows}{TAIL}\n```yaml\n{}```\n", example())
}

const HEAD: &str = "<!-- Made from src/config/keys.rs by `UPDATE_GENERATED=1 cargo test --test it config`; changes here are lost. -->

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
        KeyDefault::Needed => "needed".to_owned(),
        KeyDefault::Value(value) => format!("`{value}`"),
        KeyDefault::Words(words) => words.to_owned(),
    };
    let bounds = if let KeyKind::Span(_, _, why) | KeyKind::SpanOrNone(_, _, why) = key.kind {
        format!(" Bounds: {why}.")
    } else {
        String::new()
    };
    let variable = key.variable().map(|name| format!(" `{name}`")).unwrap_or_default();
    format!("| `{}` | {} | {without} | {}{bounds}{variable} |\n", key.path, key.takes(), key.doc)
}

/// The JSON schema of the configuration, draft 2020-12. What it cannot say (orders of dates, files, unique names) only
/// the validator knows.
pub fn schema() -> Value {
    let draft = json!("https://json-schema.org/draft/2020-12/schema");
    let title = json!("lightning-sync-exporter configuration");
    with(with(object(""), "$schema", draft), "title", title)
}

/// A schema with one more field.
fn with(mut schema: Value, name: &str, value: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    schema
}

fn object(parent: &str) -> Value {
    let keys = || KEYS.iter().filter(|key| key.parent() == parent);
    let properties: Map<_, _> = keys().map(|key| (key.name().to_owned(), described(key))).collect();
    let needed = keys().filter(|key| key.default == KeyDefault::Needed).map(ConfigKey::name);
    let needed: Vec<_> = needed.collect();
    let schema =
        json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if needed.is_empty() { schema } else { with(schema, "required", json!(needed)) }
}

fn described(key: &ConfigKey) -> Value {
    const DATE: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
    const SPAN: &str = "([0-9]+[wdhms])+";
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let list = |items: Value| json!({ "type": "array", "uniqueItems": true, "items": items });
    let schema = match key.kind {
        KeyKind::Section => object(key.path),
        KeyKind::Sections => {
            json!({ "type": "array", "minItems": 1, "items": object(&format!("{}[]", key.path)) })
        }
        KeyKind::Text(pattern, _) => text(pattern),
        KeyKind::Texts(pattern, _) => list(text(pattern)),
        KeyKind::File => json!({ "type": "string", "minLength": 1 }),
        KeyKind::Choice(names) => json!({ "enum": names() }),
        KeyKind::Choices(names) => with(list(json!({ "enum": names() })), "minItems", json!(1)),
        KeyKind::Flag => json!({ "type": "boolean" }),
        KeyKind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        KeyKind::Bytes(..) => text("^[0-9]+(KiB|MiB|GiB)$"),
        KeyKind::Span(..) => text(&format!("^({SPAN})$")),
        KeyKind::SpanOrNone(..) => text(&format!("^({SPAN}|none)$")),
        KeyKind::Date => text(&format!("^{DATE}$")),
        KeyKind::DateOrNone => text(&format!("^({DATE}|none)$")),
        KeyKind::Dates => list(text(&format!("^{DATE}$"))),
    };
    let schema = with(schema, "description", json!(key.doc));
    let KeyDefault::Value(default) = key.default else {
        return schema;
    };
    with(schema, "default", reader::read(default, &Collector::default()).map(json_of).into())
}

/// A default, written as YAML in the table, as JSON.
fn json_of(read: config::Value) -> Value {
    match read.kind {
        ValueKind::Boolean(flag) => json!(flag),
        ValueKind::I64(number) => json!(number),
        ValueKind::String(text) => json!(text),
        ValueKind::Array(items) => items.into_iter().map(json_of).collect(),
        ValueKind::Nil
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::Table(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, ValidConfig, from_text};
    use std::path::Path;

    fn read(text: &str) -> Result<ValidConfig, String> {
        from_text("example", text, Path::new("/nowhere"), &Environment::default())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_is_valid_as_it_stands() {
        assert_eq!(read(&example()).map(|valid| valid.orgs.len()), Ok(1));
    }

    #[test]
    fn the_example_is_valid_with_every_comment_mark_of_a_key_taken_away_but_for_files_and_a_choice()
    {
        let everything: String = example()
            .lines()
            .map(|line| match line.trim_start().strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => line.replacen('#', "", 1),
                _ => line.to_owned(),
            })
            .map(|line| line + "\n")
            .collect();
        let refused = read(&everything).unwrap_err();
        // Sections have keys of the same name.
        let line_behind = |section: &str, key: &str| {
            let mut lines = everything.lines().map(str::trim_start);
            let section = lines.position(|line| line.starts_with(section)).unwrap();
            section + lines.position(|line| line.starts_with(key)).unwrap() + 2
        };
        let line = |key| line_behind("orgs:", key);
        let missing = "the file cannot be read: No such file or directory (os error 2); give the daemon's user read access to it";
        let mistakes = [
            format!(
                "{}: store.path: found beside postgres; keep one",
                line_behind("store:", "path:")
            ),
            format!(
                "{}: store.postgres.dsn_file: found \"/etc/lightning-sync/postgres.dsn\"; {missing}",
                line_behind("postgres:", "dsn_file:")
            ),
            format!(
                "{}: store.postgres.ca_file: found \"/etc/lightning-sync/postgres-ca.pem\"; {missing}",
                line_behind("postgres:", "ca_file:")
            ),
            format!(
                "{}: store.backup_max_age: found beside postgres, whose backups are made with its own tools and not seen here; remove it",
                line_behind("store:", "backup_max_age:")
            ),
            format!(
                "{}: alerting.alertmanagers[0].ca_file: found \"/etc/lightning-sync/alerts-ca.pem\"; {missing}",
                line_behind("alerting:", "ca_file:")
            ),
            format!(
                "{}: alerting.alertmanagers[0].auth: found basic and bearer; keep one",
                line_behind("alerting:", "basic:")
            ),
            format!(
                "{}: orgs[0].ingest.token_file: found \"/etc/lightning-sync/acme.token\"; {missing}",
                line("token_file:")
            ),
            format!(
                "{}: orgs[0].files.directory: found \"/var/lib/lightning-sync/acme\"; No such file or directory (os error 2); create it, writable by the daemon's user",
                line("directory:")
            ),
            format!(
                "{}: orgs[0].salesforce.ca_file: found \"/etc/lightning-sync/proxy-ca.pem\"; {missing}",
                line("ca_file:")
            ),
            format!(
                "{}: orgs[0].salesforce.auth: found both client_credentials and jwt_bearer; keep one",
                line("client_credentials:")
            ),
            format!(
                "{}: orgs[0].exchange.ca_file: found \"/etc/lightning-sync/exchange-ca.pem\"; {missing}",
                line_behind("exchange:", "ca_file:")
            ),
            format!(
                "{}: orgs[0].exchange.auth: found basic and ntlm and bearer; keep one",
                line_behind("exchange:", "basic:")
            ),
            format!(
                "{}: orgs[0].exchange.graph.certificate_file: found beside client_secret_file; keep one",
                line_behind("graph:", "certificate_file:")
            ),
            format!(
                "{}: orgs[0].canary.salesforce.ca_file: found \"/etc/lightning-sync/canary-proxy-ca.pem\"; {missing}",
                line_behind("canary:", "ca_file:")
            ),
            format!(
                "{}: orgs[0].canary.salesforce.auth: found both client_credentials and jwt_bearer; keep one",
                line_behind("canary:", "client_credentials:")
            ),
            format!(
                "{}: orgs[0].canary.exchange.ca_file: found \"/etc/lightning-sync/canary-exchange-ca.pem\"; {missing}",
                line_behind(
                    "ca_file: /etc/lightning-sync/canary-proxy-ca.pem",
                    "ca_file: /etc/lightning-sync/canary-exchange-ca.pem"
                )
            ),
            format!(
                "{}: orgs[0].canary.exchange.auth: found basic and ntlm and bearer; keep one",
                line_behind("ca_file: /etc/lightning-sync/canary-exchange-ca.pem", "basic:")
            ),
        ];
        let lines: Vec<&str> =
            refused.lines().skip(1).map(|line| line.trim_start_matches("  line ")).collect();
        assert_eq!(lines, mistakes);
        for key in KEYS {
            assert!(
                everything.lines().any(|line| line
                    .trim_start_matches([' ', '-'])
                    .starts_with(&format!("{}:", key.name()))),
                "{}",
                key.path
            );
        }
    }

    /// Every default of the table that stands directly in a section, one on each line.
    fn defaults(parent: &str, indent: &str) -> String {
        let line = |key: &ConfigKey| match key.default {
            KeyDefault::Value(default) => Some(format!("{indent}{}: {default}\n", key.name())),
            KeyDefault::Needed | KeyDefault::Words(_) => None,
        };
        KEYS.iter().filter(|key| key.parent() == parent).filter_map(line).collect()
    }

    #[test]
    fn the_defaults_of_the_table_are_those_that_hold() {
        let mut written = defaults("", "") + "store:\n" + &defaults("store", "  ");
        written += "orgs:\n  - name: acme\n";
        written += &defaults("orgs[]", "    ");
        for section in ["limits", "drift", "expected_every", "ingest"] {
            written += &["    ", section, ":\n"].concat();
            written += &defaults(&["orgs[].", section].concat(), "      ");
        }
        assert_eq!(read(&written), read("orgs: [{ name: acme }]"), "{written}");
        let retirement = KEYS.iter().find(|key| key.path == "orgs[].retirement").unwrap().default;
        let vendors = crate::domain::policy::OrgPolicy::VENDOR_RETIREMENT;
        let words = format!("{vendors} for lightning_sync, none for einstein_activity_capture");
        assert_eq!(retirement, KeyDefault::Words(words.leak()));
        let hours = "orgs: [{ name: acme, business_hours: { from: \"08:00\", to: \"18:00\" } }]";
        let spelled = "orgs: [{ name: acme, business_hours: { from: \"08:00\", to: \"18:00\", days: [mon, tue, wed, thu, fri], holidays: [] } }]";
        assert_eq!(read(hours), read(spelled));
    }

    #[test]
    fn every_key_of_the_table_is_in_the_schema_and_no_default_is_lost() {
        let schema = schema();
        for key in KEYS {
            let pointer: String = key
                .path
                .split('.')
                .map(|part| match part.strip_suffix("[]") {
                    Some(list) => format!("/properties/{list}/items"),
                    None => format!("/properties/{part}"),
                })
                .collect();
            let found = schema.pointer(&pointer).unwrap_or(&Value::Null);
            assert_eq!(found["description"], json!(key.doc), "{pointer}");
            let default = &found["default"];
            assert_eq!(
                !default.is_null(),
                matches!(key.default, KeyDefault::Value(_)),
                "{pointer}: {default}"
            );
        }
        assert_eq!(schema["required"], json!(["orgs"]));
        assert_eq!(schema["properties"]["orgs"]["items"]["required"], json!(["name"]));
    }
}
