//! How much of the organisation's daily requests is used, as every answer's `Sforce-Limit-Info` tells.

/// Requests of the last 24 hours, whoever sent them, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Used.
    pub used: u64,
    /// Allowed.
    pub allowed: u64,
}

impl Usage {
    /// Reads `api-usage=25/5000; per-app-api-usage=17/250(appName=sample)`. The first part counts: it is the whole
    /// organisation's.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (used, allowed) = header
            .split([';', ','])
            .find_map(|part| part.trim().strip_prefix("api-usage="))?
            .split_once('/')?;
        let allowed: u64 = allowed.trim().parse().ok()?;
        Some(Self {
            used: used.trim().parse().ok()?,
            allowed: (allowed > 0).then_some(allowed)?,
        })
    }

    /// The used share of a budget of so many per cent of what is allowed; 1 and above: spent.
    pub fn share_of(&self, budget_percent: u8) -> f64 {
        self.used as f64 / (self.allowed as f64 * f64::from(budget_percent.max(1)) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_header_are_read() {
        let usage = Some(Usage {
            used: 25,
            allowed: 5000,
        });
        assert_eq!(Usage::parse("api-usage=25/5000"), usage);
        assert_eq!(
            Usage::parse(
                "api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)"
            ),
            usage
        );
        for bad in [
            "",
            "api-usage=",
            "api-usage=1/0",
            "api-usage=-1/5",
            "per-app-api-usage=17/250",
            "api-usage=x/y",
        ] {
            assert_eq!(Usage::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_share_is_of_the_budget() {
        let usage = Usage {
            used: 4_000,
            allowed: 10_000,
        };
        assert!((usage.share_of(80) - 0.5).abs() < 1e-9);
        assert!((usage.share_of(40) - 1.0).abs() < 1e-9);
    }
}
