//! Resources: what is being watched, under one identity whatever source sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{Timestamp, UnknownWord};

/// Who runs the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Gcp,
    /// Alibaba Cloud.
    AlibabaCloud,
    /// Huawei Cloud.
    HuaweiCloud,
    /// The user's own machines.
    Onprem,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 6] =
        [Self::Aws, Self::Azure, Self::Gcp, Self::AlibabaCloud, Self::HuaweiCloud, Self::Onprem];

    /// The word used in labels, ids and configuration: OpenTelemetry's `cloud.provider` where it has one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::AlibabaCloud => "alibaba_cloud",
            Self::HuaweiCloud => "huawei_cloud",
            Self::Onprem => "onprem",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.into_iter().find(|provider| provider.as_str() == word);
        known.ok_or_else(|| UnknownWord::new("provider", word, Self::ALL.map(Self::as_str)))
    }
}

/// `provider:account:region:type:native-id`. Only the native id may hold `:`; account and region may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(Box<str>);

/// Why a text is not a resource id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a resource id: write provider:account:region:type:native-id")]
pub struct ResourceIdError(pub String);

impl ResourceId {
    /// Joins the parts; Azure ids are lower-cased, because ARM compares them without case.
    ///
    /// # Errors
    /// A `:` in account, region or type, or an empty type or native id.
    pub fn new(
        provider: Provider,
        account: &str,
        region: &str,
        kind: &str,
        native_id: &str,
    ) -> Result<Self, ResourceIdError> {
        let id = format!("{provider}:{account}:{region}:{kind}:{native_id}");
        if [account, region, kind].iter().any(|part| part.contains(':')) {
            return Err(ResourceIdError(id));
        }
        id.parse()
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Provider, account, region, type and native id.
    pub fn parts(&self) -> (Provider, &str, &str, &str, &str) {
        let mut parts = self.0.splitn(5, ':');
        let mut next = || parts.next().expect("a resource id has five parts, checked when it is made");
        (next().parse().expect("the provider is checked when the id is made"), next(), next(), next(), next())
    }
}

impl FromStr for ResourceId {
    type Err = ResourceIdError;

    fn from_str(text: &str) -> Result<Self, ResourceIdError> {
        let parts: Vec<&str> = text.splitn(5, ':').collect();
        let [provider, _, _, kind, native_id] = parts[..] else {
            return Err(ResourceIdError(text.to_owned()));
        };
        let provider: Provider = provider.parse().map_err(|_| ResourceIdError(text.to_owned()))?;
        if kind.is_empty() || native_id.is_empty() {
            return Err(ResourceIdError(text.to_owned()));
        }
        let folded = if provider == Provider::Azure { text.to_lowercase() } else { text.to_owned() };
        Ok(Self(folded.into()))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One resource as last seen. Everything but the id describes it and may change without a new series or alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its identity.
    pub id: ResourceId,
    /// Its availability zone; empty when unknown.
    pub zone: String,
    /// Its name as people know it; empty when unknown.
    pub name: String,
    /// Its tags, as the source has them.
    pub tags: BTreeMap<String, String>,
    /// The service it belongs to; empty when unknown.
    pub service: String,
    /// When a source last saw it.
    pub last_seen: Timestamp,
}

impl Resource {
    /// The descriptive labels joined to its series at query time; empty values are left out.
    /// Tags come as `tag_<name>`, characters that a label name cannot hold replaced by `_`.
    pub fn labels(&self) -> impl Iterator<Item = (String, &str)> {
        let (provider, account, region, kind, _) = self.id.parts();
        let described = [
            ("cloud_provider", provider.as_str()),
            ("cloud_account_id", account),
            ("cloud_region", region),
            ("cloud_availability_zone", &self.zone),
            ("resource_type", kind),
            ("resource_name", &self.name),
            ("service_name", &self.service),
        ];
        let tags = self.tags.iter().map(|(tag, value)| (tag_label(tag), value.as_str()));
        described
            .into_iter()
            .map(|(label, value)| (label.to_owned(), value))
            .chain(tags)
            .filter(|(_, value)| !value.is_empty())
    }
}

fn tag_label(tag: &str) -> String {
    let clean =
        tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' });
    "tag_".chars().chain(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_five_parts_and_the_last_may_hold_colons() {
        let id: ResourceId = "onprem:dc1::host:db-1:9100".parse().unwrap();
        assert_eq!(id.parts(), (Provider::Onprem, "dc1", "", "host", "db-1:9100"));
        for wrong in ["", "aws:1:2:3", "moon:a:b:host:x", "aws:1:2::x", "aws:1:2:host:"] {
            assert!(wrong.parse::<ResourceId>().is_err(), "{wrong}");
        }
        assert!(ResourceId::new(Provider::Aws, "a:b", "", "host", "x").is_err());
    }

    #[test]
    fn azure_ids_are_folded_to_lower_case() {
        let id = ResourceId::new(
            Provider::Azure,
            "SUB",
            "WestEurope",
            "compute.instance",
            "/Subscriptions/SUB/VM",
        )
        .unwrap();
        assert_eq!(id.as_str(), "azure:sub:westeurope:compute.instance:/subscriptions/sub/vm");
    }
}
