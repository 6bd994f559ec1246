//! The Debian package: built, installed on a machine of its own with a systemd of its own, started, upgraded with data,
//! purged. The machine is this one, or a bare Debian, under a layer that is thrown away; it takes root.

use crate::image::storage;
use crate::support::stack::repository;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One machine at a time: two would share the control groups that services are told apart by.
pub(crate) static MACHINE: Mutex<()> = Mutex::new(());

/// One package at a time: `cargo deb` keeps the stripped program in a file below `target` that it does not lock, and a
/// second one that runs meanwhile packs what is half written.
static PACKING: Mutex<()> = Mutex::new(());

/// The package of this very build, under a version.
fn package(version: &str, file: &Path) {
    let _alone = PACKING.lock().unwrap_or_else(PoisonError::into_inner);
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .current_dir(repository(""))
        // The one that was just compiled: what is tested is the package, not the optimiser.
        .args(["deb", "--no-build", "--profile", "dev", "--fast", "--deb-version"])
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

/// A bare Debian's directory, with the packages that are named downloaded into it.
pub(crate) fn bare(packages: &[&str]) -> PathBuf {
    let output =
        Command::new(repository("tests/it/package/bare.sh")).args(packages).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "debootstrap (tests/run installs it): {errors}");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// Runs a script on a machine of its own, whose root is `below`, and gives what it said; everything else with it, for when
/// it failed.
fn machine(directory: &Path, script: &str, below: &Path) -> (String, String) {
    let webhook = repository("tests/it/package/webhook.sh");
    std::fs::copy(webhook, directory.join("webhook.sh")).unwrap();
    let output = Command::new("timeout")
        .args(["--kill-after=5", "240", "unshare"])
        .args(["--mount", "--pid", "--fork", "--kill-child", "--cgroup"])
        .args(["--uts", "--ipc", "--net", "bash"])
        .arg(repository("tests/it/package/boot.sh"))
        .arg(directory)
        .arg(repository("tests/it/package").join(script))
        .arg(below)
        .output()
        .unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    (read("report"), format!("{}\n{}\n{errors}", read("errors"), read("dpkg.log")))
}

#[test]
fn the_package_lives_as_a_package_should() {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    package("0.1.0-1", &directory.path().join("old.deb"));
    package("0.1.0-2", &directory.path().join("new.deb"));
    let (report, errors) = machine(directory.path(), "life.sh", Path::new("/"));
    assert_eq!(
        report,
        "installed: enabled, and waits for a configuration\n\
         configured by config init: the daemon reads what root wrote, and tells when it started\n\
         started: by its own user, told systemd that it is ready, takes a record with the token that systemd handed over\n\
         hardened: exposure at most 1.2\n\
         reloaded\n\
         a wrong configuration: ends once, and says so\n\
         upgraded: restarted, every row of every table is there, a record from before is known, and what was edited is kept\n\
         watched: fed while it works, restarted when it hangs, nothing lost\n\
         removed: stopped, data and configuration kept\n\
         purged: nothing left\n",
        "{errors}"
    );
}

/// Version 0.1's package: the one in `LIGHTNING_SYNC_TEST_OLD_PACKAGE`, as that version's source makes it, or, because
/// building it takes minutes, what stands for it: its unit and version around the program of this build.
fn package_of_version_0_1(directory: &Path) {
    let file = directory.join("old.deb");
    if let Some(given) = std::env::var_os("LIGHTNING_SYNC_TEST_OLD_PACKAGE") {
        std::fs::copy(given, file).unwrap();
        return;
    }
    let unpacked = tempfile::tempdir().unwrap();
    let tree = unpacked.path().join("tree");
    package("0.1.0-1", &file);
    let dpkg_deb = |arguments: [&OsStr; 3]| {
        let output = Command::new("dpkg-deb").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    dpkg_deb(["--raw-extract".as_ref(), file.as_ref(), tree.as_ref()]);
    let name = "lightning-sync-exporter.service";
    let places = ["lib", "usr/lib"].map(|lib| tree.join(lib).join("systemd/system").join(name));
    let place = places.iter().find(|place| place.exists()).unwrap();
    std::fs::copy(repository("tests/it/upgrade").join(name), place).unwrap();
    dpkg_deb(["--build".as_ref(), tree.as_ref(), file.as_ref()]);
}

#[test]
fn version_0_1_is_upgraded_under_load_and_a_downgrade_is_refused() {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    package_of_version_0_1(directory.path());
    package(env!("CARGO_PKG_VERSION"), &directory.path().join("new.deb"));
    for file in ["config.yaml", "version_0_1.db"] {
        let fixture = repository("tests/it/upgrade").join(file);
        std::fs::copy(fixture, directory.path().join(file)).unwrap();
    }
    let (report, errors) = machine(directory.path(), "upgrade.sh", Path::new("/"));
    assert_eq!(
        report,
        "0.1 runs with its own unit, database and configuration\n\
         upgraded under load: every acknowledged record is counted once\n\
         what 0.1 stored is there, where it stored it\n\
         a later version's database is refused once, with what to do\n\
         downgraded: 0.1 refuses the database, and goes on from the backup\n",
        "{errors}"
    );
    let counted = errors.lines().find(|line| line.contains(" attempts again while ")).unwrap();
    println!("{counted}");
}

/// The commands of a section, as its blocks of `sh` have them.
fn write_commands(directory: &Path, number: &str, section: &str) {
    let commands: String =
        section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    std::fs::write(directory.join(format!("block{number}")), commands).unwrap();
}

/// Makes the files of a release in a new directory. They hold what was just compiled; that a whole build gives the same
/// bytes is for who releases to compare.
pub(crate) fn release(directory: &Path) {
    release_with(directory, &[]);
}

/// The same without its image, which takes the most time.
pub(crate) fn release_without_image(directory: &Path) {
    let said = release_with(directory, &[("IMAGE", "no")]);
    assert!(said.contains("there is no image among the files, as IMAGE=no says"), "{said}");
}

fn release_with(directory: &Path, variables: &[(&str, &str)]) -> String {
    let _alone = PACKING.lock().unwrap_or_else(PoisonError::into_inner);
    let output = releasing(directory).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn releasing(directory: &Path) -> Command {
    let mut command = Command::new(repository("deploy/release.sh"));
    command
        .arg(directory)
        .envs([("PROFILE", "dev"), ("BUILD", "no"), ("BUILDAH_ISOLATION", "chroot")])
        .env("CONTAINERS_STORAGE_CONF", storage());
    command
}

#[test]
fn a_bare_debian_is_set_up_from_a_release_by_the_steps_of_the_readme() {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    release_without_image(&directory.path().join("release"));
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Five steps")).unwrap();
    // Items of a list: their blocks are indented.
    let section = section.replace("\n   ", "\n");
    for number in 1..=5 {
        let step = section
            .split(&format!("\n{number}. **"))
            .nth(1)
            .and_then(|rest| rest.split(&format!("\n{}. **", number + 1)).next())
            .unwrap();
        write_commands(directory.path(), &number.to_string(), step);
    }
    let install = std::fs::read_to_string(directory.path().join("block1")).unwrap();
    let packages = install.lines().find_map(|line| line.strip_prefix("apt-get install "));
    let of_debian = packages.unwrap().split_whitespace().filter(|name| !name.starts_with("./"));
    // What the package itself depends on, too.
    let packages: Vec<&str> = of_debian.chain(["adduser", "ca-certificates"]).collect();
    let (report, errors) = machine(directory.path(), "readme.sh", &bare(&packages));
    println!("{report}");
    assert!(!report.contains("FAIL"), "{report}\n{errors}");
    for said in [
        "installed after ",
        "Wrote a new token to /etc/lightning-sync/acme.token.",
        "first graph after ",
        "\"verdict\":",
        "PASS configuration: ",
        "PASS store: ",
        "PASS daemon: ",
        "PASS acme ingest: a token is set",
        "PASS acme sources: activity reports",
        "PASS page routed: to receiver page",
        // A WARN where the Watchdog of the shipped rules was sent in the meantime by the same integration.
        " page delivered: ",
        "by webhook",
        "first page after ",
    ] {
        assert!(report.contains(said), "{said}:\n{report}\n{errors}");
    }
}

#[test]
fn the_same_build_packed_twice_is_the_same_package() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    package("0.1.0-1", &at("one.deb"));
    package("0.1.0-1", &at("other.deb"));
    let [one, other] = ["one.deb", "other.deb"].map(|name| std::fs::read(at(name)).unwrap());
    assert!(one == other, "{} and {} bytes", one.len(), other.len());
    assert!(one.len() > 1_000_000);
}

#[test]
fn links_between_installed_documents_lead_somewhere() {
    let directory = tempfile::tempdir().unwrap();
    let (deb, root) = (directory.path().join("a.deb"), directory.path().join("root"));
    package("0.1.0-1", &deb);
    let unpacked = Command::new("dpkg-deb").arg("-x").args([&deb, &root]).status().unwrap();
    assert!(unpacked.success());
    let documents = root.join("usr/share/doc/lightning-sync-exporter");
    let (mut wrong, mut followed) = (Vec::new(), 0);
    let mut folders = vec![documents.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                    let target = link.split('#').next().unwrap();
                    if target.is_empty() || target.contains("://") || target.contains(' ') {
                        continue;
                    }
                    followed += 1;
                    if !path.parent().unwrap().join(target).exists() {
                        wrong.push(format!("{}: {link}", path.display()));
                    }
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(followed > 100, "{followed}");
    // What the unit and the documents name by its whole path is there too.
    for path in [
        "usr/share/doc/lightning-sync-exporter/docs/operations.md",
        "usr/share/lightning-sync-exporter/alerts/lightning-sync.rules.yaml",
        "usr/share/lightning-sync-exporter/dashboards/fleet.json",
        "usr/share/doc/lightning-sync-exporter/sbom.cdx.json",
        "usr/share/doc/lightning-sync-exporter/THIRD-PARTY",
    ] {
        assert!(root.join(path).exists(), "{path}");
    }
}

#[test]
fn the_unit_is_hardened() {
    let unit = include_str!("../../../deploy/systemd/lightning-sync-exporter.service");
    // A fault ends the daemon and not its neighbours, and what it may take in by default fits well.
    let most: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("MemoryMax=")).collect();
    let [most] = most[..] else { panic!("{most:?}") };
    let most: u64 = most.strip_suffix('G').unwrap().parse().unwrap();
    assert!(most << 30 >= 3 * lightning_sync_exporter::web::limits::INGEST_MEMORY, "{most} GiB");
    for arguments in [&["security", "--offline=yes", "--threshold=12"][..], &["verify", "--man=no"]]
    {
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
            let other =
                said.lines().find(|line| !line.contains("/usr/bin/lightning-sync-exporter"));
            assert_eq!(other, None, "{said}");
        } else {
            println!("{}", said.lines().last().unwrap_or_default());
            assert!(output.status.success(), "{said}");
        }
    }
}

#[test]
fn a_release_is_the_same_bytes_when_it_is_made_twice() {
    let made = || {
        let directory = tempfile::tempdir().unwrap();
        release(directory.path());
        let sums = std::fs::read_to_string(directory.path().join("SHA256SUMS")).unwrap();
        (directory, sums)
    };
    let ((directory, sums), (_again, again)) = (made(), made());
    assert_eq!(sums, again);
    let version = env!("CARGO_PKG_VERSION");
    let names: Vec<_> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    let name = "lightning-sync-exporter";
    let machine = std::env::consts::ARCH;
    assert_eq!(
        names,
        [
            format!("{name}-{version}-linux-{machine}.tar.gz"),
            format!("{name}-{version}.cdx.json"),
            format!("{name}-{version}.intoto.json"),
            format!("{name}-chart-{version}.tgz"),
            format!("{name}-compose-{version}.tar.gz"),
            format!("{name}-dashboards-{version}.tar.gz"),
            format!("{name}-image-{version}-{machine}.cdx.json"),
            format!("{name}-image-{version}-{machine}.oci.tar"),
            format!("{name}-mixin-{version}.tar.gz"),
            format!("{name}_{version}.deb"),
        ]
    );
    let json = |name: String| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(directory.path().join(name)).unwrap()).unwrap()
    };
    let provenance = json(format!("{name}-{version}.intoto.json"));
    for subject in provenance["subject"].as_array().unwrap() {
        let (name, digest) =
            (subject["name"].as_str().unwrap(), subject["digest"]["sha256"].as_str().unwrap());
        assert!(sums.contains(&format!("{digest}  {name}\n")), "{name}");
    }
    let made_of = provenance["predicate"]["buildDefinition"]["resolvedDependencies"].as_array();
    let base = made_of.unwrap().iter().find(|part| part["name"] == "debian:bookworm-slim").unwrap();
    assert_eq!(base["digest"]["sha256"].as_str().unwrap().len(), 64);
    // The parts of the image are those of the program, the program, and Debian's packages.
    let parts = |json: &serde_json::Value| -> Vec<String> {
        let parts = json["components"].as_array().unwrap().iter();
        parts.map(|part| part["purl"].as_str().unwrap().to_owned()).collect()
    };
    let in_image = parts(&json(format!("{name}-image-{version}-{machine}.cdx.json")));
    let in_program = parts(&json(format!("{name}-{version}.cdx.json")));
    let (debians, of_program): (Vec<&String>, Vec<_>) =
        in_image.iter().partition(|purl| purl.starts_with("pkg:deb/debian/"));
    assert!(debians.iter().any(|purl| purl.starts_with("pkg:deb/debian/ca-certificates@2")));
    assert_eq!(of_program[0], &format!("pkg:cargo/{name}@{version}"));
    assert!(of_program[1..].iter().copied().eq(&in_program));
    // What debuggers read is not in the package: it is most of the program, and names where it was built.
    let installed = tempfile::tempdir().unwrap();
    let package = directory.path().join(format!("{name}_{version}.deb"));
    let status =
        Command::new("dpkg-deb").arg("--extract").arg(package).arg(installed.path()).status();
    assert!(status.unwrap().success());
    let program = installed.path().join("usr/bin").join(name);
    let mut readelf = Command::new("readelf");
    let sections = readelf.args(["--section-headers", "--wide"]).arg(&program).output();
    let sections = String::from_utf8(sections.unwrap().stdout).unwrap();
    assert!(sections.contains(" .text ") && !sections.contains(" .debug_info "), "{sections}");
    let program = std::fs::read(program).unwrap();
    // The program that is unpacked is one that runs.
    let archive = directory.path().join(format!("{name}-{version}-linux-{machine}.tar.gz"));
    let unpacked = tempfile::tempdir().unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(unpacked.path()).status();
    assert!(tar.unwrap().success());
    let unpacked = unpacked.path().join(format!("{name}-{version}-linux-{machine}")).join(name);
    // That of the image is compared where it runs.
    assert!(std::fs::read(&unpacked).unwrap() == program);
    let printed = Command::new(unpacked).arg("--version").output().unwrap().stdout;
    assert!(
        String::from_utf8(printed).unwrap().starts_with(&format!("{name} {version} (branch: "))
    );
}

#[test]
fn a_release_without_a_base_for_its_image_says_how_to_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("storage.conf");
    let [images, run] = ["images", "run"].map(|name| directory.path().join(name));
    let conf = format!("[storage]\ndriver = \"vfs\"\ngraphroot = {images:?}\nrunroot = {run:?}\n");
    std::fs::write(&empty, conf).unwrap();
    let out = directory.path().join("release");
    let refused = releasing(&out).env("CONTAINERS_STORAGE_CONF", empty).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "release.sh: the base image is not here: `podman pull debian:bookworm-slim` brings it; IMAGE=no leaves the image out\n"
    );
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    let refused = releasing(&out).env("IMAGE", "maybe").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&refused.stderr), "release.sh: IMAGE is yes or no\n");
}
