//! When to ask again: at the interval, slower when the budget runs out, further apart while it fails.

use crate::domain::policy::OrgPolicy;
use crate::sources::failure::{FailureReason, OwnFailure};
use chrono::TimeDelta;

/// How far apart they are when the budget is nearly spent: near enough that what they tell stays live.
const SLOWEST: TimeDelta = TimeDelta::minutes(8);
/// While the budget is spent, one request looks whether it is free again.
const SPENT_EVERY: TimeDelta = TimeDelta::minutes(15);
/// A failure that the service ends by itself is tried again at least this often, and a defect of ours.
const FAILING_EVERY: TimeDelta = TimeDelta::minutes(5);
/// A failure that locks accounts or uses up limits is not tried again more often than this after a while.
const DISTANT_EVERY: TimeDelta = TimeDelta::minutes(15);

/// What decides when to ask again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollPace {
    /// The configured interval.
    pub every: TimeDelta,
    /// The share of the service's requests that polling may use.
    pub budget_percent: u8,
    /// Whether what fails is looked at as often as what works: a directory on this machine is not spared by waiting.
    pub steady: bool,
}

/// Requests of the last 24 hours, whoever sent them, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Used.
    pub used: u64,
    /// Allowed.
    pub allowed: u64,
}

impl Usage {
    /// The used share of a budget of so many per cent of what is allowed; 1 and above: spent.
    pub fn share_of(&self, budget_percent: u8) -> f64 {
        self.used as f64 / (self.allowed as f64 * f64::from(budget_percent.max(1)) / 100.0)
    }
}

impl PollPace {
    /// Whether the budget is spent.
    pub fn spent(&self, usage: Option<Usage>) -> bool {
        usage.is_some_and(|usage| usage.share_of(self.budget_percent) >= 1.0)
    }

    /// How long after the beginning of a good poll the next begins.
    pub fn after_success(&self, usage: Option<Usage>) -> TimeDelta {
        let share = usage.map_or(0.0, |usage| usage.share_of(self.budget_percent));
        if share >= 1.0 {
            return self.every.max(SPENT_EVERY);
        }
        let slowest = self.every.max(SLOWEST);
        let low = OrgPolicy::API_BUDGET_LOW;
        let part = ((share - low) / (1.0 - low)).clamp(0.0, 1.0);
        let more = (slowest - self.every).num_milliseconds() as f64 * part;
        self.every + TimeDelta::milliseconds(more as i64)
    }

    /// How long after the beginning of a failed poll the next begins; `failures` in a row, of which this is the last.
    /// `spread` is between 0 and 1 and differs between organisations, so that what failed together does not come back
    /// together.
    pub fn after_failure(&self, reason: FailureReason, failures: u32, spread: f64) -> TimeDelta {
        if self.steady && reason != OwnFailure::Defect.into() {
            return self.every;
        }
        let longest = if reason.wants_distance { DISTANT_EVERY } else { FAILING_EVERY };
        let longest = longest.max(self.every);
        // The first failure is often a single one: it is polled again at the usual time.
        let doubled = self.every * 2_i32.saturating_pow(failures.saturating_sub(1).min(10));
        let wait = doubled.min(longest);
        if failures <= 1 {
            return wait;
        }
        let jitter = wait.num_milliseconds() as f64 * 0.1 * spread.clamp(0.0, 1.0);
        wait - TimeDelta::milliseconds(jitter as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::TransportFailure;
    use crate::sources::files::DIRECTORY_UNAVAILABLE;
    use crate::sources::salesforce::SalesforceFailure;

    const PACE: PollPace =
        PollPace { every: TimeDelta::seconds(60), budget_percent: 80, steady: false };

    #[test]
    fn polls_come_further_apart_before_the_budget_is_spent() {
        let at = |used| PACE.after_success(Some(Usage { used, allowed: 1000 })).num_seconds();
        assert_eq!([at(0), at(600)], [60, 60]);
        assert_eq!(at(700), 270);
        assert!((470..=480).contains(&at(799)));
        assert_eq!(at(800), 900);
        assert_eq!(PACE.after_success(None).num_seconds(), 60);
    }

    #[test]
    fn failures_are_polled_further_apart_up_to_a_bound() {
        let at = |reason, failures| PACE.after_failure(reason, failures, 0.0).num_seconds();
        let timeout = TransportFailure::Timeout.into();
        let timeouts: Vec<i64> = (1..6).map(|n| at(timeout, n)).collect();
        assert_eq!(timeouts, [60, 120, 240, 300, 300]);
        assert_eq!(at(SalesforceFailure::CredentialsRejected.into(), 50), 900);
        let spread = PACE.after_failure(timeout, 5, 1.0).num_seconds();
        assert_eq!(spread, 270);
    }

    #[test]
    fn what_is_near_is_polled_steadily_unless_our_own_defect_ends_it() {
        let near = PollPace { every: TimeDelta::seconds(1), steady: true, ..PACE };
        let at = |reason, failures| near.after_failure(reason, failures, 0.0).num_seconds();
        assert_eq!(at(DIRECTORY_UNAVAILABLE, 9), 1);
        let defects: Vec<i64> = [1, 2, 5, 20].map(|n| at(OwnFailure::Defect.into(), n)).into();
        assert_eq!(defects, [1, 2, 16, 300]);
    }

    #[test]
    fn the_share_is_of_the_budget() {
        let usage = Usage { used: 4_000, allowed: 10_000 };
        assert!((usage.share_of(80) - 0.5).abs() < 1e-9);
        assert!((usage.share_of(40) - 1.0).abs() < 1e-9);
    }
}
