//! The HTTP API, the doors of Prometheus, and the web page.
//!
//! An [`Api`] is handed everything it serves by traits ([`Backend`]) and becomes an axum router; [`serve`] puts it on a
//! socket with limits. Nothing here stores, evaluates rules or sends pages, and no route exists outside the one table
//! that says which scope it needs. Errors come in the shape of the door they come through: Prometheus' own under
//! `/api/v1/`, `{"code", "message"}` under `/api/isobar/`, text for probes, a page for people.

mod access;
mod admit;
mod app;
mod backend;
mod blocking;
mod config;
mod document;
mod door;
#[cfg(test)]
mod fake;
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
    ActError, AlertCentre, Backend, Estate, Intake, IntakeAnswer, MetricMetadata, Operations, ReadError,
    ReplayRefused, Replays, ResendError, Runbooks, SeriesCatalogue, SqlError, SqlRows, SqlRunner, SqlStream,
    StageHealth,
};
pub use config::{SECURITY_SAMPLE, SERVER_SAMPLE, SecurityConfig, ServerConfig, TlsFiles};
pub use serve::{ServeOptions, Tls, TlsError, serve};
pub use wire::{
    AlertView, CallView, Cell, CellState, CostView, CoverageCounts, CoverageView, DeliveryCounts,
    DeliveryState, DeliveryTransition, DeliveryView, EstateState, EventView, EvidenceView, Freshness,
    LeverView, List, NativeView, OverviewView, PartView, ProposalView, ProposedAlert, ReceiptView,
    ReplayAlert, ReplayChange, ReplayMessage, ReplayReceiver, ReplayRequest, ReplaySilence, ReplayView,
    ResourceView, Sentence, SeverityCounts, SourceCounts, SourceDetail, SourceState, SourceView, TargetView,
    ThresholdView, WhyStep, WireTime,
};
