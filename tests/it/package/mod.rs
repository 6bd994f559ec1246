//! The Debian package: built, installed on a machine of its own with a systemd of its own, started, upgraded with data,
//! purged. The machine is this one under a layer that is thrown away; it takes root.

use crate::support::stack::repository;
use std::path::Path;
use std::process::Command;

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

#[test]
fn the_package_lives_as_a_package_should() {
    let directory = tempfile::tempdir().unwrap();
    package("0.1.0-1", &directory.path().join("old.deb"));
    package("0.1.0-2", &directory.path().join("new.deb"));
    let output = Command::new("timeout")
        .args(["--kill-after=5", "180", "unshare"])
        .args(["--mount", "--pid", "--fork", "--kill-child", "--cgroup"])
        .args(["--uts", "--ipc", "--net", "bash"])
        .arg(repository("tests/it/package/boot.sh"))
        .arg(directory.path())
        .output()
        .unwrap();
    let read =
        |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    assert_eq!(
        read("report"),
        "installed: enabled, and waits for a configuration\n\
         started: by its own user, told systemd that it is ready, takes a record with the token that systemd handed over\n\
         hardened: exposure at most 1.2\n\
         reloaded\n\
         upgraded: restarted, knows the record from before, kept what was edited\n\
         watched: fed while it works, restarted when it hangs, nothing lost\n\
         removed: stopped, data and configuration kept\n\
         purged: nothing left\n",
        "{}\n{}\n{}",
        read("errors"),
        read("dpkg.log"),
        String::from_utf8_lossy(&output.stderr)
    );
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
