//! The HTTP API, the doors of Prometheus and Alertmanager, the hooks, and the web page.
//!
//! An [`Api`] is handed everything it serves by traits ([`Backend`]) and becomes an axum router; [`serve`] puts it on a
//! socket with limits. Nothing here stores, evaluates rules or sends pages, and no route exists outside the one table
//! that says which scope it needs. Errors come in the shape of the door they come through: Prometheus' own under
//! `/api/v1/`, Alertmanager's under `/api/v2/`, `{"code", "message"}` under `/api/isobar/`, text for probes and hooks, a page
//! for people.

mod access;
mod admit;
mod alertmanager;
mod app;
mod backend;
mod blocking;
mod config;
mod document;
mod door;
#[cfg(test)]
mod fake;
mod hooks;
mod native;
mod operations;
mod params;
mod prometheus;
mod routes;
mod serve;
mod ui;
mod wire;

pub use access::{Scope, Scopes, SecurityOptions};
pub use app::Api;
pub use backend::{
    ActError, AlertCentre, Alertmanager, Alerts, Backend, Estate, HookCall, HookReply, IncidentChange,
    Incidents, Intake, IntakeAnswer, MetricMetadata, Operations, PostAnswer, ReadError, ReplayRefused,
    Replays, ResendError, Runbooks, Sender, SeriesCatalogue, SilenceRefusal, Silences, SqlError, SqlRows,
    SqlRunner, SqlStream, StageHealth, StandingAlert, StandingGroup,
};
pub use config::{SECURITY_SAMPLE, SERVER_SAMPLE, SecurityConfig, ServerConfig, TlsFiles};
pub use serve::{ServeOptions, Tls, TlsError, serve};
pub use wire::{
    ActAnswer, ActRequest, ActWord, AlertList, AlertView, CallView, Cell, CellState, ChangedAnswer,
    CommentView, CostView, CoverageCounts, CoverageView, DeliveryCounts, DeliveryState, DeliveryTransition,
    DeliveryView, EstateState, EventView, EvidenceView, FacetCount, Freshness, Hidden, IncidentCell,
    IncidentDetail, IncidentView, LeverView, List, MatcherView, MemberView, MergeRequest, NameCount,
    NativeView, OutageEvidence, OutageView, OverviewView, PartView, ProposalView, ProposedAlert, ReceiptView,
    ReceiverChange, ReceiverChannel, ReceiverView, ReplayAlert, ReplayChange, ReplayMessage, ReplayReceiver,
    ReplayRequest, ReplaySilence, ReplayView, ResourceView, RouteChange, RoutePreview, RoutePreviewRequest,
    RouteStep, RouteView, RoutingView, Sentence, SeverityCounts, SilencePreview, SilencePreviewRequest,
    SilenceRequest, SilenceView, SourceCounts, SourceDetail, SourceState, SourceView, SplitRequest,
    TargetView, TestAnswer, TestResult, TestStep, ThresholdView, TimelineView, ToldView, WhoAnswer, WhyStep,
    WireTime,
};
