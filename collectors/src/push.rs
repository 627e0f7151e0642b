//! What other systems push: from the bytes of a request to alerts, without I/O and without a clock.
//!
//! [`posted`] reads what clients of Alertmanager's API send; each kind of hook in [`HOOK_KINDS`] reads what one system's
//! webhooks send, after [`HookAuth`] has said who sent it. Whatever the way in, every alert passes the same checks
//! ([`PushLimits`]): what is wrong with one is said of that one, the others are taken.

mod alertmanager;
mod auth;
mod azure;
mod check;
mod cloudevents;
mod grafana;
mod hook;
mod json;
mod kinds;
mod mapping;
mod posted;
mod reading;
mod zabbix;

use std::collections::BTreeMap;

use isobar_normalizer::{Labels, Timestamp};

pub use auth::{HookAuth, HookKey, Verdict};
pub use check::PushLimits;
pub use hook::{Hook, HookAnswer, HookError, HookKind, HookRequest};
pub use kinds::HOOK_KINDS;
pub use posted::{MalformedPost, posted};

/// One alert as a sender tells of it, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedAlert {
    /// What identifies it: every label it came with. None is empty, at least one is there.
    pub labels: Labels,
    /// What describes it.
    pub annotations: BTreeMap<String, String>,
    /// When it began; `None` where the sender does not say.
    pub starts_at: Option<Timestamp>,
    /// When it ends, or how it will.
    pub end: End,
    /// Where its sender shows it: an `http` or `https` URL, or empty.
    pub generator_url: String,
}

/// How an alert ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At this time, which may be past: then it is over.
    At(Timestamp),
    /// When its sender stops repeating it.
    Unrepeated,
    /// When its sender says so: it says everything once and repeats nothing.
    Told,
}

/// What a request held. Partial success is data: a complaint stands beside what was good.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pushed {
    /// The alerts that are good.
    pub alerts: Vec<PushedAlert>,
    /// One line for each alert that is not, naming it and what would be right.
    pub complaints: Vec<String>,
    /// Things in good alerts that were made harmless: control characters, links that are none, times to come.
    pub neutralised: u64,
    /// Alerts the sender itself left out, where it says so.
    pub truncated: u64,
}
