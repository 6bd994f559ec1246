//! File and environment → [`ValidConfig`].

use super::drop_directories;
use super::hours;
use super::keys::{ConfigKey, VARIABLE_PREFIX};
use super::mistakes::{Collector, ConfigError, MistakePlace, nearest};
use super::org;
use super::reader::{self, found};
use super::section::ConfigSection;
use super::table;
use super::valid::{DEFAULT_INGEST_MEMORY, OrgConfig, StoreConfig, ValidConfig, Validated};
use crate::domain::external_url::ExternalUrl;
use crate::domain::policy::{UserNames, UserSeries};
use chrono::TimeDelta;
use config::{Config, Map, Source, Value, ValueKind};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

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
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit_bytes: MAX_FILE_BYTES });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    from_text(&path.display().to_string(), &text, base, environment)
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
        validate(&ConfigSection::root(&tree, &mistakes), base, &mistakes)
    });
    mistakes.finish(name, valid)
}

/// The file's tree with the environment's scalars put over it.
fn under_environment(
    file: Value,
    environment: &Environment,
    mistakes: &Collector,
) -> Option<Value> {
    let known: Vec<String> = table::all().filter_map(ConfigKey::variable).collect();
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
    let (_, section) = root.section("store");
    let path = section.text("path", |text| {
        let fits = !text.is_empty() && !text.contains('\0');
        fits.then(|| PathBuf::from(text)).ok_or_else(|| "allowed: the path of a file".to_owned())
    });
    let mut notes = Vec::new();
    let span = |name, default| section.span(name).given().flatten().unwrap_or(default);
    let store = StoreConfig {
        path: database(path.given(), base, &mut notes),
        keep_activity: span("keep_activity", TimeDelta::days(7)),
        keep_history: span("keep_history", TimeDelta::days(400)),
    };
    let (_, web) = root.section("web");
    let external_url = web.text("external_url", ExternalUrl::new).given();
    let ingest_memory = root.bytes("ingest_memory").or(DEFAULT_INGEST_MEMORY);
    let user_series = root.choice("user_series", UserSeries::from_name).or(UserSeries::Aggregate);
    let user_names = root.choice("user_names", UserNames::from_name).or(UserNames::Pseudonym);
    let orgs = read_orgs(root, base, &store.path, read)?;
    notes.extend(weekends(&orgs));
    Some(ValidConfig {
        store,
        external_url,
        ingest_memory,
        user_series,
        user_names,
        orgs,
        notes,
        validated: Validated,
    })
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
        if let Some(note) = hours::weekend(&org.policy) {
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
    let mut own: Vec<drop_directories::OwnFile> =
        read.named_files().into_iter().map(|(key, file)| (key, base.join(file))).collect();
    own.push(("the database (store.path)".to_owned(), store.to_owned()));
    let named: Vec<_> = orgs.iter().map(|(section, org)| (*section, org)).collect();
    drop_directories::check(&named, &own, base);
    Some(orgs.into_iter().map(|(_, org)| org).collect())
}
