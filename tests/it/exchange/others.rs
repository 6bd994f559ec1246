//! Held against what others wrote: the schemas of EWS. They lie in a directory `shared` beside or above the repository, or
//! where `LIGHTNING_SYNC_TEST_EWS_SCHEMA` says; without them, and without Python's package `xmlschema`, which `tests/run`
//! installs, this test fails.

use super::fixture::World;
use crate::support::stack::repository;
use lightning_sync_exporter::sources::exchange::ExchangeFailure;
use lightning_sync_sim::simulator::exchange::{ExchangeScene, FolderPlace};
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
