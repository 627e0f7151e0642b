//! What the alert centre knows: a fold of the journal, and the groups made from it. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState};
use crate::alerts::{Alerts, RESOLVED_RETENTION};
use crate::config::AlertingConfig;
use crate::delivery::{GroupId, Notification, NotificationParts, NotifiedAlert};
use crate::dispatch::{Dispatcher, Flaps, Plan};
use crate::event::{
    KIND_ALERT, KIND_DELIVERY, KIND_HANDLING, KIND_HELD, KIND_INCIDENT, KIND_NOTIFICATION, KIND_SILENCE,
    Transition,
};
use crate::flapping::Changes;
use crate::group::NotificationLog;
use crate::handling::{Handling, Handlings};
use crate::incident::{IncidentRecord, Incidents};
use crate::inhibit::Inhibitions;
use crate::outbox::{Outbox, Remembered};
use crate::pushed::{Expiries, Expiry, expired};
use crate::silence::{Silence, Silences};
use crate::suppress::{Gate, HeldBacks, Suppressed};

/// How long a resolved alert can still be asked about; the list of alerts drops it earlier.
const EXPLAINED_FOR: Duration = Duration::from_secs(24 * 3600);

/// With more alerts than this, those that are over are forgotten as soon as the list drops them.
const EXPLAINED_MAX: usize = 200_000;

/// How long an incident that is over stays listed.
const INCIDENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often it is looked through what is over: that takes time with all alerts.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Alerts, what was told of them, and how that fares.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) alerts: Alerts,
    pub(super) log: NotificationLog,
    pub(super) outbox: Outbox,
    pub(super) silences: Silences,
    pub(super) handlings: Handlings,
    pub(super) changes: Changes,
    pub(super) incidents: Incidents,
    pub(super) held: HeldBacks,
    /// The notification whose parts are being read from the journal.
    parts: NotificationParts,
}

/// [`Known`] as a snapshot keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    alerts: Alerts,
    log: Vec<Arc<Notification>>,
    outbox: Remembered,
    #[serde(default)]
    silences: Silences,
    #[serde(default)]
    handlings: Handlings,
    #[serde(default)]
    changes: Changes,
    #[serde(default)]
    incidents: Vec<IncidentRecord>,
    #[serde(default)]
    held: HeldBacks,
}

impl Known {
    /// Takes in one record of the journal; other kinds are not ours.
    pub(super) fn apply_record(&mut self, kind: &str, payload: &[u8]) -> Result<(), serde_json::Error> {
        match kind {
            KIND_ALERT => self.apply_transition(Arc::new(serde_json::from_slice(payload)?)),
            KIND_NOTIFICATION => {
                if let Some(whole) = self.parts.join(serde_json::from_slice(payload)?) {
                    self.apply_notification(&Arc::new(whole));
                }
            }
            KIND_DELIVERY => self.outbox.apply_delivery(serde_json::from_slice(payload)?),
            // Which alerts it is about is asked when all are known.
            KIND_SILENCE => self.silences.apply(serde_json::from_slice(payload)?, []),
            KIND_HANDLING => self.handlings.apply(serde_json::from_slice(payload)?),
            KIND_INCIDENT => self.incidents.apply(serde_json::from_slice(payload)?),
            KIND_HELD => self.held.apply(serde_json::from_slice(payload)?),
            _ => {}
        }
        Ok(())
    }

    fn apply_transition(&mut self, transition: Arc<Transition>) {
        self.handlings.follow(&transition);
        self.changes.follow(&transition);
        self.held.follow(&transition);
        self.alerts.apply(transition);
    }

    /// Forgets what is long over.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let is_crowded = self.alerts.len() > EXPLAINED_MAX;
        self.alerts.expire(now, if is_crowded { RESOLVED_RETENTION } else { EXPLAINED_FOR });
        self.silences.expire(now);
        self.incidents.expire(now, INCIDENTS_KEPT);
        let is_known = |fingerprint| self.alerts.get(fingerprint).is_some();
        self.silences.retain(is_known);
        self.handlings.retain(is_known);
        self.changes.retain(is_known);
        self.held.retain(is_known);
        let is_open =
            |group: &GroupId, episode| self.log.entries_of(group).any(|known| known.episode == episode);
        self.outbox.retain_handed(is_open);
    }

    fn apply_notification(&mut self, notification: &Arc<Notification>) {
        self.log.apply(notification);
        self.outbox.apply_notification(notification);
    }

    /// Takes in what a plan says, after it was written down.
    pub(super) fn apply_plan(&mut self, plan: &Plan) {
        for notification in &plan.notifications {
            self.apply_notification(notification);
        }
        for delivery in &plan.deliveries {
            self.outbox.apply_delivery(delivery.clone());
        }
        for held in &plan.held_back {
            self.held.apply(held.clone());
        }
    }

    /// Everything a restart needs.
    pub(super) fn kept(&self) -> Kept {
        let (alerts, log) = (self.alerts.clone(), self.log.notifications());
        let (silences, handlings) = (self.silences.clone(), self.handlings.clone());
        let (outbox, changes) = (self.outbox.remembered(), self.changes.clone());
        let (incidents, held) = (self.incidents.iter().cloned().collect(), self.held.clone());
        Kept { alerts, log, outbox, silences, handlings, changes, incidents, held }
    }
}

impl From<Kept> for Known {
    fn from(kept: Kept) -> Self {
        let mut log = NotificationLog::default();
        for notification in &kept.log {
            log.apply(notification);
        }
        Self {
            alerts: kept.alerts,
            log,
            outbox: Outbox::restored(kept.outbox),
            silences: kept.silences,
            handlings: kept.handlings,
            changes: kept.changes,
            incidents: Incidents::restored(kept.incidents),
            held: kept.held,
            parts: NotificationParts::default(),
        }
    }
}

/// What the centre knows, under the configuration it has.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) config: Arc<AlertingConfig>,
    pub(super) known: Known,
    pub(super) dispatcher: Dispatcher,
    pub(super) expiries: Expiries,
    pub(super) inhibitions: Inhibitions,
    /// Of every alert that is known.
    pub(super) labels: HashMap<u64, Labels>,
    /// Alerts that changed and are not in their incident yet, or not as they are.
    pub(super) uncorrelated: BTreeSet<u64>,
    /// Whether an alert ended since it was looked for silences that end with their last one.
    pub(super) may_end_silences: bool,
    /// When alerts that are long over were last forgotten.
    forgot_at: Timestamp,
}

impl State {
    /// The state that follows at a start from what is known.
    pub(super) fn new(config: Arc<AlertingConfig>, known: Known, now: Timestamp) -> Self {
        let expiries = Expiries::restored(known.alerts.iter(), now, config.resolve_timeout);
        Self::under(config, known, expiries, now)
    }

    /// Puts another configuration into effect.
    pub(super) fn reload(&mut self, config: Arc<AlertingConfig>, now: Timestamp) {
        let (known, expiries) = (std::mem::take(&mut self.known), std::mem::take(&mut self.expiries));
        *self = Self::under(config, known, expiries, now);
    }

    fn under(config: Arc<AlertingConfig>, mut known: Known, expiries: Expiries, now: Timestamp) -> Self {
        let alerts = known.alerts.transitions().map(|latest| (&latest.alert, latest.decided_at));
        let is_flapping = |fingerprint| known.changes.is_flapping(fingerprint, config.flapping, now);
        let mut dispatcher = Dispatcher::restore(&config, alerts, &known.log, is_flapping, now);
        known.handlings.taken().for_each(|fingerprint| dispatcher.look_at_taken(fingerprint));
        let mut inhibitions = Inhibitions::new(Arc::clone(&config.inhibit_rules));
        let mut labels = HashMap::with_capacity(known.alerts.len());
        for alert in known.alerts.iter() {
            let (fingerprint, all) = (alert.fingerprint(), alert.labels());
            inhibitions.update(fingerprint, &all, alert.state.is_open());
            known.silences.look_at(fingerprint, &all);
            labels.insert(fingerprint, all);
        }
        let uncorrelated = super::incidents::astray(&known);
        Self {
            config,
            known,
            dispatcher,
            expiries,
            inhibitions,
            labels,
            uncorrelated,
            may_end_silences: true,
            forgot_at: now,
        }
    }

    /// Takes in a transition, after it was written down. `expiry` is when the alert ends by itself, where it does.
    pub(super) fn apply_transition(
        &mut self,
        transition: Arc<Transition>,
        expiry: Option<Expiry>,
        now: Timestamp,
    ) {
        let alert = &transition.alert;
        let notified = Arc::new(NotifiedAlert::of(alert));
        let fingerprint = notified.fingerprint;
        self.expiries.set(fingerprint, expiry);
        self.inhibitions.update(fingerprint, &notified.labels, alert.state.is_open());
        self.known.silences.look_at(fingerprint, &notified.labels);
        self.labels.insert(fingerprint, notified.labels.clone());
        self.uncorrelated.insert(fingerprint);
        self.may_end_silences |= alert.state == AlertState::Resolved;
        self.known.apply_transition(Arc::clone(&transition));
        let rule = self.config.flapping;
        let flaps = Flaps { rule, is_flapping: self.known.changes.is_flapping(fingerprint, rule, now) };
        self.dispatcher.place(&self.config.route, &transition.alert, &notified, flaps, now);
    }

    /// Takes in a silence, after it was written down.
    pub(super) fn apply_silence(&mut self, silence: Arc<Silence>) {
        self.known
            .silences
            .apply(silence, self.labels.iter().map(|(fingerprint, labels)| (*fingerprint, labels)));
    }

    /// Takes in what somebody did, after it was written down.
    pub(super) fn apply_handling(&mut self, handling: Arc<Handling>) {
        let (fingerprint, is_taken) = (handling.fingerprint, handling.acknowledged.is_some());
        self.known.handlings.apply(handling);
        if is_taken {
            self.dispatcher.look_at_taken(fingerprint);
        }
    }

    /// The silences that are over at `now` because no alert is open any more that they silence.
    pub(super) fn ended_silences(&mut self, now: Timestamp) -> Vec<Arc<Silence>> {
        if !std::mem::take(&mut self.may_end_silences) {
            return Vec::new();
        }
        let alerts = &self.known.alerts;
        self.known.silences.done(now, |fingerprint| alerts.transition(fingerprint))
    }

    /// What is in the way of telling.
    pub(super) fn gate(&self) -> Gate<'_> {
        Gate {
            inhibitions: &self.inhibitions,
            intervals: &self.config.intervals,
            silences: &self.known.silences,
            handlings: &self.known.handlings,
            incidents: &self.known.incidents,
        }
    }

    /// What keeps this alert from being told at `now`.
    pub(super) fn suppressed(&self, fingerprint: u64, now: Timestamp) -> Suppressed {
        match self.labels.get(&fingerprint) {
            Some(labels) => self.suppressed_as(fingerprint, labels, now),
            None => Suppressed::default(),
        }
    }

    /// What keeps an alert with these labels from being told at `now`.
    pub(super) fn suppressed_as(&self, fingerprint: u64, labels: &Labels, now: Timestamp) -> Suppressed {
        let muted_by = self.muted_by(fingerprint, now);
        Suppressed { muted_by, ..self.gate().suppressed(fingerprint, labels, now) }
    }

    /// The time intervals because of which no group of the alert is told of at `now`.
    fn muted_by(&self, fingerprint: u64, now: Timestamp) -> Vec<Arc<str>> {
        let mut muted_by: Vec<Arc<str>> = Vec::new();
        // Where there are none, no group goes by one.
        if self.config.intervals.is_empty() {
            return muted_by;
        }
        let gate = self.gate();
        let mut groups =
            self.dispatcher.groups_of(fingerprint).map(|(_, group)| gate.muting(&group.calendar, now));
        // What one group may tell of is not muted.
        if groups.by_ref().all(|muting| {
            muted_by.extend(muting.iter().map(|name| Arc::clone(name)));
            !muting.is_empty()
        }) {
            muted_by.sort_unstable();
            muted_by.dedup();
        } else {
            muted_by.clear();
        }
        muted_by
    }

    /// The ends of alerts that nobody sent again in time.
    pub(super) fn expired(&mut self, now: Timestamp) -> Vec<Arc<Transition>> {
        let due = self.expiries.due(now);
        let known = |fingerprint| self.known.alerts.get(fingerprint);
        due.into_iter().filter_map(|(id, expiry)| Some(Arc::new(expired(known(id)?, expiry, now)))).collect()
    }

    /// When something is due next.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let (flush, expiry) = (self.dispatcher.next_flush(now), self.expiries.next());
        let close = self.known.incidents.next_close();
        let is_behind = !self.uncorrelated.is_empty() || self.may_end_silences;
        let at_once = is_behind.then_some(now);
        flush.into_iter().chain(expiry).chain(close).chain(at_once).min()
    }

    /// Every alert that is pending, open, or was resolved a short while ago, in fingerprint order.
    pub(super) fn listed(&self, now: Timestamp) -> impl Iterator<Item = &Alert> {
        let is_listed = move |latest: &&Arc<Transition>| {
            latest.alert.state != AlertState::Resolved || now.since(latest.decided_at) <= RESOLVED_RETENTION
        };
        self.known.alerts.transitions().filter(is_listed).map(|latest| &latest.alert)
    }

    /// The alert as readers see it: of one that was sent, when it ends now.
    pub(super) fn shown(&self, alert: &Alert) -> Alert {
        let mut shown = alert.clone();
        if let Some((pushed, expiry)) = shown.pushed.as_mut().zip(self.expiries.get(alert.fingerprint())) {
            expiry.show(pushed);
        }
        shown
    }

    /// What is to be told now. A clock that was put back shows the same moment again: what is told then has a moment of its
    /// own, because keys are made of moments, and who gets a key twice takes the second for a repetition.
    pub(super) fn plan(&self, now: Timestamp) -> Plan {
        let mut moment = now;
        loop {
            let plan = self.plan_at(moment);
            if !plan.deliveries.iter().any(|delivery| self.known.outbox.delivery(&delivery.id).is_some()) {
                return plan;
            }
            moment = moment.plus(Duration::from_millis(1));
        }
    }

    fn plan_at(&self, now: Timestamp) -> Plan {
        let mut plan = self.dispatcher.plan(&self.config, &self.known.log, &self.gate(), now);
        self.known.outbox.follow(&self.config, &mut plan, now);
        self.name_incidents(&mut plan);
        let held = plan.held.iter();
        plan.held_back = held
            .filter_map(|alert| self.known.held.after(*alert, self.suppressed(*alert, now), now))
            .collect();
        plan
    }

    /// Takes a plan as written down.
    pub(super) fn commit(&mut self, plan: &Plan, now: Timestamp) {
        self.dispatcher.commit(plan, now);
        self.known.apply_plan(plan);
    }

    /// Whether [`State::forget`] looks through what is over at `now`.
    pub(super) fn may_forget(&self, now: Timestamp) -> bool {
        now.since(self.forgot_at) >= FORGET_EVERY || now < self.forgot_at
    }

    /// Forgets what is long over, every so often.
    pub(super) fn forget(&mut self, now: Timestamp) {
        if self.may_forget(now) {
            self.forgot_at = now;
            self.known.forget(now);
            self.labels.retain(|fingerprint, _| self.known.alerts.get(*fingerprint).is_some());
        }
    }
}

#[cfg(test)]
mod tests;
