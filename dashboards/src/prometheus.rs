//! Prometheus' HTTP API under `/api/v1/`, in its exact shapes. Source: Prometheus' `web/api/v1` and its API page.

mod catalogue;
mod error;
mod escape;
mod query;
mod success;
mod time;
mod write;

pub(crate) use catalogue::{label_values, labels, metadata, series};
pub(crate) use error::PrometheusError;
pub(crate) use query::{query, query_range};
pub(crate) use success::build_info;
pub(crate) use write::write;

#[cfg(test)]
mod beside;
#[cfg(test)]
mod tests;
