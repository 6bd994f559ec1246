//! The image of a release, run by a user without rights, and the compose stack and the chart on a bare Debian.
//!
//! No registry of images is asked: base images of the names that the files ask for are made here, of Debian's packages.
//! The release has the program of this very build. With `LIGHTNING_SYNC_TEST_IMAGE=full` the image that lives alone is one
//! that compiles within, as the Containerfile says, which takes many minutes, and the chart is followed to a page.

use crate::package::{MACHINE, bare, release};
use crate::support::stack::repository;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::PoisonError;
use std::time::Instant;

/// Enough for a build that compiles everything on two cores.
const FULL_BUILD: &str = "3000";

/// Enough for what neither compiles nor asks anybody but Debian's archive.
const ORDINARY: &str = "600";

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn script(name: &str) -> PathBuf {
    repository("tests/it/image").join(name)
}

/// What the images are made of, in a directory: the programs and, where ours is compiled, the sources as a checkout has them.
fn gather(directory: &Path, full: bool) {
    let programs = directory.join("programs");
    run(Command::new("cp").arg("-r").args([script("programs"), programs.clone()]));
    for (program, copy) in [
        ("prometheus", "prometheus/prometheus"),
        ("prometheus-alertmanager", "alertmanager/alertmanager"),
        ("amtool", "alertmanager/amtool"),
    ] {
        let found = run(Command::new("sh").args(["-c", "command -v \"$0\"", program])).stdout;
        let found = String::from_utf8(found).unwrap();
        std::fs::copy(found.trim_end(), programs.join(copy)).unwrap();
    }
    let templates = programs.join("alertmanager/templates");
    std::fs::create_dir(&templates).unwrap();
    for name in ["default.tmpl", "email.tmpl"] {
        let debians = Path::new("/usr/share/prometheus/alertmanager").join(name);
        std::fs::copy(debians, templates.join(name)).unwrap();
    }
    let rust = programs.join("rust");
    if !full {
        std::fs::remove_dir_all(rust).unwrap();
        return;
    }
    let source = directory.join("source");
    std::fs::create_dir(&source).unwrap();
    // Without what is compiled and what was downloaded.
    let copy =
        "tar --exclude-vcs --exclude=./target --exclude=node_modules -cf - . | tar -x -C \"$0\"";
    run(Command::new("sh").current_dir(repository("")).args(["-c", copy]).arg(&source));
    let trusted = "/etc/ssl/certs/ca-certificates.crt";
    std::fs::copy(trusted, rust.join("ca-certificates.crt")).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let root = run(Command::new(rustc).args(["--print", "sysroot"])).stdout;
    let root = String::from_utf8(root).unwrap();
    run(Command::new("cp").arg("-r").arg(root.trim_end()).arg(rust.join("toolchain")));
}

/// The file system of the base image, in an archive beside what is compiled.
fn base() -> PathBuf {
    let base = beside("images/bookworm.tar");
    run(Command::new("bash").arg(script("base.sh")).arg(&base));
    base
}

/// The file that tells root's podman where the base image is.
pub(crate) fn storage() -> PathBuf {
    let output =
        run(Command::new("bash").arg(script("storage.sh")).args([beside("images"), base()]));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// What is kept beside what is compiled.
fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join(path)
}

/// Builds those images that stand in for others, and ours where it is compiled; they stay in the directory.
fn build(directory: &Path, full: bool) {
    gather(directory, full);
    run(Command::new("timeout")
        .args(["--kill-after=5", if full { FULL_BUILD } else { ORDINARY }, "unshare"])
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc"])
        .arg("bash")
        .arg(script("build.sh"))
        .arg(directory)
        .arg(base())
        .args(["--build-arg", "REVISION=0123456", "--build-arg", "BRANCH=tested"]));
}

/// Runs a script on a machine of its own, whose root is `below`, and gives what it said; everything else with it, for when
/// it failed.
fn machine(directory: &Path, name: &str, below: &Path) -> (String, String) {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    for file in ["user.sh", "machine.sh", "receiver.sh"] {
        std::fs::copy(script(file), directory.join(file)).unwrap();
    }
    let output = Command::new("timeout")
        .args(["--kill-after=5", ORDINARY, "unshare"])
        .args(["--mount", "--pid", "--fork", "--kill-child", "--cgroup"])
        .args(["--uts", "--ipc", "--net", "bash"])
        .arg(repository("tests/it/package/boot.sh"))
        .arg(directory)
        .arg(script(name))
        .arg(below)
        .output()
        .unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    (read("report"), format!("{}\n{}", read("errors"), String::from_utf8_lossy(&output.stderr)))
}

/// The health check as the compose file has it, for podman's own flag; compose takes two dollars for one.
fn health_check() -> String {
    let file = std::fs::read_to_string(repository("deploy/compose/compose.yaml")).unwrap();
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&file).unwrap();
    let test = compose["services"]["exporter"]["healthcheck"]["test"].as_sequence().unwrap();
    assert_eq!(test[0], "CMD");
    serde_json::to_string(&test[1..]).unwrap().replace("$$", "$")
}

/// A program of the tools that `tests/run` installs beside what is compiled.
fn tools() -> PathBuf {
    let tools = beside("tools");
    let program = tools.join("bin/podman-compose");
    assert!(program.exists(), "{} is missing; tests/run installs it", program.display());
    tools
}

/// podman-compose, where somebody without rights can read it.
fn take_compose(directory: &Path) {
    let python = directory.join("python");
    std::fs::create_dir(&python).unwrap();
    let modules = "cp -r \"$0\"/lib/python3*/site-packages/{podman_compose.py,dotenv,yaml} \"$1\"";
    run(Command::new("bash").args(["-c", modules]).arg(tools()).arg(python));
}

/// The commands in the comment at the head of the compose file: what comes before `up`, and what after it.
fn write_commands(directory: &Path) {
    let file = std::fs::read_to_string(repository("deploy/compose/compose.yaml")).unwrap();
    let head = file.lines().take_while(|line| line.starts_with('#'));
    let lines: Vec<&str> = head.filter_map(|line| line.strip_prefix("#   ")).collect();
    let (after, before): (Vec<&str>, Vec<&str>) =
        lines.into_iter().partition(|line| line.starts_with("podman-compose "));
    // The other way to the image.
    let before: Vec<&str> =
        before.into_iter().filter(|line| !line.starts_with("podman build ")).collect();
    let receiver =
        before.join("\n").replace("https://receiver.example.com", "http://192.0.2.2:9095");
    std::fs::write(directory.join("before"), receiver).unwrap();
    std::fs::write(directory.join("after"), after.join("\n")).unwrap();
}

/// What the program in the image that is compiled says of itself, or else that of a release.
fn version(full: bool) -> String {
    let output = run(Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter")).arg("--version"));
    let built = String::from_utf8(output.stdout).unwrap();
    let Some((_, compiler)) = built.split_once('\n') else { panic!("{built}") };
    let number = env!("CARGO_PKG_VERSION");
    let of = format!("lightning-sync-exporter {number} (branch: tested, revision: 0123456)\n");
    if full { of + compiler } else { built }
}

#[test]
fn hadolint_finds_nothing() {
    let output = Command::new(tools().join("bin/hadolint"))
        .arg(repository("deploy/container/Containerfile"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// What lasted how long, left out: the rest is always the same.
fn without_figures(report: &str) -> String {
    let lines = report.lines().map(|line| line.split(" after ").next().unwrap_or_default());
    lines.map(|line| format!("{line}\n")).collect()
}

/// Installs the chart of the release, as podman does where no cluster is to be had; in full, to a page.
fn play_the_chart(directory: &Path, bare: &Path, full: bool) {
    let chart = format!("lightning-sync-exporter-chart-{}.tgz", env!("CARGO_PKG_VERSION"));
    run(Command::new(tools().join("bin/python"))
        .arg(script("kube.py"))
        .arg(directory.join("release").join(chart))
        .arg(directory));
    let rules =
        run(Command::new("promtool").args(["check", "rules"]).arg(directory.join("rules.yaml")));
    assert!(String::from_utf8_lossy(&rules.stdout).contains("SUCCESS"));
    if full {
        std::fs::write(directory.join("whole"), "").unwrap();
    }
    let (report, errors) = machine(directory, "chart.sh", bare);
    println!("{report}");
    let followed = "chart: first graph\n\
                    chart: first notification\n\
                    chart: heartbeat and page\n\
                    chart: no rule fails\n";
    assert_eq!(
        without_figures(&report),
        format!(
            "chart: packages of Debian\n\
             chart: ready\n\
             chart: its user, its rights, its volumes, nothing else to write to\n\
             {}\
             chart: its probes pass while it answers, and fail while it hangs\n\
             chart: killed, and another pod on the same claim: every record is there, and known\n",
            if full { followed } else { "" }
        ),
        "{errors}"
    );
}

#[test]
fn the_image_of_a_release_lives_and_on_a_bare_debian_its_stack_and_its_chart_do_too() {
    let full = std::env::var("LIGHTNING_SYNC_TEST_IMAGE").is_ok_and(|size| size == "full");
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let begun = Instant::now();
    release(&directory.join("release"));
    build(directory, full);
    println!("image: built in {:.0} s", begun.elapsed().as_secs_f64());

    std::fs::write(directory.join("health.json"), health_check()).unwrap();
    std::fs::write(directory.join("version"), version(full)).unwrap();
    let of = run(Command::new("git").current_dir(repository("")).args(["rev-parse", "HEAD"]));
    let of = if full { b"0123456".to_vec() } else { of.stdout };
    std::fs::write(directory.join("revision"), of).unwrap();
    let begun = Instant::now();
    let (report, errors) = machine(directory, "life.sh", Path::new("/"));
    println!("image: lived for {:.0} s", begun.elapsed().as_secs_f64());
    assert_eq!(
        report,
        "image: nobody's but 65532's, and it tells what it was built from\n\
         without a configuration: ends once, and says so\n\
         run: by a user without rights, the root read-only, no temporary files\n\
         within: 65532, without capabilities, writes to its volume and nowhere else\n\
         health: healthy while it answers, unhealthy while it hangs\n\
         SIGHUP: read again\n\
         SIGTERM: ended in time, with success\n\
         another container, the same volume: every record is there, and known\n\
         a directory of the host that is another's: ends, and names it\n",
        "{errors}"
    );

    take_compose(directory);
    write_commands(directory);
    // With what the test itself needs there: another machine, and a receiver on it.
    let packages = ["podman", "curl", "openssl", "iproute2", "python3"];
    std::fs::write(directory.join("packages"), packages.join(" ")).unwrap();
    let bare = bare(&packages);
    let (report, errors) = machine(directory, "compose.sh", &bare);
    println!("{report}");
    assert_eq!(
        without_figures(&report),
        "compose: packages of Debian\n\
         compose: without Grafana, of which no image can be had here\n\
         compose: up\n\
         compose: first graph\n\
         compose: first notification\n\
         compose: heartbeat and page\n\
         compose: healthy, read-only, no rule fails, nothing listens but on loopback\n\
         compose: backup, erase and reload as the documents have them\n\
         compose: down, nothing left\n",
        "{errors}"
    );

    play_the_chart(directory, &bare, full);
}
