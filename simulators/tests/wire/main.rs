//! The simulators as their clients see them: official ones, other servers beside them, and bare connections.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its input fails")]

mod azure;
mod bill;
mod exporters;
mod faults;
mod harness;
mod notifications;
mod official;
mod sinks;
