//! The probe over Graph: the steps of the service, then the mailboxes, some in each batch: two requests for many mailboxes
//! when all is well.

use super::super::client::CallTrouble;
use super::super::ews::version::{self, ExchangeProduct, ServerVersion};
use super::super::failure::{ExchangeFailure, USUAL_WAIT};
use super::super::graph::GraphSettings;
use super::super::graph::answer::GraphPart;
use super::super::graph::client::GraphClient;
use super::super::graph::meaning::{GraphMeaning, meaning};
use super::super::graph::request::{GraphAsk, MOST_PARTS};
use super::super::settings::ExchangeSettings;
use super::ews_mailbox::is_near;
use super::of_mailbox;
use super::round::{CYCLE, Doubt, ProbeRound, StepEnd, pause_at};
use super::state::{MailboxLook, MailboxState};
use crate::domain::ids::ObjectType;
use crate::domain::policy::OrgPolicy;
use crate::domain::probe::{ProbeProtocol, ProbeStep};
use crate::domain::time::Timestamp;
use crate::http_client::Trust;
use crate::sources::failure::Failure;
use chrono::TimeDelta;
use hyper::header::HeaderValue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When so many batches in a row get no answer, the service is gone.
const GIVE_UP_AFTER: u32 = 2;
/// Ids of folders have about 150 characters.
const LONGEST_ID: usize = 1024;

/// Probes mailboxes over Graph.
pub(super) struct GraphProbe {
    policy: Arc<OrgPolicy>,
    settings: Arc<ExchangeSettings>,
    client: GraphClient,
    /// The place of the mailbox with which the next probe begins.
    next: usize,
    throttled_until: Option<Timestamp>,
    doubt: Doubt,
}

/// Something to be known of the mailbox at a place.
type WantedPart = (usize, GraphAsk);

/// What became known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PartSeen {
    /// It is there.
    There,
    /// Folders of the name: how many, and the id of the first.
    Named(usize, Option<String>),
    /// Whether there is a folder of nearly the name.
    Near(bool),
    Counted(u32),
    Bad(GraphMeaning),
}

impl PartSeen {
    /// How long the mailbox is not to be requested.
    fn wait(&self) -> Option<TimeDelta> {
        if let Self::Bad(GraphMeaning::Throttled(wait)) = self { Some(*wait) } else { None }
    }
}

/// What the lanes share.
struct BatchShare {
    seen: Vec<(WantedPart, PartSeen, Duration)>,
    /// The batches that are left, the next one last.
    left: Vec<Vec<WantedPart>>,
    trouble: Option<CallTrouble>,
}

/// A token, and whether it was renewed because the one before was refused.
struct ShownToken {
    header: HeaderValue,
    renewed: bool,
}

impl GraphProbe {
    pub(super) fn new(
        policy: &Arc<OrgPolicy>,
        settings: &Arc<ExchangeSettings>,
        graph: &GraphSettings,
        trust: &Trust,
    ) -> Self {
        let trust = trust.with(settings.authorities.as_ref());
        Self {
            policy: Arc::clone(policy),
            settings: Arc::clone(settings),
            client: GraphClient::new(graph.clone(), &trust, settings.limits),
            next: 0,
            throttled_until: None,
            doubt: Doubt::default(),
        }
    }

    pub(super) fn take_requests(&self) -> u64 {
        self.client.take_requests()
    }

    /// One probe of the mailboxes at these places.
    pub(super) async fn probe(
        &mut self,
        now: Timestamp,
        mailboxes: &mut [MailboxState],
        places: &[usize],
    ) -> (ProbeRound, Option<Failure>) {
        let mut round = ProbeRound::new(now);
        if let Some(until) = pause_at(now, self.throttled_until) {
            round.pause(until);
            return (round, None);
        }
        self.throttled_until = None;
        let failure = self.steps(&mut round, mailboxes, places).await.err();
        // The certificate of the service is Microsoft's affair; the application's own is ours.
        round.certificate_ends = self.client.certificate_ends();
        round.throttled_until = self.throttled_until;
        (round, failure)
    }

    /// All steps, until one fails that the others depend on.
    async fn steps(
        &mut self,
        round: &mut ProbeRound,
        mailboxes: &mut [MailboxState],
        places: &[usize],
    ) -> Result<(), Failure> {
        let connection = round.connected(self.client.http.trace().await)?;
        let began = Instant::now();
        let front = self.client.front(connection).await;
        round.took[ProbeStep::Http] = Some(began.elapsed());
        match front {
            Ok(()) => round.ends[ProbeStep::Http] = StepEnd::Passed,
            Err(trouble) => return self.failed(round, ProbeStep::Http, trouble),
        }
        let began = Instant::now();
        let signed_in = self.client.sign_in(round.now).await;
        round.took[ProbeStep::Auth] = Some(began.elapsed());
        let header = match signed_in {
            Ok(header) => header,
            Err(trouble) => return self.failed(round, ProbeStep::Auth, trouble),
        };
        round.ends[ProbeStep::Auth] = StepEnd::Passed;
        round.went_on = true;
        let mut shown = ShownToken { header, renewed: false };
        let until = Instant::now() + CYCLE.max(self.settings.poll_every.to_std().unwrap_or(CYCLE));
        let trouble = self.look_at(round, mailboxes, places, &mut shown, until).await;
        match trouble {
            None => {
                self.doubt.ends();
                Ok(())
            }
            Some(CallTrouble::Throttled(wait)) => {
                self.throttled_until = Some(round.after(wait));
                Ok(())
            }
            Some(CallTrouble::Failed(..)) if !round.looks.is_empty() => Ok(()),
            Some(trouble @ CallTrouble::SignIn(_)) => self.failed(round, ProbeStep::Auth, trouble),
            Some(trouble) => {
                round.ends[ProbeStep::Auth] = StepEnd::Skipped;
                self.failed(round, ProbeStep::Http, trouble)
            }
        }
    }

    /// A step of the service that did not pass.
    fn failed(
        &mut self,
        round: &mut ProbeRound,
        step: ProbeStep,
        trouble: CallTrouble,
    ) -> Result<(), Failure> {
        round.went_on = false;
        let (failure, kind) = match trouble {
            CallTrouble::Throttled(wait) => {
                self.throttled_until = Some(round.after(wait.max(USUAL_WAIT)));
                let held = StepEnd::Held(ExchangeFailure::ExchangeThrottled.into());
                for step in [step, ProbeStep::Auth].into_iter().chain(of_mailbox()) {
                    round.ends[step] = held;
                }
                return Ok(());
            }
            CallTrouble::SignIn(kind) => {
                (Failure::new(kind, "Graph refuses a token, and a new one as well"), Some(kind))
            }
            CallTrouble::Failed(failure, kind) => (failure, kind),
        };
        round.ends[step] = self.doubt.judge(failure.reason, kind);
        Err(failure)
    }

    /// The mailboxes: what is there, and then what is in the folders.
    async fn look_at(
        &mut self,
        round: &mut ProbeRound,
        mailboxes: &mut [MailboxState],
        places: &[usize],
        shown: &mut ShownToken,
        until: Instant,
    ) -> Option<CallTrouble> {
        let mut asks = vec![GraphAsk::Settings, GraphAsk::Calendar];
        if self.policy.objects.contains(&ObjectType::Contacts) {
            asks.push(GraphAsk::FoldersNamed(self.settings.contacts_folder.clone()));
        }
        let (before, from): (Vec<usize>, Vec<usize>) =
            places.iter().partition(|place| **place < self.next);
        let order: Vec<usize> = from.into_iter().chain(before).collect();
        let batches = order.chunks(MOST_PARTS / asks.len()).map(|places| {
            let of =
                |place: &usize| asks.iter().map(|ask| (*place, ask.clone())).collect::<Vec<_>>();
            places.iter().flat_map(of).collect()
        });
        let first = self.all(round.now, shown, batches.collect(), until).await;
        let left = first.left.last().and_then(|batch| batch.first());
        self.next = left.map_or(0, |(place, _)| *place);
        let mut parts: BTreeMap<usize, Vec<(GraphAsk, PartSeen)>> = BTreeMap::new();
        for ((place, ask), seen, took) in first.seen {
            for step in [ProbeStep::Impersonation, ProbeStep::Calendar] {
                round.took[step] = round.took[step].max(Some(took));
            }
            parts.entry(place).or_default().push((ask, seen));
        }
        let mut more: Vec<WantedPart> = Vec::new();
        for (place, parts) in parts {
            let Some(state) = mailboxes.get_mut(place) else { continue };
            match self.looked(&parts, state.found(round.now)) {
                Err(wait) => state.busy_until = Some(round.now.plus(wait)),
                Ok((look, next)) => {
                    round.looks.insert(place, look);
                    more.extend(next.map(|ask| (place, ask)));
                }
            }
        }
        if first.trouble.is_some() {
            return first.trouble;
        }
        let batches = more.chunks(MOST_PARTS).map(<[WantedPart]>::to_vec).collect();
        let second = self.all(round.now, shown, batches, until).await;
        for ((place, _), seen, took) in second.seen {
            let step = ProbeStep::ContactsFolder;
            round.took[step] = round.took[step].max(Some(took));
            if let Some(look) = round.looks.get_mut(&place) {
                filled(look, &seen);
            }
            if let (PartSeen::Bad(GraphMeaning::Throttled(wait)), Some(state)) =
                (seen, mailboxes.get_mut(place))
            {
                state.busy_until = Some(round.now.plus(wait));
            }
        }
        second.trouble
    }

    /// All batches; a token that is refused is renewed once.
    async fn all(
        &mut self,
        now: Timestamp,
        shown: &mut ShownToken,
        mut batches: Vec<Vec<WantedPart>>,
        until: Instant,
    ) -> BatchShare {
        batches.reverse();
        let mut share = BatchShare { seen: Vec::new(), left: batches, trouble: None };
        loop {
            let shared = Mutex::new(share);
            let lane = || self.lane(&shown.header, &shared, until);
            // Graph works on four parts of a batch at a time, and one of its documents limits an application to four
            // requests on the way regardless of mailboxes: two batches stay near that.
            tokio::join!(lane(), lane());
            share = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
            if shown.renewed || !matches!(share.trouble, Some(CallTrouble::SignIn(_))) {
                return share;
            }
            shown.renewed = true;
            self.client.forget_token();
            match self.client.sign_in(now).await {
                Ok(header) => shown.header = header,
                Err(trouble) => {
                    share.trouble = Some(trouble);
                    return share;
                }
            }
            share.trouble = None;
        }
    }

    /// One batch after the other.
    async fn lane(&self, token: &HeaderValue, shared: &Mutex<BatchShare>, until: Instant) {
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unanswered = 0;
        while Instant::now() < until {
            let batch = {
                let mut share = lock();
                if share.trouble.is_some() {
                    return;
                }
                share.left.pop()
            };
            let Some(batch) = batch else { return };
            let address = |place: usize| {
                self.settings.mailboxes.get(place).map_or("", |mailbox| mailbox.address.as_str())
            };
            let parts: Vec<(&str, &GraphAsk)> =
                batch.iter().map(|(place, ask)| (address(*place), ask)).collect();
            let began = Instant::now();
            let answered = self.client.batch(token, &parts).await;
            let took = began.elapsed();
            let mut share = lock();
            let trouble = match answered {
                Ok(answers) => {
                    unanswered = 0;
                    let seen = self.digested(&batch, answers);
                    match of_all(&seen) {
                        Some(trouble) => trouble,
                        None => {
                            let seen = batch.into_iter().zip(seen);
                            share.seen.extend(
                                seen.filter_map(|(wanted, seen)| Some((wanted, seen?, took))),
                            );
                            continue;
                        }
                    }
                }
                Err(trouble) => trouble,
            };
            unanswered += 1;
            let ends = !matches!(trouble, CallTrouble::Failed(..)) || unanswered >= GIVE_UP_AFTER;
            // One batch that gets no answer must not keep the other mailboxes from being looked at.
            if ends || (share.left.is_empty() && share.seen.is_empty()) {
                share.left.push(batch);
                share.trouble.get_or_insert(trouble);
                return;
            }
        }
    }

    /// What the parts of an answer say to the parts of the request, in the order of the request.
    fn digested(&self, batch: &[WantedPart], answers: Vec<GraphPart>) -> Vec<Option<PartSeen>> {
        let mut seen = vec![None; batch.len()];
        for part in answers {
            let place = part.place();
            let wanted = place.and_then(|place| batch.get(place).zip(seen.get_mut(place)));
            if let Some(((_, ask), seen)) = wanted {
                *seen = Some(self.seen(ask, part));
            }
        }
        seen
    }

    fn seen(&self, ask: &GraphAsk, part: GraphPart) -> PartSeen {
        let (status, retry_after) = (part.status(), part.retry_after());
        if !(200..300).contains(&status) {
            return PartSeen::Bad(meaning(
                status,
                &part.body.error.unwrap_or_default(),
                retry_after,
            ));
        }
        let odd = PartSeen::Bad(GraphMeaning::Failed(ExchangeFailure::ExchangeOther));
        let name = &self.settings.contacts_folder;
        match ask {
            GraphAsk::Settings | GraphAsk::Calendar if part.body.is_thing => PartSeen::There,
            GraphAsk::Settings | GraphAsk::Calendar => odd,
            GraphAsk::FoldersNamed(_) => part.body.folders.map_or(odd, |folders| {
                let mut named = folders
                    .into_iter()
                    .filter(|folder| folder.name.to_lowercase() == name.to_lowercase());
                let first = named.next();
                let count = usize::from(first.is_some()) + named.count();
                PartSeen::Named(
                    count,
                    first.map(|folder| folder.id).filter(|id| id.len() <= LONGEST_ID),
                )
            }),
            GraphAsk::Folders => part.body.folders.map_or(odd, |folders| {
                PartSeen::Near(folders.iter().any(|folder| is_near(&folder.name, name)))
            }),
            GraphAsk::Count(_) => part.body.count.map_or(odd, PartSeen::Counted),
        }
    }

    /// What the parts about a mailbox mean together, and what to request next.
    fn looked(
        &self,
        parts: &[(GraphAsk, PartSeen)],
        found: Option<ExchangeFailure>,
    ) -> Result<(MailboxLook, Option<GraphAsk>), TimeDelta> {
        let of = |wanted: fn(&GraphAsk) -> bool| {
            parts.iter().find(|(ask, _)| wanted(ask)).map(|(_, seen)| seen)
        };
        let settings = of(|ask| *ask == GraphAsk::Settings);
        let calendar = of(|ask| *ask == GraphAsk::Calendar);
        let folders = of(|ask| matches!(ask, GraphAsk::FoldersNamed(_)));
        if let Some(wait) = parts.iter().filter_map(|(_, seen)| seen.wait()).max() {
            return Err(wait);
        }
        let over = Some(ProbeProtocol::Graph);
        let mut look = MailboxLook { over, ..MailboxLook::default() };
        if let Some(failure) = of_mailbox_alone(settings, calendar) {
            let look =
                MailboxLook { over, ..MailboxLook::ended(ProbeStep::Impersonation, failure) };
            return Ok((look, None));
        }
        if !parts.iter().any(|(_, seen)| !matches!(seen, PartSeen::Bad(_))) {
            // Nothing was decided.
            return Ok((look, None));
        }
        look.version = Some(ServerVersion::ONLINE);
        look.steps[ProbeStep::Impersonation] = Some(Ok(()));
        let (product, connection) = (self.policy.product, self.policy.connection);
        let supported = version::is_supported(ExchangeProduct::Online, product, connection);
        look.steps[ProbeStep::Version] = Some(match supported {
            Some(false) => Err(ExchangeFailure::VersionUnsupported),
            Some(true) | None => Ok(()),
        });
        look.steps[ProbeStep::Calendar] = match calendar {
            Some(PartSeen::Bad(GraphMeaning::NotFound)) => {
                Some(Err(ExchangeFailure::CalendarMissing))
            }
            Some(PartSeen::Bad(GraphMeaning::Failed(kind))) => Some(Err(*kind)),
            Some(PartSeen::Bad(_)) | None => None,
            Some(_) => Some(Ok(())),
        };
        let mut next = None;
        look.steps[ProbeStep::ContactsFolder] = match folders {
            Some(PartSeen::Named(1, Some(id))) => {
                next = Some(GraphAsk::Count(id.clone()));
                Some(Ok(()))
            }
            Some(PartSeen::Named(0, _)) => match found {
                Some(found) => Some(Err(found)),
                None => {
                    next = Some(GraphAsk::Folders);
                    Some(Err(ExchangeFailure::FolderMissing))
                }
            },
            Some(PartSeen::Named(1, None)) => Some(Err(ExchangeFailure::ExchangeOther)),
            Some(PartSeen::Named(..)) => Some(Err(ExchangeFailure::FolderTwice)),
            Some(PartSeen::Bad(GraphMeaning::NotFound)) => {
                Some(Err(ExchangeFailure::FolderMissing))
            }
            Some(PartSeen::Bad(GraphMeaning::Failed(kind))) => Some(Err(*kind)),
            Some(PartSeen::Bad(_) | PartSeen::There | PartSeen::Near(_) | PartSeen::Counted(_))
            | None => None,
        };
        Ok((look, next))
    }
}

/// Why the mailbox itself cannot be read, if it cannot. That its settings alone are refused is no failure: nothing here
/// needs that right.
fn of_mailbox_alone(
    settings: Option<&PartSeen>,
    calendar: Option<&PartSeen>,
) -> Option<ExchangeFailure> {
    use ExchangeFailure as F;
    let failed = |seen: Option<&PartSeen>| {
        let Some(PartSeen::Bad(meaning)) = seen else { return None };
        match meaning {
            GraphMeaning::Failed(kind) => Some(*kind),
            // Without a mailbox there are no settings.
            GraphMeaning::NotFound => Some(F::MailboxNotFound),
            GraphMeaning::Throttled(_) | GraphMeaning::TokenRefused | GraphMeaning::Undecided => {
                None
            }
        }
    };
    match (failed(settings), failed(calendar)) {
        (Some(kind @ (F::NotInExchangeOnline | F::MailboxNotFound)), _)
        | (_, Some(kind @ F::NotInExchangeOnline)) => Some(kind),
        (Some(_), Some(kind)) => Some(kind),
        _ => None,
    }
}

/// What is about the whole batch: the token is refused, or every mailbox in it is to be left alone.
fn of_all(seen: &[Option<PartSeen>]) -> Option<CallTrouble> {
    let refused = Some(PartSeen::Bad(GraphMeaning::TokenRefused));
    if seen.contains(&refused) {
        return Some(CallTrouble::SignIn(ExchangeFailure::AppRefused));
    }
    let waits: Option<Vec<TimeDelta>> =
        seen.iter().map(|seen| seen.as_ref().and_then(PartSeen::wait)).collect();
    // A batch about one mailbox says nothing about the others.
    let wait = waits.filter(|waits| waits.len() > 3)?.into_iter().max()?;
    Some(CallTrouble::Throttled(wait))
}

/// Adds what is in the folder, or where it is instead.
fn filled(look: &mut MailboxLook, seen: &PartSeen) {
    match seen {
        PartSeen::Counted(count) => {
            look.records = Some(*count);
            look.steps[ProbeStep::Counts] = Some(Ok(()));
        }
        PartSeen::Near(near) => {
            let found = if *near {
                ExchangeFailure::FolderNearName
            } else {
                ExchangeFailure::FolderMissing
            };
            look.searched = Some(found);
            look.steps[ProbeStep::ContactsFolder] = Some(Err(found));
        }
        PartSeen::Bad(GraphMeaning::Failed(kind))
            if look.steps[ProbeStep::ContactsFolder] == Some(Ok(())) =>
        {
            look.steps[ProbeStep::Counts] = Some(Err(*kind));
        }
        // A folder that went between the two is seen by the next probe.
        PartSeen::Bad(_) | PartSeen::There | PartSeen::Named(..) => {}
    }
}
