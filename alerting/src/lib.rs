//! Policies, alert state, routing, the durable outbox and the notifiers.

mod alert;
mod alerts;
mod evaluate;
mod event;
mod policy;
mod self_rules;
mod template;

pub use alert::{Alert, AlertState};
pub use alerts::{Alerts, RESOLVED_RETENTION};
pub use evaluate::{
    EVALUATION_INTERVAL, Evaluator, PolicyHealth, ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark,
};
pub use event::{KIND_ALERT, KIND_DELIVERY, KIND_NOTIFICATION, Transition};
pub use policy::{Aggregate, Comparison, Condition, Criteria, NoData, Override, Policies, Policy};
pub use self_rules::{DeliveryFacts, Facts, SelfRules, SourceFacts};
