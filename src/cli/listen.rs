//! Addresses to listen on, written as the Prometheus family does.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// `127.0.0.1:9877`, `[::1]:9877`, `localhost:9877`, or `:9877` for every address of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenAddress {
    /// Every address, of both families where there are two.
    Every {
        /// The port; 0 lets the system choose.
        port: u16,
    },
    /// One address.
    One(SocketAddr),
}

/// Why an address was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address and a port such as 127.0.0.1:9877, or :9877 for every address; a name other than localhost is not looked up"
)]
pub struct ListenError;

impl ListenAddress {
    /// What to bind. Every address is `[::]`, for which the server takes `0.0.0.0` where there is no IPv6.
    pub fn address(self) -> SocketAddr {
        match self {
            Self::One(address) => address,
            Self::Every { port } => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let (host, port) = text.rsplit_once(':').ok_or(ListenError)?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port: u16 =
            Some(port).filter(|_| digits).and_then(|port| port.parse().ok()).ok_or(ListenError)?;
        match host {
            "" => Ok(Self::Every { port }),
            "localhost" => Ok(Self::One(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))),
            _ => text.parse().map(Self::One).map_err(|_| ListenError),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { port } => write!(f, ":{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_in_the_prometheus_family() {
        let read = |text: &str| text.parse::<ListenAddress>().map(ListenAddress::address);
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(read("127.0.0.1:9877"), Ok(address("127.0.0.1:9877")));
        assert_eq!(read("localhost:0"), Ok(address("127.0.0.1:0")));
        assert_eq!(read("[::1]:9877"), Ok(address("[::1]:9877")));
        assert_eq!(read(":9877"), Ok(address("[::]:9877")));
        for bad in [
            "",
            "9877",
            "127.0.0.1",
            ":",
            ":65536",
            ":+1",
            "::1:9877",
            "exporter.example:9877",
            "127.0.0.1:9877 ",
        ] {
            assert_eq!(read(bad), Err(ListenError), "{bad}");
        }
    }
}
