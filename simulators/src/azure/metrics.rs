//! Answers to metric queries: what is asked, checked against what the metrics can, and computed.

mod answer;
mod definitions;
mod points;
mod query;

pub(crate) use answer::{batch, list};
pub(crate) use definitions::{definitions, namespaces};
pub(crate) use points::mean;
pub(crate) use query::Query;
