//! The Resource Groups Tagging API: GetResources.
//!
//! Source: docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html.

use super::error::ApiError;
use super::page::{Token, cut};
use super::value::Value;
use crate::estate::{Estate, Identity, Millis, Place};

/// The service's name in Smithy RPC v2 and in `X-Amz-Target`.
pub(super) const SERVICE: &str = "ResourceGroupsTaggingAPI_20170126";
/// The service's name in a signature.
pub(super) const SIGNED_AS: &str = "tagging";
/// GetResources a second, in one region.
/// Source: docs.aws.amazon.com/general/latest/gr/arg.html, service quotas (2023-05).
pub(super) const PER_SECOND: f64 = 15.0;
/// Resources in one page when nothing is said.
const RESOURCES: i64 = 50;
/// And at most.
const RESOURCES_MAX: i64 = 100;
/// Tag filters in one request, and values of one filter.
const FILTERS_MAX: usize = 50;
const VALUES_MAX: usize = 20;

/// A filter: any of the values, or any value when there is none.
type Filter<'a> = (&'a str, Vec<&'a str>);

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError { shape: "InvalidParameterException", ..ApiError::invalid_value(message) }
}

fn texts<'a>(input: &'a Value, name: &str) -> Result<Vec<&'a str>, ApiError> {
    let items = input.get(name).map_or(Some(&[][..]), Value::list);
    let items = items.ok_or_else(|| invalid(format!("{name} must be a list")))?;
    items.iter().map(|it| it.text().ok_or_else(|| invalid(format!("{name} must hold strings")))).collect()
}

fn filters(input: &Value) -> Result<Vec<Filter<'_>>, ApiError> {
    let filters = input.get("TagFilters").and_then(Value::list).unwrap_or_default();
    if filters.len() > FILTERS_MAX {
        return Err(invalid(format!("TagFilters must have at most {FILTERS_MAX} items")));
    }
    filters
        .iter()
        .map(|filter| {
            let key = filter.get("Key").and_then(Value::text).ok_or_else(|| invalid("Key is required"))?;
            let values = texts(filter, "Values")?;
            if values.len() > VALUES_MAX {
                return Err(invalid(format!("Values must have at most {VALUES_MAX} items")));
            }
            Ok((key, values))
        })
        .collect()
}

/// Answers GetResources for one region.
pub(super) fn get_resources(
    estate: &Estate,
    region: Option<&str>,
    input: &Value,
    now: Millis,
    endless: bool,
) -> Result<Value, ApiError> {
    let size = input.get("ResourcesPerPage").map_or(Some(RESOURCES), Value::int);
    let size = size.filter(|size| (1..=RESOURCES_MAX).contains(size));
    let size =
        size.ok_or_else(|| invalid(format!("ResourcesPerPage must be between 1 and {RESOURCES_MAX}")))?;
    let types = texts(input, "ResourceTypeFilters")?;
    let arns = texts(input, "ResourceARNList")?;
    let filters = filters(input)?;
    let mut found: Vec<(&str, &Identity)> = estate
        .identities()
        .filter_map(|who| match &who.place {
            Place::Aws { region: at, arn, .. } if Some(*at) == region => Some((arn.as_str(), who)),
            _ => None,
        })
        // What was never tagged is not there.
        .filter(|(_, who)| who.exists(now) && !who.tags.is_empty())
        .filter(|(arn, _)| arns.is_empty() || arns.contains(arn))
        .filter(|(arn, _)| types.is_empty() || types.iter().any(|kind| is_of_type(arn, kind)))
        .filter(|(_, who)| filters.iter().all(|filter| has_tag(who, filter)))
        .collect();
    found.sort_by_key(|(arn, _)| *arn);
    let question = format!("GetResources {types:?} {arns:?} {filters:?} {size}");
    let from = match input.get("PaginationToken").and_then(Value::text) {
        None | Some("") => 0,
        Some(token) => {
            let token = Token::read(token, &question, 1);
            let token = token.ok_or_else(|| ApiError {
                shape: "PaginationTokenExpiredException",
                ..ApiError::invalid_value("The pagination token is not valid.")
            })?;
            usize::try_from(token.numbers[0]).unwrap_or(0)
        }
    };
    let (page, next) = cut(&found, from, usize::try_from(size).unwrap_or(1));
    let next = if endless { Some(next.unwrap_or(0)) } else { next };
    let resources = page.iter().map(|(arn, who)| {
        let tags = who.tags.iter();
        let tags = tags
            .map(|(key, value)| Value::map([("Key", key.as_str().into()), ("Value", value.as_str().into())]));
        Value::map([("ResourceARN", (*arn).into()), ("Tags", tags.collect::<Vec<_>>().into())])
    });
    // No further page is an empty text, not an absent one.
    let token = next.map_or_else(String::new, |next| Token { numbers: vec![next as i64] }.write(&question));
    Ok(Value::map([
        ("PaginationToken", token.into()),
        ("ResourceTagMappingList", resources.collect::<Vec<_>>().into()),
    ]))
}

/// Whether an ARN is of a type like `ec2:instance`, or of a whole service like `sqs`.
fn is_of_type(arn: &str, kind: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, rest) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match kind.split_once(':') {
        None => service == kind,
        Some((of_service, of_type)) => {
            let typed = rest.strip_prefix(of_type).is_some_and(|after| after.starts_with(['/', ':']));
            service == of_service && (typed || rest == of_type)
        }
    }
}

fn has_tag(who: &Identity, (key, values): &Filter<'_>) -> bool {
    who.tag(key).is_some_and(|value| values.is_empty() || values.contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_arns() {
        let cases = [
            ("arn:aws:ec2:us-east-1:1:instance/i-1", "ec2:instance", true),
            ("arn:aws:ec2:us-east-1:1:volume/vol-1", "ec2:instance", false),
            ("arn:aws:ec2:us-east-1:1:volume/vol-1", "ec2", true),
            ("arn:aws:rds:us-east-1:1:db:a", "rds:db", true),
            (
                "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/a/1",
                "elasticloadbalancing:loadbalancer",
                true,
            ),
            ("arn:aws:sqs:us-east-1:1:a-queue", "sqs", true),
            ("arn:aws:s3:::a-bucket", "s3", true),
        ];
        for (arn, kind, expected) in cases {
            assert_eq!(is_of_type(arn, kind), expected, "{arn} {kind}");
        }
    }
}
