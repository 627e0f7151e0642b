//! Policies, alert state, routing, the durable outbox and the notifiers.

mod alert;
mod alerts;
mod cell;
mod centre;
mod classify;
mod config;
mod delivery;
mod dispatch;
mod enrich;
mod evaluate;
mod event;
#[cfg(test)]
mod fixture;
mod flapping;
mod fold;
mod gotemplate;
mod group;
mod handling;
mod incident;
mod inhibit;
mod interval;
mod native;
mod notify;
mod outage;
mod outbox;
mod policy;
mod pushed;
mod quote;
mod replay;
mod route;
mod self_rules;
mod silence;
mod suppress;
mod template;
mod why;

pub use alert::{Alert, AlertState, NativeReport, Pushed, Threshold, Watched};
pub use alerts::{Alerts, RESOLVED_RETENTION};
pub use cell::Cell;
pub use centre::{
    AlertCentre, AlertGroup, CentreError, CentreHandle, CentreParts, EndingSilence, KnownAlert,
    ListedIncident, Stage, TestFired, TestStage,
};
pub use classify::Classifier;
pub use config::{
    AlertingConfig, AlertingSection, AlertingSource, Beside, Heartbeat, Integration, KnownFiles, Receiver,
    TemplateFiles, Terms, is_secret_key, parse_matchers,
};
pub use delivery::{
    Delivery, DeliveryState, Direction, GroupId, IntegrationId, KeyScope, Notification, NotificationPart,
    NotifiedAlert, Reason, Receipt, Told,
};
pub use dispatch::{Dispatcher, Plan};
pub use enrich::{Enrichment, Resources};
pub use evaluate::{
    EVALUATION_INTERVAL, Evaluator, PolicyHealth, ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark,
    Stretch,
};
pub use event::{
    KIND_ALERT, KIND_DELIVERY, KIND_HANDLING, KIND_HELD, KIND_INCIDENT, KIND_NOTIFICATION, KIND_SILENCE,
    KIND_TEST, Transition,
};
pub use flapping::FlappingRule;
pub use gotemplate::{TemplateData, TemplateError, Templates};
pub use group::{Calendar, Group, LogEntry, NotificationLog};
pub use handling::{Acknowledged, Act, ActError, ActOutcome, Comment, Handling, Snoozed};
pub use incident::{
    EntryKind, Features, Incident, IncidentError, IncidentRecord, IncidentState, Incidents, Link, Membership,
    TimelineEntry, timeline,
};
pub use inhibit::{InhibitRule, InhibitSource, Inhibitions, Inhibitor};
pub use interval::{Period, TimeInterval};
pub use native::{AlarmOrigin, NativeTable};
pub use notify::{
    IntegrationSettings, Message, NOTIFIER_KINDS, Notifier, NotifierKind, NotifyError, Tools, place,
};
pub use outage::{
    Cause, Estate, Evidence, EvidenceClass, HealthNotice, Level, OutageAlerts, OutageFacts, OutageInference,
    PartFacts, Trouble, Verdict,
};
pub use outbox::{AGE_MAX, DeliveryFilter, Destination, Next, Outbox, Rate, after_attempt, requeued};
pub use policy::{Aggregate, Comparison, Condition, Criteria, NoData, Override, Policies, Policy};
pub use pushed::{POSTED_BYTES_MAX, PostError, PostOutcome, PostedAlert, UNTIL_TOLD};
pub use replay::{
    Changed, IsOver, PastSeries, ReceiverDifference, Recording, Replay, ReplayError, ReplayedMessage,
    ToldAlert, reevaluate, replay,
};
pub use route::{Digests, Grouping, Route, RouteVerdict, StormRule, Timing};
pub use self_rules::{CheckpointFacts, DeliveryFacts, Facts, SILENCE_ENDING, SelfRules, SourceFacts};
pub use silence::{SILENCE_RETENTION, Silence, SilenceDraft, SilenceError, SilenceState};
pub use suppress::{HeldBack, Suppressed};
pub use why::WhyStep;
