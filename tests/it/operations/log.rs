//! The reference of the log: every line that an operator can meet at `warn` and above has its row.

use crate::support::process::Daemon;
use crate::support::stack::repository;
use std::path::{Path, PathBuf};

/// The rows of the table in docs/operations.md, by how a line begins.
fn reference() -> Vec<String> {
    let text = std::fs::read_to_string(repository("docs/operations.md")).unwrap();
    let section = text.split("\n## What the log says\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .skip(1)
        .map(str::to_owned)
        .collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // What shows the product is not the daemon.
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("cli/log.rs")
            && !path.ends_with("src/demo.rs")
        {
            found.push(path);
        }
    }
}

/// What a macro's text says, with what is filled in as an ellipsis.
fn said(text: &str) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        said += before;
        said += "…";
        rest = after.split_once('}').unwrap().1;
    }
    said + rest
}

#[test]
fn every_line_of_the_log_is_in_the_reference_and_no_other() {
    let rows = reference();
    assert!(rows.len() > 10, "{rows:?}");
    let mut files = Vec::new();
    sources(&repository("src"), &mut files);
    let mut lines = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for level in ["warn", "error"] {
            for call in text.split(&format!("tracing::{level}!(")).skip(1) {
                let literal = call.split('"').nth(1).unwrap();
                lines.push(said(literal));
            }
        }
    }
    let fits = |line: &str, row: &str| line.starts_with(row.trim_end_matches(" …"));
    for line in &lines {
        assert!(
            rows.iter().any(|row| fits(line, row)),
            "{line:?} has no row in docs/operations.md"
        );
    }
    for row in &rows {
        assert!(lines.iter().any(|line| fits(line, row)), "nothing says {row:?}");
    }
}

#[test]
fn the_first_line_says_what_starts_and_from_which_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let store = directory.path().join("store.db");
    let text = format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", store.display());
    std::fs::write(&config, text).unwrap();
    let version = super::run(&["--version"]);
    let version = super::text(&version.stdout);
    let revision = version.split_once("revision: ").unwrap().1.split(')').next().unwrap();
    let log = Daemon::start(&config).process.log();
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        ["message", "version", "revision", "config_file"].map(|key| first[key].as_str().unwrap()),
        ["Starting.", env!("CARGO_PKG_VERSION"), revision, config.to_str().unwrap()]
    );
}
