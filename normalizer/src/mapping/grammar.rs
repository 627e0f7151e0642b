//! The grammar of mapping files, as serde reads it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::{Unit, Vantage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    pub(super) schema: Spanned<String>,
    pub(super) namespace: Spanned<String>,
    pub(super) resource: RawResource,
    /// From where the file's metrics are seen, unless a record says otherwise.
    #[serde(default)]
    pub(super) vantage: Option<Vantage>,
    pub(super) metrics: Vec<RawRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawResource {
    pub(super) provider: Spanned<String>,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<String>,
    pub(super) native_id: Spanned<String>,
    #[serde(default)]
    pub(super) name: Option<RawName>,
    #[serde(default)]
    pub(super) service: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawName {
    pub(super) metric: String,
    pub(super) label: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecord {
    pub(super) to: Spanned<String>,
    pub(super) from: String,
    pub(super) unit: Unit,
    #[serde(default)]
    pub(super) steps: Vec<Spanned<RawStep>>,
    /// Attribute to fixed value.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    /// Attribute to the label it is taken from.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) vantage: Option<Vantage>,
    #[serde(default)]
    pub(super) examples: Vec<RawExample>,
}

/// The closed list of steps.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RawStep {
    Filter(String),
    Rate,
    Delta,
    Scale(RawScale),
    Invert,
    Sum(RawGroup),
    Avg(RawGroup),
    Count(RawGroup),
    Ratio(RawOperand),
    Difference(RawOperand),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScale {
    pub(super) factor: f64,
    /// The factor's own unit; `1` when it has none.
    #[serde(default = "Unit::one")]
    pub(super) unit: Unit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    #[serde(default)]
    pub(super) by: Option<Vec<String>>,
    #[serde(default)]
    pub(super) without: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOperand {
    pub(super) from: String,
    pub(super) unit: Unit,
    #[serde(default)]
    pub(super) steps: Vec<Spanned<RawStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExample {
    pub(super) given: Vec<Spanned<String>>,
    pub(super) gives: Vec<Spanned<String>>,
}
