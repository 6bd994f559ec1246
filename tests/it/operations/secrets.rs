//! Twenty secrets, planted where operators and clients put them, and searched for wherever the daemon speaks.

use super::run;
use crate::support::http::request;
use crate::support::process::{Daemon, Process, wait_until};
use lightning_sync_exporter::config::{Environment, from_file, web_file};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The planted secret of a number; nothing else looks like it.
fn secret(number: usize) -> String {
    format!(
        "pl4nted{number:02}s3cret{:08x}",
        number.wrapping_mul(0x9E37_79B1)
    )
}

/// Everything that was said, by where.
struct Heard(Vec<(String, String)>);

impl Heard {
    fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn ask(
        &mut self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> u16 {
        let answer = request(address, method, path, headers, b"{}").unwrap();
        let headers = format!("{:?}", answer.headers);
        self.note(format!("{method} {path}"), headers + &answer.text());
        answer.status
    }
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    let pair = format!("{user}:{password}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

/// Seven organisations with a token each (secrets 0 to 6) and two users (7 and 8, and their hashes).
fn planted(directory: &Path) -> (PathBuf, PathBuf, Vec<String>) {
    let mut config = format!(
        "store: {{ path: {} }}\norgs:\n",
        directory.join("store.db").display()
    );
    for number in 0..7 {
        let token = directory.join(format!("{number}.token"));
        private(&token, &secret(number));
        config += &format!(
            "  - {{ name: org{number}, ingest: {{ token_file: {} }} }}\n",
            token.display()
        );
    }
    let file = directory.join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let hashes: Vec<String> = [7, 8]
        .map(|number| {
            bcrypt::hash_with_salt(secret(number), 4, [number as u8; 16])
                .unwrap()
                .to_string()
        })
        .to_vec();
    let web = directory.join("web.yaml");
    private(
        &web,
        &format!(
            "basic_auth_users: {{ ann: '{}', bob: '{}' }}\n",
            hashes[0], hashes[1]
        ),
    );
    (file, web, hashes)
}

#[test]
fn twenty_planted_secrets_are_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let (config, web, hashes) = planted(directory.path());
    let mut heard = Heard(Vec::new());
    let flags = [
        "--web.config.file",
        web.to_str().unwrap(),
        "--log.level",
        "debug",
    ];
    let daemon = Daemon::start_with(&config, "127.0.0.1:0", &flags);
    let address = daemon.address;

    // Debug output of what holds them.
    heard.note(
        "Debug of the configuration",
        format!("{:#?}", from_file(&config, &Environment::default())),
    );
    heard.note("Debug of the web's file", format!("{:#?}", web_file(&web)));

    // Right and wrong, in every place where a client may put one.
    let (ann, bob) = (basic("ann", &secret(7)), basic("bob", &secret(8)));
    let push = "/api/v1/orgs/org1/activity";
    let bearer = |number| format!("Bearer {}", secret(number));
    assert_eq!(
        heard.ask(
            address,
            "POST",
            push,
            &[
                ("Authorization", &bearer(1)),
                ("Content-Type", "application/json")
            ]
        ),
        422
    );
    for (method, path, header, value) in [
        ("POST", push.to_owned(), "Authorization", bearer(9)),
        (
            "POST",
            format!("{push}?token={}", secret(10)),
            "Authorization",
            bearer(1),
        ),
        (
            "GET",
            "/metrics".to_owned(),
            "Authorization",
            basic("ann", &secret(11)),
        ),
        (
            "GET",
            "/metrics".to_owned(),
            "Authorization",
            basic(&secret(12), "x"),
        ),
        ("GET", "/metrics".to_owned(), "Authorization", bearer(0)),
        ("POST", push.to_owned(), "Authorization", ann.clone()),
        (
            "GET",
            "/".to_owned(),
            "Cookie",
            format!("session={}", secret(13)),
        ),
        ("GET", "/".to_owned(), "X-Api-Key", secret(14)),
        (
            "GET",
            format!("/api/v1/orgs?access_token={}", secret(15)),
            "Authorization",
            ann.clone(),
        ),
    ] {
        let status = heard.ask(address, method, &path, &[(header, &value)]);
        assert!((400..500).contains(&status), "{method} {path}: {status}");
    }
    // A rotation: the old token, a file with a mistake in it, and the new token.
    let token = directory.path().join("0.token");
    private(&token, &format!("{}\n{}\n", secret(16), secret(17)));
    assert_eq!(
        heard.ask(address, "POST", "/-/reload", &[("Authorization", &ann)]),
        500
    );
    let output = run(&["config", "check", "--config.file", config.to_str().unwrap()]);
    heard.note("config check", format!("{output:?}"));
    private(&token, &secret(18));
    assert_eq!(
        heard.ask(address, "POST", "/-/reload", &[("Authorization", &bob)]),
        200
    );
    // A password where a hash belongs.
    private(
        &web,
        &format!("basic_auth_users: {{ ann: {} }}\n", secret(19)),
    );
    wait_until("the mistake is told", Duration::from_secs(10), || {
        heard.ask(address, "GET", "/metrics", &[("Authorization", &ann)]);
        daemon
            .process
            .log()
            .contains("no bcrypt hash")
            .then_some(())
    });
    let output = run(&[
        "--config.check",
        "--config.file",
        config.to_str().unwrap(),
        "--web.config.file",
        web.to_str().unwrap(),
    ]);
    heard.note("--config.check", format!("{output:?}"));

    for path in [
        "/",
        "/metrics",
        "/api/v1/orgs",
        "/api/v1/orgs/org1",
        "/api/v1/orgs/org1/users",
        "/api/v1/findings",
        "/api/v1/openapi.json",
        "/-/ready",
    ] {
        assert_eq!(
            heard.ask(address, "GET", path, &[("Authorization", &ann)]),
            200,
            "{path}"
        );
    }
    heard.note(
        "command line and environment",
        proc_texts(daemon.process.pid()),
    );
    heard.note("log", daemon.process.log());

    let coded = [&ann, &bob].map(|header| header.trim_start_matches("Basic ").to_owned());
    let digests = hashes.iter().map(|hash| hash[hash.len() - 31..].to_owned());
    let planted: Vec<String> = (0..20).map(secret).chain(coded).chain(digests).collect();
    let places = heard.0.len();
    let bytes: usize = heard.0.iter().map(|(_, text)| text.len()).sum();
    let mut found = Vec::new();
    for (place, text) in &heard.0 {
        for planted in &planted {
            // A path is where somebody put a secret themselves; what counts is what was said to it.
            if text.contains(planted.as_str()) {
                found.push(format!("{place}: {planted}"));
            }
        }
    }
    println!(
        "{} secrets in {places} places, {bytes} bytes: {} found",
        planted.len(),
        found.len()
    );
    assert_eq!(found, Vec::<String>::new());
}

fn proc_texts(pid: u32) -> String {
    ["cmdline", "environ"]
        .map(|file| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat()
}

#[test]
fn a_crash_leaves_no_core_for_tokens_to_be_read_from() {
    let directory = tempfile::tempdir().unwrap();
    let (config, _, _) = planted(directory.path());
    // As many bytes of core as one likes, in a directory of its own.
    let crash = |program: &str| {
        let script = format!(
            "ulimit -c unlimited; cd {} && exec {program}",
            directory.path().display()
        );
        Command::new("sh").args(["-c", &script]).status().unwrap()
    };
    let control = crash("sh -c 'kill -ABRT $$'");
    assert_eq!(control.signal(), Some(6));
    println!(
        "a program that allows it leaves a core here: {}",
        control.core_dumped()
    );
    let daemon = format!(
        "{} --config.file {} --web.listen-address 127.0.0.1:0",
        env!("CARGO_BIN_EXE_lightning-sync-exporter"),
        config.display()
    );
    let crashed = Process::start(Command::new("sh").args([
        "-c",
        &format!(
            "ulimit -c unlimited; cd {}; exec {daemon}",
            directory.path().display()
        ),
    ]));
    crashed.wait_for_line(|line| line.contains("Listening").then_some(()));
    let killed = Command::new("kill")
        .args(["-ABRT", &crashed.pid().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let mut crashed = crashed;
    let status = crashed.wait_for_status();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}
