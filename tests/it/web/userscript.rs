//! Saved status pages, copied by bookmarklet and userscript in a real Chromium and pasted into the paste box.

use crate::support::browser::run;
use crate::support::http::get;
use crate::support::process::Daemon;
use crate::support::stack::repository;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::rows::OrgRow;
use serde_json::{Value, json};

const SECRETS: &str = r#"<form><input type="hidden" name="token" value="PLANTED-hidden"><input type="password" value="PLANTED-password"><input type="text" hidden value="PLANTED-unseen"></form>"#;

#[test]
fn saved_pages_of_every_layout_go_through_bookmarklet_and_userscript_into_the_paste_box() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let store = directory.path().join("copy.db");
    std::fs::write(
        &config,
        format!(
            "store: {{ path: {} }}\norgs: [{{ name: acme, time_zone: Europe/Berlin }}]\n",
            store.display()
        ),
    )
    .unwrap();
    let daemon = Daemon::start(&config);
    let layouts = [
        "org_classic_detail",
        "org_columns",
        "org_lightning",
        "org_shadow",
        "org_table",
        "user_definition_list",
        "user_divs",
        "user_frame",
    ];
    let pages: Vec<Value> = layouts
        .iter()
        .map(|name| {
            let file = repository(&format!("tests/it/pages/{name}.html"));
            let mut html = std::fs::read_to_string(file).unwrap();
            // What Salesforce's forms hold beside what is shown.
            html.insert_str(html.find("</body>").unwrap_or(html.len()), SECRETS);
            json!({ "name": name, "html": html })
        })
        .collect();
    let results = run(
        "copy.mjs",
        json!({ "box": format!("http://{}/orgs/acme/paste", daemon.address), "pages": pages }),
    );
    let results = results.as_array().unwrap();
    let first = |kind: &str| {
        let is_of = |result: &&Value| result["name"].as_str().unwrap().starts_with(kind);
        results.iter().find(is_of).unwrap()["stored"].as_str().unwrap()
    };
    assert!(
        first("org").starts_with("Stored") && first("user").starts_with("Stored"),
        "{results:#?}"
    );
    assert_eq!(results.len(), layouts.len() * 3);
    for result in results {
        assert_eq!(result["trouble"], json!([]), "{result:#}");
        assert!(!result["content"].as_str().unwrap().contains("PLANTED"), "{result:#}");
        assert!(result["pasted"].as_str().unwrap().contains("with its marks"), "{result:#}");
        // The same page at the same minute is news only once.
        let stored = result["stored"].as_str().unwrap();
        assert!(stored.starts_with("Stored") || stored.starts_with("Nothing new"), "{result:#}");
        let rows: Vec<&str> =
            result["rows"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
        let is_org = result["name"].as_str().unwrap().starts_with("org");
        let (count, mark) = if is_org {
            (10, "Salesforce recognizes Microsoft Exchange service account ✓ check")
        } else {
            (15, "ann@corp.example: User recognized by Exchange service account ✗ no")
        };
        assert_eq!(rows.len(), count, "{result:#}");
        assert!(rows.contains(&mark), "{result:#}");
    }
    let org = get(daemon.address, "/api/v1/orgs/acme").json();
    assert_eq!(org["users"]["known"], 1);
    let synced = org["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["row"] == OrgRow::LastSync(ObjectType::Contacts).id())
        .unwrap();
    assert_eq!(synced["value"], "2026-11-22T13:52:00Z");
}
