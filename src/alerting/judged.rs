//! Which alerts have their conditions at an instant.

use crate::domain::alerts::{AlertId, OwnFinding, OwnState};
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::OrgName;
use crate::domain::incidents::Subject;
use crate::domain::judge::judge;
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::guidance::{self, verdict::describe};
use crate::rules::{alert_of, rule, shared};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many organisations a description names.
const NAMED: usize = 10;

/// What was judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedAlerts {
    holding: BTreeMap<AlertId, Arc<str>>,
    unknown: BTreeSet<(Option<OrgName>, Cause)>,
}

/// What was judged of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AlertWord {
    /// Its condition holds, with these facts.
    Holds(Arc<str>),
    /// It does not.
    Ended,
    /// Nothing is known that is newer than what was.
    Unknown,
}

impl JudgedAlerts {
    /// Judges `view` and what the daemon found of itself. The View has to be one of now.
    pub fn of(view: &View, own: &[OwnFinding], now: Timestamp) -> Self {
        let mut holding: BTreeMap<AlertId, String> = BTreeMap::new();
        let findings = judge(view, now);
        for finding in &findings {
            let (Some(id), Some(org)) = (alert_of(finding), view.org(&finding.org)) else {
                continue;
            };
            let says = describe(finding, org, now);
            let text = holding.entry(id).or_insert_with(|| format!("{}:", finding.org));
            // Of several checks it is one alert.
            if !text.contains(&says) {
                text.extend([" ", &says, &since(finding.since)]);
            }
        }
        for (id, findings) in shared(&findings, view.orgs.len()) {
            let names: Vec<&str> =
                findings.iter().take(NAMED).map(|finding| finding.org.as_str()).collect();
            let cause = id.shared.map_or("the same", Cause::name);
            let text = format!(
                "{} organisations have {cause}. Longest first: {}.",
                findings.len(),
                names.join(" ")
            );
            holding.insert(id, text);
        }
        let mut unknown = BTreeSet::new();
        for OwnFinding { org, cause, state } in own {
            match state {
                OwnState::Refuted => {}
                OwnState::Unknown => drop(unknown.insert((org.clone(), *cause))),
                OwnState::Holds(at) => {
                    let subject = Subject { cause: *cause, object_type: None, check: None };
                    let severity = Severity::Warning;
                    let about = org.as_ref().map_or_else(String::new, |org| format!("{org}: "));
                    let summary = guidance::cause(*cause).summary;
                    let id = AlertId { severity, subject, org: org.clone(), shared: None };
                    holding.insert(id, format!("{about}{summary}{}", since(Some(*at))));
                }
            }
        }
        holding.retain(|id, _| rule(id.subject.cause).is_some());
        let holding = holding.into_iter().map(|(id, text)| (id, text.into())).collect();
        Self { holding, unknown }
    }

    /// The alerts whose conditions hold.
    pub fn holding(&self) -> impl Iterator<Item = &AlertId> {
        self.holding.keys()
    }

    pub(super) fn word(&self, id: &AlertId) -> AlertWord {
        match self.holding.get(id) {
            Some(says) => AlertWord::Holds(Arc::clone(says)),
            None if self.unknown.contains(&(id.org.clone(), id.subject.cause)) => {
                AlertWord::Unknown
            }
            None => AlertWord::Ended,
        }
    }
}

fn since(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| {
        format!(" Since {} UTC.", at.datetime().format("%Y-%m-%d %H:%M"))
    })
}
