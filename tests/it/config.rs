//! The configuration: every kind of mistake with the whole text that an operator reads.
//! `UPDATE_GENERATED=1` writes the expected texts anew; review the difference.

use lightning_sync_exporter::config::{self, Environment};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/config")
}

fn names(extension: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What an operator reads about a fixture: the configuration or its mistakes.
fn outcome(name: &str) -> String {
    let text = std::fs::read_to_string(fixtures().join(name).with_extension("yaml")).unwrap();
    let file = format!("{name}.yaml");
    match config::from_text(&file, &text, Path::new("/nowhere"), &Environment::default()) {
        Ok(valid) => format!("{valid:#?}\n"),
        Err(error) => format!("{error}\n"),
    }
}

#[test]
fn every_fixture_reads_as_its_expected_text_says() {
    let mut differing = Vec::new();
    for name in names("yaml") {
        let (path, outcome) = (fixtures().join(&name).with_extension("txt"), outcome(&name));
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, &outcome).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != outcome {
            differing.push(format!("{name}:\n{outcome}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(names("yaml"), names("txt"), "texts without a fixture");
}

#[test]
fn only_what_is_named_good_is_good() {
    for name in names("yaml") {
        assert_eq!(outcome(&name).starts_with("ValidConfig"), name.starts_with("good_"), "{name}");
    }
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<config::ValidConfig, String> {
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    config::from_text("a.yaml", text, Path::new("/nowhere"), &environment)
        .map_err(|error| error.to_string())
}

const ORG: &str = "orgs: [{ name: acme }]\n";

#[test]
fn the_environment_goes_over_the_file_for_scalars_outside_of_lists() {
    let text = format!("store: {{ path: a.db, keep_activity: 14d }}\n{ORG}");
    let valid = read(
        &text,
        &[
            ("LIGHTNING_SYNC__STORE__PATH", "b.db"),
            ("LIGHTNING_SYNC__USER_NAMES", "plain"),
            ("LIGHTNING_SYNC_SERVICE_HOST", "10.0.0.1"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(valid.store.path, Path::new("/nowhere/b.db"));
    assert_eq!(valid.store.keep_activity, chrono::TimeDelta::days(14));
    assert_eq!(valid.user_names.name(), "plain");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let refused = read(
        &format!("user_series: per-user\n{ORG}"),
        &[
            ("LIGHTNING_SYNC__STORE__KEEP_ACTIVITY", "1d"),
            ("LIGHTNING_SYNC__STORE__KEEP_HISTROY", "400d"),
            ("LIGHTNING_SYNC__ORGS__0__NAME", "other"),
            ("LIGHTNING_SYNC__STORE", "a.db"),
            ("LIGHTNING_SYNC__USER_NAMES", ""),
        ],
    );
    assert_eq!(
        refused.unwrap_err(),
        "a.yaml has 6 mistakes:
  line 1: user_series: found \"per-user\"; allowed: aggregate, per_user; did you mean per_user?
  environment LIGHTNING_SYNC__ORGS__0__NAME: no key; lists and what stands in them are set in the file
  environment LIGHTNING_SYNC__STORE: no key; lists and what stands in them are set in the file
  environment LIGHTNING_SYNC__STORE__KEEP_ACTIVITY: store.keep_activity: found \"1d\"; allowed: 3d to 400d, because a \
record may come two days late and still count, and a row for every synced record adds up
  environment LIGHTNING_SYNC__STORE__KEEP_HISTROY: did you mean LIGHTNING_SYNC__STORE__KEEP_HISTORY?
  environment LIGHTNING_SYNC__USER_NAMES: user_names: found \"\"; allowed: pseudonym, plain"
    );
}

#[test]
fn the_environment_does_not_hide_a_section_that_is_no_mapping() {
    let refused = read(&format!("store: a.db\n{ORG}"), &[("LIGHTNING_SYNC__STORE__PATH", "b.db")]);
    assert_eq!(
        refused.unwrap_err(),
        "a.yaml has 1 mistake:\n  line 1: found \"a.db\"; allowed: a mapping of keys, which the environment adds to"
    );
}

#[test]
fn a_token_is_read_trimmed_and_printed_by_nothing() {
    let directory = tempfile::tempdir().unwrap();
    write_token(directory.path(), "good", " hunter2hunter2hunter2\n", 0o600);
    write_token(directory.path(), "open", "hunter2hunter2hunter2", 0o604);
    write_token(directory.path(), "short", "hunter2", 0o600);
    write_token(
        directory.path(),
        "two_lines",
        "hunter2hunter2hunter2\nhunter2hunter2hunter2\n",
        0o600,
    );
    write_token(directory.path(), "empty", "\n", 0o600);
    write_token(directory.path(), "long", &"hunter2".repeat(1000), 0o600);
    write_token(directory.path(), "spaces", "hunter2 hunter2 hunter2", 0o640);
    let org = |(index, file): (usize, &str)| {
        format!("  - {{ name: org-{index}, ingest: {{ token_file: {file} }} }}\n")
    };
    let good = format!("orgs:\n{}", org((0, "good")));
    let valid =
        config::from_text("a.yaml", &good, directory.path(), &Environment::default()).unwrap();
    assert!(valid.orgs[0].ingest.token.as_ref().unwrap().matches(b"hunter2hunter2hunter2"));
    assert!(!format!("{valid:?}").contains("hunter2"), "{valid:?}");

    let files = ["open", "short", "two_lines", "empty", "long", "spaces", "absent", "."];
    let bad: String = files.into_iter().enumerate().map(org).collect();
    let refused = config::from_text(
        "a.yaml",
        &format!("orgs:\n{bad}"),
        directory.path(),
        &Environment::default(),
    );
    let message =
        refused.unwrap_err().to_string().replace(directory.path().to_str().unwrap(), "DIR");
    assert!(!message.contains("hunter2"), "{message}");
    insta::assert_snapshot!(message, @r#"
    a.yaml has 8 mistakes:
      line 2: orgs[0].ingest.token_file: found "open"; "DIR/open" is open to every user of this machine; run `chmod 600` on it (in Kubernetes, `defaultMode: 0440` on the secret's volume)
      line 3: orgs[1].ingest.token_file: found "short"; the token in "DIR/short" has 7 characters; at least 16 are needed, such as `openssl rand -hex 32` prints
      line 4: orgs[2].ingest.token_file: found "two_lines"; "DIR/two_lines" has to hold one line, the token, and nothing else
      line 5: orgs[3].ingest.token_file: found "empty"; "DIR/empty" has to hold one line, the token, and nothing else
      line 6: orgs[4].ingest.token_file: found "long"; "DIR/long" has to hold one line, the token, and nothing else
      line 7: orgs[5].ingest.token_file: found "spaces"; the token in "DIR/spaces" has characters that a header cannot carry; letters, digits and signs are allowed
      line 8: orgs[6].ingest.token_file: found "absent"; "DIR/absent" cannot be read: No such file or directory (os error 2); give the daemon's user read access to it
      line 9: orgs[7].ingest.token_file: found "."; "DIR/." is no file; name the file that holds the secret
    "#);
}

fn write_token(directory: &Path, name: &str, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_next_step() {
    let refused = config::from_file(Path::new("/nowhere/a.yaml"), &Environment::default());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "/nowhere/a.yaml: No such file or directory (os error 2); name the file with --config.file, or write one with `config init`"
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    std::fs::write(&path, "#".repeat(8 * 1024 * 1024 + 1)).unwrap();
    let refused = config::from_file(&path, &Environment::default()).unwrap_err().to_string();
    assert_eq!(
        refused.replace(directory.path().to_str().unwrap(), "DIR"),
        "DIR/a.yaml has more than 8388608 bytes; is it the right file?"
    );
}

#[test]
fn ten_thousand_organisations_are_read_and_one_more_is_refused() {
    let orgs = |count: usize| -> String {
        (0..count)
            .map(|n| {
                format!("  - {{ name: org-{n}, time_zone: Europe/Berlin, stale_after: 24h }}\n")
            })
            .collect()
    };
    let read_count =
        |count| read(&format!("orgs:\n{}", orgs(count)), &[]).map(|valid| valid.orgs.len());
    assert_eq!(read_count(10_000), Ok(10_000));
    assert_eq!(
        read_count(10_001),
        Err(
            "a.yaml has 1 mistake:\n  line 2: orgs: found 10001 organisations; allowed: 1 to 10000"
                .to_owned()
        )
    );
}

fn init(path: &Path, answers: &str) -> (Result<(), String>, String) {
    let mut output = Vec::new();
    let mut asked = config::Answers { input: &mut answers.as_bytes(), output: &mut output };
    let outcome = config::init(path, &mut asked).map_err(|error| error.to_string());
    (outcome, String::from_utf8(output).unwrap())
}

#[test]
fn init_asks_and_writes_a_valid_file_with_a_new_token_that_is_not_shown() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    let (outcome, output) = init(&path, "Acme\nacme\nBerlin\nEurope/Berlin\ny\nn\nacme.token\n");
    assert_eq!(outcome, Ok(()));
    insta::assert_snapshot!(output.replace(directory.path().to_str().unwrap(), "DIR"), @r#"
    Name of the organisation (a-z, 0-9 and -):
      an organisation's name has 1 to 63 of the characters a-z, 0-9 and -
    Name of the organisation (a-z, 0-9 and -):
    Its time zone [UTC]:
      allowed: a name of the IANA time zone database such as Europe/Berlin; did you mean Europe/Berlin?
    Its time zone [UTC]:
    Does it work Monday to Friday, 08:00 to 18:00? y or n [y]:
    Does a weekend without a sync have to page somebody? y or n [n]:
    Token file for senders on other machines (nothing: only this machine may push):
    Wrote a new token to DIR/acme.token.
    Wrote DIR/a.yaml. `config example` shows every other key.
    "#);
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
    orgs:
      - name: "acme"
        time_zone: Europe/Berlin
        business_hours: { days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00" }
        # A weekend without a sync pages nobody: stale_after (24h) counts working hours only, which are 2.4 such days.
        # For one working day write stale_after: 10h.
        count_hours: business
        ingest: { token_file: "acme.token" }
    "#);
    let valid = config::from_file(&path, &Environment::default()).unwrap();
    let token = std::fs::read_to_string(directory.path().join("acme.token")).unwrap();
    assert_eq!(token.trim().len(), 64);
    assert!(valid.orgs[0].ingest.token.as_ref().unwrap().matches(token.trim().as_bytes()));
    let mode = std::fs::metadata(directory.path().join("acme.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn inits_token_is_the_groups_to_read_where_the_directory_hands_its_group_on() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let setgid = std::fs::Permissions::from_mode(0o2750);
    std::fs::set_permissions(directory.path(), setgid).unwrap();
    let path = directory.path().join("a.yaml");
    assert_eq!(init(&path, "acme\n\n\n\nacme.token\n").0, Ok(()));
    let token = directory.path().join("acme.token");
    let mode = std::fs::metadata(&token).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    config::from_file(&path, &Environment::default()).unwrap();
}

#[test]
fn init_that_fails_in_the_end_leaves_no_token_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    // The configuration is to be written where its token was.
    let (outcome, _) = init(&path, "acme\n\n\n\na.yaml\n");
    assert!(outcome.is_err());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn init_leaves_an_existing_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    std::fs::write(&path, "mine").unwrap();
    let (outcome, output) = init(&path, "acme\n\nn\n\n");
    assert_eq!(
        outcome.unwrap_err().replace(directory.path().to_str().unwrap(), "DIR"),
        "DIR/a.yaml is there already; move it away, or name another file with --config.file"
    );
    assert_eq!((output.as_str(), std::fs::read_to_string(&path).unwrap().as_str()), ("", "mine"));
}

#[test]
fn business_hours_counted_by_the_clock_are_named_with_what_will_happen() {
    let org = |name: &str, more: &str| {
        format!(
            "  - {{ name: {name}, business_hours: {{ from: \"08:00\", to: \"18:00\" }}{more} }}\n"
        )
    };
    let wall: String = ["a", "b", "c", "d", "e"].map(|name| org(name, "")).concat();
    let text = format!(
        "orgs:\n{wall}{}{}  - {{ name: h }}\n",
        org("f", ", count_hours: business"),
        org("g", ", stale_after: 3d"),
    );
    assert_eq!(
        read(&text, &[]).unwrap().notes,
        [
            "a, b, c and 2 more: count_hours is wall beside business_hours: a last sync on Fri at 18:00 pages on Sat at 18:00; \
          `count_hours: business` counts working hours only"
        ]
    );
}

#[test]
fn a_relative_database_lies_beside_the_configuration_or_where_it_was_before() {
    let path = |text: &str, base: &str| {
        config::from_text("a.yaml", text, Path::new(base), &Environment::default()).unwrap()
    };
    let own = path(ORG, "/etc/lightning-sync").store.path;
    assert_eq!(own, Path::new("/var/lib/lightning-sync/lightning-sync.db"));
    let beside = path(ORG, "/srv/sync").store.path;
    assert_eq!(beside, Path::new("/srv/sync/lightning-sync.db"));
    // Tests run in the directory of the manifest, where this file is.
    let before = path(&format!("store: {{ path: Cargo.toml }}\n{ORG}"), "/srv/sync");
    assert_eq!(before.store.path, Path::new("Cargo.toml"));
    assert!(before.notes[0].contains("/srv/sync/Cargo.toml is not there"), "{:?}", before.notes);
}

#[test]
fn init_without_answers_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    for answers in ["", "acme\n", "acme\n\n", "acme\n\nmaybe\nmaybe\nmaybe\n\n", "acme\n\nn\n"] {
        assert!(
            init(&path, answers).0.unwrap_err().starts_with("no good answer to: "),
            "{answers:?}"
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "{answers:?}");
    }
    assert_eq!(init(&path, "acme\n\nn\n\n").0, Ok(()));
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "orgs:\n  - name: \"acme\"\n    time_zone: UTC\n"
    );
}

#[test]
fn the_reference_and_the_schema_in_docs_are_made_from_the_table() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let schema = serde_json::to_string_pretty(&config::schema()).unwrap() + "\n";
    for (file, text) in
        [("configuration.md", config::reference()), ("configuration.schema.json", schema)]
    {
        let path = docs.join(file);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::create_dir_all(&docs).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "docs/{file} differs from the table; run with UPDATE_GENERATED=1 and review"
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    /// A reload must not end the daemon, whatever stands in the file.
    #[test]
    fn no_text_makes_reading_panic(text in r#"[a-z0-9 :\-\[\]{},&*!"'#|>%@`?\n\t~<.]{0,200}"#) {
        assert!(read(&text, &[]).is_err() || text.contains("name"));
    }

    #[test]
    fn no_damage_to_a_good_file_makes_reading_panic(at in 0_usize..1200, removed in 0_usize..20, put in ".{0,8}") {
        let good = include_str!("config/good_full.yaml");
        let mut chars: Vec<char> = good.chars().collect();
        let from = at.min(chars.len());
        let to = (from + removed).min(chars.len());
        chars.splice(from..to, put.chars());
        let text: String = chars.into_iter().collect();
        let outcome = read(&text, &[]);
        assert!(outcome.is_ok() || outcome.is_err_and(|message| message.starts_with("a.yaml has ")));
    }
}
