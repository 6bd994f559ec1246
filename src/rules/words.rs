//! An alert's annotations, made from guidance.

use super::definition::AlertRule;
use super::identity::Labels;
use crate::domain::causes::Cause;
use crate::domain::external_url::ExternalUrl;
use crate::domain::ids::OrgName;
use crate::guidance::{self, CauseGuide, Owner};

/// What steps call the daemon's pages, and what comes after the organisation's own page there; the first that fits a
/// step counts.
const PAGES: [(&str, &str); 4] = [
    ("aste it on the organisation's page", "/paste"),
    ("aste that page on the organisation's page", "/paste"),
    ("list of users", "/users"),
    ("the organisation's page", ""),
];
const OVERVIEW: &str = "the overview page";
/// The organisation of an alert, in a template.
const ORG: &str = "{{ $labels.org }}";

/// The steps of a cause, numbered, one a line. The page that a step speaks of stands behind its name as a link.
pub(super) fn next_step(guide: &CauseGuide, url: &ExternalUrl) -> String {
    if guide.steps.is_empty() {
        return "Nothing to do.".to_owned();
    }
    let steps = guide.steps.iter().enumerate();
    let lines =
        steps.map(|(index, step)| format!("{}. {}", index + 1, linked(&step.text.plain(), url)));
    lines.collect::<Vec<_>>().join("\n")
}

fn linked(text: &str, url: &ExternalUrl) -> String {
    let of_org = PAGES.map(|(name, path)| (name, format!("{}{path}", url.org(ORG))));
    let pages = of_org.into_iter().chain([(OVERVIEW, url.overview())]);
    let mut named = pages.filter(|(name, _)| text.contains(name));
    match named.next() {
        Some((name, link)) => text.replacen(name, &format!("{name} ({link})"), 1),
        None => text.to_owned(),
    }
}

/// Who acts first, and who for which of the steps: "salesforce admin; exchange admin for 2, 4; salesforce support for 6".
pub(super) fn owners(guide: &CauseGuide) -> String {
    let mut others: Vec<(Owner, Vec<String>)> = Vec::new();
    for (index, step) in guide.steps.iter().enumerate() {
        let number = (index + 1).to_string();
        match others.iter_mut().find(|(owner, _)| *owner == step.owner) {
            Some((_, numbers)) => numbers.push(number),
            None if step.owner != guide.owner() => others.push((step.owner, vec![number])),
            None => {}
        }
    }
    let others: String = others
        .iter()
        .map(|(owner, numbers)| format!("; {owner} for {}", numbers.join(", ")))
        .collect();
    format!("{}{others}", guide.owner())
}

/// Name and text of every annotation, in the order they are read.
pub(super) fn annotations(rule: &AlertRule, url: &ExternalUrl) -> [(&'static str, String); 6] {
    let guide = guidance::cause(rule.cause);
    [
        ("summary", guide.summary.to_owned()),
        ("description", rule.description.clone()),
        ("next_step", next_step(guide, url)),
        ("owner", owners(guide)),
        ("runbook_url", url.runbook(rule.alert())),
        ("page_url", page_url(rule, url)),
    ]
}

/// The annotations of an alert of one organisation, or of none, with its facts in words.
pub(super) fn of_alert(
    rule: &AlertRule,
    org: Option<&OrgName>,
    description: &str,
    url: &ExternalUrl,
) -> Labels {
    let guide = guidance::cause(rule.cause);
    let name = org.map_or("", OrgName::as_str);
    Labels::from([
        ("summary", guide.summary.to_owned()),
        ("description", description.to_owned()),
        ("next_step", next_step(guide, url).replace(ORG, name)),
        ("owner", owners(guide)),
        ("runbook_url", url.runbook(rule.alert())),
        ("page_url", org.map_or_else(|| url.overview(), |org| url.org(org.as_str()))),
    ])
}

/// The organisation's page; of an alert that is about none, the overview. Where the label may be missing a template asks
/// for it, which costs an evaluation more.
fn page_url(rule: &AlertRule, url: &ExternalUrl) -> String {
    if rule.expr.contains("org:lightning_sync_finding:since{cause=") {
        url.org(ORG)
    } else if [Cause::ExporterDown, Cause::IngestRejected].contains(&rule.cause) {
        let (org, overview) = (url.org("{{ . }}"), url.overview());
        format!("{{{{ with $labels.org }}}}{org}{{{{ else }}}}{overview}{{{{ end }}}}")
    } else {
        url.overview()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_say_which_steps_are_whose() {
        assert_eq!(
            owners(guidance::cause(Cause::ServiceAccountMissing)),
            "salesforce admin; exchange admin for 2, 4; salesforce support for 6"
        );
        assert_eq!(owners(guidance::cause(Cause::Watchdog)), "none");
    }

    #[test]
    fn the_pages_that_steps_speak_of_are_links() {
        let url = ExternalUrl::new("https://sync.example").unwrap();
        let steps = |cause| next_step(guidance::cause(cause), &url);
        let line = |cause, number: usize| steps(cause).lines().nth(number - 1).unwrap().to_owned();
        assert_eq!(
            line(Cause::ServiceAccountMissing, 5),
            "5. Read the status page again (Setup, Lightning Sync Status) and paste it on the organisation's page (https://sync.example/orgs/{{ $labels.org }}/paste)."
        );
        assert_eq!(
            line(Cause::ResetStuck, 1),
            "1. Open Setup, Lightning Sync Status, and type the user's name. No reset shown? It has ended: paste that page on the organisation's page (https://sync.example/orgs/{{ $labels.org }}/paste)."
        );
        assert_eq!(
            line(Cause::LinkedUsersUnexpected, 2),
            "2. Open the list of users (https://sync.example/orgs/{{ $labels.org }}/users) and look for addresses that are not linked."
        );
        assert_eq!(
            line(Cause::ManyOrganizations, 3),
            "3. Look at the overview page (https://sync.example/): it lists the organisations, worst first."
        );
        assert!(steps(Cause::PollFailing).starts_with(
            "1. Read the reason on the organisation's page (https://sync.example/orgs/{{ $labels.org }}) or in the log"
        ));
        let all: String = Cause::ALL.iter().map(|cause| steps(*cause)).collect();
        for (name, _) in PAGES {
            assert!(all.contains(&format!("{name} (https://")), "{name}");
        }
        assert_eq!(
            all.matches("organisation's page").count(),
            all.matches("organisation's page (").count()
        );
    }

    #[test]
    fn no_words_of_guidance_are_taken_for_a_template() {
        for reason in Cause::ALL {
            let guide = guidance::cause(*reason);
            let steps = next_step(guide, &ExternalUrl::default()).replace(ORG, "");
            for text in [guide.summary.to_owned(), steps, owners(guide)] {
                assert!(!text.contains("{{"), "{reason}: {text}");
            }
        }
    }
}
