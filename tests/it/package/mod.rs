//! The Debian package: built, installed on a machine of its own with a systemd of its own, started, upgraded with data,
//! purged. The machine is this one under a layer that is thrown away; it takes root.

use crate::support::stack::repository;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One machine at a time: two would share the control groups that services are told apart by.
static MACHINE: Mutex<()> = Mutex::new(());

/// The package of this very build, under a version.
fn package(version: &str, file: &Path) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .current_dir(repository(""))
        // The one that was just compiled: what is tested is the package, not the optimiser.
        .args([
            "deb",
            "--no-build",
            "--profile",
            "dev",
            "--fast",
            "--deb-version",
        ])
        .arg(version)
        .arg("--output")
        .arg(file)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo deb (tests/run installs it): {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a script on a machine of its own and gives what it said; everything else with it, for when it failed.
fn machine(directory: &Path, script: &str) -> (String, String) {
    let output = Command::new("timeout")
        .args(["--kill-after=5", "240", "unshare"])
        .args(["--mount", "--pid", "--fork", "--kill-child", "--cgroup"])
        .args(["--uts", "--ipc", "--net", "bash"])
        .arg(repository("tests/it/package/boot.sh"))
        .arg(directory)
        .arg(repository("tests/it/package").join(script))
        .output()
        .unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    (
        read("report"),
        format!("{}\n{}\n{errors}", read("errors"), read("dpkg.log")),
    )
}

#[test]
fn the_package_lives_as_a_package_should() {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    package("0.1.0-1", &directory.path().join("old.deb"));
    package("0.1.0-2", &directory.path().join("new.deb"));
    let (report, errors) = machine(directory.path(), "life.sh");
    assert_eq!(
        report,
        "installed: enabled, and waits for a configuration\n\
         started: by its own user, told systemd that it is ready, takes a record with the token that systemd handed over\n\
         hardened: exposure at most 1.2\n\
         reloaded\n\
         upgraded: restarted, knows the record from before, kept what was edited\n\
         watched: fed while it works, restarted when it hangs, nothing lost\n\
         removed: stopped, data and configuration kept\n\
         purged: nothing left\n",
        "{errors}"
    );
}

#[test]
fn the_recipe_for_one_machine_works_as_it_is_written() {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    package("0.1.0-1", &directory.path().join("old.deb"));
    let recipe = std::fs::read_to_string(repository("docs/one-box.md")).unwrap();
    for section in recipe.split("\n## ").skip(1) {
        let number = section.split('.').next().unwrap();
        let commands: String = section
            .split("```sh\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        std::fs::write(directory.path().join(format!("block{number}")), commands).unwrap();
    }
    let (report, errors) = machine(directory.path(), "one_box.sh");
    println!("{report}");
    for said in [
        "first graph after ",
        "PASS configuration: ",
        "PASS acme ingest: a token is set",
        "PASS daemon: ",
        "PASS acme sources: activity speaks",
        "PASS page routed: to receiver page",
        "PASS page delivered: by webhook",
        "first page after ",
    ] {
        assert!(report.contains(said), "{said}:\n{report}\n{errors}");
    }
}

#[test]
fn the_unit_is_hardened() {
    for arguments in [
        &["security", "--offline=yes", "--threshold=12"][..],
        &["verify", "--man=no"],
    ] {
        let output = Command::new("systemd-analyze")
            .args(arguments)
            .arg(repository("deploy/systemd/lightning-sync-exporter.service"))
            .output()
            .unwrap_or_else(|error| panic!("systemd-analyze: {error}; tests/run installs it"));
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if arguments.contains(&"verify") {
            // Where the program is not installed, that is all there is to say.
            let other = said
                .lines()
                .find(|line| !line.contains("/usr/bin/lightning-sync-exporter"));
            assert_eq!(other, None, "{said}");
        } else {
            println!("{}", said.lines().last().unwrap_or_default());
            assert!(output.status.success(), "{said}");
        }
    }
}
