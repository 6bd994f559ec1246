//! Short lives about rhythms, feeds, the watching itself, and two things at once.

use super::plain::{
    DOWN_FOR, HOURS_24, NEXT_READ, PROBE_FINDS, Span, at, from, life, office_life, stop_notices,
    users,
};
use super::{STOPPED, USERS};
use crate::domain::calendar::Calendar;
use crate::domain::causes::Cause as C;
use crate::domain::ids::Source;
use crate::domain::rows::{Status, UserRow};
use crate::domain::time::Timestamp;
use crate::scenarios::life::What;
use crate::scenarios::scenario::{Scenario, WatchFault};
use crate::scenarios::setting::{BERLIN, day, local, office_hours, org_name};
use crate::scenarios::truth::{Actor, Breakage};
use chrono::TimeDelta;

pub(super) fn stories() -> Vec<Scenario> {
    [rhythms(), feeds(), exporters(), pairs()].into_iter().flatten().collect()
}

const ALWAYS: Span = (Timestamp::MIN, Timestamp::MAX);
const STOP: Span = (at_const(10, 10), at_const(12, 9));

/// [`at`] where a constant is needed: a full hour of November in Berlin's winter.
const fn at_const(date: i64, hour: i64) -> Timestamp {
    // The first of November 2026, 00:00 in Berlin.
    Timestamp::from_seconds(1_793_487_600 + ((date - 1) * 24 + hour) * 3600)
}

/// Everything stops, and no row says why.
fn stops(story: Scenario) -> Scenario {
    story.with(STOP, STOPPED).broken(
        Breakage::of("nothing syncs", STOP, Actor::Salesforce)
            .page(&[C::NoSyncIn24Hours], HOURS_24)
            .notices(&stop_notices()),
    )
}

/// Salesforce no longer knows the account.
fn refused(story: Scenario, span: Span) -> Scenario {
    story.with(span, STOPPED).with(span, What::NotRecognized).broken(
        Breakage::of("the account is locked", span, Actor::Exchange)
            .page(&[C::ServiceAccountNotRecognized], NEXT_READ),
    )
}

fn down(span: Span) -> Breakage {
    Breakage::of("an exporter is dead", span, Actor::Monitoring).page(&[C::ExporterDown], DOWN_FOR)
}

fn rhythms() -> Vec<Scenario> {
    let holidays: Vec<_> =
        (21..=31).map(|date| day(12, date)).chain((1..=3).map(|date| day(13, date))).collect();
    let policy = office_hours(org_name("long_holidays"), BERLIN, &holidays);
    let starts = local(BERLIN, day(12, 18), 0, 0);
    let mut holidays_life =
        super::scenario("long_holidays", policy, starts, starts.plus(TimeDelta::days(13)));
    holidays_life.title = "Two weeks of holidays";
    holidays_life.about = "Nobody works from the 19th of December on, and the calendar knows it.";
    holidays_life.life.rhythm.closed_one_in = 0;
    let mut clocks = from(
        "clocks_go_back",
        "Clocks go back",
        local(BERLIN, day(10, 22), 0, 0),
        6,
        "A quiet weekend with an hour twice.",
    );
    clocks.policy.count_hours = crate::domain::policy::CountHours::Business;
    clocks.life.rhythm.closed_one_in = 0;
    vec![
        office_life(
            "three_syncs_a_day",
            "A small organisation with three syncs a day",
            14,
            "Three records a day, none at weekends: nothing is wrong.",
        )
        .sparse(),
        holidays_life,
        clocks,
        life(
            "around_the_clock",
            "An organisation that never sleeps",
            4,
            "Shifts around the clock, seven days.",
        )
        .policy(|policy| policy.calendar = Calendar::Always),
    ]
}

fn feeds() -> Vec<Scenario> {
    let silent: Span = (at(10, 10, 0), at(11, 16, 0));
    let pasted = |name, title, days, about| {
        let mut story = office_life(name, title, days, about).with(ALWAYS, What::FeedSilent);
        // Half past eight in Berlin's winter, on working days.
        story.reads.every = HOURS_24;
        story.reads.at = TimeDelta::minutes(7 * 60 + 30);
        story.starts = at(9, 8, 25);
        story
            .with((at(14, 0, 0), at(16, 0, 0)), What::PageUnread)
            .with((at(21, 0, 0), at(23, 0, 0)), What::PageUnread)
    };
    vec![
        life("feed_late", "Records come ninety minutes late", 5, "The job that sends records is always an hour and a half behind.")
            .with(ALWAYS, What::FeedLate(TimeDelta::minutes(90))),
        life("feed_repeats", "Records come twice and more", 4, "The job sends the last half hour again with every request.")
            .with(ALWAYS, What::FeedRepeats),
        stops(life("feed_late_and_stopped", "Late records, then none", 5, "Records come ninety minutes late and twice, and then stop.")
            .with(ALWAYS, What::FeedLate(TimeDelta::minutes(90))))
            .broken(
                Breakage::of("the feed is still behind", (STOP.1, at(12, 11, 0)), Actor::Monitoring)
                    .notices(&stop_notices()),
            ),
        life("feed_silent_page_read", "The feed is silent, the page is read", 4,
            "The job that sends records dies for a day. The page is still read and shows that sync lives.")
            .policy(|policy| policy.expected_every[Source::Activity] = Some(TimeDelta::minutes(5)))
            .with(silent, What::FeedSilent),
        life("counts_only", "Counts only", 4, "The page shows counts and no last sync, and nobody sends records.")
            .with(ALWAYS, What::FeedSilent)
            .with(ALWAYS, What::CountsOnly),
        life("counts_only_stopped", "Counts only, and then zero", 5, "The same, and sync stops: the count of 24 hours is all there is.")
            .with(ALWAYS, What::FeedSilent)
            .with(ALWAYS, What::CountsOnly)
            .with(STOP, STOPPED)
            .broken(
                Breakage::of("nothing syncs", STOP, Actor::Salesforce)
                    .page(&[C::NothingIn24Hours], HOURS_24 + NEXT_READ),
            ),
        pasted("pasted_on_working_days", "Pasted by hand on working days", 14, "Somebody pastes the page each working morning."),
        pasted("pasted_and_stopped", "Pasted by hand, and sync stops", 10, "The same, and everything stops on Tuesday at ten: the page of Friday morning is past the limit.")
            .with((at(10, 10, 0), at(16, 8, 0)), STOPPED)
            // 24 business hours are over on Thursday at two; the next page is pasted on Friday.
            .broken(
                Breakage::of("nothing syncs", (at(10, 10, 0), at(16, 8, 30)), Actor::Salesforce)
                    .page(&[C::NoSyncIn24Hours], TimeDelta::minutes(2 * 1440 + 22 * 60 + 30))
                    .notices(&stop_notices()),
            ),
    ]
}

fn exporters() -> Vec<Scenario> {
    let dead: Span = (at(10, 10, 0), at(10, 14, 0));
    let away = |name, title, about, minutes| {
        let mut story = stops(life(name, title, 5, about));
        story.watching.evaluated_every = Some(TimeDelta::minutes(minutes));
        story
    };
    let mut beside = refused(
        life(
            "one_of_two_organisations_breaks",
            "One of two organisations breaks",
            4,
            "One exporter watches two; the account of one is locked, and the other is none the wiser.",
        ),
        (at(10, 10, 0), at(10, 15, 0)),
    );
    beside.watching.beside = true;
    let mut replicas = life(
        "one_of_two_exporters_dies",
        "One of two exporters dies",
        4,
        "The second exporter is dead for four hours; the first goes on.",
    )
    .watched(dead, WatchFault::SecondDown)
    .broken(down(dead));
    replicas.watching.two_exporters = true;
    vec![
        beside,
        replicas,
        life("exporter_dies", "The exporter dies", 4, "The only exporter is dead for four hours.")
            .watched(dead, WatchFault::Down)
            .broken(down(dead)),
        stops(life(
            "exporter_dies_while_it_pages",
            "The exporter dies while a page stands",
            5,
            "Nothing syncs for a day, then the exporter dies for two hours: what it found goes on.",
        ))
        .watched((at(11, 14, 0), at(11, 16, 0)), WatchFault::Down)
        .broken(down((at(11, 14, 0), at(11, 16, 0)))),
        stops(life(
            "exporter_restarts",
            "The exporter is restarted again and again",
            5,
            "Nothing syncs, and the exporter is restarted before every scrape for a day.",
        ))
        .watched((at(11, 8, 0), at(12, 8, 0)), WatchFault::Restarts)
        .broken(
            Breakage::of("the exporter restarts", (at(11, 8, 0), at(12, 10, 0)), Actor::Monitoring)
                .notices(&[C::Restarting]),
        ),
        life(
            "exporter_clock_ahead",
            "The exporter's clock is two days ahead",
            4,
            "For four hours what it shows is of another time.",
        )
        .watched(dead, WatchFault::ClockAhead(TimeDelta::days(2)))
        .broken(down(dead).notices(&[C::ClockSuspect, C::UsersFailing])),
        life(
            "exporter_clock_behind",
            "The exporter's clock is a day behind",
            4,
            "For four hours it is 26 hours behind.",
        )
        .watched(dead, WatchFault::ClockAhead(TimeDelta::hours(-26)))
        .broken(down(dead).notices(&[C::ClockSuspect])),
        away(
            "prometheus_away_for_20_minutes",
            "Prometheus comes every 20 minutes",
            "Nothing syncs, and the rules are evaluated every 20 minutes only.",
            20,
        ),
        away(
            "prometheus_away_for_3_hours",
            "Prometheus comes every three hours",
            "The same with three hours between.",
            180,
        ),
    ]
}

/// Two things at once: each has its own truth, and neither hides or doubles the other.
fn pairs() -> Vec<Scenario> {
    let account: Span = (at(10, 10, 0), at(11, 15, 0));
    let user: Span = (at(10, 10, 0), at(12, 9, 0));
    let failing = |story: Scenario| {
        story.with(user, users(5..6, UserRow::ContactsFolder, Status::No)).broken(
            Breakage::of("a user fails a check", user, Actor::Exchange).notices(&[C::UsersFailing]),
        )
    };
    let dead: Span = (at(10, 14, 0), at(10, 18, 0));
    let mut two = stops(life(
        "stopped_with_one_of_two_dead",
        "Stopped, and one of two exporters is dead",
        5,
        "Everything stops while the second exporter is dead for four hours.",
    ))
    .watched((at(11, 8, 0), at(11, 12, 0)), WatchFault::SecondDown)
    .broken(down((at(11, 8, 0), at(11, 12, 0))));
    two.watching.two_exporters = true;
    let mut away = failing(refused(
        life(
            "account_and_user_prometheus_away",
            "Account, user, and a Prometheus that is away",
            4,
            "The account is locked, a user fails, and rules are evaluated every 20 minutes.",
        ),
        account,
    ));
    away.watching.evaluated_every = Some(TimeDelta::minutes(20));
    let probed = |story: Scenario, cause, span: Span| {
        story
            .probed()
            .with(span, STOPPED)
            .with(span, What::Probed(cause))
            .broken(Breakage::of("Exchange", span, Actor::Exchange).page(&[cause], PROBE_FINDS))
    };
    let mut clock = from(
        "account_over_clock_change",
        "The account breaks over the change of the clocks",
        local(BERLIN, day(10, 22), 0, 0),
        6,
        "Locked on Saturday evening, unlocked on Monday morning; the clocks go back between.",
    );
    let span = (local(BERLIN, day(10, 24), 20, 0), local(BERLIN, day(10, 26), 9, 0));
    clock.life.rhythm.closed_one_in = 0;
    clock.policy.count_hours = crate::domain::policy::CountHours::Business;
    let clock = refused(clock, span);
    vec![
        refused(life("account_and_exporter", "The account breaks, and the exporter dies", 5,
            "The exporter dies four hours after the page: the page stands, and a second one tells of the exporter."), account)
            .watched(dead, WatchFault::Down)
            .broken(down(dead)),
        failing(refused(life("account_and_user", "The account breaks while a user fails", 5,
            "One page; the user's warning waits behind it."), account)),
        failing(stops(life("stopped_and_user", "Everything stops while a user fails", 5, "A warning, and a page a day later."))),
        clock,
        probed(life("certificate_at_weekend", "The certificate ends on Saturday", 8,
            "Nobody works, and Exchange is unreachable for Salesforce: a root cause pages at any hour."),
            C::ExchangeUnreachable, (at(14, 12, 0), at(15, 20, 0)))
            .with((Timestamp::MIN, at(15, 20, 0)), What::CertificateEnds(at(14, 12, 0)))
            .broken(Breakage::of("the certificate ends soon", (at(9, 0, 0), at(15, 20, 0)), Actor::Exchange)
                .notices(&[C::ExchangeCertificateEnding])),
        refused(life("late_feed_and_account", "A late feed and a broken account", 5,
            "Records come ninety minutes late, so some still arrive after the account broke."), account)
            .with(ALWAYS, What::FeedLate(TimeDelta::minutes(90))),
        refused(life("restarts_and_account", "Restarts and a broken account", 5,
            "The exporter is restarted before every scrape all Tuesday, and the account breaks at ten."), account)
            .watched((at(10, 0, 0), at(11, 0, 0)), WatchFault::Restarts)
            .broken(Breakage::of("the exporter restarts", (at(10, 0, 0), at(11, 2, 0)), Actor::Monitoring)
                .notices(&[C::Restarting])),
        two,
        away,
        probed(life("ews_off_page_unread", "EWS is off, and nobody reads the page", 5,
            "The probe is all that sees it."), C::ExchangeEwsOff, account)
            .with((at(10, 8, 0), at(12, 8, 0)), What::PageUnread),
        probed(life("impersonation_and_unassigned", "Impersonation is lost, then users are unassigned", 5,
            "While nothing works somebody takes all users out of the configuration: one trouble, which the probe names first."),
            C::ExchangeImpersonationRefused, account)
            .with((at(10, 14, 0), account.1), users(0..USERS, UserRow::ActiveConfiguration, Status::No))
            .broken(Breakage::of("nobody is linked", (at(10, 14, 0), account.1), Actor::Salesforce)
                .page(&[C::NoLinkedUsers], NEXT_READ).notices(&[C::UsersFailing])),
        failing(life("throttled_and_user", "Exchange throttles, and a user fails", 5, "A warning for the user; slow is not broken.")
            .probed()
            .with((at(10, 10, 0), at(10, 16, 0)), What::Throttled)
            .with((at(10, 10, 0), at(10, 16, 0)), What::Thinned(6))),
    ]
}
