//! Asks a region which metrics it has.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, RecentlyActive};
use isobar_normalizer::Labels;

use super::call::{Caller, Failure, LIST_METRICS, Operation};
use super::catalogue::Listed;

/// Pages of one listing, 500 metrics each: a hundred thousand of one namespace in one region.
const PAGES_MAX: usize = 200;

/// Follows the tokens of a listing: an answer that would go on for ever is an error, told as soon as a token comes again.
#[derive(Debug)]
pub(super) struct Pages {
    seen: BTreeSet<String>,
    max: usize,
}

impl Pages {
    pub(super) fn new(max: usize) -> Self {
        Self { seen: BTreeSet::new(), max }
    }

    /// The token to go on with; `None` after the last page.
    pub(super) fn next(
        &mut self,
        operation: &Operation,
        token: Option<String>,
    ) -> Result<Option<String>, Failure> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        if self.seen.len() + 1 >= self.max {
            return Err(Failure::broken(operation, format!("does not end after {} pages", self.max)));
        }
        if !self.seen.insert(token.clone()) {
            return Err(Failure::broken(operation, "leads to a page that was read before"));
        }
        Ok(Some(token))
    }
}

/// Lists the metrics of some namespaces.
pub(super) async fn list(
    client: &Client,
    caller: &Caller,
    namespaces: &BTreeSet<Arc<str>>,
    is_recently_active: bool,
) -> Result<Vec<Listed>, Failure> {
    let mut listed = Vec::new();
    for namespace in namespaces {
        let mut pages = Pages::new(PAGES_MAX);
        let mut token = None;
        // Names repeat for every resource.
        let mut names: HashMap<String, Arc<str>> = HashMap::new();
        loop {
            let ask = client
                .list_metrics()
                .namespace(&**namespace)
                .set_next_token(token)
                .set_recently_active(is_recently_active.then_some(RecentlyActive::Pt3H));
            let page = caller.call(&LIST_METRICS, 1, || ask.clone().send()).await?;
            for metric in page.metrics.unwrap_or_default() {
                let Some(name) =
                    metric.metric_name.filter(|_| metric.namespace.as_deref() == Some(namespace))
                else {
                    continue;
                };
                let Some(dimensions) = labels(&metric.dimensions.unwrap_or_default()) else { continue };
                let shared = names.entry(name).or_insert_with_key(|name| name.as_str().into());
                listed.push(Listed { namespace: namespace.clone(), name: shared.clone(), dimensions });
            }
            token = pages.next(&LIST_METRICS, page.next_token)?;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(listed)
}

/// Dimensions as labels; `None` for what is none: a name twice, or one that is empty.
pub(super) fn labels(dimensions: &[Dimension]) -> Option<Labels> {
    let pairs = dimensions
        .iter()
        .map(|one| Some((one.name().filter(|name| !name.is_empty())?, one.value().unwrap_or_default())));
    Labels::from_pairs(pairs.collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_listing_is_an_error() {
        let mut pages = Pages::new(100);
        let mut next = |token: &str| pages.next(&LIST_METRICS, Some(token.to_owned()));
        assert_eq!(next("a").unwrap().as_deref(), Some("a"));
        assert_eq!(next("").unwrap(), None, "the tagging API ends with an empty token");
        assert!(next("a").unwrap_err().message.contains("was read before"));
        let mut pages = Pages::new(3);
        let mut next = |token: &str| pages.next(&LIST_METRICS, Some(token.to_owned()));
        assert!(next("a").is_ok() && next("b").is_ok());
        assert!(next("c").unwrap_err().message.contains("does not end after 3 pages"));
    }
}
