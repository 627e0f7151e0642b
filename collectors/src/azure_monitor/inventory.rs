//! Reads what a subscription has: from Resource Graph, or where that is not allowed from Azure Resource Manager.

use std::collections::BTreeSet;

use super::arm::Listed;
use super::cloud::Audience;
use super::error::{ApiError, Failure};
use super::estate::Watched;
use super::limits::Limit;
use super::rest::{Call, Rest, Round};
use super::wire::{ArmResource, Graph, GraphOptions, GraphQuery, Subscription};

/// Resources a page, the most there may be. Source: Resource Graph, "Paging results".
const TOP: u32 = 1000;
/// Pages of one subscription; more than 200,000 resources are not expected in one.
const PAGES_MAX: usize = 200;

impl Rest {
    /// The subscriptions the principal can read, sorted.
    pub(super) async fn subscriptions(&self, round: &Round<'_>) -> Result<Vec<String>, ApiError> {
        let url = self.arm_url("/subscriptions", &[("api-version", "2022-12-01")])?;
        let call = self.arm_get("Subscriptions.List", "subscriptions".to_owned(), "", url);
        let Listed { items, is_cut } = self.list::<Subscription>(call, PAGES_MAX, round, |_| false).await?;
        if is_cut {
            return Err(endless("subscriptions"));
        }
        let enabled =
            items.into_iter().filter(|one| matches!(&*one.state, "" | "Enabled" | "Warned" | "PastDue"));
        let ids: BTreeSet<String> = enabled.map(|one| one.subscription_id.to_lowercase()).collect();
        if ids.is_empty() {
            let message = "the principal can read no subscription: give it the role Monitoring Reader on one";
            return Err(ApiError::new(Failure::Denied, message));
        }
        Ok(ids.into_iter().collect())
    }

    /// Every resource of the watched types in a subscription, by id.
    ///
    /// # Errors
    /// Nothing, or not everything, could be read.
    pub(super) async fn resources(
        &self,
        subscription: &str,
        watched: &[Watched],
        round: &Round<'_>,
    ) -> Result<Vec<ArmResource>, ApiError> {
        let types: BTreeSet<&str> = watched.iter().map(|watched| &*watched.listed_as).collect();
        if types.is_empty() {
            return Ok(Vec::new());
        }
        match self.graph(subscription, &types, round).await {
            Err(error) if matches!(error.kind, Failure::Refused | Failure::Denied) => {
                let listed = self.arm_list(subscription, &types, round).await;
                // Where neither is allowed, the first says what is missing.
                listed.map_err(|second| if second.kind == Failure::Denied { error } else { second })
            }
            other => other,
        }
    }

    async fn graph(
        &self,
        subscription: &str,
        types: &BTreeSet<&str>,
        round: &Round<'_>,
    ) -> Result<Vec<ArmResource>, ApiError> {
        let about = format!("inventory of subscription {subscription}");
        let query = query(types);
        let mut found = Vec::new();
        let mut skip_token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let options =
                GraphOptions { top: TOP, skip_token: skip_token.as_deref(), result_format: "objectArray" };
            let body = GraphQuery { subscriptions: [subscription], query: &query, options };
            let call = Call {
                operation: "ResourceGraph.Resources",
                about: about.clone(),
                audience: Audience::Arm,
                limit: Limit::Graph,
                url: self.arm_url(
                    "/providers/Microsoft.ResourceGraph/resources",
                    &[("api-version", "2021-03-01")],
                )?,
                body: Some(serde_json::to_string(&body).expect("texts and numbers are JSON")),
            };
            let page: Graph = self.call(&call, round).await?;
            let is_truncated = page.is_truncated();
            found.extend(page.data);
            match page.skip_token.filter(|token| !token.is_empty()) {
                None if is_truncated => {
                    let message = "the answer is truncated and says not how to go on";
                    return Err(ApiError::new(Failure::Unreadable, message).about(&about));
                }
                None => return Ok(found),
                next if next == skip_token => return Err(endless(&about)),
                next => skip_token = next,
            }
        }
        Err(endless(&about))
    }

    async fn arm_list(
        &self,
        subscription: &str,
        types: &BTreeSet<&str>,
        round: &Round<'_>,
    ) -> Result<Vec<ArmResource>, ApiError> {
        let about = format!("resources of subscription {subscription}");
        let filter: Vec<String> =
            types.iter().map(|one| format!("resourceType eq '{}'", quoted(one))).collect();
        let filter = filter.join(" or ");
        let query = [("api-version", "2021-04-01"), ("$filter", &*filter)];
        let url = self.arm_url(&format!("/subscriptions/{subscription}/resources"), &query)?;
        let call = self.arm_get("Resources.List", about.clone(), subscription, url);
        let listed = self.list(call, PAGES_MAX, round, |_| false).await?;
        if listed.is_cut { Err(endless(&about)) } else { Ok(listed.items) }
    }
}

/// Sorted by id, and with the id among the columns: only so does Resource Graph page.
fn query(types: &BTreeSet<&str>) -> String {
    let types: Vec<String> = types.iter().map(|one| format!("'{}'", quoted(one))).collect();
    format!(
        "resources | where type in~ ({}) | project id, name, type, location, tags, zones | order by id asc",
        types.join(", ")
    )
}

/// A type holds no quote; one that did would end the text it stands in.
fn quoted(text: &str) -> String {
    text.replace(['\'', '\\'], "")
}

fn endless(about: &str) -> ApiError {
    ApiError::new(Failure::Unreadable, format!("more than {PAGES_MAX} pages")).about(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_types_and_an_order() {
        let types = BTreeSet::from(["microsoft.sql/servers/databases", "x' or 1"]);
        assert_eq!(
            query(&types),
            "resources | where type in~ ('microsoft.sql/servers/databases', 'x or 1') \
             | project id, name, type, location, tags, zones | order by id asc"
        );
    }
}
