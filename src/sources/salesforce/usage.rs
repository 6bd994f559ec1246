//! How much of the organisation's daily requests is used, as every answer's `Sforce-Limit-Info` tells.

use crate::sources::polling::Usage;

/// Reads `api-usage=25/5000; per-app-api-usage=17/250(appName=sample)`. The first part counts: it is the whole
/// organisation's.
pub(super) fn parse(header: &str) -> Option<Usage> {
    let (used, allowed) = header
        .split([';', ','])
        .find_map(|part| part.trim().strip_prefix("api-usage="))?
        .split_once('/')?;
    let allowed: u64 = allowed.trim().parse().ok()?;
    Some(Usage { used: used.trim().parse().ok()?, allowed: (allowed > 0).then_some(allowed)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_header_are_read() {
        let usage = Some(Usage { used: 25, allowed: 5000 });
        assert_eq!(parse("api-usage=25/5000"), usage);
        assert_eq!(
            parse("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)"),
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
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
