//! File and environment → [`ValidConfig`].

use super::keys::{ConfigKey, KEYS, VARIABLE_PREFIX};
use super::mistakes::{Collector, ConfigError, MistakePlace, nearest};
use super::org;
use super::reader::{self, found};
use super::section::ConfigSection;
use super::token;
use super::valid::{OrgConfig, ValidConfig};
use crate::domain::external_url::ExternalUrl;
use crate::domain::policy::{UserNames, UserSeries};
use crate::http_client::Authorities;
use crate::store::PostgresDsn;
use config::{Config, Map, Source, Value, ValueKind};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Ten thousand organisations with everything given for each of them.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// More series than one Prometheus takes from one target.
const MAX_ORGS: usize = 10_000;
/// What the `config` crate calls the origin of a value from the environment.
pub(super) const ENVIRONMENT: &str = "the environment";

/// The key of ours that both layers stand under.
const ROOT: &str = "root";
/// The same as the beginning of a variable's name.
const VARIABLE_ROOT: &str = "root__";

/// The environment variables that are ours: those whose names begin with `LIGHTNING_SYNC__`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Ours of the process's.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect()
    }
}

/// Keeps what is ours.
impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect())
    }
}

/// The configuration of a file, under the environment. Relative paths in it are taken from the file's directory.
///
/// # Errors
/// When the file cannot be read, or all its mistakes at once.
pub fn from_file(path: &Path, environment: &Environment) -> Result<ValidConfig, ConfigError> {
    const NEXT: &str = "name the file with --config.file, or write one with `config init`";
    let (text, _) = text_of_file(path, MAX_FILE_BYTES, NEXT)?;
    let base = path.parent().unwrap_or(Path::new(""));
    from_text(&path.display().to_string(), &text, base, environment)
}

/// The text of a file, and who may read it; `next` is what to do when it cannot be read.
pub(super) fn text_of_file(
    path: &Path,
    max: u64,
    next: &str,
) -> Result<(String, Metadata), ConfigError> {
    let read = || -> io::Result<_> {
        let file = File::open(path)?;
        let (metadata, mut bytes) = (file.metadata()?, Vec::new());
        file.take(max + 1).read_to_end(&mut bytes)?;
        Ok((bytes, metadata))
    };
    let unreadable = |error: io::Error| ConfigError(format!("{}: {error}; {next}", path.display()));
    let (bytes, metadata) = read().map_err(unreadable)?;
    if bytes.len() as u64 > max {
        let says = format!("{} has more than {max} bytes; is it the right file?", path.display());
        return Err(ConfigError(says));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        unreadable(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
    })?;
    Ok((text, metadata))
}

/// The configuration of a text; `name` is what errors call it, `base` the directory of relative paths.
///
/// # Errors
/// All mistakes at once.
pub fn from_text(
    name: &str,
    text: &str,
    base: &Path,
    environment: &Environment,
) -> Result<ValidConfig, ConfigError> {
    let mistakes = Collector::default();
    let valid = reader::read(text, &mistakes).and_then(|file| {
        let tree = under_environment(file, environment, &mistakes)?;
        validate(&ConfigSection::root(KEYS, &tree, &mistakes), base, &mistakes)
    });
    mistakes.finish(name, valid)
}

/// The file's tree with the environment's scalars put over it.
fn under_environment(
    file: Value,
    environment: &Environment,
    mistakes: &Collector,
) -> Option<Value> {
    let known: Vec<String> = KEYS.iter().filter_map(ConfigKey::variable).collect();
    let mut ours = HashMap::new();
    for (name, value) in &environment.0 {
        if known.contains(name) {
            ours.insert(name.replacen(VARIABLE_PREFIX, VARIABLE_ROOT, 1), value.clone());
        } else {
            let near = nearest(name, known.iter().map(String::as_str));
            let meant = near.map(|near| format!("did you mean {near}?"));
            let says = meant.unwrap_or_else(|| {
                "no key; lists and what stands in them are set in the file".to_owned()
            });
            mistakes.add(MistakePlace::Environment(name.clone()), "", says);
        }
    }
    let variables = config::Environment::default().separator("__").source(Some(ours));
    match Config::builder().add_source(FileTree(file.clone())).add_source(variables).build() {
        Ok(merged) => taken_out(merged.cache).map(|merged| with_lines(merged, &file, mistakes)),
        Err(error) => {
            mistakes.add(MistakePlace::Whole, "", error.to_string());
            None
        }
    }
}

fn taken_out(merged: Value) -> Option<Value> {
    if let ValueKind::Table(mut layers) = merged.kind {
        return layers.remove(ROOT);
    }
    None
}

/// The merged tree with the lines of its mappings, which merging forgets.
fn with_lines(merged: Value, file: &Value, mistakes: &Collector) -> Value {
    let ValueKind::Table(layers) = merged.kind else {
        return merged;
    };
    let ValueKind::Table(table) = &file.kind else {
        let says =
            format!("{}; allowed: a mapping of keys, which the environment adds to", found(file));
        mistakes.add(reader::origin(file).0, "", says);
        return Value::new(None, ValueKind::Table(layers));
    };
    let with_line = |(name, value): (String, Value)| match table.get(&name) {
        Some(written) => (name, with_lines(value, written, mistakes)),
        None => (name, value),
    };
    let origin = file.origin().map(str::to_owned);
    Value::new(origin.as_ref(), ValueKind::Table(layers.into_iter().map(with_line).collect()))
}

/// A read file as a layer, all of it under one key of ours: the crate takes the outermost keys of a layer for paths, and
/// a file's `orgs[4000000000]` would make it fill a list.
#[derive(Debug, Clone)]
struct FileTree(Value);

impl Source for FileTree {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(Map::from_iter([(ROOT.to_owned(), self.0.clone())]))
    }
}

fn validate(root: &ConfigSection<'_>, base: &Path, read: &Collector) -> Option<ValidConfig> {
    let mut valid = ValidConfig::of_policies(PathBuf::new(), Vec::new());
    let section = root.section("store");
    let path = section.text("path", path_of_file);
    valid.store.path = database(path, base, &mut valid.notes);
    set(&mut valid.store.keep_activity, section.span("keep_activity"));
    set(&mut valid.store.keep_history, section.span("keep_history"));
    valid.store.backup_max_age = section.span("backup_max_age");
    (valid.store.postgres, valid.store.advertise_url) = postgres(&section, base);
    valid.external_url = root.section("web").text("external_url", ExternalUrl::new);
    let alerting = super::alerting::read(root, valid.external_url.as_ref(), base);
    valid.alerting = alerting.map(Arc::new);
    set(&mut valid.ingest_memory, root.bytes("ingest_memory"));
    set(&mut valid.user_series, root.choice("user_series", UserSeries::from_name));
    set(&mut valid.user_names, root.choice("user_names", UserNames::from_name));
    valid.orgs = read_orgs(root, base, &valid.store.path, read)?;
    valid.notes.extend(weekends(&valid.orgs));
    Some(valid)
}

/// Reads where the PostgreSQL database is, if there is one, and where others reach a daemon that shares it.
fn postgres(store: &ConfigSection<'_>, base: &Path) -> (Option<PostgresDsn>, Option<ExternalUrl>) {
    let section = store.section("postgres");
    if !section.is_given() {
        return (None, None);
    }
    if store.has("path") {
        store.wrong("path", "found beside postgres; keep one");
    }
    if store.has("backup_max_age") {
        let says = "found beside postgres, whose backups are made with its own tools and not seen here; remove it";
        store.wrong("backup_max_age", says);
    }
    let about =
        |text: &str, says: String| format!("{} {says}", token::named(text, &base.join(text)));
    let ca_file = section.text("ca_file", |text| {
        let path = base.join(text);
        Authorities::from_file(&path).map_err(|says| about(text, says))?;
        Ok(path)
    });
    let dsn = section.text("dsn_file", |text| {
        PostgresDsn::from_file(&base.join(text), ca_file.as_deref())
            .map_err(|says| about(text, says))
    });
    (section.require("dsn_file", dsn), section.text("advertise_url", ExternalUrl::new))
}

/// Puts what was read in the place of the default, if something was.
pub(super) fn set<T>(field: &mut T, read: Option<T>) {
    if let Some(read) = read {
        *field = read;
    }
}

/// A text that can be the path of a file.
pub(super) fn path_of_file(text: &str) -> Result<PathBuf, String> {
    let fits = !text.is_empty() && !text.contains('\0');
    fits.then(|| PathBuf::from(text)).ok_or_else(|| "allowed: the path of a file".to_owned())
}

/// Where the database is. A relative path is taken from the directory of the configuration; without one, the daemon of
/// a configuration in /etc has its own under /var/lib.
fn database(written: Option<PathBuf>, base: &Path, notes: &mut Vec<String>) -> PathBuf {
    const NAME: &str = "lightning-sync.db";
    let path = match &written {
        Some(path) => base.join(path),
        None if base.starts_with("/etc") => Path::new("/var/lib/lightning-sync").join(NAME),
        None => base.join(NAME),
    };
    // Versions before 0.2 took it from the working directory. What is there must not look like an empty database.
    let before = written.unwrap_or_else(|| PathBuf::from(NAME));
    if before.is_relative() && !path.exists() && before.exists() {
        notes.push(format!(
            "store.path: the database of the working directory is used, because {} is not there; write its whole path",
            path.display()
        ));
        return before;
    }
    path
}

/// What is to be known of weekends, once for each kind of working hours.
fn weekends(orgs: &[OrgConfig]) -> Vec<String> {
    let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for org in orgs {
        if let Some(note) = org::weekend(&org.policy) {
            names.entry(note).or_default().push(org.policy.name.as_str());
        }
    }
    let note = |(note, names): (String, Vec<&str>)| {
        let first = names.iter().take(NAMED).copied().collect::<Vec<_>>();
        let more = match names.len() - first.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}: {note}", first.join(", "))
    };
    names.into_iter().map(note).collect()
}

/// How many organisations a sentence names.
const NAMED: usize = 3;

fn read_orgs(
    root: &ConfigSection<'_>,
    base: &Path,
    store: &Path,
    read: &Collector,
) -> Option<Vec<OrgConfig>> {
    let sections = root.sections("orgs");
    let sections = root.require("orgs", sections)?;
    if sections.is_empty() || sections.len() > MAX_ORGS {
        let says = format!("found {} organisations; allowed: 1 to {MAX_ORGS}", sections.len());
        root.wrong("orgs", says);
        return None;
    }
    let mut first_by_name = HashMap::new();
    let mut orgs = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let Some(org) = org::read(section, base) else {
            continue;
        };
        if let Some(first) = first_by_name.insert(org.policy.name.clone(), index) {
            let says =
                format!("found \"{}\" again; orgs[{first}] has this name already", org.policy.name);
            section.wrong("name", says);
        }
        orgs.push((section, org));
    }
    let files = read.named_files().into_iter().map(|(key, file)| (key, base.join(file)));
    let database = ("the database (store.path)".to_owned(), store.to_owned());
    check_drop_directories(&orgs, files.chain([database]), base);
    Some(orgs.into_iter().map(|(_, org)| org).collect())
}

/// Notes every directory of dropped files that something else needs: everything in it is moved away, so nothing that the
/// daemon reads itself (`own`, by the keys that name it) may lie there, and no two organisations may share one. `base`
/// is the directory of the configuration itself.
fn check_drop_directories(
    orgs: &[(&ConfigSection<'_>, OrgConfig)],
    own: impl Iterator<Item = (String, PathBuf)>,
    base: &Path,
) {
    let mut needed: HashMap<PathBuf, String> = HashMap::new();
    for (key, file) in own {
        for directory in homes(&file) {
            needed.entry(directory).or_insert_with(|| key.clone());
        }
    }
    if let Ok(directory) = or_here(base).canonicalize() {
        needed.insert(directory, "the configuration".to_owned());
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
        let also = ["done", "rejected"].map(|name| directory.join(name));
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
