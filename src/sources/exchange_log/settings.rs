//! What the operator says about Exchange's logs.

use super::columns::LogKind;
use crate::sources::polling::PollPace;
use chrono::TimeDelta;
use enum_map::EnumMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// The section `exchange_log` of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeLogSettings {
    /// Whose calls are Salesforce's.
    pub account: SyncAccount,
    /// The servers, in the order of the file; never empty, names are unique.
    pub servers: Vec<LogServer>,
    /// How often the directories are read.
    pub poll_every: TimeDelta,
    /// For how long no call is no news.
    pub no_calls_after: TimeDelta,
}

impl ExchangeLogSettings {
    /// How often to read when the operator does not say: Exchange itself writes its logs with a delay of that order.
    pub const POLL_EVERY: TimeDelta = TimeDelta::seconds(60);
    /// For how long no call is no news when the operator does not say. A sync calls every few minutes; four hours
    /// outlast a maintenance window of the vendor.
    pub const NO_CALLS_AFTER: TimeDelta = TimeDelta::hours(4);

    /// How often to read. A directory on this machine or a share is not spared by waiting.
    pub(super) const fn pace(&self) -> PollPace {
        PollPace { every: self.poll_every, budget_percent: 100, steady: true }
    }
}

/// One server with its directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogServer {
    /// Its name in labels.
    pub name: String,
    /// Where its logs are, as far as they are read.
    pub directories: EnumMap<LogKind, Option<PathBuf>>,
}

/// How Salesforce's calls are recognised among all others in the logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncAccount {
    /// The account's names as the logs write them: SMTP address and `DOMAIN\name`.
    pub names: Vec<String>,
    /// Part of the user agent, in small letters; a hint where a row has no name.
    pub user_agent: Option<String>,
    /// Addresses that the calls come from; a hint where a row has no name.
    pub addresses: Vec<AddressRange>,
}

impl SyncAccount {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether user agent and address speak for it, all that are configured. Without any hint configured nothing does.
    pub(super) fn fits_hints(&self, user_agent: &str, address: &str) -> bool {
        if self.user_agent.is_none() && self.addresses.is_empty() {
            return false;
        }
        let by_agent =
            self.user_agent.as_ref().is_none_or(|part| contains_ignoring_case(user_agent, part));
        let by_address = || {
            let address = address.parse::<IpAddr>();
            address.is_ok_and(|address| self.addresses.iter().any(|range| range.contains(address)))
        };
        by_agent && (self.addresses.is_empty() || by_address())
    }
}

/// Whether `text` has `part`, which is in small letters.
pub(super) fn contains_ignoring_case(text: &str, part: &str) -> bool {
    let mut windows = text.as_bytes().windows(part.len().max(1));
    windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// An address, or all that begin with the same bits, as `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: u128,
    /// How many bits are the same, of an address of version 6; addresses of version 4 count as mapped.
    bits: u32,
}

impl AddressRange {
    /// Reads an address or a range; `None` for anything else.
    pub fn new(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(longest);
        (bits <= longest).then(|| Self { first: number(address), bits: bits + (128 - longest) })
    }

    fn contains(self, address: IpAddr) -> bool {
        let other = 128 - self.bits;
        let start = |address: u128| address.checked_shr(other).unwrap_or_default();
        start(self.first) == start(number(address))
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_begins_alike() {
        let holds = |range: &str, address: &str| {
            AddressRange::new(range).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.9"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && holds("::/0", "192.0.2.7"));
        for wrong in ["", "host", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/", "::/129"] {
            assert_eq!(AddressRange::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_hint_that_is_configured_has_to_fit() {
        let agent = Some("salesforce".to_owned());
        let addresses = vec![AddressRange::new("192.0.2.0/24").unwrap()];
        let both = SyncAccount { names: Vec::new(), user_agent: agent, addresses };
        assert!(both.fits_hints("X Salesforce/1", "192.0.2.7"));
        assert!(!both.fits_hints("X Salesforce/1", "198.51.100.7"));
        assert!(!both.fits_hints("Outlook", "192.0.2.7"));
        let by_agent = SyncAccount { addresses: Vec::new(), ..both.clone() };
        assert!(by_agent.fits_hints("SALESFORCE", "") && !by_agent.fits_hints("", ""));
        let by_address = SyncAccount { user_agent: None, ..both };
        assert!(by_address.fits_hints("", "192.0.2.7") && !by_address.fits_hints("", "-"));
        assert!(!SyncAccount::default().fits_hints("Salesforce", "192.0.2.7"));
    }
}
