//! What people do about an alert: who has it, what was said, until when it is put off. Pure. All of it ends with the alert's
//! episode: one that fires again is nobody's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState};
use crate::delivery::fingerprint;
use crate::event::Transition;

/// The latest comments that are kept of one alert; the journal has all of them.
const COMMENTS_MAX: usize = 50;
/// One comment, note or name.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// What somebody does about alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Takes it: it is not repeated until it becomes worse or is taken back.
    Acknowledge,
    /// Takes that back.
    Unacknowledge,
    /// Gives it to somebody; to nobody where the name is empty.
    Assign {
        /// Who has it from now on.
        to: String,
    },
    /// Says something about it; the act's note.
    Comment,
    /// Puts it off: nobody is told of it before this time.
    Snooze {
        /// In the future.
        until: Timestamp,
    },
    /// Takes that back.
    Unsnooze,
}

impl Act {
    /// The word the API and the journal use.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Unacknowledge => "unacknowledge",
            Self::Assign { .. } => "assign",
            Self::Comment => "comment",
            Self::Snooze { .. } => "snooze",
            Self::Unsnooze => "unsnooze",
        }
    }
}

/// How an alert is handled, after the latest act. Payload of [`crate::KIND_HANDLING`], JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// Of the alert.
    #[serde(with = "fingerprint")]
    pub fingerprint: u64,
    /// Who has taken it; absent when nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// Who is to look after it; empty when nobody is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub assigned_to: String,
    /// Until when it is put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed: Option<Snoozed>,
    /// What was said of it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// The act that made it so, for whoever reads the journal.
    pub act: String,
    /// Who did it.
    pub actor: String,
    /// What they noted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When.
    pub at: Timestamp,
}

impl Handling {
    /// Nobody did anything.
    fn none(fingerprint: u64, at: Timestamp) -> Self {
        Self {
            fingerprint,
            acknowledged: None,
            assigned_to: String::new(),
            snoozed: None,
            comments: Vec::new(),
            act: String::new(),
            actor: String::new(),
            note: String::new(),
            at,
        }
    }
}

/// Somebody has taken an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// How bad the alert was then: it holds as long as the alert is no worse.
    pub severity: Severity,
}

/// Somebody has put an alert off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snoozed {
    /// Who.
    pub by: String,
    /// Until when.
    pub until: Timestamp,
}

/// Something that was said of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// None of the alerts is open.
    #[error("none of these alerts is open: only what is open can be handled")]
    NotOpen,
    /// The time has passed.
    #[error("snooze until {0}: choose a time in the future")]
    UntilPast(Timestamp),
    /// Nothing was said.
    #[error("an empty comment: write something")]
    NoText,
    /// Too long to be kept.
    #[error("a text of {0} bytes, at most {TEXT_BYTES_MAX}")]
    TooLong(usize),
}

/// What became of an act on several alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActOutcome {
    /// How many are handled as it was asked for, those that were already among them.
    pub done: usize,
    /// How many of them were not before.
    pub changed: usize,
    /// The others: not known, or over.
    pub not_open: Vec<u64>,
}

/// How every alert is handled that somebody did something about: a fold of their records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Arc<Handling>>", into = "Vec<Arc<Handling>>")]
pub(crate) struct Handlings {
    latest: BTreeMap<u64, Arc<Handling>>,
}

impl Handlings {
    /// Takes in a record; the last one of an alert holds.
    pub(crate) fn apply(&mut self, handling: Arc<Handling>) {
        self.latest.insert(handling.fingerprint, handling);
    }

    /// Takes note of what happened to an alert: a new episode begins without what was done in the one before.
    pub(crate) fn follow(&mut self, transition: &Transition) {
        if !self.latest.is_empty() && matches!(transition.from, None | Some(AlertState::Resolved)) {
            self.latest.remove(&transition.alert.fingerprint());
        }
    }

    /// Keeps those of these alerts only.
    pub(crate) fn retain(&mut self, is_known: impl Fn(u64) -> bool) {
        self.latest.retain(|fingerprint, _| is_known(*fingerprint));
    }

    /// How this alert is handled, where anybody did anything.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<&Arc<Handling>> {
        self.latest.get(&fingerprint)
    }

    /// Who has taken the alert, where that still holds for one as bad as this.
    pub(crate) fn acknowledged(&self, fingerprint: u64, severity: Severity) -> Option<&Acknowledged> {
        let acknowledged = self.get(fingerprint)?.acknowledged.as_ref()?;
        (severity <= acknowledged.severity).then_some(acknowledged)
    }

    /// Until when the alert is put off, where it is at `now`.
    pub(crate) fn snoozed(&self, fingerprint: u64, now: Timestamp) -> Option<&Snoozed> {
        self.get(fingerprint)?.snoozed.as_ref().filter(|snoozed| now < snoozed.until)
    }

    /// Alerts that somebody has taken.
    pub(crate) fn taken(&self) -> impl Iterator<Item = u64> {
        self.latest.values().filter(|one| one.acknowledged.is_some()).map(|one| one.fingerprint)
    }

    /// What an act makes of one alert; `None` when it is so already.
    fn after(&self, alert: &Alert, act: &Act, actor: &str, note: &str, now: Timestamp) -> Option<Handling> {
        let fingerprint = alert.fingerprint();
        let before = self
            .get(fingerprint)
            .map_or_else(|| Handling::none(fingerprint, now), |one| Handling::clone(one));
        let mut after = before.clone();
        let by = || actor.to_owned();
        match act {
            Act::Acknowledge => {
                let severity = alert.severity;
                if self.acknowledged(fingerprint, severity).is_none_or(|holds| holds.by != actor) {
                    after.acknowledged = Some(Acknowledged { by: by(), at: now, severity });
                }
            }
            Act::Unacknowledge => after.acknowledged = None,
            Act::Assign { to } => after.assigned_to.clone_from(to),
            Act::Snooze { until } => {
                if after.snoozed.as_ref().is_none_or(|snoozed| snoozed.until != *until) {
                    after.snoozed = Some(Snoozed { by: by(), until: *until });
                }
            }
            Act::Unsnooze => after.snoozed = None,
            Act::Comment => {}
        }
        if !note.is_empty() {
            after.comments.push(Comment { by: by(), at: now, text: note.to_owned() });
            let beyond = after.comments.len().saturating_sub(COMMENTS_MAX);
            after.comments.drain(..beyond);
        }
        (after != before).then(|| Handling {
            act: act.as_str().to_owned(),
            actor: by(),
            note: note.to_owned(),
            at: now,
            ..after
        })
    }
}

/// What somebody asks to be done about alerts.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) targets: Vec<u64>,
    pub(crate) act: Act,
    pub(crate) actor: String,
    pub(crate) note: String,
}

impl Request {
    /// The records of what changes, and what becomes of the request; `known` finds an alert.
    pub(crate) fn carry_out<'a>(
        &self,
        handlings: &Handlings,
        known: impl Fn(u64) -> Option<&'a Alert>,
        now: Timestamp,
    ) -> Result<(Vec<Handling>, ActOutcome), ActError> {
        let Self { targets, act, actor, note } = self;
        let assigned = if let Act::Assign { to } = act { to.len() } else { 0 };
        let longest = note.len().max(assigned);
        if longest > TEXT_BYTES_MAX {
            return Err(ActError::TooLong(longest));
        }
        match act {
            Act::Comment if note.is_empty() => return Err(ActError::NoText),
            Act::Snooze { until } if *until <= now => return Err(ActError::UntilPast(*until)),
            _ => {}
        }
        let mut outcome = ActOutcome::default();
        let mut records = Vec::new();
        let unique: BTreeSet<u64> = targets.iter().copied().collect();
        for target in unique {
            // Of what is over there may still be something to say.
            let can_be = |alert: &&Alert| *act == Act::Comment || alert.state != AlertState::Resolved;
            match known(target).filter(can_be) {
                None => outcome.not_open.push(target),
                Some(alert) => {
                    outcome.done += 1;
                    records.extend(handlings.after(alert, act, actor, note, now));
                }
            }
        }
        outcome.changed = records.len();
        if outcome.done == 0 {
            return Err(ActError::NotOpen);
        }
        Ok((records, outcome))
    }
}

impl From<Vec<Arc<Handling>>> for Handlings {
    fn from(handlings: Vec<Arc<Handling>>) -> Self {
        Self { latest: handlings.into_iter().map(|one| (one.fingerprint, one)).collect() }
    }
}

impl From<Handlings> for Vec<Arc<Handling>> {
    fn from(handlings: Handlings) -> Self {
        handlings.latest.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
