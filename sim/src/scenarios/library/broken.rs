//! Short lives, each with what is broken in it and who has to be woken when: accounts, Exchange, users, stops.

use super::plain::{
    HOURS_24, NEXT_READ, PROBE_FINDS, at, directions, life, office_life, stop_notices, users,
};
use super::{STOPPED, USERS};
use crate::domain::causes::Cause as C;
use crate::domain::ids::{Direction, ObjectType};
use crate::domain::policy::CountHours;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::scenarios::life::What;
use crate::scenarios::reports::CANARY_ALLOWS;
use crate::scenarios::scenario::Scenario;
use crate::scenarios::truth::{Actor, Breakage};
use chrono::TimeDelta;

pub(super) fn stories() -> Vec<Scenario> {
    [accounts(), exchange(), of_users(), first_syncs(), stops()].into_iter().flatten().collect()
}

/// Nothing syncs, and the page shows an X.
fn refused(story: Scenario, from: Timestamp, until: Timestamp) -> Scenario {
    story.with((from, until), STOPPED).with((from, until), What::NotRecognized)
}

fn account(what: &'static str, from: Timestamp, until: Timestamp) -> Breakage {
    Breakage::of(what, (from, until), Actor::Exchange)
        .page(&[C::ServiceAccountNotRecognized], NEXT_READ)
}

fn accounts() -> Vec<Scenario> {
    let (first, second, third) = (
        (at(10, 9, 0), at(10, 11, 0)),
        (at(10, 14, 0), at(10, 15, 0)),
        (at(11, 10, 0), at(11, 11, 0)),
    );
    let again = |span| {
        Breakage::of("the account is locked again", span, Actor::Exchange)
            .notices(&[C::ServiceAccountNotRecognized])
    };
    let flapping = life(
        "account_flapping",
        "The account is locked again and again",
        5,
        "Locked on Tuesday morning, in the afternoon, and on Wednesday: one page, and then warnings, because somebody knows.",
    );
    let flapping =
        refused(refused(refused(flapping, first.0, first.1), second.0, second.1), third.0, third.1)
            .broken(account("the account is locked", first.0, first.1))
            .broken(again(second))
            .broken(again(third));

    let (broke, restored) = (at(10, 10, 0), at(11, 12, 0));
    let late = life("sync_resumes_late", "The account is restored, and sync resumes late", 5,
        "Sync goes on an hour and a half after the account was restored: its consequences wait that long.")
        .with((broke, at(11, 13, 30)), STOPPED)
        .with((broke, restored), What::NotRecognized)
        .broken(account("the account is locked", broke, restored));
    let never = life(
        "sync_does_not_resume",
        "The account is restored, and sync does not resume",
        5,
        "Two hours after the account was restored nothing syncs: that is news of its own.",
    )
    .with((broke, at(12, 10, 0)), STOPPED)
    .with((broke, restored), What::NotRecognized)
    .broken(account("the account is locked", broke, restored))
    .broken(
        Breakage::of(
            "nothing syncs after the repair",
            (restored, at(12, 10, 0)),
            Actor::Salesforce,
        )
        .page(&[C::NoSyncIn24Hours], TimeDelta::hours(2))
        .notices(&[C::NothingIn24Hours]),
    );
    let (gone, saved) = (at(10, 23, 0), at(11, 7, 0));
    let night = life(
        "account_gone_at_night",
        "The service account is removed at night",
        4,
        "Somebody removes the account late in the evening: a root cause pages at any hour.",
    )
    .with((gone, saved), STOPPED)
    .with((gone, saved), What::NoAccount)
    .with((gone, saved), What::NotRecognized)
    .broken(
        Breakage::of("no service account", (gone, saved), Actor::Salesforce)
            .page(&[C::ServiceAccountMissing], NEXT_READ),
    );
    let (locked, silent, unlocked) = (at(10, 10, 0), at(10, 11, 0), at(11, 10, 0));
    let straggler = life(
        "account_broken_with_stragglers",
        "A broken account with stragglers",
        4,
        "Single records arrive for an hour after the account broke: they do not end its page.",
    )
    .with((locked, silent), What::Thinned(16))
    .with((silent, unlocked), STOPPED)
    .with((locked, unlocked), What::NotRecognized)
    .broken(account("the account is locked", locked, unlocked));
    let trickle = life(
        "account_broken_with_a_trickle",
        "A broken account, and a few records go on",
        5,
        "One record in sixteen still syncs until the account is restored a day later: its page does not end before.",
    )
    .with((locked, unlocked), What::Thinned(16))
    .with((locked, unlocked), What::NotRecognized)
    .broken(account("the account is locked", locked, unlocked));
    let wrong = life("page_shows_an_old_x", "The page shows an X, and sync goes on", 4,
        "The page shows an X for hours while records sync: the records are newer than what the page shows.")
        .with((at(10, 10, 0), at(10, 14, 0)), What::NotRecognized);
    vec![flapping, late, never, night, straggler, trickle, wrong]
}

/// Nothing syncs, and the probe sees why.
fn probed(story: Scenario, cause: C, from: Timestamp, until: Timestamp) -> Scenario {
    story.probed().with((from, until), STOPPED).with((from, until), What::Probed(cause)).broken(
        Breakage::of("Exchange", (from, until), Actor::Exchange).page(&[cause], PROBE_FINDS),
    )
}

fn exchange() -> Vec<Scenario> {
    let lost = (at(10, 10, 0), at(11, 15, 0));
    let some = life(
        "impersonation_lost_for_some",
        "The account loses five mailboxes",
        4,
        "A new policy leaves five mailboxes out: a warning in office hours, and nobody is woken.",
    )
    .probed()
    .with(lost, users(3..8, UserRow::ServiceAccount, Status::No))
    .broken(
        Breakage::of("five mailboxes refuse the account", lost, Actor::Exchange)
            .notices(&[C::UsersFailing]),
    );
    let all = probed(
        life(
            "impersonation_lost_for_all",
            "The account loses all mailboxes",
            5,
            "The right to act for others is gone: everything stops, and one page says why.",
        ),
        C::ExchangeImpersonationRefused,
        lost.0,
        lost.1,
    )
    .with(lost, users(0..USERS, UserRow::ServiceAccount, Status::No));
    let unseen = life("impersonation_lost_without_probe", "The account loses all mailboxes, and nobody probes", 5,
        "The same where the page is all there is: users fail at once, and a day later nothing has synced.")
        .with(lost, STOPPED)
        .with(lost, users(0..USERS, UserRow::ServiceAccount, Status::No))
        .broken(
            Breakage::of("all mailboxes refuse the account", lost, Actor::Exchange)
                .page(&[C::NoSyncIn24Hours], HOURS_24)
                .notices(&[C::UsersFailing]),
        );
    let ends = at(11, 12, 0);
    let certificate = probed(
        life("certificate_expired", "The certificate of Exchange ends", 5,
            "A warning for days that nobody reads, then the end: Salesforce trusts Exchange no more."),
        C::ExchangeUnreachable,
        ends,
        at(12, 9, 0),
    )
    .with((Timestamp::MIN, at(12, 9, 0)), What::CertificateEnds(ends))
    .broken(
        Breakage::of("the certificate ends soon", (at(9, 0, 0), at(12, 9, 0)), Actor::Exchange)
            .notices(&[C::ExchangeCertificateEnding]),
    );
    let slow = (at(10, 10, 0), at(10, 16, 0));
    let throttled = life("exchange_throttles", "Exchange throttles", 4,
        "For six hours Exchange lets one record in six through and asks the probe to wait: slow is not broken.")
        .probed()
        .with(slow, What::Throttled)
        .with(slow, What::Thinned(6));
    let off = (at(10, 9, 0), at(11, 15, 0));
    let ews = probed(
        life(
            "ews_switched_off",
            "EWS is switched off",
            5,
            "Somebody switches EWS off for the whole tenant.",
        ),
        C::ExchangeEwsOff,
        off.0,
        off.1,
    );
    let ours = life(
        "ews_off_for_the_probe",
        "EWS is off for the probe alone",
        4,
        "The tenant lets Salesforce in and not the probe: records sync, so nobody is woken.",
    )
    .probed()
    .with(off, What::Probed(C::ExchangeEwsOff))
    .broken(
        Breakage::of("the probe is not let in", off, Actor::Exchange).notices(&[C::ExchangeEwsOff]),
    );
    let alone = life(
        "probe_is_refused_and_sync_stops",
        "The probe is refused, and a day later sync stops",
        6,
        "EWS is off for the probe alone, a warning; then nothing syncs for a reason of its own: that pages.",
    )
    .probed()
    .with((off.0, at(14, 0, 0)), What::Probed(C::ExchangeEwsOff))
    .with((at(11, 10, 0), at(13, 9, 0)), STOPPED)
    .broken(
        Breakage::of("the probe is not let in", (off.0, at(14, 0, 0)), Actor::Exchange)
            .notices(&[C::ExchangeEwsOff]),
    )
    .broken(
        Breakage::of("nothing syncs", (at(11, 10, 0), at(13, 9, 0)), Actor::Salesforce)
            .page(&[C::NoSyncIn24Hours], HOURS_24)
            .notices(&stop_notices()),
    );
    let password = life("probe_has_an_old_password", "The probe has an old password", 4,
        "The password was changed in Salesforce and not in the exporter: the probe is refused, sync goes on.")
        .probed()
        .with(off, What::Probed(C::ExchangeAccountRefused))
        .broken(
            Breakage::of("the probe's password is old", off, Actor::Monitoring)
                .notices(&[C::ExchangeAccountRefused]),
        );
    let both = probed(
        life("password_expired_and_probed", "The password expired, and the probe sees it", 5,
            "The probe is refused minutes after the password expired, Salesforce shows an X three hours later: one page."),
        C::ExchangeAccountRefused,
        off.0,
        off.1,
    )
    .with((at(10, 12, 0), off.1), What::NotRecognized)
    .broken(Breakage::of("the X of it", (at(10, 12, 0), off.1), Actor::Exchange)
        .notices(&[C::ServiceAccountNotRecognized]));
    let unreachable = (at(10, 2, 0), at(10, 2, 8));
    let short = life(
        "exchange_restarts",
        "Exchange restarts at night",
        3,
        "Exchange does not answer for eight minutes: over before anybody would be awake.",
    )
    .probed()
    .with(unreachable, STOPPED)
    .with(unreachable, What::Probed(C::ExchangeUnreachable));
    let canary = (at(10, 10, 0), at(11, 10, 0));
    let direction = life("one_direction_stopped_with_canary", "One direction stopped, with a canary", 4,
        "Nothing reaches Salesforce any more. The page counts both directions together; the canary does not.")
        .canary()
        .busy()
        .with(canary, What::Stopped { object: None, direction: Some(Direction::ToSalesforce) })
        .with(canary, What::CanaryLate(Direction::ToSalesforce))
        .broken(
            Breakage::of("nothing reaches Salesforce", canary, Actor::Salesforce)
                .page(&[C::CanaryLate], CANARY_ALLOWS),
        );
    let disagree = life("canary_disagrees_with_page", "The page is green, and the canary is late", 4,
        "Every row of the page is good because backlog syncs; what is written now does not arrive in either direction.")
        .canary()
        .probed()
        .with(canary, What::CanaryLate(Direction::ToSalesforce))
        .with(canary, What::CanaryLate(Direction::ToExchange))
        .broken(
            Breakage::of("nothing new arrives", canary, Actor::Salesforce)
                .page(&[C::CanaryLate], CANARY_ALLOWS),
        );
    vec![
        some,
        all,
        unseen,
        certificate,
        throttled,
        ews,
        ours,
        alone,
        password,
        both,
        short,
        direction,
        disagree,
    ]
}

fn of_users() -> Vec<Scenario> {
    let span = (at(10, 10, 0), at(12, 9, 0));
    let one = |name, title, about, rows: &[UserRow]| {
        let story = life(name, title, 4, about).broken(
            Breakage::of("a user fails a check", span, Actor::Exchange)
                .notices(&[C::UsersFailing, C::LinkedUsersUnexpected]),
        );
        rows.iter().fold(story, |story, row| story.with(span, users(5..6, *row, Status::No)))
    };
    let mut stories = vec![
        one(
            "mailbox_moved",
            "A mailbox is moved",
            "A user's mailbox is moved to a version that is not supported: a warning in office hours.",
            &[UserRow::MailboxVersion, UserRow::ServiceAccount],
        ),
        one(
            "folder_deleted",
            "A user deletes the contacts folder",
            "The folder that syncs is deleted: a warning that names the check.",
            &[UserRow::ContactsFolder],
        ),
        one(
            "folders_renamed",
            "A user renames both folders",
            "Calendar and contacts are renamed: a warning.",
            &[UserRow::ContactsFolder, UserRow::EventsFolder],
        ),
        one(
            "address_changed",
            "A user's address changes",
            "After a marriage the addresses in both systems differ: the user is not linked.",
            &[UserRow::ContactsLinked, UserRow::EventsLinked],
        ),
        one(
            "user_left",
            "A user leaves",
            "Somebody leaves, and nobody takes the user out of the configuration: the mailbox is gone.",
            &[UserRow::ServiceAccount, UserRow::MailboxVersion],
        ),
    ];
    let mut excluded = life(
        "user_left_and_excluded",
        "A user leaves and is excluded",
        4,
        "The same with the user excluded in the exporter's configuration: no news.",
    )
    .with((at(9, 10, 0), Timestamp::MAX), users(5..6, UserRow::ServiceAccount, Status::No));
    excluded
        .policy
        .exclude_users
        .insert(crate::scenarios::people::user_name(&excluded.policy.name, 5));
    stories.push(excluded);
    let gone = (at(10, 10, 0), at(10, 16, 0));
    stories.push(
        life(
            "configuration_unassigned",
            "The configuration loses its users",
            4,
            "Somebody unassigns the configuration: nobody is linked, and nothing syncs. One page.",
        )
        .with(gone, STOPPED)
        .with(gone, users(0..USERS, UserRow::ActiveConfiguration, Status::No))
        .broken(
            Breakage::of("nobody is linked", gone, Actor::Salesforce)
                .page(&[C::NoLinkedUsers], NEXT_READ)
                .notices(&[C::UsersFailing, C::LinkedUsersUnexpected]),
        ),
    );
    stories.push(
        life(
            "migration_ends",
            "The last user has moved to the successor",
            6,
            "Users move day by day until nobody is left, and `retirement` names that day: what ends as planned wakes nobody.",
        )
        .policy(|policy| {
                policy.migrating_since = Some(at(10, 0, 0));
                policy.retirement = Some(at(12, 10, 0));
            })
        .with(
            (at(10, 10, 0), Timestamp::MAX),
            users(0..15, UserRow::ActiveConfiguration, Status::No),
        )
        .with(
            (at(11, 10, 0), Timestamp::MAX),
            users(15..30, UserRow::ActiveConfiguration, Status::No),
        )
        .with(
            (at(12, 10, 0), Timestamp::MAX),
            users(30..USERS, UserRow::ActiveConfiguration, Status::No),
        )
        .with((at(12, 10, 0), Timestamp::MAX), STOPPED)
            .broken(
                Breakage::of("the end comes near", (at(9, 0, 0), Timestamp::MAX), Actor::Salesforce)
                    .notices(&[C::RetirementNear]),
            ),
    );
    stories
}

/// A first sync of everybody, from Monday at ten for so long. Records arrive meanwhile.
fn first_sync(
    name: &'static str,
    title: &'static str,
    about: &'static str,
    hours: i64,
) -> Scenario {
    let began = at(9, 10, 0);
    let done = began.plus(TimeDelta::hours(hours));
    let mut story = life(name, title, 6, about)
        .policy(|policy| policy.setup_until = Some(at(10, 0, 0)))
        .with((began, done), What::AllHours);
    story.life.began = began;
    for row in directions() {
        story = story
            .with((Timestamp::MIN, began), users(0..USERS, row, Status::NotStarted))
            .with((began, done), users(0..USERS, row, Status::InitialSyncInProgress));
    }
    story
}

fn first_syncs() -> Vec<Scenario> {
    let (limit, done) = (at(12, 10, 0), at(13, 4, 0));
    vec![
        first_sync("first_sync_of_3_hours", "A first sync of three hours", "A small organisation is set up.", 3),
        first_sync("first_sync_of_30_hours", "A first sync of thirty hours", "A larger one takes over a day.", 30),
        first_sync("first_sync_of_90_hours", "A first sync of ninety hours",
            "Longer than the limit of three days: a warning that names the users, and no page, because records arrive.", 90)
            .broken(
                Breakage::of("a first sync is over its limit", (limit, done), Actor::Salesforce)
                    .notices(&[C::InitialSyncStuck]),
            ),
    ]
}

fn stops() -> Vec<Scenario> {
    let (stopped, resumed) = (at(10, 10, 0), at(12, 9, 0));
    let stop = |what, span, within| {
        Breakage::of(what, span, Actor::Salesforce)
            .page(&[C::NoSyncIn24Hours], within)
            .notices(&stop_notices())
    };
    let everything = life(
        "everything_stops",
        "Everything stops, and no row says why",
        5,
        "Nothing syncs from Tuesday on, all checks are green: the documented 24 hours decide.",
    )
    .with((stopped, resumed), STOPPED)
    .broken(stop("nothing syncs", (stopped, resumed), HOURS_24));
    let events = What::Stopped { object: Some(ObjectType::Events), direction: None };
    let events = life("events_stop", "Events stop", 5, "Contacts go on, events stop for two days.")
        .with((stopped, resumed), events)
        .broken(stop("events do not sync", (stopped, resumed), HOURS_24));
    let class = life("recurring_events_stop", "One class of events stops", 4,
        "Recurring events no longer sync, all others do. No row of the page counts classes, so nobody can be alerted.")
        .busy()
        .with((stopped, resumed), What::Thinned(2));
    let weekend = office_life("stops_before_a_weekend", "Sync stops on Friday afternoon", 11,
        "Counted in business hours 24 of them are over on Wednesday morning; a warning comes on Monday.")
        .with((at(13, 16, 0), at(18, 14, 0)), STOPPED)
        // Two hours on Friday, ten on Monday and on Tuesday, two on Wednesday.
        .broken(stop("nothing syncs", (at(13, 16, 0), at(18, 14, 0)), TimeDelta::hours(4 * 24 + 18)));
    let (again, over) = (at(13, 9, 0), at(15, 12, 0));
    let twice = life(
        "stops_twice",
        "Sync stops twice",
        8,
        "Two stops of the same kind with a good day between: two pages.",
    )
    .with((stopped, resumed), STOPPED)
    .with((again, over), STOPPED)
    .broken(stop("nothing syncs", (stopped, resumed), HOURS_24))
    .broken(stop("nothing syncs again", (again, over), HOURS_24));
    let small = office_life(
        "three_syncs_a_day_stop",
        "A small organisation stops",
        10,
        "Three syncs a day, then none: 24 business hours later somebody is woken.",
    )
    .sparse()
    .policy(|policy| policy.count_hours = CountHours::Business)
    .with((at(11, 8, 0), at(17, 8, 0)), STOPPED)
    // The last record is from Tuesday afternoon, about four. Ten hours on Wednesday and on Thursday, four on Friday.
    .broken(stop(
        "nothing syncs",
        (at(10, 18, 0), at(17, 8, 0)),
        TimeDelta::hours(2 * 24 + 18),
    ));
    let decline = {
        let days = [(12, 4), (13, 16), (14, 60), (15, 240)];
        let story = life(
            "declines_to_two_a_day",
            "A slow decline to two a day",
            12,
            "From hundreds of records a day to two within a week. Nothing is broken that a row could show; two a day are within 24 hours of each other.",
        );
        days.windows(2).fold(story, |story, pair| match pair {
            [(day, one_in), (next, _)] => {
                story.with((at(*day, 0, 0), at(*next, 0, 0)), What::Thinned(*one_in))
            }
            _ => story,
        })
    };
    let silence = life(
        "declines_and_stops",
        "A slow decline that ends in silence",
        8,
        "One record in sixteen for two days, and then none.",
    )
    .with((at(10, 0, 0), at(12, 10, 0)), What::Thinned(16))
    .with((at(12, 10, 0), at(14, 10, 0)), STOPPED)
    .broken(stop("nothing syncs", (at(12, 10, 0), at(14, 10, 0)), HOURS_24));
    let end = crate::domain::policy::OrgPolicy::VENDOR_RETIREMENT;
    let mut retires = super::plain::from(
        "retires_while_it_pages",
        "The product ends while a page stands",
        super::plain::late_march(0),
        6,
        "Everything stops two days before the vendor's date: the page ends with the product, and nobody is woken again.",
    )
    .with((super::plain::late_march(1), Timestamp::MAX), STOPPED);
    retires.life.calendar.clone_from(&retires.policy.calendar);
    let retires =
        retires.broken(stop("nothing syncs", (super::plain::late_march(1), end), HOURS_24)).broken(
            Breakage::of(
                "the product ends",
                (super::plain::late_march(0), Timestamp::MAX),
                Actor::Salesforce,
            )
            .notices(&[C::RetirementNear]),
        );
    vec![everything, events, class, weekend, twice, small, decline, silence, retires]
}
