//! Files that cannot be used: held by another daemon, read-only, damaged, foreign, or of a later version. Every error
//! names the file and the next step, and changes nothing.

use super::{acme, batch, counts, try_open};
use crate::support::disk::Disk;
use lightning_sync_exporter::store::{SqliteHistory, Store, StoreError};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

/// A closed database with a few thousand records.
fn database(path: &Path) {
    let mut store = try_open(path).unwrap();
    let org = acme(&mut store);
    store.commit(&[batch(org, 0, 5_000)]).unwrap();
}

fn refusal(path: &Path) -> String {
    try_open(path).unwrap_err().to_string()
}

#[test]
fn a_second_daemon_is_refused_by_whatever_name_it_knows_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let other_directory = tempfile::tempdir().unwrap();
    let link = other_directory.path().join("b.db");
    // The link is there before the database is.
    symlink(&path, &link).unwrap();
    let first = try_open(&link).unwrap();
    for name in [&path, &link] {
        let error = try_open(name).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "{} is in use by another daemon; stop that one, or give this one a `store.path` of its own",
                name.display()
            )
        );
    }
    SqliteHistory::open(&path).unwrap();
    drop(first);
    try_open(&path).unwrap();
}

#[test]
fn what_the_store_makes_belongs_to_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let mut store = try_open(&path).unwrap();
    acme(&mut store);
    let mut modes = Vec::new();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        modes.push((file.file_name().into_string().unwrap(), format!("{mode:o}")));
    }
    modes.sort();
    let private = |name: &str| (name.to_owned(), "600".to_owned());
    assert_eq!(modes, ["a.db", "a.db-shm", "a.db-wal", "a.db.lock"].map(private));
}

#[test]
fn a_missing_directory_is_named_with_what_to_do() {
    let path = Path::new("/no/such/directory/a.db");
    assert_eq!(
        refusal(path),
        "/no/such/directory/a.db: its directory does not exist; make it, or change `store.path`"
    );
}

#[test]
fn a_disk_that_became_read_only_is_named_with_what_to_do() {
    // Root may write whatever the mode says, so root makes the whole disk read-only and others the directory.
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::mount(8 << 20);
    let within = disk.as_ref().map_or(directory.path(), |disk| &disk.at);
    let path = within.join("a.db");
    database(&path);
    match &disk {
        Some(disk) => disk.make_read_only(),
        None => {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
            std::fs::set_permissions(within, PermissionsExt::from_mode(0o500)).unwrap();
        }
    }
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("{} cannot be written: ", path.display())), "{text}");
    assert!(
        text.ends_with("; give the daemon's user write access to the file and its directory"),
        "{text}"
    );
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn overwritten_pages_are_found_at_the_opening_and_a_backup_helps() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    database(&path);
    let backup = std::fs::read(&path).unwrap();
    for page in [1, 20, (backup.len() / 4096 - 2) as u64] {
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0xA5; 4096], page * 4096).unwrap();
        let error = try_open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}: {error}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("{} is damaged: ", path.display())), "{text}");
        assert!(
            text.ends_with("; restore it from a backup, or move it away to begin anew"),
            "{text}"
        );
        std::fs::write(&path, &backup).unwrap();
        drop(try_open(&path).unwrap());
        assert_eq!(counts(&path), [5_000; 3]);
    }
}

#[test]
fn damage_under_a_running_store_is_found_when_it_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    database(&path);
    let mut store = try_open(&path).unwrap();
    let backup = std::fs::read(&path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0xA5; 8192], 20 * 4096).unwrap();
    let error = store.reopen().unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(store.commit(&[]).is_err(), "nothing is taken meanwhile");
    file.write_all_at(&backup, 0).unwrap();
    store.reopen().unwrap();
    let org = acme(&mut store);
    assert_eq!(store.commit(&[batch(org, 5_000, 10)]).unwrap()[0].fresh, [true; 10]);
}

#[test]
fn a_truncated_file_is_found_at_the_opening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    database(&path);
    let whole = std::fs::read(&path).unwrap();
    for part in [whole.len() - 4096, whole.len() / 2 + 17, 4096, 50] {
        std::fs::write(&path, &whole[..part]).unwrap();
        let error = try_open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{part} bytes: {error}");
    }
}

#[test]
fn what_is_no_database_or_another_programs_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let text = "dear diary, ".repeat(1_000);
    std::fs::write(&path, &text).unwrap();
    assert_eq!(
        refusal(&path),
        format!(
            "{} is damaged: file is not a database; restore it from a backup, or move it away to begin anew",
            path.display()
        )
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let path = directory.path().join("b.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE diary (day); PRAGMA application_id = 7").unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert_eq!(
        refusal(&path),
        format!(
            "{} is damaged: it belongs to another program (application id 7); \
             restore it from a backup, or move it away to begin anew",
            path.display()
        )
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_of_a_later_version_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    database(&path);
    let later = rusqlite::Connection::open(&path).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    let before = std::fs::read(&path).unwrap();
    let error = try_open(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} has schema 99 and this version knows up to 6; install the later version again, or restore a backup from before the upgrade",
            path.display()
        )
    );
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 6, .. }));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(matches!(SqliteHistory::open(&path), Err(StoreError::TooNew { .. })));
}

#[test]
fn history_of_a_database_that_is_not_there_is_an_error_and_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let error = SqliteHistory::open(&path).map(|_: SqliteHistory| ()).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: it does not exist", path.display()));
    assert!(!path.exists());
}

#[test]
fn a_directory_in_place_of_the_file_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    std::fs::create_dir(&path).unwrap();
    assert_eq!(
        refusal(&path),
        format!("{}: it is a directory; `store.path` names a file", path.display())
    );
}

#[test]
fn a_database_that_is_gone_or_another_one_is_never_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let (path, away) = (directory.path().join("a.db"), directory.path().join("b.db"));
    database(&away);
    let mut store = try_open(&path).unwrap();
    let org = acme(&mut store);
    let kept = directory.path().join("kept");
    drop(store);
    let mut store = try_open(&path).unwrap();
    std::fs::rename(&path, &kept).unwrap();
    let error = store.reopen().unwrap_err();
    assert_eq!(error.to_string(), format!("{}: it does not exist", path.display()));
    assert!(!path.exists());
    let replaced = format!(
        "{}: it was replaced while it was in use; put it back, or restart the daemon to go on with what is there",
        path.display()
    );
    std::fs::write(&path, "").unwrap();
    assert_eq!(store.reopen().unwrap_err().to_string(), replaced);
    std::fs::copy(&away, &path).unwrap();
    assert_eq!(store.reopen().unwrap_err().to_string(), replaced);
    std::fs::rename(&kept, &path).unwrap();
    store.reopen().unwrap();
    assert_eq!(store.commit(&[batch(org, 0, 3)]).unwrap()[0].fresh, [true; 3]);
}
