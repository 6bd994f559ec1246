//! Where the code that we ship comes from, and under which licences.

use crate::support::stack::repository;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Permissive licences, by their SPDX names; `Unicode-3.0` and `CDLA-Permissive-2.0` are those of tables.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be fulfilled with allowed licences: one side of `OR`, every part of `AND`.
fn fits(expression: &str) -> bool {
    let expression = expression
        .replace('/', " OR ")
        .replace(" WITH LLVM-exception", "");
    expression.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|part| ALLOWED.contains(&part.trim_matches(['(', ')', ' '])))
    })
}

#[test]
fn everything_comes_from_the_registry_under_a_permissive_licence() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .current_dir(repository(""))
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let used: BTreeSet<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let mut wrong = Vec::new();
    let mut count = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let (name, id) = (&package["name"], package["id"].as_str().unwrap());
        if !used.contains(id) || name == env!("CARGO_PKG_NAME") {
            continue;
        }
        count += 1;
        let licence = package["license"].as_str().unwrap_or_default();
        let source = package["source"].as_str().unwrap_or_default();
        if !fits(licence) || !source.starts_with("registry+") {
            wrong.push(format!("{name}: {licence} from {source}"));
        }
    }
    println!("{count} packages");
    assert_eq!(wrong, Vec::<String>::new());
}
