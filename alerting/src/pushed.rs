//! What an alert that somebody sent means for what is known of it. Pure; the rules are Alertmanager's.
//!
//! Source: prometheus/alertmanager `api/v2.postAlertsHandler`, `types.Alert.Merge`, `provider/mem.Alerts.Put`.

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{FailureDomain, Labels, Timestamp};

use crate::alert::{Alert, AlertState, Pushed, Watched};
use crate::classify::Classifier;
use crate::event::Transition;

mod expiry;

pub(crate) use expiry::{Expiries, Expiry};

use expiry::held_until;

/// The labels and annotations of one alert may have so many bytes together. The journal takes 1 MiB for a record, and JSON
/// writes a byte as six at worst.
pub const POSTED_BYTES_MAX: usize = 64 << 10;

/// The end of an alert that ends only when its sender says so: the last second that RFC 3339 can write. It is shown nowhere.
pub const UNTIL_TOLD: Timestamp = Timestamp::from_millis(253_402_300_799_000);

/// So many alerts may be known at once, those that are over included: one to two gigabytes.
pub(crate) const ALERTS_MAX: usize = 1_000_000;

/// An alert as its sender describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedAlert {
    /// What it is; at least one label.
    pub labels: Labels,
    /// What is said of it.
    pub annotations: BTreeMap<String, String>,
    /// When it began; the time it is received, or its end, where the sender does not say.
    pub starts_at: Option<Timestamp>,
    /// When it ends, past or future; some time after it is received where the sender does not say, and [`UNTIL_TOLD`] where it
    /// will say so itself.
    pub ends_at: Option<Timestamp>,
    /// Where its sender shows what raised it; empty when it does not say.
    pub generator_url: String,
}

/// What became of alerts that were sent together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostOutcome {
    /// How many were taken, those that say nothing new among them.
    pub taken: usize,
    /// How many of them changed something.
    pub changed: usize,
    /// The others: which, counted from 0, and what is wrong with it.
    pub refused: Vec<(usize, PostError)>,
}

/// Why an alert was not taken. The words of the first two are Alertmanager's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// It names nothing.
    #[error("at least one label pair required")]
    NoLabels,
    /// It ends before it begins.
    #[error("start time must be before end time")]
    EndsBeforeStart,
    /// It is larger than any alert may be.
    #[error("labels and annotations of {0} bytes, at most {POSTED_BYTES_MAX}")]
    TooLarge(usize),
    /// There are very many.
    #[error("{ALERTS_MAX} alerts are known already: no new ones are taken until some are over and forgotten")]
    TooMany,
    /// Isobar itself has raised an alert of exactly these labels.
    #[error("an alert of exactly these labels is open, and was raised by Isobar itself")]
    OwnAlert,
}

/// What holds for all alerts of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Post<'a> {
    /// The door they came in by.
    pub(crate) door: &'a str,
    /// Whether the door knows its senders.
    pub(crate) is_verified: bool,
    /// When they came.
    pub(crate) now: Timestamp,
    /// The life of an alert whose end its sender does not say.
    pub(crate) resolve_timeout: Duration,
    /// How severity and class are found.
    pub(crate) classifier: &'a Classifier,
}

/// What one alert of a request changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taken {
    /// Of its labels.
    pub(crate) fingerprint: u64,
    /// When it ends unless it is sent again; absent when it is over.
    pub(crate) expiry: Option<Expiry>,
    /// For the journal; absent when nothing changed but the expiry.
    pub(crate) transition: Option<Transition>,
}

impl Post<'_> {
    /// Takes one alert, given what is known of its fingerprint and when that would end.
    pub(crate) fn take(
        &self,
        known: Option<&Alert>,
        expiry: Option<Expiry>,
        posted: PostedAlert,
    ) -> Result<Taken, PostError> {
        let now = self.now;
        let told_end = posted.ends_at.filter(|end| *end != UNTIL_TOLD);
        let starts_at = posted.starts_at.or(told_end).unwrap_or(now);
        let is_timed = posted.ends_at.is_none();
        let ends_at = posted.ends_at.unwrap_or(now.plus(self.resolve_timeout));
        check(&posted, starts_at, ends_at)?;
        let fingerprint = posted.labels.fingerprint();
        let known = known.filter(|known| known.pushed.is_some() || known.state != AlertState::Resolved);
        if known.is_some_and(|known| known.pushed.is_none()) {
            return Err(PostError::OwnAlert);
        }
        let span = Span { starts_at, ends_at, is_timed };
        let span = match known.and_then(|known| Span::of(known, expiry)) {
            Some(before) if before.overlaps(span) => before.merge(span, now),
            _ => span,
        };
        let is_over = span.ends_at <= now;
        let expiry = Expiry { expires_at: span.ends_at, is_timed: span.is_timed, reported_at: now };
        let transition = match known {
            Some(known) if self.says_nothing_new(known, &posted, span) => None,
            _ => Some(self.transition(known, posted, span)),
        };
        Ok(Taken { fingerprint, expiry: (!is_over).then_some(expiry), transition })
    }

    /// Whether what is known needs no record: only the time of its expected end may differ. What is over and stays over is
    /// told to nobody, whatever is said of it.
    fn says_nothing_new(&self, known: &Alert, posted: &PostedAlert, span: Span) -> bool {
        let is_over = span.ends_at <= self.now;
        if known.state == AlertState::Resolved {
            return is_over;
        }
        !is_over
            && known.starts_at == span.starts_at
            && known.annotations == posted.annotations
            && known.pushed.as_ref().is_some_and(|pushed| {
                pushed.generator_url == posted.generator_url
                    && span.ends_at <= held_until(pushed, self.now, self.resolve_timeout)
            })
            && known.sources.contains(self.door)
            && (self.is_verified || !known.verified)
    }

    fn transition(&self, known: Option<&Alert>, posted: PostedAlert, span: Span) -> Transition {
        let (now, door) = (self.now, self.door);
        let open = known.filter(|known| known.state != AlertState::Resolved);
        let is_over = span.ends_at <= now;
        let reason = match (open, is_over) {
            (None, false) => format!("sent by {door}"),
            (None, true) => format!("sent by {door} as already over"),
            (Some(_), true) => format!("sent by {door} as over"),
            (Some(open), false) if open.annotations != posted.annotations => {
                format!("sent by {door} with other annotations")
            }
            (Some(_), false) => format!("sent by {door} with other particulars"),
        };
        let mut sources = open.map(|open| open.sources.clone()).unwrap_or_default();
        sources.insert(door.to_owned());
        let (severity, class) = match open {
            Some(open) => (open.severity, open.class),
            None => (self.classifier.severity(&posted.labels), self.classifier.class(&posted.labels)),
        };
        let alert = Alert {
            state: if is_over { AlertState::Resolved } else { AlertState::Firing },
            severity,
            class,
            failure_domain: FailureDomain::Resource,
            sources,
            verified: self.is_verified && open.is_none_or(|open| open.verified),
            value: None,
            starts_at: span.starts_at,
            fired_at: Some(open.and_then(|open| open.fired_at).unwrap_or(span.starts_at)),
            ends_at: is_over.then_some(span.ends_at),
            updated_at: now,
            watched: Watched::default(),
            native: Vec::new(),
            members: Vec::new(),
            pushed: Some(Pushed {
                door: door.to_owned(),
                generator_url: posted.generator_url,
                is_timed: span.is_timed,
                expires_at: span.ends_at,
                reported_at: now,
            }),
            described: open.map_or_else(Labels::empty, |open| open.described.clone()),
            annotations: posted.annotations,
            identity: posted.labels,
        };
        Transition { from: known.map(|known| known.state), reason, decided_at: now, alert }
    }
}

fn check(posted: &PostedAlert, starts_at: Timestamp, ends_at: Timestamp) -> Result<(), PostError> {
    if posted.labels.is_empty() {
        return Err(PostError::NoLabels);
    }
    if ends_at < starts_at {
        return Err(PostError::EndsBeforeStart);
    }
    let annotations = posted.annotations.iter().map(|(name, value)| name.len() + value.len());
    let bytes = posted.labels.packed().len() + annotations.sum::<usize>() + posted.generator_url.len();
    if bytes > POSTED_BYTES_MAX {
        return Err(PostError::TooLarge(bytes));
    }
    Ok(())
}

/// From when to when an alert fires.
#[derive(Clone, Copy, Debug)]
struct Span {
    starts_at: Timestamp,
    ends_at: Timestamp,
    is_timed: bool,
}

impl Span {
    fn of(known: &Alert, expiry: Option<Expiry>) -> Option<Self> {
        let pushed = known.pushed.as_ref()?;
        let expiry = expiry.unwrap_or(Expiry::of(pushed));
        let ends_at = known.ends_at.unwrap_or(expiry.expires_at);
        Some(Self { starts_at: known.starts_at, ends_at, is_timed: expiry.is_timed })
    }

    fn overlaps(self, later: Self) -> bool {
        let holds = |at: Timestamp| self.starts_at < at && at < self.ends_at;
        holds(later.ends_at) || holds(later.starts_at)
    }

    /// Both reports as one; `later` is the younger one, and counts but for its ends.
    fn merge(self, later: Self, now: Timestamp) -> Self {
        let is_over = |span: Self| span.ends_at <= now;
        let keeps_end =
            self.ends_at > later.ends_at && if is_over(later) { is_over(self) } else { !self.is_timed };
        Self {
            starts_at: self.starts_at.min(later.starts_at),
            ends_at: if keeps_end { self.ends_at } else { later.ends_at },
            is_timed: later.is_timed,
        }
    }
}

/// The end of an alert that nobody sent again in time.
pub(crate) fn expired(known: &Alert, expiry: Expiry, now: Timestamp) -> Transition {
    let door = known.pushed.as_ref().map_or("", |pushed| &pushed.door);
    let reason = if expiry.is_timed {
        format!("not sent again by {door} since {}", expiry.reported_at)
    } else {
        format!("the end that {door} named has come; last sent {}", expiry.reported_at)
    };
    let mut alert = known.clone();
    alert.state = AlertState::Resolved;
    alert.ends_at = Some(expiry.expires_at.min(now));
    alert.updated_at = now;
    if let Some(pushed) = &mut alert.pushed {
        expiry.show(pushed);
    }
    Transition { from: Some(known.state), reason, decided_at: now, alert }
}

#[cfg(test)]
mod tests;
