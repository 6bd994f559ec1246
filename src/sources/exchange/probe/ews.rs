//! The probe over EWS: the steps of the server, then the mailboxes, a few at a time.

use super::super::client::{
    CallTrouble, EwsConnection, ExchangeClient, SignIn, forbidden, is_page,
};
use super::super::ews::answer::{autodiscovered, autodiscovered_v2};
use super::super::ews::request::{Acting, Operation, autodiscover};
use super::super::failure::{ExchangeFailure, USUAL_WAIT};
use super::super::settings::{EwsSettings, ExchangeSettings, ProbedMailbox};
use super::ews_mailbox::Looking;
use super::memory::ProbeMemory;
use super::round::{CYCLE, Doubt, ProbeRound, StepEnd, pause_at};
use super::state::{MailboxLook, MailboxState};
use crate::domain::policy::OrgPolicy;
use crate::domain::probe::ProbeStep;
use crate::domain::time::Timestamp;
use crate::http_client::{HttpConnection, HttpRequest, HttpResponse, TransportFailure, Trust};
use crate::sources::failure::Failure;
use hyper::Method;
use hyper::header::HeaderMap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// When so many requests of one connection in a row get no answer, the server is gone.
const GIVE_UP_AFTER: u32 = 2;

/// The hosts of Exchange Online in every cloud.
const ONLINE_HOSTS: [&str; 5] = [
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.office365.us",
    "outlook-dod.office365.us",
    "partner.outlook.cn",
];

/// Probes an Exchange over EWS.
pub(super) struct EwsProbe {
    policy: Arc<OrgPolicy>,
    settings: Arc<ExchangeSettings>,
    ews: EwsSettings,
    pub(super) client: ExchangeClient,
    /// The place of the mailbox with which the next probe begins.
    next: usize,
    throttled_until: Option<Timestamp>,
    doubt: Doubt,
    /// Whether Microsoft has ended EWS there.
    ended: bool,
}

/// What a probe knows from the ones before.
pub(super) struct ProbeKnowledge<'a> {
    pub(super) memory: &'a mut ProbeMemory,
    pub(super) mailboxes: &'a [MailboxState],
}

impl EwsProbe {
    pub(super) fn new(
        policy: &Arc<OrgPolicy>,
        settings: &Arc<ExchangeSettings>,
        ews: &EwsSettings,
        trust: &Trust,
    ) -> Self {
        let trust = trust.with(settings.authorities.as_ref());
        Self {
            policy: Arc::clone(policy),
            settings: Arc::clone(settings),
            ews: ews.clone(),
            client: ExchangeClient::new(ews.clone(), &trust, settings.limits),
            next: 0,
            throttled_until: None,
            doubt: Doubt::default(),
            ended: false,
        }
    }

    /// One probe of the mailboxes at these places.
    pub(super) async fn probe(
        &mut self,
        now: Timestamp,
        known: ProbeKnowledge<'_>,
        places: &[usize],
    ) -> (ProbeRound, Option<Failure>) {
        let mut round = ProbeRound::new(now);
        if let Some(until) = pause_at(now, self.throttled_until) {
            round.pause(until);
            return (round, None);
        }
        self.throttled_until = None;
        self.ended = self.settings.ews_retirement.is_some_and(|end| now >= end)
            && (ONLINE_HOSTS.contains(&self.ews.host.host())
                || known.mailboxes.iter().any(MailboxState::is_online_over_ews));
        let failure = self.steps(&mut round, known, places).await.err();
        round.throttled_until = self.throttled_until;
        (round, failure)
    }

    /// All steps, until one fails that the others depend on.
    async fn steps(
        &mut self,
        ongoing: &mut ProbeRound,
        known: ProbeKnowledge<'_>,
        places: &[usize],
    ) -> Result<(), Failure> {
        let mut connection = Some(ongoing.connected(self.client.http.trace().await)?);
        self.look_at_http(ongoing, &mut connection).await?;
        let named = self.autodiscover_v2(ongoing, &mut connection).await;
        let sign_in = self.ready(known.memory, ongoing)?;
        let mut lane = EwsConnection::new(&self.client, &sign_in, connection.take());
        let began = Instant::now();
        let address = places.first().and_then(|place| self.settings.mailboxes.get(*place));
        let address = address.map_or("", |mailbox| mailbox.address.as_str());
        let signed_in = lane.call(Acting::Own, Operation::ConvertId(address)).await;
        ongoing.took[ProbeStep::Auth] = Some(began.elapsed());
        match signed_in {
            Ok(_) => {
                ongoing.ends[ProbeStep::Auth] = StepEnd::Passed;
                ongoing.went_on = true;
                self.doubt.ends();
            }
            Err(trouble) => return self.not_signed_in(known.memory, ongoing, trouble),
        }
        if let Some(end) = self.autodiscover_old(named, &mut lane).await {
            ongoing.ends[ProbeStep::Autodiscover] = end;
        }
        let (looks, next, trouble) =
            self.look_at_mailboxes(ongoing.now, lane, &sign_in, (known.mailboxes, places)).await;
        ongoing.looks = looks;
        self.next = next;
        match trouble {
            None => known.memory.refusals = None,
            Some(CallTrouble::Throttled(wait)) => {
                self.throttled_until = Some(ongoing.after(wait));
                if !ongoing.looks.is_empty() {
                    known.memory.refusals = None;
                }
            }
            // The account was taken a moment ago. Exchange refuses like this when it is overloaded.
            Some(CallTrouble::SignIn(kind)) => {
                let believed = known.memory.refused(kind, ongoing.now, self.ews.auth.locks());
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
                known.memory.refusals = None;
                if ongoing.looks.is_empty() {
                    ongoing.ends[ProbeStep::Impersonation] = StepEnd::Held(failure.reason);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// Whether EWS answers, without a sign-in.
    async fn look_at_http(
        &mut self,
        ongoing: &mut ProbeRound,
        connection: &mut Option<HttpConnection>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let response = self.get(connection, &self.ews.path).await;
        ongoing.took[ProbeStep::Http] = Some(began.elapsed());
        let failed = match response {
            Err(CallTrouble::Failed(failure, kind)) => Err((failure, kind)),
            Err(CallTrouble::Throttled(_) | CallTrouble::SignIn(_)) => Ok(()),
            Ok(response) => at_front(&response).map_err(|kind| {
                let detail = format!("{} answers with HTTP {}", self.ews.host, response.status);
                (Failure::new(kind, detail), Some(kind))
            }),
        };
        match failed {
            Ok(()) => {
                ongoing.ends[ProbeStep::Http] = StepEnd::Passed;
                Ok(())
            }
            Err((failure, kind)) => {
                let (failure, kind) = self.or_ended(failure, kind);
                ongoing.ends[ProbeStep::Http] = self.doubt.judge(failure.reason, kind);
                Err(failure)
            }
        }
    }

    /// What an answer of the whole of Exchange Online means after the end of EWS: nobody knows which one it gives then.
    fn or_ended(
        &self,
        failure: Failure,
        kind: Option<ExchangeFailure>,
    ) -> (Failure, Option<ExchangeFailure>) {
        use ExchangeFailure as F;
        match kind {
            Some(F::NotEws | F::EwsForbidden | F::EwsDisabled | F::EwsBlocked) if self.ended => {
                (Failure::new(F::EwsRetired, failure.detail), Some(F::EwsRetired))
            }
            _ => (failure, kind),
        }
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
        ongoing: &mut ProbeRound,
        connection: &mut Option<HttpConnection>,
    ) -> Option<()> {
        let address = self.settings.mailboxes.first().filter(|_| self.ews.autodiscover)?;
        let address: String = form_urlencoded::byte_serialize(address.address.as_bytes()).collect();
        let path = format!("/autodiscover/autodiscover.json?Email={address}&Protocol=EWS");
        let began = Instant::now();
        let response = self.get(connection, &path).await.ok();
        ongoing.took[ProbeStep::Autodiscover] = Some(began.elapsed());
        let response = response.filter(|response| response.status == 200)?;
        ongoing.ends[ProbeStep::Autodiscover] = self.named(&autodiscovered_v2(&response.body)?);
        Some(())
    }

    /// The oldest form, where the newest did not answer.
    async fn autodiscover_old(
        &self,
        named: Option<()>,
        lane: &mut EwsConnection<'_>,
    ) -> Option<StepEnd> {
        let mailbox = self.settings.mailboxes.first().filter(|_| self.ews.autodiscover)?;
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
        let ours = format!("{}{}", self.ews.host, self.ews.path);
        if url.trim().eq_ignore_ascii_case(&ours) {
            StepEnd::Passed
        } else {
            StepEnd::Failed(ExchangeFailure::AutodiscoverMismatch.into())
        }
    }

    /// What signs in, unless the account is suspended.
    fn ready(&self, memory: &ProbeMemory, ongoing: &mut ProbeRound) -> Result<SignIn, Failure> {
        if let Some(refusals) = memory.suspended(ongoing.now) {
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
        memory: &mut ProbeMemory,
        ongoing: &mut ProbeRound,
        trouble: CallTrouble,
    ) -> Result<(), Failure> {
        let (end, failure) = match trouble {
            CallTrouble::Throttled(wait) => {
                self.throttled_until = Some(ongoing.after(wait.max(USUAL_WAIT)));
                let held = StepEnd::Held(ExchangeFailure::ExchangeThrottled.into());
                for step in [ProbeStep::Auth].into_iter().chain(super::of_mailbox()) {
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
                if memory.refused(kind, ongoing.now, self.ews.auth.locks()) {
                    let detail = "the sign-in was refused in two polls in a row";
                    (StepEnd::Failed(kind.into()), Failure::new(kind, detail))
                } else {
                    let once = ExchangeFailure::SignInRefusedOnce;
                    (StepEnd::Held(once.into()), Failure::new(once, "the sign-in was refused"))
                }
            }
            CallTrouble::Failed(failure, kind) => {
                let (failure, kind) = self.or_ended(failure, kind);
                (self.doubt.judge(failure.reason, kind), failure)
            }
        };
        ongoing.ends[ProbeStep::Auth] = end;
        Err(failure)
    }

    /// The mailboxes, on as many connections as there may be requests at once. Gives what was seen, where the next probe
    /// begins, and what ended this one early.
    async fn look_at_mailboxes(
        &self,
        now: Timestamp,
        first: EwsConnection<'_>,
        sign_in: &SignIn,
        of: (&[MailboxState], &[usize]),
    ) -> (BTreeMap<usize, MailboxLook>, usize, Option<CallTrouble>) {
        let (mailboxes, places) = of;
        let (before, from): (Vec<usize>, Vec<usize>) =
            places.iter().partition(|place| **place < self.next);
        let round = Mutex::new(LaneShare {
            looks: BTreeMap::new(),
            left: from.into_iter().chain(before).rev().collect(),
            trouble: None,
        });
        let until = Instant::now() + CYCLE.max(self.settings.poll_every.to_std().unwrap_or(CYCLE));
        let more = || {
            self.look_on(
                (now, mailboxes),
                EwsConnection::new(&self.client, sign_in, None),
                &round,
                until,
            )
        };
        tokio::join!(self.look_on((now, mailboxes), first, &round, until), more(), more(), more());
        let round = round.into_inner().unwrap_or_else(PoisonError::into_inner);
        let next = round.left.last().copied().unwrap_or_default();
        (round.looks, next, round.trouble)
    }

    async fn look_on(
        &self,
        (now, mailboxes): (Timestamp, &[MailboxState]),
        mut lane: EwsConnection<'_>,
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
            let looking = Looking {
                policy: &self.policy,
                folder: &self.settings.contacts_folder,
                acting: self.ews.acting(address),
                searched: mailboxes.get(place).and_then(|state| state.found(now)),
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
}

/// What the lanes share.
struct LaneShare {
    looks: BTreeMap<usize, MailboxLook>,
    /// The places of mailboxes that are left, the next one last.
    left: Vec<usize>,
    trouble: Option<CallTrouble>,
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
