//! The rules about Isobar itself. They ship with it, need no configuration, and speak through the same transitions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::{AlertClass, FailureDomain, Labels, Severity, Timestamp, format_duration};

use crate::alert::{Alert, AlertState, Watched};
use crate::centre::EndingSilence;
use crate::event::Transition;
use crate::policy::{ALERT_NAME, SOURCE};

/// A source is reported after being down for this many of its intervals: the break is noticed by the next attempt, at
/// most one interval later, so that the alert comes within two.
const SOURCE_DOWN_INTERVALS: u32 = 1;

/// A source lags when it is behind by more than this, or by [`LAG_INTERVALS`] of its own intervals where that is more.
/// The grace of no-data: from here on alerts come visibly late.
const LAG_MIN: Duration = Duration::from_secs(5 * 60);
/// One missed collection is repaired by the next; five in a row are not going to be.
const LAG_INTERVALS: u32 = 5;

/// A receiver fails for so long before we say so: the first retries take about half a minute.
const DELIVERY_FAILING_AFTER: Duration = Duration::from_secs(2 * 60);

/// Damage of the log cannot be undone and is over when someone has had a day to see it.
const WAL_DAMAGED_SHOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// A place for checkpoints fails for so long before we say so: what is written meanwhile is not in danger, only not proven.
const CHECKPOINT_FAILING_AFTER: Duration = Duration::from_secs(2 * 60);

/// So long before a silence ends that still holds alerts back, it is said: long enough to look, and to make it longer.
pub const SILENCE_ENDING: Duration = Duration::from_secs(15 * 60);

/// The names of the rules, which no policy may take.
pub(crate) const NAMES: [&str; 9] = [
    "source_down",
    "watermark_lag",
    "wal_damaged",
    "block_damaged",
    "disk_reserve",
    "delivery_failing",
    "checkpoint_failing",
    "journal_contradicted",
    "silence_ending",
];

/// What the rules look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Every configured source.
    pub sources: Vec<SourceFacts>,
    /// Damaged WAL records found since the process started.
    pub wal_damaged_records: u64,
    /// Blocks of which something or nothing can be read, as long as they are there.
    pub damaged_blocks: u64,
    /// The disk reserve was given up because the disk is full.
    pub disk_reserve_released: bool,
    /// Every receiver that deliveries go to.
    pub deliveries: Vec<DeliveryFacts>,
    /// Every place that keeps checkpoints of the journal.
    pub checkpoints: Vec<CheckpointFacts>,
    /// Every silence that ends within [`SILENCE_ENDING`] and holds alerts back.
    pub silences: Vec<EndingSilence>,
}

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceFacts {
    /// Its configured name.
    pub name: String,
    /// Whether it was tried since the process started. Before, nothing is known, and what was on stays on.
    pub is_tried: bool,
    /// Whether nothing of it answers; degraded and disabled sources are not down.
    pub is_down: bool,
    /// Why, in one line.
    pub reason: String,
    /// Since when it is as it is.
    pub since: Timestamp,
    /// How far its watermark is behind `now` less the provider's delay.
    pub lag: Duration,
    /// Its configured interval.
    pub interval: Duration,
}

/// One receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryFacts {
    /// Its configured name.
    pub receiver: String,
    /// Since when every attempt has failed; `None` when the last one succeeded.
    pub failing_since: Option<Timestamp>,
    /// Deliveries given up and not sent again since.
    pub dead: u64,
}

/// One place that keeps checkpoints of the journal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckpointFacts {
    /// What people call it.
    pub place: String,
    /// Since when every attempt to keep one has failed, and why the last one did; `None` when it succeeded.
    pub failing: Option<(Timestamp, String)>,
    /// What speaks against the journal's being the one its checkpoints were taken from; `None` when nothing does.
    pub contradiction: Option<String>,
}

/// The alerts about Isobar itself that are on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelfRules {
    on: BTreeMap<Labels, Alert>,
    /// Damaged records already reported.
    wal_damaged_seen: u64,
}

/// One rule's verdict that something is wrong.
struct Finding {
    rule: &'static str,
    /// The label that tells two of them apart, and its value.
    about: Option<(&'static str, String)>,
    severity: Severity,
    domain: FailureDomain,
    since: Timestamp,
    value: Option<f64>,
    summary: String,
    /// Worth a transition although it is on already: there is more of it.
    is_more: bool,
}

impl SelfRules {
    /// Takes up the alerts of an earlier process; others than those of class `self` are passed over.
    pub fn restored<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> Self {
        let on = |alert: &&Alert| alert.class == AlertClass::Own && alert.state != AlertState::Resolved;
        let on = alerts.into_iter().filter(on).map(|alert| (alert.identity.clone(), alert.clone()));
        Self { on: on.collect(), wal_damaged_seen: 0 }
    }

    /// Looks at the facts and tells what changed.
    pub fn step(&self, facts: &Facts, now: Timestamp) -> (Self, Vec<Transition>) {
        let mut next = Self { on: BTreeMap::new(), wal_damaged_seen: facts.wal_damaged_records };
        let mut transitions = Vec::new();
        for finding in self.findings(facts, now) {
            let identity = finding.identity();
            let before = self.on.get(&identity);
            if let Some(alert) = before.filter(|_| !finding.is_more) {
                next.on.insert(identity, alert.clone());
                continue;
            }
            let alert = finding.alert(before, now);
            let from = before.map(|alert| alert.state);
            transitions.push(Transition {
                from,
                reason: finding.summary,
                decided_at: now,
                alert: alert.clone(),
            });
            next.on.insert(identity, alert);
        }
        for (identity, alert) in &self.on {
            if !next.on.contains_key(identity) {
                let mut over = alert.clone();
                over.state = AlertState::Resolved;
                over.ends_at = Some(now);
                over.updated_at = now;
                let reason = format!("{} no longer", alert.name());
                transitions.push(Transition {
                    from: Some(alert.state),
                    reason,
                    decided_at: now,
                    alert: over,
                });
            }
        }
        (next, transitions)
    }

    fn findings(&self, facts: &Facts, now: Timestamp) -> Vec<Finding> {
        let sources = facts.sources.iter().filter_map(|source| self.source_finding(source, now));
        let deliveries = facts.deliveries.iter().filter_map(|delivery| self.delivery_finding(delivery, now));
        let own = self.wal_finding(facts, now).into_iter();
        let own = own.chain(self.block_finding(facts, now)).chain(disk_finding(facts, now));
        let checkpoints = facts.checkpoints.iter().flat_map(|place| checkpoint_findings(place, now));
        let silences = facts.silences.iter().map(|ending| silence_finding(ending, now));
        sources.chain(deliveries).chain(own).chain(checkpoints).chain(silences).collect()
    }

    fn source_finding(&self, source: &SourceFacts, now: Timestamp) -> Option<Finding> {
        let finding = |rule, severity, since, value, summary| Finding {
            rule,
            about: Some((SOURCE, source.name.clone())),
            severity,
            domain: FailureDomain::Edge,
            since,
            value,
            summary,
            is_more: false,
        };
        let is_on = |finding: &Finding| self.on.contains_key(&finding.identity());
        if !source.is_tried {
            let unknown = |rule| finding(rule, Severity::Error, source.since, None, String::new());
            return ["source_down", "watermark_lag"].map(unknown).into_iter().find(is_on);
        }
        if source.is_down {
            let summary = format!("source {} is down: {}", source.name, source.reason);
            let down = finding("source_down", Severity::Error, source.since, None, summary);
            // After a restart it is found down anew, and was not well meanwhile.
            let is_due = now.since(source.since) >= source.interval * SOURCE_DOWN_INTERVALS;
            return (is_due || is_on(&down)).then_some(down);
        }
        let limit = LAG_MIN.max(source.interval * LAG_INTERVALS);
        let summary = format!("source {} is more than {} behind", source.name, format_duration(limit));
        let since = now.minus(source.lag);
        let lag = Some(source.lag.as_secs_f64());
        let lagging = finding("watermark_lag", Severity::Warning, since, lag, summary);
        // Half the limit to recover, so that a source at the limit does not flap.
        let threshold = if is_on(&lagging) { limit / 2 } else { limit };
        (source.lag > threshold).then_some(lagging)
    }

    fn wal_finding(&self, facts: &Facts, now: Timestamp) -> Option<Finding> {
        let finding = |records: f64, since| Finding {
            rule: "wal_damaged",
            about: None,
            severity: Severity::Error,
            domain: FailureDomain::Resource,
            since,
            value: Some(records),
            summary: format!("{records} damaged records in the write-ahead log; the bad bytes are kept"),
            is_more: false,
        };
        let on = self.on.get(&finding(0.0, now).identity());
        let known = on.and_then(|alert| alert.value).unwrap_or(0.0);
        let found = facts.wal_damaged_records as f64;
        let is_new = facts.wal_damaged_records > self.wal_damaged_seen && found > known;
        match on {
            _ if is_new => Some(Finding { is_more: true, ..finding(found, now) }),
            Some(alert) if now.since(alert.updated_at) < WAL_DAMAGED_SHOWN => Some(finding(known, now)),
            _ => None,
        }
    }

    /// Unlike the log, which is mended by passing over what is damaged, a block can be put right or removed.
    fn block_finding(&self, facts: &Facts, now: Timestamp) -> Option<Finding> {
        let blocks = facts.damaged_blocks;
        let mut finding = Finding {
            rule: "block_damaged",
            about: None,
            severity: Severity::Error,
            domain: FailureDomain::Resource,
            since: now,
            value: Some(blocks as f64),
            summary: format!(
                "{blocks} damaged blocks of samples, named in the log and by queries that miss them: put their folders \
                 back from a backup and restart, or remove them"
            ),
            is_more: false,
        };
        let on = self.on.get(&finding.identity());
        finding.is_more = on.and_then(|alert| alert.value).is_some_and(|known| blocks as f64 > known);
        (blocks > 0).then_some(finding)
    }

    fn delivery_finding(&self, delivery: &DeliveryFacts, now: Timestamp) -> Option<Finding> {
        let failing = delivery.failing_since.filter(|since| now.since(*since) >= DELIVERY_FAILING_AFTER);
        let summary = match (failing, delivery.dead) {
            (None, 0) => return None,
            (Some(_), 0) => format!("receiver {} takes no deliveries", delivery.receiver),
            (None, dead) => format!("{dead} deliveries to {} were given up", delivery.receiver),
            (Some(_), dead) => {
                format!("receiver {} takes no deliveries, {dead} were given up", delivery.receiver)
            }
        };
        let mut finding = Finding {
            rule: "delivery_failing",
            about: Some(("receiver", delivery.receiver.clone())),
            // Nobody is told of anything else over this receiver.
            severity: Severity::Critical,
            domain: FailureDomain::Edge,
            since: failing.unwrap_or(now),
            value: Some(delivery.dead as f64),
            summary,
            is_more: false,
        };
        let on = self.on.get(&finding.identity());
        finding.is_more = on.and_then(|alert| alert.value).is_some_and(|known| delivery.dead as f64 > known);
        Some(finding)
    }
}

fn silence_finding(ending: &EndingSilence, now: Timestamp) -> Finding {
    let EndingSilence { silence, alerts } = ending;
    let (by, comment) = (&silence.created_by, &silence.comment);
    Finding {
        rule: "silence_ending",
        about: Some(("silence", silence.id.to_string())),
        severity: Severity::Info,
        domain: FailureDomain::Edge,
        since: now,
        value: Some(*alerts as f64),
        summary: format!(
            "the silence of {by} ends at {} and still holds {alerts} alerts back: {comment}",
            silence.ends_at
        ),
        is_more: false,
    }
}

fn checkpoint_findings(place: &CheckpointFacts, now: Timestamp) -> impl Iterator<Item = Finding> {
    let finding = |rule, severity, since, summary| Finding {
        rule,
        about: Some(("place", place.place.clone())),
        severity,
        domain: FailureDomain::Resource,
        since,
        value: None,
        summary,
        is_more: false,
    };
    let failing = place.failing.as_ref().filter(|(since, _)| now.since(*since) >= CHECKPOINT_FAILING_AFTER);
    let failing = failing.map(|(since, reason)| {
        let summary = format!("no checkpoint of the journal can be kept at {}: {reason}", place.place);
        finding("checkpoint_failing", Severity::Error, *since, summary)
    });
    // It does not get well by itself: somebody has to look, and to put the checkpoints away or the journal back.
    let contradicted = place.contradiction.as_ref().map(|what| {
        let summary = format!("the journal is not the one whose checkpoints {} keeps: {what}", place.place);
        finding("journal_contradicted", Severity::Critical, now, summary)
    });
    failing.into_iter().chain(contradicted)
}

fn disk_finding(facts: &Facts, now: Timestamp) -> Option<Finding> {
    facts.disk_reserve_released.then(|| Finding {
        rule: "disk_reserve",
        about: None,
        severity: Severity::Critical,
        domain: FailureDomain::Resource,
        since: now,
        value: None,
        summary: "the disk is full: writes are refused, queries and paging run on the reserve".to_owned(),
        is_more: false,
    })
}

impl Finding {
    fn identity(&self) -> Labels {
        let mut identity = Labels::empty().edit();
        identity.set(ALERT_NAME, self.rule);
        if let Some((label, value)) = &self.about {
            identity.set(*label, value);
        }
        identity.build()
    }

    fn annotations(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("summary".to_owned(), self.summary.clone())])
    }

    fn alert(&self, before: Option<&Alert>, now: Timestamp) -> Alert {
        Alert {
            identity: self.identity(),
            described: Labels::empty(),
            annotations: self.annotations(),
            state: AlertState::Firing,
            severity: self.severity,
            class: AlertClass::Own,
            failure_domain: self.domain,
            sources: BTreeSet::from(["self".to_owned()]),
            verified: true,
            value: self.value,
            starts_at: before.map_or(self.since, |alert| alert.starts_at),
            fired_at: Some(before.and_then(|alert| alert.fired_at).unwrap_or(now)),
            ends_at: None,
            updated_at: now,
            watched: Watched::default(),
            native: Vec::new(),
            members: Vec::new(),
            pushed: None,
        }
    }
}

#[cfg(test)]
mod tests;
