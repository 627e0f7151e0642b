//! Silences: what people do not want to be told of for a while. Pure; the rules are Alertmanager's, with three additions of
//! ours: windows that recur, an end with the last alert that is silenced, and a longest length.
//!
//! Source: prometheus/alertmanager `silence.Silences.{Set,Expire}`, `silence.canUpdate`, `silence.validateSilence`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, MatchOp, Matcher, Timestamp, format_duration};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::interval::Period;

mod known;
mod written;

pub(crate) use known::Silences;

/// A silence that is over is kept this long. Alertmanager's default for `--data.retention`.
pub const SILENCE_RETENTION: Duration = Duration::from_secs(120 * 3600);
/// Silences that are kept, those that are over included: what amounts to 100 MB.
const SILENCES_MAX: usize = 100_000;
/// One silence: matchers, windows, comment and annotations together.
const SILENCE_BYTES_MAX: usize = 64 << 10;

/// Alerts that all matchers match are told to nobody while it is active. Payload of [`crate::KIND_SILENCE`], JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// A UUID.
    pub id: Arc<str>,
    /// All must match; at least one does not match the empty string.
    #[serde(with = "written")]
    pub matchers: Vec<Matcher>,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it is over, at the latest.
    pub ends_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Whatever else its maker noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The windows in which it is active between its start and its end; always where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurrence: Vec<Period>,
    /// Whether it is over as soon as no alert is open any more that it silences. One that recurs is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_resolved: bool,
}

/// A silence as somebody asks for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SilenceDraft {
    /// The silence it is to replace; absent for a new one.
    pub id: Option<String>,
    /// See [`Silence`], as for all below.
    pub matchers: Vec<Matcher>,
    /// At once where it is absent.
    pub starts_at: Option<Timestamp>,
    /// When it is over, at the latest.
    pub ends_at: Timestamp,
    /// Who asks.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Whatever else.
    pub annotations: BTreeMap<String, String>,
    /// The windows in which it is active.
    pub recurrence: Vec<Period>,
    /// Whether it is over with the last alert that it silences.
    pub until_resolved: bool,
}

/// Where a silence stands. The words are Alertmanager's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SilenceState {
    /// Before its start, or between two of its windows.
    Pending,
    /// It silences now.
    Active,
    /// Over for good.
    Expired,
}

/// Why a silence is not made or changed. Where Alertmanager refuses too, in its words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none of this id.
    #[error("silence not found")]
    NotFound(String),
    /// It is over already.
    #[error("silence {0} already expired")]
    Expired(String),
    /// It would silence everything.
    #[error("at least one matcher required")]
    NoMatcher,
    /// It would silence everything, too.
    #[error("at least one matcher must not match the empty string")]
    MatchesEverything,
    /// It has no length.
    #[error("start time must be before end time")]
    EndsBeforeStart,
    /// It would be over at once.
    #[error("end time can't be in the past")]
    EndsInThePast,
    /// Longer than silences may be here.
    #[error("a silence of {}, at most {} (alerting.silences.max_length): choose an earlier end, or one that recurs", format_duration(*.0), format_duration(*.1))]
    TooLong(Duration, Duration),
    /// Between two windows it silences nothing, so that it would be over without having silenced what comes in the next.
    #[error("a silence that recurs cannot end with its last alert: leave out recurrence or until_resolved")]
    RecursUntilResolved,
    /// Larger than silences may be.
    #[error("a silence of {0} bytes, at most {SILENCE_BYTES_MAX}")]
    TooLarge(usize),
    /// There are very many.
    #[error("there are {SILENCES_MAX} silences already, those that ended within five days included")]
    TooMany,
}

impl SilenceState {
    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

impl Silence {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now >= self.ends_at {
            SilenceState::Expired
        } else if now < self.starts_at || !self.is_in_window(now) {
            SilenceState::Pending
        } else {
            SilenceState::Active
        }
    }

    fn is_in_window(&self, now: Timestamp) -> bool {
        self.recurrence.is_empty() || self.recurrence.iter().any(|period| period.contains(now))
    }

    /// Whether it is about an alert with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
    }

    /// The same silence as over since `now`; one that has not begun never will.
    fn ended(&self, now: Timestamp) -> Self {
        Self { starts_at: self.starts_at.min(now), ends_at: now, updated_at: now, ..self.clone() }
    }

    /// Whether it may become this by a change in place: Alertmanager's rule, so that what was silenced stays on record.
    fn can_become(&self, draft: &SilenceDraft, starts_at: Timestamp, now: Timestamp) -> bool {
        let second = |at: Timestamp| at.millis().div_euclid(1000);
        self.matchers == draft.matchers
            && if now >= self.ends_at {
                false
            } else if now < self.starts_at {
                starts_at >= now
            } else {
                second(starts_at) == second(self.starts_at) && draft.ends_at >= now
            }
    }
}

impl SilenceDraft {
    /// What becomes of the silences when this is asked for: the one it replaces, ended, where it cannot be changed in place,
    /// and the one that is asked for. `longest` is how long a silence may be that does not recur.
    pub(crate) fn put(
        self,
        known: &Silences,
        longest: Option<Duration>,
        now: Timestamp,
    ) -> Result<Vec<Silence>, SilenceError> {
        let starts_at = self.starts_at.unwrap_or(now);
        self.check(starts_at, longest, now)?;
        let before = match &self.id {
            None => None,
            Some(id) => Some(known.get(id).ok_or_else(|| SilenceError::NotFound(id.clone()))?),
        };
        if let Some(before) = before.filter(|before| before.can_become(&self, starts_at, now)) {
            return Ok(vec![self.silence(Arc::clone(&before.id), starts_at, now)]);
        }
        if known.len() >= SILENCES_MAX {
            return Err(SilenceError::TooMany);
        }
        let replaced = before.filter(|before| now < before.ends_at).map(|before| before.ended(now));
        let id = self.new_id(known, now);
        let new = self.silence(id, starts_at.max(now), now);
        Ok(replaced.into_iter().chain([new]).collect())
    }

    fn check(
        &self,
        starts_at: Timestamp,
        longest: Option<Duration>,
        now: Timestamp,
    ) -> Result<(), SilenceError> {
        if self.matchers.is_empty() {
            return Err(SilenceError::NoMatcher);
        }
        // As in Alertmanager, a matcher that says what must not be is taken for one that says something.
        let says_nothing =
            |one: &Matcher| matches!(one.op(), MatchOp::Equal | MatchOp::Matches) && one.matches("");
        if self.matchers.iter().all(says_nothing) {
            return Err(SilenceError::MatchesEverything);
        }
        if self.ends_at <= starts_at {
            return Err(SilenceError::EndsBeforeStart);
        }
        if self.ends_at < now {
            return Err(SilenceError::EndsInThePast);
        }
        let length = self.ends_at.since(starts_at.max(now));
        if let Some(longest) = longest.filter(|longest| length > *longest && self.recurrence.is_empty()) {
            return Err(SilenceError::TooLong(length, longest));
        }
        if self.until_resolved && !self.recurrence.is_empty() {
            return Err(SilenceError::RecursUntilResolved);
        }
        let matchers = self.matchers.iter().map(|matcher| matcher.name().len() + matcher.value().len());
        let noted = self.annotations.iter().map(|(name, value)| name.len() + value.len());
        let texts = self.comment.len() + self.created_by.len();
        let bytes = matchers.sum::<usize>() + noted.sum::<usize>() + texts + self.recurrence_bytes();
        if bytes > SILENCE_BYTES_MAX {
            return Err(SilenceError::TooLarge(bytes));
        }
        Ok(())
    }

    /// What the windows take, as they are written down: a window may hold any number of stretches and dates.
    fn recurrence_bytes(&self) -> usize {
        if self.recurrence.is_empty() {
            return 0;
        }
        serde_json::to_vec(&self.recurrence)
            .expect("windows are maps with text keys, which JSON can hold")
            .len()
    }

    fn silence(self, id: Arc<str>, starts_at: Timestamp, now: Timestamp) -> Silence {
        let Self { matchers, ends_at, created_by, comment, annotations, recurrence, until_resolved, .. } =
            self;
        Silence {
            id,
            matchers,
            starts_at,
            ends_at,
            updated_at: now,
            created_by,
            comment,
            annotations,
            recurrence,
            until_resolved,
        }
    }

    /// An id that no silence has, in the form of a random UUID; made of what is asked for and when, so that the same history
    /// gives the same ids.
    fn new_id(&self, known: &Silences, now: Timestamp) -> Arc<str> {
        let attempts = (known.len() as u64..).map(|attempt| {
            let mut hash = Sha256::new();
            hash.update(now.millis().to_be_bytes());
            hash.update(attempt.to_be_bytes());
            hash.update(format!("{self:?}"));
            let mut bytes: [u8; 16] = hash.finalize()[..16].try_into().expect("16 of 32 bytes");
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let digits = hex::encode(bytes);
            let (a, b, c, d, e) =
                (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
            format!("{a}-{b}-{c}-{d}-{e}")
        });
        let mut free = attempts.filter(|id| known.get(id).is_none());
        free.next().expect("one of very many ids is free").into()
    }
}

/// The silence of this id as over since `now`.
pub(crate) fn expire(known: &Silences, id: &str, now: Timestamp) -> Result<Silence, SilenceError> {
    let silence = known.get(id).ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
    if now >= silence.ends_at {
        return Err(SilenceError::Expired(id.to_owned()));
    }
    Ok(silence.ended(now))
}

#[cfg(test)]
mod tests;
