//! All silences, found by the labels they are about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use isobar_normalizer::{Labels, MatchOp, Matcher, Timestamp};
use serde::{Deserialize, Serialize};

use super::{SILENCE_RETENTION, Silence, SilenceState};
use crate::alert::AlertState;
use crate::event::Transition;

/// The latest state of every silence: a fold of their records; its snapshot is the list of them.
///
/// Which are about an alert is asked once when the alert or a silence changes, and kept: thousands of silences cost nothing
/// when groups are told. Asking looks only at silences one of whose matchers names a value that the alert has, and at those
/// that name none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Arc<Silence>>", into = "Vec<Arc<Silence>>")]
pub(crate) struct Silences {
    all: BTreeMap<Arc<str>, Arc<Silence>>,
    /// Those that are not over, by label name and value.
    by_value: HashMap<Pair, BTreeSet<Arc<str>>>,
    /// Those that are not over and name no value.
    others: BTreeSet<Arc<str>>,
    /// What is about each alert that anything is about.
    about: HashMap<u64, BTreeSet<Arc<str>>>,
}

/// A label's name and value.
type Pair = (Box<str>, Box<str>);

/// An expression that names at most so many values is found by them.
const VALUES_MAX: usize = 64;

impl Silences {
    /// Takes in a record; the last one of an id holds. The alerts are all there are, with their labels.
    pub(crate) fn apply<'a>(
        &mut self,
        silence: Arc<Silence>,
        alerts: impl IntoIterator<Item = (u64, &'a Labels)>,
    ) {
        self.forget(&silence.id);
        self.add(Arc::clone(&silence));
        // Over at once is how a silence is ended by hand.
        if silence.ends_at > silence.updated_at {
            for (fingerprint, _) in alerts.into_iter().filter(|(_, labels)| silence.matches(labels)) {
                self.about.entry(fingerprint).or_default().insert(Arc::clone(&silence.id));
            }
        }
    }

    fn add(&mut self, silence: Arc<Silence>) {
        let id = Arc::clone(&silence.id);
        if silence.ends_at > silence.updated_at {
            match self.place(&silence) {
                None => drop(self.others.insert(Arc::clone(&id))),
                Some(values) => {
                    for value in values {
                        self.by_value.entry(value).or_default().insert(Arc::clone(&id));
                    }
                }
            }
        }
        self.all.insert(id, silence);
    }

    /// By which values it is found: those of the matcher that the fewest others are found by.
    fn place(&self, silence: &Silence) -> Option<Vec<Pair>> {
        let crowd = |values: &Vec<Pair>| {
            values.iter().map(|value| self.by_value.get(value).map_or(0, BTreeSet::len)).sum::<usize>()
        };
        silence.matchers.iter().filter_map(values).min_by_key(crowd)
    }

    /// Takes a silence out, but for what it was about.
    fn unplace(&mut self, silence: &Silence) {
        self.others.remove(&silence.id);
        for value in silence.matchers.iter().filter_map(values).flatten() {
            if let Some(ids) = self.by_value.get_mut(&value) {
                ids.remove(&silence.id);
                if ids.is_empty() {
                    self.by_value.remove(&value);
                }
            }
        }
    }

    fn forget(&mut self, id: &str) {
        let Some(silence) = self.all.remove(id) else { return };
        self.unplace(&silence);
        self.about.retain(|_, ids| {
            ids.remove(id);
            !ids.is_empty()
        });
    }

    /// Notes which silences are about an alert as it is now.
    pub(crate) fn look_at(&mut self, fingerprint: u64, labels: &Labels) {
        let named = labels.iter().filter_map(|(name, value)| self.by_value.get(&(name.into(), value.into())));
        let candidates = named.flatten().chain(&self.others);
        let about: BTreeSet<Arc<str>> = candidates
            .filter(|id| self.all.get(*id).is_some_and(|one| one.matches(labels)))
            .cloned()
            .collect();
        if about.is_empty() {
            self.about.remove(&fingerprint);
        } else {
            self.about.insert(fingerprint, about);
        }
    }

    /// Keeps what is noted of these alerts only.
    pub(crate) fn retain(&mut self, is_known: impl Fn(u64) -> bool) {
        self.about.retain(|fingerprint, _| is_known(*fingerprint));
    }

    /// Forgets what is over for longer than it is kept.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let over = self.all.values().filter(|silence| now >= silence.ends_at).cloned().collect::<Vec<_>>();
        for silence in over {
            if now.since(silence.ends_at) > SILENCE_RETENTION {
                self.forget(&silence.id);
            } else {
                self.unplace(&silence);
            }
        }
    }

    /// The silences that hold this alert back at `now`, in the order of their ids.
    pub(crate) fn holding(&self, fingerprint: u64, now: Timestamp) -> impl Iterator<Item = &Arc<Silence>> {
        self.about(fingerprint).filter(move |silence| silence.state(now) == SilenceState::Active)
    }

    /// The silences that are about this alert, whenever they are active.
    pub(crate) fn about(&self, fingerprint: u64) -> impl Iterator<Item = &Arc<Silence>> {
        self.about.get(&fingerprint).into_iter().flatten().filter_map(|id| self.all.get(id))
    }

    /// The silences that end with the last alert they silence and have none left at `now`, ended. One that has yet to
    /// silence something waits for it.
    pub(crate) fn done<'a>(
        &self,
        now: Timestamp,
        latest: impl Fn(u64) -> Option<&'a Arc<Transition>>,
    ) -> Vec<Arc<Silence>> {
        let mut ends: HashMap<&Arc<str>, bool> = HashMap::new();
        for (fingerprint, ids) in &self.about {
            let Some(latest) = latest(*fingerprint) else { continue };
            let is_open = latest.alert.state != AlertState::Resolved;
            for id in ids {
                let silence =
                    self.all.get(id).filter(|silence| silence.until_resolved && now < silence.ends_at);
                if silence.is_some_and(|silence| is_open || latest.decided_at >= silence.starts_at) {
                    *ends.entry(id).or_insert(true) &= !is_open;
                }
            }
        }
        let done = ends.into_iter().filter(|(_, is_done)| *is_done).filter_map(|(id, _)| self.all.get(id));
        let mut done: Vec<Arc<Silence>> = done.map(|silence| Arc::new(silence.ended(now))).collect();
        done.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        done
    }

    /// How many alerts of these each silence is about.
    pub(crate) fn counts(&self, of: impl Fn(u64) -> bool) -> HashMap<Arc<str>, usize> {
        let mut counts = HashMap::new();
        for (_, ids) in self.about.iter().filter(|(fingerprint, _)| of(**fingerprint)) {
            for id in ids {
                *counts.entry(Arc::clone(id)).or_default() += 1;
            }
        }
        counts
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Silence>> {
        self.all.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.all.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

/// The label values that a matcher names, where it matches only those.
fn values(matcher: &Matcher) -> Option<Vec<Pair>> {
    let values: Vec<&str> = match matcher.op() {
        MatchOp::Equal => vec![matcher.value()],
        MatchOp::Matches => {
            let is_plain = |text: &str| !text.contains(|c: char| r"\.+*?()[]{}^$".contains(c));
            matcher
                .value()
                .split('|')
                .take(VALUES_MAX + 1)
                .map(|text| is_plain(text).then_some(text))
                .collect::<Option<_>>()?
        }
        MatchOp::NotEqual | MatchOp::NotMatches => return None,
    };
    // The empty value is that of a label that is absent.
    if values.len() > VALUES_MAX || values.contains(&"") {
        return None;
    }
    Some(values.into_iter().map(|value| (matcher.name().into(), value.into())).collect())
}

impl From<Vec<Arc<Silence>>> for Silences {
    fn from(silences: Vec<Arc<Silence>>) -> Self {
        let mut known = Self::default();
        silences.into_iter().for_each(|silence| known.add(silence));
        known
    }
}

impl From<Silences> for Vec<Arc<Silence>> {
    fn from(silences: Silences) -> Self {
        silences.all.into_values().collect()
    }
}
