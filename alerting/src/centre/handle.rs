//! What others hold of the alert centre: ways to hand in, and readers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_normalizer::{Labels, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot, watch};

use super::command::Command;
use super::senders::Senders;
use super::state::State;
use super::{CentreError, CentreParts};
use crate::alert::Alert;
use crate::config::{AlertingConfig, Receiver};
use crate::delivery::{Delivery, DeliveryState, IntegrationId, Notification, NotifiedAlert};
use crate::event::Transition;
use crate::outbox::lane::Ledger;
use crate::outbox::{DeliveryFilter, Next, Paces};
use crate::pushed::{PostOutcome, PostedAlert};
use crate::self_rules::DeliveryFacts;
use crate::why::{Scene, WhyStep, why};

/// Hands in transitions and reads what is known. Cheap to clone.
#[derive(Clone)]
pub struct CentreHandle {
    pub(super) state: Arc<RwLock<State>>,
    commands: mpsc::Sender<Command>,
    versions: watch::Receiver<u64>,
    senders: watch::Sender<Senders>,
    /// When each lane last came round.
    turns: Arc<Mutex<BTreeMap<IntegrationId, Timestamp>>>,
    pub(super) paces: Paces,
    /// When receivers were tested, of late.
    pub(super) tested: Arc<Mutex<BTreeMap<Arc<str>, Timestamp>>>,
    pub(super) parts: CentreParts,
}

impl fmt::Debug for CentreHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CentreHandle").finish_non_exhaustive()
    }
}

/// A group as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertGroup {
    /// Alertmanager's group key.
    pub key: Arc<str>,
    /// Name of the receiver.
    pub receiver: Arc<str>,
    /// The labels that make the group.
    pub labels: Labels,
    /// Its alerts in label order.
    pub alerts: Vec<Arc<NotifiedAlert>>,
    /// When it is looked at next.
    pub next_flush: Timestamp,
    /// Names of the time intervals because of which it is not told of now.
    pub muted_by: Vec<Arc<str>>,
}

impl CentreHandle {
    pub(super) fn new(
        state: Arc<RwLock<State>>,
        commands: mpsc::Sender<Command>,
        versions: watch::Receiver<u64>,
        senders: watch::Sender<Senders>,
        paces: Paces,
        parts: CentreParts,
    ) -> Self {
        Self {
            state,
            commands,
            versions,
            senders,
            turns: Arc::default(),
            paces,
            tested: Arc::default(),
            parts,
        }
    }

    /// Writes transitions down and takes them in; returns when they are on disk.
    ///
    /// # Errors
    /// The journal could not be written; then nothing changed and they are to be handed in again.
    pub async fn ingest(&self, transitions: Vec<Transition>) -> Result<(), CentreError> {
        if transitions.is_empty() {
            return Ok(());
        }
        self.ask(|reply| Command::Ingest { transitions, reply }).await
    }

    /// Takes alerts that somebody sent by the door of this name, as Alertmanager takes them: each by itself, the good ones in
    /// spite of the bad. Returns when what they change is on disk. `is_verified` says whether the door knows its senders.
    ///
    /// # Errors
    /// The journal could not be written; then nothing changed and they are to be sent again.
    pub async fn post(
        &self,
        door: &str,
        alerts: Vec<PostedAlert>,
        is_verified: bool,
    ) -> Result<PostOutcome, CentreError> {
        if alerts.is_empty() {
            return Ok(PostOutcome::default());
        }
        let door = door.to_owned();
        self.ask(|reply| Command::Post { door, alerts, is_verified, reply }).await
    }

    /// Sends a dead letter again, under the key it always had. `actor` is who asked for it, for the journal.
    ///
    /// # Errors
    /// It is not known or not dead, or the journal could not be written.
    pub async fn resend(&self, id: &str, actor: &str) -> Result<Delivery, CentreError> {
        let (id, actor) = (id.to_owned(), actor.to_owned());
        self.ask(|reply| Command::Resend { id, actor, reply }).await
    }

    /// Puts another configuration into effect. Groups are made again from what is known; what was told stays told.
    ///
    /// # Errors
    /// A secret or certificate that is missing; then nothing changed.
    pub async fn reload(&self, config: AlertingConfig) -> Result<(), CentreError> {
        let senders = Senders::build(&config, &self.parts, &self.paces)?;
        let destinations = senders.destinations();
        let config = Arc::new(config);
        let kept: Vec<String> = config
            .receivers
            .iter()
            .flat_map(Receiver::ways)
            .map(|integration| integration.to_string())
            .collect();
        self.ask(|reply| Command::Reload { config, reply }).await?;
        let former = self.senders.send_replace(senders);
        drop(former);
        self.paces.retain(|destination| destinations.contains(destination));
        self.parts.breakers.retain(|target| !target.contains('/') || kept.iter().any(|kept| kept == target));
        Ok(())
    }

    /// Asks whether alerts can be written down now; to be asked every so often, because between alerts nothing else
    /// would show it. An answer that does not come means that the journal's disk does not answer.
    ///
    /// # Errors
    /// The journal cannot be written: nothing is paged until it can.
    pub async fn check(&self) -> Result<(), CentreError> {
        self.ask(|reply| Command::Check { reply }).await
    }

    /// Lanes that have not come round for this long, first to last: a task that hangs or broke off.
    pub fn stuck_lanes(&self, patience: Duration) -> Vec<IntegrationId> {
        let now = (self.parts.clock)();
        let turns = self.turns.lock();
        let stuck = turns.iter().filter(|(_, turned)| now.since(**turned) > patience);
        stuck.map(|(lane, _)| lane.clone()).collect()
    }

    /// The configuration in effect.
    pub fn config(&self) -> Arc<AlertingConfig> {
        Arc::clone(&self.state.read().config)
    }

    /// Where a way to a receiver leads: the host, or the mail addresses; paths may be secrets. `None` when the configuration has no
    /// such way.
    pub fn target(&self, way: &IntegrationId) -> Option<String> {
        self.senders.borrow().place(way).map(str::to_owned)
    }

    /// Every alert that is pending, open, or was resolved a short while ago, in fingerprint order.
    pub fn alerts(&self) -> Vec<Alert> {
        let now = (self.parts.clock)();
        let state = self.state.read();
        state.listed(now).map(|alert| state.shown(alert)).collect()
    }

    /// Whether any of [`CentreHandle::alerts`] is like this; none is copied for the question.
    pub fn any_alert(&self, is_like: impl FnMut(&Alert) -> bool) -> bool {
        let now = (self.parts.clock)();
        self.state.read().listed(now).any(is_like)
    }

    /// The alert with this fingerprint, also some time after it was resolved.
    pub fn alert(&self, fingerprint: u64) -> Option<Alert> {
        let state = self.state.read();
        state.known.alerts.get(fingerprint).map(|alert| state.shown(alert))
    }

    /// Every group, in the order of keys and receivers.
    pub fn groups(&self) -> Vec<AlertGroup> {
        let state = self.state.read();
        let (gate, now) = (state.gate(), (self.parts.clock)());
        let groups = state.dispatcher.groups();
        groups
            .map(|(id, group)| AlertGroup {
                key: Arc::clone(&id.key),
                receiver: Arc::clone(&id.receiver),
                labels: group.labels.clone(),
                alerts: group.sorted_members(),
                next_flush: group.next_flush,
                muted_by: gate.muting(&group.calendar, now).into_iter().cloned().collect(),
            })
            .collect()
    }

    /// Names of the receivers that are told of an alert with these labels, in route order.
    pub fn receivers_of(&self, labels: &Labels) -> Vec<Arc<str>> {
        let state = self.state.read();
        state.config.route.matching(labels).into_iter().map(|route| Arc::clone(&route.receiver)).collect()
    }

    /// The deliveries that pass the filter, newest first.
    pub fn deliveries(&self, filter: &DeliveryFilter) -> Vec<Delivery> {
        self.state.read().known.outbox.list(filter)
    }

    /// The delivery of this id, while it is remembered.
    pub fn delivery(&self, id: &str) -> Option<Delivery> {
        self.state.read().known.outbox.delivery(id).cloned()
    }

    /// How many deliveries stand in this state, of those remembered.
    pub fn delivery_count(&self, state: DeliveryState) -> usize {
        self.state.read().known.outbox.count(state)
    }

    /// What receivers know of the groups that are open to their knowledge, oldest first.
    pub fn notifications(&self) -> Vec<Arc<Notification>> {
        self.state.read().known.log.notifications()
    }

    /// How each receiver fares, for the rules about Isobar itself.
    pub fn delivery_facts(&self) -> Vec<DeliveryFacts> {
        let state = self.state.read();
        let receivers = state.config.receivers.iter();
        receivers
            .map(|receiver| {
                let ways: Vec<IntegrationId> = receiver.ways().collect();
                let (failing_since, dead) = state.known.outbox.trouble(&ways);
                DeliveryFacts { receiver: receiver.name.to_string(), failing_since, dead }
            })
            .collect()
    }

    /// Why this alert was told to whom, or not, step by step; `None` when it is not known.
    pub fn why(&self, fingerprint: u64) -> Option<Vec<WhyStep>> {
        let state = self.state.read();
        let now = (self.parts.clock)();
        let scene = Scene {
            config: &state.config,
            alerts: &state.known.alerts,
            expiries: &state.expiries,
            dispatcher: &state.dispatcher,
            log: &state.known.log,
            outbox: &state.known.outbox,
            gate: state.gate(),
            held: state.known.held.get(fingerprint),
            is_flapping: state.known.changes.is_flapping(fingerprint, state.config.flapping, now),
            now,
        };
        why(&scene, fingerprint)
    }

    /// Changes whenever something above does; for live views.
    pub fn versions(&self) -> watch::Receiver<u64> {
        self.versions.clone()
    }

    /// Forgets the lanes of the configuration before.
    pub(super) fn forget_turns(&self) {
        self.turns.lock().clear();
    }

    /// Notes that a lane starts, or comes round.
    pub(super) fn lane_turned(&self, lane: &IntegrationId) {
        self.turns.lock().insert(lane.clone(), (self.parts.clock)());
    }

    pub(super) fn ledger(&self) -> impl Ledger + use<> {
        HandleLedger { handle: self.clone(), versions: self.versions.clone() }
    }

    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, CentreError>>) -> Command,
    ) -> Result<T, CentreError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| CentreError::Stopped)?;
        answer.await.map_err(|_| CentreError::Stopped)?
    }
}

struct HandleLedger {
    handle: CentreHandle,
    versions: watch::Receiver<u64>,
}

#[async_trait]
impl Ledger for HandleLedger {
    fn next(&mut self, integration: &IntegrationId, now: Timestamp) -> Next {
        self.versions.mark_unchanged();
        self.handle.state.read().known.outbox.next(integration, now)
    }

    fn waiting(&self, integration: &IntegrationId, now: Timestamp) -> usize {
        self.handle.state.read().known.outbox.waiting(integration, now)
    }

    fn due(&self, integration: &IntegrationId, now: Timestamp) -> Vec<(Delivery, Arc<Notification>)> {
        self.handle.state.read().known.outbox.due(integration, now)
    }

    fn turned(&self, integration: &IntegrationId) {
        self.handle.lane_turned(integration);
    }

    async fn changed(&mut self) {
        if self.versions.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn strand(&self, integration: &IntegrationId) {
        let (receiver, failing) = {
            let state = self.handle.state.read();
            let Some(receiver) = state.config.receiver(&integration.receiver) else { return };
            if receiver.fallback.is_none() {
                return;
            }
            let breakers = &self.handle.parts.breakers;
            let is_failing = |way: &IntegrationId| breakers.state(&way.to_string()).gauge() > 0;
            let failing: Vec<IntegrationId> = receiver.ways().filter(is_failing).collect();
            let now = (self.handle.parts.clock)();
            let outbox = &state.known.outbox;
            if outbox.handed_on(&state.config, &receiver.name, |way| failing.contains(way), now).is_empty() {
                return;
            }
            (Arc::clone(&receiver.name), failing)
        };
        // What could not be written down is found again when the lane comes round.
        drop(self.handle.ask(|reply| Command::HandOn { receiver, failing, reply }).await);
    }

    async fn record(&self, deliveries: Vec<Delivery>) -> Result<(), String> {
        let recorded = self.handle.ask(|reply| Command::Record { deliveries, reply }).await;
        recorded.map_err(|error| error.to_string())
    }
}
