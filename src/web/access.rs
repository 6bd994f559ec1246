//! Who may push. A token opens its own organisation to anybody who has it. Without one, only this host itself is heard:
//! a loopback peer that names a loopback host, with no proxy in between and no foreign web page behind it. (A page of
//! another origin in a browser on this host has a loopback peer too, and so has a name that its owner points to
//! 127.0.0.1 after the page was loaded: `Origin` and `Host` tell them apart.)
//!
//! Who is not let in learns nothing of which organisations exist: the answer depends on the request alone, except for
//! an origin that the organisation itself has named. This host may know, because it may read the API.

use super::peers::network_of;
use super::problem::{Problem, ProblemReason};
use super::services::Access;
use crate::domain::ids::OrgName;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Request, Uri};
use std::net::{IpAddr, SocketAddr};

/// Whose part of what is shared a request takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum FairKey {
    /// An address, or one customer's network.
    Peer(IpAddr),
    /// An organisation whose token, or whose host, it is.
    Org(OrgName),
}

impl FairKey {
    /// The peer of a request. Behind a proxy on this host it is who the proxy says: that opens nothing, it only tells
    /// the proxy's clients apart, and what the last proxy adds no client can choose.
    pub(super) fn of(headers: &HeaderMap, peer: SocketAddr) -> Self {
        let address = peer.ip().to_canonical();
        let forwarded = headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .filter(|_| address.is_loopback())
            .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Self::Peer(network_of(forwarded.unwrap_or(address)))
    }
}

/// The sender of one request, as far as it shows.
#[derive(Debug)]
pub(super) struct Requester<'a> {
    headers: &'a HeaderMap,
    uri: &'a Uri,
    peer: IpAddr,
}

/// Why somebody is not plainly this host itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotLocal {
    /// The connection comes from elsewhere.
    Peer,
    /// A proxy stands in between.
    Proxy,
    /// The host that the request names is not a loopback name.
    Host,
    /// A web page of another origin.
    Origin,
}

impl NotLocal {
    /// The fact, as one sentence.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Peer => "This request comes from another host.",
            Self::Proxy => {
                "This request came through a proxy (it has X-Forwarded-…, X-Real-IP or another header that proxies add)."
            }
            Self::Host => "This request asks for a host that is not localhost, 127.0.0.1 or [::1].",
            Self::Origin => "This request comes from a web page of an origin that is not allowed.",
        }
    }
}

impl<'a> Requester<'a> {
    /// The sender of a request.
    pub(super) fn of<B>(request: &'a Request<B>, peer: SocketAddr) -> Self {
        Self { headers: request.headers(), uri: request.uri(), peer: peer.ip().to_canonical() }
    }

    /// Whether this is plainly this host itself; web pages only of `allowed_origins`.
    pub(super) fn is_local(&self, allowed_origins: &[String]) -> Result<(), NotLocal> {
        if !self.peer.is_loopback() {
            return Err(NotLocal::Peer);
        }
        if self.headers.keys().any(tells_of_a_proxy) {
            return Err(NotLocal::Proxy);
        }
        if !self.names_loopback() {
            return Err(NotLocal::Host);
        }
        if self.headers.contains_key(ORIGIN) && self.allowed_origin(allowed_origins).is_none()
            || self.is_cross_site() && !self.headers.contains_key(ORIGIN)
        {
            return Err(NotLocal::Origin);
        }
        Ok(())
    }

    /// Whether a browser says that a page of another site is behind the request. It says so of every request, also of
    /// those that have no `Origin`.
    fn is_cross_site(&self) -> bool {
        self.headers
            .get_all(SEC_FETCH_SITE)
            .iter()
            .any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
    }

    /// The one `Origin` of the request, if it is one of `allowed_origins`.
    pub(super) fn allowed_origin<'b>(&self, allowed_origins: &'b [String]) -> Option<&'b str> {
        let origin = only(self.headers, &ORIGIN)?;
        allowed_origins
            .iter()
            .find(|allowed| allowed.as_bytes() == origin.as_bytes())
            .map(String::as_str)
    }

    /// Whether every host that the request names, and it names one, is this one.
    fn names_loopback(&self) -> bool {
        only(self.headers, &HOST).is_some_and(|host| host.to_str().is_ok_and(is_loopback_host))
            && self.uri.authority().is_none_or(|authority| is_loopback_host(authority.as_str()))
    }

    /// Lets the sender read from a server that asks for no password. A web page may point a name of its own to this host
    /// and have the browser ask: the `Host` tells it apart. Programs that name no host are none. Where `loopback` says
    /// that no address is another host's to reach, or hosts are `allowed` by name, all others are refused.
    ///
    /// # Errors
    /// With the problem to answer.
    pub(super) fn may_read(&self, loopback: bool, allowed: &[String]) -> Result<(), Problem> {
        let mut hosts = self.headers.get_all(HOST).iter();
        let named = hosts.next().filter(|host| !host.is_empty());
        let is_allowed = |host: &HeaderValue| {
            let name = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            name.is_some_and(|name| {
                allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name.host()))
            })
        };
        if (loopback || !allowed.is_empty())
            && named.is_some_and(|host| hosts.next().is_some() || !is_allowed(host))
            && !self.names_loopback()
        {
            return Err(Problem::new(
                ProblemReason::LocalOnly,
                format!(
                    "{} This server asks for no password, so it answers to these names and those of --web.allowed-host \
                     alone: ask for one of them, also through a proxy on this host, or set users in --web.config.file.",
                    NotLocal::Host.sentence()
                ),
            ));
        }
        Ok(())
    }

    /// Lets the sender push for an organisation, whose `access` is `None` when it does not exist.
    ///
    /// # Errors
    /// With the problem to answer.
    pub(super) fn may_push(&self, access: Option<&Access>) -> Result<(), Problem> {
        let origins = access.map_or(&[][..], |access| &access.allowed_origins);
        self.may(access, self.bearer(), self.is_local(origins))
    }

    /// Lets a form of our own push, with a token that was typed into it: what [`Self::may_push`] says, and a page of
    /// our own counts as this host where this host does.
    ///
    /// # Errors
    /// With the problem to answer.
    pub(super) fn may_paste(
        &self,
        access: Option<&Access>,
        token: Option<&[u8]>,
    ) -> Result<(), Problem> {
        let mut origins = access.map_or(Vec::new(), |access| access.allowed_origins.clone());
        origins.extend(self.own_origin());
        self.may(access, token, self.is_local(&origins))
    }

    /// Whether no other site's page sent the request: browsers name the origin of every form that is posted.
    pub(super) fn is_of_ours(&self) -> bool {
        match self.headers.contains_key(ORIGIN) {
            true => self.own_origin().is_some(),
            false => !self.is_cross_site(),
        }
    }

    /// The request's `Origin`, if it names the request's own host.
    fn own_origin(&self) -> Option<String> {
        let origin = self.headers.get(ORIGIN)?.to_str().ok()?;
        let host = self.headers.get(HOST)?.to_str().ok()?;
        let of = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme))?;
        (of == host).then(|| origin.to_owned())
    }

    fn may(
        &self,
        access: Option<&Access>,
        offered: Option<&[u8]>,
        local: Result<(), NotLocal>,
    ) -> Result<(), Problem> {
        match (access, offered, local) {
            (Some(Access { token: Some(token), .. }), Some(offered), _)
                if token.matches(offered) =>
            {
                Ok(())
            }
            (Some(Access { token: None, .. }), _, Ok(())) => Ok(()),
            (None, _, Ok(())) => Err(Problem::unknown_org()),
            (_, Some(_), _) => Err(Problem::new(
                ProblemReason::TokenWrong,
                "The token does not open this path. Send the token of this very organisation (`ingest.token_file`).",
            )),
            (_, None, Err(not_local @ (NotLocal::Proxy | NotLocal::Host))) => Err(Problem::new(
                ProblemReason::LocalOnly,
                format!("{} {WITHOUT_A_TOKEN}", not_local.sentence()),
            )),
            (_, None, Err(not_local @ NotLocal::Origin)) => Err(Problem::new(
                ProblemReason::OriginNotAllowed,
                format!("{} {WITHOUT_A_TOKEN}", not_local.sentence()),
            )),
            (_, None, Ok(()) | Err(NotLocal::Peer)) => {
                Err(Problem::new(ProblemReason::TokenRequired, WITHOUT_A_TOKEN))
            }
        }
    }

    /// The bearer token, if exactly one was sent.
    fn bearer(&self) -> Option<&[u8]> {
        let value = only(self.headers, &AUTHORIZATION)?;
        let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
    }
}

/// The value of a header that came exactly once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

const WITHOUT_A_TOKEN: &str = "Send the organisation's token as `Authorization: Bearer …`. An organisation without a \
     configured token is fed from its own host only, straight to a loopback address.";

/// Headers that proxies, tunnels, balancers and content networks add. There is no list of them all: by what their names
/// have in common, and by whose they are.
fn tells_of_a_proxy(name: &HeaderName) -> bool {
    const PARTS: [&str; 9] =
        ["addr", "clientip", "forwarded", "hop", "ip", "originating", "proxy", "realip", "via"];
    const OF_PROXIES: [&str; 6] = [
        "cdn-loop",
        "x-cloud-trace-context",
        "x-original-host",
        "x-original-uri",
        "x-original-url",
        "x-rewrite-url",
    ];
    const OF_NETWORKS: [&str; 17] = [
        "akamai-",
        "ali-",
        "cf-",
        "cloudfront-",
        "fastly-",
        "ngrok-",
        "tailscale-",
        "x-akamai-",
        "x-amz",
        "x-appengine-",
        "x-arr-",
        "x-azure-",
        "x-envoy-",
        "x-goog-",
        "x-nf-",
        "x-varnish",
        "x-vercel-",
    ];
    let name = name.as_str();
    name.contains("forwarded")
        || name.split(['-', '_']).any(|part| PARTS.contains(&part))
        || OF_PROXIES.contains(&name)
        || OF_NETWORKS.iter().any(|network| name.starts_with(network))
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether `host`, with or without a port, can only mean this machine.
fn is_loopback_host(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn only_names_that_can_mean_nothing_else_are_loopback() {
        for host in
            ["localhost", "LOCALHOST:9877", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:9877"]
        {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "acme.example",
            "localhost.acme.example",
            "127.0.0.1.acme.example",
            "192.0.2.1:9877",
            "0.0.0.0",
            "localhost@acme.example",
            "acme.example@localhost",
            "[::]",
            "localhost:80:80",
            "local host",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    const LOCAL: &str = "127.0.0.1:50000";
    const REMOTE: &str = "192.0.2.7:50000";

    fn access(token: Option<&str>, origins: &[&str]) -> Access {
        Access {
            token: token.and_then(Secret::from_file_text),
            allowed_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        }
    }

    /// The answer to a push from `peer` with these headers besides a loopback `Host`.
    fn push(
        access: Option<&Access>,
        peer: &str,
        headers: &[(&str, &str)],
    ) -> Option<ProblemReason> {
        let mut request = Request::post("/api/v1/orgs/acme/activity");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:9877");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        Requester::of(&request, peer.parse().unwrap())
            .may_push(access)
            .err()
            .map(|problem| problem.reason)
    }

    #[test]
    fn a_token_opens_its_own_organisation_from_anywhere_and_nothing_else_does() {
        let acme = access(Some("sesame"), &[]);
        let good = ("authorization", "Bearer sesame");
        assert_eq!(push(Some(&acme), REMOTE, &[good]), None);
        assert_eq!(push(Some(&acme), REMOTE, &[good, ("x-forwarded-for", "192.0.2.9")]), None);
        assert_eq!(push(Some(&acme), REMOTE, &[("authorization", "bearer sesame")]), None);
        assert_eq!(push(Some(&acme), LOCAL, &[]), Some(ProblemReason::TokenRequired));
        for bad in [
            "Bearer sesam",
            "Bearer sesame2",
            "Bearer",
            "Bearer ",
            "Basic sesame",
            "sesame",
            "Bearer of another",
        ] {
            let reason = push(Some(&acme), REMOTE, &[("authorization", bad)]);
            assert!(
                matches!(reason, Some(ProblemReason::TokenWrong | ProblemReason::TokenRequired)),
                "{bad}"
            );
        }
        assert_eq!(push(Some(&acme), REMOTE, &[good, good]), Some(ProblemReason::TokenRequired));
    }

    #[test]
    fn without_a_token_only_this_host_itself_is_heard() {
        let acme = access(None, &["https://acme.example"]);
        let origin = |origin| ("origin", origin);
        assert_eq!(push(Some(&acme), LOCAL, &[]), None);
        assert_eq!(push(Some(&acme), "[::1]:50000", &[("host", "[::1]:9877")]), None);
        assert_eq!(push(Some(&acme), "[::ffff:127.0.0.1]:50000", &[]), None);
        assert_eq!(push(Some(&acme), LOCAL, &[origin("https://acme.example")]), None);
        assert_eq!(push(Some(&acme), REMOTE, &[]), Some(ProblemReason::TokenRequired));
        for bad in [
            ("forwarded", "for=192.0.2.9"),
            ("via", "1.1 proxy"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "localhost"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "192.0.2.9"),
            ("cf-connecting-ip", "192.0.2.9"),
            ("true-client-ip", "192.0.2.9"),
            ("x-envoy-external-address", "192.0.2.9"),
            ("host", "rebound.example"),
            ("host", "rebound.example:9877"),
            ("host", ""),
        ] {
            assert_eq!(push(Some(&acme), LOCAL, &[bad]), Some(ProblemReason::LocalOnly), "{bad:?}");
        }
        for bad in [
            "https://evil.example",
            "null",
            "http://acme.example",
            "https://acme.example.evil.example",
            "http://localhost:9877",
        ] {
            assert_eq!(
                push(Some(&acme), LOCAL, &[origin(bad)]),
                Some(ProblemReason::OriginNotAllowed),
                "{bad}"
            );
        }
        for (site, refused) in
            [("cross-site", true), ("same-site", true), ("same-origin", false), ("none", false)]
        {
            let without_origin = push(Some(&acme), LOCAL, &[("sec-fetch-site", site)]);
            assert_eq!(without_origin.is_some(), refused, "{site}");
        }
        let allowed = [origin("https://acme.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(push(Some(&acme), LOCAL, &allowed), None);
        let twice = [origin("https://acme.example"), origin("https://evil.example")];
        assert_eq!(push(Some(&acme), LOCAL, &twice), Some(ProblemReason::OriginNotAllowed));
    }

    #[test]
    fn hosts_that_are_allowed_hold_on_every_address() {
        let read = |host: Option<&str>, loopback, allowed: &[&str]| {
            let request = Request::get("/metrics");
            let request = match host {
                Some(host) => request.header("host", host),
                None => request,
            };
            let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
            let request = request.body(()).unwrap();
            Requester::of(&request, REMOTE.parse().unwrap()).may_read(loopback, &allowed).is_ok()
        };
        for (host, loopback, allowed, may) in [
            (None, true, &[][..], true),
            (Some(""), true, &[], true),
            (Some("localhost:9877"), true, &[], true),
            (Some("rebound.example"), true, &[], false),
            (Some("rebound.example"), false, &[], true),
            (Some("sync.example:9877"), true, &["sync.example"], true),
            (Some("SYNC.example"), false, &["sync.example"], true),
            (Some("rebound.example"), false, &["sync.example"], false),
            (Some("sync.example.evil.example"), false, &["sync.example"], false),
            (Some("192.0.2.1"), false, &["sync.example"], false),
            (Some("127.0.0.1:9877"), false, &["sync.example"], true),
            (None, false, &["sync.example"], true),
        ] {
            assert_eq!(read(host, loopback, allowed), may, "{host:?} {allowed:?}");
        }
    }

    #[test]
    fn a_form_is_heard_from_our_own_page_and_from_no_other() {
        let paste = |access: &Access, origin: &str, host: &str, token: Option<&str>| {
            let request = Request::post("/orgs/acme/paste")
                .header("host", host)
                .header("origin", origin)
                .body(())
                .unwrap();
            Requester::of(&request, LOCAL.parse().unwrap())
                .may_paste(Some(access), token.map(str::as_bytes))
                .err()
                .map(|problem| problem.reason)
        };
        let (open, closed) = (access(None, &[]), access(Some("sesame"), &[]));
        let own = ("http://localhost:9877", "localhost:9877");
        assert_eq!(paste(&open, own.0, own.1, None), None);
        assert_eq!(
            paste(&open, "http://localhost:9878", own.1, None),
            Some(ProblemReason::OriginNotAllowed)
        );
        assert_eq!(paste(&open, "null", own.1, None), Some(ProblemReason::OriginNotAllowed));
        assert_eq!(
            paste(&open, "http://rebound.example", "rebound.example", None),
            Some(ProblemReason::LocalOnly)
        );
        assert_eq!(paste(&closed, own.0, own.1, None), Some(ProblemReason::TokenRequired));
        assert_eq!(paste(&closed, own.0, own.1, Some("guess")), Some(ProblemReason::TokenWrong));
        assert_eq!(paste(&closed, own.0, own.1, Some("sesame")), None);
    }

    #[test]
    fn who_is_not_let_in_cannot_tell_which_organisations_exist() {
        let with = access(Some("sesame"), &[]);
        let without = access(None, &[]);
        let guesses: [&[(&str, &str)]; 6] = [
            &[],
            &[("authorization", "Bearer guess")],
            &[("via", "1.1 proxy")],
            &[("host", "rebound.example")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://evil.example"), ("authorization", "Bearer guess")],
        ];
        for guess in guesses {
            let unknown = push(None, REMOTE, guess);
            assert!(unknown.is_some());
            assert_eq!(push(Some(&with), REMOTE, guess), unknown, "{guess:?}");
            assert_eq!(push(Some(&without), REMOTE, guess), unknown, "{guess:?}");
        }
        assert_eq!(push(None, LOCAL, &[]), Some(ProblemReason::UnknownOrg));
    }
}
