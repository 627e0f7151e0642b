//! What correlation sees of an alert.

use std::sync::Arc;

use isobar_normalizer::{AlertClass, Labels, ResourceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::cell::Cell;

/// Words taken of one alert: a summary that is a whole page tells no more than its first lines.
const WORDS_MAX: usize = 64;

/// Labels that name one thing or repeat what other features have: what is different in every alert says nothing of how
/// alike two are.
const UNTOLD: [&str; 9] = [
    "alertname",
    "class",
    "instance",
    "native_id",
    "pod",
    "k8s_pod_name",
    "resource_id",
    "resource_name",
    "severity",
];

/// Where an alert is, what it is about, when it began and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// The alert's name.
    pub name: Arc<str>,
    /// When it began, event time.
    pub starts_at: Timestamp,
    /// What kind of trouble.
    pub class: AlertClass,
    /// The resource it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Arc<str>>,
    /// The resource's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Arc<str>>,
    /// Who runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Arc<str>>,
    /// The account it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Arc<str>>,
    /// The region it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Arc<str>>,
    /// The zone it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<str>>,
    /// The service it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Arc<str>>,
    /// Who looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Arc<str>>,
    /// The machine it runs on: the host of `instance`, the Kubernetes node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// The Kubernetes workload it is part of, `namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Arc<str>>,
    /// Hashes of the words of its name and summary and of its label pairs, sorted, each once.
    pub words: Vec<u32>,
}

impl Features {
    /// The features of an alert as it is now.
    pub fn of(alert: &Alert) -> Self {
        let labels = alert.labels();
        let first = |names: &[&str]| names.iter().find_map(|name| labels.get(name)).map(Arc::from);
        let of_id = place_in_id(alert.resource());
        let part = |names: &[&str], at: usize| first(names).or_else(|| of_id.as_ref()?[at].clone());
        Self {
            name: alert.name().into(),
            starts_at: alert.starts_at,
            class: alert.class,
            resource: alert.resource().map(Arc::from),
            kind: part(&["resource_type"], 3),
            provider: part(&["cloud_provider"], 0),
            account: part(&["cloud_account_id"], 1),
            region: part(&["cloud_region", "region"], 2),
            zone: first(&["cloud_availability_zone", "zone"]),
            service: first(&["service_name", "service", "app"]),
            owner: first(&["tag_owner", "owner", "team"]),
            host: host(&labels),
            workload: workload(&labels),
            words: words(&labels, alert.annotations.get("summary").map_or("", String::as_str)),
        }
    }

    /// The region it is in.
    pub fn cell(&self) -> Option<Cell> {
        let (provider, region) = (self.provider.clone()?, self.region.clone()?);
        Some(Cell { provider, region, zone: None, service: None })
    }

    /// How alike what two alerts say is: of all their words and label pairs the share that both have (Jaccard). In `0..=1`;
    /// two that say nothing are not alike.
    pub fn similarity(&self, other: &Self) -> f64 {
        let (mut left, mut right) = (self.words.as_slice(), other.words.as_slice());
        let mut both = 0_u32;
        while let ([first, ..], [second, ..]) = (left, right) {
            both += u32::from(first == second);
            left = if first <= second { &left[1..] } else { left };
            right = if second <= first { &right[1..] } else { right };
        }
        let any = self.words.len() + other.words.len() - both as usize;
        if any == 0 { 0.0 } else { f64::from(both) / any as f64 }
    }
}

/// Provider, account, region and type as the resource's id has them.
fn place_in_id(id: Option<&str>) -> Option<[Option<Arc<str>>; 4]> {
    let id: ResourceId = id?.parse().ok()?;
    let (provider, account, region, kind, _) = id.parts();
    let some = |part: &str| (!part.is_empty()).then(|| Arc::from(part));
    Some([some(provider.as_str()), some(account), some(region), some(kind)])
}

fn host(labels: &Labels) -> Option<Arc<str>> {
    let named = ["k8s_node_name", "node", "host_name", "host"].iter().find_map(|name| labels.get(name));
    let address =
        || labels.get("instance").map(|instance| instance.rsplit_once(':').map_or(instance, |it| it.0));
    named.or_else(address).map(Arc::from)
}

/// What runs a pod: its deployment or the like where labels name one, else the pod's name without its last two parts, which
/// Kubernetes makes up.
fn workload(labels: &Labels) -> Option<Arc<str>> {
    const OWNERS: [&str; 6] = [
        "k8s_deployment_name",
        "k8s_statefulset_name",
        "k8s_daemonset_name",
        "deployment",
        "statefulset",
        "daemonset",
    ];
    let namespace = labels.get("k8s_namespace_name").or_else(|| labels.get("namespace"))?;
    let owner = OWNERS.iter().find_map(|name| labels.get(name));
    let of_pod = || {
        let pod = labels.get("k8s_pod_name").or_else(|| labels.get("pod"))?;
        pod.rsplitn(3, '-').nth(2)
    };
    owner.or_else(of_pod).map(|owner| format!("{namespace}/{owner}").into())
}

/// The hashes of what an alert says.
fn words(labels: &Labels, summary: &str) -> Vec<u32> {
    let name = labels.get("alertname").unwrap_or_default();
    let pairs = labels.iter().filter(|(label, _)| !UNTOLD.contains(label));
    let mut words: Vec<u32> = split(name)
        .into_iter()
        .chain(split(summary))
        .map(|word| hash(&[&word]))
        .chain(pairs.map(|(label, value)| hash(&[label, "=", value])))
        .take(WORDS_MAX)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Words in lower case, camel case taken apart. What has digits is a name or a value, which no two alerts share.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in text.chars() {
        let is_hump = character.is_uppercase() && before.is_lowercase();
        if is_hump || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    words.retain(|word| word.chars().count() > 2 && !word.chars().any(char::is_numeric));
    words
}

/// FNV-1a, its halves folded.
pub(super) fn hash(parts: &[&str]) -> u32 {
    let whole = wide_hash(parts);
    (whole ^ (whole >> 32)) as u32
}

/// FNV-1a of the parts, each ended by a byte that no text has.
pub(super) fn wide_hash(parts: &[&str]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    let part_after = |hash, part: &&str| step(part.bytes().fold(hash, step), 0xFF);
    parts.iter().fold(14_695_981_039_346_656_037, part_after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::AlertState;
    use crate::fixture::{START, alert};
    use isobar_normalizer::Severity;

    fn features(identity: &str, summary: &str) -> Features {
        let mut alert = alert(identity, AlertState::Firing, Severity::Error, START);
        alert.annotations.insert("summary".to_owned(), summary.to_owned());
        Features::of(&alert)
    }

    #[test]
    fn where_a_resource_is_comes_from_labels_or_its_id() {
        let named = features("alertname=A cloud_provider=aws cloud_region=eu-west-1 service_name=shop", "");
        assert_eq!(named.cell(), Some(Cell::region("aws", "eu-west-1")));
        assert_eq!(named.service.as_deref(), Some("shop"));
        let by_id = features("alertname=A resource_id=aws:1:us-east-1:db.relational:main", "");
        assert_eq!(by_id.cell(), Some(Cell::region("aws", "us-east-1")));
        assert_eq!((by_id.kind.as_deref(), by_id.account.as_deref()), (Some("db.relational"), Some("1")));
        assert_eq!(features("alertname=A", "").cell(), None);
    }

    #[test]
    fn pods_have_a_workload_and_machines_a_host() {
        let pod = features("alertname=A namespace=shop pod=cart-7d9f8b6c5-x2x9q node=n-1", "");
        assert_eq!((pod.workload.as_deref(), pod.host.as_deref()), (Some("shop/cart"), Some("n-1")));
        let set = features("alertname=A namespace=shop statefulset=redis pod=redis-0", "");
        assert_eq!(set.workload.as_deref(), Some("shop/redis"));
        assert_eq!(features("alertname=A instance=n-1:9100", "").host.as_deref(), Some("n-1"));
    }

    #[test]
    fn alike_is_what_says_the_same_in_words_and_labels() {
        let cases = [
            (
                "alertname=HighCpu instance=a",
                "CPU of web-01 at 97%",
                "alertname=HighCpu instance=b",
                "CPU of web-02 at 96%",
                1.0,
            ),
            ("alertname=HighCpu job=node", "", "alertname=HighCpu job=mysql", "", 0.5),
            ("alertname=HighCpu", "", "alertname=QueueStuck", "", 0.0),
            ("alertname=X", "", "alertname=X", "", 0.0),
        ];
        for (a, a_says, b, b_says, expected) in cases {
            let found = features(a, a_says).similarity(&features(b, b_says));
            assert!((found - expected).abs() < 1e-9, "{a} and {b}: {found}");
        }
    }
}
