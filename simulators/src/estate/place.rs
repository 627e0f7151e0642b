//! Where a resource is and how its provider names it.

use super::signal::Millis;

/// The account every AWS resource of the estate belongs to.
pub const AWS_ACCOUNT: &str = "123456789012";
/// The subscription every Azure resource of the estate belongs to.
pub const AZURE_SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
/// The regions of AWS, busiest first.
pub const AWS_REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// The regions of Azure, busiest first.
pub const AZURE_REGIONS: [&str; 2] = ["eastus", "westeurope"];
/// The server rooms.
pub const ROOMS: [&str; 2] = ["room-a", "room-b"];
/// What the estate does for its owner.
pub const SERVICES: [&str; 7] =
    ["checkout", "payments", "search", "catalogue", "identity", "batch", "platform"];

/// Whose the machine room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// The owner's own.
    Onprem,
}

/// Where a resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In [`AWS_ACCOUNT`].
    Aws {
        /// For example `us-east-1`.
        region: &'static str,
        /// For example `us-east-1b`; none for a resource of the whole region.
        zone: Option<String>,
        /// The identifier metrics carry as a dimension: `i-0…`, a bucket's name, `app/name/0123…`.
        native_id: String,
        /// The Amazon resource name.
        arn: String,
    },
    /// In [`AZURE_SUBSCRIPTION`].
    Azure {
        /// For example `eastus`.
        region: &'static str,
        /// `1`, `2` or `3`; none for a resource of the whole region.
        zone: Option<String>,
        /// The resource group.
        resource_group: String,
        /// The whole resource id, in the spelling of the one who created it.
        arm_id: String,
    },
    /// In a room of the owner.
    Onprem {
        /// One of [`ROOMS`].
        room: &'static str,
        /// The rack in the room.
        rack: String,
    },
}

impl Place {
    /// Returns whose room it is.
    pub fn cloud(&self) -> Cloud {
        match self {
            Self::Aws { .. } => Cloud::Aws,
            Self::Azure { .. } => Cloud::Azure,
            Self::Onprem { .. } => Cloud::Onprem,
        }
    }

    /// Returns the region, or the room.
    pub fn region(&self) -> &'static str {
        match self {
            Self::Aws { region, .. } | Self::Azure { region, .. } => region,
            Self::Onprem { room, .. } => room,
        }
    }

    /// Returns the availability zone, if the resource is in one.
    pub fn zone(&self) -> Option<&str> {
        match self {
            Self::Aws { zone, .. } | Self::Azure { zone, .. } => zone.as_deref(),
            Self::Onprem { .. } => None,
        }
    }

    /// Returns the provider's id: the native id of AWS, the ARM id of Azure; none on premises.
    pub fn native_id(&self) -> Option<&str> {
        match self {
            Self::Aws { native_id, .. } => Some(native_id),
            Self::Azure { arm_id, .. } => Some(arm_id),
            Self::Onprem { .. } => None,
        }
    }
}

/// What every resource has.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The estate's own key, unique over all clouds: `aws/us-east-1/ec2/i-0…`.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// One of [`SERVICES`].
    pub service: &'static str,
    /// Its number among the resources of its kind, region and service, from 0.
    pub ordinal: usize,
    /// Tags, sorted by key: `service`, `tier`, `owner` and `env`, or none at all for what nobody tagged.
    pub tags: Vec<(String, String)>,
    /// When it began to exist; data begins there.
    pub created: Millis,
    /// When it was removed; data ends there. [`Millis::MAX`] while it exists.
    pub removed: Millis,
}

impl Identity {
    /// Returns whether it existed at any time in `[from, to)`.
    pub fn existed(&self, from: Millis, to: Millis) -> bool {
        self.created < to && from < self.removed
    }

    /// Returns whether it exists at `t`.
    pub fn exists(&self, t: Millis) -> bool {
        (self.created..self.removed).contains(&t)
    }

    /// Returns a tag's value.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}
