//! What the probe has to know after a restart: when steps last passed, since when they fail, and that a sign-in was
//! refused, so that a program that is restarted again and again locks nobody's account.

use super::super::failure::ExchangeFailure;
use super::super::settings::ExchangeAuth;
use crate::domain::probe::ProbeStep;
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// After a second refusal the account is tried this often. A domain counts wrong passwords of half an hour or less.
const SUSPENDED_FOR: TimeDelta = TimeDelta::hours(1);

/// What is known of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StepHistory {
    pub(super) last_success: Option<Timestamp>,
    pub(super) failing_since: Option<Timestamp>,
}

/// Sign-ins that were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RefusedSignIns {
    /// In how many polls in a row.
    pub(super) polls: u32,
    pub(super) kind: ExchangeFailure,
    pub(super) suspended_until: Option<Timestamp>,
}

/// Everything that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ProbeMemory {
    pub(super) steps: EnumMap<ProbeStep, StepHistory>,
    pub(super) refusals: Option<RefusedSignIns>,
}

#[derive(Serialize, Deserialize)]
struct StoredProbe {
    /// Last success and beginning of failure, in nanoseconds.
    steps: BTreeMap<String, [Option<i64>; 2]>,
    refused: Option<StoredSignIns>,
}

#[derive(Serialize, Deserialize)]
struct StoredSignIns {
    polls: u32,
    kind: String,
    until: Option<i64>,
    /// Which credential it was.
    mark: [u8; 2],
}

/// Two bytes of a hash: enough to see that a password changed, too few to guess it from.
fn mark(auth: &ExchangeAuth) -> [u8; 2] {
    let text = match auth {
        ExchangeAuth::Basic { username, password } | ExchangeAuth::Ntlm { username, password } => {
            zeroize::Zeroizing::new(format!("{username}\0{}", password.expose()))
        }
        // Tokens change by themselves.
        ExchangeAuth::Bearer { .. } => zeroize::Zeroizing::new(String::new()),
    };
    let hash = digest(&SHA256, text.as_bytes());
    match hash.as_ref() {
        [first, second, ..] => [*first, *second],
        _ => [0; 2],
    }
}

impl ProbeMemory {
    /// Reads what was stored; what cannot be read was never known.
    pub(super) fn read(bytes: &[u8], auth: &ExchangeAuth) -> Self {
        let Ok(stored) = serde_json::from_slice::<StoredProbe>(bytes) else {
            return Self::default();
        };
        let steps = EnumMap::from_fn(|step: ProbeStep| {
            let [last_success, failing_since] =
                stored.steps.get(step.name()).copied().unwrap_or_default();
            StepHistory {
                last_success: last_success.map(Timestamp::from_nanos),
                failing_since: failing_since.map(Timestamp::from_nanos),
            }
        });
        let refusals =
            stored.refused.filter(|refused| refused.mark == mark(auth)).and_then(|refused| {
                Some(RefusedSignIns {
                    polls: refused.polls,
                    kind: ExchangeFailure::from_name(&refused.kind)?,
                    suspended_until: refused.until.map(Timestamp::from_nanos),
                })
            });
        Self { steps, refusals }
    }

    /// What is to be stored.
    pub(super) fn write(&self, auth: &ExchangeAuth) -> Option<Vec<u8>> {
        let nanos = |at: Option<Timestamp>| at.map(Timestamp::nanos);
        let stored = StoredProbe {
            steps: self
                .steps
                .iter()
                .map(|(step, known)| {
                    (
                        step.name().to_owned(),
                        [nanos(known.last_success), nanos(known.failing_since)],
                    )
                })
                .collect(),
            refused: self.refusals.map(|refusals| StoredSignIns {
                polls: refusals.polls,
                kind: refusals.kind.name().to_owned(),
                until: nanos(refusals.suspended_until),
                mark: mark(auth),
            }),
        };
        serde_json::to_vec(&stored).ok()
    }

    /// Notes a refused sign-in at `now`, and whether it is believed.
    pub(super) fn refused(&mut self, kind: ExchangeFailure, now: Timestamp) -> bool {
        let polls = self.refusals.map_or(0, |refusals| refusals.polls).saturating_add(1);
        let believed = polls >= 2;
        let suspended_until = believed.then(|| now.plus(SUSPENDED_FOR));
        self.refusals = Some(RefusedSignIns { polls, kind, suspended_until });
        believed
    }

    /// The refusal because of which nothing may be tried at `now`.
    pub(super) fn suspended(&self, now: Timestamp) -> Option<RefusedSignIns> {
        self.refusals.filter(|refusals| {
            // A clock that went back must not suspend for longer than ever.
            refusals
                .suspended_until
                .is_some_and(|until| now < until && until.since(now) <= SUSPENDED_FOR)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn auth(password: &str) -> ExchangeAuth {
        ExchangeAuth::Basic {
            username: "svc".to_owned(),
            password: Secret::from_file_text(password).unwrap(),
        }
    }

    #[test]
    fn a_restart_forgets_no_refusal_and_another_password_does() {
        let at = Timestamp::from_seconds;
        let mut memory = ProbeMemory::default();
        assert!(!memory.refused(ExchangeFailure::SignInRefused, at(0)));
        assert_eq!(memory.suspended(at(1)), None);
        assert!(memory.refused(ExchangeFailure::SignInRefused, at(300)));
        memory.steps[ProbeStep::Dns].last_success = Some(at(300));
        let bytes = memory.write(&auth("one")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("one"));
        let read = ProbeMemory::read(&bytes, &auth("one"));
        assert_eq!(read, memory);
        assert!(read.suspended(at(301)).is_some());
        assert_eq!(read.suspended(at(300 + 3_600)), None);
        let other = ProbeMemory::read(&bytes, &auth("two"));
        assert_eq!((other.refusals, other.steps), (None, memory.steps));
        assert_eq!(ProbeMemory::read(b"{", &auth("one")), ProbeMemory::default());
    }
}
