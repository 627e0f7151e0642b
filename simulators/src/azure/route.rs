//! What a path of Resource Manager or of a metrics host asks for. Upper and lower case are the same.

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::estate::AZURE_REGIONS;
use crate::faults::Call;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Subscriptions,
    Subscription {
        id: String,
    },
    /// The resources of a subscription, or of one of its resource groups.
    Resources {
        subscription: String,
        group: Option<String>,
    },
    Graph,
    MetricDefinitions {
        resource: String,
    },
    MetricNamespaces {
        resource: String,
    },
    Metrics {
        resource: String,
    },
    Batch {
        subscription: String,
        region: Option<String>,
    },
    Alerts {
        scope: String,
    },
    Alert {
        scope: String,
        id: String,
    },
    ChangeState {
        scope: String,
        id: String,
    },
    AlertHistory {
        scope: String,
        id: String,
    },
    AlertsSummary {
        scope: String,
    },
}

impl Route {
    /// Reads the method and the path of a request to Resource Manager; none when there is no such thing.
    pub(crate) fn of_management(method: &Method, path: &str) -> Option<Self> {
        let path = decode(path);
        let lower: Vec<String> = segments(&path).map(str::to_lowercase).collect();
        let words: Vec<&str> = lower.iter().map(String::as_str).collect();
        let get = method == Method::GET;
        let post = method == Method::POST;
        match words.as_slice() {
            ["subscriptions"] if get => return Some(Self::Subscriptions),
            ["subscriptions", id] if get => return Some(Self::Subscription { id: (*id).to_owned() }),
            ["subscriptions", id, "resources"] if get => {
                return Some(Self::Resources { subscription: (*id).to_owned(), group: None });
            }
            ["subscriptions", id, "resourcegroups", group, "resources"] if get => {
                let group = Some((*group).to_owned());
                return Some(Self::Resources { subscription: (*id).to_owned(), group });
            }
            ["providers", "microsoft.resourcegraph", "resources"] if post => return Some(Self::Graph),
            _ => {}
        }
        // Extensions hang on any scope: what is before the last `providers` is the scope.
        let at = words.iter().rposition(|word| *word == "providers")?;
        // The scope keeps its spelling: messages quote it.
        let scope = || segments(&path).take(at).fold(String::new(), |scope, it| scope + "/" + it);
        match &words[at + 1..] {
            ["microsoft.insights", "metrics"] if get => Some(Self::Metrics { resource: scope() }),
            ["microsoft.insights", "metricdefinitions"] if get => {
                Some(Self::MetricDefinitions { resource: scope() })
            }
            ["microsoft.insights", "metricnamespaces"] if get => {
                Some(Self::MetricNamespaces { resource: scope() })
            }
            ["microsoft.alertsmanagement", "alerts"] if get => Some(Self::Alerts { scope: scope() }),
            ["microsoft.alertsmanagement", "alertssummary"] if get => {
                Some(Self::AlertsSummary { scope: scope() })
            }
            ["microsoft.alertsmanagement", "alerts", id] if get => {
                Some(Self::Alert { scope: scope(), id: (*id).to_owned() })
            }
            ["microsoft.alertsmanagement", "alerts", id, "changestate"] if post => {
                Some(Self::ChangeState { scope: scope(), id: (*id).to_owned() })
            }
            ["microsoft.alertsmanagement", "alerts", id, "history"] if get => {
                Some(Self::AlertHistory { scope: scope(), id: (*id).to_owned() })
            }
            _ => None,
        }
    }

    /// Reads a request to a metrics host. Its region is the first label of the host, as it is in the cloud, or the
    /// first segment of the path, for those who can reach one address only.
    pub(crate) fn of_metrics(method: &Method, host: &str, path: &str) -> Option<Self> {
        let path = decode(path);
        let mut words: Vec<String> = segments(&path).map(str::to_lowercase).collect();
        let label = host.split(['.', ':']).next().unwrap_or_default();
        let mut region = AZURE_REGIONS.contains(&label).then(|| label.to_owned());
        if words.first().is_some_and(|word| word != "subscriptions") {
            region = Some(words.remove(0));
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["subscriptions", id, "metrics:getbatch"] if method == Method::POST => {
                Some(Self::Batch { subscription: (*id).to_owned(), region })
            }
            _ => None,
        }
    }

    /// The word faults and logs know it by.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Subscriptions => "ListSubscriptions",
            Self::Subscription { .. } => "GetSubscription",
            Self::Resources { .. } => "ListResources",
            Self::Graph => "ResourceGraph",
            Self::MetricDefinitions { .. } => "MetricDefinitions",
            Self::MetricNamespaces { .. } => "MetricNamespaces",
            Self::Metrics { .. } => "Metrics",
            Self::Batch { .. } => "MetricsBatch",
            Self::Alerts { .. } => "ListAlerts",
            Self::Alert { .. } => "GetAlert",
            Self::ChangeState { .. } => "ChangeAlertState",
            Self::AlertHistory { .. } => "AlertHistory",
            Self::AlertsSummary { .. } => "AlertsSummary",
        }
    }
}

fn decode(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn host(parts: &Parts) -> &str {
    let header = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    header.or_else(|| parts.uri.host()).unwrap_or_default()
}

/// The region whose name a text holds: resource groups of the estate are named for theirs.
fn region_in(text: &str) -> String {
    let text = text.to_lowercase();
    let found = AZURE_REGIONS.iter().find(|region| text.contains(&format!("-{region}/")));
    found.map(|region| (*region).to_owned()).unwrap_or_default()
}

/// Tells calls to a tenant apart.
pub(crate) fn classify_token(parts: &Parts, _: &[u8]) -> Call {
    let operation =
        if parts.uri.path().ends_with("/oauth2/v2.0/token") { "Token" } else { "ManagedIdentity" };
    Call { operation: operation.to_owned(), region: String::new() }
}

/// Tells calls to Resource Manager apart.
pub(crate) fn classify_management(parts: &Parts, _: &[u8]) -> Call {
    let route = Route::of_management(&parts.method, parts.uri.path());
    let operation = route.map_or("Unknown", |route| route.operation()).to_owned();
    Call { operation, region: region_in(&decode(parts.uri.path())) }
}

/// Tells calls to the metrics hosts apart.
pub(crate) fn classify_metrics(parts: &Parts, body: &[u8]) -> Call {
    let route = Route::of_metrics(&parts.method, host(parts), parts.uri.path());
    let region = match &route {
        Some(Route::Batch { region: Some(region), .. }) => region.clone(),
        _ => region_in(&String::from_utf8_lossy(body)),
    };
    Call { operation: route.map_or("Unknown", |route| route.operation()).to_owned(), region }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_whatever_their_case() {
        let vm = "/subscriptions/S/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm";
        let cases = [
            (Method::GET, "/subscriptions".to_owned(), Some(Route::Subscriptions)),
            (
                Method::GET,
                format!("/{vm}/providers/microsoft.insights/METRICS"),
                Some(Route::Metrics { resource: vm.to_owned() }),
            ),
            (
                Method::GET,
                format!("{vm}/providers/Microsoft.Insights/metricDefinitions"),
                Some(Route::MetricDefinitions { resource: vm.to_owned() }),
            ),
            (
                Method::POST,
                "/subscriptions/S/providers/Microsoft.AlertsManagement/alerts/A/changestate".to_owned(),
                Some(Route::ChangeState { scope: "/subscriptions/S".to_owned(), id: "a".to_owned() }),
            ),
            (Method::GET, "/providers/Microsoft.ResourceGraph/resources".to_owned(), None),
            (Method::GET, vm.to_owned(), None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(Route::of_management(&method, &path), expected, "{path}");
        }
    }

    #[test]
    fn the_region_of_a_batch_is_in_the_host_or_the_path() {
        let cases = [
            ("eastus.metrics.monitor.azure.com", "/subscriptions/s/metrics:getBatch", Some("eastus")),
            ("127.0.0.1:80", "/westeurope/subscriptions/s/metrics:getBatch", Some("westeurope")),
            ("127.0.0.1:80", "/subscriptions/s/metrics%3AgetBatch", None),
        ];
        for (host, path, expected) in cases {
            let region = expected.map(str::to_owned);
            let expected = Route::Batch { subscription: "s".to_owned(), region };
            assert_eq!(Route::of_metrics(&Method::POST, host, path), Some(expected), "{host} {path}");
        }
    }
}
