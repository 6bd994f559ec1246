//! Where requests may go: a scheme, a host and a port, and nothing else.

use hyper::Uri;
use std::fmt;
use std::net::IpAddr;

/// A host that the operator named, and a path before all of its own where one is allowed. Plain HTTP is taken to loopback
/// only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Endpoint {
    /// Takes `https://host`, `https://host:port`, or plain http to loopback.
    ///
    /// # Errors
    /// A sentence about what is allowed; nothing of the text, which may hold a password.
    pub fn new(text: &str) -> Result<Self, String> {
        let endpoint = Self::with_path(text)?;
        if endpoint.path.is_empty() {
            Ok(endpoint)
        } else {
            Err("allowed: a host without a path, such as https://HOST".to_owned())
        }
    }

    /// The same, or with a path: of a service behind a proxy that adds one.
    ///
    /// # Errors
    /// A sentence about what is allowed; nothing of the text, which may hold a password.
    pub fn with_path(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| ALLOWED.to_owned())?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ALLOWED.to_owned()),
        };
        let authority = uri.authority().ok_or(ALLOWED)?;
        if authority.as_str().contains('@') {
            return Err("a URL holds no user name and password".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() || uri.query().is_some() || text.contains('#') {
            return Err(ALLOWED.to_owned());
        }
        let endpoint = Self {
            secure,
            host,
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            path: uri.path().trim_end_matches('/').to_owned(),
        };
        if !secure && !endpoint.is_loopback() {
            return Err("plain http is taken to loopback only; allowed: https".to_owned());
        }
        Ok(endpoint)
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path before all others; empty, or without a slash at its end.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether connections are encrypted.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The `Host` header.
    pub(super) fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

const ALLOWED: &str =
    "allowed: a URL such as https://HOST or https://HOST:PORT, or plain http to this machine";

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_to_loopback() {
        for (text, shown) in [
            ("https://acme.example", "https://acme.example"),
            ("https://ACME.example:8443/", "https://acme.example:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(Endpoint::new(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "acme.example",
            "http://acme.example",
            "http://127.0.0.1.evil.example",
            "ftp://acme.example",
            "https://user:pass@acme.example",
            "https://acme.example/services",
            "https://acme.example?x=1",
            "https://acme.example#x",
            "https://",
        ] {
            assert!(Endpoint::new(text).is_err(), "{text}");
        }
        let behind = Endpoint::with_path("https://acme.example/alerts/").unwrap();
        assert_eq!(behind.to_string(), "https://acme.example/alerts");
        assert!(Endpoint::with_path("https://acme.example/alerts?x=1").is_err());
    }
}
