//! The kind `azure_monitor`: metrics, alerts and inventory of Azure subscriptions.
//!
//! Inventory comes from Resource Graph, metrics from the batch API of each region, alerts from Alerts Management. The
//! vendor's crates mint tokens where they can; everything else is a small REST client over [`isobar_egress`].

mod alarms;
mod arm;
mod cadence;
mod calls;
mod cloud;
mod collector;
mod definitions;
mod error;
mod estate;
mod identity;
mod inventory;
mod limits;
mod metrics;
mod plan;
mod points;
mod rest;
mod settings;
mod tokens;
mod wire;

use isobar_normalizer::{ConfigError, Step};

use crate::{CollectorKind, SourceSettings};

/// `kind: azure_monitor`
pub(crate) static KIND: AzureMonitor = AzureMonitor;

#[derive(Debug)]
pub(crate) struct AzureMonitor;

impl CollectorKind for AzureMonitor {
    fn name(&self) -> &'static str {
        "azure_monitor"
    }

    fn sample(&self) -> &'static str {
        include_str!("azure_monitor.sample.yaml")
    }

    fn prices(&self) -> Option<&'static str> {
        Some(include_str!("azure_monitor/prices.yaml"))
    }

    fn read(&self, document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError> {
        settings::read(document, at)
    }
}

#[cfg(test)]
mod tests;
