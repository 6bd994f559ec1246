//! What the probe has to know after a restart: when steps last passed, since when they fail, and that a sign-in was
//! refused, so that a program that is restarted again and again locks nobody's account.

use super::super::failure::ExchangeFailure;
use super::super::settings::ExchangeAuth;
use super::state::MailboxRefused;
use crate::domain::causes::Cause;
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ProbeMemory {
    pub(super) steps: EnumMap<ProbeStep, StepHistory>,
    pub(super) refusals: Option<RefusedSignIns>,
    /// What keeps anybody from using Exchange, and since when.
    pub(super) trouble: Option<(Cause, Timestamp)>,
    /// Mailboxes that Graph refuses, by a part of a hash of their address: when that began, and when each is looked at again.
    refused_mailboxes: BTreeMap<String, [i64; 2]>,
}

#[derive(Serialize, Deserialize)]
struct StoredProbe {
    /// Last success and beginning of failure, in nanoseconds.
    steps: BTreeMap<String, [Option<i64>; 2]>,
    refused: Option<StoredSignIns>,
    #[serde(default)]
    trouble: Option<(String, i64)>,
    #[serde(default)]
    refused_mailboxes: BTreeMap<String, [i64; 2]>,
}

#[derive(Serialize, Deserialize)]
struct StoredSignIns {
    polls: u32,
    kind: String,
    until: Option<i64>,
    /// Which credential it was.
    mark: [u8; 2],
}

/// Which credential it was.
fn mark(auth: Option<&ExchangeAuth>) -> [u8; 2] {
    auth.map_or([0; 2], ExchangeAuth::fingerprint)
}

/// Eight bytes of a hash: enough to tell mailboxes apart.
fn address_mark(address: &str) -> String {
    let hash = digest(&SHA256, address.to_lowercase().as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl ProbeMemory {
    /// Reads what was stored; what cannot be read was never known.
    pub(super) fn read(bytes: &[u8], auth: Option<&ExchangeAuth>) -> Self {
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
        let trouble = stored.trouble.and_then(|(cause, since)| {
            Some((Cause::from_name(&cause)?, Timestamp::from_nanos(since)))
        });
        Self { steps, refusals, trouble, refused_mailboxes: stored.refused_mailboxes }
    }

    /// What is to be stored.
    pub(super) fn write(&self, auth: Option<&ExchangeAuth>) -> Option<Vec<u8>> {
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
            trouble: self.trouble.map(|(cause, since)| (cause.name().to_owned(), since.nanos())),
            refused_mailboxes: self.refused_mailboxes.clone(),
        };
        serde_json::to_vec(&stored).ok()
    }

    /// Since when a mailbox is refused.
    pub(super) fn refused_mailbox(&self, address: &str) -> Option<MailboxRefused> {
        let [first, again] = *self.refused_mailboxes.get(&address_mark(address))?;
        Some(MailboxRefused {
            first: Timestamp::from_nanos(first),
            again: Timestamp::from_nanos(again),
        })
    }

    /// Notes all mailboxes that are refused.
    pub(super) fn refuse_mailboxes<'a>(
        &mut self,
        all: impl Iterator<Item = (&'a str, MailboxRefused)>,
    ) {
        self.refused_mailboxes = all
            .map(|(address, refused)| {
                (address_mark(address), [refused.first.nanos(), refused.again.nanos()])
            })
            .collect();
    }

    /// Notes a refused sign-in at `now`, and whether it is believed. What `locks` the account is suspended then.
    pub(super) fn refused(&mut self, kind: ExchangeFailure, now: Timestamp, locks: bool) -> bool {
        let polls = self.refusals.map_or(0, |refusals| refusals.polls).saturating_add(1);
        let believed = polls >= 2;
        let suspended_until = (believed && locks).then(|| now.plus(SUSPENDED_FOR));
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
    use super::super::state::REFUSED_AGAIN;
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
        assert!(!memory.refused(ExchangeFailure::SignInRefused, at(0), true));
        assert_eq!(memory.suspended(at(1)), None);
        assert!(memory.refused(ExchangeFailure::SignInRefused, at(300), true));
        memory.steps[ProbeStep::Dns].last_success = Some(at(300));
        memory.trouble = Some((Cause::ExchangeAccountRefused, at(300)));
        let refused = MailboxRefused { first: at(60), again: at(60).plus(REFUSED_AGAIN) };
        memory.refuse_mailboxes([("Ann@corp.example", refused)].into_iter());
        let bytes = memory.write(Some(&auth("one"))).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("one"));
        let read = ProbeMemory::read(&bytes, Some(&auth("one")));
        assert_eq!(read, memory);
        assert_eq!(read.refused_mailbox("ann@corp.example"), Some(refused));
        assert!(read.suspended(at(301)).is_some());
        assert_eq!(read.suspended(at(300 + 3_600)), None);
        let other = ProbeMemory::read(&bytes, Some(&auth("two")));
        assert_eq!((other.refusals, other.steps), (None, memory.steps));
        assert_eq!(ProbeMemory::read(b"{", None), ProbeMemory::default());
    }
}
