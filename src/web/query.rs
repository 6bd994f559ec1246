//! What a request names: an organisation in the path, keys after the question mark, values of closed sets.

use super::problem::{Problem, ProblemReason};
use super::routes::WebState;
use crate::domain::causes::{Cause, Severity};
use crate::domain::ids::{Direction, ObjectType, OrgName, Outcome, Source};
use crate::domain::policy::{ConnectionMethod, Product};
use crate::domain::rows::{Status, UserRow};
use crate::domain::setup::SetupArea;
use crate::domain::time::Timestamp;
use crate::domain::users::Standing;
use crate::domain::view::{OrgView, View};
use crate::guidance::Owner;
use crate::guidance::verdict::Level;
use axum::extract::{FromRequestParts, Path};
use hyper::http::request::Parts;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::sync::Arc;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What is read at one instant.
pub(super) struct Moment {
    pub(super) view: Arc<View>,
    pub(super) now: Timestamp,
}

impl Moment {
    /// This instant.
    pub(super) fn of(site: &WebState) -> Self {
        Self { view: site.view(), now: (site.services.now)() }
    }

    /// The organisation of a name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn org(&self, name: &str) -> Result<&Arc<OrgView>, Problem> {
        let name = OrgName::new(name).ok();
        name.and_then(|name| self.view.org(&name)).ok_or_else(Problem::unknown_org)
    }
}

/// The organisation that a path names, at one instant, and the user where it names one.
pub(super) struct OrgAt {
    pub(super) site: Arc<WebState>,
    pub(super) moment: Moment,
    pub(super) org: Arc<OrgView>,
    pub(super) user: String,
}

#[derive(Deserialize)]
struct OrgAndUser {
    org: String,
    #[serde(default)]
    user: String,
}

impl FromRequestParts<Arc<WebState>> for OrgAt {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<WebState>) -> Result<Self, Problem> {
        let PathNames(OrgAndUser { org, user }) =
            PathNames::from_request_parts(parts, site).await?;
        let moment = Moment::of(site);
        Ok(Self { site: Arc::clone(site), org: Arc::clone(moment.org(&org)?), moment, user })
    }
}

/// What the segments of a path name.
pub(super) struct PathNames<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathNames<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named)).map_err(|_| {
            Problem::new(
                ProblemReason::UnknownPath,
                "This path has an escape that stands for no character.",
            )
        })
    }
}

/// A query of which nothing is ignored: a key that is unknown or comes twice is refused. An empty value is none, because
/// forms send one for each field that nobody filled in.
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut given = form_urlencoded::Serializer::new(String::new());
        given.extend_pairs(
            form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes())
                .filter(|(_, value)| !value.is_empty()),
        );
        serde_urlencoded::from_str(&given.finish())
            .map(Self)
            .map_err(|error| Problem::query(format!("The query cannot be taken: {error}.")))
    }
}

/// A query that has no key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoKeys {}

/// Decoded keys and values in order.
///
/// # Errors
/// When a key comes twice: two senders' tools would read it differently.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
        if pairs.iter().any(|(known, _)| *known == key) {
            return Err(Problem::query(format!("The key {key:?} comes twice. Give it once.")));
        }
        pairs.push((key.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}

/// A text as one segment of a path, or as a script's address: all but letters, digits and `-._~@` escaped.
pub(super) fn escaped(text: &str) -> String {
    const PLAIN: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'@');
    percent_encoding::utf8_percent_encode(text, &PLAIN).to_string()
}

/// A value of a closed set, by its name in queries and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<T>(pub(super) T);

/// A closed set as the API writes it.
pub(super) trait ClosedSet: Copy + 'static {
    /// Its name in the API's description.
    const SCHEMA: &'static str;

    /// Every value.
    fn values() -> Vec<Self>;

    /// Its name.
    fn word(self) -> &'static str;
}

macro_rules! closed {
    ($($alias:ident = $set:ident),+ $(,)?) => {$(
        pub(super) type $alias = Named<$set>;

        impl ClosedSet for $set {
            const SCHEMA: &'static str = stringify!($set);

            fn values() -> Vec<Self> {
                Self::ALL.to_vec()
            }

            fn word(self) -> &'static str {
                self.name()
            }
        }
    )+};
}

closed! {
    CauseName = Cause,
    ConnectionName = ConnectionMethod,
    DirectionName = Direction,
    LevelName = Level,
    ObjectTypeName = ObjectType,
    OutcomeName = Outcome,
    OwnerName = Owner,
    ProductName = Product,
    ReasonName = ProblemReason,
    SetupAreaName = SetupArea,
    SeverityName = Severity,
    SourceName = Source,
    StandingName = Standing,
    StatusName = Status,
}

/// A user's row by the name of its check.
pub(super) type CheckName = Named<UserRow>;

impl ClosedSet for UserRow {
    const SCHEMA: &'static str = "Check";

    fn values() -> Vec<Self> {
        Self::checks().collect()
    }

    fn word(self) -> &'static str {
        self.check()
    }
}

impl<T: ClosedSet> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, T: ClosedSet> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let values = T::values();
        let found = values.iter().find(|value| value.word() == text);
        found.map(|value| Self(*value)).ok_or_else(|| {
            let names: Vec<&str> = values.iter().map(|value| value.word()).collect();
            D::Error::custom(format!("{text:?} is none of {}", names.join(", ")))
        })
    }
}

impl<T: ClosedSet> PartialSchema for Named<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(T::values().into_iter().map(T::word)))
            .into()
    }
}

impl<T: ClosedSet> ToSchema for Named<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::SCHEMA)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        after: Option<String>,
        severity: Option<SeverityName>,
    }

    async fn read(query: &str) -> Result<Wanted, String> {
        let uri = format!("/?{query}");
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        let read = Query::from_request_parts(&mut parts, &()).await;
        read.map(|Query(wanted)| wanted).map_err(|problem| problem.detail)
    }

    #[tokio::test]
    async fn a_query_is_decoded_and_nothing_in_it_is_ignored() {
        let wanted =
            |after: Option<&str>, severity| Wanted { after: after.map(str::to_owned), severity };
        assert_eq!(
            read("after=a%40b+c&severity=info").await,
            Ok(wanted(Some("a@b c"), Some(Named(Severity::Info))))
        );
        assert_eq!(read("after=&severity=").await, Ok(wanted(None, None)));
        for (query, words) in [
            ("limits=3", "unknown field `limits`"),
            ("after=1&after=2", "duplicate field `after`"),
            ("severity=bad", "none of critical, warning, info"),
        ] {
            let refused = read(query).await.unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn what_is_escaped_ends_no_segment_and_no_text() {
        assert_eq!(escaped("a/b\"<ä@-._~"), "a%2Fb%22%3C%C3%A4@-._~");
    }
}
