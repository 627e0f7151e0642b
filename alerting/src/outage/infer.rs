//! From evidence to verdicts, region by region.

mod look;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::breadth::{Breaches, RECENT};
use super::collectors::{Calls, calls, is_unreachable};
use super::facts::OutageFacts;
use super::uplink::{Silence, silence};
use super::{Cause, Level, ONPREM, ONSET_SLACK, Region, Verdict};
use crate::cell::Cell;
use look::Scene;
use standing::{Standing, Still, begin};

/// The share of units that breach where nothing is known yet, and its bounds: nobody's estate is without breaches, and where
/// a third breaches always, breadth says nothing.
const USUAL_FIRST: f64 = 0.02;
const USUAL_MIN: f64 = 0.01;
const USUAL_MAX: f64 = 0.3;
/// What is usual follows the last half day.
const USUAL_OVER: Duration = Duration::from_secs(12 * 3600);

/// When so many regions of other providers were not reached of late, our own network may be what is wrong.
const DOUBTFUL_REGIONS: usize = 2;
/// Calls that fail again within this time have not been well between.
const SPELL: Duration = Duration::from_secs(5 * 60);
/// The uplink is back when it has been for so long.
const UPLINK_QUIET: Duration = Duration::from_secs(60);
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
    /// From when to when calls have been failing.
    calls: Option<(Timestamp, Timestamp)>,
    /// When it was last not reached.
    unreachable_at: Option<Timestamp>,
}

impl Default for RegionState {
    fn default() -> Self {
        Self { usual: USUAL_FIRST, standing: None, calls: None, unreachable_at: None }
    }
}

impl OutageInference {
    /// Takes up what an earlier process had found. What is usual is learnt anew.
    pub fn restored<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut inference = Self::default();
        for verdict in verdicts.into_iter().filter(|verdict| verdict.ended_at.is_none()) {
            let standing = Some(Standing::of(verdict.clone()));
            match &verdict.cell {
                None => inference.uplink = standing,
                Some(Cell { provider, region, .. }) => {
                    let state = RegionState { standing, ..RegionState::default() };
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
        let mut regions: BTreeSet<Region> = facts.estate.regions.keys().cloned().collect();
        regions.extend(self.regions.keys().cloned());
        let calls = next.calls(&regions, facts, now);
        let states = || next.regions.iter();
        let scene = Scene {
            facts,
            breaches: Breaches::of(facts.alerts, now),
            calls,
            usual: states().map(|(region, state)| (region.clone(), state.usual)).collect(),
            out: states()
                .filter(|(_, state)| state.standing.is_some())
                .map(|(region, _)| region.clone())
                .collect(),
            now,
        };
        let waited = self.stepped_at.map_or(Duration::ZERO, |before| now.since(before));
        for (region, state) in &mut next.regions {
            let calls_last = state.calls.map_or(Duration::ZERO, |(first, last)| last.since(first));
            let look = scene.look(region, calls_last);
            let units = facts.estate.units(region).len();
            if look.breadth.is_none() && state.standing.is_none() && !is_shadowed {
                state.learn(share(scene.breaches.recent(region).len(), units), waited);
            }
            if &*region.0 == ONPREM {
                continue;
            }
            match state.standing.take() {
                None if is_shadowed => {}
                None => state.standing = begin(region, &look, now, &mut told),
                Some(standing) => {
                    let since = standing.verdict.onset.minus(ONSET_SLACK);
                    let breaching = scene.breaches.units(region, since).len();
                    let still = Still { units: breaching, of: units.max(breaching), usual: state.usual };
                    state.standing = standing.go_on(&look, still, now, &mut told);
                }
            }
        }
        next.stepped_at = Some(now);
        (next, told)
    }

    /// How calls fare in every region, each spell of failures as one.
    fn calls(
        &mut self,
        regions: &BTreeSet<Region>,
        facts: &OutageFacts<'_>,
        now: Timestamp,
    ) -> BTreeMap<Region, Calls> {
        for region in regions.iter().filter(|region| is_unreachable(region, facts.parts, now)) {
            self.regions.entry(region.clone()).or_default().unreachable_at = Some(now);
        }
        let of_late = |at: Timestamp| now.since(at) < SPELL;
        let unreachable: Vec<Region> = self
            .regions
            .iter()
            .filter(|(_, state)| state.unreachable_at.is_some_and(of_late))
            .map(|(region, _)| region.clone())
            .collect();
        let mut all = BTreeMap::new();
        for region in regions {
            let elsewhere = unreachable.iter().filter(|other| other.0 != region.0).count();
            let is_doubtful = elsewhere >= DOUBTFUL_REGIONS;
            let mut calls = calls(region, facts.parts, is_doubtful, now);
            let state = self.regions.entry(region.clone()).or_default();
            let spell = state.calls.filter(|(_, last)| of_late(*last));
            if let Some(evidence) = &mut calls.evidence {
                let (first, _) = spell.unwrap_or((evidence.since, now));
                evidence.since = first;
                state.calls = Some((first, now));
            } else {
                state.calls = spell;
            }
            all.insert(region.clone(), calls);
        }
        all
    }

    fn step_uplink(&mut self, facts: &OutageFacts<'_>, now: Timestamp, told: &mut Vec<Verdict>) {
        let found = silence(facts.parts, now);
        match (self.uplink.take(), found) {
            (None, Some(Silence { since, evidence, against })) if evidence.len() >= 2 => {
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
                self.uplink = Some(Standing::of(verdict));
            }
            (None, _) => {}
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
}

impl RegionState {
    /// Moves what is usual towards the share that breaches now.
    fn learn(&mut self, share: f64, waited: Duration) {
        let weight = 1.0 - (-waited.as_secs_f64() / USUAL_OVER.as_secs_f64()).exp();
        self.usual = (self.usual + weight * (share - self.usual)).clamp(USUAL_MIN, USUAL_MAX);
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
