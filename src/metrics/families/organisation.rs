//! What is configured of an organisation, and its calendar at the time of the scrape.

use super::{Family, per_org};
use crate::domain::calendar::Settle;
use crate::domain::policy::Product;
use crate::domain::time::seconds;
use crate::domain::windows::DAY;
use crate::metrics::catalogue::metric;

pub(super) const FAMILIES: &[Family] = &[
    per_org(metric("lightning_sync_org_info"), |out, facts| {
        let policy = &facts.org.policy;
        let labels = [policy.product.name(), policy.connection.name()];
        out.put(&labels, 1.0);
    }),
    per_org(
        metric("lightning_sync_known_since_timestamp_seconds"),
        |out, facts| {
            out.instant(&[], Some(facts.org.known_since));
        },
    ),
    per_org(
        metric("lightning_sync_fresh_within_seconds"),
        |out, facts| {
            out.put(&[], seconds(facts.org.policy.fresh_within));
        },
    ),
    per_org(
        metric("lightning_sync_stale_after_seconds"),
        |out, facts| {
            out.put(&[], seconds(facts.org.policy.stale_after));
        },
    ),
    per_org(
        metric("lightning_sync_reset_limit_seconds"),
        |out, facts| {
            out.put(&[], seconds(facts.org.policy.reset_limit));
        },
    ),
    per_org(
        metric("lightning_sync_initial_sync_limit_seconds"),
        |out, facts| {
            out.put(&[], seconds(facts.org.policy.initial_sync_limit));
        },
    ),
    per_org(
        metric("lightning_sync_retirement_timestamp_seconds"),
        |out, facts| {
            let policy = &facts.org.policy;
            let ends = policy.product == Product::LightningSync;
            out.instant(&[], policy.retirement.filter(|_| ends));
        },
    ),
    per_org(metric("lightning_sync_retired"), |out, facts| {
        out.flag(&[], facts.org.policy.retired(facts.now));
    }),
    per_org(metric("lightning_sync_setting_up"), |out, facts| {
        out.flag(&[], facts.org.policy.setting_up(facts.now));
    }),
    per_org(metric("lightning_sync_reps_select_events"), |out, facts| {
        out.flag(&[], facts.org.policy.reps_select_events);
    }),
    per_org(metric("lightning_sync_business_open"), |out, facts| {
        out.flag(&[], facts.org.open_hours.is_open(facts.now));
    }),
    per_org(
        metric("lightning_sync_business_time_24h_seconds"),
        |out, facts| {
            let open = facts
                .org
                .open_hours
                .open_time(facts.now.minus(DAY), facts.now);
            out.put(&[], seconds(open));
        },
    ),
    per_org(
        metric("lightning_sync_business_settled_timestamp_seconds"),
        |out, facts| {
            for span in Settle::ALL.iter().copied() {
                let settled = facts.org.open_hours.settled(span, facts.now);
                out.instant(&[span.name()], settled);
            }
        },
    ),
];
