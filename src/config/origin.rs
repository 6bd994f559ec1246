//! A web origin as browsers send it in the `Origin` header, to be compared with that byte by byte.

use crate::http_client::Endpoint;
use std::net::Ipv6Addr;

/// `scheme://host[:port]` in the form that browsers send: lower case, no default port, no path; `https` only, plain `http`
/// to loopback.
pub(super) fn read(text: &str) -> Result<String, String> {
    const SHAPE: &str = "allowed: an origin such as https://intranet.acme.example: scheme, host and port as the \
                         browser sends them, in lower case, without a path and without the default port";
    let host = text.split_once("://").map_or(text, |(_, authority)| authority);
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
        .map_or(host, |(host, _)| host);
    if !is_host(host) {
        return Err(SHAPE.to_owned());
    }
    match Endpoint::new(text) {
        Ok(endpoint) if endpoint.to_string() == text => Ok(text.to_owned()),
        Err(_) if text.starts_with("http://") => {
            Err("allowed: https; plain http only from loopback".to_owned())
        }
        Ok(_) | Err(_) => Err(SHAPE.to_owned()),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address);
    }
    host.split('.').all(|label| {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(letter)
    })
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
            assert_eq!(read(good), Ok(good.to_owned()));
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
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
