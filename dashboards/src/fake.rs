//! A backend that answers from what a test gives it, and the router over it.

mod alertmanager;
mod incidents;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use isobar_alerting::{
    Alert, AlertState, IncidentRecord, KnownAlert, Silence, Suppressed, TimelineEntry, Transition,
};
use isobar_journal::{Journal, MemoryJournal, NewEvent};
use isobar_normalizer::{
    AlertClass, FailureDomain, Labels, Matcher, SecretReader, SecretReference, Severity, TimeRange, Timestamp,
};
use isobar_promql::{SeriesSource, SourceError, SourceSeries};
use isobar_runbooks::{Decision, Position, ProposalState};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::*;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Two series of one sample a minute up to [`NOW`], and whatever the test puts in.
pub(crate) struct Fake {
    pub(crate) alerts: Mutex<Vec<KnownAlert>>,
    pub(crate) deliveries: Mutex<Vec<DeliveryView>>,
    pub(crate) sources: Mutex<Vec<SourceView>>,
    pub(crate) resources: Mutex<Result<Vec<ResourceView>, ReadError>>,
    pub(crate) stages: Mutex<Vec<StageHealth>>,
    pub(crate) intake: Mutex<IntakeAnswer>,
    pub(crate) written: Mutex<Vec<(HeaderMap, Bytes)>>,
    pub(crate) posted: Mutex<Vec<(Bytes, Sender)>>,
    pub(crate) post_answer: Mutex<PostAnswer>,
    pub(crate) hook_calls: Mutex<Vec<HookCall>>,
    pub(crate) hook_reply: Mutex<HookReply>,
    pub(crate) standing: Mutex<Vec<StandingAlert>>,
    pub(crate) silences: Mutex<Vec<Arc<Silence>>>,
    pub(crate) incidents: Mutex<Vec<IncidentRecord>>,
    pub(crate) timeline: Mutex<Vec<TimelineEntry>>,
    /// How many alerts an act changes; all where nothing is said.
    pub(crate) changed_by_acts: Mutex<Option<usize>>,
    pub(crate) reload: Mutex<Result<(), String>>,
    /// Reloads wait for the other end to be dropped.
    pub(crate) reload_held: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    /// What was changed and by whom.
    pub(crate) changes: Mutex<Vec<String>>,
    /// Who was turned away from what.
    pub(crate) turned_away: Mutex<Vec<String>>,
    pub(crate) proposals: Mutex<Vec<ProposalView>>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) head: watch::Sender<u64>,
    pub(crate) stopping: CancellationToken,
    /// What the clock shows; [`NOW`] when a silence is changed, which takes until then.
    pub(crate) time: Mutex<Timestamp>,
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

pub(crate) fn alert(name: &str, severity: Severity, state: AlertState) -> KnownAlert {
    let alert = Alert {
        identity: labels(&[("alertname", name), ("resource_id", "onprem:::host:db-1")]),
        described: labels(&[("resource_name", "db-1")]),
        annotations: BTreeMap::from([("summary".to_owned(), format!("{name} on db-1"))]),
        state,
        severity,
        class: AlertClass::Saturation,
        failure_domain: FailureDomain::Resource,
        sources: BTreeSet::from(["policy".to_owned()]),
        verified: true,
        value: Some(f64::INFINITY),
        starts_at: NOW.minus(Duration::from_secs(90)),
        fired_at: Some(NOW),
        ends_at: None,
        updated_at: NOW,
        watched: isobar_alerting::Watched::default(),
        native: Vec::new(),
        members: Vec::new(),
        pushed: None,
    };
    known(alert)
}

/// The alert with nobody and nothing in its way.
pub(crate) fn known(alert: Alert) -> KnownAlert {
    KnownAlert {
        fingerprint: alert.fingerprint(),
        labels: alert.labels(),
        suppressed: Suppressed::default(),
        handling: None,
        incident: None,
        is_flapping: false,
        expected: None,
        latest: Arc::new(Transition {
            from: None,
            reason: String::new(),
            decided_at: alert.updated_at,
            alert,
        }),
    }
}

pub(crate) fn delivery(id: &str, state: DeliveryState) -> DeliveryView {
    DeliveryView {
        id: id.to_owned(),
        incident: None,
        receiver: "ops".to_owned(),
        channel: "webhook".to_owned(),
        transition: DeliveryTransition::Firing,
        state,
        attempts: 3,
        idempotency_key: "key".to_owned(),
        last_error: Some("503 from the receiver".to_owned()),
        queued_at: NOW.into(),
        sent_at: None,
        next_attempt: Some(NOW.into()),
        alerts: vec!["00000000000000a1".to_owned()],
    }
}

pub(crate) fn proposal(id: &str) -> ProposalView {
    ProposalView {
        id: id.to_owned(),
        runbook: "restart-batch".to_owned(),
        description: String::new(),
        state: ProposalState::Proposed,
        hash: "0".repeat(64),
        alert: ProposedAlert {
            id: "00000000000000a1".to_owned(),
            name: "Alpha".to_owned(),
            severity: Severity::Critical,
            resource: None,
            labels: BTreeMap::from([("alertname".to_owned(), "Alpha".to_owned())]),
            value: Some(0.97),
            starts_at: NOW.into(),
        },
        evidence: vec![EvidenceView {
            kind: "policy".to_owned(),
            detail: "0.97 from lab".to_owned(),
            at: NOW.into(),
            verified: true,
        }],
        target: TargetView { url: "https://hooks.example/restart".to_owned(), method: "POST".to_owned() },
        reason: None,
        created_at: NOW.into(),
        expires_at: NOW.plus(Duration::from_secs(900)).into(),
        decided_by: None,
        decided_at: None,
        comment: None,
        delivery: None,
        attempts: 0,
        next_attempt_at: None,
        last_error: None,
        receipt: None,
    }
}

pub(crate) fn source(name: &str, state: SourceState) -> SourceView {
    SourceView {
        name: name.to_owned(),
        kind: "prometheus".to_owned(),
        state,
        reason: None,
        last_success: Some(NOW.into()),
        samples_last_cycle: 7,
        lag_seconds: Some(1.5),
        cost: None,
    }
}

pub(crate) fn resource(name: &str) -> ResourceView {
    let resource = isobar_normalizer::Resource {
        id: format!("aws:1234:us-east-1:compute.instance:{name}").parse().unwrap(),
        zone: "us-east-1a".to_owned(),
        name: name.to_owned(),
        tags: BTreeMap::from([("tier".to_owned(), "batch".to_owned())]),
        service: String::new(),
        last_seen: NOW,
    };
    ResourceView::from(&resource)
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        let mut beta = alert("Beta", Severity::Warning, AlertState::Firing);
        beta.suppressed.silenced_by = vec!["s1".into()];
        Arc::new(Self {
            alerts: Mutex::new(vec![alert("Alpha", Severity::Critical, AlertState::Firing), beta]),
            deliveries: Mutex::new(vec![
                delivery("d1", DeliveryState::Dead),
                delivery("d2", DeliveryState::Sent),
            ]),
            sources: Mutex::new(vec![source("b", SourceState::Up), source("a", SourceState::Down)]),
            resources: Mutex::new(Err(ReadError("the resource table cannot be read".to_owned()))),
            stages: Mutex::default(),
            intake: Mutex::new(IntakeAnswer::Stored),
            written: Mutex::default(),
            posted: Mutex::default(),
            post_answer: Mutex::new(PostAnswer::Taken),
            hook_calls: Mutex::default(),
            hook_reply: Mutex::new(HookReply::Taken),
            standing: Mutex::default(),
            silences: Mutex::default(),
            incidents: Mutex::new(incidents::some()),
            timeline: Mutex::new(incidents::happened()),
            changed_by_acts: Mutex::default(),
            reload: Mutex::new(Ok(())),
            reload_held: Mutex::default(),
            changes: Mutex::default(),
            turned_away: Mutex::default(),
            proposals: Mutex::new(vec![proposal("p1"), proposal("p2")]),
            journal: Arc::new(MemoryJournal::new()),
            head: watch::Sender::new(0),
            stopping: CancellationToken::new(),
            time: Mutex::new(NOW),
        })
    }

    /// Journals one event and wakes live streams.
    pub(crate) fn journal(&self, kind: &str, payload: &str) {
        let event = NewEvent {
            kind: kind.to_owned(),
            actor: "isobar".to_owned(),
            payload: payload.as_bytes().to_vec(),
        };
        self.journal.append(NOW, vec![event]).unwrap();
        self.head.send_replace(self.journal.head().seq);
    }

    /// The router over this backend, guarded as the two sections say.
    pub(crate) fn router(self: &Arc<Self>, configuration: &str) -> Router {
        let fake = Arc::clone(self);
        let backend = Backend {
            series: self.clone(),
            catalogue: self.clone(),
            sql: self.clone(),
            intake: self.clone(),
            estate: self.clone(),
            alerts: self.clone(),
            incidents: self.clone(),
            centre: self.clone(),
            alertmanager: self.clone(),
            silences: self.clone(),
            runbooks: self.clone(),
            replays: self.clone(),
            journal: self.journal.clone(),
            journal_head: self.head.subscribe(),
            operations: self.clone(),
            clock: Arc::new(move || *fake.time.lock()),
        };
        Api::new(backend, security(configuration), self.stopping.clone()).router()
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    #[serde(default)]
    server: ServerConfig,
    #[serde(default)]
    security: SecurityConfig,
}

pub(crate) fn security(configuration: &str) -> SecurityOptions {
    let sections: Sections = serde_saphyr::from_str(configuration).unwrap();
    SecurityOptions::resolve(&sections.server, &sections.security, &Passwords).unwrap()
}

struct Passwords;

impl SecretReader for Passwords {
    fn read(&self, _: &SecretReference) -> Result<String, String> {
        Ok("swordfish".to_owned())
    }
}

/// One answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends a request for `127.0.0.1:9797` unless it names its host itself.
pub(crate) async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    request.headers_mut().entry("host").or_insert("127.0.0.1:9797".parse().unwrap());
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn put(router: &Router, path: &str, body: &str) -> Answer {
    let request = Request::put(path).header("content-type", "application/json");
    send(router, request.body(Body::from(body.to_owned())).unwrap()).await
}

pub(crate) async fn post(router: &Router, path: &str, kind: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", kind).body(Body::from(body.to_owned()));
    send(router, request.unwrap()).await
}

pub(crate) fn stored() -> Vec<SourceSeries> {
    let series = |job: &str, factor: f64| SourceSeries {
        labels: labels(&[("__name__", "up"), ("job", job), ("code", "200")]),
        timestamps: (0..=10).map(|minute| NOW.millis() - (10 - minute) * 60_000).collect(),
        values: (0..=10).map(|minute| f64::from(minute) * factor).collect(),
        lookback: None,
    };
    vec![series("a", 1.0), series("b", 0.5)]
}

impl SeriesSource for Fake {
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
        if matchers.iter().any(|matcher| matcher.value() == "broken") {
            return Err(SourceError("block 7 cannot be read".to_owned()));
        }
        let mut found = stored();
        found.retain(|one| {
            matchers.iter().all(|matcher| matcher.matches(one.labels.get(matcher.name()).unwrap_or_default()))
        });
        for one in &mut found {
            let inside: Vec<usize> = (0..one.timestamps.len())
                .filter(|i| range.contains(Timestamp::from_millis(one.timestamps[*i])))
                .collect();
            one.values = inside.iter().map(|i| one.values[*i]).collect();
            one.timestamps = inside.iter().map(|i| one.timestamps[*i]).collect();
        }
        found.retain(|one| !one.timestamps.is_empty());
        Ok(found)
    }

    fn lookback_max(&self) -> Duration {
        Duration::from_secs(300)
    }
}

impl SeriesCatalogue for Fake {
    fn label_names(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let series = self.series(selectors, range)?;
        let names: BTreeSet<String> =
            series.iter().flat_map(|labels| labels.iter()).map(|(name, _)| name.to_owned()).collect();
        Ok(names.into_iter().collect())
    }

    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<String>, ReadError> {
        let series = self.series(selectors, range)?;
        let values: BTreeSet<String> =
            series.iter().filter_map(|labels| labels.get(name)).map(str::to_owned).collect();
        Ok(values.into_iter().collect())
    }

    fn series(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        let everything = [Vec::new()];
        let selectors = if selectors.is_empty() { &everything } else { selectors };
        let mut found = BTreeSet::new();
        for selector in selectors {
            let selected = self.select(selector, range).map_err(|error| ReadError(error.to_string()))?;
            found.extend(selected.into_iter().map(|one| one.labels));
        }
        Ok(found.into_iter().collect())
    }

    fn metadata(&self) -> Result<BTreeMap<String, Vec<MetricMetadata>>, ReadError> {
        let entry = |help: &str| MetricMetadata {
            kind: "gauge".to_owned(),
            help: help.to_owned(),
            unit: String::new(),
        };
        let up = ("up".to_owned(), vec![entry("Whether it is up."), entry("1 is up.")]);
        Ok(BTreeMap::from([up, ("zed".to_owned(), vec![entry("")])]))
    }
}

#[async_trait]
impl SqlRunner for Fake {
    async fn rows(&self, statement: &str) -> Result<SqlRows, SqlError> {
        match statement {
            "hang" => std::future::pending().await,
            "refused" => Err(SqlError::Refused("only SELECT is allowed".to_owned())),
            "large" => Err(SqlError::TooLarge("more than 1 GiB".to_owned())),
            _ => Ok(SqlRows {
                columns: vec![("n".to_owned(), "Int64".to_owned())],
                rows: vec![vec![json!(1)], vec![json!(null)]],
                truncated: statement == "cut",
            }),
        }
    }

    async fn arrow(&self, statement: &str) -> Result<SqlStream, SqlError> {
        Ok(SqlStream { bytes: Bytes::from_static(b"ARROW"), truncated: statement == "cut" })
    }
}

impl Intake for Fake {
    fn remote_write(&self, headers: &HeaderMap, body: Bytes) -> IntakeAnswer {
        self.written.lock().push((headers.clone(), body));
        self.intake.lock().clone()
    }

    fn post_alerts(&self, body: &[u8], sender: &Sender) -> PostAnswer {
        self.posted.lock().push((Bytes::copy_from_slice(body), sender.clone()));
        self.post_answer.lock().clone()
    }

    fn hook(&self, call: HookCall) -> HookReply {
        self.hook_calls.lock().push(call);
        self.hook_reply.lock().clone()
    }
}

/// A source with one part that is as the whole.
fn detail(source: SourceView) -> SourceDetail {
    let SourceView { name, kind, state, reason, last_success, samples_last_cycle, lag_seconds, cost } =
        source;
    let part = PartView {
        key: "part".to_owned(),
        state,
        reason: reason.clone(),
        last_success,
        watermark: last_success,
        lag_seconds,
        samples_last_cycle,
        next_at: NOW.into(),
    };
    SourceDetail {
        parts: vec![part],
        coverage: Some(CoverageCounts { mapped: 1, unmapped: 0 }),
        freshness: vec![Freshness::Full; 30],
        calls: vec![CallView { what: "List".to_owned(), calls: 1, billed: 1, unit: None, unit_price: None }],
        name,
        kind,
        state,
        reason,
        last_success,
        samples_last_cycle,
        lag_seconds,
        cost,
    }
}

impl Estate for Fake {
    fn sources(&self) -> Result<Vec<SourceView>, ReadError> {
        Ok(self.sources.lock().clone())
    }

    fn resources(&self) -> Result<Vec<ResourceView>, ReadError> {
        self.resources.lock().clone()
    }

    fn source(&self, name: &str) -> Result<Option<SourceDetail>, ReadError> {
        let found = self.sources.lock().iter().find(|source| source.name == name).cloned();
        Ok(found.map(detail))
    }

    fn coverage(&self) -> Result<Vec<CoverageView>, ReadError> {
        Ok(vec![CoverageView {
            provider: "aws".to_owned(),
            namespace: "AWS/EC2".to_owned(),
            metric: "CPUUtilization".to_owned(),
            statistic: "Average".to_owned(),
            canonical: Some("system.cpu.utilization".to_owned()),
            unit: Some("1".to_owned()),
            resources: 3,
            sources: vec!["aws".to_owned()],
        }])
    }

    fn overview(&self) -> Result<OverviewView, ReadError> {
        Ok(OverviewView {
            sentence: Sentence {
                state: EstateState::Quiet,
                provider: None,
                region: None,
                alerts: 0,
                resources: 0,
                since: None,
            },
            matrix: vec![Cell {
                source: "aws".to_owned(),
                provider: "aws".to_owned(),
                region: "us-east-1".to_owned(),
                severity: Some(Severity::Warning),
                alerts: 1,
                state: CellState::Ok,
                lag_seconds: Some(20.0),
                reason: None,
            }],
            counts: SeverityCounts::default(),
            sources: SourceCounts::default(),
            deliveries: DeliveryCounts::default(),
            cost: None,
        })
    }
}

impl AlertCentre for Fake {
    fn deliveries(&self) -> Result<Vec<DeliveryView>, ReadError> {
        Ok(self.deliveries.lock().clone())
    }

    fn why(&self, fingerprint: u64) -> Result<Option<Vec<WhyStep>>, ReadError> {
        let known = self.alerts.lock().iter().any(|alert| alert.fingerprint == fingerprint);
        let step = |stage: &str| WhyStep {
            stage: stage.to_owned(),
            verdict: "passed".to_owned(),
            rule: String::new(),
            at: (stage != "route").then_some(NOW.into()),
            detail: format!("{stage} let it through"),
        };
        Ok(known.then(|| vec![step("evaluate"), step("route"), step("deliver")]))
    }

    fn resend(&self, id: &str, actor: &str) -> Result<DeliveryView, ResendError> {
        let mut deliveries = self.deliveries.lock();
        let found = deliveries.iter_mut().find(|delivery| delivery.id == id).ok_or(ResendError::NotFound)?;
        if found.state != DeliveryState::Dead {
            return Err(ResendError::NotDead(format!("{id} is {}", found.state.as_str())));
        }
        found.state = DeliveryState::Queued;
        self.changes.lock().push(format!("resend {id} by {actor}"));
        Ok(found.clone())
    }
}

impl Runbooks for Fake {
    fn proposals(&self) -> Result<Vec<ProposalView>, ReadError> {
        Ok(self.proposals.lock().clone())
    }

    fn proposal(&self, id: &str) -> Result<Option<ProposalView>, ReadError> {
        Ok(self.proposals.lock().iter().find(|one| one.id == id).cloned())
    }

    fn decide(
        &self,
        id: &str,
        decision: Decision,
        hash: &str,
        comment: &str,
        actor: &str,
    ) -> Result<ProposalView, ActError> {
        let mut proposals = self.proposals.lock();
        let unknown = || ActError::NotFound(format!("there is no proposal {id:?}"));
        let found = proposals.iter_mut().find(|one| one.id == id).ok_or_else(unknown)?;
        if found.hash != hash || found.state != ProposalState::Proposed {
            return Err(ActError::Conflict("the hash is not that of what the proposal shows now".to_owned()));
        }
        found.state = match decision {
            Decision::Approve => ProposalState::Approved,
            Decision::Deny => ProposalState::Denied,
        };
        found.comment = Some(comment.to_owned());
        (found.decided_by, found.decided_at) = (Some(actor.to_owned()), Some(NOW.into()));
        self.changes.lock().push(format!("{} {id} by {actor}", decision.as_str()));
        Ok(found.clone())
    }

    fn lever(&self) -> Result<LeverView, ReadError> {
        Ok(LeverView { position: Position::Propose, set_by: None, set_at: None, reason: None })
    }

    fn set_lever(&self, position: Position, reason: &str, actor: &str) -> Result<LeverView, ActError> {
        if reason.is_empty() {
            return Err(ActError::Invalid("say why: the reason is empty".to_owned()));
        }
        self.changes.lock().push(format!("lever {position} by {actor}"));
        let (set_by, reason) = (Some(actor.to_owned()), Some(reason.to_owned()));
        Ok(LeverView { position, set_by, set_at: Some(NOW.into()), reason })
    }

    fn turned_away(&self, actor: &str, action: &str, reason: &str) {
        self.turned_away.lock().push(format!("{actor}: {action}: {reason}"));
    }
}

#[async_trait]
impl Replays for Fake {
    async fn replay(&self, request: ReplayRequest) -> Result<ReplayView, ReplayRefused> {
        let ReplayRequest { from, to, alerting, .. } = request;
        match alerting.as_deref() {
            Some("busy") => return Err(ReplayRefused::Busy),
            Some("wrong") => return Err(ReplayRefused::Invalid("line 1: wrong".to_owned())),
            _ => {}
        }
        let alert = ReplayAlert {
            id: "0".repeat(16),
            name: "A".to_owned(),
            severity: Severity::Critical,
            transition: "firing".to_owned(),
        };
        let message = ReplayMessage {
            at: from,
            channel: "webhook".to_owned(),
            index: 0,
            group_key: "{}:{}".to_owned(),
            group_labels: BTreeMap::new(),
            reason: "first notification".to_owned(),
            transition: "firing".to_owned(),
            alerts: vec![alert],
        };
        let changed = ReplayChange { then: message.clone(), now: message.clone() };
        let receiver = ReplayReceiver {
            receiver: "ops".to_owned(),
            then: 2,
            now: 2,
            same: 0,
            added_total: 1,
            removed_total: 1,
            changed_total: 1,
            added: vec![message.clone()],
            removed: vec![message],
            changed: vec![changed],
        };
        Ok(ReplayView { from, to, events: 1, then: 2, now: 2, receivers: vec![receiver], notes: Vec::new() })
    }
}

impl Operations for Fake {
    fn stages(&self) -> Vec<StageHealth> {
        self.stages.lock().clone()
    }

    fn reload(&self, actor: &str) -> Result<(), String> {
        self.changes.lock().push(format!("reload by {actor}"));
        if let Some(held) = &*self.reload_held.lock() {
            let _ = held.recv();
        }
        self.reload.lock().clone()
    }

    fn metrics(&self) -> String {
        "isobar_up 1\n".to_owned()
    }
}
