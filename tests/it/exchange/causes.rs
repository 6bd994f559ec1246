//! Which of the things that can happen has happened: by the metrics alone, and as exactly one finding.

use super::fixture::{Polled, World};
use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::{Cause, Severity};
use lightning_sync_exporter::domain::ids::OrgId;
use lightning_sync_exporter::domain::judge::judge_org;
use lightning_sync_exporter::domain::probe::ProbeStep;
use lightning_sync_exporter::domain::source_state::{PollFailing, SourceFacts, SourceState};
use lightning_sync_exporter::domain::view::OrgView;
use lightning_sync_exporter::http_client::Endpoint;
use lightning_sync_sim::simulator::exchange::{ExchangeScene as Scene, FolderPlace};
use std::sync::Arc;

/// What the metrics say: the first step that fails with its reason, or that Exchange demands a pause.
fn by_metrics(polled: &Polled) -> String {
    let info = "lightning_sync_exchange_step_failure_info";
    let failed = polled.figures.iter().filter(|it| it.metric == info && it.labels[1] == "failed");
    let place = |step: &str| ProbeStep::from_name(step).unwrap();
    let first = failed.min_by_key(|it| place(&it.labels[0]));
    if let Some(first) = first {
        return first.labels[2].to_string();
    }
    let pause = polled.figure("throttled_until_timestamp_seconds", &[]).unwrap();
    if pause > 0.0 { "a pause".to_owned() } else { "well".to_owned() }
}

/// The findings, as the daemon has them a quarter of an hour into failing polls.
pub(super) fn findings(world: &World, polled: &Polled) -> Vec<(Cause, Severity)> {
    let policy = Arc::new(world.policy.clone());
    let long = world.now.minus(TimeDelta::hours(1));
    let mut org = OrgView::new(OrgId(1), policy, world.now, world.now);
    let failing = polled.snapshot.as_ref().err().map(|failure| PollFailing {
        since: long,
        reason: failure.reason.name,
        advice: failure.reason.advice,
    });
    let facts =
        SourceFacts { probe: Some(Arc::new(polled.report.clone())), ..SourceFacts::default() };
    Arc::make_mut(&mut org.source_states).set("exchange", Some(SourceState { failing, facts }));
    let found = judge_org(&org, true, world.now);
    found.iter().map(|finding| (finding.cause, finding.severity)).collect()
}

type Played = (&'static str, fn(&mut World), &'static str, Option<Cause>);

fn scene(world: &World, scene: Scene) {
    world.exchange.change(|org| org.scene = scene);
}

const PLAYED: &[Played] = &[
    (
        "name",
        |world| {
            world.ews().host = Endpoint::new("https://no-such-host.invalid").unwrap();
            world.restart();
        },
        "name_not_resolved",
        Some(Cause::ExchangeUnreachable),
    ),
    (
        "firewall",
        |world| {
            world.ews().host = Endpoint::new("https://localhost:1").unwrap();
            world.restart();
        },
        "connect_failed",
        Some(Cause::ExchangeUnreachable),
    ),
    (
        "certificate",
        |world| {
            world.settings.authorities = None;
            world.restart();
        },
        "certificate_unknown_issuer",
        Some(Cause::ExchangeUnreachable),
    ),
    (
        "password",
        |world| world.exchange.change(|org| "another".clone_into(&mut org.password)),
        "sign_in_refused",
        Some(Cause::ExchangeAccountRefused),
    ),
    (
        "lock-out",
        |world| scene(world, Scene::LockedOut),
        "account_locked",
        Some(Cause::ExchangeAccountRefused),
    ),
    (
        "impersonation",
        |world| {
            world.exchange.change(|org| {
                for mailbox in &mut org.mailboxes {
                    mailbox.fault = Some("ErrorImpersonateUserDenied");
                }
            });
        },
        "impersonation_denied",
        Some(Cause::ExchangeImpersonationRefused),
    ),
    (
        "folder deleted",
        |world| {
            world.exchange.change(|org| org.mailboxes[0].folders[0].place = FolderPlace::Deleted);
        },
        "folder_deleted",
        // The user's row shows it, and the finding about users follows from that.
        None,
    ),
    ("throttling", |world| scene(world, Scene::Busy), "a pause", None),
    (
        "server down",
        |world| scene(world, Scene::PoolDown),
        "service_unavailable",
        Some(Cause::ExchangeUnreachable),
    ),
    (
        "EWS off",
        |world| scene(world, Scene::EwsDisabled),
        "ews_disabled",
        Some(Cause::ExchangeEwsOff),
    ),
    (
        "EWS blocked",
        |world| scene(world, Scene::EwsBlocked),
        "ews_blocked_by_policy",
        Some(Cause::ExchangeEwsOff),
    ),
];

#[tokio::test]
async fn what_happened_is_known_by_metrics_and_is_one_finding() {
    for (name, play, reason, cause) in PLAYED {
        let mut world = World::of(3).await;
        world.policy.probes_exchange = true;
        let good = world.poll().await;
        assert_eq!(
            (by_metrics(&good).as_str(), findings(&world, &good)),
            ("well", vec![]),
            "{name}"
        );
        play(&mut world);
        let mut polled = world.poll().await;
        for _ in 0..3 {
            polled = world.poll().await;
        }
        assert_eq!(by_metrics(&polled), *reason, "{name}");
        let expected: Vec<_> = cause.iter().map(|cause| (*cause, Severity::Critical)).collect();
        assert_eq!(findings(&world, &polled), expected, "{name}");
        println!("{name}: {reason}, {expected:?}");
    }
}

#[tokio::test]
async fn a_certificate_near_its_end_is_a_warning() {
    let mut world = World::of(1).await;
    let mut polled = world.poll().await;
    polled.report.certificate_ends = Some(world.now.plus(TimeDelta::days(22)));
    assert_eq!(findings(&world, &polled), []);
    polled.report.certificate_ends = Some(world.now.plus(TimeDelta::days(20)));
    assert_eq!(findings(&world, &polled), [(Cause::ExchangeCertificateEnding, Severity::Warning)]);
}
