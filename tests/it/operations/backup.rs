//! Backups are whole, whatever happens meanwhile, and nothing is lost by putting one back.

use super::{configured, push, run, text};
use crate::support::process::Daemon;
use chrono::{SecondsFormat, TimeDelta};
use lightning_sync_exporter::app::now;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Records in one push.
const BATCH: u64 = 50;

fn backup(database: &Path, to: &Path) -> std::process::Output {
    let (database, to) = (database.to_str().unwrap(), to.to_str().unwrap());
    run(&["backup", "--database", database, "--to", to])
}

fn restore(from: &Path, database: &Path) -> std::process::Output {
    let (from, database) = (from.to_str().unwrap(), database.to_str().unwrap());
    run(&["restore", "--from", from, "--database", database])
}

#[test]
fn a_backup_under_load_restores_to_exactly_what_was_acknowledged_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let daemon = Daemon::start(&configured(directory.path(), "live.db"));
    let at =
        now().minus(TimeDelta::minutes(10)).datetime().to_rfc3339_opts(SecondsFormat::Secs, true);
    let (acknowledged, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut held = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let first = acknowledged.load(Ordering::SeqCst);
                push(daemon.address, &at, first..first + BATCH);
                acknowledged.store(first + BATCH, Ordering::SeqCst);
            }
        });
        for number in 0..5 {
            let goal = acknowledged.load(Ordering::SeqCst) + 10 * BATCH;
            while acknowledged.load(Ordering::SeqCst) < goal {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let output = backup(&place("live.db"), &place(&format!("copy{number}")));
            // What is on its way may be acknowledged only later, and be in the copy all the same.
            let after = acknowledged.load(Ordering::SeqCst) + BATCH;
            assert!(output.status.success(), "{}", text(&output.stderr));
            held.push((number, before..=after));
        }
        done.store(true, Ordering::SeqCst);
    });
    for (number, bounds) in held {
        let name = format!("restored{number}.db");
        let output = restore(&place(&format!("copy{number}")), &place(&name));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let restored = Daemon::start(&configured(directory.path(), &name));
        // The sender counts upwards, so that what is held has to be a beginning of what was sent, without a gap.
        let sent = acknowledged.load(Ordering::SeqCst) + BATCH;
        let mut known = 0;
        for first in (0..sent).step_by(BATCH as usize) {
            let answer = push(restored.address, &at, first..first + BATCH);
            match answer["duplicates"].as_u64().unwrap() {
                BATCH => {
                    assert_eq!(known, first, "a gap");
                    known += BATCH;
                }
                duplicates => assert_eq!(duplicates, 0, "half of a push"),
            }
        }
        println!("acknowledged before and after: {bounds:?}; restored: {known}");
        assert!(bounds.contains(&known), "{bounds:?}: {known}");
    }
}

#[test]
fn a_copy_replaces_nothing_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let daemon = Daemon::start(&configured(directory.path(), "live.db"));
    let output = backup(&place("live.db"), &place("copy"));
    let said = text(&output.stdout);
    assert!(said.starts_with("copied to ") && said.ends_with("bytes, checked\n"), "{said}");
    let mode = std::fs::metadata(place("copy")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (output, complaint) in [
        (backup(&place("live.db"), &place("copy")), "it is there already"),
        (backup(&place("nowhere.db"), &place("other")), "it does not exist"),
        (restore(&place("copy"), &place("live.db")), "is in use by another daemon"),
        (restore(&place("live.db.yaml"), &place("other.db")), "is damaged"),
    ] {
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains(complaint), "{complaint}: {said}");
    }
    drop(daemon);
    // A killed daemon leaves a log, and what is in it is not to be lost either.
    let output = restore(&place("copy"), &place("live.db"));
    let said = text(&output.stderr);
    assert!(said.contains("it is there already") || said.contains("move it away"), "{said}");
    let left: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            name.contains("unfinished") || name.starts_with("other") && !name.ends_with("lock")
        })
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn the_daemon_sees_when_the_last_backup_was_made_and_whether_that_is_too_long_ago() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let config = configured(directory.path(), "live.db");
    let judged = |config: &Path| -> Vec<String> {
        let daemon = Daemon::start(config);
        let page = crate::support::http::get(daemon.address, "/metrics").text();
        let lines = page.lines().filter(|line| !line.starts_with('#') && line.contains("backup"));
        let lines = lines.filter(|line| !line.contains("task="));
        // Without the instants, which differ from run to run.
        let zero = |value: &str| if value == "0" { "0" } else { "at" };
        let word = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            format!("{series} {}", zero(value))
        };
        lines.map(word).collect()
    };
    let too_old = |severity: &str, value: &str| {
        format!(
            "lightning_sync_exporter_finding_since_timestamp_seconds{{org=\"\",cause=\"backup_too_old\",severity=\"{severity}\"}} {value}"
        )
    };
    let last = "lightning_sync_exporter_last_backup_timestamp_seconds at".to_owned();
    assert_eq!(judged(&config), Vec::<String>::new(), "not configured, not judged");
    let database = place("live.db").display().to_string();
    let text =
        format!("store: {{ path: {database}, backup_max_age: 26h }}\norgs: [{{ name: acme }}]\n");
    std::fs::write(&config, text).unwrap();
    assert_eq!(judged(&config), [too_old("warning", "at")], "there has been none");
    assert!(backup(&place("live.db"), &place("copy")).status.success());
    assert_eq!(judged(&config), [too_old("", "0"), last.clone()]);
    // A backup that fails is none.
    let note = place("live.db.backed-up");
    std::fs::write(&note, "2026-01-01T00:00:00Z").unwrap();
    assert!(!backup(&place("live.db"), &place("copy")).status.success());
    assert_eq!(judged(&config), [too_old("warning", "at"), last]);
    let says = |wanted: &str| {
        let output = run(&["doctor", "--config.file", config.to_str().unwrap()]);
        assert!(text_of(&output).contains(wanted), "{}", text_of(&output));
    };
    says("FAIL backup: the last is ");
    std::fs::write(&note, "yesterday").unwrap();
    says("FAIL backup: there has been none, at most 26 h are allowed; run `backup`\n");
    assert!(backup(&place("live.db"), &place("copy2")).status.success());
    says("PASS backup: the last is less than a minute old\n");
}

fn text_of(output: &std::process::Output) -> String {
    text(&output.stdout)
}

#[test]
fn a_backup_that_cannot_be_noted_is_good_all_the_same() {
    let own = Somebody::new();
    made(&own.at("from.db"));
    let database = own.at("data").join("store.db");
    assert!(restore(&own.at("from.db"), &database).status.success());
    // A link in the place of the note is replaced, and leads nowhere.
    own.link("store.db.backed-up", "shadow");
    own.link("store.db.backed-up.unfinished", "planted");
    assert!(backup(&database, &own.at("copy.db")).status.success());
    own.assert_untouched();
    assert!(lightning_sync_exporter::store::last_backup(&database).is_some());
    let note = own.at("data").join("store.db.backed-up");
    std::fs::remove_file(&note).unwrap();
    std::fs::create_dir_all(note.join("full")).unwrap();
    let output = backup(&database, &own.at("copy2.db"));
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("copied to "));
    let says = text(&output.stderr);
    assert!(says.contains("the daemon cannot see that there is a backup: "), "{says}");
}

#[test]
fn a_downgrade_is_refused_in_one_sentence_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path(), "live.db");
    let database = directory.path().join("live.db");
    drop(Daemon::start(&config));
    let later = rusqlite::Connection::open(&database).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    later.close().unwrap();
    let before = std::fs::read(&database).unwrap();
    let flags = ["--web.listen-address", "127.0.0.1:0", "--config.file"];
    let output = run(&[&flags[..], &[config.to_str().unwrap()]].concat());
    // The unit does not start it again after this code.
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        format!(
            "lightning-sync-exporter: {} has schema 99 and this version knows up to 6; install the later version again, or restore a backup from before the upgrade\n",
            database.display()
        )
    );
    assert_eq!(std::fs::read(&database).unwrap(), before);
}

#[test]
fn a_restore_that_fails_leaves_a_lock_that_the_daemon_can_take() {
    use std::os::unix::fs::{MetadataExt, chown};
    const NOBODY: u32 = 65_534;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    chown(&data, Some(NOBODY), Some(NOBODY)).expect("tests/run runs as root");
    let output = restore(&directory.path().join("nowhere.db"), &data.join("store.db"));
    assert_eq!(output.status.code(), Some(1));
    let lock = std::fs::metadata(data.join("store.db.lock")).unwrap();
    assert_eq!((lock.uid(), lock.gid()), (NOBODY, NOBODY));
}

/// A directory of somebody who is not root, beside a file of root's that they would like to have.
struct Somebody {
    directory: tempfile::TempDir,
}

impl Somebody {
    const ID: u32 = 65_534;

    fn new() -> Self {
        use std::os::unix::fs::{PermissionsExt, chown};
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let own = Self { directory };
        std::fs::create_dir(own.at("data")).unwrap();
        chown(own.at("data"), Some(Self::ID), Some(Self::ID)).expect("tests/run runs as root");
        std::fs::write(own.at("shadow"), "secret").unwrap();
        std::fs::set_permissions(own.at("shadow"), PermissionsExt::from_mode(0o600)).unwrap();
        own
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn link(&self, name: &str, to: &str) {
        std::os::unix::fs::symlink(self.at(to), self.at("data").join(name)).unwrap();
    }

    /// Root's file is as it was, and nothing new is beside it.
    fn assert_untouched(&self) {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(self.at("shadow")).unwrap();
        assert_eq!((file.uid(), file.gid(), file.mode() & 0o777), (0, 0, 0o600));
        assert_eq!(std::fs::read(self.at("shadow")).unwrap(), b"secret");
        assert!(!self.at("planted").exists());
        assert!(!self.at("shadow.lock").exists() && !self.at("planted.lock").exists());
    }
}

/// A database with one organisation, made where only root may write.
fn made(at: &Path) {
    use lightning_sync_exporter::domain::ids::OrgName;
    use lightning_sync_exporter::store::{OpenOptions, SqliteStore, Store};
    let mut store = SqliteStore::open(at, OpenOptions::default()).unwrap();
    store.org(&OrgName::new("acme").unwrap(), now()).unwrap();
}

#[test]
fn links_in_the_daemon_s_directory_lead_root_nowhere() {
    use std::os::unix::fs::MetadataExt;
    let erase = |database: &Path| {
        let database = database.to_str().unwrap();
        run(&["erase", "--database", database, "--org", "acme"])
    };
    for (name, to) in [
        ("store.db.lock", "shadow"),
        ("store.db", "planted"),
        ("store.db", "shadow"),
        ("store.db.unfinished", "shadow"),
        ("store.db.unfinished", "planted"),
    ] {
        let own = Somebody::new();
        made(&own.at("from.db"));
        own.link(name, to);
        let database = own.at("data").join("store.db");
        assert_eq!(restore(&own.at("from.db"), &database).status.code(), Some(1), "{name}");
        own.assert_untouched();
        assert_eq!(erase(&database).status.code(), Some(1), "{name}");
        own.assert_untouched();
        // A backup takes no lock, so that a link in the lock's place does not concern it.
        let copied = backup(&own.at("from.db"), &database).status.success();
        assert_eq!(copied, name == "store.db.lock", "{name}");
        own.assert_untouched();
    }
    // And without any, all three work, and leave nothing of root's behind.
    let own = Somebody::new();
    made(&own.at("from.db"));
    let database = own.at("data").join("store.db");
    for output in [
        restore(&own.at("from.db"), &database),
        backup(&database, &own.at("data").join("copy.db")),
        backup(&database, &own.at("copy.db")),
        erase(&database),
    ] {
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    for file in std::fs::read_dir(own.at("data")).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().uid(), Somebody::ID, "{:?}", file.path());
    }
    assert_eq!(std::fs::metadata(own.at("copy.db")).unwrap().uid(), 0);
}
