//! Parameters: those of the path, those of the URL, and for POST those of a form body, which come first.

use std::collections::BTreeSet;
use std::convert::Infallible;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::Response;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use url::form_urlencoded;

use crate::door::{Refusal, door_of_path};

/// The parameters of a request, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The first value of the parameter; absent and empty are the same, as in Prometheus.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(key, _)| key == name);
        first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of the parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first name that is not among the known ones.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(key, _)| key.as_str()).find(|key| !known.contains(key))
    }

    /// The first name that is given more than once.
    pub(crate) fn repeated(&self) -> Option<&str> {
        let mut seen = BTreeSet::new();
        self.0.iter().map(|(key, _)| key.as_str()).find(|key| !seen.insert(*key))
    }

    /// The parameters of a URL alone.
    pub(crate) fn of_query(query: &str) -> Self {
        Self::read(b"", query)
    }

    /// Parameters that were written down otherwise.
    pub(crate) fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn read(body: &[u8], query: &str) -> Self {
        let form = form_urlencoded::parse(body).into_owned();
        Self(form.chain(form_urlencoded::parse(query.as_bytes()).into_owned()).collect())
    }
}

impl<S: Sync> FromRequest<S> for Params {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        let query = parts.uri.query().unwrap_or_default();
        if !is_form {
            return Ok(Self::of_query(query));
        }
        // Admission has read the body and held it to the route's limit; what is here is in memory already.
        let form = to_bytes(body, usize::MAX).await.unwrap_or_default();
        Ok(Self::read(&form, query))
    }
}

/// The one part of a path that names something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let door = door_of_path(parts.uri.path());
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => Err(door.refuse(Refusal::new(StatusCode::BAD_REQUEST, "the path is not UTF-8"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_comes_before_the_address() {
        let params = Params::read(b"query=up&match[]=a&match%5B%5D=b", "query=down&time=&x=%2B+1");
        assert_eq!(params.get("query"), Some("up"));
        assert_eq!(params.get("time"), None);
        assert_eq!(params.get("x"), Some("+ 1"));
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(params.unknown(&["query", "match[]", "time"]), Some("x"));
        assert_eq!(params.repeated(), Some("match[]"));
        assert_eq!(Params::of_query("a=1&b=1").repeated(), None);
    }
}
