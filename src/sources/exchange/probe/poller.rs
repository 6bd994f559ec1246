//! One probe after the other: the steps of the server, then the mailboxes, a few at a time.

use super::super::client::{CallTrouble, ExchangeClient, Lane, SignIn, forbidden, is_page};
use super::super::ews::answer::autodiscovered;
use super::super::ews::request::{Acting, Operation, autodiscover};
use super::super::ews::version;
use super::super::failure::{ExchangeFailure, USUAL_WAIT};
use super::super::settings::{ExchangeSettings, ProbedMailbox};
use super::mailbox::{Looking, MailboxLook, MailboxState};
use super::memory::ProbeMemory;
use crate::domain::causes::Cause;
use crate::domain::ids::Source;
use crate::domain::ids::UserName;
use crate::domain::policy::{ConnectionMethod, OrgPolicy};
use crate::domain::probe::{ProbeReport, ProbeStep, ProbeTrouble, StepReport, StepVerdict};
use crate::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use crate::domain::time::Timestamp;
use crate::domain::users::UserValues;
use crate::domain::view::OrgView;
use crate::http_client::{
    HttpConnection, HttpRequest, HttpResponse, TracePhase, TransportFailure, Trust,
};
use crate::sources::failure::{Failure, FailureReason};
use chrono::TimeDelta;
use enum_map::EnumMap;
use hyper::Method;
use hyper::header::HeaderMap;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that one probe goes on: mailboxes that were not reached come first in the next one.
const CYCLE: Duration = Duration::from_secs(300);
/// When so many requests of one connection in a row get no answer, the server is gone.
const GIVE_UP_AFTER: u32 = 2;

/// Probes one organisation's Exchange.
pub(super) struct Prober {
    policy: Arc<OrgPolicy>,
    settings: Arc<ExchangeSettings>,
    pub(super) client: ExchangeClient,
    memory: ProbeMemory,
    resumed: bool,
    pub(super) mailboxes: Vec<MailboxState>,
    /// Where the next probe begins.
    next: usize,
    throttled_until: Option<Timestamp>,
    /// What the server itself refuses and is not believed yet, and how often in a row.
    doubted: Option<(ExchangeFailure, u32)>,
    report: Option<ProbeReport>,
}

/// A user with the rows that were answered.
type UserAnswer = (UserName, UserValues);

/// What a probe gave.
pub(super) struct Probed {
    pub(super) rows: Vec<(OrgRow, OrgValue)>,
    pub(super) users: Vec<UserAnswer>,
    /// Why the mailboxes could not be looked at.
    pub(super) failure: Option<Failure>,
    pub(super) report: ProbeReport,
    pub(super) news: Vec<String>,
}

/// How one step ended.
#[derive(Clone, Copy)]
enum StepEnd {
    Passed,
    Failed(FailureReason),
    Held(FailureReason),
    Skipped,
}

/// A probe that is under way.
struct Ongoing {
    now: Timestamp,
    ends: EnumMap<ProbeStep, StepEnd>,
    took: EnumMap<ProbeStep, Option<Duration>>,
    certificate_ends: Option<Timestamp>,
    tls_version: Option<&'static str>,
    looks: BTreeMap<usize, MailboxLook>,
}

impl Prober {
    pub(super) fn new(
        policy: &Arc<OrgPolicy>,
        settings: Arc<ExchangeSettings>,
        trust: &Trust,
    ) -> Self {
        Self {
            policy: Arc::clone(policy),
            client: ExchangeClient::new(Arc::clone(&settings), trust),
            memory: ProbeMemory::default(),
            resumed: false,
            mailboxes: vec![MailboxState::default(); settings.mailboxes.len()],
            settings,
            next: 0,
            throttled_until: None,
            doubted: None,
            report: None,
        }
    }

    /// Goes on from what an earlier one stored.
    pub(super) fn resume(&mut self, memory: Option<&[u8]>) {
        if !std::mem::replace(&mut self.resumed, true)
            && let Some(memory) = memory
        {
            self.memory = ProbeMemory::read(memory, &self.settings.auth);
        }
    }

    pub(super) fn memory(&self) -> Option<Vec<u8>> {
        self.memory.write(&self.settings.auth)
    }

    /// One probe.
    pub(super) async fn probe(&mut self, now: Timestamp, org: &OrgView) -> Probed {
        let mut ongoing = Ongoing {
            now,
            ends: EnumMap::from_fn(|_| StepEnd::Skipped),
            took: EnumMap::default(),
            certificate_ends: None,
            tls_version: None,
            looks: BTreeMap::new(),
        };
        // A clock that went back must not stop the probe for longer than ever.
        let waits = self
            .throttled_until
            .filter(|until| now < *until && until.since(now) <= TimeDelta::hours(1));
        let failure = if waits.is_some() {
            let held = StepEnd::Held(ExchangeFailure::ExchangeThrottled.into());
            ongoing.ends = EnumMap::from_fn(|_| held);
            None
        } else {
            self.throttled_until = None;
            self.steps(&mut ongoing).await.err()
        };
        let before = self.report.take();
        for (place, look) in &ongoing.looks {
            if let Some(state) = self.mailboxes.get_mut(*place) {
                state.take(look, now);
            }
        }
        self.judge_mailboxes(&mut ongoing);
        let report = self.report(&ongoing, before.as_ref());
        let news = news(before.as_ref(), &report);
        self.report = Some(report.clone());
        let (rows, users) = self.answered(&ongoing, org);
        Probed { rows, users, failure, report, news }
    }

    /// All steps, until one fails that the others depend on.
    async fn steps(&mut self, ongoing: &mut Ongoing) -> Result<(), Failure> {
        let mut connection = Some(self.connect(ongoing).await?);
        self.look_at_http(ongoing, &mut connection).await?;
        let named = self.autodiscover_v2(ongoing, &mut connection).await;
        let sign_in = self.ready(ongoing)?;
        let mut lane = Lane::new(&self.client, &sign_in, connection.take());
        let began = Instant::now();
        let address =
            self.settings.mailboxes.first().map_or("", |mailbox| mailbox.address.as_str());
        let signed_in = lane.call(Acting::Own, Operation::ConvertId(address)).await;
        ongoing.took[ProbeStep::Auth] = Some(began.elapsed());
        match signed_in {
            Ok(_) => {
                ongoing.ends[ProbeStep::Auth] = StepEnd::Passed;
                self.doubted = None;
            }
            Err(trouble) => return self.not_signed_in(ongoing, trouble),
        }
        if let Some(end) = self.autodiscover_old(named, &mut lane).await {
            ongoing.ends[ProbeStep::Autodiscover] = end;
        }
        let (looks, next, trouble) = self.look_at_mailboxes(ongoing.now, lane, &sign_in).await;
        ongoing.looks = looks;
        self.next = next;
        match trouble {
            None => self.memory.refusals = None,
            Some(CallTrouble::Throttled(wait)) => {
                self.throttled_until = Some(ongoing.now.plus(wait));
            }
            // The account was taken a moment ago. Exchange refuses like this when it is overloaded.
            Some(CallTrouble::SignIn(kind)) => {
                let believed = self.memory.refused(kind, ongoing.now);
                if believed {
                    ongoing.ends[ProbeStep::Auth] = StepEnd::Failed(kind.into());
                    return Err(Failure::new(
                        kind,
                        "the sign-in was refused at a mailbox, in two polls in a row",
                    ));
                }
                ongoing.ends[ProbeStep::Auth] =
                    StepEnd::Held(ExchangeFailure::SignInRefusedOnce.into());
            }
            Some(CallTrouble::Failed(failure, _)) => {
                self.memory.refusals = None;
                if ongoing.looks.is_empty() {
                    ongoing.ends[ProbeStep::Impersonation] = StepEnd::Held(failure.reason);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    async fn connect(&self, ongoing: &mut Ongoing) -> Result<HttpConnection, Failure> {
        let trace = self.client.http.trace().await;
        ongoing.certificate_ends = trace.certificate_ends;
        ongoing.tls_version = trace.tls_version;
        for (phase, took) in trace.took {
            let step = step_of(phase);
            ongoing.took[step] = took;
            if took.is_some() {
                ongoing.ends[step] = StepEnd::Passed;
            }
        }
        trace.opened.map_err(|(phase, error, distrust)| {
            let reason = distrust.map_or_else(
                || FailureReason::from(error.failure),
                |distrust| ExchangeFailure::from(distrust).into(),
            );
            ongoing.ends[step_of(phase)] = StepEnd::Failed(reason);
            Failure::new(reason, error.detail)
        })
    }

    /// Whether EWS answers, without a sign-in.
    async fn look_at_http(
        &mut self,
        ongoing: &mut Ongoing,
        connection: &mut Option<HttpConnection>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let response = self.get(connection, &self.settings.path).await;
        ongoing.took[ProbeStep::Http] = Some(began.elapsed());
        let failed = match response {
            Err(CallTrouble::Failed(failure, kind)) => Err((failure, kind)),
            Err(CallTrouble::Throttled(_) | CallTrouble::SignIn(_)) => Ok(()),
            Ok(response) => at_front(&response).map_err(|kind| {
                let detail =
                    format!("{} answers with HTTP {}", self.settings.host, response.status);
                (Failure::new(kind, detail), Some(kind))
            }),
        };
        match failed {
            Ok(()) => {
                ongoing.ends[ProbeStep::Http] = StepEnd::Passed;
                Ok(())
            }
            Err((failure, kind)) => {
                ongoing.ends[ProbeStep::Http] = self.doubt(failure.reason, kind);
                Err(failure)
            }
        }
    }

    /// A failure of the server, believed or held.
    fn doubt(&mut self, reason: FailureReason, kind: Option<ExchangeFailure>) -> StepEnd {
        let Some(kind) = kind else {
            self.doubted = None;
            return StepEnd::Failed(reason);
        };
        let before = self.doubted.filter(|(doubted, _)| *doubted == kind);
        let times = before.map_or(0, |(_, times)| times).saturating_add(1);
        self.doubted = Some((kind, times));
        if times >= kind.believed_after() { StepEnd::Failed(reason) } else { StepEnd::Held(reason) }
    }

    /// A request without a sign-in.
    async fn get(
        &self,
        connection: &mut Option<HttpConnection>,
        path: &str,
    ) -> Result<HttpResponse, CallTrouble> {
        let request = || HttpRequest {
            method: Method::GET,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new().into(),
        };
        self.client.count_request();
        if let Some(open) = connection {
            match open.send(request()).await {
                Ok(response) => return Ok(response),
                Err(error) => {
                    *connection = None;
                    if error.failure != TransportFailure::ConnectFailed {
                        return Err(error.into());
                    }
                }
            }
        }
        let mut open = self.client.http.open().await?;
        let response = open.send(request()).await?;
        *connection = Some(open);
        Ok(response)
    }

    /// Autodiscover's newest form, which needs no sign-in. `None`: it is to be requested in the oldest form.
    async fn autodiscover_v2(
        &self,
        ongoing: &mut Ongoing,
        connection: &mut Option<HttpConnection>,
    ) -> Option<()> {
        let address = self.settings.mailboxes.first().filter(|_| self.settings.autodiscover)?;
        let address: String = form_urlencoded::byte_serialize(address.address.as_bytes()).collect();
        let path = format!("/autodiscover/autodiscover.json?Email={address}&Protocol=EWS");
        let began = Instant::now();
        let response = self.get(connection, &path).await.ok();
        ongoing.took[ProbeStep::Autodiscover] = Some(began.elapsed());
        let response = response.filter(|response| response.status == 200)?;
        let json: Value = serde_json::from_slice(&response.body).ok()?;
        ongoing.ends[ProbeStep::Autodiscover] = self.named(json.get("Url")?.as_str()?);
        Some(())
    }

    /// The oldest form, where the newest did not answer.
    async fn autodiscover_old(&self, named: Option<()>, lane: &mut Lane<'_>) -> Option<StepEnd> {
        let mailbox = self.settings.mailboxes.first().filter(|_| self.settings.autodiscover)?;
        if named.is_some() {
            return None;
        }
        let response = lane.autodiscover(autodiscover(&mailbox.address)).await.ok();
        let body = response.filter(|response| response.status == 200).map(|response| response.body);
        let url = body.and_then(|body| autodiscovered(&body).ok().flatten());
        Some(url.map_or(StepEnd::Failed(ExchangeFailure::AutodiscoverMissing.into()), |url| {
            self.named(&url)
        }))
    }

    fn named(&self, url: &str) -> StepEnd {
        let ours = format!("{}{}", self.settings.host, self.settings.path);
        if url.trim().eq_ignore_ascii_case(&ours) {
            StepEnd::Passed
        } else {
            StepEnd::Failed(ExchangeFailure::AutodiscoverMismatch.into())
        }
    }

    /// What signs in, unless the account is suspended.
    fn ready(&self, ongoing: &mut Ongoing) -> Result<SignIn, Failure> {
        if let Some(refusals) = self.memory.suspended(ongoing.now) {
            ongoing.ends[ProbeStep::Auth] = StepEnd::Failed(refusals.kind.into());
            return Err(Failure::new(
                refusals.kind,
                "the sign-in was refused in two polls in a row, and the account is tried once an hour",
            ));
        }
        self.client.sign_in(ongoing.now).inspect_err(|failure| {
            ongoing.ends[ProbeStep::Auth] = StepEnd::Failed(failure.reason);
        })
    }

    fn not_signed_in(
        &mut self,
        ongoing: &mut Ongoing,
        trouble: CallTrouble,
    ) -> Result<(), Failure> {
        let (end, failure) = match trouble {
            CallTrouble::Throttled(wait) => {
                self.throttled_until = Some(ongoing.now.plus(wait.max(USUAL_WAIT)));
                let held = StepEnd::Held(ExchangeFailure::ExchangeThrottled.into());
                for step in [ProbeStep::Auth].into_iter().chain(of_mailbox()) {
                    ongoing.ends[step] = held;
                }
                return Ok(());
            }
            CallTrouble::SignIn(ExchangeFailure::SchemeNotOffered) => {
                let kind = ExchangeFailure::SchemeNotOffered;
                (
                    StepEnd::Failed(kind.into()),
                    Failure::new(kind, "the server offers other ways to sign in"),
                )
            }
            CallTrouble::SignIn(kind) => {
                if self.memory.refused(kind, ongoing.now) {
                    let detail = "the sign-in was refused in two polls in a row";
                    (StepEnd::Failed(kind.into()), Failure::new(kind, detail))
                } else {
                    let once = ExchangeFailure::SignInRefusedOnce;
                    (StepEnd::Held(once.into()), Failure::new(once, "the sign-in was refused"))
                }
            }
            CallTrouble::Failed(failure, kind) => (self.doubt(failure.reason, kind), failure),
        };
        ongoing.ends[ProbeStep::Auth] = end;
        Err(failure)
    }

    /// The mailboxes, on as many connections as there may be requests at once. Gives what was seen, where the next probe
    /// begins, and what ended this one early.
    async fn look_at_mailboxes(
        &self,
        now: Timestamp,
        first: Lane<'_>,
        sign_in: &SignIn,
    ) -> (BTreeMap<usize, MailboxLook>, usize, Option<CallTrouble>) {
        let count = self.settings.mailboxes.len();
        let round = Mutex::new(LaneShare {
            looks: BTreeMap::new(),
            left: (0..count).map(|place| (self.next + place) % count.max(1)).rev().collect(),
            trouble: None,
        });
        let until = Instant::now() + CYCLE.max(self.settings.poll_every.to_std().unwrap_or(CYCLE));
        let more = || self.look_on(now, Lane::new(&self.client, sign_in, None), &round, until);
        tokio::join!(self.look_on(now, first, &round, until), more(), more(), more());
        let round = round.into_inner().unwrap_or_else(PoisonError::into_inner);
        let next = round.left.last().copied().unwrap_or_default();
        (round.looks, next, round.trouble)
    }

    async fn look_on(
        &self,
        now: Timestamp,
        mut lane: Lane<'_>,
        round: &Mutex<LaneShare>,
        until: Instant,
    ) {
        let lock = || round.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unanswered = 0;
        while Instant::now() < until {
            let place = {
                let mut round = lock();
                if round.trouble.is_some() {
                    return;
                }
                round.left.pop()
            };
            let Some(place) = place else { return };
            let Some(ProbedMailbox { address, .. }) = self.settings.mailboxes.get(place) else {
                return;
            };
            let acting = if self.settings.impersonate {
                Acting::Impersonating(address)
            } else {
                Acting::Delegate(address)
            };
            let looking = Looking {
                policy: &self.policy,
                folder: &self.settings.contacts_folder,
                acting,
                now,
                searched: self.mailboxes.get(place).and_then(|state| state.searched),
            };
            match looking.look(&mut lane).await {
                Ok(look) => {
                    unanswered = 0;
                    lock().looks.insert(place, look);
                }
                Err(trouble) => {
                    unanswered += 1;
                    let mut round = lock();
                    let ends =
                        !matches!(trouble, CallTrouble::Failed(..)) || unanswered >= GIVE_UP_AFTER;
                    // One mailbox that gives no answer must not keep the others from being looked at.
                    let alone = round.left.is_empty() && round.looks.is_empty();
                    if ends || alone {
                        round.left.push(place);
                        round.trouble.get_or_insert(trouble);
                        return;
                    }
                }
            }
        }
    }

    /// Sums the mailboxes up, step by step.
    fn judge_mailboxes(&self, ongoing: &mut Ongoing) {
        for look in ongoing.looks.values() {
            for (step, took) in look.took {
                ongoing.took[step] = ongoing.took[step].max(took);
            }
        }
        let went_on = matches!(ongoing.ends[ProbeStep::Auth], StepEnd::Passed);
        for step in of_mailbox() {
            if !went_on || !matches!(ongoing.ends[step], StepEnd::Skipped) {
                continue;
            }
            let held = || {
                let reason = if self.throttled_until.is_some() {
                    ExchangeFailure::ExchangeThrottled
                } else {
                    ExchangeFailure::NotReached
                };
                StepEnd::Held(reason.into())
            };
            let seen = |look: &MailboxLook| look.steps[step];
            let doubted = ongoing.looks.values().find_map(|look| seen(look)?.err());
            ongoing.ends[step] = match (self.worst(step), doubted) {
                (Some((failure, ..)), _) => StepEnd::Failed(failure.into()),
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

    /// The most frequent failure of a step, with how many mailboxes fail and pass it.
    fn worst(&self, step: ProbeStep) -> Option<(ExchangeFailure, u32, u32)> {
        let mut failures: BTreeMap<ExchangeFailure, u32> = BTreeMap::new();
        let mut passing = 0;
        for seen in self.mailboxes.iter().filter_map(|state| state.steps[step]) {
            match seen {
                Ok(()) => passing += 1,
                Err(failure) => *failures.entry(failure).or_default() += 1,
            }
        }
        let failing = failures.values().sum();
        let (failure, _) = failures.into_iter().max_by_key(|(_, count)| *count)?;
        Some((failure, failing, passing))
    }

    fn report(&mut self, ongoing: &Ongoing, before: Option<&ProbeReport>) -> ProbeReport {
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
            let failing = self.worst(step).map_or(0, |(_, failing, _)| failing);
            StepReport {
                verdict,
                reason: reason.map(|reason| reason.name),
                advice: reason.map(|reason| reason.advice),
                took: ongoing.took[step].and_then(|took| TimeDelta::from_std(took).ok()),
                last_success: known.last_success,
                failing_since: known.failing_since,
                failing,
                passing: u32::try_from(passing).unwrap_or(u32::MAX),
            }
        });
        let (trouble, decided) = self.trouble(&steps, before);
        ProbeReport {
            trouble,
            decided,
            at: now,
            steps,
            // A certificate that was not seen this time still ends.
            certificate_ends: ongoing.certificate_ends.or_else(|| before?.certificate_ends),
            tls_version: ongoing.tls_version.or_else(|| before?.tls_version),
            throttled_until: self.throttled_until,
            suspended_until: self
                .memory
                .suspended(now)
                .and_then(|refusals| refusals.suspended_until),
            mailboxes: u32::try_from(self.mailboxes.len()).unwrap_or(u32::MAX),
        }
    }

    /// What keeps anybody from using Exchange, and whether that could be decided.
    fn trouble(
        &self,
        steps: &EnumMap<ProbeStep, StepReport>,
        before: Option<&ProbeReport>,
    ) -> (Option<ProbeTrouble>, bool) {
        let of = |step: ProbeStep, cause: Cause, reason: FailureReason| {
            let since = self.memory.steps[step].failing_since?;
            Some(ProbeTrouble { cause, step, reason: reason.name, advice: reason.advice, since })
        };
        let held = || (before.and_then(|before| before.trouble), false);
        for step in
            [ProbeStep::Dns, ProbeStep::Tcp, ProbeStep::Tls, ProbeStep::Http, ProbeStep::Auth]
        {
            match steps[step].verdict {
                StepVerdict::Passed | StepVerdict::Skipped => {}
                StepVerdict::Held => return held(),
                StepVerdict::Failed => {
                    let Some(reason) = steps[step].reason.and_then(crate::sources::failure_reason)
                    else {
                        return held();
                    };
                    let known = ExchangeFailure::from_name(reason.name);
                    let cause = known.and_then(ExchangeFailure::cause);
                    let cause = cause
                        .filter(|_| step >= ProbeStep::Http)
                        .unwrap_or(Cause::ExchangeUnreachable);
                    return (of(step, cause, reason), true);
                }
            }
        }
        let step = ProbeStep::Impersonation;
        if steps[step].verdict == StepVerdict::Held {
            return held();
        }
        let most = self.worst(step).filter(|(_, failing, passing)| failing > passing);
        let cause = most.and_then(|(failure, ..)| Some((failure, failure.cause()?)));
        (cause.and_then(|(failure, cause)| of(step, cause, failure.into())), true)
    }

    /// The rows that this probe can answer, of mailboxes that were looked at just now.
    fn answered(
        &self,
        ongoing: &Ongoing,
        org: &OrgView,
    ) -> (Vec<(OrgRow, OrgValue)>, Vec<UserAnswer>) {
        let mut rows = Vec::new();
        if matches!(ongoing.ends[ProbeStep::Auth], StepEnd::Passed)
            && self.policy.connection == ConnectionMethod::ServiceAccount
        {
            // That the account is usable from here says nothing against a page that shows an X: Salesforce may have
            // another password than we do.
            let row = OrgRow::ServiceAccountRecognized;
            let page = org.readings.get(row, Source::Snapshot).map(|reading| &reading.value);
            if page != Some(&OrgValue::Flag(false)) {
                rows.push((row, OrgValue::Flag(true)));
            }
        }
        let mut users = Vec::new();
        for (place, look) in &ongoing.looks {
            let (Some(mailbox), Some(state)) =
                (self.settings.mailboxes.get(*place), self.mailboxes.get(*place))
            else {
                continue;
            };
            let mut values = UserValues::new();
            let mut mark = |row, yes: bool| {
                values.push((row, UserValue::Status(if yes { Status::Yes } else { Status::No })));
            };
            // Only what was seen just now, and is believed.
            let believed =
                |step: ProbeStep| look.steps[step].filter(|seen| state.steps[step] == Some(*seen));
            match believed(ProbeStep::Impersonation) {
                Some(Ok(())) => mark(UserRow::ServiceAccount, true),
                Some(Err(
                    ExchangeFailure::ImpersonationDenied
                    | ExchangeFailure::ImpersonationDeniedServer
                    | ExchangeFailure::MailboxAccessDenied,
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
            if !values.is_empty() {
                users.push((mailbox.user.clone(), values));
            }
        }
        (rows, users)
    }
}

/// What the lanes share.
struct LaneShare {
    looks: BTreeMap<usize, MailboxLook>,
    /// The places of mailboxes that are left, the next one last.
    left: Vec<usize>,
    trouble: Option<CallTrouble>,
}

fn of_mailbox() -> impl Iterator<Item = ProbeStep> {
    ProbeStep::ALL.iter().copied().filter(|step| step.is_of_mailbox())
}

fn step_of(phase: TracePhase) -> ProbeStep {
    match phase {
        TracePhase::Name => ProbeStep::Dns,
        TracePhase::Tcp => ProbeStep::Tcp,
        TracePhase::Tls => ProbeStep::Tls,
    }
}

/// What the answer to a request without a sign-in means.
fn at_front(response: &HttpResponse) -> Result<(), ExchangeFailure> {
    let page = || {
        let text = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
        is_page(response) && text.contains("type=\"password\"")
    };
    let headers: &HeaderMap = &response.headers;
    match response.status {
        200 if page() => Err(ExchangeFailure::LoginPage),
        403 => Err(forbidden(headers).0),
        404 | 410 => Err(ExchangeFailure::NotEws),
        503 => Err(ExchangeFailure::ServiceUnavailable),
        500.. => Err(ExchangeFailure::ExchangeServerError),
        _ => Ok(()),
    }
}

/// Steps of mailboxes that began to fail, or fail for another reason; those of the server are the poll's own failure.
fn news(before: Option<&ProbeReport>, report: &ProbeReport) -> Vec<String> {
    let earlier = |step: ProbeStep| before.and_then(|before| before.steps[step].reason);
    let failed = report.steps.iter().filter(|(step, found)| {
        (step.is_of_mailbox() || *step == ProbeStep::Autodiscover)
            && found.verdict == StepVerdict::Failed
            && found.reason != earlier(*step)
    });
    failed
        .map(|(step, found)| {
            let reason = found.reason.unwrap_or_default();
            let advice = found.advice.unwrap_or_default().trim_end_matches('.');
            let of = if step.is_of_mailbox() {
                format!(" for {} of {} mailboxes", found.failing, found.failing + found.passing)
            } else {
                String::new()
            };
            format!("the step {step} fails{of} ({reason}). {advice}")
        })
        .collect()
}
