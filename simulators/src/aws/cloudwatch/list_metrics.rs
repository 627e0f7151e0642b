//! ListMetrics.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html.

use super::CloudWatch;
use super::query::{list, required, text};
use crate::aws::catalogue::{DAY, MINUTE, Series};
use crate::aws::error::ApiError;
use crate::aws::page::{Token, cut};
use crate::aws::value::Value;
use crate::estate::{AWS_ACCOUNT, Millis};
use crate::faults::Fault;

/// Metrics in one page.
const PAGE: usize = 500;
/// Metrics without data for so long are not listed.
const LISTED: Millis = 14 * DAY;
/// `RecentlyActive=PT3H`, the only value there is; metrics up to fifty minutes older may come as well, and do.
const RECENT: Millis = (3 * 60 + 50) * MINUTE;
/// A new metric is listed so long after its first data.
const NEW: Millis = 15 * MINUTE;
/// Dimension filters in one request.
const FILTERS_MAX: usize = 10;

impl CloudWatch<'_> {
    pub(super) fn list_metrics(&self, input: &Value) -> Result<Value, ApiError> {
        let (namespace, name) = (text(input, "Namespace")?, text(input, "MetricName")?);
        let recently = match text(input, "RecentlyActive")? {
            None => LISTED,
            Some("PT3H") => RECENT,
            Some(other) => {
                return Err(ApiError::invalid_value(format!(
                    "The value {other} for parameter RecentlyActive is not supported; use PT3H."
                )));
            }
        };
        let filters = filters(input)?;
        let owner = text(input, "OwningAccount")?.is_none_or(|account| account == AWS_ACCOUNT);
        let now = self.asked.now;
        let active = |series: &&Series| {
            let (from, to) = series.life;
            from + NEW <= now && to.min(now) > now - recently
        };
        let question = format!("ListMetrics {namespace:?} {name:?} {filters:?} {recently} {owner}");
        let found: Vec<&Series> = self
            .catalogue
            .of_region(self.region.unwrap_or_default())
            .filter(|_| owner)
            .filter(|series| namespace.is_none_or(|wanted| wanted == series.namespace))
            .filter(|series| name.is_none_or(|wanted| wanted == series.name))
            .filter(|series| filters.iter().all(|filter| has_dimension(series, *filter)))
            .filter(active)
            .collect();
        let from = match text(input, "NextToken")? {
            None => 0,
            Some(token) => {
                let token = Token::read(token, &question, 1);
                let token = token.ok_or_else(|| ApiError::invalid_value("Invalid nextToken."))?;
                usize::try_from(token.numbers[0]).unwrap_or(0)
            }
        };
        let (page, mut next) = cut(&found, from, PAGE);
        if self.asked.has(Fault::EndlessPages) {
            next = Some(next.unwrap_or(0));
        }
        let token = next.map(|next| Token { numbers: vec![next as i64] }.write(&question));
        let owners = input.get("IncludeLinkedAccounts").and_then(Value::bool).unwrap_or(false);
        let owners = owners.then(|| vec![AWS_ACCOUNT; page.len()]);
        Ok(Value::map([
            ("Metrics", page.iter().map(|series| metric(series)).collect::<Vec<_>>().into()),
            ("NextToken", token.into()),
            ("OwningAccounts", owners.into()),
        ]))
    }
}

fn metric(series: &Series) -> Value {
    Value::map([
        ("Namespace", series.namespace.into()),
        ("MetricName", series.name.into()),
        ("Dimensions", dimensions(series.dimensions.iter().map(|(name, value)| (*name, value.as_str())))),
    ])
}

/// Dimensions as every operation says them.
pub(super) fn dimensions<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let dimensions = pairs.map(|(name, value)| Value::map([("Name", name.into()), ("Value", value.into())]));
    Value::List(dimensions.collect())
}

fn filters(input: &Value) -> Result<Vec<(&str, Option<&str>)>, ApiError> {
    let filters = list(input, "Dimensions")?;
    if filters.len() > FILTERS_MAX {
        return Err(ApiError::invalid_value(format!(
            "The collection Dimensions must not have a size greater than {FILTERS_MAX}."
        )));
    }
    filters
        .iter()
        .map(|filter| Ok((required(text(filter, "Name")?, "Dimensions.Name")?, text(filter, "Value")?)))
        .collect()
}

/// A filter without a value asks for the dimension alone; dimensions nobody asked about do not matter.
fn has_dimension(series: &Series, (name, value): (&str, Option<&str>)) -> bool {
    series.dimensions.iter().any(|(known, is)| *known == name && value.is_none_or(|value| value == is))
}
