//! The grammar of a cloud's mapping files, as serde reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::{Unit, Vantage, parse_duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNative {
    pub(super) schema: Spanned<String>,
    pub(super) provider: Spanned<String>,
    pub(super) namespace: Spanned<String>,
    pub(super) resource: RawResource,
    /// The dimensions of an input that names none.
    #[serde(default)]
    pub(super) dimensions: Vec<String>,
    #[serde(default)]
    pub(super) vantage: Option<Vantage>,
    pub(super) period: RawDuration,
    pub(super) delay: RawDuration,
    pub(super) metrics: Vec<RawRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawResource {
    #[serde(rename = "type")]
    pub(super) kind: Spanned<String>,
    /// The native id: text with the `{Dimension}` that holds it; absent where the resource is no dimension.
    #[serde(default)]
    pub(super) id: Option<Spanned<String>>,
    /// How inventory writes the same name, with the same `{Dimension}`; absent where it has none.
    #[serde(default)]
    pub(super) inventory: Option<Spanned<String>>,
}

/// A record has one input, written in the record itself and called `x`, or several `inputs` by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecord {
    pub(super) to: Spanned<String>,
    #[serde(default)]
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) statistic: Option<String>,
    #[serde(default)]
    pub(super) unit: Option<Unit>,
    #[serde(default)]
    pub(super) period: Option<RawDuration>,
    #[serde(default)]
    pub(super) dimensions: Option<Vec<String>>,
    #[serde(default, rename = "where")]
    pub(super) filter: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) fold: Option<RawFold>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, RawInput>,
    /// What is computed; the input itself where it is absent.
    #[serde(default)]
    pub(super) value: Option<Spanned<String>>,
    /// Attribute to fixed value.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    /// Attribute to the dimension it is taken from.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) vantage: Option<Vantage>,
    #[serde(default)]
    pub(super) examples: Vec<RawExample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub(super) from: String,
    pub(super) statistic: String,
    pub(super) unit: Unit,
    #[serde(default)]
    pub(super) period: Option<RawDuration>,
    #[serde(default)]
    pub(super) dimensions: Option<Vec<String>>,
    #[serde(default, rename = "where")]
    pub(super) filter: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) fold: Option<RawFold>,
    #[serde(default)]
    pub(super) missing: RawMissing,
}

/// How series that differ in dimensions no attribute takes become one.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawFold {
    Sum,
    Max,
    Min,
}

/// What it means that there is no value where another input of the record has one.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawMissing {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Nothing happened: the provider publishes the metric only when something did.
    Zero,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExample {
    /// The input's value, or each input's by name; an input that is left out has none.
    pub(super) given: RawGiven,
    /// The file's period unless the example says otherwise.
    #[serde(default)]
    pub(super) period: Option<RawDuration>,
    /// The canonical value; absent where there must be none.
    #[serde(default)]
    pub(super) gives: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawGiven {
    Only(f64),
    ByName(BTreeMap<String, f64>),
}

/// `60s`, `5m`
#[derive(Clone, Copy)]
pub(super) struct RawDuration(pub(super) Duration);

impl<'de> Deserialize<'de> for RawDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}
