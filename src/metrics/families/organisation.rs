//! What is configured of an organisation, and its calendar at the time of the scrape.

use super::{Family, Samples};
use crate::domain::policy::Product;
use crate::domain::time::seconds;
use crate::metrics::catalogue::metric;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        metric: metric("lightning_sync_org_info"),
        samples: Samples::Settings(|out, _| {
            let labels = [out.policy.product.name(), out.policy.connection.name()];
            out.put(&labels, 1.0);
        }),
    },
    Family {
        metric: metric("lightning_sync_fresh_within_seconds"),
        samples: Samples::Settings(|out, _| out.put(&[], seconds(out.policy.fresh_within))),
    },
    Family {
        metric: metric("lightning_sync_stale_after_seconds"),
        samples: Samples::Settings(|out, _| out.put(&[], seconds(out.policy.stale_after))),
    },
    Family {
        metric: metric("lightning_sync_reset_limit_seconds"),
        samples: Samples::Settings(|out, _| out.put(&[], seconds(out.policy.reset_limit))),
    },
    Family {
        metric: metric("lightning_sync_initial_sync_limit_seconds"),
        samples: Samples::Settings(|out, _| out.put(&[], seconds(out.policy.initial_sync_limit))),
    },
    Family {
        metric: metric("lightning_sync_retirement_timestamp_seconds"),
        samples: Samples::Settings(|out, _| {
            let ends = out.policy.product == Product::LightningSync;
            out.instant(&[], out.policy.retirement.filter(|_| ends));
        }),
    },
    Family {
        metric: metric("lightning_sync_business_open"),
        samples: Samples::Hours(|out, hours| out.flag(&[], hours.open)),
    },
    Family {
        metric: metric("lightning_sync_utc_offset_seconds"),
        samples: Samples::Hours(|out, hours| out.put(&[], f64::from(hours.utc_offset))),
    },
];
