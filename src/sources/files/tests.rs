//! Looks into real directories, at made-up times.

use super::{FileKind, LookError, Refused, Taken, Watcher, WholeFile};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Two looks between which every file stood still.
fn look_twice(
    watcher: &mut Watcher,
    at: u64,
    mut take: impl FnMut(Result<WholeFile, Refused>) -> Taken,
) -> Result<usize, LookError> {
    let first = watcher.look(seconds(at), &mut take)?;
    Ok(first + watcher.look(seconds(at + 2), &mut take)?)
}

fn listing(directory: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for shelf in ["", "done", "rejected"] {
        let Ok(entries) = fs::read_dir(directory.join(shelf)) else {
            continue;
        };
        for entry in
            entries.map(Result::unwrap).filter(|entry| !entry.file_type().unwrap().is_dir())
        {
            found.push(Path::new(shelf).join(entry.file_name()).display().to_string());
        }
    }
    found.sort();
    found
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_exported_report_is_known_from_a_snapshot_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.report.csv", "b.REPORT.CSV", "c.report", "report.csv"] {
        fs::write(directory.path().join(name), "x").unwrap();
    }
    let mut watcher = Watcher::new(directory.path().to_owned());
    let mut kinds = Vec::new();
    for at in [0, 3] {
        let look = watcher.look(seconds(at), |dropped| {
            kinds.push(dropped.ok().map(|dropped| dropped.kind));
            Taken::Accepted
        });
        look.unwrap();
    }
    let report = Some(FileKind::Report);
    assert_eq!(kinds, [report, report, None, Some(FileKind::Csv)]);
}

#[test]
fn a_file_is_taken_once_it_stands_still_and_unfinished_names_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json.tmp", "c.json.part", ".d.json"] {
        fs::write(directory.path().join(name), "{}").unwrap();
    }
    let mut watcher = Watcher::new(directory.path().to_owned());
    let mut bodies = Vec::new();
    let mut look = |at, watcher: &mut Watcher| {
        watcher
            .look(seconds(at), |dropped| {
                let dropped = dropped.unwrap();
                bodies.push((dropped.kind, String::from_utf8(dropped.body).unwrap()));
                Taken::Accepted
            })
            .unwrap()
    };
    assert_eq!(look(0, &mut watcher), 0);
    fs::write(directory.path().join("a.json"), "{\"more\":1}").unwrap();
    assert_eq!(look(1, &mut watcher), 0, "it grew");
    assert_eq!(look(2, &mut watcher), 0);
    assert_eq!(look(3, &mut watcher), 1);
    assert_eq!(bodies, [(FileKind::Json, "{\"more\":1}".to_owned())]);
    assert_eq!(listing(directory.path()), [".d.json", "b.json.tmp", "c.json.part", "done/a.json"]);
}

#[test]
fn a_file_of_long_ago_has_to_stand_still_too_and_never_lands_over_another() {
    let directory = tempfile::tempdir().unwrap();
    let mut watcher = Watcher::new(directory.path().to_owned());
    for at in [0, 10] {
        let path = directory.path().join("page.txt");
        fs::write(&path, "x").unwrap();
        // A share whose clock is behind ours: its files look old while they are being written.
        let long_ago = SystemTime::UNIX_EPOCH + seconds(86_400);
        fs::File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_modified(long_ago))
            .unwrap();
        assert_eq!(
            watcher.look(seconds(at), |_| Taken::Accepted).unwrap(),
            0,
            "nobody saw it stand still"
        );
        assert_eq!(watcher.look(seconds(at + 2), |_| Taken::Accepted).unwrap(), 1);
    }
    assert_eq!(listing(directory.path()), ["done/page.txt", "done/page.txt.1"]);
}

#[test]
fn a_refused_file_lies_beside_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("secret"), "").unwrap();
    symlink("/etc/passwd", directory.path().join("link.txt")).unwrap();
    fs::write(directory.path().join("notes.docx"), "").unwrap();
    fs::write(directory.path().join("wrong.csv"), "").unwrap();
    fs::set_permissions(directory.path().join("wrong.csv"), fs::Permissions::from_mode(0o644))
        .unwrap();
    let mut watcher = Watcher::new(directory.path().to_owned());
    look_twice(&mut watcher, 0, |file| {
        let reason = file.map_or_else(|refused| refused.reason, |_| "line 1: no header".to_owned());
        Taken::Rejected(reason)
    })
    .unwrap();
    assert_eq!(
        listing(directory.path()),
        [
            "rejected/link.txt",
            "rejected/link.txt.reason.txt",
            "rejected/notes.docx",
            "rejected/notes.docx.reason.txt",
            "rejected/secret",
            "rejected/secret.reason.txt",
            "rejected/wrong.csv",
            "rejected/wrong.csv.reason.txt",
        ]
    );
    let reason =
        |name: &str| fs::read_to_string(directory.path().join("rejected").join(name)).unwrap();
    assert_eq!(
        reason("link.txt.reason.txt"),
        "a symbolic link is not followed; copy the file itself\n"
    );
    assert_eq!(reason("wrong.csv.reason.txt"), "line 1: no header\n");
}

#[test]
fn when_one_file_cannot_be_taken_now_all_stay_and_only_one_was_read() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json", "c.json"] {
        fs::write(directory.path().join(name), "{}").unwrap();
    }
    let mut watcher = Watcher::new(directory.path().to_owned());
    let mut taken = 0;
    let done = look_twice(&mut watcher, 0, |_| {
        taken += 1;
        Taken::Later
    });
    assert_eq!((done.unwrap(), taken), (0, 1));
    assert_eq!(listing(directory.path()), ["a.json", "b.json", "c.json"]);
    assert_eq!(watcher.look(seconds(3), |_| Taken::Accepted).unwrap(), 3);
}

#[test]
fn a_file_that_cannot_be_moved_holds_up_no_other_and_is_taken_once() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wrong = directory.path().join("a.csv");
    fs::write(&wrong, "wrong").unwrap();
    fs::write(directory.path().join("b.json"), "{}").unwrap();
    // A shelf that is a link could make the daemon write anywhere.
    symlink(elsewhere.path(), directory.path().join("rejected")).unwrap();
    let mut watcher = Watcher::new(directory.path().to_owned());
    let mut taken = Vec::new();
    let mut look = |at, watcher: &mut Watcher| {
        watcher
            .look(seconds(at), |file| {
                let file = file.unwrap();
                taken.push(file.name);
                match file.kind {
                    FileKind::Csv => Taken::Rejected("line 1: no header".to_owned()),
                    FileKind::Activity
                    | FileKind::Json
                    | FileKind::Html
                    | FileKind::Text
                    | FileKind::Report => Taken::Accepted,
                }
            })
            .map_err(|trouble| trouble.to_string())
    };
    assert_eq!(look(0, &mut watcher), Ok(0));
    for at in 2..5 {
        let error = look(at, &mut watcher).unwrap_err();
        assert!(error.contains("a.csv") && error.contains("links are not followed"), "{error}");
    }
    assert!(directory.path().join("done/b.json").exists());
    fs::write(&wrong, "wrong again").unwrap();
    assert_eq!(look(5, &mut watcher), Ok(0), "it changed");
    look(7, &mut watcher).unwrap_err();
    fs::remove_file(directory.path().join("rejected")).unwrap();
    assert_eq!(look(8, &mut watcher), Ok(1));
    assert_eq!(taken, ["a.csv", "b.json", "a.csv"]);
    assert!(directory.path().join("rejected/a.csv.reason.txt").exists());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_link_where_the_reason_would_go_is_never_written_through() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join(".victim");
    fs::write(&victim, "precious").unwrap();
    fs::create_dir(directory.path().join("rejected")).unwrap();
    symlink(&victim, directory.path().join("rejected/a.csv.reason.txt")).unwrap();
    fs::write(directory.path().join("a.csv"), "wrong").unwrap();
    let mut watcher = Watcher::new(directory.path().to_owned());
    let done = look_twice(&mut watcher, 0, |_| Taken::Rejected("no".to_owned()));
    assert_eq!(done.unwrap(), 1);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    let reason = directory.path().join("rejected/a.csv.1.reason.txt");
    assert_eq!(fs::read_to_string(reason).unwrap(), "no\n");
}

/// A file of ten records, written one a second from second 0 on, as a share shows it that asks its server every third
/// second, and when a file is opened.
#[test]
fn a_file_that_grows_behind_the_attributes_of_a_share_is_taken_whole() {
    thread_local! {
        static SHOWN: std::cell::Cell<(u64, u64)> = const { std::cell::Cell::new((0, 0)) };
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.ndjson");
    let mut watcher = Watcher::new(directory.path().to_owned());
    watcher.extent = |_| {
        let (size, modified) = SHOWN.get();
        let modified = seconds(modified);
        Ok((super::watcher::Extent { size, modified }, false))
    };
    let mut taken = Vec::new();
    for second in 0..20 {
        let records = (second + 1).min(10);
        fs::write(&path, "{}\n".repeat(records)).unwrap();
        let at = SystemTime::UNIX_EPOCH + seconds(records as u64);
        fs::File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(at))
            .unwrap();
        if second % 7 == 0 {
            SHOWN.set((3 * records as u64, records as u64));
        }
        let looked = watcher.look(seconds(second as u64), |file| {
            taken.push((second, file.unwrap().body.len()));
            Taken::Later
        });
        assert_eq!(looked.unwrap(), 0);
        if !taken.is_empty() {
            break;
        }
    }
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].1, 30, "{taken:?}");
}

#[test]
fn a_file_that_grows_after_it_was_taken_is_taken_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut watcher = Watcher::new(directory.path().to_owned());
    for name in ["a.ndjson", "b.csv"] {
        fs::write(directory.path().join(name), "1\n").unwrap();
    }
    let mut bodies = Vec::new();
    let mut look = |at, watcher: &mut Watcher| {
        let looked = watcher.look(seconds(at), |file| {
            let file = file.unwrap();
            let whole = file.kind == FileKind::Activity || file.body.len() > 2;
            bodies.push((file.name, file.body.len()));
            match whole {
                true => Taken::Accepted,
                false => Taken::Rejected("line 1: cut".to_owned()),
            }
        });
        looked.unwrap()
    };
    look(0, &mut watcher);
    assert_eq!(look(2, &mut watcher), 2);
    for (name, more) in [("done/a.ndjson", "2\n"), ("rejected/b.csv", "2\n")] {
        let file = fs::File::options().append(true).open(directory.path().join(name));
        std::io::Write::write_all(&mut file.unwrap(), more.as_bytes()).unwrap();
    }
    assert_eq!(look(30, &mut watcher), 0);
    assert_eq!(listing(directory.path()), ["a.ndjson", "b.csv"]);
    assert_eq!(look(32, &mut watcher), 2);
    assert_eq!(listing(directory.path()), ["done/a.ndjson", "done/b.csv"]);
    // Nobody watches for ever.
    assert_eq!(look(700, &mut watcher), 0);
    fs::write(directory.path().join("done/a.ndjson"), "1\n2\n3\n").unwrap();
    assert_eq!(look(701, &mut watcher), 0);
    assert_eq!(listing(directory.path()), ["done/a.ndjson", "done/b.csv"]);
    let of = |name: &str, length| (name.to_owned(), length);
    assert_eq!(bodies, [of("a.ndjson", 2), of("b.csv", 2), of("a.ndjson", 4), of("b.csv", 4)]);
}

#[test]
fn another_name_of_a_secret_is_refused_and_its_reason_is_not_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret");
    fs::write(&secret, "hunter2").unwrap();
    fs::hard_link(&secret, directory.path().join("a.csv")).unwrap();
    fs::write(directory.path().join("b.csv"), "hunter2").unwrap();
    fs::set_permissions(directory.path().join("b.csv"), fs::Permissions::from_mode(0o600)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(directory.path(), Some(1000), None).unwrap();
    }
    let mut watcher = Watcher::new(directory.path().to_owned());
    let mut bodies = 0;
    look_twice(&mut watcher, 0, |file| match file {
        Ok(_) => {
            bodies += 1;
            Taken::Accepted
        }
        Err(refused) => Taken::Rejected(refused.reason),
    })
    .unwrap();
    assert_eq!(bodies, usize::from(!is_root));
    let note = directory.path().join("rejected/a.csv.reason.txt");
    assert_eq!(
        fs::read_to_string(&note).unwrap(),
        "the file has a second name (a hard link); copy the file itself\n"
    );
    assert_eq!(fs::metadata(note).unwrap().permissions().mode() & 0o137, 0);
}

#[test]
fn names_that_are_left_alone_hold_up_no_file_and_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..40_000 {
        fs::File::create(directory.path().join(format!("{number}.part"))).unwrap();
    }
    for number in 0..40 {
        fs::write(directory.path().join(format!("{number}.json")), "{}").unwrap();
    }
    let mut watcher = Watcher::new(directory.path().to_owned());
    let (mut taken, mut errors) = (0, Vec::new());
    for at in 0..20 {
        let looked = watcher.look(seconds(at), |file| {
            taken += usize::from(file.is_ok());
            Taken::Accepted
        });
        errors.extend(looked.err().map(|error| error.to_string()));
    }
    assert_eq!(taken, 40);
    assert!(
        errors.last().unwrap().contains("holds more than 10000 names that are left alone"),
        "{errors:?}"
    );
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "part") {
            fs::remove_file(path).unwrap();
        }
    }
    let last = (20..30).map(|at| watcher.look(seconds(at), |_| Taken::Accepted)).last();
    assert_eq!(last.unwrap().unwrap(), 0);
}

#[test]
fn a_directory_that_vanishes_is_named_and_may_come_back() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("drop");
    let mut watcher = Watcher::new(directory.clone());
    let error = watcher.look(seconds(0), |_| Taken::Accepted).unwrap_err().to_string();
    assert!(
        error.starts_with(&directory.display().to_string())
            && error.contains("writable by the daemon; ")
            && error.contains("ReadWritePaths="),
        "{error}"
    );
    fs::create_dir(&directory).unwrap();
    assert_eq!(watcher.look(seconds(1), |_| Taken::Accepted).unwrap(), 0);
}
