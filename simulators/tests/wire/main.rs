//! The simulators as their clients see them: official ones, other servers beside them, and bare connections.

mod bill;
mod faults;
mod harness;
mod notifications;
mod official;
