//! What a scraper would like: format and encoding of the metrics page.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpositionFormat {
    /// The Prometheus text format 0.0.4, what everybody understands.
    Text004,
    /// OpenMetrics 0.0.1.
    OpenMetrics001,
    /// OpenMetrics 1.0.0.
    OpenMetrics100,
}

impl ExpositionFormat {
    /// The `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics001 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Self::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format of the `Accept` headers: the one wanted most that we speak, the first of equals, else 0.0.4.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let mut best = (0.0_f32, Self::Text004);
        for item in items(headers, &ACCEPT) {
            let Some(format) = Self::of(&item) else {
                continue;
            };
            if item.quality > best.0 {
                best = (item.quality, format);
            }
        }
        best.1
    }

    fn of(item: &ListItem<'_>) -> Option<Self> {
        let version = item.parameter("version");
        match item.name.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" => match version {
                Some("1.0.0") => Some(Self::OpenMetrics100),
                Some("0.0.1") | None => Some(Self::OpenMetrics001),
                Some(_) => None,
            },
            "text/plain" => matches!(version, None | Some("0.0.4")).then_some(Self::Text004),
            "text/*" | "*/*" => Some(Self::Text004),
            _ => None,
        }
    }
}

/// How the page is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Compressed.
    Gzip,
}

impl Encoding {
    /// The encoding of the `Accept-Encoding` headers: gzip unless it is not named, refused, or wanted less than none.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let (mut gzip, mut any, mut identity) = (None, None, None);
        for item in items(headers, &ACCEPT_ENCODING) {
            match item.name.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = Some(item.quality),
                "*" => any = Some(item.quality),
                "identity" => identity = Some(item.quality),
                _ => {}
            }
        }
        let gzip = gzip.or(any).unwrap_or(0.0);
        if gzip > 0.0 && gzip >= identity.unwrap_or(0.0) { Self::Gzip } else { Self::Identity }
    }
}

/// One element of a list header: a name, parameters, and how much it is wanted.
struct ListItem<'a> {
    name: &'a str,
    parameters: &'a str,
    quality: f32,
}

impl ListItem<'_> {
    fn parameter(&self, wanted: &str) -> Option<&str> {
        parameter(self.parameters, wanted)
    }
}

/// A parameter of a header such as `text/html; charset=utf-8`, without quotes.
pub(super) fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = ListItem<'a>> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|item| {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            // What cannot be read as a weight asks for nothing, so that garbage never wins.
            let quality = parameter(parameters, "q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let quality = if (0.0..=1.0).contains(&quality) { quality } else { 0.0 };
            ListItem { name: name.trim(), parameters, quality }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn the_format_wanted_most_that_we_speak_is_given() {
        use ExpositionFormat::{OpenMetrics001, OpenMetrics100, Text004};
        let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1";
        for (accept, format) in [
            (prometheus_2_42, OpenMetrics100),
            (prometheus_3, OpenMetrics100),
            ("*/*", Text004),
            ("", Text004),
            ("text/html,application/xhtml+xml;q=0.9", Text004),
            ("application/openmetrics-text", OpenMetrics001),
            ("application/openmetrics-text; version=\"1.0.0\"", OpenMetrics100),
            ("application/openmetrics-text;version=2.0.0", Text004),
            ("application/openmetrics-text;version=1.0.0;q=0", Text004),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.4", Text004),
            ("text/plain;q=0.4, APPLICATION/OPENMETRICS-TEXT;Q=0.5", OpenMetrics001),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", Text004),
            ("application/openmetrics-text;version=1.0.0;q=nan", Text004),
            ("application/openmetrics-text;version=1.0.0;q=7", Text004),
        ] {
            assert_eq!(ExpositionFormat::negotiate(&with(ACCEPT, accept)), format, "{accept}");
        }
        assert_eq!(ExpositionFormat::negotiate(&HeaderMap::new()), Text004);
    }

    #[test]
    fn gzip_is_used_only_where_it_is_wanted() {
        for (accept, gzip) in [
            ("gzip", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("*", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("identity, gzip;q=0.5", false),
            ("identity;q=0.1, gzip;q=0.5", true),
            ("br", false),
            ("", false),
        ] {
            let encoding = Encoding::negotiate(&with(ACCEPT_ENCODING, accept));
            assert_eq!(encoding == Encoding::Gzip, gzip, "{accept}");
        }
        assert_eq!(Encoding::negotiate(&HeaderMap::new()), Encoding::Identity);
    }
}
