//! Stand-ins that speak each provider's wire protocol over one scripted estate.
//!
//! The [`Estate`] is physics: what every machine, database and queue does at any time, as a pure function of seed and
//! time. Each simulator turns that into what its provider would say, in the provider's units, with constants of its
//! own that cite the provider's page, and verifies signatures with its own code. Nothing here is shared with the
//! crates under test, so a wrong scale cannot cancel out.
//!
//! Nothing here reads a clock: whoever starts the simulators hands one in.

mod aws;
mod azure;
mod clock;
mod estate;
mod faults;
mod prometheus;
mod requests;
mod running;
mod scenario;
mod server;
mod sinks;
mod untrusted_tls;

pub use aws::{AwsCredentials, AwsKey, Bill, Billed, SubscribeError};
pub use azure::{AzureApplication, AzureCredentials};
pub use estate::{
    AWS_ACCOUNT, AWS_REGIONS, AZURE_REGIONS, AZURE_SUBSCRIPTION, Cache, Change, Cloud, Database, Estate,
    Function, Identity, Layer, LoadBalancer, Machine, Millis, NatGateway, ObjectStore, Outages, PAST, Place,
    Queue, ROOMS, SERVICES, Signal, Span, Volume,
};
pub use faults::{Call, Fault, FaultHandle, FaultId, Provider, Scope};
pub use requests::{Logged, RequestLog};
pub use running::{Config, Running, Simulators, StartError};
pub use scenario::{Quantity, SCENARIOS, Scenario, Trouble, UnknownScenario};
pub use sinks::{Failover, Incident, IncidentState, Mail, Page, Received, Webhook};
