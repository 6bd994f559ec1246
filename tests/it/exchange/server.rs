//! What can be wrong with the server as a whole: each has its step and its reason, and ends by itself.

use super::fixture::{PASSWORD, Polled, World, basic, certified, settings};
use chrono::TimeDelta;
use lightning_sync_exporter::domain::probe::{ProbeStep, StepVerdict};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::http_client::Endpoint;
use lightning_sync_exporter::sources::exchange::{ExchangeAuth, ExchangeSettings};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg, ExchangeScene as Scene};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

/// Scene, the step that fails, its reason, and in which poll it is believed.
const SCENES: &[(Scene, ProbeStep, &str, usize)] = &[
    (Scene::WrongPath, ProbeStep::Http, "not_ews", 1),
    (Scene::PoolDown, ProbeStep::Http, "service_unavailable", 2),
    (Scene::ServerError, ProbeStep::Http, "exchange_server_error", 2),
    (Scene::ErrorPage, ProbeStep::Http, "exchange_server_error", 2),
    (Scene::RedirectElsewhere, ProbeStep::Http, "redirected", 1),
    (Scene::SignInPage, ProbeStep::Http, "login_page", 1),
    (Scene::BasicOff, ProbeStep::Auth, "scheme_not_offered", 1),
    (Scene::LockedOut, ProbeStep::Auth, "account_locked", 2),
    (Scene::EwsDisabled, ProbeStep::Auth, "ews_disabled", 3),
    (Scene::EwsBlocked, ProbeStep::Auth, "ews_blocked_by_policy", 3),
    (Scene::Forbidden, ProbeStep::Auth, "ews_forbidden", 1),
    (Scene::Truncated, ProbeStep::Auth, "connect_failed", 1),
    (Scene::Huge, ProbeStep::Auth, "answer_too_large", 1),
    (Scene::Deep, ProbeStep::Auth, "answer_malformed", 1),
    (Scene::Entities, ProbeStep::Auth, "answer_malformed", 1),
    (Scene::OtherEncoding, ProbeStep::Auth, "answer_malformed", 1),
    (Scene::Garbage, ProbeStep::Auth, "answer_malformed", 1),
];

fn is_well(polled: &Polled, users: usize) {
    assert_eq!(polled.broken(), None);
    for (step, found) in polled.report.steps {
        assert_eq!(found.verdict, StepVerdict::Passed, "{step}");
        assert_eq!(found.last_success, Some(polled.report.at), "{step}");
    }
    let snapshot = polled.snapshot.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(snapshot.users.len(), users);
}

#[tokio::test]
async fn every_trouble_of_the_server_has_its_step_and_reason_and_ends_by_itself() {
    let mut world = World::of(3).await;
    for (scene, step, reason, believed_in) in SCENES {
        is_well(&world.poll().await, 3);
        world.exchange.change(|org| org.scene = *scene);
        for poll in 1..=*believed_in {
            world.exchange.take_seen();
            let polled = world.poll().await;
            let failure = polled.snapshot.as_ref().unwrap_err();
            if poll < *believed_in {
                assert_eq!(polled.verdict(*step), StepVerdict::Held, "{scene} {poll}");
                assert_eq!(polled.broken(), None, "{scene} {poll}");
                // What was found before stays.
                assert_eq!(polled.figure("step_success", &[step.name()]), Some(1.0), "{scene}");
                continue;
            }
            assert_eq!(polled.broken(), Some((*step, *reason)), "{scene}: {failure}");
            assert_eq!(failure.reason.name, *reason, "{scene}");
            assert!(failure.reason.advice.ends_with('.') && !failure.detail.contains(PASSWORD));
            assert_eq!(polled.figure("step_success", &[step.name()]), Some(0.0), "{scene}");
            let info = [step.name(), "failed", reason];
            assert_eq!(polled.figure("step_failure_info", &info), Some(1.0), "{scene}");
            // What depends on it is skipped, not failed.
            for (later, found) in polled.report.steps.iter().filter(|(later, _)| later > step) {
                assert_eq!(found.verdict, StepVerdict::Skipped, "{scene}: {later}");
                assert_eq!(polled.figure("step_success", &[later.name()]), None, "{scene}");
            }
            assert!(world.exchange.take_seen().len() <= 4, "{scene}");
        }
        world.exchange.change(|org| org.scene = Scene::Healthy);
        // A suspended account is tried again after an hour.
        world.pass(TimeDelta::hours(1));
    }
    is_well(&world.poll().await, 3);
}

#[tokio::test]
async fn a_refused_account_is_tried_twice_and_then_once_an_hour_even_after_a_restart() {
    let mut world = World::of(20).await;
    is_well(&world.poll().await, 20);
    world.exchange.change(|org| "another".clone_into(&mut org.password));
    world.exchange.take_seen();
    let first = world.poll().await;
    assert_eq!((first.broken(), world.sign_ins()), (None, 1), "one refusal proves nothing");
    assert_eq!(first.snapshot.unwrap_err().reason.name, "sign_in_refused_once");
    let second = world.poll().await;
    let refused = Some((ProbeStep::Auth, "sign_in_refused"));
    assert_eq!((second.broken(), world.sign_ins()), (refused, 1));
    // Ten polls, each by a program that was started anew.
    for poll in 0..10 {
        world.restart();
        let polled = world.poll().await;
        assert_eq!((polled.broken(), world.sign_ins()), (refused, 0), "{poll}");
        let until = polled.figure("sign_in_suspended_until_timestamp_seconds", &[]).unwrap();
        assert!(until > world.now.seconds());
    }
    world.pass(TimeDelta::minutes(10));
    assert_eq!((world.poll().await.broken(), world.sign_ins()), (refused, 1), "an hour later");
    assert_eq!((world.poll().await.broken(), world.sign_ins()), (refused, 0));
    // Another password is tried at once.
    world.ews().auth = basic("another");
    world.restart();
    is_well(&world.poll().await, 20);
}

#[tokio::test]
async fn a_refusal_at_a_mailbox_ends_the_poll_and_is_tried_at_no_other() {
    let mut world = World::of(30).await;
    is_well(&world.poll().await, 30);
    world.exchange.change(|org| org.scene = Scene::MailboxesRefused);
    world.exchange.take_seen();
    assert_eq!(world.poll().await.broken(), None);
    assert!(world.sign_ins() <= 6, "the sign-in, and a mailbox on each connection");
    assert_eq!(world.poll().await.broken(), Some((ProbeStep::Auth, "sign_in_refused")));
    world.exchange.take_seen();
    world.poll().await;
    assert_eq!(world.sign_ins(), 0);
}

#[tokio::test]
async fn the_account_of_somebody_who_left_says_nothing_of_ours() {
    let mut world = World::of(30).await;
    world.exchange.change(|org| org.mailboxes[7].fault = Some("ErrorAccountDisabled"));
    for _ in 0..3 {
        let polled = world.poll().await;
        assert_eq!(polled.broken(), Some((ProbeStep::Impersonation, "account_disabled")));
        assert_eq!(polled.verdict(ProbeStep::Auth), StepVerdict::Passed);
        assert_eq!(polled.figure("mailboxes", &["ok"]), Some(29.0));
        assert_eq!(polled.report.trouble, None);
        assert_eq!(polled.snapshot.unwrap().unwrap().users.len(), 30);
    }
}

#[tokio::test]
async fn throttling_is_obeyed_and_flips_no_verdict() {
    for (scene, seconds) in [(Scene::Busy, 60), (Scene::BusyWrapped, 30), (Scene::BusyFront, 60)] {
        let mut world = World::of(3).await;
        is_well(&world.poll().await, 3);
        world.exchange.change(|org| org.scene = scene);
        world.exchange.take_seen();
        let polled = world.poll().await;
        assert!(matches!(polled.snapshot, Ok(None)), "{scene}: no failure");
        assert_eq!(world.sign_ins(), 1, "{scene}");
        assert_eq!(polled.verdict(ProbeStep::Auth), StepVerdict::Held);
        for step in ProbeStep::ALL {
            assert_eq!(polled.figure("step_success", &[step.name()]), Some(1.0), "{scene}: {step}");
        }
        let until = polled.figure("throttled_until_timestamp_seconds", &[]).unwrap();
        assert_eq!(until, world.now.seconds() + f64::from(seconds), "{scene}");
        // Before that nothing is requested.
        world.now =
            world.now.plus(TimeDelta::seconds(i64::from(seconds) - 1)).minus(TimeDelta::minutes(5));
        let polled = world.poll().await;
        assert!(matches!(polled.snapshot, Ok(None)) && world.exchange.take_seen().is_empty());
        world.exchange.change(|org| org.scene = Scene::Healthy);
        is_well(&world.poll().await, 3);
    }
}

#[tokio::test]
async fn a_pause_begins_when_it_is_demanded() {
    let mut world = World::of(1).await;
    world.exchange.change(|org| {
        org.scene = Scene::Busy;
        org.slowness = Duration::from_millis(700);
    });
    let polled = world.poll().await;
    let until = polled.figure("throttled_until_timestamp_seconds", &[]).unwrap();
    // Three requests later.
    assert!(until - world.now.seconds() >= 62.0, "{until}");
}

#[tokio::test]
async fn certificates_names_and_ports_have_steps_of_their_own() {
    let begin = |world: &mut World, url: &str| {
        let host = url.strip_suffix("/EWS/Exchange.asmx").unwrap();
        world.ews().host = Endpoint::new(host).unwrap();
        world.ews().autodiscover = false;
        world.restart();
    };
    let mut world = World::of(2).await;
    is_well(&world.poll().await, 2);
    let ends = world.poll().await.figure("certificate_not_after_timestamp_seconds", &[]);
    assert_eq!(ends, Some(4_102_444_800.0));
    for (name, until, reason) in [
        ("localhost", 2021, "certificate_expired"),
        ("mail.acme.example", 2100, "certificate_other_name"),
    ] {
        let other = certified(name, until);
        let org = ExchangeOrg::healthy("a", "b", Vec::new());
        let exchange =
            Exchange::start(org, "localhost", Some(Arc::clone(&other.config))).await.unwrap();
        let known = settings(&exchange.url(), &other, 2);
        begin(&mut world, &exchange.url());
        // Of an authority that nobody named.
        let unknown = if until == 2021 { reason } else { "certificate_unknown_issuer" };
        assert_eq!(world.poll().await.broken(), Some((ProbeStep::Tls, unknown)));
        world.settings.authorities = known.authorities;
        world.restart();
        let polled = world.poll().await;
        assert_eq!(polled.broken(), Some((ProbeStep::Tls, reason)));
        assert_eq!(polled.verdict(ProbeStep::Tcp), StepVerdict::Passed);
        assert!(exchange.take_seen().is_empty(), "nothing is sent to who is not trusted");
    }
    let plain = Exchange::start(ExchangeOrg::healthy("a", "b", Vec::new()), "localhost", None)
        .await
        .unwrap();
    begin(&mut world, &plain.url().replace("http://", "https://"));
    assert_eq!(world.poll().await.broken(), Some((ProbeStep::Tls, "tls_not_agreed")));
    let port = plain.address().port();
    drop(plain);
    begin(&mut world, &format!("https://localhost:{port}/EWS/Exchange.asmx"));
    assert_eq!(world.poll().await.broken(), Some((ProbeStep::Tcp, "connect_failed")));
    begin(&mut world, "https://no-such-host.invalid/EWS/Exchange.asmx");
    let polled = world.poll().await;
    assert_eq!(polled.broken(), Some((ProbeStep::Dns, "name_not_resolved")));
    assert_eq!(polled.verdict(ProbeStep::Tcp), StepVerdict::Skipped);
}

#[tokio::test]
async fn autodiscover_is_read_in_both_forms_and_stops_nothing() {
    let mut world = World::of(2).await;
    world.exchange.change(|org| org.scene = Scene::AutodiscoverOld);
    is_well(&world.poll().await, 2);
    for (scene, reason) in [
        (Scene::AutodiscoverOff, "autodiscover_missing"),
        (Scene::AutodiscoverOther, "autodiscover_url_mismatch"),
    ] {
        world.exchange.change(|org| org.scene = scene);
        let polled = world.poll().await;
        assert_eq!(polled.broken(), Some((ProbeStep::Autodiscover, reason)));
        assert_eq!(polled.verdict(ProbeStep::Counts), StepVerdict::Passed);
        assert_eq!(polled.snapshot.unwrap().unwrap().users.len(), 2);
        assert!(polled.news.iter().any(|line| line.contains(reason)), "{:?}", polled.news);
    }
}

#[tokio::test]
async fn a_token_is_read_with_every_poll() {
    let mut world = World::of(2).await;
    let token_file = world.certified.directory.path().join("token");
    world.ews().auth = ExchangeAuth::Bearer { token_file: token_file.clone() };
    world.restart();
    let polled = world.poll().await;
    assert_eq!(polled.broken(), Some((ProbeStep::Auth, "token_unreadable")));
    fs::write(&token_file, "a-token-of-the-simulated-tenant\n").unwrap();
    fs::set_permissions(&token_file, fs::Permissions::from_mode(0o600)).unwrap();
    is_well(&world.poll().await, 2);
    // Who renews it was late. It locks nobody's account, so that the new one is tried at once.
    world.exchange.change(|org| "a newer token".clone_into(&mut org.token));
    for broken in [None, Some((ProbeStep::Auth, "sign_in_refused"))] {
        assert_eq!(world.poll().await.broken(), broken);
    }
    fs::write(&token_file, "a newer token\n").unwrap();
    is_well(&world.poll().await, 2);
}

#[tokio::test]
async fn an_old_interface_is_spoken_to_in_its_own_version() {
    let mut world = World::of(2).await;
    world.exchange.change(|org| org.scene = Scene::OldInterface);
    is_well(&world.poll().await, 2);
    world.exchange.take_seen();
    is_well(&world.poll().await, 2);
    let seen = world.exchange.take_seen();
    let refused = seen.iter().filter(|seen| seen.status == 500).count();
    assert_eq!(refused, 0, "it is remembered");
}

#[tokio::test]
async fn steps_remember_over_a_restart_since_when_they_fail() {
    let mut world = World::of(2).await;
    is_well(&world.poll().await, 2);
    let good = world.now;
    world.exchange.change(|org| org.scene = Scene::WrongPath);
    world.poll().await;
    let since: Timestamp = world.now;
    world.restart();
    let http = world.poll().await.report.steps[ProbeStep::Http];
    assert_eq!((http.failing_since, http.last_success), (Some(since), Some(good)));
    assert_eq!(ExchangeSettings::POLL_EVERY, TimeDelta::minutes(5));
}
