//! What pages load besides themselves. An address names the content, so that a browser may keep it.

use crate::web::answer::{Answer, answer, set};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

/// A file that pages load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Asset {
    /// The style of every page.
    Style,
}

impl Asset {
    #[cfg(test)]
    pub(in crate::web) const ALL: [Self; 1] = [Self::Style];

    /// The file of a name.
    pub(in crate::web) fn of(name: &str) -> Option<Self> {
        match name {
            "style.css" => Some(Self::Style),
            _ => None,
        }
    }

    /// Its name.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Style => "style.css",
        }
    }

    const fn content(self) -> (&'static str, &'static str) {
        match self {
            Self::Style => ("text/css; charset=utf-8", include_str!("assets/style.css")),
        }
    }

    /// The address that pages use.
    pub(super) fn address(self) -> &'static str {
        static STYLE: LazyLock<String> = LazyLock::new(|| versioned(Asset::Style));
        match self {
            Self::Style => &STYLE,
        }
    }
}

fn versioned(asset: Asset) -> String {
    let digest = Sha256::digest(asset.content().1.as_bytes());
    let mut address = format!("/assets/{}?v=", asset.name());
    for byte in digest.iter().take(8) {
        // Writing to a string does not fail.
        write!(address, "{byte:02x}").ok();
    }
    address
}

/// `GET /assets/{name}`.
pub(in crate::web) fn asset(asset: Asset) -> Answer {
    let (media_type, content) = asset.content();
    let mut file = answer(StatusCode::OK, media_type, content);
    set(
        &mut file,
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=86400"),
    );
    file
}
