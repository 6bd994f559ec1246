//! The example configurations of Prometheus: for one machine with the package, and for the stack of containers.

/// Where an example is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// The Debian package and its neighbours on one machine.
    Package,
    /// The services of the compose file.
    Compose,
}

/// What differs from place to place.
struct Names {
    rules: &'static str,
    exporter: &'static str,
    alertmanager: &'static str,
}

impl Site {
    fn names(self) -> Names {
        match self {
            Self::Package => Names {
                rules: "/usr/share/lightning-sync-exporter/alerts/lightning-sync.rules.yaml",
                exporter: "127.0.0.1:9877",
                alertmanager: "127.0.0.1:9093",
            },
            Self::Compose => Names {
                rules: "/etc/prometheus/lightning-sync.rules.yaml",
                exporter: "exporter:9877",
                alertmanager: "alertmanager:9093",
            },
        }
    }
}

/// Samples of one scrape: a thousand organisations have 163,000, a user's own series are thirteen. What a feeder may invent
/// with the default `max_users`, 50,000 users, is 650,000 and must not reach Prometheus unseen.
const SAMPLE_LIMIT: u32 = 200_000;

/// Scrapes one exporter, evaluates the shipped rules, and tells one Alertmanager.
pub fn prometheus(site: Site) -> String {
    let Names { rules, exporter, alertmanager } = site.names();
    format!(
        "# Scrapes one exporter, evaluates the shipped rules, and tells one Alertmanager. Generated from src/rules; a test compares\n\
         # the two.\n\
         global:\n  scrape_interval: 15s\n  evaluation_interval: 15s\n\
         \nrule_files:\n  - {rules}\n\
         \nscrape_configs:\n  # With lightning-sync in its name a target that never answered is recognised.\n  - job_name: lightning-sync\n    \
         # Enough for a thousand organisations, or for 15,000 users with series of their own (user_series: per_user). Above it the\n    # whole scrape is dropped and the exporter counts as down: raise it before, not after.\n    \
         sample_limit: {SAMPLE_LIMIT}\n    \
         static_configs:\n      - targets: [\"{exporter}\"]\n\
         \nalerting:\n  alertmanagers:\n    - static_configs:\n        - targets: [\"{alertmanager}\"]\n"
    )
}
