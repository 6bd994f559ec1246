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
    /// The script of the paste box.
    Paste,
}

impl Asset {
    /// The file of a name.
    pub(in crate::web) fn of(name: &str) -> Option<Self> {
        match name {
            "style.css" => Some(Self::Style),
            "paste.js" => Some(Self::Paste),
            _ => None,
        }
    }

    /// Its name.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Style => "style.css",
            Self::Paste => "paste.js",
        }
    }

    const fn content(self) -> (&'static str, &'static str) {
        match self {
            Self::Style => ("text/css; charset=utf-8", include_str!("assets/style.css")),
            Self::Paste => (
                "text/javascript; charset=utf-8",
                include_str!("assets/paste.js"),
            ),
        }
    }

    /// The address that pages use.
    pub(super) fn address(self) -> &'static str {
        static STYLE: LazyLock<String> = LazyLock::new(|| versioned(Asset::Style));
        static PASTE: LazyLock<String> = LazyLock::new(|| versioned(Asset::Paste));
        match self {
            Self::Style => &STYLE,
            Self::Paste => &PASTE,
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
