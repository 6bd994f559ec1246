//! Held against what others wrote: the schemas of EWS. They lie in a directory `shared` beside or above the repository, or
//! where `LIGHTNING_SYNC_TEST_EWS_SCHEMA` says. Without them, and without Python's package `xmlschema`, which `tests/run`
//! installs, this test fails; where there is no copy, `tests/run` says so and leaves it out.

use super::fixture::{ACCOUNT, World, mailboxes};
use crate::support::process::Process;
use crate::support::stack::repository;
use chrono::TimeDelta;
use lightning_sync_exporter::http_client::Endpoint;
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::exchange::{ExchangeAuth, ExchangeFailure};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg, ExchangeScene, FolderPlace};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// The directory with the schemas.
fn schemas() -> PathBuf {
    if let Some(given) = std::env::var_os("LIGHTNING_SYNC_TEST_EWS_SCHEMA") {
        return given.into();
    }
    let root = repository("");
    let mut above = root.ancestors().map(|above| above.join("shared/data/ews-schema"));
    above
        .find(|path| path.join("messages.xsd").exists())
        .expect("shared/data/ews-schema above the repository")
}

fn python(script: &str) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(repository("target"), PathBuf::from);
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", target.join("python"))
        .arg(repository("tests/it/exchange/data").join(script));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_and_every_answer_is_as_the_schemas_have_it() {
    let mut world = World::of(5).await;
    world.exchange.change(|org| {
        org.mailboxes[1].fault = Some("ErrorImpersonateUserDenied");
        org.mailboxes[2].folders.clear();
        org.mailboxes[3].folders[0].place = FolderPlace::Deleted;
        org.mailboxes[4].calendar = false;
    });
    let mut seen = Vec::new();
    for scene in [
        ExchangeScene::Healthy,
        ExchangeScene::OldInterface,
        ExchangeScene::NoRootFolder,
        ExchangeScene::Busy,
    ] {
        world.exchange.change(|org| org.scene = scene);
        world.restart();
        world.poll().await;
        world.settings.impersonate = !world.settings.impersonate;
        seen.extend(world.exchange.take_seen());
    }
    let texts = world.certified.directory.path().join("texts");
    std::fs::create_dir(&texts).unwrap();
    let mut names = String::new();
    for (number, seen) in
        seen.iter().filter(|seen| seen.path.starts_with("/EWS") && seen.signs_in).enumerate()
    {
        for (kind, text) in [("request", &seen.body), ("answer", &seen.answer)] {
            let file = texts.join(format!("{number}-{kind}.xml"));
            std::fs::write(&file, text).unwrap();
            writeln!(names, "{}", file.display()).unwrap();
        }
    }
    let list = texts.join("list");
    std::fs::write(&list, names).unwrap();
    let mut check = python("check_schema.py");
    check.arg(schemas()).arg(&list);
    let output = tokio::task::spawn_blocking(move || check.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    // A wrong order is found.
    let wrong = texts.join("0-wrong.xml");
    let request = seen.iter().find(|seen| seen.body.contains("FindFolder")).unwrap();
    let view =
        "<m:IndexedPageFolderView MaxEntriesReturned=\"50\" Offset=\"0\" BasePoint=\"Beginning\"/>";
    let text = request
        .body
        .replace(view, "")
        .replace("</m:FindFolder>", &format!("{view}</m:FindFolder>"));
    std::fs::write(&wrong, text).unwrap();
    std::fs::write(&list, wrong.display().to_string()).unwrap();
    let output = python("check_schema.py").arg(schemas()).arg(&list).output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn the_document_names_every_reason() {
    let document = std::fs::read_to_string(repository("docs/exchange.md")).unwrap();
    for failure in ExchangeFailure::ALL {
        assert!(document.contains(&format!("`{failure}`")), "{failure}");
    }
}

/// NTLM as pyspnego accepts it, with the channel's binding required, optional and wrong, and with a wrong password.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_ntlm_takes_our_sign_in() {
    let mut world = World::of(3).await;
    let directory = world.certified.directory.path().to_owned();
    let users = directory.join("users");
    std::fs::write(&users, format!("CORP:svc-sfsync:{}\n", "a password")).unwrap();
    let org = ExchangeOrg::healthy("upstream", "secret", mailboxes(3));
    let upstream = Exchange::start(org, "localhost", None).await.unwrap();
    let basic = "Basic dXBzdHJlYW06c2VjcmV0";
    for (mode, password, reason) in [
        ("required", "a password", None),
        ("optional", "a password", None),
        ("wrong", "a password", Some("sign_in_refused")),
        ("required", "another password", Some("sign_in_refused")),
    ] {
        let mut front = python("ntlm_front.py");
        front.env("NTLM_USER_FILE", &users);
        front.args([directory.join("server.pem"), directory.join("server.key")]);
        front.args([&upstream.address().port().to_string(), basic, mode]);
        let front = Process::start(&mut front);
        let port: u16 = front.wait_for_line(|line| line.strip_prefix("listening ")?.parse().ok());
        world.settings.host = Endpoint::new(&format!("https://localhost:{port}")).unwrap();
        world.settings.autodiscover = false;
        world.settings.auth = ExchangeAuth::Ntlm {
            username: ACCOUNT.to_owned(),
            password: Secret::from_file_text(password).unwrap(),
        };
        world.pass(TimeDelta::hours(2));
        world.restart();
        upstream.take_seen();
        let first = world.poll().await;
        let polled = if reason.is_some() { world.poll().await } else { first };
        let broken = polled.broken().map(|(_, reason)| reason);
        assert_eq!(broken, reason, "{mode} {password}: {}", front.log());
        let expected = if reason.is_some() { 0 } else { 1 + 2 * 3 };
        assert_eq!(upstream.take_seen().len(), expected, "{mode}");
        println!("{mode}, {password}: {broken:?}");
    }
}
