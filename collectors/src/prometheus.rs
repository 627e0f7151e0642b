//! The kind `prometheus`: scrapes targets, or queries a Prometheus server; takes remote write.

mod discovery;
pub mod exposition;
mod fetch;
mod http;
mod job;
mod labels;
mod limits;
mod query;
mod relabel;
pub mod remote_write;
mod scrape;
mod scrape_file;
mod settings;
mod target;
mod target_series;

use isobar_normalizer::{ConfigError, Step};

use crate::{CollectorKind, SourceSettings};

/// What a scraped page becomes, apart from fetching it: for benchmarks and tests.
pub mod target_page {
    pub use super::labels::LabelRules;
    pub use super::limits::Limits;
    pub use super::relabel::Rule;
    pub use super::target_series::{AHEAD_MAX, Scraped, TargetSeries};
}

/// `kind: prometheus`
pub(crate) static KIND: Prometheus = Prometheus;

#[derive(Debug)]
pub(crate) struct Prometheus;

impl CollectorKind for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn sample(&self) -> &'static str {
        include_str!("prometheus.sample.yaml")
    }

    fn read(&self, document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError> {
        settings::read(document, at)
    }
}
