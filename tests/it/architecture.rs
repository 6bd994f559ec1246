//! The walls of `docs/architecture.md`, held against the code: who may know whom, and what must be absent.

use crate::support::stack::repository;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → modules it may use besides itself. What `domain` and `sim` may know is in their manifests.
const MAY_USE: &[(&str, &[&str])] = &[
    ("guidance", &["domain"]),
    ("http_client", &["domain", "tls"]),
    ("sources", &["domain", "http_client", "secret", "events"]),
    ("store", &["domain"]),
    ("engine", &["domain", "store", "events"]),
    ("metrics", &["domain", "events"]),
    ("dashboards", &[]),
    ("rules", &["domain", "guidance", "metrics"]),
    (
        "web",
        &[
            "domain", "guidance", "metrics", "events", "secret", "store", "tls",
        ],
    ),
    (
        "config",
        &["domain", "http_client", "secret", "sources", "tls"],
    ),
    ("tls", &["domain"]),
    ("events", &[]),
    ("secret", &[]),
];

/// Rooms that must be free of input, output, async and clocks.
const PURE: &[&str] = &["dashboards", "domain", "guidance", "rules", "scenarios"];
const IMPURE: &[&str] = &[
    "tokio::",
    "hyper::",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "SystemTime",
    "Instant::now",
    "Utc::now",
];

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)
        .expect("the repository is there")
        .map(|entry| entry.expect("readable"))
    {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files of a room, without their unit tests and comments.
fn code_of(room: &str) -> Vec<(PathBuf, String)> {
    let source = repository(if room == "scenarios" {
        "sim/src"
    } else {
        "src"
    });
    let paths = if source.join(room).is_dir() {
        files(&source.join(room))
    } else {
        vec![source.join(format!("{room}.rs"))]
    };
    let code = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    paths
        .iter()
        .map(|path| (path.clone(), code(path)))
        .collect()
}

/// The rooms that a text names as `crate::room`.
fn named(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .map(|(at, found)| {
            code[at + found.len()..]
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect()
        })
        .collect()
}

#[test]
fn no_room_knows_one_that_it_must_not_know() {
    let mut broken = Vec::new();
    for (room, allowed) in MAY_USE {
        for (path, code) in code_of(room) {
            for other in named(&code)
                .into_iter()
                .filter(|other| other != room && !allowed.contains(&other.as_str()))
            {
                broken.push(format!("{} uses {other}", path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_web_knows_of_the_store_only_the_port_of_history() {
    for (path, code) in code_of("web") {
        for line in code.lines().filter(|line| line.contains("crate::store")) {
            assert!(
                ["History", "HourTotal", "UserChange"]
                    .iter()
                    .any(|port| line.contains(port)),
                "{}: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn pure_rooms_have_no_input_output_async_or_clock() {
    for room in PURE {
        for (path, code) in code_of(room) {
            for word in IMPURE {
                assert!(!code.contains(word), "{} has {word}", path.display());
            }
        }
    }
}

#[test]
fn every_room_of_the_library_has_a_wall() {
    let index = fs::read_to_string(repository("src/lib.rs")).expect("readable");
    let rooms: BTreeSet<&str> = index
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let walled: BTreeSet<&str> = MAY_USE
        .iter()
        .map(|(room, _)| *room)
        .chain(["app", "cli", "demo"])
        .collect();
    assert_eq!(
        rooms.difference(&walled).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

#[test]
fn scenarios_do_not_know_what_plays_them() {
    for (path, code) in code_of("scenarios") {
        assert!(!code.contains("simulator"), "{}", path.display());
    }
}
