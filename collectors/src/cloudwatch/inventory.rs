//! Collects names and tags of the resources of one region, from the Resource Groups Tagging API, and the zones of its
//! instances, from EC2.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_resourcegroupstagging::types::ResourceTagMapping;
use isobar_normalizer::{NativeMappings, Provider, Resource, ResourceId, Timestamp};

use super::call::{Failure, GET_RESOURCES};
use super::catalogue::Place;
use super::discovery::Pages;
use super::instances::{self, Instance};
use super::metrics::Region;
use super::settings::TagFilter;
use crate::{CollectError, Collected};

/// Resources on one page. Source: API_GetResources.html, ResourcesPerPage (read 2026-11-21).
const PER_PAGE: i32 = 100;
/// A hundred thousand resources in one region.
const PAGES_MAX: usize = 1_000;
/// Resource types in one request. Source: API_GetResources.html, ResourceTypeFilters (read 2026-11-21).
const TYPES_MAX: usize = 100;
/// Tags of the resource's name, and of the service it belongs to, the first that is there.
const NAME: &str = "Name";
const SERVICE: [&str; 3] = ["service", "app", "application"];
/// Load balancers share one form of ARN; what the name begins with tells them apart.
/// Source: Service Authorization Reference, "Elastic Load Balancing V2".
const BALANCERS: [(&str, &str); 2] = [("lb.application", "app/"), ("lb.network", "net/")];
/// What EC2 calls an instance.
const INSTANCE: &str = "compute.instance";
/// Native ids that say nothing to people begin so.
const OPAQUE: [&str; 3] = ["i-", "vol-", "nat-"];

/// What is known of a region's inventory, between collections: what EC2 said last. No instance moves or comes back, so it
/// holds while EC2 says nothing.
#[derive(Debug, Default)]
pub(super) struct RegionInventory(Mutex<HashMap<String, Instance>>);

impl RegionInventory {
    /// Reads the inventory. Zones that cannot be read are told, and the resources come without them.
    pub(super) async fn collect(
        &self,
        region: Region<'_>,
        tags: &TagFilter,
        now: Timestamp,
    ) -> Result<Collected, CollectError> {
        let tagged = tagged(region, tags, now).await;
        let mut resources =
            tagged.map_err(|failure| CollectError { message: failure.message, retry: failure.retry })?;
        let mut failures = Vec::new();
        if resources.keys().any(is_instance) {
            let listed = instances::list(region).await;
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match listed {
                Ok(listed) => *known = listed.into_iter().map(|one| (one.id.clone(), one)).collect(),
                Err(failure) => failures.push(failure.message),
            }
            locate(&mut resources, &known);
        }
        let resources = resources.into_values().collect();
        Ok(Collected { resources, lists_all: true, failures, ..Collected::default() })
    }
}

/// The resources that have or had tags.
async fn tagged(
    region: Region<'_>,
    tags: &TagFilter,
    now: Timestamp,
) -> Result<BTreeMap<ResourceId, Resource>, Failure> {
    let mappings = &region.asked.mappings;
    let mut resources = BTreeMap::new();
    let types = types(mappings, &region.asked.namespaces_in(region.place.region));
    for types in types.into_iter().collect::<Vec<_>>().chunks(TYPES_MAX) {
        let mut pages = Pages::new(PAGES_MAX);
        let mut token = None;
        loop {
            let ask = region
                .services
                .tagging
                .get_resources()
                .resources_per_page(PER_PAGE)
                .set_resource_type_filters(Some(types.to_vec()))
                .set_pagination_token(token);
            let page = region.caller.call(&GET_RESOURCES, 1, || ask.clone().send()).await?;
            for tagged in page.resource_tag_mapping_list.unwrap_or_default() {
                for resource in resources_of(region.place, &tagged, mappings, tags, now) {
                    resources.insert(resource.id.clone(), resource);
                }
            }
            token = pages.next(&GET_RESOURCES, page.pagination_token)?;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(resources)
}

/// Puts instances where they are; those that have ended are no more, though their tags stay for a while.
fn locate(resources: &mut BTreeMap<ResourceId, Resource>, known: &HashMap<String, Instance>) {
    resources.retain(|id, resource| {
        let (_, _, _, _, native) = id.parts();
        let Some(instance) = known.get(native).filter(|_| is_instance(id)) else { return true };
        resource.zone.clone_from(&instance.zone);
        !instance.has_ended
    });
}

fn is_instance(id: &ResourceId) -> bool {
    let (_, _, _, kind, _) = id.parts();
    kind == INSTANCE
}

/// The types to ask for, of the mappings whose namespaces are looked into.
fn types(mappings: &NativeMappings, namespaces: &BTreeSet<Arc<str>>) -> BTreeSet<String> {
    let wanted = mappings.of(Provider::Aws).filter(|mapping| namespaces.contains(mapping.namespace()));
    wanted
        .filter_map(|mapping| mapping.native_name().inventory_prefix())
        .map(|prefix| prefix.trim_end_matches([':', '/']).to_owned())
        .collect()
}

/// The resources that one ARN is: one, as long as no two kinds are named alike.
fn resources_of(
    place: Place<'_>,
    tagged: &ResourceTagMapping,
    mappings: &NativeMappings,
    filter: &TagFilter,
    now: Timestamp,
) -> Vec<Resource> {
    // arn:partition:service:region:account:resource
    let mut arn = tagged.resource_arn().unwrap_or_default().splitn(6, ':').skip(2);
    let (service, rest) = (arn.next().unwrap_or_default(), arn.nth(2).unwrap_or_default());
    let called = format!("{service}:{rest}");
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for tag in tagged.tags() {
        all.insert(tag.key().to_owned(), tag.value().to_owned());
    }
    let mut seen = BTreeSet::new();
    mappings
        .of(Provider::Aws)
        .filter_map(|mapping| {
            let native = mapping.native_name().from_inventory(&called)?;
            let kind = mapping.resource_type();
            let other = BALANCERS.iter().find(|(other, _)| *other == kind);
            if other.is_some_and(|(_, prefix)| !native.starts_with(prefix)) {
                return None;
            }
            let id = ResourceId::new(Provider::Aws, place.account, place.region, kind, &native).ok()?;
            seen.insert(id.clone()).then_some((id, native))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(id, native)| Resource {
            id,
            zone: String::new(),
            name: all.get(NAME).cloned().unwrap_or_else(|| name_of(&native)),
            service: service_of(&all),
            tags: all
                .iter()
                .filter(|(key, _)| filter.takes(key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            last_seen: now,
        })
        .collect()
}

/// A resource's name as people know it, from its native id; empty where that says nothing.
fn name_of(native: &str) -> String {
    if OPAQUE.iter().any(|opaque| native.starts_with(opaque)) {
        return String::new();
    }
    // app/name/0123456789abcdef
    let is_balancer = BALANCERS.iter().any(|(_, prefix)| native.starts_with(prefix));
    let name = if is_balancer { native.split('/').nth(1).unwrap_or(native) } else { native };
    name.to_owned()
}

fn service_of(tags: &BTreeMap<String, String>) -> String {
    let found = SERVICE.iter().find_map(|wanted| {
        tags.iter().find(|(key, value)| key.eq_ignore_ascii_case(wanted) && !value.is_empty())
    });
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
