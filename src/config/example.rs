//! The commented example, made from the table of keys.

use super::keys::{ConfigKey, KeyDefault, KeyKind};
use super::table;

/// The width that comments are wrapped to.
const COLUMNS: usize = 110;

/// An example of a configuration with a comment for every key. Keys that change what is judged, or that name a file,
/// stand in it as `#key: value`: taking the `#` away sets them.
pub fn example() -> String {
    let mut text = String::from(
        "# The configuration of lightning-sync-exporter. Only `orgs` with a name is needed; everything else has a default.\n\
         # Check it with `lightning-sync-exporter config check`.\n",
    );
    for key in table::all() {
        write_key(&mut text, key);
    }
    text
}

fn write_key(text: &mut String, key: &ConfigKey) {
    let first_of_item = key.path == "orgs[].name";
    let indent = " ".repeat(indent(key));
    text.push('\n');
    for line in wrapped(&comment(key), COLUMNS - indent.len()) {
        for part in [indent.as_str(), "# ", line.as_str(), "\n"] {
            text.push_str(part);
        }
    }
    let off = if key.live { "" } else { "#" };
    let value = if key.example.is_empty() { String::new() } else { format!(" {}", key.example) };
    let start = if first_of_item { "  - ".to_owned() } else { format!("{indent}{off}") };
    for part in [start.as_str(), key.name(), ":", value.as_str(), "\n"] {
        text.push_str(part);
    }
}

fn comment(key: &ConfigKey) -> String {
    if matches!(key.kind, KeyKind::Section | KeyKind::Sections) {
        return key.doc.to_owned();
    }
    match key.default {
        KeyDefault::Required => format!("{} Takes {}; needed.", key.doc, key.takes()),
        KeyDefault::Value(default) | KeyDefault::Words(default) => {
            format!("{} Takes {}; without it: {default}.", key.doc, key.takes())
        }
    }
}

/// How far in a key stands: two for a mapping around it, four for a list of mappings.
fn indent(key: &ConfigKey) -> usize {
    let lists = key.parent().matches("[]").count();
    key.depth() * 2 + lists * 2
}

/// The words of a text in lines of at most `width` characters, but at least one word each.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::children;
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
        let line = |key: &str| {
            let found = everything.lines().position(|line| line.trim_start().starts_with(key));
            found.unwrap() + 1
        };
        let missing = "the file cannot be read: No such file or directory (os error 2); give the daemon's user read access to it";
        let mistakes = [
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
        ];
        let lines: Vec<&str> =
            refused.lines().skip(1).map(|line| line.trim_start_matches("  line ")).collect();
        assert_eq!(lines, mistakes);
        for key in table::all() {
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
            KeyDefault::Required | KeyDefault::Words(_) => None,
        };
        children(parent).filter_map(line).collect()
    }

    #[test]
    fn the_defaults_of_the_table_are_those_that_hold() {
        let mut written = defaults("", "") + "store:\n" + &defaults("store", "  ");
        written += "orgs:\n  - name: acme\n";
        written += &defaults("orgs[]", "    ");
        for section in ["limits", "expected_every", "ingest"] {
            written += &["    ", section, ":\n"].concat();
            written += &defaults(&["orgs[].", section].concat(), "      ");
        }
        assert_eq!(read(&written), read("orgs: [{ name: acme }]"), "{written}");
        let retirement = crate::config::keys::key("orgs[].retirement").unwrap().default;
        let vendors = crate::domain::policy::OrgPolicy::VENDOR_RETIREMENT;
        let words = format!("{vendors} for lightning_sync, none for einstein_activity_capture");
        assert_eq!(retirement, KeyDefault::Words(words.leak()));
        let hours = "orgs: [{ name: acme, business_hours: { from: \"08:00\", to: \"18:00\" } }]";
        let spelled = "orgs: [{ name: acme, business_hours: { from: \"08:00\", to: \"18:00\", days: [mon, tue, wed, thu, fri], holidays: [] } }]";
        assert_eq!(read(hours), read(spelled));
    }
}
