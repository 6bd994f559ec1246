//! What goes with the package: the list of its parts and their licences. `cargo deny` (in `tests/run`) holds where parts
//! come from and which licences they may have. `cargo about` could write THIRD-PARTY; it leaves out NOTICE files, needs as
//! long to compile as everything else here, and took more than ten minutes over these parts.

use super::generated::is_current;
use crate::support::stack::repository;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn metadata() -> Value {
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
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A package that is compiled in.
struct Part<'m> {
    name: &'m str,
    version: &'m str,
    licence: &'m str,
    manifest: &'m Path,
    authors: Vec<&'m str>,
}

/// What our package needs to be built and to run, and not what only its tests need.
fn parts(metadata: &Value) -> Vec<Part<'_>> {
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let root = metadata["resolve"]["root"].as_str().unwrap();
    let (mut known, mut ahead) = (BTreeSet::from([root]), vec![root]);
    while let Some(id) = ahead.pop() {
        for dependency in list(&nodes[id]["deps"]) {
            let kinds = list(&dependency["dep_kinds"]);
            let id = dependency["pkg"].as_str().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") && known.insert(id) {
                ahead.push(id);
            }
        }
    }
    let mut parts: Vec<Part<'_>> = list(&metadata["packages"])
        .iter()
        .filter(|package| !package["source"].is_null())
        .filter(|package| known.contains(package["id"].as_str().unwrap()))
        .map(|package| Part {
            name: package["name"].as_str().unwrap(),
            version: package["version"].as_str().unwrap(),
            licence: package["license"].as_str().unwrap(),
            manifest: Path::new(package["manifest_path"].as_str().unwrap()),
            authors: list(&package["authors"]).iter().filter_map(Value::as_str).collect(),
        })
        .collect();
    parts.sort_by_key(|part| (part.name, part.version));
    parts
}

/// The sum of a package's download, by the lock file.
fn sum(lock: &str, part: &Part<'_>) -> String {
    let head = format!("name = \"{}\"\nversion = \"{}\"\n", part.name, part.version);
    let entry = lock.split(&head).nth(1).unwrap();
    let sum = entry.split("checksum = \"").nth(1).unwrap();
    sum.split('"').next().unwrap().to_owned()
}

#[test]
fn the_list_of_parts_is_that_of_the_lock_file() {
    let metadata = metadata();
    let lock = std::fs::read_to_string(repository("Cargo.lock")).unwrap();
    let components: Vec<Value> = parts(&metadata)
        .iter()
        .map(|part| {
            let purl = format!("pkg:cargo/{}@{}", part.name, part.version);
            json!({
                "type": "library",
                "bom-ref": purl,
                "name": part.name,
                "version": part.version,
                "hashes": [{ "alg": "SHA-256", "content": sum(&lock, part) }],
                "licenses": [{ "expression": part.licence.replace('/', " OR ") }],
                "purl": purl,
            })
        })
        .collect();
    println!("{} parts", components.len());
    assert!(components.len() > 50);
    let ours = format!("pkg:cargo/{}@{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": ours,
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "licenses": [{ "expression": "Apache-2.0" }],
            "purl": ours,
        }},
        "components": components,
    });
    is_current("deploy/debian/sbom.cdx.json", &format!("{bom:#}\n"));
}

/// The texts that a package's authors put beside it about its licence.
fn licence_texts(manifest: &Path) -> BTreeSet<String> {
    let begins = |name: &str| {
        ["license", "licence", "copying", "notice", "unlicense", "copyright"]
            .iter()
            .any(|word| name.to_lowercase().starts_with(word))
    };
    std::fs::read_dir(manifest.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && begins(path.file_name().unwrap().to_str().unwrap()))
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
            lines.join("\n").trim().to_owned()
        })
        .collect()
}

#[test]
fn the_licences_of_what_is_compiled_in_go_with_it() {
    let metadata = metadata();
    let parts = parts(&metadata);
    let mut text = String::from(
        "Parts of lightning-sync-exporter that others wrote, and their licences.\nGenerated from Cargo.lock; a test compares the two.\n\n",
    );
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in &parts {
        let name = format!("{} {}", part.name, part.version);
        let found = licence_texts(part.manifest);
        let by = if found.is_empty() && !part.authors.is_empty() {
            format!("; by {}", part.authors.join(", "))
        } else {
            String::new()
        };
        text += &format!("{name}: {}{by}\n", part.licence);
        for licence in found {
            by_text.entry(licence).or_default().push(name.clone());
        }
    }
    let mut texts: Vec<_> = by_text.into_iter().collect();
    texts.sort_by(|one, other| one.1.cmp(&other.1).then(one.0.cmp(&other.0)));
    for (licence, names) in texts {
        let line = "-".repeat(80);
        text += &format!("\n{line}\n{}\n{line}\n\n{licence}\n", names.join(", "));
    }
    is_current("deploy/debian/THIRD-PARTY", &text);
}
