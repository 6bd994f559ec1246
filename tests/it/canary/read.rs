//! What the canary says is in its mailbox, against what somebody else's client finds there.

use super::fixture::{ACCOUNT, CANARY, Flock, SECRET};
use crate::exchange::python;
use lightning_sync_sim::simulator::synchroniser::CONTACTS_FOLDER;
use std::collections::{BTreeMap, BTreeSet};

/// An item: `contacts` or `events`, and its title.
type Titled = (String, String);

/// Where each item of the canary's is on its way, and which are in the mailbox, by what it stored.
fn says(flock: &Flock) -> (BTreeMap<Titled, String>, BTreeSet<Titled>) {
    let stored = flock.disk.as_deref().unwrap_or(b"{\"lanes\":{}}");
    let stored: serde_json::Value = serde_json::from_slice(stored).unwrap();
    let (mut steps, mut there) = (BTreeMap::new(), BTreeSet::new());
    for (lane, of) in stored["lanes"].as_object().unwrap() {
        let (object, direction) = lane.split_once('.').unwrap();
        for item in of["items"].as_array().unwrap() {
            let title = format!("Sync canary {}", item["mark"].as_str().unwrap());
            let step = item["step"].as_str().unwrap();
            let titled = (object.to_owned(), title);
            let written_here = direction == "to_salesforce";
            let is_there = match step {
                "awaited" | "leaving" if written_here => true,
                "awaited" | "leaving" | "deleted" if !written_here => item["on_other_side"] == true,
                "planned" | "deleted" => false,
                other => panic!("{other}"),
            };
            if is_there {
                there.insert(titled.clone());
            }
            let seen = if is_there { "there" } else { "not there" };
            steps.insert(titled, format!("{direction} {step}, {seen}"));
        }
    }
    (steps, there)
}

/// What exchangelib finds.
async fn finds(flock: &Flock) -> BTreeSet<Titled> {
    let mut read = python("titles_by_exchangelib.py");
    let url = format!("http://{}/EWS/Exchange.asmx", flock.both.exchange.address());
    read.args([url.as_str(), ACCOUNT, SECRET, CANARY, CONTACTS_FOLDER]);
    let output = tokio::task::spawn_blocking(move || read.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = printed.lines().map(|line| {
        let (object, title) = line.split_once('\t').unwrap();
        (object.to_owned(), title.to_owned())
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_client_finds_what_the_canary_says_is_there_at_every_step() {
    let mut flock = Flock::new().await;
    let foreign = finds(&flock).await;
    assert_eq!(foreign.len(), 8, "{foreign:?}");
    let mut before = BTreeMap::new();
    let (mut seen, mut compared) = (BTreeSet::new(), 0);
    // Two round trips; each step is compared when it begins.
    for minute in 0..65 {
        flock.minutes(1).await;
        let (steps, there) = says(&flock);
        if steps == before {
            continue;
        }
        let found: BTreeSet<_> = finds(&flock).await.difference(&foreign).cloned().collect();
        assert_eq!(found, there, "after {minute} minutes: {steps:?}");
        seen.extend(steps.iter().map(|((object, _), step)| format!("{object} {step}")));
        compared += 1;
        before = steps;
    }
    for object in ["contacts", "events"] {
        for step in [
            "to_exchange planned, not there",
            "to_exchange awaited, not there",
            "to_exchange leaving, there",
            "to_exchange deleted, there",
            "to_salesforce planned, not there",
            "to_salesforce awaited, there",
            "to_exchange deleted, not there",
            "to_salesforce deleted, not there",
        ] {
            assert!(seen.contains(&format!("{object} {step}")), "{object} {step}: {seen:?}");
        }
    }
    // What was seen to be gone is not named any more, by either.
    println!("{compared} comparisons, {} kinds of steps: {seen:?}", seen.len());
}
