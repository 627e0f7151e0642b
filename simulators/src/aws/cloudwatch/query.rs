//! Reads requests: what is missing or of the wrong type gets the service's own words.

use crate::aws::error::ApiError;
use crate::aws::value::Value;
use crate::estate::Millis;

fn wrong_type(name: &str, wanted: &str) -> ApiError {
    ApiError::unreadable(format!("{name} must be {wanted}"))
}

/// An optional text.
pub(super) fn text<'a>(input: &'a Value, name: &str) -> Result<Option<&'a str>, ApiError> {
    input.get(name).map(|value| value.text().ok_or_else(|| wrong_type(name, "a string"))).transpose()
}

/// An optional integer.
pub(super) fn int(input: &Value, name: &str) -> Result<Option<i64>, ApiError> {
    input.get(name).map(|value| value.int().ok_or_else(|| wrong_type(name, "an integer"))).transpose()
}

/// An optional time.
pub(super) fn time(input: &Value, name: &str) -> Result<Option<Millis>, ApiError> {
    input.get(name).map(|value| value.time().ok_or_else(|| wrong_type(name, "a timestamp"))).transpose()
}

/// An optional list; absent is empty.
pub(super) fn list<'a>(input: &'a Value, name: &str) -> Result<&'a [Value], ApiError> {
    match input.get(name) {
        Some(value) => value.list().ok_or_else(|| wrong_type(name, "a list")),
        None => Ok(&[]),
    }
}

/// An optional list of texts; absent is empty.
pub(super) fn texts<'a>(input: &'a Value, name: &str) -> Result<Vec<&'a str>, ApiError> {
    list(input, name)?
        .iter()
        .map(|it| it.text().ok_or_else(|| wrong_type(name, "a list of strings")))
        .collect()
}

/// A member that must be there.
pub(super) fn required<T>(value: Option<T>, name: &str) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::missing(format!("The parameter {name} is required.")))
}

/// The name and value of each dimension.
pub(super) fn dimensions(input: &Value) -> Result<Vec<(&str, &str)>, ApiError> {
    let pairs = list(input, "Dimensions")?.iter().map(|item| {
        let name = required(text(item, "Name")?, "Dimensions.Name")?;
        let value = required(text(item, "Value")?, "Dimensions.Value")?;
        Ok((name, value))
    });
    pairs.collect()
}
