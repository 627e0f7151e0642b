//! The tasks that send: one lane for each integration, and the heartbeat. Made from the configuration as a whole, and made
//! again when it changes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CentreHandle, CentreParts};
use crate::config::AlertingConfig;
use crate::delivery::IntegrationId;
use crate::notify::{HeartbeatSender, Tools};
use crate::outbox::lane::Lane;
use crate::outbox::{Destination, Outbox, Paces};

/// What is to be run for one configuration; taken by the one who runs it.
#[derive(Clone, Debug, Default)]
pub(super) struct Senders {
    parts: Arc<Mutex<Option<Parts>>>,
    /// Where each way leads, as it may be shown.
    places: Arc<BTreeMap<IntegrationId, String>>,
}

#[derive(Debug)]
struct Parts {
    lanes: Vec<Lane>,
    heartbeat: Option<HeartbeatSender>,
}

impl Senders {
    /// Makes every notifier, so that what is wrong with one is known before anything changes.
    pub(super) fn build(
        config: &AlertingConfig,
        parts: &CentreParts,
        paces: &Paces,
    ) -> Result<Self, ConfigError> {
        let tools =
            Tools { secrets: &*parts.secrets, egress: &parts.egress, external_url: &parts.external_url };
        let (mut lanes, mut places) = (Vec::new(), BTreeMap::new());
        for receiver in &config.receivers {
            for (integration, way) in receiver.integrations.iter().zip(receiver.ways()) {
                let notifier = integration.settings.build(&tools)?;
                places.insert(way.clone(), notifier.place());
                lanes.push(Lane {
                    integration: way,
                    notifier,
                    send_resolved: integration.settings.send_resolved(),
                    terms: integration.terms.clone(),
                    paces: paces.clone(),
                    breakers: parts.breakers.clone(),
                    clock: Arc::clone(&parts.clock),
                    jitter: Arc::clone(&parts.jitter),
                });
            }
        }
        let heartbeat = match &config.heartbeat {
            Some(heartbeat) => Some(HeartbeatSender::build(heartbeat, &tools, Arc::clone(&parts.clock))?),
            None => None,
        };
        let parts = Arc::new(Mutex::new(Some(Parts { lanes, heartbeat })));
        Ok(Self { parts, places: Arc::new(places) })
    }

    /// Counts what was sent before the start, so that a restart in the middle of a storm does not exceed a limit.
    pub(super) fn remember(&self, outbox: &Outbox, now: Timestamp) {
        let parts = self.parts.lock();
        for lane in parts.iter().flat_map(|parts| &parts.lanes) {
            if let Some(longest) = lane.terms.rates.iter().map(|rate| rate.per).max() {
                let sends = outbox.sends(&lane.integration, longest, now);
                let instant = tokio::time::Instant::now().into_std();
                lane.paces.remember(lane.notifier.destination(), sends, instant);
            }
        }
    }

    /// Where a way leads, as it may be shown.
    pub(super) fn place(&self, way: &IntegrationId) -> Option<&str> {
        self.places.get(way).map(String::as_str)
    }

    /// What they tell; empty once they run.
    pub(super) fn destinations(&self) -> HashSet<Destination> {
        let parts = self.parts.lock();
        let lanes = parts.iter().flat_map(|parts| &parts.lanes);
        lanes.map(|lane| lane.notifier.destination()).collect()
    }
}

/// Runs the senders of the latest configuration until stopped. Those of one configuration have ended before those of the
/// next begin, so that no delivery is sent by two.
pub(super) async fn supervise(
    mut current: watch::Receiver<Senders>,
    handle: CentreHandle,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let parts = current.borrow_and_update().parts.lock().take();
        let generation = stop.child_token();
        let mut tasks = JoinSet::new();
        handle.forget_turns();
        if let Some(Parts { lanes, heartbeat }) = parts {
            for lane in lanes {
                handle.lane_turned(&lane.integration);
                tasks.spawn(lane.run(handle.ledger(), generation.clone()));
            }
            if let Some(heartbeat) = heartbeat {
                tasks.spawn(heartbeat.run(generation.clone()));
            }
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = current.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => stop.cancelled().await,
                },
                Some(ended) = tasks.join_next() => tell(ended),
            }
        }
        generation.cancel();
        while let Some(ended) = tasks.join_next().await {
            tell(ended);
        }
    }
}

/// A sender that broke off is not started again: what broke it would break it again. It shows as a lane that is stuck.
fn tell(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a sender broke off");
        metrics::counter!("isobar_delivery_senders_broken_total").increment(1);
    }
}
