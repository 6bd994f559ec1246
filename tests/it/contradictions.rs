//! Rows that cannot both be true, by every way in: a page that contradicts itself is refused with both labels, and a user
//! who contradicts himself is a finding.

use crate::support::http::{get, post};
use crate::support::process::Daemon;
use std::fs;

const FORMS: [&str; 3] = ["application/json", "text/csv", "text/plain"];

/// The organisation's rows in each form.
fn account_that_is_none_and_recognised() -> [&'static str; 3] {
    [
        r#"{"captured_at":"AT","service_account":null,"service_account_recognized":true,"linked_users":7}"#,
        "captured_at,service_account,service_account_recognized,linked_users\nAT,None,true,7\n",
        "Microsoft Exchange service account provided\tNone\nSalesforce recognizes Microsoft Exchange service account\t✓\nUsers with linked Microsoft Exchange and Salesforce email addresses\t7\n",
    ]
}

fn an_hour_with_more_than_its_day() -> [&'static str; 3] {
    [
        r#"{"captured_at":"AT","linked_users":7,"events":{"synced_60m":50,"synced_24h":10}}"#,
        "captured_at,linked_users,events.synced_60m,events.synced_24h\nAT,7,50,10\n",
        "Users with linked Microsoft Exchange and Salesforce email addresses\t7\nEvents\nRecords synced in last 60 minutes\t50\nRecords synced in last 24 hours\t10\n",
    ]
}

/// A user who is assigned, and for whom no direction is set to sync.
fn a_user_who_syncs_nothing() -> [String; 3] {
    let off = "Exchange configuration not set to sync";
    let page = |object: &str| {
        format!(
            "{object}\nSalesforce to Exchange sync status\t{off}\nExchange to Salesforce sync status\t{off}\n"
        )
    };
    [
        r#"{"captured_at":"AT","users":[{"user":"ann@corp.example","active_configuration":true,
          "contacts":{"to_exchange":"not_set_to_sync","to_salesforce":"not_set_to_sync"},
          "events":{"to_exchange":"not_set_to_sync","to_salesforce":"not_set_to_sync"}}]}"#
            .to_owned(),
        format!(
            "captured_at,user,active_configuration,contacts.to_exchange,contacts.to_salesforce,events.to_exchange,events.to_salesforce\nAT,ann@corp.example,true,{off},{off},{off},{off}\n"
        ),
        format!(
            "User\tann@corp.example\nUser assigned to active Exchange configuration\t✓\n{}{}",
            page("Contacts"),
            page("Events")
        ),
    ]
}

#[test]
fn rows_that_contradict_each_other_are_refused_or_told_by_every_way_in() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let database = directory.path().join("a.db").display().to_string();
    let orgs = "orgs: [{ name: acme-0, retirement: none }, { name: acme-1, retirement: none }, { name: acme-2, retirement: none }]";
    fs::write(&file, format!("store: {{ path: {database} }}\nuser_names: plain\n{orgs}\n"))
        .unwrap();
    let daemon = Daemon::start(&file);
    let at = lightning_sync_exporter::app::now().to_string();
    let push = |number: usize, body: &str| {
        let path = format!("/api/v1/orgs/acme-{number}/snapshot");
        let media = [("Content-Type", FORMS[number])];
        post(daemon.address, &path, &media, body.replace("AT", &at).as_bytes())
    };
    let pairs = [
        (
            account_that_is_none_and_recognised(),
            "Microsoft Exchange service account provided",
            "Salesforce recognizes Microsoft Exchange service account",
        ),
        (
            an_hour_with_more_than_its_day(),
            "Events: Records synced in last 60 minutes",
            "Events: Records synced in last 24 hours",
        ),
    ];
    for (bodies, one, other) in pairs {
        for (number, body) in bodies.into_iter().enumerate() {
            let answer = push(number, body);
            let said = answer.json();
            assert_eq!(
                (answer.status, said["reason"].as_str()),
                (422, Some("invalid")),
                "{said:#}"
            );
            assert_eq!(said["errors"][0]["field"], one, "{said:#}");
            let message = said["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(message.contains(other), "{message}");
        }
    }
    for (number, body) in a_user_who_syncs_nothing().into_iter().enumerate() {
        let answer = push(number, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let page = get(daemon.address, "/metrics").text();
    assert!(
        !page.contains("lightning_sync_linked_users{"),
        "something of a refused page was taken"
    );
    for number in 0..FORMS.len() {
        let series = format!(
            "lightning_sync_finding_since_timestamp_seconds{{org=\"acme-{number}\",cause=\"users_sync_nothing\",severity=\"info\",object_type=\"\",check=\"active_configuration\"}} 1"
        );
        assert!(page.contains(&series), "{series}");
        let org = get(daemon.address, &format!("/api/v1/orgs/acme-{number}"));
        let text = org.text();
        assert!(text.contains("users_sync_nothing"), "{text}");
    }
}
