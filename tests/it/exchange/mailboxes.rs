//! What the probe says of mailboxes, and what it costs.

use super::fixture::World;
use crate::support::alone::alone;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::ids::UserName;
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::probe::{ProbeStep, StepVerdict};
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_sim::simulator::exchange::{
    ExchangeFolder, ExchangeMailbox, ExchangeOrg, ExchangeScene, FolderPlace,
};
use std::time::Duration;
use tokio::runtime::Runtime;

fn value(snapshot: &Snapshot, user: usize, row: UserRow) -> Option<UserValue> {
    let name = UserName::new(&format!("user{user}@corp.example")).unwrap();
    let (_, values) = snapshot.users.iter().find(|(found, _)| *found == name)?;
    values.iter().find(|(of, _)| *of == row).map(|(_, value)| *value)
}

const YES: Option<UserValue> = Some(UserValue::Status(Status::Yes));
const NO: Option<UserValue> = Some(UserValue::Status(Status::No));

#[tokio::test]
async fn a_good_probe_answers_its_rows_with_two_requests_a_mailbox() {
    let mut world = World::of(40).await;
    world.exchange.change(|org| org.slowness = Duration::from_millis(5));
    let polled = world.poll().await;
    let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
    let recognized = (OrgRow::ServiceAccountRecognized, OrgValue::Flag(true));
    assert_eq!((snapshot.rows.as_slice(), snapshot.users.len()), ([recognized].as_slice(), 40));
    for row in [
        UserRow::ServiceAccount,
        UserRow::MailboxVersion,
        UserRow::ContactsFolder,
        UserRow::EventsFolder,
    ] {
        assert_eq!(value(snapshot, 7, row), YES, "{row}");
    }
    assert_eq!(value(snapshot, 7, UserRow::ContactsRecords), Some(UserValue::Records(42)));
    let seen = world.exchange.take_seen();
    let of =
        |address: &str| seen.iter().filter(|seen| seen.anchor.as_deref() == Some(address)).count();
    assert!((0..40).all(|user| of(&format!("user{user}@corp.example")) == 2));
    // One without a sign-in, one for Autodiscover, one to sign in.
    assert_eq!(seen.len(), 2 * 40 + 3);
    assert!(world.exchange.most_at_once() <= 4, "{}", world.exchange.most_at_once());
    assert_eq!(polled.figure("requests_total", &[]), Some(83.0));
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(40.0));
    assert_eq!(polled.figure("contacts_records", &[]), Some(40.0 * 42.0));
    // They only read.
    for seen in &seen {
        for writes in
            ["CreateItem", "UpdateItem", "DeleteItem", "CreateFolder", "SendItem", "MoveItem"]
        {
            assert!(!seen.body.contains(writes));
        }
    }
}

/// A change of a mailbox, the step that fails, its reason, what the row of the service account and of the folder show, and
/// in which poll it is believed.
type Trouble = (
    fn(&mut ExchangeMailbox),
    ProbeStep,
    &'static str,
    Option<UserValue>,
    Option<UserValue>,
    usize,
);

fn moved(mailbox: &mut ExchangeMailbox, place: FolderPlace) {
    mailbox.folders[0].place = place;
}

const TROUBLES: &[Trouble] = &[
    (
        |it| it.fault = Some("ErrorImpersonateUserDenied"),
        ProbeStep::Impersonation,
        "impersonation_denied",
        NO,
        None,
        1,
    ),
    (
        |it| it.fault = Some("ErrorImpersonationDenied"),
        ProbeStep::Impersonation,
        "impersonation_denied_server",
        NO,
        None,
        1,
    ),
    (
        |it| it.fault = Some("ErrorImpersonationFailed"),
        ProbeStep::Impersonation,
        "impersonation_failed",
        None,
        None,
        2,
    ),
    (
        |it| it.fault = Some("ErrorNonExistentMailbox"),
        ProbeStep::Impersonation,
        "mailbox_not_found",
        NO,
        None,
        1,
    ),
    (
        |it| it.alias = Some(it.address.clone()),
        ProbeStep::Impersonation,
        "alias_address",
        None,
        None,
        1,
    ),
    (
        |it| it.fault = Some("ErrorAccessDenied"),
        ProbeStep::Impersonation,
        "mailbox_access_denied",
        NO,
        None,
        1,
    ),
    (
        |it| it.fault = Some("ErrorMailboxStoreUnavailable"),
        ProbeStep::Impersonation,
        "mailbox_unavailable",
        None,
        None,
        2,
    ),
    (
        |it| it.fault = Some("ErrorCrossSiteRequest"),
        ProbeStep::Impersonation,
        "wrong_server",
        None,
        None,
        1,
    ),
    (
        |it| it.fault = Some("ErrorNobodyKnows"),
        ProbeStep::Impersonation,
        "exchange_other",
        None,
        None,
        1,
    ),
    (|it| it.ews_disabled = true, ProbeStep::Impersonation, "ews_disabled", None, None, 3),
    (|it| it.version = Some([14, 3, 123]), ProbeStep::Version, "version_unsupported", YES, YES, 1),
    (
        |it| it.version = Some([15, 20, 8000]),
        ProbeStep::Version,
        "version_unsupported",
        YES,
        YES,
        1,
    ),
    (|it| it.calendar = false, ProbeStep::Calendar, "calendar_missing", YES, YES, 1),
    (|it| it.folders.clear(), ProbeStep::ContactsFolder, "folder_missing", YES, NO, 1),
    (|it| moved(it, FolderPlace::Root), ProbeStep::ContactsFolder, "folder_misplaced", YES, NO, 1),
    (|it| moved(it, FolderPlace::Deleted), ProbeStep::ContactsFolder, "folder_deleted", YES, NO, 1),
    (
        |it| it.folders[0].class = "IPF.Note".to_owned(),
        ProbeStep::ContactsFolder,
        "folder_wrong_class",
        YES,
        NO,
        1,
    ),
    (
        |it| it.folders[0].name = "Salesforce Sync".to_owned(),
        ProbeStep::ContactsFolder,
        "folder_near_name",
        YES,
        NO,
        1,
    ),
    (
        |it| it.folders.push(it.folders[0].clone()),
        ProbeStep::ContactsFolder,
        "folder_twice",
        YES,
        None,
        1,
    ),
];

#[tokio::test]
async fn every_trouble_of_a_mailbox_has_its_reason_and_touches_no_other() {
    let shapes =
        [ExchangeScene::Healthy, ExchangeScene::FaultsOfAnother, ExchangeScene::NoRootFolder];
    for scene in shapes {
        let mut world = World::of(3).await;
        world.exchange.change(|org| org.scene = scene);
        for (number, (change, step, reason, account, folder, believed_in)) in
            TROUBLES.iter().enumerate()
        {
            assert_eq!(world.poll().await.broken(), None, "{number}");
            let broken = |org: &mut ExchangeOrg| change(&mut org.mailboxes[1]);
            world.exchange.change(broken);
            for _ in 1..*believed_in {
                let polled = world.poll().await;
                assert_eq!(polled.broken(), None, "{reason}");
            }
            let polled = world.poll().await;
            assert_eq!(polled.broken(), Some((*step, *reason)), "{scene} {number}");
            let found = polled.report.steps[*step];
            assert_eq!((found.failing, found.passing), (1, 2), "{reason}");
            let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
            assert_eq!(value(snapshot, 1, UserRow::ServiceAccount), *account, "{reason}");
            assert_eq!(value(snapshot, 1, UserRow::ContactsFolder), *folder, "{reason}");
            assert_eq!(value(snapshot, 0, UserRow::ContactsFolder), YES, "{reason}");
            assert_eq!(polled.figure("mailboxes", &[reason]), Some(1.0));
            assert_eq!(polled.figure("mailboxes", &["ok"]), Some(2.0));
            assert!(polled.news.iter().any(|line| line.contains(reason)), "{:?}", polled.news);
            let same = world.poll().await;
            assert_eq!(
                (same.broken(), same.news.as_slice()),
                (Some((*step, *reason)), [].as_slice())
            );
            world.exchange.change(|org| {
                org.mailboxes[1] = ExchangeMailbox::healthy("user1@corp.example", 42);
            });
        }
        println!("{scene}: {} troubles, each named", TROUBLES.len());
    }
}

#[tokio::test]
async fn an_absent_folder_is_searched_once() {
    let mut world = World::of(1).await;
    world.exchange.change(|org| moved(&mut org.mailboxes[0], FolderPlace::Deleted));
    let searches = |world: &World| {
        world.exchange.take_seen().iter().filter(|seen| seen.body.contains("\"Deep\"")).count()
    };
    world.poll().await;
    assert_eq!(searches(&world), 1);
    for _ in 0..10 {
        assert_eq!(
            world.poll().await.broken(),
            Some((ProbeStep::ContactsFolder, "folder_deleted"))
        );
    }
    assert_eq!(searches(&world), 0);
    // Somebody may have moved it since.
    world.exchange.change(|org| moved(&mut org.mailboxes[0], FolderPlace::Root));
    world.pass(TimeDelta::hours(6));
    assert_eq!(world.poll().await.broken(), Some((ProbeStep::ContactsFolder, "folder_misplaced")));
    assert_eq!(searches(&world), 1);
}

#[tokio::test]
async fn rights_of_the_accounts_own_are_used_without_impersonation() {
    let mut world = World::of(2).await;
    world.ews().impersonate = false;
    world.restart();
    assert_eq!(world.poll().await.broken(), None);
    let seen = world.exchange.take_seen();
    assert!(seen.iter().all(|seen| !seen.body.contains("ExchangeImpersonation")));
    assert!(seen.iter().any(|seen| seen.body.contains("<t:EmailAddress>user1@corp.example<")));
}

#[tokio::test]
async fn most_mailboxes_without_the_right_are_counted() {
    let mut world = World::of(10).await;
    world.exchange.change(|org| {
        for mailbox in org.mailboxes.iter_mut().skip(1) {
            mailbox.fault = Some("ErrorImpersonateUserDenied");
        }
    });
    let polled = world.poll().await;
    assert_eq!(polled.broken(), Some((ProbeStep::Impersonation, "impersonation_denied")));
    assert_eq!(polled.figure("mailboxes", &["impersonation_denied"]), Some(9.0));
    assert_eq!(polled.report.steps[ProbeStep::Impersonation].failing, 9);
    assert_eq!(polled.verdict(ProbeStep::Counts), StepVerdict::Passed);
}

#[tokio::test]
async fn names_with_signs_of_xml_are_found() {
    let mut world = World::of(1).await;
    let name = "R&D <\"sync\">";
    name.clone_into(&mut world.settings.contacts_folder);
    world.restart();
    world.exchange.change(|org| {
        org.mailboxes[0].folders = vec![ExchangeFolder {
            name: name.to_owned(),
            class: "IPF.Contact".to_owned(),
            place: FolderPlace::Contacts,
            total: 7,
        }];
    });
    let polled = world.poll().await;
    assert_eq!((polled.broken(), polled.figure("contacts_records", &[])), (None, Some(7.0)));
}

/// What the process may take, with the simulated Exchange and its note of every request: the probe's own part is small.
const MEMORY_KB: u64 = 128 << 10;

#[test]
fn two_thousand_mailboxes_are_probed_within_five_minutes() {
    let test = "exchange::mailboxes::two_thousand_mailboxes_are_probed_within_five_minutes";
    alone(test, MEMORY_KB, || Runtime::new().unwrap().block_on(two_thousand()));
}

/// `LIGHTNING_SYNC_TEST_MAILBOXES` is how many there are (2,000, the full size), and
/// `LIGHTNING_SYNC_TEST_EXCHANGE_MILLISECONDS` how long each answer takes (5).
async fn two_thousand() {
    let setting = |name: &str, usual: u32| -> u32 {
        std::env::var(name).map_or(usual, |text| text.parse().unwrap())
    };
    let count = setting("LIGHTNING_SYNC_TEST_MAILBOXES", 2_000);
    let slowness = setting("LIGHTNING_SYNC_TEST_EXCHANGE_MILLISECONDS", 5);
    let mut world = World::of(count as usize).await;
    world.exchange.change(|org| org.slowness = Duration::from_millis(slowness.into()));
    let began = std::time::Instant::now();
    let polled = world.poll().await;
    let took = began.elapsed();
    let requests = polled.figure("requests_total", &[]);
    println!(
        "{count} mailboxes at {slowness} ms an answer: {took:?}, {requests:?} requests, {} at once",
        world.exchange.most_at_once()
    );
    assert_eq!((polled.broken(), requests), (None, Some(f64::from(2 * count + 3))));
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(f64::from(count)));
    assert!(took < Duration::from_secs(300) && world.exchange.most_at_once() <= 4);
}
