//! What requests share and may not have without a bound: bytes of bodies and of answers, turns at scraping and pasting.
//!
//! Each peer and each organisation has a part of its own. Nobody waits for a share while holding one, so nobody waits for
//! ever: who finds none left takes that of the connection that moves its bytes most slowly, if it is too slow, and is
//! refused otherwise.

use super::access::FairKey;
use super::connection::ConnectionPace;
use super::problem::{Problem, ProblemReason};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Something of which there is so much.
pub(super) struct Pool(Arc<PoolState>);

struct PoolState {
    most: usize,
    of_one: usize,
    shares: Mutex<Vec<HeldShare>>,
}

struct HeldShare {
    by: FairKey,
    amount: usize,
    pace: ConnectionPace,
    mark: Arc<()>,
}

/// A part of a pool; it goes back when it is dropped, or when its connection has to give way.
pub(super) struct Share {
    pool: Arc<PoolState>,
    mark: Arc<()>,
}

impl Pool {
    /// So much in all, and so much for one peer or organisation.
    pub(super) fn new(most: usize, of_one: usize) -> Self {
        Self(Arc::new(PoolState { most, of_one, shares: Mutex::default() }))
    }

    /// A share of `amount` for a connection.
    ///
    /// # Errors
    /// When there is no such amount left and nobody is slow enough to give way.
    pub(super) fn take(
        &self,
        by: &FairKey,
        pace: &ConnectionPace,
        amount: usize,
    ) -> Result<Share, Problem> {
        let mark = Arc::new(());
        let share = Share { pool: Arc::clone(&self.0), mark: Arc::clone(&mark) };
        self.0.shares().push(HeldShare { by: by.clone(), amount: 0, pace: pace.clone(), mark });
        share.grow(amount)?;
        Ok(share)
    }
}

impl PoolState {
    fn shares(&self) -> MutexGuard<'_, Vec<HeldShare>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes so much more.
    ///
    /// # Errors
    /// As [`Pool::take`].
    pub(super) fn grow(&self, more: usize) -> Result<(), Problem> {
        let mut shares = self.pool.shares();
        let now = Instant::now();
        loop {
            let own = shares.iter().find(|held| self.is(held));
            let Some(by) = own.map(|held| held.by.clone()) else {
                return Err(busy("This connection was too slow and gave way to others."));
            };
            let sum = |shares: &[HeldShare], of: Option<&FairKey>| -> usize {
                shares
                    .iter()
                    .filter(|held| of.is_none_or(|of| held.by == *of))
                    .map(|held| held.amount)
                    .sum()
            };
            let own_part_is_full = sum(&shares, Some(&by)) + more > self.pool.of_one;
            if !own_part_is_full && sum(&shares, None) + more <= self.pool.most {
                if let Some(own) = shares.iter_mut().find(|held| self.is(held)) {
                    own.amount += more;
                }
                return Ok(());
            }
            let slowest = shares
                .iter()
                .enumerate()
                .filter(|(_, held)| !self.is(held) && (!own_part_is_full || held.by == by))
                .filter_map(|(index, held)| Some((held.pace.late_by(now)?, index)))
                .max();
            let Some((_, index)) = slowest else {
                return Err(busy(if own_part_is_full {
                    "Others of the same sender have all that one sender may have. Send this one again shortly."
                } else {
                    "Others have all there is at this moment. Send this one again shortly."
                }));
            };
            shares.swap_remove(index).pace.cut();
        }
    }

    fn is(&self, held: &HeldShare) -> bool {
        Arc::ptr_eq(&held.mark, &self.mark)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.pool.shares();
        if let Some(index) = shares.iter().position(|held| self.is(held)) {
            drop(shares.swap_remove(index));
        }
    }
}

fn busy(detail: &str) -> Problem {
    Problem::new(ProblemReason::Busy, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::limits::{GIVE_WAY_AFTER, PACE_BYTES_PER_SECOND};
    use std::time::Duration;

    fn key(last: u8) -> FairKey {
        FairKey::Peer([192, 0, 2, last].into())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_dropped_can_be_taken_again_and_nothing_is_taken_twice() {
        let (pool, pace) = (Pool::new(10, 10), ConnectionPace::new());
        let first = pool.take(&key(1), &pace, 9).unwrap();
        let second = pool.take(&key(2), &pace, 1).unwrap();
        assert_eq!(second.grow(1).unwrap_err().reason, ProblemReason::Busy);
        drop(first);
        second.grow(9).unwrap();
        assert!(second.grow(1).is_err());
        assert!(pool.take(&key(1), &pace, 1).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_sender_leaves_a_part_for_another() {
        let (pool, pace) = (Pool::new(10, 5), ConnectionPace::new());
        let _first = pool.take(&key(1), &pace, 5).unwrap();
        assert!(pool.take(&key(1), &pace, 1).is_err());
        assert!(pool.take(&key(2), &pace, 5).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_gives_way_and_who_is_not_does_not() {
        let pool = Pool::new(10, 10);
        let (slow, fast, new) =
            (ConnectionPace::new(), ConnectionPace::new(), ConnectionPace::new());
        slow.moving();
        fast.moving();
        let given = pool.take(&key(1), &slow, 5).unwrap();
        let held = pool.take(&key(2), &fast, 5).unwrap();
        assert!(pool.take(&key(3), &new, 1).is_err());
        let step = Duration::from_millis(500);
        for _ in 0..10 {
            tokio::time::advance(step).await;
            fast.moved((PACE_BYTES_PER_SECOND as usize).div_ceil(2));
            slow.moved(1);
        }
        assert!(step * 10 > GIVE_WAY_AFTER);
        let taken = pool.take(&key(3), &new, 5).unwrap();
        slow.wait_until_cut().await;
        assert!(given.grow(1).is_err());
        assert!(pool.take(&key(4), &new, 1).is_err());
        drop(given);
        assert!(pool.take(&key(4), &new, 1).is_err());
        // A request that is whole is being worked at, and nobody's to end.
        fast.working();
        tokio::time::advance(GIVE_WAY_AFTER * 10).await;
        assert!(pool.take(&key(4), &new, 1).is_err());
        drop((held, taken));
        assert!(pool.take(&key(4), &new, 10).is_ok());
    }
}
