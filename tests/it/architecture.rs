//! The boundaries of `docs/architecture.md`, held against the code: who may know whom, what must be absent, and which
//! words are not used.

use crate::support::stack::repository;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module → modules it may use besides itself. What `domain` and `sim` may know is in their manifests.
const MAY_USE: &[(&str, &[&str])] = &[
    ("guidance", &["domain"]),
    ("http_client", &["domain", "tls"]),
    ("sources", &["domain", "http_client", "secret", "events"]),
    ("store", &["domain", "http_client", "secret"]),
    ("engine", &["domain", "store", "events"]),
    ("alerting", &["domain", "events", "guidance", "http_client", "rules", "secret"]),
    ("build_info", &[]),
    ("metrics", &["build_info", "domain", "events"]),
    ("rules", &["domain", "guidance", "metrics"]),
    ("replay", &["domain", "guidance", "metrics", "rules", "store"]),
    ("web", &["domain", "guidance", "metrics", "events", "replay", "secret", "store", "tls"]),
    (
        "config",
        &["alerting", "domain", "http_client", "rules", "secret", "sources", "store", "tls"],
    ),
    ("tls", &["domain", "secret"]),
    ("events", &[]),
    ("secret", &[]),
];

/// Modules that must be free of input, output, async and clocks.
const PURE: &[&str] = &["domain", "guidance", "rules", "scenarios"];
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

/// The files of a module, without their unit tests and comments.
fn code_of(module: &str) -> Vec<(PathBuf, String)> {
    let source = repository(if module == "scenarios" { "sim/src" } else { "src" });
    let paths = if source.join(module).is_dir() {
        files(&source.join(module))
    } else {
        vec![source.join(format!("{module}.rs"))]
    };
    let code = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    paths.iter().map(|path| (path.clone(), code(path))).collect()
}

/// The modules that a text names as `crate::module`.
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
fn no_module_knows_one_that_it_must_not_know() {
    let mut broken = Vec::new();
    for (module, allowed) in MAY_USE {
        for (path, code) in code_of(module) {
            for other in named(&code)
                .into_iter()
                .filter(|other| other != module && !allowed.contains(&other.as_str()))
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
                ["History", "HourTotal", "UserChange"].iter().any(|port| line.contains(port)),
                "{}: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn pure_modules_have_no_input_output_async_or_clock() {
    for module in PURE {
        for (path, code) in code_of(module) {
            for word in IMPURE {
                assert!(!code.contains(word), "{} has {word}", path.display());
            }
        }
    }
}

#[test]
fn every_module_of_the_library_has_a_boundary() {
    let index = fs::read_to_string(repository("src/lib.rs")).expect("readable");
    let modules: BTreeSet<&str> =
        index.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let bounded: BTreeSet<&str> =
        MAY_USE.iter().map(|(module, _)| *module).chain(["app", "cli", "demo"]).collect();
    assert_eq!(modules.difference(&bounded).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn scenarios_do_not_know_what_plays_them() {
    for (path, code) in code_of("scenarios") {
        assert!(!code.contains("simulator"), "{}", path.display());
    }
}

/// Words that mean too many things, or nothing to a reader who greps for the field's terms.
const BANNED: &[&str] = &[
    "told", "said", "asked", "spoke", "spoken", "kept", "gathered", "house", "room", "rooms",
    "mended",
];
const BANNED_PHRASES: &[&str] = &["stands in the way", "another number of"];

/// Lists of what others wrote.
const OF_OTHERS: &[&str] = &["deploy/debian/THIRD-PARTY", "deploy/debian/sbom.cdx.json"];

/// Types that share a name on purpose, with the reason.
const SAME_NAME: &[(&str, &str)] = &[];

/// Every text of the repository that people read, by its path.
fn readable() -> Vec<(String, String)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("the repository is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut paths: Vec<_> =
        ["README.md", "CHANGELOG.md", "SECURITY.md", "Cargo.toml"].map(repository).into();
    for directory in ["src", "sim", "docs", "alerts", "dashboards", "deploy"] {
        walk(&repository(directory), &mut paths);
    }
    let root = repository("");
    paths
        .into_iter()
        .filter_map(|path| Some((fs::read_to_string(&path).ok()?, path)))
        .map(|(text, path)| (path.strip_prefix(&root).unwrap_or(&path).display().to_string(), text))
        .filter(|(path, _)| !OF_OTHERS.contains(&path.as_str()))
        .collect()
}

/// The words of a text: identifiers are cut at underscores and capitals.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in text.chars() {
        if !letter.is_alphabetic() || (letter.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphabetic()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.into_iter()
}

#[test]
fn banned_words_are_in_no_name_comment_or_document() {
    let mut found = Vec::new();
    for (path, text) in readable() {
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let phrase = BANNED_PHRASES.iter().any(|phrase| lower.contains(phrase));
            if phrase || words(line).any(|word| BANNED.contains(&word.as_str())) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
    let cut: Vec<String> = words("is_told RowTold, kept").collect();
    assert_eq!(cut, ["is", "told", "row", "told", "", "kept"]);
}

/// The name of the type that a line defines; associated types are their trait's.
fn defined(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = match code.strip_prefix("pub") {
        Some(visible) if visible.starts_with('(') => visible.split_once(") ")?.1,
        Some(visible) => visible.trim_start(),
        None => code,
    };
    let (kind, rest) = code.split_once(' ')?;
    let is_type = match kind {
        "struct" | "enum" | "trait" => true,
        "type" => !line.starts_with(' '),
        _ => false,
    };
    is_type.then(|| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(rest))
}

#[test]
fn a_type_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in readable().into_iter().filter(|(path, _)| path.ends_with(".rs")) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut in_set = false;
        for line in code.lines() {
            let name = if in_set && !line.trim_start().starts_with("//") {
                in_set = false;
                line.trim_start().strip_suffix(" {")
            } else {
                defined(line)
            };
            in_set |= ["closed_set! {", "failure_reasons! {"].contains(&line);
            places.entry(name.unwrap_or_default().to_owned()).or_default().push(path.clone());
        }
    }
    assert_eq!(defined("pub(in crate::sources) struct Lane<'c> {"), Some("Lane"));
    places.remove("");
    places.retain(|name, paths| paths.len() > 1 && !SAME_NAME.iter().any(|(same, _)| same == name));
    assert_eq!(places, BTreeMap::new());
}
