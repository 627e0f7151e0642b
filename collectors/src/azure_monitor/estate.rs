//! What a subscription has, as far as it is watched.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use globset::GlobSet;
use isobar_normalizer::{NativeMappings, Provider, Resource, ResourceId, Timestamp};

use super::wire::ArmResource;

/// Services of a storage account: they measure, but inventory lists the account only. Source: "Supported metrics" of
/// `Microsoft.Storage/storageAccounts/*`.
const STORAGE: &str = "microsoft.storage/storageaccounts";

/// Tags that name the service a resource belongs to, in order.
const SERVICE_TAGS: [&str; 3] = ["service", "app", "application"];

/// A resource that is watched.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    /// The ARM id in lower case.
    pub(super) arm_id: String,
    /// The namespace of its metrics, as the mapping or the settings write it.
    pub(super) namespace: Arc<str>,
    pub(super) resource: Resource,
}

/// Everything a subscription has in the watched namespaces and regions.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Estate {
    regions: BTreeMap<Arc<str>, Vec<Arc<Item>>>,
    by_arm_id: HashMap<String, Vec<Arc<Item>>>,
}

/// A namespace that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    /// As it is written where it comes from.
    pub(super) namespace: Arc<str>,
    /// The type of its resources in our ids.
    pub(super) kind: String,
    /// The ARM type that inventory lists, lower case.
    pub(super) listed_as: String,
    /// What stands behind the listed resource's id, lower case; empty where it is the resource itself.
    pub(super) below: String,
}

impl Watched {
    /// What is known of a namespace.
    pub(super) fn new(namespace: &str, mappings: &NativeMappings) -> Self {
        let lower = namespace.to_lowercase();
        let mapping =
            mappings.of(Provider::Azure).find(|mapping| mapping.namespace().eq_ignore_ascii_case(namespace));
        let kind = match mapping {
            Some(mapping) => mapping.resource_type().to_owned(),
            // `microsoft.keyvault/vaults` as `keyvault.vaults`.
            None => lower.strip_prefix("microsoft.").unwrap_or(&lower).replace(['/', ':'], "."),
        };
        let service = lower.strip_prefix(STORAGE).and_then(|rest| rest.strip_prefix('/'));
        let (listed_as, below) = match service {
            Some(service) => (STORAGE.to_owned(), format!("/{service}/default")),
            None => (lower.clone(), String::new()),
        };
        Self {
            namespace: mapping.map_or(namespace, |mapping| mapping.namespace()).into(),
            kind,
            listed_as,
            below,
        }
    }
}

impl Estate {
    /// Sorts what inventory lists. What is in no watched namespace or region is left out; an empty region filter takes all.
    pub(super) fn new(
        subscription: &str,
        listed: Vec<ArmResource>,
        watched: &[Watched],
        regions: &BTreeSet<String>,
        tags: &GlobSet,
        now: Timestamp,
    ) -> Self {
        let mut estate = Self::default();
        let mut seen = HashSet::new();
        for arm in listed {
            let kind = arm.kind.to_lowercase();
            let region = region_of(arm.location.as_deref());
            if !regions.is_empty() && !regions.contains(&*region) {
                continue;
            }
            for watched in watched.iter().filter(|watched| watched.listed_as == kind) {
                let arm_id = format!("{}{}", arm.id.to_lowercase(), watched.below);
                let id = ResourceId::new(Provider::Azure, subscription, &region, &watched.kind, &arm_id);
                // A colon in a region, or an empty id: no resource we could name.
                let Ok(id) = id else { continue };
                // Pages may overlap while the inventory changes.
                if !seen.insert(arm_id.clone()) {
                    continue;
                }
                let resource = Resource {
                    id,
                    zone: zone_of(&region, arm.zones.as_deref()),
                    name: arm.name.clone(),
                    tags: chosen(arm.tags.as_ref(), tags),
                    service: service_of(arm.tags.as_ref()),
                    last_seen: now,
                };
                let item =
                    Arc::new(Item { arm_id: arm_id.clone(), namespace: watched.namespace.clone(), resource });
                estate.regions.entry(region.clone()).or_default().push(item.clone());
                // An alert's target is the listed resource.
                if !watched.below.is_empty() {
                    estate.by_arm_id.entry(arm.id.to_lowercase()).or_default().push(item.clone());
                }
                estate.by_arm_id.entry(arm_id).or_default().push(item);
            }
        }
        estate
    }

    /// The regions there are resources in, sorted.
    pub(super) fn regions(&self) -> impl Iterator<Item = &Arc<str>> {
        self.regions.keys()
    }

    /// What is in a region.
    pub(super) fn of(&self, region: &str) -> &[Arc<Item>] {
        self.regions.get(region).map_or(&[], Vec::as_slice)
    }

    /// Everything.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.regions.values().flatten()
    }

    /// The resource an ARM id means; where it has several, the one of the namespace.
    pub(super) fn find(&self, arm_id: &str, namespace: Option<&str>) -> Option<&Arc<Item>> {
        let found = self.by_arm_id.get(&arm_id.to_lowercase())?;
        let of_namespace = namespace
            .and_then(|namespace| found.iter().find(|item| item.namespace.eq_ignore_ascii_case(namespace)));
        of_namespace.or(found.first())
    }
}

/// `East US` as `eastus`; what has no place is `global`.
fn region_of(location: Option<&str>) -> Arc<str> {
    let region: String = location
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_lowercase();
    if region.is_empty() { "global".into() } else { region.into() }
}

/// `eastus-1`: a number alone would be the same zone in every region. What spans several is in none.
fn zone_of(region: &str, zones: Option<&[String]>) -> String {
    match zones {
        Some([zone]) if !zone.is_empty() => format!("{region}-{zone}"),
        _ => String::new(),
    }
}

type ArmTags = BTreeMap<String, Option<String>>;

fn chosen(tags: Option<&ArmTags>, wanted: &GlobSet) -> BTreeMap<String, String> {
    let tags = tags.into_iter().flatten().filter(|(tag, _)| wanted.is_match(tag.to_lowercase()));
    tags.map(|(tag, value)| (tag.clone(), value.clone().unwrap_or_default())).collect()
}

fn service_of(tags: Option<&ArmTags>) -> String {
    let value = |wanted: &str| {
        let mut found = tags.into_iter().flatten().filter(|(tag, _)| tag.eq_ignore_ascii_case(wanted));
        found.find_map(|(_, value)| value.clone().filter(|value| !value.is_empty()))
    };
    SERVICE_TAGS.into_iter().find_map(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::{Glob, GlobSetBuilder};

    fn globs(patterns: &[&str]) -> GlobSet {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            builder.add(Glob::new(pattern).unwrap());
        }
        builder.build().unwrap()
    }

    fn listed() -> Vec<ArmResource> {
        serde_json::from_str(
            r#"[
            {"id": "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/VM-1", "name": "VM-1",
             "type": "Microsoft.Compute/virtualMachines", "location": "East US", "zones": ["2"],
             "tags": {"App": "shop", "secret": "x", "Env": null}},
            {"id": "/subscriptions/S/x/microsoft.storage/storageAccounts/st", "name": "st", "type": "microsoft.storage/storageaccounts",
             "location": "westeurope", "tags": null, "zones": null},
            {"id": "/subscriptions/S/x/cdn", "name": "front", "type": "microsoft.cdn/profiles", "location": "Global"},
            {"id": "/subscriptions/S/x/other", "type": "microsoft.other/things", "location": "eastus"}
        ]"#,
        )
        .unwrap()
    }

    fn estate(regions: &[&str], tags: &[&str]) -> Estate {
        let mappings = NativeMappings::builtin();
        let watched: Vec<Watched> = [
            "microsoft.compute/VIRTUALMACHINES",
            "Microsoft.Storage/storageAccounts/blobServices",
            "Microsoft.Cdn/profiles",
        ]
        .map(|namespace| Watched::new(namespace, &mappings))
        .into();
        let regions = regions.iter().map(|region| (*region).to_owned()).collect();
        Estate::new("S", listed(), &watched, &regions, &globs(tags), Timestamp::from_millis(7))
    }

    #[test]
    fn resources_are_named_as_everywhere() {
        let estate = estate(&[], &["*"]);
        assert_eq!(
            estate.regions().map(|region| &**region).collect::<Vec<_>>(),
            ["eastus", "global", "westeurope"]
        );
        let vm = &estate.of("eastus")[0];
        assert_eq!(
            vm.resource.id.as_str(),
            "azure:s:eastus:compute.instance:/subscriptions/s/resourcegroups/rg/providers/microsoft.compute/virtualmachines/vm-1"
        );
        assert_eq!(
            (&*vm.resource.zone, &*vm.resource.service, &*vm.resource.name),
            ("eastus-2", "shop", "VM-1")
        );
        assert_eq!(&*vm.namespace, "Microsoft.Compute/virtualMachines", "the mapping's spelling");
        let blob = &estate.of("westeurope")[0];
        assert!(blob.arm_id.ends_with("/storageaccounts/st/blobservices/default"), "{}", blob.arm_id);
        assert_eq!(estate.all().count(), 3);
    }

    #[test]
    fn an_alerts_target_finds_its_resource() {
        let estate = estate(&[], &["*"]);
        let blob = estate.find(
            "/subscriptions/S/x/Microsoft.Storage/storageAccounts/ST",
            Some("microsoft.storage/storageaccounts/blobservices"),
        );
        assert_eq!(blob.unwrap().resource.name, "st");
        assert!(estate.find("/subscriptions/S/none", None).is_none());
    }

    #[test]
    fn regions_and_tags_are_chosen() {
        let estate = estate(&["eastus"], &["app", "env*"]);
        assert_eq!(estate.all().count(), 1);
        let tags = &estate.of("eastus")[0].resource.tags;
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["App", "Env"]);
    }

    #[test]
    fn a_namespace_without_a_mapping_has_a_type_of_its_own() {
        let watched = Watched::new("Microsoft.KeyVault/vaults", &NativeMappings::builtin());
        assert_eq!((&*watched.kind, &*watched.listed_as), ("keyvault.vaults", "microsoft.keyvault/vaults"));
    }
}
