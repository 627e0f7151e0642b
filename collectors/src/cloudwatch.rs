//! The kind `cloudwatch`: metrics, alarms and inventory of AWS accounts, region by region.
//!
//! A mapping says what to ask for, [`catalogue`] finds where it exists, [`plan`] decides what is read now, and [`answer`]
//! turns what came into measurements; these three are pure. [`account`] and [`call`] speak to AWS.

mod account;
mod alarm;
mod alarms;
mod answer;
mod cadence;
mod call;
mod catalogue;
mod clock;
mod collector;
mod credentials;
mod discovery;
mod http_client;
mod instances;
mod inventory;
mod metrics;
mod plan;
mod progress;
mod settings;
mod severity;

use isobar_normalizer::{ConfigError, Step};

use crate::{CollectorKind, SourceSettings};

/// `kind: cloudwatch`
pub(crate) static KIND: CloudWatch = CloudWatch;

#[derive(Debug)]
pub(crate) struct CloudWatch;

impl CollectorKind for CloudWatch {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    fn sample(&self) -> &'static str {
        include_str!("cloudwatch.sample.yaml")
    }

    fn prices(&self) -> Option<&'static str> {
        Some(include_str!("cloudwatch/prices.yaml"))
    }

    fn read(&self, document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError> {
        settings::read(document, at)
    }
}

#[cfg(test)]
mod tests;
