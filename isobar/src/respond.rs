//! Tells the responder what stands: the alerts whose policy names a runbook, and whether what speaks for them is being read.

mod evidence;

use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::{Alert, AlertState, CentreHandle, Policy};
use isobar_normalizer::{Labels, NativeState, Timestamp};
use isobar_runbooks::{Evidence, RunbookHandle, ShownAlert, Situation, Standing};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock;
use crate::collect::SourceStatuses;
use crate::series::JoinedSeries;
use crate::stages::Stages;
use evidence::Reader;

/// An alert is proposed about within this time, however many change.
const ROUND_MIN: Duration = Duration::from_millis(250);
/// Evidence that goes away is noticed within this time.
const ROUND_MAX: Duration = Duration::from_secs(1);
/// The name of the stage whose rounds health watches.
const STAGE: &str = "respond";

/// The policies that name a runbook, as the configuration in force has them.
#[derive(Debug, Default)]
pub struct Responses(RwLock<Vec<Arc<Policy>>>);

impl Responses {
    /// Takes the policies of another configuration.
    pub fn set(&self, policies: &[Policy]) {
        let asking = policies.iter().filter(|policy| policy.respond.is_some());
        *self.0.write() = asking.cloned().map(Arc::new).collect();
    }

    fn all(&self) -> Vec<Arc<Policy>> {
        self.0.read().clone()
    }
}

/// Looks at alerts and sources.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What asks for runbooks.
    pub responses: Arc<Responses>,
    /// What is on.
    pub centre: CentreHandle,
    /// When samples last came.
    pub series: JoinedSeries,
    /// How collecting goes.
    pub statuses: Arc<SourceStatuses>,
    /// Who is told.
    pub runbooks: RunbookHandle,
    /// Where rounds are reported.
    pub stages: Arc<Stages>,
}

impl Watch {
    /// Looks whenever alerts change, and every second, until stopped.
    pub async fn run(self, stop: CancellationToken) {
        self.stages.started(STAGE, ROUND_MAX, clock::now());
        let mut versions = self.centre.versions();
        loop {
            versions.mark_unchanged();
            let watch = self.clone();
            // The store and the centre are asked under locks.
            let looked = tokio::task::spawn_blocking(move || watch.situations(clock::now())).await;
            let told = match looked {
                Ok(situations) => self.runbooks.observe(situations).await.map_err(|error| error.to_string()),
                Err(error) => Err(format!("looking at alerts broke off: {error}")),
            };
            if let Err(error) = &told {
                warn!(error, "the responder could not be told how alerts stand; trying again");
            }
            self.stages.ended(STAGE, ROUND_MAX, told, clock::now());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND_MIN) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = versions.changed() => {}
                () = tokio::time::sleep(ROUND_MAX) => {}
            }
        }
    }

    /// Every alert that is on and asks for a runbook.
    fn situations(&self, now: Timestamp) -> Vec<Situation> {
        let policies = self.responses.all();
        if policies.is_empty() {
            return Vec::new();
        }
        let alerts = self.centre.alerts();
        let mut asking = Vec::new();
        for alert in alerts.iter().filter(|alert| alert.state.is_open()) {
            for part in alert.made_of().iter().filter(|part| part.state.is_open()) {
                let policy = policies.iter().find(|policy| policy.name == part.name());
                // A provider's alarm may bear the policy's name.
                if let Some((policy, group)) =
                    policy.and_then(|one| Some((one, one.group_of(&part.identity)?)))
                {
                    asking.push((alert, part, policy, group));
                }
            }
        }
        if asking.is_empty() {
            return Vec::new();
        }
        let mut reader = Reader::new(&self.series, &self.statuses, now);
        asking
            .into_iter()
            .map(|(alert, part, policy, group)| situation(alert, part, policy, &group, &mut reader))
            .collect()
    }
}

/// What stands of an alert, one part of which is of this group of this policy.
fn situation(
    alert: &Alert,
    part: &Alert,
    policy: &Policy,
    group: &Labels,
    reader: &mut Reader<'_>,
) -> Situation {
    let (mut evidence, standing) = match part.state {
        AlertState::NoData => (Vec::new(), Standing::Absent("no data comes for the alert".to_owned())),
        _ => evidence_of(part, policy, group, reader),
    };
    // What the provider says of the same adds to what is read; by itself it asks for nothing.
    if standing == Standing::Present {
        let firing = alert.native.iter().filter(|alarm| alarm.state == NativeState::Firing);
        evidence.extend(firing.map(|alarm| Evidence {
            kind: "native_alarm".to_owned(),
            detail: format!("{} {} from {}", alarm.name, alarm.source_severity, alarm.source),
            at: alarm.since,
            verified: alert.verified,
        }));
    }
    Situation {
        runbook: policy.respond.clone().unwrap_or_default(),
        alert: ShownAlert {
            id: format!("{:016x}", alert.fingerprint()),
            name: alert.name().to_owned(),
            severity: alert.severity,
            resource: alert.resource().map(str::to_owned),
            labels: pairs(&alert.labels()),
            value: alert.value.filter(|value| value.is_finite()),
            starts_at: alert.starts_at,
        },
        since: part.fired_at.unwrap_or(part.starts_at),
        evidence,
        standing,
    }
}

/// What each source that is being read says. One of several that see a resource is enough; of what is computed over many
/// resources every one counts.
fn evidence_of(
    part: &Alert,
    policy: &Policy,
    group: &Labels,
    reader: &mut Reader<'_>,
) -> (Vec<Evidence>, Standing) {
    let by_resource = policy.is_by_resource();
    let mut readings = reader.readings(policy, group);
    if by_resource {
        readings.retain(|source, _| part.sources.contains(&**source));
        for source in &part.sources {
            readings.entry(source.as_str().into()).or_insert_with(|| reader.silence(source));
        }
    }
    let present = readings.iter().filter(|(_, standing)| **standing == Standing::Present);
    let level = policy.criteria_for(&part.labels()).level(part.severity);
    let value = part.value.map(|value| format!(": {value}")).unwrap_or_default();
    let evidence: Vec<Evidence> = present
        .map(|(source, _)| Evidence {
            kind: "policy".to_owned(),
            detail: format!("{} {level}{value}, from {source}", policy.metric),
            at: part.updated_at,
            verified: part.verified,
        })
        .collect();
    let has_all = evidence.len() == readings.len();
    if !evidence.is_empty() && (by_resource || has_all) {
        return (evidence, Standing::Present);
    }
    let unread = readings.values().any(|standing| *standing == Standing::Unread);
    let absent = readings.into_values().find(|standing| matches!(standing, Standing::Absent(_)));
    let standing = match (unread, absent) {
        (true, _) => Standing::Unread,
        (false, Some(absent)) => absent,
        (false, None) => Standing::Absent("no source delivers what the policy reads".to_owned()),
    };
    (evidence, standing)
}

fn pairs(labels: &Labels) -> std::collections::BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
