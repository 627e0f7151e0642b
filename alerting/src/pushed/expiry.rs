//! When alerts that were sent end unless they are sent again. Not journalled with every repetition: after a start all that
//! is open has some time to be sent again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::UNTIL_TOLD;
use crate::alert::{Alert, AlertState, Pushed};

/// When one alert ends unless it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) expires_at: Timestamp,
    /// Whether that is a timeout: the sender named no end.
    pub(crate) is_timed: bool,
    /// When it was last sent.
    pub(crate) reported_at: Timestamp,
}

impl Expiry {
    pub(crate) fn of(pushed: &Pushed) -> Self {
        let Pushed { expires_at, is_timed, reported_at, .. } = *pushed;
        Self { expires_at, is_timed, reported_at }
    }

    /// When it ends, where it does by itself.
    pub(crate) fn ends_at(self) -> Option<Timestamp> {
        (self.expires_at < UNTIL_TOLD).then_some(self.expires_at)
    }

    /// Brings what an alert says of it up to date.
    pub(crate) fn show(self, pushed: &mut Pushed) {
        let Self { expires_at, is_timed, reported_at } = self;
        (pushed.expires_at, pushed.is_timed, pushed.reported_at) = (expires_at, is_timed, reported_at);
    }
}

/// A sender that repeats itself is waited for after a start as long as it usually lets wait and a quarter more, up to this.
const PATIENCE_MAX: Duration = Duration::from_secs(20 * 60);

/// When an alert ends of which the journal knows this, if the process starts at `now` and nobody sends it again: when it was
/// to end, but not before its sender could have spoken. An end that lies later than this is lost with the process, and
/// therefore written down.
pub(super) fn held_until(pushed: &Pushed, now: Timestamp, resolve_timeout: Duration) -> Timestamp {
    let named_for = pushed.expires_at.since(pushed.reported_at);
    let patience = named_for.saturating_add(named_for / 4).min(PATIENCE_MAX).max(resolve_timeout);
    pushed.expires_at.max(now.plus(patience))
}

/// The expiry of every open alert that was sent. Moving one on costs a lookup: the queue holds a time at or before each
/// expiry, and what comes up too early is put back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expiries {
    open: HashMap<u64, Expiry>,
    queue: BinaryHeap<Reverse<(Timestamp, u64)>>,
}

impl Expiries {
    /// Those of the alerts as the journal knows them, at a start: none ends before its sender could have spoken.
    pub(crate) fn restored<'a>(
        alerts: impl IntoIterator<Item = &'a Alert>,
        now: Timestamp,
        resolve_timeout: Duration,
    ) -> Self {
        let mut expiries = Self::default();
        for alert in alerts.into_iter().filter(|alert| alert.state != AlertState::Resolved) {
            if let Some(pushed) = &alert.pushed {
                let expiry = Expiry::of(pushed);
                let expires_at = held_until(pushed, now, resolve_timeout);
                expiries.set(alert.fingerprint(), Some(Expiry { expires_at, ..expiry }));
            }
        }
        expiries
    }

    /// The expiry of this alert.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<Expiry> {
        self.open.get(&fingerprint).copied()
    }

    /// Sets the expiry of an alert, or forgets it.
    pub(crate) fn set(&mut self, fingerprint: u64, expiry: Option<Expiry>) {
        let Some(expiry) = expiry else {
            self.open.remove(&fingerprint);
            return;
        };
        let before = self.open.insert(fingerprint, expiry);
        if before.is_none_or(|before| expiry.expires_at < before.expires_at) {
            self.queue.push(Reverse((expiry.expires_at, fingerprint)));
        }
    }

    /// When to look next; some time at or before the first expiry.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// What has expired, each once until [`Expiries::set`] forgets it or moves it on.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<(u64, Expiry)> {
        let mut due = Vec::new();
        let mut seen = HashSet::new();
        while self.next().is_some_and(|at| at <= now) {
            let Some(Reverse((_, fingerprint))) = self.queue.pop() else { break };
            let Some(expiry) = self.open.get(&fingerprint) else { continue };
            if !seen.insert(fingerprint) {
                continue;
            }
            if expiry.expires_at > now {
                self.queue.push(Reverse((expiry.expires_at, fingerprint)));
            } else {
                due.push((fingerprint, *expiry));
            }
        }
        // Until their ends are written down they are due.
        self.queue.extend(due.iter().map(|(fingerprint, expiry)| Reverse((expiry.expires_at, *fingerprint))));
        due
    }
}
