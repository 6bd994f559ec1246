//! Series of single users: names only where they are wanted, and labels that nobody can break out of.

use super::orgs::{NOW, Org, busy, view};
use super::page::{read, text};
use lightning_sync_exporter::domain::policy::{UserNames, UserSeries};
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::metrics::PageFormat;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn no_name_is_on_a_page_unless_the_operator_asked_for_it() {
    let anonymous = text(&view([busy()]), NOW, PageFormat::Text);
    assert!(anonymous.contains("user=\"0000000000000000\""));
    assert!(!anonymous.contains('@'), "a mail address has one");
    let named = View { user_names: UserNames::Plain, ..view([busy()]) };
    assert!(text(&named, NOW, PageFormat::Text).contains("user=\"ann@corp.example\""));
}

#[test]
fn users_have_series_only_where_the_operator_asked_for_them() {
    let aggregate = View { user_series: UserSeries::Aggregate, ..view([busy()]) };
    assert!(!text(&aggregate, NOW, PageFormat::Text).contains("user_status"));
}

#[test]
fn a_user_has_one_series_for_each_check() {
    let page = read(&view([busy()]), NOW);
    let of_cid: Vec<String> = page
        .of("user_status", "busy")
        .into_iter()
        .filter(|(labels, value)| labels.ends_with("0000000002") && *value == 1.0)
        .map(|(labels, _)| labels.rsplit_once(' ').unwrap().0.to_owned())
        .collect();
    assert_eq!(
        of_cid,
        [
            "active_configuration yes",
            "contacts_folder yes",
            "contacts_linked yes",
            "contacts_to_exchange in_sync",
            "contacts_to_salesforce in_sync",
            "events_folder yes",
            "events_linked yes",
            "events_to_exchange initial_sync_in_progress",
            "events_to_salesforce in_sync",
            "mailbox_version yes",
            "outlook_integration unknown",
            "reset marked_for_reset",
            "service_account yes",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_name_reads_back_as_it_was_written(
        // A name neither begins nor ends with a space.
        name in r#"[\\"{}=,#a-z\u{e9}\u{1f600}]([\\"{}=, #a-z\u{e9}\u{1f600}]{0,18}[\\"{}=,#a-z\u{e9}\u{1f600}])?"#
    ) {
        let view = View {
            user_names: UserNames::Plain,
            ..view([Org::new("acme").user(&name, &[], NOW)])
        };
        let page = read(&view, NOW);
        let users: BTreeSet<&str> = page
            .samples
            .iter()
            .filter(|sample| sample.name == "lightning_sync_user_status")
            .map(|sample| sample.label("user"))
            .collect();
        prop_assert_eq!(users, BTreeSet::from([name.as_str()]));
    }
}
