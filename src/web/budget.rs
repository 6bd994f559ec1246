//! How many bytes of bodies are in memory at once. Nobody waits for bytes while holding some, so nobody waits for ever.

use super::limits::BODIES_BYTES;
use super::problem::{Problem, ProblemReason};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that are left.
#[derive(Clone)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// Bytes that one request has; they go back when it is dropped.
pub(super) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// The whole budget.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(BODIES_BYTES)))
    }

    /// An empty share.
    pub(super) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

impl Share {
    /// Takes `bytes` more.
    ///
    /// # Errors
    /// When they are not there; what the share has it keeps until it is dropped.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        self.budget
            .0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .map_err(|_| {
                Problem::new(
                    ProblemReason::Busy,
                    "Too many bytes of requests are in memory. Send this one again shortly; nothing was taken.",
                )
            })?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_taken_again_and_no_byte_is_taken_twice() {
        let budget = Budget::new();
        let mut first = budget.share();
        first.grow(BODIES_BYTES - 1).unwrap();
        let mut second = budget.share();
        assert_eq!(second.grow(2).unwrap_err().reason, ProblemReason::Busy);
        second.grow(1).unwrap();
        drop(first);
        second.grow(BODIES_BYTES - 1).unwrap();
        assert!(second.grow(1).is_err());
    }
}
