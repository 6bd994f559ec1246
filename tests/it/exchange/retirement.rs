//! The end of EWS in Exchange Online, as a probe over EWS sees it.

use super::causes::findings;
use super::fixture::{Polled, World};
use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::{Cause, Severity};
use lightning_sync_exporter::domain::policy::ConnectionMethod;
use lightning_sync_exporter::domain::probe::ProbeStep;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_sim::simulator::exchange::ExchangeScene as Scene;

const ENDS: f64 = 1_806_537_600.0;

/// Five mailboxes, of which the first ones are in Exchange Online.
async fn world(online: usize) -> World {
    let mut world = World::of(5).await;
    world.policy.connection = ConnectionMethod::Oauth;
    world.policy.probes_exchange = true;
    // Lightning Sync ends on the same day.
    world.policy.retirement = None;
    world.restart();
    world.exchange.change(|org| {
        for mailbox in org.mailboxes.iter_mut().take(online) {
            mailbox.version = Some([15, 20, 8_000]);
        }
    });
    world
}

fn ends(polled: &Polled) -> Option<f64> {
    polled.figure("ews_retirement_timestamp_seconds", &[])
}

#[tokio::test]
async fn the_end_is_exported_where_exchange_online_is_seen_over_ews() {
    let mut on_premises = world(0).await;
    let polled = on_premises.poll().await;
    assert_eq!((polled.broken(), ends(&polled), polled.report.is_mixed()), (None, None, false));
    let mut mixed = world(3).await;
    let polled = mixed.poll().await;
    assert_eq!(
        (polled.broken(), ends(&polled), polled.report.is_mixed()),
        (None, Some(ENDS), true)
    );
    assert_eq!(polled.figure("mailboxes_by_place", &["online"]), Some(3.0));
    assert_eq!(polled.figure("mailboxes_by_place", &["on_premises"]), Some(2.0));
    mixed.settings.ews_retirement = None;
    mixed.restart();
    assert_eq!(ends(&mixed.poll().await), None, "none is set");
}

#[tokio::test]
async fn all_of_exchange_online_refused_is_one_finding_and_one_mailbox_is_none() {
    let mut world = world(3).await;
    let refuse = |world: &World, count: usize| {
        world.exchange.change(|org| {
            for (place, mailbox) in org.mailboxes.iter_mut().enumerate() {
                mailbox.ews_disabled = place < count;
            }
        });
    };
    let polled = world.poll().await;
    assert_eq!(findings(&world, &polled), []);
    // The switch of one mailbox.
    refuse(&world, 1);
    let polled = world_polls(&mut world, 4).await;
    assert_eq!(polled.broken(), Some((ProbeStep::Impersonation, "ews_disabled")));
    assert_eq!(findings(&world, &polled), []);
    // The tenant: two are fine, on premises. It is believed in the third poll.
    refuse(&world, 3);
    for believed in [false, false, true] {
        let polled = world.poll().await;
        let expected =
            if believed { vec![(Cause::ExchangeEwsOff, Severity::Critical)] } else { vec![] };
        assert_eq!(findings(&world, &polled), expected);
        assert_eq!(ends(&polled), Some(ENDS));
    }
    let polled = world.poll().await;
    assert_eq!(polled.figure("mailboxes", &["ews_disabled"]), Some(3.0));
    assert_eq!(polled.figure("mailboxes", &["ok"]), Some(2.0));
    refuse(&world, 0);
    let polled = world.poll().await;
    assert_eq!(findings(&world, &polled), []);
    // The only one there is one, too.
    let mut alone = self::world(1).await;
    assert_eq!(alone.poll().await.broken(), None);
    refuse(&alone, 1);
    let polled = world_polls(&mut alone, 4).await;
    assert_eq!(polled.broken(), Some((ProbeStep::Impersonation, "ews_disabled")));
    assert_eq!(findings(&alone, &polled), []);
}

/// Since when: neither since one mailbox is refused, nor since something else kept everybody out, nor since a restart.
#[tokio::test]
async fn what_keeps_everybody_out_has_a_beginning_of_its_own() {
    let mut world = world(3).await;
    let since = |polled: &Polled| polled.report.trouble.map(|it| (it.cause, it.since));
    let disable = |world: &World, count: usize| {
        world.exchange.change(|org| {
            org.mailboxes.iter_mut().take(count).for_each(|mailbox| mailbox.ews_disabled = true);
        });
    };
    disable(&world, 1);
    let polled = world_polls(&mut world, 4).await;
    assert_eq!(since(&polled), None);
    let long = polled.report.steps[ProbeStep::Impersonation].failing_since;
    world.pass(TimeDelta::days(3));
    disable(&world, 3);
    let polled = world_polls(&mut world, 3).await;
    let off = Some((Cause::ExchangeEwsOff, world.now));
    assert_eq!(since(&polled), off);
    assert_eq!(polled.report.steps[ProbeStep::Impersonation].failing_since, long);
    world.restart();
    let polled = world_polls(&mut world, 4).await;
    assert_eq!(since(&polled), off, "a restart begins nothing");
    // One step, two causes.
    world.exchange.change(|org| {
        org.scene = Scene::EwsDisabled;
        org.mailboxes.iter_mut().for_each(|mailbox| mailbox.ews_disabled = false);
    });
    let polled = world_polls(&mut world, 3).await;
    assert_eq!(since(&polled), off, "the same trouble");
    world.exchange.change(|org| org.scene = Scene::Healthy);
    assert_eq!(since(&world.poll().await), None);
    world.exchange.change(|org| "another".clone_into(&mut org.password));
    let polled = world_polls(&mut world, 2).await;
    assert_eq!(since(&polled), Some((Cause::ExchangeAccountRefused, world.now)));
}

async fn world_polls(world: &mut World, count: usize) -> Polled {
    let mut polled = world.poll().await;
    for _ in 1..count {
        polled = world.poll().await;
    }
    polled
}

#[tokio::test]
async fn after_the_end_whatever_refuses_everybody_is_the_end() {
    for (scene, before) in [
        (Scene::Forbidden, "ews_forbidden"),
        (Scene::WrongPath, "not_ews"),
        (Scene::EwsDisabled, "ews_disabled"),
    ] {
        let mut world = world(5).await;
        assert_eq!(world.poll().await.broken(), None);
        world.exchange.change(|org| org.scene = scene);
        let polled = world_polls(&mut world, 3).await;
        assert_eq!(polled.broken().map(|(_, reason)| reason), Some(before), "{scene}");
        world.now = Timestamp::from_seconds(ENDS as i64).minus(TimeDelta::minutes(5));
        let polled = world_polls(&mut world, 3).await;
        assert_eq!(polled.broken().map(|(_, reason)| reason), Some("ews_retired"), "{scene}");
        let expected = [(Cause::ExchangeEwsOff, Severity::Critical)];
        assert_eq!(findings(&world, &polled), expected, "{scene}");
    }
}
