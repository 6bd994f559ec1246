//! Where people reach the daemon's pages from elsewhere.

use super::ids::text;

text!(ExternalUrl);

/// The address that links in alerts begin with, without a slash at its end: paths that begin with one follow it.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalUrl(Box<str>);

impl ExternalUrl {
    /// What is taken, in words.
    pub const TAKES: &'static str = "an address such as https://sync.example, or with a path such as https://tools.example/sync";
    /// What is taken, as a pattern. It goes into rule files and templates as it is, so no sign of theirs is in it.
    pub const PATTERN: &'static str = r"^https?://[A-Za-z0-9._~:/\[\]%-]+$";
    /// Longer ones do not fit into a message to a phone.
    const MAX_BYTES: usize = 255;
    /// Where a daemon answers unless it is configured otherwise.
    const LOCAL: &'static str = "http://127.0.0.1:9877";

    /// Takes an address.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn new(text: &str) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte);
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest)
                if !rest.is_empty()
                    && !rest.starts_with('/')
                    && text.len() <= Self::MAX_BYTES
                    && rest.bytes().all(plain) =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(format!("allowed: {}", Self::TAKES)),
        }
    }

    /// Where an alert's runbook is.
    pub fn runbook(&self, alert: &str) -> String {
        format!("{self}/runbooks/{alert}")
    }

    /// Where the page of an organisation is. `org` may be what a template puts the name in for.
    pub fn org(&self, org: &str) -> String {
        format!("{self}/orgs/{org}")
    }

    /// Where all organisations are listed.
    pub fn overview(&self) -> String {
        format!("{self}/")
    }
}

/// What links lead to when nobody says better: good on the daemon's own machine.
impl Default for ExternalUrl {
    fn default() -> Self {
        Self(Self::LOCAL.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_begins_with_the_address() {
        let url = ExternalUrl::new("https://tools.example/sync/").unwrap();
        assert_eq!(url.overview(), "https://tools.example/sync/");
        assert_eq!(url.org("acme"), "https://tools.example/sync/orgs/acme");
        assert_eq!(
            url.runbook("LightningSyncDelayed"),
            "https://tools.example/sync/runbooks/LightningSyncDelayed"
        );
        assert_eq!(ExternalUrl::new(ExternalUrl::LOCAL), Ok(ExternalUrl::default()));
    }

    #[test]
    fn an_address_is_taken_with_and_without_a_slash_and_nothing_that_a_template_reads() {
        for good in ["https://sync.example", "http://10.0.0.7:9877/", "https://tools.example/sync"]
        {
            let url = ExternalUrl::new(good).unwrap();
            assert_eq!(url.as_str(), good.trim_end_matches('/'));
        }
        for bad in [
            "",
            "https://",
            "https:///x",
            "sync.example",
            "ftp://sync.example",
            "https://a/{{ $labels }}",
            "https://a/\"",
            "https://a?b",
            "https://ann@a",
        ] {
            assert!(ExternalUrl::new(bad).is_err(), "{bad}");
        }
    }
}
