//! Where files are dropped: everything in such a directory is moved away, so nothing that the daemon needs itself may lie
//! there, and no two organisations may share one.

use super::section::ConfigSection;
use super::valid::OrgConfig;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The subdirectories that files are moved to.
const SHELVES: [&str; 2] = ["done", "rejected"];

/// A file of the daemon's own: the key that names it, and where it is.
pub(super) type OwnFile = (String, PathBuf);

/// Notes every directory that something else needs. `orgs` are the good ones with their sections, `base` is the
/// directory of the configuration itself.
pub(super) fn check(orgs: &[(&ConfigSection<'_>, &OrgConfig)], own: &[OwnFile], base: &Path) {
    let mut needed: HashMap<PathBuf, &str> = HashMap::new();
    for (key, file) in own {
        for directory in homes(file) {
            needed.entry(directory).or_insert(key);
        }
    }
    if let Ok(directory) = or_here(base).canonicalize() {
        needed.insert(directory, "the configuration");
    }
    let mut dropped: HashMap<PathBuf, String> = HashMap::new();
    for (section, org) in orgs {
        let files = org.files.as_ref();
        let Some(directory) = files.and_then(|files| files.directory.canonicalize().ok()) else {
            continue;
        };
        if let Some(what) = needed.get(&directory) {
            let says = format!(
                "the directory holds {what}, and every file in it is moved away; give dropped files a directory of their own"
            );
            section.wrong("files", says);
        }
        let name = org.policy.name.to_string();
        let also = SHELVES.map(|shelf| directory.join(shelf));
        for taken in also.into_iter().chain([directory]) {
            if let Some(other) = dropped.get(&taken).filter(|other| **other != name) {
                let says = format!(
                    "the directory is {other}'s already, and a file in it would be taken for only one of them; give each organisation its own"
                );
                section.wrong("files", says);
                break;
            }
            dropped.insert(taken, name.clone());
        }
    }
}

/// The directory that a file is named in, and the one that it lies in where the name is a link.
fn homes(file: &Path) -> impl Iterator<Item = PathBuf> {
    let named = file.parent().and_then(|parent| fs::canonicalize(or_here(parent)).ok());
    let lies = fs::canonicalize(file).ok().and_then(|file| Some(file.parent()?.to_owned()));
    named.into_iter().chain(lies)
}

fn or_here(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}
