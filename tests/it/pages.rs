//! The status page itself, in layouts that browsers, both interfaces of the vendor and the clipboard make of it.

use chrono_tz::Tz;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::domain::problem::ProblemReason;
use lightning_sync_exporter::domain::rows::{Status, UserRow};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::ingest_error::IngestError;
use lightning_sync_exporter::sources::page::{self, PageForm};
use lightning_sync_exporter::sources::snapshot;

const ORG: &str = r#"{
  "captured_at": "2026-11-22T13:55:00Z",
  "service_account": "svc-sfsync@corp.example",
  "outlook_integration_enabled": true,
  "service_account_recognized": true,
  "linked_users": 41,
  "contacts": {
    "last_sync": "2026-11-22T13:52:00Z",
    "synced_60m": 18,
    "synced_24h": 530
  },
  "events": {
    "last_sync": "2026-11-22T13:51:00Z",
    "synced_60m": 77,
    "synced_24h": 2104
  }
}"#;

const USER: &str = r#"{
  "captured_at": "2026-11-22T13:55:00Z",
  "users_complete": false,
  "users": [
    {
      "user": "ann@corp.example",
      "active_configuration": true,
      "mailbox_version_supported": true,
      "recognized_by_service_account": false,
      "reset": "marked_for_reset",
      "outlook_integration_set_up": false,
      "contacts": {
        "folder_found": true,
        "linked": true,
        "to_exchange": "in_sync",
        "to_salesforce": "initial_sync_in_progress",
        "records_in_sync": 312
      },
      "events": {
        "folder_found": true,
        "linked": false,
        "to_exchange": "not_set_to_sync",
        "to_salesforce": "not_started",
        "records_in_sync": 1204
      }
    }
  ]
}"#;

fn read(body: &str) -> Result<Snapshot, IngestError> {
    read_as(body, DateOrder::Dmy)
}

fn read_as(body: &str, date_order: DateOrder) -> Result<Snapshot, IngestError> {
    let org = OrgName::new("acme").unwrap();
    let context = page::PageContext {
        org: &org,
        // 2026-11-22T14:00:00Z
        now: Timestamp::from_seconds(1_795_356_000),
        captured_at: Some("2026-11-22T13:55:00Z"),
        user: None,
        time_zone: Tz::Europe__Berlin,
        date_order,
    };
    page::parse(body.as_bytes(), PageForm::of(body.as_bytes()), &context)
}

fn json(body: &str) -> String {
    match read(body) {
        Ok(snapshot) => snapshot::to_json(&snapshot),
        Err(error) => format!("{error}: {:#?}", error.errors),
    }
}

fn refusal(body: &str) -> (ProblemReason, String, Vec<String>) {
    let error = read(body).unwrap_err();
    let errors = error.errors.iter().map(ToString::to_string).collect();
    (error.reason, error.detail, errors)
}

macro_rules! reads {
    ($($name:ident: $file:literal => $expected:expr;)+) => {
        $(#[test]
        fn $name() {
            assert_eq!(json(include_str!(concat!("pages/", $file))), $expected);
        })+
    };
}

reads! {
    a_plain_table_of_an_organisation_is_read: "org_table.html" => ORG;
    the_classic_detail_layout_is_read_with_its_navigation_and_help: "org_classic_detail.html" => ORG;
    the_lightning_layout_is_read_with_its_icons: "org_lightning.html" => ORG;
    a_table_with_columns_for_both_object_types_is_read: "org_columns.html" => ORG;
    a_pasted_page_of_an_organisation_is_read: "org_pasted.txt" => ORG;
    a_definition_list_of_a_user_is_read: "user_definition_list.html" => USER;
    pairs_of_divisions_with_pictures_of_many_kinds_are_read: "user_divs.html" => USER;
    a_pasted_page_of_a_user_is_read: "user_pasted.txt" => USER;
}

#[test]
fn lost_icons_are_named_with_their_label() {
    let page = include_str!("pages/user_definition_list.html");
    let lost = page.replace("alt=", "data-alt=");
    let (reason, detail, errors) = refusal(&lost);
    assert_eq!(reason, ProblemReason::IconsLost);
    assert_eq!(
        detail,
        "icons lost: no check or X can be read for \"User assigned to active Exchange configuration\" and 6 more; save the page as HTML instead of copying it, or write check or X behind the label"
    );
    assert_eq!(
        errors[6],
        "Events: Salesforce and Exchange email addresses linked: shows neither a check nor an X"
    );
}

#[test]
fn a_label_outside_contacts_and_events_is_ambiguous() {
    let page = include_str!("pages/org_table.html")
        .replace("Contacts Statuses", "")
        .replace("Events Statuses", "");
    let (reason, detail, errors) = refusal(&page);
    assert_eq!(reason, ProblemReason::AmbiguousLabel);
    assert_eq!(
        detail,
        "ambiguous label \"Last sync activity\" and 5 more; send the whole page with its headings, one user after the other"
    );
    assert_eq!(
        errors[0],
        "Last sync activity: stands under neither Contacts nor Events; keep the headings when copying the page"
    );
}

#[test]
fn a_lost_heading_never_gives_events_to_contacts() {
    for (page, heading) in [
        (include_str!("pages/org_pasted.txt"), "Events\n"),
        (include_str!("pages/user_pasted.txt"), "Event Statuses\r\n"),
        (include_str!("pages/user_divs.html"), ">Events<"),
    ] {
        let lost = page.replace(heading, "<");
        assert_ne!(lost, page);
        assert_eq!(refusal(&lost).0, ProblemReason::AmbiguousLabel);
    }
}

#[test]
fn another_language_or_product_has_no_known_label() {
    for page in [
        "<html><body><table><tr><td>Letzte Synchronisierungsaktivität:</td><td>22.11.2026 14:52</td></tr></table></body></html>",
        "Einstein Activity Capture\nConnected accounts\t12\n",
        "<html></html>",
        "",
    ] {
        let (reason, detail, errors) = refusal(page);
        assert_eq!(reason, ProblemReason::NoKnownLabel);
        assert_eq!(
            detail,
            "no known label was found: this is not the Lightning Sync status page, or not in English; open that page in English and save it again"
        );
        assert_eq!(errors, [""; 0]);
    }
}

#[test]
fn a_user_page_names_its_user() {
    let page = include_str!("pages/user_pasted.txt").replace("User: ann@corp.example\r\n", "");
    let (reason, detail, _) = refusal(&page);
    assert_eq!(reason, ProblemReason::UserNotNamed);
    assert_eq!(
        detail,
        "nothing on the page says whose rows these are; add a line \"User: \" with the name before them"
    );
}

#[test]
fn a_page_of_two_users_gives_both_and_the_same_user_twice_is_ambiguous() {
    let page = include_str!("pages/user_pasted.txt");
    let bob = page.replace("ann@", "bob@");
    let both = read(&format!("{page}\n{bob}")).unwrap();
    assert_eq!(
        both.users.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["ann@corp.example", "bob@corp.example"]
    );
    assert_eq!(both.users[0].1, both.users[1].1);
    assert_eq!(refusal(&format!("{page}\n{bob}\n{page}")).0, ProblemReason::AmbiguousLabel);
    assert_eq!(refusal(&format!("{page}\n{page}")).0, ProblemReason::AmbiguousLabel);
}

#[test]
fn a_reset_that_is_not_shown_is_none_only_when_its_place_was_read() {
    let page = include_str!("pages/user_pasted.txt")
        .replace("User’s reset sync status: Marked for reset\r\n", "");
    assert!(json(&page).contains("\"reset\": null"), "{}", json(&page));
    let cut = page.split("User set up").next().unwrap();
    let unknown = "\"reset\": \"unknown\"";
    assert!(json(cut).contains(unknown), "{}", json(cut));
    let contacts = format!("User: ann\nContacts{}", page.split("Contacts").nth(1).unwrap());
    let contacts = json(&contacts);
    assert!(contacts.contains("records_in_sync") && contacts.contains(unknown), "{contacts}");
}

#[test]
fn a_page_that_is_cut_anywhere_says_nothing_wrong() {
    for page in [
        include_str!("pages/org_table.html"),
        include_str!("pages/org_lightning.html"),
        include_str!("pages/org_classic_detail.html"),
        include_str!("pages/org_columns.html"),
        include_str!("pages/user_divs.html"),
        include_str!("pages/user_definition_list.html"),
    ] {
        let whole = read_as(page, DateOrder::Dmy).unwrap();
        let mut read_in_part = 0;
        for end in (0..page.len()).filter(|end| page.is_char_boundary(*end)) {
            let (front, _) = page.split_at(end);
            let Ok(part) = read(front) else {
                continue;
            };
            read_in_part += 1;
            for row in &part.rows {
                assert!(whole.rows.contains(row), "{row:?} of {end} bytes: {}", front);
            }
            for (name, values) in &part.users {
                let (_, known) =
                    whole.users.iter().find(|(known, _)| known == name).expect("a known user");
                for value in values {
                    assert!(known.contains(value), "{value:?} of {end} bytes");
                }
            }
        }
        assert!(read_in_part > 100);
    }
}

#[test]
fn a_cut_page_names_the_label_that_it_ends_at() {
    let page = include_str!("pages/org_table.html");
    let cut = page.split("2.104").next().unwrap();
    assert_eq!(
        refusal(cut),
        (
            ProblemReason::Incomplete,
            "the page is cut at \"Events: Records synced in last 24 hours\"; copy or save it to its end".to_owned(),
            vec!["Events: Records synced in last 24 hours: has no value; copy the page to its end".to_owned()]
        )
    );
    let cut = format!("{cut}2.104");
    assert_eq!(
        refusal(&cut).2,
        [
            "Events: Records synced in last 24 hours: has a value that the end of the page cuts; copy the whole page"
        ]
    );
}

#[test]
fn a_value_that_cannot_be_read_is_shown() {
    let page = include_str!("pages/org_pasted.txt");
    let wrong = page
        .replace("14:52", "02:52 PM")
        .replace("\t18", "\t1.8")
        .replace("Outlook integration enabled:\tYes", "Outlook integration enabled:\tJa")
        .replace("22.11.2026 14:51", "11/22/2026 14:51");
    let (reason, detail, errors) = refusal(&wrong);
    assert_eq!(reason, ProblemReason::UnreadableValue);
    assert_eq!(
        detail,
        "the value of \"Outlook integration enabled\" and 2 more cannot be read; the errors say what each one shows"
    );
    assert_eq!(
        errors,
        [
            "line 6, Outlook integration enabled: shows \"Ja\", which is neither a check nor an X",
            "line 12, Contacts: Records synced in last 60 minutes: shows \"1.8\", which is no whole number",
            "line 16, Events: Last sync activity: \"11/22/2026 14:51\" has no such day or month in the order dmy; is date_order right?",
        ]
    );
    let later = page.replace("22.11.2026 14:52", "11.12.2026 14:52");
    assert_eq!(
        refusal(&later).2,
        [
            "line 11, Contacts: Last sync activity: \"11.12.2026 14:52\" is 2026-12-11T13:52:00Z, later than the page (2026-11-22T13:55:00Z); are date_order and time_zone right?"
        ]
    );
    let american = page
        .replace("22.11.2026 14:", "11/22/2026 2:")
        .replace("2:52", "2:52 PM")
        .replace("2:51", "2:51 PM");
    let american = read_as(&american, DateOrder::Mdy).unwrap();
    assert_eq!(snapshot::to_json(&american), ORG);
}

#[test]
fn a_picture_beside_the_word_help_is_still_a_mark() {
    let page = "<p>User: ann</p><div>User recognized by Exchange service account</div><div><img alt='Checked'> Help</div>";
    let read = read(page).unwrap();
    assert_eq!(read.users[0].1, [(UserRow::ServiceAccount, Status::Yes.into())]);
}

#[test]
fn a_check_and_an_x_together_are_neither() {
    let page = "<p>User: ann</p><div>User recognized by Exchange service account</div><div>✓</div><div>✗</div>";
    assert_eq!(refusal(page).0, ProblemReason::AmbiguousLabel);
    let page = page.replace("</div><div>✗", "<img alt=X>");
    assert_eq!(
        refusal(&page).2,
        ["User recognized by Exchange service account: shows a check and an X"]
    );
}

#[test]
fn what_the_vendor_explains_is_not_taken_for_a_status() {
    let page = "Records synced in last 60 minutes: The number of contacts that came over\nLast sync activity: some minutes ago\n";
    assert!(read(&format!("Contacts\n{page}")).is_err());
}
