//! What a scrape knows, and since which scrape each part of it has been known: found out by comparing the facts of one
//! scrape with those of the one before, so that nobody has to report that something changed.

use super::encoder::PageFormat;
use super::facts::{OrgFacts, Part};
use super::users::UserPieces;
use crate::domain::policy::UserSeries;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use bytes::Bytes;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::sync::{Arc, OnceLock};

/// For how long what was found out of a View serves other scrapes of the same View. An engine that works publishes
/// every second; of one that does not, the age of what it knows has to show.
const SERVES_FOR: TimeDelta = TimeDelta::seconds(2);

/// A View at the time of a scrape.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) view: Arc<View>,
    pub(super) now: Timestamp,
    /// Scrapes are numbered in the order in which they found out what they know.
    pub(super) number: u64,
    pub(super) orgs: Vec<KnownOrg>,
    /// The pieces of the whole compressed page, once it was made.
    pub(super) pages: EnumMap<PageFormat, OnceLock<Arc<[Bytes]>>>,
}

/// What is known of an organisation.
#[derive(Debug, Clone)]
pub(super) struct KnownOrg {
    pub(super) facts: Arc<OrgFacts>,
    /// Since which scrape each part says what it says.
    since: EnumMap<Part, u64>,
    /// The compressed series of its users, where they have any.
    pub(super) users: Option<Arc<UserPieces>>,
}

impl Scrape {
    /// What is known of `view` at `now`, after what was known before.
    pub(super) fn after(before: Option<&Self>, view: Arc<View>, now: Timestamp) -> Self {
        let number = before.map_or(0, |before| before.number) + 1;
        let known = before.map_or(&[][..], |before| &before.orgs);
        let facts = OrgFacts::of(&view, now).into_iter().enumerate();
        Self {
            orgs: facts
                .map(|(place, facts)| KnownOrg::after(known.get(place), facts, &view, number))
                .collect(),
            view,
            now,
            number,
            pages: Default::default(),
        }
    }

    /// Whether this serves a scrape of `view` at `now`.
    pub(super) fn serves(&self, view: &Arc<View>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.view, view) && now >= self.now && now.since(self.now) < SERVES_FOR
    }

    /// Whether a part of some organisations says the same as at the scrape of a number.
    pub(super) fn says_since(&self, orgs: std::ops::Range<usize>, part: Part, number: u64) -> bool {
        // A later scrape may know what this one does not.
        number <= self.number
            && self
                .orgs
                .get(orgs)
                .is_some_and(|orgs| orgs.iter().all(|org| org.since[part] <= number))
    }
}

impl KnownOrg {
    fn after(before: Option<&Self>, facts: Arc<OrgFacts>, view: &View, scrape: u64) -> Self {
        let since = EnumMap::from_fn(|part| {
            let same = before.filter(|before| facts.says_the_same(&before.facts, part));
            same.map_or(scrape, |before| before.since[part])
        });
        let users = (view.user_series == UserSeries::PerUser).then(|| {
            before
                .and_then(|before| before.users.clone())
                .filter(|users| users.holds(&facts, view.user_names))
                .unwrap_or_else(|| Arc::new(UserPieces::new(&facts, view.user_names)))
        });
        Self { facts, since, users }
    }
}
