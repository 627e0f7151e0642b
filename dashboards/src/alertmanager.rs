//! Alertmanager's HTTP API under `/api/v2/`, in its exact shapes, so that Prometheus, amtool and other clients need no change.
//!
//! Source: prometheus/alertmanager `api/v2/openapi.yaml` and `api/v2/api.go` (0.25 to 0.34); what a client reads was compared
//! with a running 0.25.

mod alerts;
mod error;
mod filter;
mod post;
mod silences;
mod status;
mod views;

pub(crate) use alerts::{alerts, groups};
pub(crate) use error::AlertmanagerError;
pub(crate) use post::post;
pub(crate) use silences::{expire_silence, put_silence, silence, silences};
pub(crate) use status::{receivers, status};

#[cfg(test)]
mod tests;
