//! Cells: the parts of a provider that fail as one.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A region of a provider, or a zone or one kind of its services there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// As the label `cloud_provider` has it.
    pub provider: Arc<str>,
    /// As the label `cloud_region` has it.
    pub region: Arc<str>,
    /// The one zone, where it is no more than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Arc<str>>,
    /// The one kind of service as the label `resource_type` has it, where it is no more than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Arc<str>>,
}

impl Cell {
    /// A whole region.
    pub fn region(provider: &str, region: &str) -> Self {
        Self { provider: provider.into(), region: region.into(), zone: None, service: None }
    }
}

/// `aws us-east-1`, `aws us-east-1 zone us-east-1b`, `aws us-east-1 db.relational`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.provider, self.region)?;
        if let Some(zone) = &self.zone {
            write!(f, " zone {zone}")?;
        }
        self.service.as_ref().map_or(Ok(()), |service| write!(f, " {service}"))
    }
}
