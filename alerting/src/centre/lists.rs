//! Every alert for readers of lists: shared, not copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::{Labels, Timestamp};

use super::CentreHandle;
use crate::alert::Alert;
use crate::event::Transition;
use crate::handling::Handling;
use crate::pushed::Expiry;
use crate::suppress::Suppressed;

/// An alert, and what stands between it and its receivers. Clones share it.
#[derive(Clone, Debug)]
pub struct KnownAlert {
    /// Of the identity.
    pub fingerprint: u64,
    /// Its latest transition.
    pub latest: Arc<Transition>,
    /// All labels, see [`Alert::labels`].
    pub labels: Labels,
    /// What keeps it from being told now.
    pub suppressed: Suppressed,
    /// What people did about it since it began.
    pub handling: Option<Arc<Handling>>,
    /// The incident it is in, or was in last.
    pub incident: Option<Arc<str>>,
    /// Whether it begins and ends again and again.
    pub is_flapping: bool,
    /// When it ends unless it is sent again, where it does by itself, and when it was last sent; absent for what nobody sends.
    pub expected: Option<(Option<Timestamp>, Timestamp)>,
}

impl KnownAlert {
    /// The alert as it was at its latest transition.
    pub fn alert(&self) -> &Alert {
        &self.latest.alert
    }

    /// Who has taken it here, where that still holds for one as bad as it is.
    pub fn acknowledged_by(&self) -> Option<&str> {
        let acknowledged = self.handling.as_ref()?.acknowledged.as_ref()?;
        (self.alert().severity <= acknowledged.severity).then_some(acknowledged.by.as_str())
    }

    /// Who is to look after it.
    pub fn assigned_to(&self) -> Option<&str> {
        let handling = self.handling.as_ref()?;
        Some(handling.assigned_to.as_str()).filter(|name| !name.is_empty())
    }

    /// How it is handled, in the words of lists: `open` when nothing below holds; `acknowledged`, `silenced`, `inhibited`,
    /// `muted`, `snoozed`.
    pub fn handling_words(&self) -> impl Iterator<Item = &'static str> {
        let suppressed = &self.suppressed;
        let words = [
            ("acknowledged", self.acknowledged_by().is_some()),
            ("silenced", !suppressed.silenced_by.is_empty()),
            ("inhibited", !suppressed.inhibited_by.is_empty()),
            ("muted", !suppressed.muted_by.is_empty()),
            ("snoozed", suppressed.snoozed_until.is_some()),
        ];
        let is_open = words.iter().all(|(_, holds)| !holds);
        let holding = words.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| word);
        is_open.then_some("open").into_iter().chain(holding)
    }
}

impl CentreHandle {
    /// Every alert that is remembered, those resolved within a day included, in fingerprint order.
    pub fn known_alerts(&self) -> Vec<KnownAlert> {
        let now = (self.parts.clock)();
        let state = self.state.read();
        let known = state.known.alerts.entries();
        known.map(|(fingerprint, latest)| state.known_alert(fingerprint, latest, now)).collect()
    }

    /// Which alerts each notification told of, by its id, as far as that is remembered.
    pub fn told_alerts(&self) -> BTreeMap<Arc<str>, Arc<[u64]>> {
        self.state.read().known.outbox.members()
    }

    /// Fingerprints of the open alerts that inhibit one with these labels, in order.
    pub fn inhibitors_of(&self, labels: &Labels) -> Vec<u64> {
        let state = self.state.read();
        let mut found: Vec<u64> =
            state.gate().inhibitions.inhibitors(labels).into_iter().map(|one| one.source).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The alert with this fingerprint, while it is remembered.
    pub fn known_alert(&self, fingerprint: u64) -> Option<KnownAlert> {
        let now = (self.parts.clock)();
        let state = self.state.read();
        let latest = state.known.alerts.transition(fingerprint)?;
        Some(state.known_alert(fingerprint, latest, now))
    }
}

impl super::state::State {
    fn known_alert(&self, fingerprint: u64, latest: &Arc<Transition>, now: Timestamp) -> KnownAlert {
        let pushed = latest.alert.pushed.as_ref();
        // What was sent is known by the labels it has; of the rest they were put together when it changed.
        let labels = self.labels.get(&fingerprint).filter(|_| pushed.is_none()).cloned();
        let labels = labels.unwrap_or_else(|| latest.alert.labels());
        let expected = pushed.map(|pushed| {
            let expiry = self.expiries.get(fingerprint).unwrap_or(Expiry::of(pushed));
            (expiry.ends_at(), expiry.reported_at)
        });
        KnownAlert {
            fingerprint,
            suppressed: self.suppressed_as(fingerprint, &labels, now),
            labels,
            handling: self.known.handlings.get(fingerprint).cloned(),
            incident: self.known.incidents.id_of(fingerprint).cloned(),
            is_flapping: self.known.changes.is_flapping(fingerprint, self.config.flapping, now),
            expected,
            latest: Arc::clone(latest),
        }
    }
}
