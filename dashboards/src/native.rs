//! The native API under `/api/isobar/v1/`.

mod alerts;
mod error;
mod estate;
mod events;
mod incidents;
mod journal;
mod lists;
mod openapi;
mod page;
mod replay;
mod routing;
mod runbooks;
mod silences;
mod sql;

pub(crate) use alerts::{act, alert, alerts};
pub(crate) use error::NativeError;
pub(crate) use estate::{coverage, overview, source};
pub(crate) use events::events;
pub(crate) use incidents::{
    acknowledge_incident, incident, incidents, merge_incident, split_incident, unacknowledge_incident,
};
pub(crate) use journal::journal;
pub(crate) use lists::{deliveries, resend, resources, sources, why};
pub(crate) use openapi::openapi;
pub(crate) use replay::replay;
pub(crate) use routing::{preview_routes, receivers, routes, test_receiver};
pub(crate) use runbooks::{approve, deny, lever, runbook, runbooks, set_lever};
pub(crate) use silences::{expire_silence, preview_silence, put_silence, silence, silences};
pub(crate) use sql::sql;

#[cfg(test)]
mod tests;
