//! Commands as they are typed: what they print, and how they exit.

use crate::support::stack::repository;
use lightning_sync_exporter::cli::{self, Streams};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Exit code, standard output, standard error of a command with these answers on standard input.
pub(crate) fn typed(arguments: &[&str], answers: &str) -> (u8, String, String) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut streams =
        Streams { input: &mut answers.as_bytes(), output: &mut output, errors: &mut errors };
    let arguments = ["lightning-sync-exporter"].iter().chain(arguments).map(OsString::from);
    let exit = match cli::parse(arguments, &mut streams) {
        Ok(parsed) => cli::run(&parsed, &mut streams),
        Err(exit) => exit,
    };
    (exit.code(), String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap())
}

#[test]
fn config_init_writes_what_config_check_takes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let file = file.to_str().unwrap();
    let (code, _, errors) =
        typed(&["config", "init", "--config.file", file], "acme\nEurope/Berlin\ny\n\n\n");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(
        typed(&["config", "check", "--config.file", file], ""),
        (0, format!("{file} is valid: 1 organisation\n"), String::new())
    );
    assert_eq!(typed(&["--config.file", file, "--config.check"], "").0, 0);
    let (code, output, errors) =
        typed(&["config", "init", "--config.file", file], "acme\n\ny\n\n\n");
    assert_eq!((code, output.as_str()), (2, ""));
    assert_eq!(
        errors,
        format!(
            "lightning-sync-exporter: {file} is there already; move it away, or name another file with --config.file\n"
        )
    );
}

#[test]
fn config_check_lists_every_mistake_and_exits_2() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, "orgs:\n  - name: 007\n    stale_after: 1 day\n").unwrap();
    let file = file.to_str().unwrap();
    let expected = format!(
        "lightning-sync-exporter: {file} has 2 mistakes:
  line 2: orgs[0].name: found the number 007, not text; allowed: 1 to 63 of the characters a-z, 0-9 and -; quotes make it text: \"007\"
  line 3: orgs[0].stale_after: found \"1 day\"; allowed: a duration such as 90s, 15m, 24h, 7d or 1h30m\n"
    );
    for arguments in [
        &["config", "check", "--config.file", file][..],
        &["--config.file", file, "--config.check"],
    ] {
        assert_eq!(typed(arguments, ""), (2, String::new(), expected.clone()));
    }
}

#[test]
fn config_example_is_a_configuration_and_config_schema_is_json() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let (code, example, _) = typed(&["config", "example"], "");
    assert_eq!(code, 0);
    std::fs::write(&file, example).unwrap();
    assert_eq!(typed(&["config", "check", "--config.file", file.to_str().unwrap()], "").0, 0);
    let (code, schema, _) = typed(&["config", "schema"], "");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(
        (code, &schema["$schema"]),
        (0, &"https://json-schema.org/draft/2020-12/schema".into())
    );
}

#[test]
fn explain_prints_the_runbook_of_an_alert() {
    let (code, printed, errors) = typed(&["explain", "lightningsyncnosyncin24hours"], "");
    let runbook = repository("docs/runbooks/LightningSyncNoSyncIn24Hours.md");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(printed, std::fs::read_to_string(runbook).unwrap());
}

#[test]
fn explain_speaks_of_a_row_a_state_or_lists_the_rows() {
    let (code, list, _) = typed(&["explain"], "");
    assert_eq!((code, list.lines().count()), (0, 25));
    let (code, row, _) = typed(&["explain", "user.reset"], "");
    assert_eq!(
        (code, row.contains("marked_for_reset: "), row.contains("reset_in_progress: ")),
        (0, true, true)
    );
    let (code, state, _) = typed(&["explain", "user.reset=Marked for reset"], "");
    assert_eq!(
        (code, state.contains("marked_for_reset: "), state.contains("reset_in_progress: ")),
        (0, true, false)
    );
    assert_eq!(
        typed(&["explain", "last_snyc"], ""),
        (
            2,
            String::new(),
            "lightning-sync-exporter: no row is called `last_snyc`; `explain` without a name lists all 25\n".to_owned()
        )
    );
}

/// A daemon that gives one answer to one connection, and what it was asked.
fn daemon(answer: String) -> (String, std::thread::JoinHandle<String>) {
    answering(vec![answer])
}

/// A daemon that gives answers, one after the other, to one connection, and the requests.
fn answering(answers: Vec<String>) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut requests = Vec::new();
        for answer in answers {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            requests.extend(request);
        }
        String::from_utf8(requests).unwrap()
    });
    (url, asked)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn check_asks_the_daemon_once_and_prints_one_line() {
    let body = r#"{"view":{"now":"2026-11-23T12:00:00Z","as_of":"2026-11-23T12:00:00Z","fresh":true},"org":"acme","verdict":"fine",
        "rows":[{"row":"contacts.last_sync","applies":true,"state":"live","value":"2026-11-23T11:56:00Z"}],"findings":[],
        "last_sync_deadlines":[{"object_type":"contacts","at":"2026-11-24T11:56:00Z"}]}"#;
    let (url, asked) = daemon(answer("200 OK", body));
    assert_eq!(
        typed(&["check", "--org", "acme", "--url", &url], ""),
        (
            0,
            "OK acme: everything that should sync does. | contacts_last_sync_age=240s;;86400;0;\n"
                .to_owned(),
            String::new()
        )
    );
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("GET /api/v1/orgs/acme HTTP/1.1\r\n"), "{asked}");
}

#[test]
fn check_without_an_organisation_judges_all() {
    let org = |name: &str, verdict: &str| {
        format!(
            r#"{{"view":{{"now":"2026-11-23T12:00:00Z","as_of":"2026-11-23T12:00:00Z","fresh":true}},"org":"{name}","verdict":"{verdict}","rows":[],"findings":[]}}"#
        )
    };
    let (url, asked) = answering(vec![
        answer("200 OK", r#"{"view":{},"orgs":[{"org":"acme"},{"org":"beta"}]}"#),
        answer("200 OK", &org("acme", "fine")),
        answer("200 OK", &org("beta", "unknown")),
    ]);
    assert_eq!(
        typed(&["check", "--url", &url], ""),
        (
            3,
            "UNKNOWN all organisations: 0 critical, 0 warning, 1 unknown, 1 ok. | critical=0;;0;0;2 warning=0;0;;0;2 unknown=1;;;0;2 ok=1;;;0;2\n\
             UNKNOWN beta: nobody who is live has reported when something last synced.\n"
                .to_owned(),
            String::new()
        )
    );
    let asked = asked.join().unwrap();
    let paths: Vec<_> = asked.lines().filter_map(|line| line.strip_prefix("GET ")).collect();
    assert_eq!(
        paths,
        ["/api/v1/orgs HTTP/1.1", "/api/v1/orgs/acme HTTP/1.1", "/api/v1/orgs/beta HTTP/1.1"]
    );
}

#[test]
fn check_without_a_judgement_is_unknown() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    assert_eq!(
        typed(&["check", "--org", "acme", "--url", &format!("http://{closed}")], ""),
        (
            3,
            format!("UNKNOWN acme: http://{closed} cannot be reached: connection refused\n"),
            String::new()
        )
    );
    for (said, line) in [
        (
            answer("404 Not Found", "{}"),
            "the daemon does not know this organisation; `orgs` of its configuration names those it knows",
        ),
        (answer("503 Service Unavailable", "{}"), "the daemon answered 503; its log says why"),
        (answer("302 Found", ""), "URL redirects elsewhere, which was not followed"),
        (
            answer("401 Unauthorized", "{}"),
            "the daemon asks for a name and a password; give --user and --password-file",
        ),
        (
            format!("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n{}", " ".repeat(5_000_000)),
            "URL sent an answer of more bytes than are taken",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{".to_owned(),
            "the connection to URL broke before the answer was complete",
        ),
    ] {
        let (url, asked) = daemon(said);
        let (code, output, errors) = typed(&["check", "--org", "acme", "--url", &url], "");
        assert_eq!(
            (code, output, errors),
            (3, format!("UNKNOWN acme: {}\n", line.replace("URL", &url)), String::new())
        );
        // The writing end may meet a closed connection; what counts is what was printed.
        drop(asked);
    }
    let (code, output, _) =
        typed(&["check", "--org", "acme", "--url", "http://192.0.2.1:9877"], "");
    assert_eq!(
        (code, output.as_str()),
        (
            3,
            "UNKNOWN acme: http://192.0.2.1:9877: plain http is taken to loopback only; allowed: https\n"
        )
    );
}

#[test]
fn a_url_with_a_password_in_it_is_refused_and_not_repeated() {
    for bad in
        ["http://ann:hunter2hunter2@127.0.0.1:9877", "https://ann:hunter2hunter2@sync.example"]
    {
        let (code, output, _) = typed(&["check", "--org", "acme", "--url", bad], "");
        assert_eq!(
            (code, output.as_str()),
            (
                3,
                "UNKNOWN acme: a URL holds no name and password; give --user and --password-file\n"
            )
        );
    }
    for bad in ["127.0.0.1:9877", "http://127.0.0.1/?a=b", "/api"] {
        let (code, output, _) = typed(&["check", "--org", "acme", "--url", bad], "");
        assert_eq!(code, 3);
        assert!(output.contains(": allowed: a URL such as https://HOST"), "{output}");
    }
}

#[test]
fn rules_link_to_where_people_reach_the_pages() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let write = |web: &str| {
        std::fs::write(&file, format!("{web}orgs: [{{ name: acme }}]\n")).unwrap();
    };
    let file = file.to_str().unwrap();
    write("web: { external_url: https://tools.example/sync/ }\n");
    let (code, printed, errors) = typed(&["rules", "--config.file", file], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    let flag = ["rules", "--external-url", "https://tools.example/sync"];
    assert_eq!(typed(&flag, "").1, printed);
    assert!(!printed.contains("127.0.0.1"), "{printed}");
    let (runbook, page) = (
        "runbook_url: \"https://tools.example/sync/runbooks/",
        "page_url: \"https://tools.example/sync/orgs/{{ $labels.org }}\" }",
    );
    let alerts = printed.matches("- alert: ").count();
    assert!(alerts > 25);
    assert_eq!(printed.matches(runbook).count(), alerts);
    let overview = "page_url: \"https://tools.example/sync/\" }";
    let either = "page_url: \"{{ with $labels.org }}https://tools.example/sync/orgs/{{ . }}{{ else }}https://tools.example/sync/{{ end }}\" }";
    let pages = [page, overview, either].map(|text| printed.matches(text).count());
    assert_eq!((pages.iter().sum::<usize>(), pages[2]), (alerts, 2));
    assert!(printed.contains(
        "and paste it on the organisation's page (https://tools.example/sync/orgs/{{ $labels.org }}/paste)."
    ));

    write("");
    assert_eq!(
        typed(&["rules", "--config.file", file], ""),
        (
            2,
            String::new(),
            "lightning-sync-exporter: the configuration has no web.external_url; set it, or give --external-url\n"
                .to_owned()
        )
    );
    let (code, printed, _) = typed(&["rules"], "");
    assert_eq!(code, 0);
    assert!(
        printed.contains("runbook_url: \"http://127.0.0.1:9877/runbooks/LightningSyncDelayed\"")
    );
}

#[test]
fn demo_lists_its_scenarios_and_knows_no_other() {
    let (code, listed, errors) = typed(&["demo", "--list"], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    let mut names: Vec<&str> = listed.lines().map(|it| it.split(' ').next().unwrap()).collect();
    for expected in ["password_expired", "exchange_certificate_expired", "sync_one_direction"] {
        assert!(listed.contains(expected), "{expected}\n{listed}");
    }
    assert!(listed.lines().all(|line| line.split_once(' ').unwrap().1.trim().len() > 6));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == count && count > 40, "{listed}");
    let (code, _, errors) = typed(&["demo", "--scenario", "nothing_of_the_kind"], "");
    assert_eq!(code, 1);
    assert!(errors.contains("there is no scenario `nothing_of_the_kind`"), "{errors}");
}
