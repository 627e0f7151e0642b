//! Policies, alert state, routing, the durable outbox and the notifiers.

mod alert;
mod event;

pub use alert::{Alert, AlertState};
pub use event::{KIND_ALERT, KIND_DELIVERY, KIND_NOTIFICATION, Transition};
