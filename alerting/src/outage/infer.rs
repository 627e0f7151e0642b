//! From evidence to verdicts, and when they are over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::{Timestamp, format_duration};

use super::breadth::{Breaches, Breadth, RECENT};
use super::collectors::{Calls, calls, is_network_proven};
use super::facts::OutageFacts;
use super::uplink::{Silence, silence};
use super::{Cause, Evidence, EvidenceClass, Level, ONPREM, ONSET_SLACK, Region, Verdict};
use crate::cell::Cell;

/// The share of units that breach where nothing is known yet, and its bounds: nobody's estate is without breaches, and where
/// a third breaches always, breadth says nothing.
const USUAL_FIRST: f64 = 0.02;
const USUAL_MIN: f64 = 0.01;
const USUAL_MAX: f64 = 0.3;
/// What is usual follows the last half day.
const USUAL_OVER: Duration = Duration::from_secs(12 * 3600);

/// Evidence of two classes that began further apart is not of one thing.
const COINCIDE: Duration = Duration::from_secs(20 * 60);

/// Breadth with nothing but controls beside it must be overwhelming: something of our own that a region shares looks like the
/// provider's outage, too.
const OVERWHELMING_CHANCE: f64 = 1e-6;
const OVERWHELMING_SHARE: f64 = 0.5;
const OVERWHELMING_UNITS: usize = 4;
const OVERWHELMING_KINDS: usize = 2;
/// Elsewhere so much may breach beyond the usual for it to be as usual: twice as much, and this share.
const CONTROLS_SHARE: f64 = 0.05;

/// An outage goes on while more than this share of the units still breaches.
const GOES_ON_SHARE: f64 = 0.15;
/// It is over when nothing has spoken for it for so long.
const QUIET: Duration = Duration::from_secs(5 * 60);
/// The uplink is back when it has been for so long.
const UPLINK_QUIET: Duration = Duration::from_secs(60);
/// An onset that turns out to be earlier by this is corrected.
const ONSET_CORRECTED: Duration = Duration::from_secs(30);

/// What is inferred, and what is usual.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutageInference {
    regions: BTreeMap<Region, RegionState>,
    uplink: Option<Standing>,
    /// Until when what comes in may still be of a lost uplink.
    shadow_until: Option<Timestamp>,
    stepped_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
struct RegionState {
    usual: f64,
    standing: Option<Standing>,
}

/// A verdict that holds.
#[derive(Clone, Debug, PartialEq)]
struct Standing {
    verdict: Verdict,
    quiet_since: Option<Timestamp>,
}

/// What is seen of one region.
struct Look {
    breadth: Option<Breadth>,
    calls: Calls,
    controls: Result<Evidence, String>,
    notice: Option<Evidence>,
}

impl OutageInference {
    /// Takes up what an earlier process had found. What is usual is learnt anew.
    pub fn restored<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut inference = Self::default();
        for verdict in verdicts.into_iter().filter(|verdict| verdict.ended_at.is_none()) {
            let standing = Some(Standing { verdict: verdict.clone(), quiet_since: None });
            match &verdict.cell {
                None => inference.uplink = standing,
                Some(Cell { provider, region, .. }) => {
                    let state = RegionState { usual: USUAL_FIRST, standing };
                    inference.regions.insert((provider.clone(), region.clone()), state);
                }
            }
        }
        inference
    }

    /// Looks at the facts and tells what began, changed or ended; an end has [`Verdict::ended_at`], and comes before what
    /// takes its place.
    pub fn step(&self, facts: &OutageFacts<'_>, now: Timestamp) -> (Self, Vec<Verdict>) {
        let mut next = self.clone();
        let mut told = Vec::new();
        next.step_uplink(facts, now, &mut told);
        let is_shadowed = next.uplink.is_some() || next.shadow_until.is_some_and(|until| now < until);
        let breaches = Breaches::of(facts.alerts);
        let mut regions: BTreeSet<Region> = facts.estate.regions.keys().cloned().collect();
        regions.extend(self.regions.keys().cloned());
        let all_calls: BTreeMap<&Region, Calls> =
            regions.iter().map(|region| (region, calls(region, facts.parts, now))).collect();
        for region in &regions {
            let is_control = |other: &&Region| {
                *other != region
                    && all_calls[*other].evidence.is_none()
                    && self.regions.get(*other).is_none_or(|state| state.standing.is_none())
            };
            let controls: Vec<Region> = regions.iter().filter(is_control).cloned().collect();
            let usual = self.usual(region);
            let breadth = breaches.breadth(region, facts.estate, usual, &controls, now);
            let state = next.regions.entry(region.clone()).or_insert(RegionState { usual, standing: None });
            if breadth.is_none() && state.standing.is_none() && !is_shadowed {
                let share =
                    share(breaches.units(region, now.minus(RECENT)).len(), facts.estate.units(region).len());
                let waited = self.stepped_at.map_or(Duration::ZERO, |before| now.since(before));
                let weight = 1.0 - (-waited.as_secs_f64() / USUAL_OVER.as_secs_f64()).exp();
                state.usual = (usual + weight * (share - usual)).clamp(USUAL_MIN, USUAL_MAX);
            }
            if &*region.0 == ONPREM {
                continue;
            }
            let onset = breadth.as_ref().map_or(now, |breadth| breadth.onset);
            let look = Look {
                controls: moved(region, &regions, &breaches, onset, now)
                    .map_or_else(|| self.controls(region, &controls, &breaches, facts, onset, now), Err),
                notice: notice(region, facts),
                calls: all_calls[region].clone(),
                breadth,
            };
            match state.standing.take() {
                None if is_shadowed => {}
                None => state.standing = begin(region, &look, now, &mut told),
                Some(standing) => {
                    let still = breaches.units(region, standing.verdict.onset.minus(ONSET_SLACK)).len();
                    let goes_on = share(still, facts.estate.units(region).len().max(still)) > GOES_ON_SHARE
                        || look.calls.evidence.is_some();
                    state.standing = go_on(standing, &look, goes_on, now, &mut told);
                }
            }
        }
        next.stepped_at = Some(now);
        (next, told)
    }

    fn usual(&self, region: &Region) -> f64 {
        self.regions.get(region).map_or(USUAL_FIRST, |state| state.usual)
    }

    fn step_uplink(&mut self, facts: &OutageFacts<'_>, now: Timestamp, told: &mut Vec<Verdict>) {
        let found = silence(facts.parts);
        match (self.uplink.take(), found) {
            (None, None) => {}
            (None, Some(Silence { since, evidence, against })) => {
                let verdict = Verdict {
                    cause: Cause::OwnUplink,
                    cell: None,
                    level: Level::Suspected,
                    onset: since,
                    found_at: now,
                    ended_at: None,
                    evidence,
                    against,
                };
                told.push(verdict.clone());
                self.uplink = Some(Standing { verdict, quiet_since: None });
            }
            (Some(standing), Some(_)) => self.uplink = Some(Standing { quiet_since: None, ..standing }),
            (Some(standing), None) => {
                let quiet_since = standing.quiet_since.unwrap_or(now);
                if now.since(quiet_since) >= UPLINK_QUIET {
                    self.shadow_until = Some(now.plus(RECENT));
                    told.push(Verdict { ended_at: Some(quiet_since), ..standing.verdict });
                } else {
                    self.uplink = Some(Standing { quiet_since: Some(quiet_since), ..standing });
                }
            }
        }
    }

    /// Whether everything elsewhere is as usual and our own network is proven to work, since the breach began here.
    fn controls(
        &self,
        region: &Region,
        controls: &[Region],
        breaches: &Breaches<'_>,
        facts: &OutageFacts<'_>,
        onset: Timestamp,
        now: Timestamp,
    ) -> Result<Evidence, String> {
        let (mut places, mut breaching, mut expected) = (0, 0, 0.0);
        for control in controls {
            let units = facts.estate.units(control).len();
            let found = breaches.units(control, now.minus(RECENT)).len();
            let may_breach = 2.0 * self.usual(control) * units as f64 + 1.0;
            if &*control.0 == ONPREM && found as f64 > may_breach {
                return Err(format!("{found} of {units} services in our own {} breach as well", control.1));
            }
            places += units;
            breaching += found;
            expected += self.usual(control) * units as f64;
        }
        if places == 0 {
            return Err("there is nothing elsewhere to compare with".to_owned());
        }
        let said = format!("elsewhere {breaching} of {places} services breach");
        if breaching as f64 > (2.0 * expected).max(CONTROLS_SHARE * places as f64) + 1.0 {
            return Err(said);
        }
        if !is_network_proven(region, facts.parts, onset) {
            return Err(format!("{said}, but no other cloud has answered since"));
        }
        let detail = format!("{said}, and other clouds answer");
        Ok(Evidence { class: EvidenceClass::Controls, since: onset, detail })
    }
}

/// Whether what breaches here did so elsewhere before: the load that moves away from an outage is no outage.
fn moved(
    region: &Region,
    regions: &BTreeSet<Region>,
    breaches: &Breaches<'_>,
    onset: Timestamp,
    now: Timestamp,
) -> Option<String> {
    let here = breaches.units(region, onset);
    let was_before = |other: &&Region| {
        let there = breaches.units(other, now.minus(RECENT));
        let earlier = |unit| there.get(unit).is_some_and(|began| *began < onset);
        here.keys().filter(|unit| earlier(*unit)).count() * 2 >= here.len().max(1)
    };
    let (provider, name) = regions.iter().filter(|other| *other != region).find(was_before)?;
    Some(format!("the same services breached in {provider} {name} before"))
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What the provider says of a region.
fn notice(region: &Region, facts: &OutageFacts<'_>) -> Option<Evidence> {
    let said = facts.notices.iter().find(|notice| notice.is_open && notice.is_about(&region.0, &region.1))?;
    let detail = format!("{} says: {}", said.provider, said.title);
    Some(Evidence { class: EvidenceClass::Notice, since: said.since, detail })
}

impl Look {
    /// What speaks for an outage, in the order of the classes.
    fn evidence(&self) -> Vec<Evidence> {
        let breadth = self.breadth.as_ref().map(Breadth::evidence);
        let mut evidence: Vec<Evidence> = breadth.into_iter().chain(self.calls.evidence.clone()).collect();
        if let ([first, second], Some(breadth)) = (evidence.as_slice(), &self.breadth)
            && first.since.since(second.since).max(second.since.since(first.since)) > COINCIDE
            && breadth.units > 0
        {
            evidence.pop();
        }
        if let Ok(controls) = &self.controls
            && self.breadth.as_ref().is_some_and(Breadth::is_overwhelming)
        {
            evidence.push(controls.clone());
        }
        if !evidence.is_empty() {
            evidence.extend(self.notice.clone());
        }
        evidence
    }

    fn against(&self) -> Vec<String> {
        let mut against = self.calls.against.clone();
        match &self.breadth {
            None => against.push("few of our services there breach".to_owned()),
            Some(breadth) if !breadth.everywhere.is_empty() => against.push(format!(
                "not counted, because they breach elsewhere as well: {}",
                breadth.everywhere.join(", ")
            )),
            Some(_) => {}
        }
        if self.calls.evidence.is_none() {
            against.push("our own calls there are fine".to_owned());
        }
        against.extend(self.controls.clone().err());
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

/// A verdict, when two classes agree.
fn begin(region: &Region, look: &Look, now: Timestamp, told: &mut Vec<Verdict>) -> Option<Standing> {
    let evidence = look.evidence();
    if evidence.len() < 2 {
        return None;
    }
    let of_region = || Cell::region(&region.0, &region.1);
    let verdict = Verdict {
        cause: Cause::Provider,
        cell: Some(look.breadth.as_ref().map_or_else(of_region, |breadth| breadth.cell.clone())),
        level: level(&evidence),
        onset: evidence[0].since,
        found_at: now,
        ended_at: None,
        evidence,
        against: look.against(),
    };
    told.push(verdict.clone());
    Some(Standing { verdict, quiet_since: None })
}

/// The provider's word confirms what we see ourselves.
fn level(evidence: &[Evidence]) -> Level {
    let is_said = evidence.iter().any(|evidence| evidence.class == EvidenceClass::Notice);
    if is_said { Level::Confirmed } else { Level::Suspected }
}

/// A verdict that holds: what is learnt of it, and whether it is over.
fn go_on(
    mut standing: Standing,
    look: &Look,
    goes_on: bool,
    now: Timestamp,
    told: &mut Vec<Verdict>,
) -> Option<Standing> {
    standing.quiet_since = if goes_on { None } else { standing.quiet_since.or(Some(now)) };
    let verdict = &mut standing.verdict;
    if let Some(quiet_since) = standing.quiet_since
        && now.since(quiet_since) >= QUIET
    {
        let against = vec![format!("nothing has spoken for it for {}", format_duration(QUIET))];
        told.push(Verdict { ended_at: Some(quiet_since), against, ..verdict.clone() });
        return None;
    }
    let mut is_changed = false;
    for evidence in look.evidence() {
        if !verdict.evidence.iter().any(|known| known.class == evidence.class) {
            verdict.evidence.push(evidence);
            is_changed = true;
        }
    }
    verdict.level = verdict.level.max(level(&verdict.evidence));
    if let (Some(breadth), Some(cell)) = (&look.breadth, &mut verdict.cell) {
        if breadth.onset.plus(ONSET_CORRECTED) < verdict.onset {
            verdict.onset = breadth.onset;
            is_changed = true;
        }
        if cell.zone.is_some() && breadth.cell.zone != cell.zone {
            cell.zone = None;
            is_changed = true;
        }
        if cell.service.is_some() && breadth.cell.service != cell.service {
            // Another identity: the outage of one service is over as such, and is the region's.
            told.push(Verdict { ended_at: Some(now), ..verdict.clone() });
            let cell = Some(Cell { zone: None, service: None, ..breadth.cell.clone() });
            standing.verdict = Verdict { cell, found_at: now, against: look.against(), ..standing.verdict };
            told.push(standing.verdict.clone());
            return Some(standing);
        }
    }
    if is_changed {
        verdict.against = look.against();
        told.push(verdict.clone());
    }
    Some(standing)
}
