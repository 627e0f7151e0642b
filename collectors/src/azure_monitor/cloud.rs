//! The Azure clouds: who signs in, who manages, who serves metrics.

use serde::Deserialize;
use url::{Host, Url};

/// Which Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cloud {
    /// The one for everybody.
    #[default]
    Public,
    /// Azure in China, operated by 21Vianet.
    China,
    /// Azure Government of the United States.
    UsGov,
}

/// For whom a token is: one does not serve both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Audience {
    /// Azure Resource Manager.
    Arm,
    /// The metrics data plane.
    Metrics,
}

/// Where one Azure answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    /// Where tokens come from.
    pub(super) authority: Url,
    /// Azure Resource Manager.
    pub(super) arm: Url,
    /// The metrics data plane, with `{region}` where the region stands.
    pub(super) metrics: String,
    /// For whom a token for Azure Resource Manager is.
    pub(super) arm_audience: String,
    /// For whom a token for the metrics data plane is.
    pub(super) metrics_audience: String,
    /// Where people look.
    pub(super) portal: &'static str,
}

/// The word in the metrics endpoint that a region's name takes the place of.
pub(super) const REGION: &str = "{region}";

impl Cloud {
    /// The endpoints of the cloud. Sources: "Azure Government developer guide" and "Azure in China developer guide", endpoint
    /// tables; "Metrics Batch - Batch" of the REST reference for the data plane. Those of China and the US government on the
    /// data plane follow the public one by the clouds' own domains.
    pub(super) fn endpoints(self) -> Endpoints {
        let (authority, arm, monitor, portal) = match self {
            Self::Public => {
                ("login.microsoftonline.com", "management.azure.com", "monitor.azure.com", "portal.azure.com")
            }
            Self::China => (
                "login.partner.microsoftonline.cn",
                "management.chinacloudapi.cn",
                "monitor.azure.cn",
                "portal.azure.cn",
            ),
            Self::UsGov => (
                "login.microsoftonline.us",
                "management.usgovcloudapi.net",
                "monitor.azure.us",
                "portal.azure.us",
            ),
        };
        let url = |host: &str| Url::parse(&format!("https://{host}/")).expect("a constant host");
        Endpoints {
            authority: url(authority),
            arm: url(arm),
            metrics: format!("https://{REGION}.metrics.{monitor}/"),
            arm_audience: format!("https://{arm}"),
            metrics_audience: format!("https://metrics.{monitor}"),
            portal,
        }
    }
}

impl Endpoints {
    /// For whom a token of this audience is asked.
    pub(super) fn audience(&self, audience: Audience) -> &str {
        match audience {
            Audience::Arm => &self.arm_audience,
            Audience::Metrics => &self.metrics_audience,
        }
    }

    /// Where the metrics of a region are; `None` when the region's name makes no host.
    pub(super) fn metrics_of(&self, region: &str) -> Option<Url> {
        let is_name = !region.is_empty()
            && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        is_name.then(|| Url::parse(&self.metrics.replace(REGION, region)).ok()).flatten()
    }

    /// Whether a token for Azure Resource Manager may be sent to the URL: same scheme, host and port, nothing in between.
    pub(super) fn is_arm(&self, url: &Url) -> bool {
        url.scheme() == self.arm.scheme()
            && url.host() == self.arm.host()
            && url.port_or_known_default() == self.arm.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
    }
}

/// Whether the URL's host is this machine, as written: a name that resolves to it does not count.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_put_into_the_host_and_nothing_else_is() {
        let endpoints = Cloud::Public.endpoints();
        let of = |region| endpoints.metrics_of(region).map(String::from);
        assert_eq!(of("eastus").as_deref(), Some("https://eastus.metrics.monitor.azure.com/"));
        assert_eq!(of("global").as_deref(), Some("https://global.metrics.monitor.azure.com/"));
        for wrong in ["", "evil.example/", "a@b", "x#", "a.b"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_go_to_the_resource_manager_only() {
        let endpoints = Cloud::Public.endpoints();
        let is_arm = |url: &str| endpoints.is_arm(&Url::parse(url).unwrap());
        assert!(is_arm("https://management.azure.com/subscriptions/x?y=1"));
        assert!(is_arm("https://management.azure.com:443/subscriptions"), "as real next links write it");
        assert!(!is_arm("http://management.azure.com/"));
        assert!(!is_arm("https://management.azure.com.evil.example/"));
        assert!(!is_arm("https://management.azure.com@evil.example/"));
        assert!(!is_arm("https://a@management.azure.com/"));
        assert!(!is_arm("https://management.azure.com:8443/"));
    }
}
