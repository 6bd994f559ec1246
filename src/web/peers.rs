//! How many connections there are, of everybody and of each address.

use super::limits::{CONNECTIONS, CONNECTIONS_OF_LOOPBACK, CONNECTIONS_PER_PEER, FILES_RESERVED};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections, or whatever else of a peer has to be bounded.
pub(super) struct Peers {
    most: usize,
    of_one: usize,
    of_loopback: usize,
    counts: Mutex<PeerCounts>,
}

#[derive(Default)]
struct PeerCounts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A counted connection; dropping it frees its place.
pub(super) struct Counted {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    /// At most `most` connections in all.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Self::bounded(most, CONNECTIONS_PER_PEER, CONNECTIONS_OF_LOOPBACK)
    }

    /// At most `most` in all, `of_one` of an address, and `of_loopback` of this machine.
    pub(super) fn bounded(most: usize, of_one: usize, of_loopback: usize) -> Arc<Self> {
        Arc::new(Self { most, of_one, of_loopback, counts: Mutex::default() })
    }

    /// Counts a connection from `address`; `None` when there are too many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Counted> {
        let address = network_of(address);
        let most_of_it = if address.is_loopback() { self.of_loopback } else { self.of_one };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.all >= self.most || of_it >= most_of_it {
            return None;
        }
        counts.all += 1;
        counts.by_address.insert(address, of_it + 1);
        Some(Counted { peers: Arc::clone(self), address })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.peers.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(of_it) = counts.by_address.get_mut(&self.address) {
            *of_it = of_it.saturating_sub(1);
            if *of_it == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// What shares one count: an IPv4 address, or the /64 that one IPv6 customer has.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => address.to_canonical(),
    }
}

/// Raises the soft limit of open files towards what the server wants, and says how many connections fit.
pub(super) fn connections_that_fit() -> usize {
    let wanted = (CONNECTIONS + FILES_RESERVED) as u64;
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let current = limit.current.unwrap_or(u64::MAX);
    let raised = current < allowed
        && setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum })
            .is_ok();
    let files = usize::try_from(if raised { allowed } else { current }).unwrap_or(usize::MAX);
    files.saturating_sub(FILES_RESERVED).clamp(16, CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_remote_address_cannot_take_all_connections() {
        let peers = Peers::new(CONNECTIONS);
        let remote: IpAddr = "192.0.2.1".parse().unwrap();
        let held: Vec<_> =
            (0..CONNECTIONS_PER_PEER).map(|_| peers.admit(remote).unwrap()).collect();
        assert!(peers.admit(remote).is_none());
        assert!(peers.admit("::ffff:192.0.2.1".parse().unwrap()).is_none());
        assert!(peers.admit("192.0.2.2".parse().unwrap()).is_some());
        drop(held);
        assert!(peers.admit(remote).is_some());
    }

    #[test]
    fn one_ipv6_customer_is_one_peer() {
        let peers = Peers::new(CONNECTIONS);
        let _held: Vec<_> = (0..CONNECTIONS_PER_PEER)
            .map(|n| {
                let address = Ipv6Addr::from(0x2001_0db8_u128 << 96 | n as u128);
                peers.admit(address.into()).unwrap()
            })
            .collect();
        assert!(peers.admit("2001:db8::ffff:1".parse().unwrap()).is_none());
        assert!(peers.admit("2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[test]
    fn everybody_together_stays_under_the_limit_of_all() {
        let peers = Peers::new(2);
        let first = peers.admit("127.0.0.1".parse().unwrap());
        let _second = peers.admit("192.0.2.1".parse().unwrap()).unwrap();
        assert!(peers.admit("192.0.2.2".parse().unwrap()).is_none());
        drop(first);
        assert!(peers.admit("192.0.2.2".parse().unwrap()).is_some());
    }
}
