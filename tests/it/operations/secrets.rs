//! Twenty secrets and a key, planted where operators and clients put them, and searched for wherever the daemon speaks.

use super::run;
use crate::support::http::request;
use crate::support::process::{Daemon, Process, wait_until};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::config::{Environment, from_file, web_file};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The planted secret of a number; nothing else looks like it.
fn secret(number: usize) -> String {
    format!("pl4nted{number:02}s3cret{:08x}", number.wrapping_mul(0x9E37_79B1))
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
        self.send(address, method, path, headers, b"{}")
    }

    fn send(
        &mut self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> u16 {
        let answer = request(address, method, path, headers, body).unwrap();
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
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// Seven organisations with a token each (secrets 0 to 6) and two users (7 and 8, and their hashes).
fn planted(directory: &Path) -> (PathBuf, PathBuf, Vec<String>) {
    let mut config = format!(
        "store: {{ path: {} }}\nuser_names: plain\norgs:\n",
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
            bcrypt::hash_with_salt(secret(number), 4, [number as u8; 16]).unwrap().to_string()
        })
        .to_vec();
    let web = directory.join("web.yaml");
    private(&web, &format!("basic_auth_users: {{ ann: '{}', bob: '{}' }}\n", hashes[0], hashes[1]));
    (file, web, hashes)
}

/// What a browser sends from the paste box; the token in it opens the organisation.
fn paste(token: usize, what: (&str, &str), step: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            what,
            ("captured_at", "2026-11-22T13:55"),
            ("token", &secret(token)),
            ("do", step),
        ])
        .finish()
}

#[test]
fn twenty_planted_secrets_are_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let (config, web, hashes) = planted(directory.path());
    let mut heard = Heard(Vec::new());
    let flags = ["--web.config.file", web.to_str().unwrap(), "--log.level", "debug"];
    // One that another program's unit left in the environment.
    let around = [(AROUND, secret(2))];
    let around = around.each_ref().map(|(name, secret)| (*name, secret.as_str()));
    let daemon = Daemon::start_among(&config, "127.0.0.1:0", &flags, &around);
    let address = daemon.address;
    // One that somebody put there for us, where we read none.
    let output = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .args(["config", "check", "--config.file"])
        .arg(&config)
        .env("LIGHTNING_SYNC__ORGS__0__INGEST__TOKEN", secret(3))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    heard.note("config check", format!("{output:?}"));

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
            &[("Authorization", &bearer(1)), ("Content-Type", "application/json")]
        ),
        422
    );
    for (method, path, header, value) in [
        ("POST", push.to_owned(), "Authorization", bearer(9)),
        ("POST", format!("{push}?token={}", secret(10)), "Authorization", bearer(1)),
        ("GET", "/metrics".to_owned(), "Authorization", basic("ann", &secret(11))),
        ("GET", "/metrics".to_owned(), "Authorization", basic(&secret(12), "x")),
        ("GET", "/metrics".to_owned(), "Authorization", bearer(0)),
        ("POST", push.to_owned(), "Authorization", ann.clone()),
        ("GET", "/".to_owned(), "Cookie", format!("session={}", secret(13))),
        ("GET", "/".to_owned(), "X-Api-Key", secret(14)),
        ("GET", format!("/api/v1/orgs?access_token={}", secret(15)), "Authorization", ann.clone()),
    ] {
        let status = heard.ask(address, method, &path, &[(header, &value)]);
        assert!((400..500).contains(&status), "{method} {path}: {status}");
    }
    // A rotation: the old token, a file with a mistake in it, and the new token.
    let token = directory.path().join("0.token");
    private(&token, &format!("{}\n{}\n", secret(16), secret(17)));
    assert_eq!(heard.ask(address, "POST", "/-/reload", &[("Authorization", &ann)]), 500);
    let output = run(&["config", "check", "--config.file", config.to_str().unwrap()]);
    heard.note("config check", format!("{output:?}"));
    private(&token, &secret(18));
    assert_eq!(heard.ask(address, "POST", "/-/reload", &[("Authorization", &bob)]), 200);
    // A password where a hash belongs.
    private(&web, &format!("basic_auth_users: {{ ann: {} }}\n", secret(19)));
    wait_until("the mistake is told", Duration::from_secs(10), || {
        heard.ask(address, "GET", "/metrics", &[("Authorization", &ann)]);
        daemon.process.log().contains("no bcrypt hash").then_some(())
    });
    let output = run(&[
        "--config.check",
        "--config.file",
        config.to_str().unwrap(),
        "--web.config.file",
        web.to_str().unwrap(),
    ]);
    heard.note("--config.check", format!("{output:?}"));

    let at = now().datetime().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let snapshot = format!(
        "{{\"captured_at\":\"{at}\",\"users\":[{{\"user\":\"ann@corp.example\",\"active_configuration\":true}}]}}"
    );
    let headers = [("Authorization", bearer(1)), ("Content-Type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let pushed =
        heard.send(address, "POST", "/api/v1/orgs/org1/snapshot", &headers, snapshot.as_bytes());
    assert_eq!(pushed, 200);
    let form =
        [("Authorization", ann.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    for (token, what, step, status) in [
        (1, ("content", "nothing of the page"), "show", 422),
        (1, ("snapshot", snapshot.as_str()), "store", 200),
        (4, ("content", "nothing of the page"), "show", 401),
    ] {
        let body = paste(token, what, step);
        let said = heard.send(address, "POST", "/orgs/org1/paste", &form, body.as_bytes());
        assert_eq!(said, status, "{token} {step}");
    }
    for path in [
        "/",
        "/orgs/org1",
        "/orgs/org1/users",
        "/orgs/org1/users/ann@corp.example",
        "/orgs/org1/paste",
        "/orgs/org1/paste/lightning-sync.user.js",
        "/runbooks/LightningSyncNoSyncIn24Hours",
        "/metrics",
        "/api/v1/orgs",
        "/api/v1/orgs/org1",
        "/api/v1/orgs/org1/users",
        "/api/v1/findings",
        "/api/v1/openapi.json",
        "/-/ready",
    ] {
        assert_eq!(heard.ask(address, "GET", path, &[("Authorization", &ann)]), 200, "{path}");
    }
    heard.note("command line and environment", proc_texts(daemon.process.pid()));
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
    println!("{} secrets in {places} places, {bytes} bytes: {} found", planted.len(), found.len());
    assert_eq!(found, Vec::<String>::new());
}

/// The variable that was planted in the environment.
const AROUND: &str = "ANOTHERS_TOKEN";

fn proc_texts(pid: u32) -> String {
    let read = |file| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let [line, environment] =
        ["cmdline", "environ"].map(|file| String::from_utf8_lossy(&read(file)).into_owned());
    let ours: Vec<&str> =
        environment.split('\0').filter(|variable| !variable.starts_with(AROUND)).collect();
    line + &ours.join("\n")
}

#[test]
fn a_key_of_a_certificate_is_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (config, _, _) = planted(directory.path());
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = signed.signing_key.serialize_pem();
    std::fs::write(at("web.crt"), signed.cert.pem()).unwrap();
    private(&at("web.key"), &key);
    let web = at("tls.yaml");
    private(&web, "tls_server_config: { cert_file: web.crt, key_file: web.key }\n");
    let mut heard = Heard(Vec::new());
    heard.note("Debug of the web's file", format!("{:#?}", web_file(&web)));
    let flags = ["--web.config.file", web.to_str().unwrap(), "--log.level", "debug"];
    let daemon = Daemon::start_with(&config, "127.0.0.1:0", &flags);
    let ask = |path: &str| {
        let url = format!("https://{}{path}", daemon.address);
        let output = Command::new("curl").args(["-ksv", &url]).output().unwrap();
        assert!(output.status.success(), "{path}: {output:?}");
        format!("{output:?}")
    };
    for path in ["/", "/metrics", "/-/ready", "/orgs/org1", "/api/v1/orgs"] {
        heard.note(path, ask(path));
    }
    // A key where the certificate belongs, and one that is cut short.
    let check = [
        "--config.check",
        "--config.file",
        config.to_str().unwrap(),
        "--web.config.file",
        web.to_str().unwrap(),
    ];
    for (file, text) in [("web.crt", key.clone()), ("web.key", key.replace("-----END", "----END"))]
    {
        let before = std::fs::read_to_string(at(file)).unwrap();
        private(&at(file), &text);
        wait_until("the mistake is told", Duration::from_secs(10), || {
            heard.note("while it cannot be used", ask("/metrics"));
            let told = daemon.process.log().matches("The earlier settings stay in force").count();
            (told > usize::from(file == "web.key")).then_some(())
        });
        let output = run(&check);
        assert_eq!(output.status.code(), Some(2));
        heard.note("--config.check", format!("{output:?}"));
        private(&at(file), &before);
        wait_until("it is read again", Duration::from_secs(10), || {
            ask("/metrics");
            let again = daemon.process.log().matches("was read again").count();
            (again > usize::from(file == "web.key")).then_some(())
        });
    }
    heard.note("log", daemon.process.log());
    let lines: Vec<&str> =
        key.lines().filter(|line| line.len() > 20 && !line.starts_with('-')).collect();
    assert!(!lines.is_empty());
    for (place, text) in &heard.0 {
        for line in &lines {
            assert!(!text.contains(line), "{place}");
        }
    }
}

#[test]
fn a_crash_leaves_no_core_for_tokens_to_be_read_from() {
    let directory = tempfile::tempdir().unwrap();
    let (config, _, _) = planted(directory.path());
    // As many bytes of core as one likes, in a directory of its own.
    let crash = |program: &str| {
        let script =
            format!("ulimit -c unlimited; cd {} && exec {program}", directory.path().display());
        Command::new("sh").args(["-c", &script]).status().unwrap()
    };
    let control = crash("sh -c 'kill -ABRT $$'");
    // Where nobody leaves a core, that the daemon leaves none says nothing.
    assert_eq!(
        (control.signal(), control.core_dumped()),
        (Some(6), true),
        "no program leaves a core on this machine: see /proc/sys/kernel/core_pattern and the hard limit (ulimit -Hc)"
    );
    let daemon = format!(
        "{} --config.file {} --web.listen-address 127.0.0.1:0",
        env!("CARGO_BIN_EXE_lightning-sync-exporter"),
        config.display()
    );
    let crashed = Process::start(Command::new("sh").args([
        "-c",
        &format!("ulimit -c unlimited; cd {}; exec {daemon}", directory.path().display()),
    ]));
    crashed.wait_for_line(|line| line.contains("Listening").then_some(()));
    let killed = Command::new("kill").args(["-ABRT", &crashed.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut crashed = crashed;
    let status = crashed.wait_for_status();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}
