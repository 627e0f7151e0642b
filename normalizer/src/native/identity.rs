//! How a provider names one kind of resource: in the dimensions of its metrics, and in its inventory.

use crate::{ConfigError, Labels};
use serde_saphyr::Spanned;

/// Text around the one dimension that names a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    before: String,
    dimension: String,
    after: String,
}

/// The two ways, with the same dimension in both; none where the resource is no dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Naming {
    id: Option<Template>,
    inventory: Option<Template>,
}

/// How the resources of a mapping are named.
#[derive(Clone, Copy, Debug)]
pub struct NativeName<'a>(pub(super) &'a Naming);

impl<'a> NativeName<'a> {
    /// The dimension that names the resource; `None` where a measurement is asked for by resource and no dimension says it.
    pub fn dimension(self) -> Option<&'a str> {
        self.0.id.as_ref().map(|template| template.dimension.as_str())
    }

    /// The native id, from the dimensions of a metric.
    pub fn from_dimensions(self, dimensions: &Labels) -> Option<String> {
        let template = self.0.id.as_ref()?;
        dimensions.get(&template.dimension).map(|value| template.put(value))
    }

    /// The native id, from what inventory calls the resource: on AWS the service and the resource of its ARN,
    /// `ec2:instance/i-1`.
    pub fn from_inventory(self, name: &str) -> Option<String> {
        let value = self.0.inventory.as_ref()?.take(name)?;
        Some(self.0.id.as_ref().map_or_else(|| value.to_owned(), |template| template.put(value)))
    }

    /// What stands in the inventory's name before the resource's own part: `ec2:instance/`.
    pub fn inventory_prefix(self) -> Option<&'a str> {
        self.0.inventory.as_ref().map(|template| template.before.as_str())
    }

    /// The value of the dimension, from the native id.
    pub fn dimension_value(self, native_id: &'a str) -> Option<&'a str> {
        self.0.id.as_ref()?.take(native_id)
    }
}

impl Naming {
    pub(super) fn read(
        id: Option<&Spanned<String>>,
        inventory: Option<&Spanned<String>>,
    ) -> Result<Self, ConfigError> {
        let read = |text: Option<&Spanned<String>>| text.map(Template::read).transpose();
        let naming = Self { id: read(id)?, inventory: read(inventory)? };
        if let (Some(id), Some(other), Some(place)) = (&naming.id, &naming.inventory, inventory)
            && id.dimension != other.dimension
        {
            let message =
                format!("{{{}}} is not what id is made of: write {{{}}}", other.dimension, id.dimension);
            return Err(ConfigError::at(place.referenced, message));
        }
        Ok(naming)
    }
}

impl Template {
    fn read(text: &Spanned<String>) -> Result<Self, ConfigError> {
        let wrong = || {
            let message =
                format!("{:?} names no dimension: write it in braces, like {{InstanceId}}", text.value);
            ConfigError::at(text.referenced, message)
        };
        let (before, rest) = text.value.split_once('{').ok_or_else(wrong)?;
        let (dimension, after) = rest.split_once('}').ok_or_else(wrong)?;
        if dimension.is_empty() || after.contains(['{', '}']) || before.contains('}') {
            return Err(wrong());
        }
        Ok(Self { before: before.to_owned(), dimension: dimension.to_owned(), after: after.to_owned() })
    }

    fn put(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }

    /// What stands in the place of the dimension; `None` when the text is another one, or nothing stands there.
    fn take<'a>(&self, text: &'a str) -> Option<&'a str> {
        let value = text.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        (!value.is_empty()).then_some(value)
    }
}
