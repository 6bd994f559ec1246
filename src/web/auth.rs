//! What stands before every path: headers that the operator adds, and who may read.
//!
//! With users configured, everything but ingest asks for a name and a password, the health paths included, as every
//! program of the Prometheus family does. Ingest has tokens of its own.

use super::access::only;
use super::answer::set;
use super::passwords::{PasswordVerdict, Passwords};
use super::problem::{Problem, ProblemReason};
use super::routes::{Sender, WebState};
use crate::secret::Secret;
use crate::tls::ServerConfig;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How the server is guarded at this moment.
#[derive(Debug, Clone, Default)]
pub struct WebAuth {
    /// What connections are encrypted with; `None`: plain http. Whether there is something is looked at once, in the
    /// beginning.
    pub tls: Option<Arc<ServerConfig>>,
    /// Headers of every answer, instead of ours of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who may read; empty: everybody.
    pub users: Vec<BasicAuthUser>,
}

/// Somebody who may read.
#[derive(Debug, Clone)]
pub struct BasicAuthUser {
    /// The name.
    pub name: String,
    /// The bcrypt hash of the password.
    pub hash: Secret,
    /// What the hash costs to compute, as its exponent.
    pub cost: u32,
}

impl WebAuth {
    /// Lets a request read when it brings the name and the password of a user.
    ///
    /// # Errors
    /// With the problem to answer.
    pub(super) async fn may_read(
        &self,
        passwords: &Passwords,
        headers: &HeaderMap,
        from: &Sender,
        site: &WebState,
    ) -> Result<(), Problem> {
        if self.users.is_empty() {
            return Ok(());
        }
        let Some((name, password)) = basic(headers) else {
            return Err(Problem::new(
                ProblemReason::PasswordRequired,
                "Send the name and the password of a user of `basic_auth_users` (in --web.config.file).",
            ));
        };
        let verdict = passwords.check(&self.users, &name, &password, &from.key);
        match verdict.await {
            PasswordVerdict::Right => Ok(()),
            verdict @ (PasswordVerdict::Wrong | PasswordVerdict::WrongAnew) => {
                site.note_wrong_password(verdict == PasswordVerdict::WrongAnew, from.peer);
                Err(wrong())
            }
            PasswordVerdict::TooMany => Err(Problem::new(
                ProblemReason::Busy,
                "Too many passwords are being tried. Those that were right before are not held up.",
            )),
        }
    }

    /// Adds the operator's headers. A policy of what a page may load stands beside the page's own, and browsers obey both:
    /// it can make it stricter only.
    pub(super) fn dress(&self, answer: &mut Response) {
        for (name, value) in &self.headers {
            if *name == CONTENT_SECURITY_POLICY {
                answer.headers_mut().append(name, value.clone());
            } else {
                set(answer, name.clone(), value.clone());
            }
        }
    }
}

fn wrong() -> Problem {
    Problem::new(
        ProblemReason::PasswordRequired,
        "The name or the password is wrong. They are those of `basic_auth_users` (in --web.config.file).",
    )
}

/// Name and password, if exactly one `Authorization: Basic` was sent.
fn basic(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let (scheme, coded) =
        only(headers, &AUTHORIZATION)?.as_bytes().split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(coded.trim_ascii()).ok()?);
    let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((name.to_owned(), Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(values: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        basic(&headers).map(|(name, password)| (name, password.to_string()))
    }

    #[test]
    fn a_name_and_a_password_are_read_from_one_header() {
        let ann = Some(("ann".to_owned(), "a:b".to_owned()));
        assert_eq!(sent(&["Basic YW5uOmE6Yg=="]), ann);
        assert_eq!(sent(&["basic  YW5uOmE6Yg== "]), ann);
        for wrong in [
            &[][..],
            &["Basic YW5uOmE6Yg==", "Basic YW5uOmE6Yg=="],
            &["Bearer YW5uOmE6Yg=="],
            &["Basic YW5u"],
            &["Basic !"],
            &["Basic"],
            &["Basic /////w=="],
        ] {
            assert_eq!(sent(wrong), None, "{wrong:?}");
        }
    }
}
