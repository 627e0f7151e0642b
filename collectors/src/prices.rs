//! What a provider bills for being asked.

use std::collections::BTreeMap;

use isobar_normalizer::ConfigError;
use serde::Deserialize;

/// A dated price list of one kind of source. Operations that are not in it cost nothing.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// ISO 4217.
    pub currency: String,
    /// The day the prices were read, `2026-11-21`.
    pub as_of: String,
    /// Where they were read.
    pub source: String,
    /// By operation, as [`crate::Calls`] names it.
    pub operations: BTreeMap<String, Price>,
}

/// What one operation costs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What is counted: `metrics requested`, `requests`.
    pub unit: String,
    /// The price of `per` units.
    pub price: f64,
    /// How many units the price is for.
    pub per: f64,
    /// Units a month that cost nothing.
    #[serde(default)]
    pub free_per_month: f64,
}

impl Prices {
    /// Reads a price list.
    ///
    /// # Errors
    /// Unknown keys and wrong types, with their place.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        Ok(serde_saphyr::from_str(text)?)
    }
}

impl Price {
    /// What so many units of one month cost.
    pub fn of(&self, units: f64) -> f64 {
        (units - self.free_per_month).max(0.0) * self.price / self.per
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_units_come_first() {
        let text = "{currency: USD, as_of: 2026-11-21, source: x, operations: {List: {unit: requests, price: 0.01, per: 1000, free_per_month: 1000000}}}";
        let prices = Prices::read(text).unwrap();
        let list = &prices.operations["List"];
        assert_eq!((list.of(999_999.0), list.of(1_100_000.0)), (0.0, 1.0));
    }
}
