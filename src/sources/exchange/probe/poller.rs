//! One probe after the other: which mailbox is looked at over what, what is believed of it, and what that means for all.

use super::super::ews::version;
use super::super::failure::ExchangeFailure;
use super::super::settings::ExchangeSettings;
use super::ews::{EwsProbe, ProbeKnowledge};
use super::graph::GraphProbe;
use super::memory::ProbeMemory;
use super::of_mailbox;
use super::round::{ProbeRound, StepEnd};
use super::state::{LookEnd, MailboxLook, MailboxState};
use crate::domain::causes::Cause;
use crate::domain::ids::Source;
use crate::domain::ids::UserName;
use crate::domain::policy::{ConnectionMethod, OrgPolicy};
use crate::domain::probe::{
    ProbeProtocol, ProbeReport, ProbeStep, ProbeTrouble, StepReport, StepVerdict,
};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::domain::view::OrgView;
use crate::http_client::Trust;
use crate::sources::failure::{Failure, FailureReason};
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Probes one organisation's Exchange.
pub(super) struct Prober {
    policy: Arc<OrgPolicy>,
    settings: Arc<ExchangeSettings>,
    ews: Option<EwsProbe>,
    graph: Option<GraphProbe>,
    memory: ProbeMemory,
    resumed: bool,
    pub(super) mailboxes: Vec<MailboxState>,
    report: Option<ProbeReport>,
    /// Why one of two ways gave nothing in the latest probe.
    pub(super) incomplete: Option<Failure>,
}

/// A user with the rows that were answered.
type UserAnswer = (UserName, UserValues);

/// What keeps anybody from using Exchange: the step that shows it, and why.
type OrgTrouble = (ProbeStep, Cause, FailureReason);

/// A step could not be decided, so that what was found before stays.
struct Undecided;

/// What a probe gave.
pub(super) struct Probed {
    pub(super) rows: Vec<(OrgRow, OrgValue)>,
    pub(super) users: Vec<UserAnswer>,
    /// Why the mailboxes could not be looked at.
    pub(super) failure: Option<Failure>,
    pub(super) report: ProbeReport,
    pub(super) news: Vec<String>,
}

impl Prober {
    pub(super) fn new(
        policy: &Arc<OrgPolicy>,
        settings: Arc<ExchangeSettings>,
        trust: &Trust,
    ) -> Self {
        let (ews, graph) = (settings.ews.as_ref(), settings.graph.as_ref());
        Self {
            policy: Arc::clone(policy),
            ews: ews.map(|ews| EwsProbe::new(policy, &settings, ews, trust)),
            graph: graph.map(|graph| GraphProbe::new(policy, &settings, graph, trust)),
            memory: ProbeMemory::default(),
            resumed: false,
            mailboxes: vec![MailboxState::default(); settings.mailboxes.len()],
            settings,
            report: None,
            incomplete: None,
        }
    }

    /// Goes on from what an earlier one stored.
    pub(super) fn resume(&mut self, memory: Option<&[u8]>) {
        if !std::mem::replace(&mut self.resumed, true)
            && let Some(memory) = memory
        {
            let auth = self.settings.ews.as_ref().map(|ews| &ews.auth);
            self.memory = ProbeMemory::read(memory, auth);
            for (mailbox, state) in self.settings.mailboxes.iter().zip(&mut self.mailboxes) {
                state.refused = self.memory.refused_mailbox(&mailbox.address);
            }
        }
    }

    pub(super) fn memory(&mut self) -> Option<Vec<u8>> {
        let mailboxes = self.settings.mailboxes.iter().zip(&self.mailboxes);
        let refused = mailboxes
            .filter_map(|(mailbox, state)| Some((mailbox.address.as_str(), state.refused?)));
        self.memory.refuse_mailboxes(refused);
        self.memory.write(self.settings.ews.as_ref().map(|ews| &ews.auth))
    }

    /// Requests since the last question.
    pub(super) fn take_requests(&self) -> u64 {
        self.ews.as_ref().map_or(0, |ews| ews.client.take_requests())
            + self.graph.as_ref().map_or(0, GraphProbe::take_requests)
    }

    /// One probe.
    pub(super) async fn probe(&mut self, now: Timestamp, org: &OrgView) -> Probed {
        let mut round = ProbeRound::new(now);
        let mut failures = Vec::new();
        let graph_first: Vec<usize> = self.places(|state| !state.is_known_on_premises(now));
        if let Some(graph) = self.graph.as_mut().filter(|_| !graph_first.is_empty()) {
            let to_look: Vec<usize> = graph_first
                .iter()
                .copied()
                .filter(|place| !self.mailboxes.get(*place).is_none_or(|state| state.waits(now)))
                .collect();
            let (found, failure) = graph.probe(now, &mut self.mailboxes, &to_look).await;
            round.add(found);
            failures.extend(failure);
        }
        let mut account_works = false;
        let over_ews = self.over_ews(&mut round);
        if let Some(ews) = self.ews.as_mut().filter(|_| !over_ews.is_empty()) {
            let known = ProbeKnowledge { memory: &mut self.memory, mailboxes: &self.mailboxes };
            let (found, failure) = ews.probe(now, known, &over_ews).await;
            account_works = matches!(found.ends[ProbeStep::Auth], StepEnd::Passed);
            round.add(found);
            failures.extend(failure);
        }
        for (place, look) in &round.looks {
            if let Some(state) = self.mailboxes.get_mut(*place) {
                state.take(look, now);
                if look.over == Some(ProbeProtocol::Ews)
                    && matches!(look.steps[ProbeStep::Impersonation], Some(Err(_)))
                {
                    // It may have moved.
                    state.not_online = None;
                }
            }
        }
        self.judge_mailboxes(&mut round);
        let before = self.report.take();
        let report = self.report(&round, before.as_ref());
        let news = news(before.as_ref(), &report);
        self.report = Some(report.clone());
        let (rows, users) = self.answered(&round, account_works, org);
        let mut failure = failures.into_iter().next();
        let both = self.ews.is_some() && self.graph.is_some();
        self.incomplete = failure.take_if(|_| both && !users.is_empty());
        Probed { rows, users, failure, report, news }
    }

    fn places(&self, wanted: impl Fn(&MailboxState) -> bool) -> Vec<usize> {
        let states = self.mailboxes.iter().enumerate();
        states.filter(|(_, state)| wanted(state)).map(|(place, _)| place).collect()
    }

    /// The mailboxes to look at over EWS: all, or those that Graph reports as not in Exchange Online.
    fn over_ews(&mut self, round: &mut ProbeRound) -> Vec<usize> {
        let now = round.now;
        if self.ews.is_none() || self.graph.is_none() {
            return self.places(|_| true);
        }
        for (place, state) in self.mailboxes.iter_mut().enumerate() {
            let Some(look) = round.looks.get(&place) else { continue };
            if look.steps[ProbeStep::Impersonation]
                == Some(Err(ExchangeFailure::NotInExchangeOnline))
            {
                state.not_online = Some(now);
                round.looks.remove(&place);
            }
        }
        self.places(|state| state.is_known_on_premises(now))
    }

    /// Sums the mailboxes up, step by step.
    fn judge_mailboxes(&self, ongoing: &mut ProbeRound) {
        for look in ongoing.looks.values() {
            for (step, took) in look.took {
                ongoing.took[step] = ongoing.took[step].max(took);
            }
        }
        for step in of_mailbox() {
            if !ongoing.went_on || !matches!(ongoing.ends[step], StepEnd::Skipped) {
                continue;
            }
            let held = || {
                let reason = if ongoing.throttled_until.is_some() {
                    ExchangeFailure::ExchangeThrottled
                } else {
                    ExchangeFailure::NotReached
                };
                StepEnd::Held(reason.into())
            };
            let seen = |look: &MailboxLook| look.steps[step];
            let doubted = ongoing.looks.values().find_map(|look| seen(look)?.err());
            let fresh = step == ProbeStep::Impersonation
                && self.mailboxes.iter().any(MailboxState::is_freshly_refused);
            ongoing.ends[step] = match (self.worst(|state| state.steps[step]), doubted) {
                (Some((failure, ..)), _) => StepEnd::Failed(failure.into()),
                (None, _) if fresh => StepEnd::Held(ExchangeFailure::FreshRefusal.into()),
                (None, _) if self.mailboxes.iter().any(|state| state.steps[step].is_some()) => {
                    if ongoing.looks.is_empty() {
                        held()
                    } else {
                        StepEnd::Passed
                    }
                }
                (None, Some(failure)) => StepEnd::Held(failure.into()),
                (None, None) if ongoing.looks.is_empty() => held(),
                (None, None) => StepEnd::Skipped,
            };
        }
    }

    /// The most frequent failure, with how many mailboxes fail and pass.
    fn worst(
        &self,
        seen: impl Fn(&MailboxState) -> Option<LookEnd>,
    ) -> Option<(ExchangeFailure, u32, u32)> {
        let mut failures: BTreeMap<ExchangeFailure, u32> = BTreeMap::new();
        let mut passing = 0;
        for seen in self.mailboxes.iter().filter_map(seen) {
            match seen {
                Ok(()) => passing += 1,
                Err(failure) => *failures.entry(failure).or_default() += 1,
            }
        }
        let failing = failures.values().sum();
        let (failure, _) = failures.into_iter().max_by_key(|(_, count)| *count)?;
        Some((failure, failing, passing))
    }

    fn report(&mut self, ongoing: &ProbeRound, before: Option<&ProbeReport>) -> ProbeReport {
        let now = ongoing.now;
        let steps = EnumMap::from_fn(|step: ProbeStep| {
            let known = &mut self.memory.steps[step];
            let (verdict, reason) = match ongoing.ends[step] {
                StepEnd::Passed => {
                    known.last_success = Some(now);
                    known.failing_since = None;
                    (StepVerdict::Passed, None)
                }
                StepEnd::Failed(reason) => {
                    known.failing_since = Some(known.failing_since.unwrap_or(now).min(now));
                    (StepVerdict::Failed, Some(reason))
                }
                StepEnd::Held(reason) => (StepVerdict::Held, Some(reason)),
                StepEnd::Skipped => (StepVerdict::Skipped, None),
            };
            let known = *known;
            let passing =
                self.mailboxes.iter().filter(|state| state.steps[step] == Some(Ok(()))).count();
            let failing =
                self.worst(|state| state.steps[step]).map_or(0, |(_, failing, _)| failing);
            StepReport {
                verdict,
                reason: reason.map(|reason| reason.name),
                advice: reason.map(|reason| reason.advice),
                took: ongoing.took[step].and_then(|took| TimeDelta::from_std(took).ok()),
                last_success: known.last_success,
                failing_since: known.failing_since,
                failing,
                passing: count(passing),
            }
        });
        let (trouble, decided) = self.trouble(&steps, before, now);
        // Exchange Online alone gives these reasons.
        let of_online =
            [ExchangeFailure::EwsDisabled, ExchangeFailure::EwsBlocked].map(|it| Some(it.name()));
        let online_over_ews = self.mailboxes.iter().any(MailboxState::is_online_over_ews)
            || steps.values().any(|step| of_online.contains(&step.reason));
        ProbeReport {
            trouble,
            decided,
            at: now,
            steps,
            // A certificate that was not seen this time still ends.
            certificate_ends: ongoing.certificate_ends.or_else(|| before?.certificate_ends),
            tls_version: ongoing.tls_version.or_else(|| before?.tls_version),
            throttled_until: ongoing.throttled_until,
            suspended_until: self
                .memory
                .suspended(now)
                .and_then(|refusals| refusals.suspended_until),
            mailboxes: count(self.mailboxes.len()),
            places: EnumMap::from_fn(|place| self.counted(|state| state.place == Some(place))),
            ews_ends: self.settings.ews_retirement.filter(|_| online_over_ews),
        }
    }

    /// What keeps anybody from using Exchange, and whether that could be decided. A step may have failed for long for
    /// another reason, or for one mailbox, so that a trouble has a beginning of its own.
    fn trouble(
        &mut self,
        steps: &EnumMap<ProbeStep, StepReport>,
        before: Option<&ProbeReport>,
        now: Timestamp,
    ) -> (Option<ProbeTrouble>, bool) {
        let Ok(found) = self.keeps_out(steps) else {
            return (before.and_then(|before| before.trouble), false);
        };
        let earlier = self.memory.trouble;
        let trouble = found.map(|(step, cause, reason)| {
            let since = earlier.filter(|(of, _)| *of == cause).map_or(now, |(_, since)| since);
            let since = since.min(now);
            ProbeTrouble { cause, step, reason: reason.name, advice: reason.advice, since }
        });
        self.memory.trouble = trouble.map(|trouble| (trouble.cause, trouble.since));
        (trouble, true)
    }

    /// What keeps anybody from using Exchange by these steps, if anything does.
    fn keeps_out(
        &self,
        steps: &EnumMap<ProbeStep, StepReport>,
    ) -> Result<Option<OrgTrouble>, Undecided> {
        for step in
            [ProbeStep::Dns, ProbeStep::Tcp, ProbeStep::Tls, ProbeStep::Http, ProbeStep::Auth]
        {
            match steps[step].verdict {
                StepVerdict::Passed | StepVerdict::Skipped => {}
                StepVerdict::Held => return Err(Undecided),
                StepVerdict::Failed => {
                    let reason = steps[step].reason.and_then(crate::sources::failure_reason);
                    let reason = reason.ok_or(Undecided)?;
                    let known = ExchangeFailure::from_name(reason.name);
                    let cause = known.and_then(ExchangeFailure::cause);
                    let cause = cause
                        .filter(|_| step >= ProbeStep::Http)
                        .unwrap_or(Cause::ExchangeUnreachable);
                    return Ok(Some((step, cause, reason)));
                }
            }
        }
        let step = ProbeStep::Impersonation;
        if steps[step].verdict == StepVerdict::Held {
            return Err(Undecided);
        }
        let believed = self.refused_by(|state| state.steps[step]);
        if believed.is_none() && self.refused_by(|state| state.seen(step)).is_some() {
            return Err(Undecided);
        }
        Ok(believed.map(|(cause, failure)| (step, cause, failure.into())))
    }

    /// What refuses most mailboxes, or all in Exchange Online while others go on: there one alone may be the switch of a
    /// mailbox.
    fn refused_by(
        &self,
        seen: impl Fn(&MailboxState) -> Option<LookEnd>,
    ) -> Option<(Cause, ExchangeFailure)> {
        let most = self.worst(&seen).filter(|(_, failing, passing)| failing > passing);
        let failure = match most {
            Some((failure, ..)) => failure,
            None => {
                let online = self.mailboxes.iter().filter(|state| state.is_online_over_ews());
                let off = online.map(|state| {
                    use ExchangeFailure::{EwsBlocked, EwsDisabled};
                    let failure = seen(state)?.err()?;
                    matches!(failure, EwsDisabled | EwsBlocked).then_some(failure)
                });
                let off: Option<Vec<ExchangeFailure>> = off.collect();
                *off.filter(|off| off.len() >= 2)?.first()?
            }
        };
        // EWS answered the sign-in: these mailboxes are refused, and not EWS as a whole.
        let cause = if failure == ExchangeFailure::EwsForbidden {
            Cause::ExchangeImpersonationRefused
        } else {
            failure.cause()?
        };
        Some((cause, failure))
    }

    fn counted(&self, wanted: impl Fn(&MailboxState) -> bool) -> u32 {
        count(self.mailboxes.iter().filter(|state| wanted(state)).count())
    }

    /// The rows that this probe can answer, of mailboxes that were looked at just now.
    fn answered(
        &self,
        ongoing: &ProbeRound,
        account_works: bool,
        org: &OrgView,
    ) -> (Vec<(OrgRow, OrgValue)>, Vec<UserAnswer>) {
        let mut rows = Vec::new();
        if account_works && self.policy.connection == ConnectionMethod::ServiceAccount {
            // That the account is usable from here says nothing against a page that shows an X: Salesforce may have
            // another password than we do.
            let row = OrgRow::ServiceAccountRecognized;
            let page = org.readings.get(row, Source::Snapshot).map(|reading| &reading.value);
            if page != Some(&OrgValue::Flag(false)) {
                rows.push((row, OrgValue::Flag(true)));
            }
        }
        let mut users = Vec::new();
        for (place, (mailbox, state)) in
            self.settings.mailboxes.iter().zip(&self.mailboxes).enumerate()
        {
            let mut values = UserValues::new();
            // What was found before stays. Who is not listed is no longer looked at.
            let Some(look) = ongoing.looks.get(&place) else {
                users.push((mailbox.user.clone(), values));
                continue;
            };
            let mut mark = |row, yes: bool| {
                values.push((row, UserValue::Status(if yes { Status::Yes } else { Status::No })));
            };
            // Only what was seen just now, and is believed.
            let believed =
                |step: ProbeStep| look.steps[step].filter(|seen| state.steps[step] == Some(*seen));
            // What our application may do over Graph says nothing of Salesforce's account.
            let ours = look.over == Some(ProbeProtocol::Ews);
            match believed(ProbeStep::Impersonation).filter(|_| ours) {
                Some(Ok(())) => mark(UserRow::ServiceAccount, true),
                Some(Err(
                    ExchangeFailure::ImpersonationDenied
                    | ExchangeFailure::ImpersonationDeniedServer
                    | ExchangeFailure::MailboxAccessDenied
                    | ExchangeFailure::MailboxNotFound,
                )) => mark(UserRow::ServiceAccount, false),
                Some(Err(_)) | None => {}
            }
            let product = look.version.and_then(version::ServerVersion::product);
            let supported = product.and_then(|product| {
                version::is_supported(product, self.policy.product, self.policy.connection)
            });
            if let Some(supported) = supported {
                mark(UserRow::MailboxVersion, supported);
            }
            if let Some(seen) = believed(ProbeStep::Calendar) {
                mark(UserRow::EventsFolder, seen.is_ok());
            }
            match believed(ProbeStep::ContactsFolder) {
                Some(Ok(())) => mark(UserRow::ContactsFolder, true),
                Some(Err(
                    ExchangeFailure::FolderMissing
                    | ExchangeFailure::FolderMisplaced
                    | ExchangeFailure::FolderDeleted
                    | ExchangeFailure::FolderWrongClass
                    | ExchangeFailure::FolderNearName,
                )) => mark(UserRow::ContactsFolder, false),
                Some(Err(_)) | None => {}
            }
            if let Some(records) = look.records {
                values.push((UserRow::ContactsRecords, UserValue::Records(records)));
            }
            values.retain(|(row, _)| self.policy.covers(*row));
            users.push((mailbox.user.clone(), values));
        }
        if users.iter().all(|(_, values)| values.is_empty()) {
            users.clear();
        }
        (rows, users)
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Steps of mailboxes that began to fail, or fail for another reason; those of the server are the poll's own failure.
fn news(before: Option<&ProbeReport>, report: &ProbeReport) -> Vec<String> {
    let earlier = |step: ProbeStep| before.and_then(|before| before.steps[step].reason);
    let fresh = ExchangeFailure::FreshRefusal.name();
    let worth = report.steps.iter().filter(|(step, found)| {
        (step.is_of_mailbox() || *step == ProbeStep::Autodiscover)
            && (found.verdict == StepVerdict::Failed || found.reason == Some(fresh))
            && found.reason != earlier(*step)
    });
    worth
        .map(|(step, found)| {
            let reason = found.reason.unwrap_or_default();
            let advice = found.advice.unwrap_or_default().trim_end_matches('.');
            let verb =
                if found.verdict == StepVerdict::Failed { "fails" } else { "is not decided" };
            let of = if step.is_of_mailbox() && found.failing > 0 {
                format!(" for {} of {} mailboxes", found.failing, found.failing + found.passing)
            } else {
                String::new()
            };
            format!("the step {step} {verb}{of} ({reason}). {advice}")
        })
        .collect()
}
