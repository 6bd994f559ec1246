//! Every documented failure: a reason of its own, a word on what to do, and recovery by itself.

use super::fixture::{CLIENT_ID, World};
use chrono::TimeDelta;
use lightning_sync_exporter::sources::failure::FailureReason;
use lightning_sync_sim::simulator::salesforce::Scene;

pub(super) const FAILURES: &[(Scene, FailureReason)] = &[
    (Scene::SessionsRefused, FailureReason::SessionExpired),
    (Scene::NotForApi, FailureReason::SessionNotForApi),
    (Scene::RevokedApp, FailureReason::AppRevoked),
    (Scene::NoRunAsUser, FailureReason::NoRunAsUser),
    (Scene::NotApproved, FailureReason::AppNotApproved),
    (Scene::LimitExceeded, FailureReason::RequestLimitExceeded),
    (Scene::LimitExceeded400, FailureReason::RequestLimitExceeded),
    (Scene::PermissionDenied, FailureReason::PermissionDenied),
    (Scene::MalformedQuery, FailureReason::MalformedQuery),
    (Scene::FieldUnknown, FailureReason::FieldUnknown),
    (
        Scene::TransactionSecurity,
        FailureReason::TransactionSecurity,
    ),
    (Scene::Maintenance, FailureReason::Maintenance),
    (Scene::LoginPage, FailureReason::AnswerIsPage),
    (Scene::ServerError, FailureReason::ServerError),
    (Scene::Truncated, FailureReason::ConnectFailed),
    (Scene::Garbage, FailureReason::AnswerMalformed),
    (Scene::HugeBody, FailureReason::AnswerTooLarge),
    (Scene::EndlessPaging, FailureReason::PagingEndless),
    (Scene::RepeatingPage, FailureReason::PagingEndless),
    (Scene::Redirect, FailureReason::Redirected),
];

#[tokio::test]
async fn every_failure_is_named_and_ends_by_itself() {
    for (scene, reason) in FAILURES {
        let mut world = World::healthy(3).await;
        assert!(world.poll().await.snapshot.is_ok());
        world.salesforce.change(CLIENT_ID, |org| org.scene = *scene);
        // A session that was given before may go on; the next one is what the scene is about.
        world.salesforce.expire_sessions();
        world.pass(TimeDelta::minutes(1));
        world.salesforce.take_seen();
        let polled = world.poll().await;
        let failure = polled.snapshot.unwrap_err();
        println!("{scene}: {failure}, {} calls", polled.calls);
        assert_eq!(failure.reason, *reason, "{scene}: {failure}");
        assert!(
            polled.calls <= 4 || *reason == FailureReason::PagingEndless,
            "{scene}"
        );
        assert_eq!(world.requests("/services/oauth2/token"), 1, "{scene}");
        world
            .salesforce
            .change(CLIENT_ID, |org| org.scene = Scene::Healthy);
        world.pass(TimeDelta::hours(1));
        assert_eq!(
            world.poll().await.snapshot.unwrap().users.len(),
            3,
            "{scene}"
        );
    }
}

#[tokio::test]
async fn a_session_that_ended_is_renewed_within_the_poll() {
    let mut world = World::healthy(3).await;
    assert!(world.poll().await.snapshot.is_ok());
    world.salesforce.expire_sessions();
    world.pass(TimeDelta::minutes(1));
    let polled = world.poll().await;
    assert_eq!((polled.snapshot.is_ok(), polled.calls), (true, 3));
}

#[tokio::test]
async fn a_version_that_is_not_there_is_named() {
    let mut world = World::healthy(3).await;
    world
        .salesforce
        .change(CLIENT_ID, |org| org.scene = Scene::VersionMissing);
    let failure = world.poll().await.snapshot.unwrap_err();
    assert_eq!(failure.reason, FailureReason::NotFound);
}

#[tokio::test]
async fn a_wrong_secret_is_named_and_not_repeated_at_once() {
    let mut world = World::healthy(3).await;
    world
        .salesforce
        .change(CLIENT_ID, |org| org.client_secret = "another".to_owned());
    let polled = world.poll().await;
    assert_eq!(
        polled.snapshot.unwrap_err().reason,
        FailureReason::CredentialsRejected
    );
    assert_eq!(polled.calls, 1);
}
