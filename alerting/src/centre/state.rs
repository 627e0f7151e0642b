//! What the alert centre knows: a fold of the journal, and the groups made from it. Pure.

use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::alerts::Alerts;
use crate::config::AlertingConfig;
use crate::delivery::{Notification, NotificationParts};
use crate::dispatch::{Dispatcher, Plan};
use crate::event::{KIND_ALERT, KIND_DELIVERY, KIND_NOTIFICATION, Transition};
use crate::group::NotificationLog;
use crate::outbox::{Outbox, Remembered};
use crate::pushed::{Expiries, Expiry, expired};

/// How long a resolved alert can still be asked about; the list of alerts drops it earlier.
const EXPLAINED_FOR: Duration = Duration::from_secs(24 * 3600);

/// How often it is looked through what is over: that takes time with all alerts.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Alerts, what was told of them, and how that fares.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) alerts: Alerts,
    pub(super) log: NotificationLog,
    pub(super) outbox: Outbox,
    /// The notification whose parts are being read from the journal.
    parts: NotificationParts,
}

/// [`Known`] as a snapshot keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    alerts: Alerts,
    log: Vec<Arc<Notification>>,
    outbox: Remembered,
}

impl Known {
    /// Takes in one record of the journal; other kinds are not ours.
    pub(super) fn apply_record(&mut self, kind: &str, payload: &[u8]) -> Result<(), serde_json::Error> {
        match kind {
            KIND_ALERT => self.alerts.apply(serde_json::from_slice::<Transition>(payload)?),
            KIND_NOTIFICATION => {
                if let Some(whole) = self.parts.join(serde_json::from_slice(payload)?) {
                    self.apply_notification(&Arc::new(whole));
                }
            }
            KIND_DELIVERY => self.outbox.apply_delivery(serde_json::from_slice(payload)?),
            _ => {}
        }
        Ok(())
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
    }

    /// Everything a restart needs.
    pub(super) fn kept(&self) -> Kept {
        let (alerts, log) = (self.alerts.clone(), self.log.notifications());
        Kept { alerts, log, outbox: self.outbox.remembered() }
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

    fn under(config: Arc<AlertingConfig>, known: Known, expiries: Expiries, now: Timestamp) -> Self {
        let alerts = known.alerts.transitions().map(|latest| (&latest.alert, latest.decided_at));
        let dispatcher = Dispatcher::restore(&config, alerts, &known.log, now);
        Self { config, known, dispatcher, expiries, forgot_at: now }
    }

    /// Takes in a transition, after it was written down. `expiry` is when the alert ends by itself, where it does.
    pub(super) fn apply_transition(
        &mut self,
        transition: Arc<Transition>,
        expiry: Option<Expiry>,
        now: Timestamp,
    ) {
        self.expiries.set(transition.alert.fingerprint(), expiry);
        self.dispatcher.place(&self.config.route, &transition.alert, now);
        self.known.alerts.apply(transition);
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
        flush.into_iter().chain(expiry).min()
    }

    /// The alert as readers see it: of one that was sent, when it ends now.
    pub(super) fn shown(&self, alert: &Alert) -> Alert {
        let mut shown = alert.clone();
        if let Some((pushed, expiry)) = shown.pushed.as_mut().zip(self.expiries.get(alert.fingerprint())) {
            expiry.show(pushed);
        }
        shown
    }

    /// What is to be told now.
    pub(super) fn plan(&self, now: Timestamp) -> Plan {
        self.dispatcher.plan(&self.config, &self.known.log, now)
    }

    /// Takes a plan as written down.
    pub(super) fn commit(&mut self, plan: &Plan, now: Timestamp) {
        self.dispatcher.commit(plan, now);
        self.known.apply_plan(plan);
        if now.since(self.forgot_at) >= FORGET_EVERY || now < self.forgot_at {
            self.forgot_at = now;
            self.known.alerts.expire(now, EXPLAINED_FOR);
        }
    }
}
