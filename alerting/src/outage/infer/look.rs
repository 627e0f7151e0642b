//! What is seen of one region: the evidence of each class, and what speaks against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::share;
use crate::outage::breadth::{Breaches, Breadth, chance_of};
use crate::outage::collectors::{Calls, is_network_proven};
use crate::outage::facts::OutageFacts;
use crate::outage::{Evidence, EvidenceClass, ONPREM, ONSET_SLACK, Region};

/// Calls that begin to fail so much before the breach, or so much after it, fail for another reason.
const CALLS_BEFORE: Duration = Duration::from_secs(3 * 60);
const CALLS_AFTER: Duration = Duration::from_secs(5 * 60);
/// Where our own rooms breach as well, it may be what joins them with the region, and where the same services breached
/// elsewhere before, it may be what is done to them: calls must have failed for longer than a passing disturbance takes.
const CALLS_LAST: Duration = Duration::from_secs(2 * 60);
/// Our own rooms breach as well when more services there do since then than would by chance once in a thousand times.
const ROOMS_MIN: usize = 3;
const ROOMS_CHANCE: f64 = 1e-3;

/// Breadth with nothing but controls beside it must be overwhelming: something of our own that a region shares looks like the
/// provider's outage, too.
const OVERWHELMING_CHANCE: f64 = 1e-8;
const OVERWHELMING_SHARE: f64 = 0.6;
const OVERWHELMING_UNITS: usize = 4;
const OVERWHELMING_KINDS: usize = 2;
/// So many services are named.
const NAMED_MAX: usize = 10;
/// Elsewhere so much may breach beyond the usual for it to be as usual: twice as much, and this share.
const CONTROLS_SHARE: f64 = 0.05;

/// What is seen of one region.
pub(super) struct Look {
    pub(super) breadth: Option<Breadth>,
    pub(super) calls: Calls,
    /// For how long they have been failing.
    pub(super) calls_last: Duration,
    pub(super) controls: Controls,
    pub(super) notice: Option<Evidence>,
}

/// How it is everywhere else.
pub(super) enum Controls {
    AsUsual(Evidence),
    /// Our own rooms breach, too, or the same services did elsewhere before.
    Doubtful(String),
    /// Other places breach, too, or nothing is known of them.
    Unclear(String),
}

/// Everything that the regions are seen in.
pub(super) struct Scene<'a> {
    pub(super) facts: &'a OutageFacts<'a>,
    pub(super) breaches: Breaches<'a>,
    pub(super) calls: BTreeMap<Region, Calls>,
    /// The share of units that usually breaches.
    pub(super) usual: BTreeMap<Region, f64>,
    /// Where an outage stands already.
    pub(super) out: BTreeSet<Region>,
    pub(super) now: Timestamp,
}

impl Scene<'_> {
    /// Looks at one region.
    pub(super) fn look(&self, region: &Region, calls_last: Duration) -> Look {
        let is_control = |other: &&Region| {
            *other != region && self.calls[*other].evidence.is_none() && !self.out.contains(*other)
        };
        let controls: Vec<Region> = self.calls.keys().filter(is_control).cloned().collect();
        let breadth =
            self.breaches.breadth(region, self.facts.estate, self.usual[region], &controls, self.now);
        let onset = breadth.as_ref().map_or(self.now, |breadth| breadth.onset);
        let moved = self.moved(region, onset).map(Controls::Doubtful);
        Look {
            controls: moved.unwrap_or_else(|| self.controls(region, &controls, onset)),
            notice: self.notice(region),
            calls: self.calls[region].clone(),
            calls_last,
            breadth,
        }
    }

    /// Whether everything elsewhere is as usual and our own network is proven to work, since the breach began here.
    fn controls(&self, region: &Region, controls: &[Region], onset: Timestamp) -> Controls {
        let (mut places, mut breaching, mut expected) = (0, 0, 0.0);
        for control in controls {
            let units = self.facts.estate.units(control).len();
            let found = self.breaches.recent(control).len();
            if &*control.0 == ONPREM {
                let since = self.breaches.units(control, onset.minus(ONSET_SLACK)).len();
                if since >= ROOMS_MIN && chance_of(since, units, self.usual[control]) <= ROOMS_CHANCE {
                    let said = format!("{since} of {units} services in our own {} breach as well", control.1);
                    return Controls::Doubtful(said);
                }
            }
            places += units;
            breaching += found;
            expected += self.usual[control] * units as f64;
        }
        if places == 0 {
            return Controls::Unclear("there is nothing elsewhere to compare with".to_owned());
        }
        let said = format!("elsewhere {breaching} of {places} services breach");
        if breaching as f64 > (2.0 * expected).max(CONTROLS_SHARE * places as f64) + 1.0 {
            return Controls::Unclear(said);
        }
        if !is_network_proven(region, self.facts.parts, onset) {
            return Controls::Unclear(format!("{said}, but no other cloud has answered since"));
        }
        let detail = format!("{said}, and other clouds answer");
        Controls::AsUsual(Evidence { class: EvidenceClass::Controls, since: onset, detail })
    }

    /// Whether what breaches here did so elsewhere before: the load that moves away from an outage is no outage.
    fn moved(&self, region: &Region, onset: Timestamp) -> Option<String> {
        let here = self.breaches.units(region, onset);
        let was_before = |other: &&Region| {
            let there = self.breaches.recent(other);
            let earlier = |unit| there.get(unit).is_some_and(|began| *began < onset);
            here.keys().filter(|unit| earlier(*unit)).count() * 2 >= here.len().max(1)
        };
        let (provider, name) = self.calls.keys().filter(|other| *other != region).find(was_before)?;
        Some(format!("the same services breached in {provider} {name} before"))
    }

    /// What the provider says of a region.
    fn notice(&self, region: &Region) -> Option<Evidence> {
        let said = self
            .facts
            .notices
            .iter()
            .find(|notice| notice.is_open && notice.is_about(&region.0, &region.1))?;
        let detail = format!("{} says: {}", said.provider, said.title);
        Some(Evidence { class: EvidenceClass::Notice, since: said.since, detail })
    }
}

impl Look {
    /// What speaks for an outage, in the order of the classes.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let mut evidence: Vec<Evidence> = self.breadth.iter().map(Breadth::evidence).collect();
        evidence.extend(self.calls.evidence.clone().filter(|calls| self.do_count(calls)));
        if let Controls::AsUsual(controls) = &self.controls
            && self.breadth.as_ref().is_some_and(Breadth::is_overwhelming)
        {
            evidence.push(controls.clone());
        }
        if !evidence.is_empty() {
            evidence.extend(self.notice.clone());
        }
        evidence
    }

    /// Whether failing calls belong to the breach, if there is one.
    fn do_count(&self, calls: &Evidence) -> bool {
        let coincide = self.breadth.as_ref().is_none_or(|breadth| {
            calls.since >= breadth.onset.minus(CALLS_BEFORE) && calls.since <= breadth.onset.plus(CALLS_AFTER)
        });
        coincide && (!matches!(self.controls, Controls::Doubtful(_)) || self.calls_last >= CALLS_LAST)
    }

    pub(super) fn against(&self) -> Vec<String> {
        let mut against = self.calls.against.clone();
        match &self.breadth {
            None => against.push("few of our services there breach".to_owned()),
            Some(Breadth { everywhere, .. }) if !everywhere.is_empty() => {
                let shown = &everywhere[..everywhere.len().min(NAMED_MAX)];
                let more = match everywhere.len() - shown.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let names = shown.join(", ");
                against.push(format!("not counted, because they breach elsewhere as well: {names}{more}"));
            }
            Some(_) => {}
        }
        if self.calls.evidence.is_none() {
            against.push("our own calls there are fine".to_owned());
        }
        if let Controls::Doubtful(said) | Controls::Unclear(said) = &self.controls {
            against.push(said.clone());
        }
        if self.notice.is_none() {
            against.push("the provider has said nothing".to_owned());
        }
        against
    }
}

impl Breadth {
    fn evidence(&self) -> Evidence {
        let detail = format!(
            "{} of {} independent services in {} breach since {}; usually {:.1} %, by chance once in {:.0e} times",
            self.units,
            self.of,
            self.cell,
            self.onset,
            self.usual * 100.0,
            1.0 / self.chance.max(1e-300),
        );
        Evidence { class: EvidenceClass::Breadth, since: self.onset, detail }
    }

    fn is_overwhelming(&self) -> bool {
        self.chance <= OVERWHELMING_CHANCE
            && self.units >= OVERWHELMING_UNITS
            && self.kinds >= OVERWHELMING_KINDS
            && share(self.units, self.of) >= OVERWHELMING_SHARE
    }
}
