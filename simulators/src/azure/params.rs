//! Query parameters, whose names are the same in upper and lower case.

use std::collections::BTreeMap;

use http::Uri;

use super::error::ApiError;

/// The parameters of one request, by their name in lower case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads the query of an address, or the body of a form.
    pub(crate) fn read(query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect())
    }

    pub(crate) fn of(uri: &Uri) -> Self {
        Self::read(uri.query().unwrap_or_default())
    }

    /// A parameter that has a value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The items of a list with commas between them.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).unwrap_or_default().split(',').map(str::trim).filter(|it| !it.is_empty()).collect()
    }

    /// A switch: `true` or `false`.
    pub(crate) fn switch(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.get(name).map(str::to_lowercase).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(invalid(name, other)),
        }
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, ApiError> {
        self.get(name).map(|text| text.parse().map_err(|_| invalid(name, text))).transpose()
    }

    /// Refuses what the operation does not know: a misspelt parameter is otherwise left out in silence.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(ApiError::bad(format!(
                "Query parameter '{name}' is not one of this operation's: {}",
                known.join(", ")
            ))),
        }
    }

    /// Refuses a version of the API that the operation does not have.
    pub(crate) fn version(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.get("api-version") {
            None => Err(ApiError::new(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )),
            Some(version) if known.contains(&version) => Ok(()),
            Some(version) => Err(ApiError::new(
                400,
                "InvalidResourceType",
                format!(
                    "No registered resource provider found for API version '{version}'. The supported api-versions are '{}'.",
                    known.join(", ")
                ),
            )),
        }
    }
}

/// A value that cannot be.
pub(crate) fn invalid(name: &str, value: &str) -> ApiError {
    ApiError::bad(format!("Detect invalid value: {value} for query parameter: '{name}'"))
}
