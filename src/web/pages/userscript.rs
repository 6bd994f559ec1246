//! The bookmarklet and the userscript: one script that copies a page with its marks and opens the paste box.

use crate::web::answer::answer;
use crate::web::query::{OrgAt, escaped};
use axum::response::Response;
use hyper::header::{HOST, HeaderName, REFERER};
use hyper::{HeaderMap, StatusCode};

const COPY: &str = include_str!("assets/copy.js");
const USERSCRIPT: &str = include_str!("assets/user.js");

/// Under which address we were opened, as far as a request shows: a name and a port, without anything that could end
/// a text of a script.
pub(super) struct Base {
    scheme: &'static str,
    host: String,
}

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl Base {
    /// `served`: the scheme of this server itself. A proxy before it may offer another one to people.
    pub(super) fn of(headers: &HeaderMap, served: &'static str) -> Self {
        let host = headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .filter(|host| host.len() <= 255)
            .filter(|host| {
                host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
            })
            .unwrap_or("localhost");
        let secure = headers
            .get(REFERER)
            .and_then(|from| from.to_str().ok())
            .and_then(|from| from.strip_prefix("https://"))
            .is_some_and(|from| from.split('/').next() == Some(host));
        let forwarded = headers
            .get(FORWARDED_PROTO)
            .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
        Self { scheme: if secure || forwarded { "https" } else { served }, host: host.to_owned() }
    }

    pub(super) fn text(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

/// The script for one organisation, whose name has nothing that could end a text.
fn copy(base: &Base, org: &str) -> String {
    COPY.replace("__PASTE__", &format!("{}/orgs/{org}/paste", base.text()))
}

/// The address of the bookmarklet.
pub(super) fn bookmarklet(base: &Base, org: &str) -> String {
    let lines = copy(base, org);
    let lines = lines.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let code = lines.collect::<Vec<_>>().join(" ");
    format!("javascript:{}", escaped(&code))
}

/// A script that copies the status page
#[utoipa::path(get, path = "/orgs/{org}/paste/lightning-sync.user.js", responses((status = 200, content_type = "text/javascript")))]
pub(in crate::web) async fn userscript(at: OrgAt, headers: HeaderMap) -> Response {
    let base = Base::of(&headers, at.site.scheme());
    let org = at.org.policy.name.as_str();
    let script =
        USERSCRIPT.replace("__COPY__", copy(&base, org).trim_end()).replace("__ORG__", org);
    answer(StatusCode::OK, "text/javascript; charset=utf-8", script)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn base(host: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        Base::of(&headers, "http").text()
    }

    #[test]
    fn the_scheme_is_the_one_that_people_speak() {
        let scheme = |served, name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("acme.example"));
            headers.insert(name, HeaderValue::from_static(value));
            Base::of(&headers, served).scheme
        };
        assert_eq!(scheme("http", "accept", "text/html"), "http");
        assert_eq!(scheme("https", "accept", "text/html"), "https");
        assert_eq!(scheme("http", "x-forwarded-proto", "https"), "https");
        assert_eq!(scheme("http", "referer", "https://acme.example/"), "https");
        assert_eq!(scheme("http", "referer", "https://other.example/"), "http");
    }

    #[test]
    fn a_host_that_could_end_a_text_of_the_script_is_not_taken() {
        assert_eq!(base("acme.example:9877"), "http://acme.example:9877");
        assert_eq!(base("[::1]:9877"), "http://[::1]:9877");
        for bad in ["a\"+alert(1)+\"", "a'b", "a/b", "a b", "a\\b", "<b>"] {
            assert_eq!(base(bad), "http://localhost", "{bad}");
        }
    }

    #[test]
    fn a_bookmarklet_is_one_line_without_a_comment() {
        let base = Base { scheme: "https", host: "acme.example".to_owned() };
        let link = bookmarklet(&base, "acme");
        assert!(link.starts_with("javascript:%28function"), "{link}");
        assert!(link.contains("https%3A%2F%2Facme.example%2Forgs%2Facme%2Fpaste"));
        assert!(!link.contains("%2F%2F%20") && !link.contains("__"), "{link}");
    }
}
