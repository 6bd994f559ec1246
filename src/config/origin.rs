//! A web origin as browsers send it in the `Origin` header.

use std::fmt;

/// `scheme://host[:port]` in the form that browsers send: lower case, no default port, no path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// The longest name that DNS allows has 253 bytes; with scheme and port.
    const MAX_BYTES: usize = 270;

    /// Takes an origin; `https` only, plain `http` to loopback.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "allowed: an origin such as https://intranet.acme.example: scheme, host and port as the \
                             browser sends them, in lower case, without a path and without the default port";
        let (scheme, authority) = text.split_once("://").ok_or(SHAPE)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port_fits = port.is_none_or(|port| {
            let default = if scheme == "http" { 80 } else { 443 };
            port.parse::<u16>()
                .is_ok_and(|number| number != 0 && number != default && number.to_string() == port)
        });
        if text.len() > Self::MAX_BYTES || !is_host(host) || !port_fits {
            return Err(SHAPE);
        }
        match scheme {
            "https" => Ok(Self(text.into())),
            "http" if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Ok(Self(text.into())),
            "http" => Err("allowed: https; plain http only from loopback"),
            _ => Err(SHAPE),
        }
    }

    /// The origin, to be compared byte by byte with the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|parsed| parsed.to_string() == address);
    }
    host.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in [
            "https://intranet.acme.example",
            "https://acme.example:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "https://acme.lightning.force.com",
        ] {
            assert_eq!(Origin::new(good).map(|o| o.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "*",
            "null",
            "acme.example",
            "http://acme.example",
            "https://acme.example/",
            "https://Acme.example",
            "https://acme.example:443",
            "https://acme.example:0443",
            "https://*.acme.example",
            "https://ann@acme.example",
            "https://",
            "https://a..b",
            "file://acme",
        ] {
            assert!(Origin::new(bad).is_err(), "{bad}");
        }
    }
}
