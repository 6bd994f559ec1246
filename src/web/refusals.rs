//! Refusals in the log: once for each reason, organisation and peer in a while, with their number. A flood of them must
//! not fill a disk, and the first of a kind must not wait.

use super::access::FairKey;
use super::limits::{FLOOD_DELAY, FLOOD_FREE, FLOOD_SENDERS, REFUSAL_KINDS, REFUSALS_LOGGED_EVERY};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What tells refusals apart: reason, organisation, peer.
type RefusalKind = (&'static str, String, String);

/// How many refusals of each kind were not logged yet.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<RefusalKind, Unlogged>>);

struct Unlogged {
    since: Instant,
    count: u64,
}

impl Refusals {
    /// Counts a refusal at `now`. When it is to be logged: for how many it stands, and for which peer; what is one kind
    /// too many is counted for the peer "others".
    pub fn note(
        &self,
        reason: &'static str,
        org: &str,
        peer: &str,
        now: Instant,
    ) -> Option<(u64, String)> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = |kind: &Unlogged| now.duration_since(kind.since) >= REFUSALS_LOGGED_EVERY;
        if kinds.len() >= REFUSAL_KINDS {
            kinds.retain(|_, kind| !due(kind));
        }
        let mut kind = (reason, org.to_owned(), peer.to_owned());
        if kinds.len() >= REFUSAL_KINDS && !kinds.contains_key(&kind) {
            kind = (reason, String::new(), "others".to_owned());
        }
        let peer = kind.2.clone();
        match kinds.get_mut(&kind) {
            Some(known) if !due(known) => {
                known.count += 1;
                None
            }
            known => {
                let count = known.map_or(0, |known| known.count) + 1;
                kinds.insert(kind, Unlogged { since: now, count: 0 });
                Some((count, peer))
            }
        }
    }
}

/// How many requests of each sender were refused in the last second. A flood of them is answered slowly: whoever waits for
/// an answer sends less, and what is waited costs nothing.
#[derive(Default)]
pub(super) struct Floods(Mutex<HashMap<FairKey, (Instant, u32)>>);

impl Floods {
    /// How long a refusal at `now` is to wait.
    pub(super) fn delay(&self, sender: &FairKey, now: Instant) -> Option<Duration> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |since: Instant| now.duration_since(since) >= Duration::from_secs(1);
        if senders.len() >= FLOOD_SENDERS && !senders.contains_key(sender) {
            senders.retain(|_, (since, _)| !is_old(*since));
            if senders.len() >= FLOOD_SENDERS {
                return Some(FLOOD_DELAY);
            }
        }
        let (since, count) = senders.entry(sender.clone()).or_insert((now, 0));
        if is_old(*since) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        (*count > FLOOD_FREE).then_some(FLOOD_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_kind_is_logged_at_once_and_then_with_its_number() {
        let (refusals, begun) = (Refusals::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let note = |peer, seconds| refusals.note("malformed", "acme", peer, at(seconds));
        assert_eq!(note("192.0.2.1", 0), Some((1, "192.0.2.1".to_owned())));
        assert_eq!(note("192.0.2.2", 0), Some((1, "192.0.2.2".to_owned())));
        for second in 1..60 {
            assert_eq!(note("192.0.2.1", second), None);
        }
        assert_eq!(note("192.0.2.1", 60), Some((60, "192.0.2.1".to_owned())));
        assert_eq!(note("192.0.2.1", 61), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_is_bounded_too() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let mut lines = 0;
        for peer in 0..10_000 {
            lines +=
                usize::from(refusals.note("token_wrong", "", &peer.to_string(), now).is_some());
        }
        assert!(lines <= REFUSAL_KINDS + 1, "{lines}");
        assert!(refusals.0.lock().unwrap().len() <= REFUSAL_KINDS + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_waits_and_nobody_else_does() {
        let (floods, now) = (Floods::default(), Instant::now());
        let sender = |last| FairKey::Peer([192, 0, 2, last].into());
        for _ in 0..FLOOD_FREE {
            assert_eq!(floods.delay(&sender(1), now), None);
        }
        assert_eq!(floods.delay(&sender(1), now), Some(FLOOD_DELAY));
        assert_eq!(floods.delay(&sender(2), now), None);
        let later = now + Duration::from_secs(1);
        assert_eq!(floods.delay(&sender(1), later), None);
    }
}
