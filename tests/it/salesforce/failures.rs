//! Every documented failure: a reason of its own, a word on what to do, and recovery by itself.

use super::fixture::{CLIENT_ID, World};
use chrono::TimeDelta;
use lightning_sync_exporter::http_client::TransportFailure;
use lightning_sync_exporter::sources::salesforce::SalesforceFailure;
use lightning_sync_sim::simulator::salesforce::Scene;

pub(super) const FAILURES: &[(Scene, &str)] = &[
    (Scene::SessionsRefused, SalesforceFailure::SessionExpired.name()),
    (Scene::NotForApi, SalesforceFailure::SessionNotForApi.name()),
    (Scene::RevokedApp, SalesforceFailure::AppRevoked.name()),
    (Scene::NoRunAsUser, SalesforceFailure::NoRunAsUser.name()),
    (Scene::NotApproved, SalesforceFailure::AppNotApproved.name()),
    (Scene::LimitExceeded, SalesforceFailure::RequestLimitExceeded.name()),
    (Scene::LimitExceeded400, SalesforceFailure::RequestLimitExceeded.name()),
    (Scene::PermissionDenied, SalesforceFailure::PermissionDenied.name()),
    (Scene::MalformedQuery, SalesforceFailure::MalformedQuery.name()),
    (Scene::FieldUnknown, SalesforceFailure::FieldUnknown.name()),
    (Scene::TransactionSecurity, SalesforceFailure::TransactionSecurity.name()),
    (Scene::Maintenance, SalesforceFailure::Maintenance.name()),
    (Scene::LoginPage, SalesforceFailure::AnswerIsPage.name()),
    (Scene::ServerError, SalesforceFailure::ServerError.name()),
    (Scene::Truncated, TransportFailure::ConnectFailed.name()),
    (Scene::Garbage, TransportFailure::AnswerMalformed.name()),
    (Scene::HugeBody, TransportFailure::AnswerTooLarge.name()),
    (Scene::PackedHuge, TransportFailure::AnswerTooLarge.name()),
    (Scene::PackedGarbage, TransportFailure::AnswerMalformed.name()),
    (Scene::EndlessPaging, SalesforceFailure::PagingEndless.name()),
    (Scene::RepeatingPage, SalesforceFailure::PagingEndless.name()),
    (Scene::Redirect, TransportFailure::Redirected.name()),
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
        println!("{scene}: {failure}, {} calls", polled.requests);
        assert_eq!(failure.reason.name, *reason, "{scene}: {failure}");
        assert!(
            polled.requests <= 4 || *reason == SalesforceFailure::PagingEndless.name(),
            "{scene}"
        );
        assert_eq!(world.requests("/services/oauth2/token"), 1, "{scene}");
        world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::Healthy);
        world.pass(TimeDelta::hours(1));
        assert_eq!(world.poll().await.snapshot.unwrap().users.len(), 3, "{scene}");
    }
}

#[tokio::test]
async fn a_session_that_ended_is_renewed_within_the_poll() {
    let mut world = World::healthy(3).await;
    assert!(world.poll().await.snapshot.is_ok());
    world.salesforce.expire_sessions();
    world.pass(TimeDelta::minutes(1));
    let polled = world.poll().await;
    assert_eq!((polled.snapshot.is_ok(), polled.requests), (true, 3));
}

#[tokio::test]
async fn a_version_that_is_not_there_is_named() {
    let mut world = World::healthy(3).await;
    world.salesforce.change(CLIENT_ID, |org| org.scene = Scene::VersionMissing);
    let failure = world.poll().await.snapshot.unwrap_err();
    assert_eq!(failure.reason.name, SalesforceFailure::NotFound.name());
}

#[tokio::test]
async fn a_wrong_secret_is_named_and_not_repeated_at_once() {
    let mut world = World::healthy(3).await;
    world.salesforce.change(CLIENT_ID, |org| org.client_secret = "another".to_owned());
    let polled = world.poll().await;
    assert_eq!(
        polled.snapshot.unwrap_err().reason.name,
        SalesforceFailure::CredentialsRejected.name()
    );
    assert_eq!(polled.requests, 1);
}
