//! The native API under `/api/isobar/v1/`.

mod error;
mod estate;
mod events;
mod journal;
mod lists;
mod openapi;
mod page;
mod replay;
mod runbooks;
mod sql;

pub(crate) use error::NativeError;
pub(crate) use estate::{coverage, overview, source};
pub(crate) use events::events;
pub(crate) use journal::journal;
pub(crate) use lists::{alert, alerts, deliveries, resend, resources, sources, why};
pub(crate) use openapi::openapi;
pub(crate) use replay::replay;
pub(crate) use runbooks::{approve, deny, lever, runbook, runbooks, set_lever};
pub(crate) use sql::sql;

#[cfg(test)]
mod tests;
