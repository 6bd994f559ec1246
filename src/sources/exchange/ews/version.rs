//! Which product a server's version is.

use super::xml::Element;
use crate::domain::ids::closed_set;
use crate::domain::policy::{ConnectionMethod, Product};

/// The numbers that a server reports of itself. The answering server is the mailbox's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// 15 since 2013.
    pub major: u16,
    /// 0, 1 and 2 on premises, 20 in the cloud.
    pub minor: u16,
    /// Tells Subscription Edition from 2019.
    pub build: u16,
}

closed_set! {
    /// A version of Exchange as its vendor names it.
    ExchangeProduct {
        /// 2010 and before.
        Older = "older",
        Exchange2013 = "2013",
        Exchange2016 = "2016",
        Exchange2019 = "2019",
        SubscriptionEdition = "subscription_edition",
        Online = "online",
    }
}

/// The first build of Subscription Edition.
const FIRST_SUBSCRIPTION_BUILD: u16 = 2562;

impl ServerVersion {
    /// Exchange Online, whose build changes from week to week.
    pub(in crate::sources::exchange) const ONLINE: Self = Self { major: 15, minor: 20, build: 0 };

    /// Reads `ServerVersionInfo`, whose numbers are attributes in EWS and elements in Autodiscover.
    pub(super) fn read(info: &Element) -> Option<Self> {
        let number =
            |name: &str| info.attribute(name).or_else(|| info.text_of(name))?.parse::<u16>().ok();
        Some(Self {
            major: number("MajorVersion")?,
            minor: number("MinorVersion")?,
            build: number("MajorBuildNumber").unwrap_or_default(),
        })
    }

    /// The product, by numbers: the name of the schema may be missing, and two products share it.
    pub fn product(self) -> Option<ExchangeProduct> {
        Some(match (self.major, self.minor, self.build) {
            (..=14, _, _) => ExchangeProduct::Older,
            (15, 0, _) => ExchangeProduct::Exchange2013,
            (15, 1, _) => ExchangeProduct::Exchange2016,
            (15, 2, FIRST_SUBSCRIPTION_BUILD..) => ExchangeProduct::SubscriptionEdition,
            (15, 2, _) => ExchangeProduct::Exchange2019,
            (15, 20, _) => ExchangeProduct::Online,
            _ => return None,
        })
    }
}

/// Whether the vendor supports mailboxes on such a server; `None` where no page of theirs says so.
pub(crate) fn is_supported(
    exchange: ExchangeProduct,
    product: Product,
    connection: ConnectionMethod,
) -> Option<bool> {
    match (exchange, product, connection) {
        (ExchangeProduct::Older, ..) => Some(false),
        (
            ExchangeProduct::Exchange2013
            | ExchangeProduct::Exchange2016
            | ExchangeProduct::Exchange2019,
            ..,
        ) => Some(true),
        // The vendor's page ends at 2019.
        (ExchangeProduct::SubscriptionEdition, ..) => None,
        // Service accounts cannot reach the cloud since October 2022.
        (ExchangeProduct::Online, Product::LightningSync, ConnectionMethod::ServiceAccount) => {
            Some(false)
        }
        (ExchangeProduct::Online, ..) => Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_products() {
        for (numbers, product) in [
            ((8, 3, 0), Some("older")),
            ((14, 3, 123), Some("older")),
            ((15, 0, 1497), Some("2013")),
            ((15, 1, 2507), Some("2016")),
            ((15, 2, 1748), Some("2019")),
            ((15, 2, 2562), Some("subscription_edition")),
            ((15, 20, 9999), Some("online")),
            ((15, 3, 0), None),
            ((16, 0, 0), None),
        ] {
            let (major, minor, build) = numbers;
            let found = ServerVersion { major, minor, build }.product();
            assert_eq!(found.map(ExchangeProduct::name), product, "{numbers:?}");
        }
    }
}
