//! What one look at a mailbox gives, and what is known of it from all looks.

use super::super::ews::version::{ExchangeProduct, ServerVersion};
use super::super::failure::ExchangeFailure;
use crate::domain::probe::{MailboxPlace, ProbeProtocol, ProbeStep};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::time::Duration;

/// A folder that is absent is searched once, and again after so long: somebody may have moved it.
const SEARCH_AGAIN: TimeDelta = TimeDelta::hours(6);
/// Exchange Online forgets a right that is not used after 30 minutes, and later when it is: a mailbox that was refused is
/// left alone for longer than that.
pub(super) const REFUSED_AGAIN: TimeDelta = TimeDelta::minutes(35);
/// So long a refusal may come from what Exchange Online remembers.
const MAY_BE_STALE_FOR: TimeDelta = TimeDelta::hours(2);
/// Mailboxes move between the two seldom.
const ON_PREMISES_FOR: TimeDelta = TimeDelta::hours(24);
/// No pause is longer, whatever a clock does.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// How a step ended in one look.
pub(super) type LookEnd = Result<(), ExchangeFailure>;

/// What one look at a mailbox gave; a step without a result was not looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct MailboxLook {
    pub(super) steps: EnumMap<ProbeStep, Option<LookEnd>>,
    pub(super) took: EnumMap<ProbeStep, Option<Duration>>,
    /// The number of contacts in the folder.
    pub(super) records: Option<u32>,
    /// The version of its server.
    pub(super) version: Option<ServerVersion>,
    /// What the search found, where there was one.
    pub(super) searched: Option<ExchangeFailure>,
    /// Over what it was.
    pub(super) over: Option<ProbeProtocol>,
}

impl MailboxLook {
    /// A look that ended at a step.
    pub(super) fn ended(step: ProbeStep, failure: ExchangeFailure) -> Self {
        let mut look = Self::default();
        look.steps[step] = Some(Err(failure));
        look
    }
}

/// Refusals that may come from what Exchange Online remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MailboxRefused {
    /// When the first was seen.
    pub(super) first: Timestamp,
    /// When the mailbox is looked at again.
    pub(super) again: Timestamp,
}

/// What is known of a mailbox from the looks before.
#[derive(Debug, Clone, Default)]
pub(super) struct MailboxState {
    /// What is believed of each step.
    pub(super) steps: EnumMap<ProbeStep, Option<LookEnd>>,
    /// What is not believed yet, and how often in a row it was seen.
    doubted: EnumMap<ProbeStep, Option<(ExchangeFailure, u32)>>,
    /// The number of contacts, by the latest look.
    pub(super) records: Option<u32>,
    /// What the latest search for an absent folder found, and when.
    searched: Option<(Timestamp, ExchangeFailure)>,
    /// Where it is, as far as that was seen.
    pub(super) place: Option<MailboxPlace>,
    /// When Graph reported that it is not in Exchange Online.
    pub(super) not_online: Option<Timestamp>,
    /// Over what the latest look was.
    pub(super) over: Option<ProbeProtocol>,
    /// Refusals that go on.
    pub(super) refused: Option<MailboxRefused>,
    /// Until when Exchange does not want requests for it.
    pub(super) busy_until: Option<Timestamp>,
}

impl MailboxState {
    /// Takes a look. What was seen too seldom, or for too short a time, to be believed leaves the step as it was.
    pub(super) fn take(&mut self, look: &MailboxLook, now: Timestamp) {
        let (mut broken, mut refused) = (false, false);
        for (step, seen) in look.steps {
            let Some(seen) = seen else {
                // What depends on a step that fails is not known any more.
                if broken {
                    self.steps[step] = None;
                    self.doubted[step] = None;
                }
                continue;
            };
            match seen {
                Ok(()) => {
                    self.steps[step] = Some(Ok(()));
                    self.doubted[step] = None;
                }
                Err(failure) => {
                    let before = self.doubted[step].filter(|(doubted, _)| *doubted == failure);
                    let times = before.map_or(0, |(_, times)| times).saturating_add(1);
                    self.doubted[step] = Some((failure, times));
                    let lasts = if failure.may_be_stale() {
                        refused = true;
                        let first = self.refused.map_or(now, |refused| refused.first.min(now));
                        self.refused =
                            Some(MailboxRefused { first, again: now.plus(REFUSED_AGAIN) });
                        now.since(first) >= MAY_BE_STALE_FOR
                    } else {
                        times >= failure.believed_after()
                    };
                    if lasts {
                        self.steps[step] = Some(Err(failure));
                        broken = true;
                    }
                }
            }
        }
        if !refused && look.steps[ProbeStep::Impersonation] == Some(Ok(())) {
            self.refused = None;
        }
        self.over = look.over.or(self.over);
        self.place = placed(look).or(self.place);
        match look.steps[ProbeStep::ContactsFolder] {
            Some(Ok(())) => {
                self.records = look.records;
                self.searched = None;
            }
            Some(Err(_)) | None => {
                if broken {
                    self.records = None;
                }
                if let Some(found) = look.searched {
                    self.searched = Some((now, found));
                }
            }
        }
    }

    /// What the latest look at a step gave, believed or not.
    pub(super) fn seen(&self, step: ProbeStep) -> Option<LookEnd> {
        self.doubted[step].map(|(failure, _)| Err(failure)).or(self.steps[step])
    }

    /// The first failure that is believed.
    pub(super) fn failure(&self) -> Option<(ProbeStep, ExchangeFailure)> {
        self.steps.iter().find_map(|(step, seen)| Some((step, (*seen)?.err()?)))
    }

    /// Whether it is refused, and that may come from what Exchange Online remembers.
    pub(super) fn is_freshly_refused(&self) -> bool {
        let believed = self.failure().is_some_and(|(_, failure)| failure.may_be_stale());
        self.refused.is_some() && !believed
    }

    /// Whether nothing may be requested for it at `now`. A clock that went back stops nothing for longer than ever.
    pub(super) fn waits(&self, now: Timestamp) -> bool {
        let again = self.refused.map(|refused| refused.again);
        [again, self.busy_until]
            .into_iter()
            .flatten()
            .any(|until| now < until && until.since(now) <= LONGEST_PAUSE)
    }

    /// Whether it is in Exchange Online and was looked at over EWS.
    pub(super) fn is_online_over_ews(&self) -> bool {
        self.place == Some(MailboxPlace::Online) && self.over == Some(ProbeProtocol::Ews)
    }

    /// Whether Graph reported lately that it is not in Exchange Online.
    pub(super) fn is_known_on_premises(&self, now: Timestamp) -> bool {
        self.not_online
            .is_some_and(|at| (TimeDelta::zero()..ON_PREMISES_FOR).contains(&now.since(at)))
    }

    /// What a search that is not too old found.
    pub(super) fn found(&self, now: Timestamp) -> Option<ExchangeFailure> {
        let (at, found) = self.searched?;
        (TimeDelta::zero()..SEARCH_AGAIN).contains(&now.since(at)).then_some(found)
    }
}

/// Where a look shows the mailbox to be.
fn placed(look: &MailboxLook) -> Option<MailboxPlace> {
    use ExchangeFailure::{EwsBlocked, EwsDisabled};
    // Exchange Online alone gives these reasons.
    if let Some(Err(EwsDisabled | EwsBlocked)) = look.steps[ProbeStep::Impersonation] {
        return Some(MailboxPlace::Online);
    }
    Some(match look.version.and_then(ServerVersion::product)? {
        ExchangeProduct::Online => MailboxPlace::Online,
        ExchangeProduct::Older
        | ExchangeProduct::Exchange2013
        | ExchangeProduct::Exchange2016
        | ExchangeProduct::Exchange2019
        | ExchangeProduct::SubscriptionEdition => MailboxPlace::OnPremises,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_believed_only_when_it_lasts() {
        let now = Timestamp::from_seconds(0);
        let of = |failure| {
            let mut look = MailboxLook::default();
            look.steps[ProbeStep::Impersonation] = Some(failure);
            look
        };
        let mut state = MailboxState::default();
        state.take(&of(Ok(())), now);
        let policy = of(Err(ExchangeFailure::EwsDisabled));
        state.take(&policy, now);
        state.take(&policy, now);
        assert_eq!(state.failure(), None);
        state.take(&of(Err(ExchangeFailure::MailboxUnavailable)), now);
        state.take(&policy, now);
        state.take(&policy, now);
        assert_eq!(state.failure(), None, "not in a row");
        state.take(&policy, now);
        assert_eq!(state.failure(), Some((ProbeStep::Impersonation, ExchangeFailure::EwsDisabled)));
        state.take(&of(Ok(())), now);
        assert_eq!(state.failure(), None);
    }

    #[test]
    fn a_refusal_is_believed_after_two_hours_and_left_alone_in_between() {
        let at = |minutes: i64| Timestamp::from_seconds(minutes * 60);
        let seen = |seen| {
            let mut look = MailboxLook::default();
            look.steps[ProbeStep::Impersonation] = Some(seen);
            look
        };
        let refusal = ExchangeFailure::OutOfScope;
        let mut state = MailboxState::default();
        state.take(&seen(Ok(())), at(0));
        for minutes in [5, 40, 75, 110] {
            state.take(&seen(Err(refusal)), at(minutes));
            assert_eq!((state.failure(), state.is_freshly_refused()), (None, true), "{minutes}");
            assert!(state.waits(at(minutes + 34)) && !state.waits(at(minutes + 35)));
        }
        state.take(&seen(Err(refusal)), at(145));
        let believed = Some((ProbeStep::Impersonation, refusal));
        assert_eq!((state.failure(), state.is_freshly_refused()), (believed, false));
        state.take(&seen(Ok(())), at(180));
        assert_eq!((state.failure(), state.refused), (None, None));
    }
}
