//! Breadth: how many of the independent units of a cell breach at once, and how likely that is by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::facts::{Estate, unit_of};
use super::{BROUGHT_ABOUT, Region, is_voice};
use crate::cell::Cell;
use crate::incident::Features;

/// Breaches that began within this time are looked at together. Clouds tell of a minute two to five minutes later, and
/// policies want it to last.
pub(super) const RECENT: Duration = Duration::from_secs(15 * 60);
/// A breach that began so much before most others is another matter.
const SPREAD: Duration = Duration::from_secs(6 * 60);
/// What breaches elsewhere by then was not brought about by the breach here: load that moves away from an outage comes later.
const SPREADS_AFTER: Duration = Duration::from_secs(2 * 60);

/// Fewer units may always fail together by chance: two services share a dependency, a team deploys both.
const UNITS_MIN: usize = 3;
/// By chance this broad once in a thousand times; another class of evidence has to agree.
const CHANCE_MAX: f64 = 1e-3;
/// So many of the units at least, however rare breaches usually are.
const SHARE_MIN: f64 = 0.25;

/// Before so much has passed since the onset, what is told late has not come, and that it is silent says nothing.
const SETTLED: Duration = Duration::from_secs(6 * 60);
/// The share of what breaches in a zone, or of a type, is so many times that of the rest: then it is that alone.
const CONCENTRATED: f64 = 4.0;
/// In that zone or of that type at least so many breach.
const CONCENTRATED_MIN: f64 = 0.4;
/// Were the rest hit as hard, so many resources of it would breach, at least: fewer may be spared by chance.
const REST_MIN: f64 = 3.0;

/// What breaches in every region.
pub(super) struct Breaches<'a> {
    regions: BTreeMap<Region, Vec<&'a Features>>,
    recent: BTreeMap<Region, Units>,
}

/// By unit when its first breach began.
type Units = BTreeMap<Arc<str>, Timestamp>;

/// How broad it is in one region.
#[derive(Clone, Debug)]
pub(super) struct Breadth {
    /// The region, or the zone or type in it that is all there is to it.
    pub(super) cell: Cell,
    /// Units that breach.
    pub(super) units: usize,
    /// Units there are.
    pub(super) of: usize,
    /// Types of resources among what breaches.
    pub(super) kinds: usize,
    /// Probability of so many by chance.
    pub(super) chance: f64,
    /// The share of units that usually breaches.
    pub(super) usual: f64,
    /// When the first of those began that belong together.
    pub(super) onset: Timestamp,
    /// Whether so much time has passed since that what is told late has come, and what is silent is well.
    pub(super) is_settled: bool,
    /// Units that breach elsewhere too and are not counted.
    pub(super) everywhere: Vec<Arc<str>>,
}

impl<'a> Breaches<'a> {
    /// Of the open alerts what an outage could have brought about.
    pub(super) fn of(alerts: &[&'a Features], now: Timestamp) -> Self {
        let mut regions: BTreeMap<Region, Vec<&'a Features>> = BTreeMap::new();
        for features in alerts.iter().copied() {
            let (Some(provider), Some(region)) = (&features.provider, &features.region) else { continue };
            if BROUGHT_ABOUT.contains(&features.class) && !is_voice(&features.name) {
                regions.entry((Arc::clone(provider), Arc::clone(region))).or_default().push(features);
            }
        }
        let recent = |(region, alerts): (&Region, &Vec<&Features>)| {
            (region.clone(), units(alerts.iter().copied(), now.minus(RECENT)))
        };
        let recent = regions.iter().map(recent).collect();
        Self { regions, recent }
    }

    /// What began in a region at or after a time.
    fn since(&self, region: &Region, from: Timestamp) -> impl Iterator<Item = &'a Features> {
        let all = self.regions.get(region).into_iter().flatten().copied();
        all.filter(move |features| features.starts_at >= from)
    }

    /// The units of a region that breach, of what began at or after a time.
    pub(super) fn units(&self, region: &Region, from: Timestamp) -> Units {
        units(self.since(region, from), from)
    }

    /// The units of a region that breach since lately.
    pub(super) fn recent(&self, region: &Region) -> &Units {
        static NONE: Units = Units::new();
        self.recent.get(region).unwrap_or(&NONE)
    }

    /// How broad it is in a region now, against the share that usually breaches there. `controls` are the regions that a
    /// unit's breach elsewhere counts in.
    pub(super) fn breadth(
        &self,
        region: &Region,
        estate: &Estate,
        usual: f64,
        controls: &[Region],
        now: Timestamp,
    ) -> Option<Breadth> {
        let mut first = self.recent(region).clone();
        if first.len() < UNITS_MIN {
            return None;
        }
        let onset = onset(first.values().copied())?;
        first.retain(|_, began| *began >= onset);
        let known = estate.units(region);
        let mut everywhere = Vec::new();
        first.retain(|unit, began| {
            let is_everywhere = self.is_everywhere(unit, *began, estate, controls);
            if is_everywhere {
                everywhere.push(Arc::clone(unit));
            }
            !is_everywhere
        });
        let of = known.union(&first.keys().cloned().collect()).count().saturating_sub(everywhere.len());
        let units = first.len();
        let chance = chance_of(units, of, usual);
        let breaching: Vec<&Features> =
            self.since(region, onset).filter(|features| first.contains_key(&unit_of(features))).collect();
        let kinds: BTreeSet<_> = breaching.iter().map(|features| &features.kind).collect();
        let is_broad = units >= UNITS_MIN && chance <= CHANCE_MAX && units as f64 >= SHARE_MIN * of as f64;
        let is_settled = now.since(onset) >= SETTLED;
        is_broad.then(|| Breadth {
            cell: if is_settled {
                narrowed(region, &breaching, estate)
            } else {
                Cell::region(&region.0, &region.1)
            },
            units,
            of,
            kinds: kinds.len(),
            chance,
            usual,
            onset,
            is_settled,
            everywhere,
        })
    }

    /// Whether a unit breaches in at least half of the other places it runs in, and did so by the time it began here.
    fn is_everywhere(&self, unit: &Arc<str>, began: Timestamp, estate: &Estate, controls: &[Region]) -> bool {
        let (mut runs, mut breaches) = (0, 0);
        for control in controls.iter().filter(|control| estate.units(control).contains(unit)) {
            runs += 1;
            let there = self.recent(control).get(unit).copied();
            breaches += usize::from(there.is_some_and(|there| there <= began.plus(SPREADS_AFTER)));
        }
        breaches > 0 && breaches * 2 >= runs
    }
}

fn units<'a>(alerts: impl Iterator<Item = &'a Features>, from: Timestamp) -> Units {
    let mut first = Units::new();
    for features in alerts.filter(|features| features.starts_at >= from) {
        let began = first.entry(unit_of(features)).or_insert(features.starts_at);
        *began = features.starts_at.min(*began);
    }
    first
}

/// When the first began of those that belong together: not long before half of them had.
fn onset(began: impl Iterator<Item = Timestamp>) -> Option<Timestamp> {
    let mut began: Vec<Timestamp> = began.collect();
    began.sort_unstable();
    let middle = *began.get(began.len() / 2)?;
    began.into_iter().find(|at| *at >= middle.minus(SPREAD))
}

/// The zone or the type that is all there is to it, else the region.
fn narrowed(region: &Region, breaching: &[&Features], estate: &Estate) -> Cell {
    let mut cell = Cell::region(&region.0, &region.1);
    let watched = estate.regions.get(region);
    let places = || watched.into_iter().flatten();
    let all_in = |zone: &Arc<str>| -> (usize, usize) {
        let zoned = places().filter(|(place, _)| place.zone.is_some());
        zoned.fold((0, 0), |(inside, outside), (place, count)| match &place.zone {
            Some(of) if of == zone => (inside + count, outside),
            _ => (inside, outside + count),
        })
    };
    cell.zone = concentrated(breaching, |features| features.zone.as_ref(), all_in);
    let all_of = |kind: &Arc<str>| -> (usize, usize) {
        places().fold((0, 0), |(inside, outside), (place, count)| match &place.kind {
            Some(of) if of == kind => (inside + count, outside),
            _ => (inside, outside + count),
        })
    };
    if cell.zone.is_none() {
        cell.service = concentrated(breaching, |features| features.kind.as_ref(), all_of);
    }
    cell
}

/// The value that the breaching resources share, when a far greater part of what has it breaches than of what has another.
fn concentrated(
    breaching: &[&Features],
    value: impl Fn(&Features) -> Option<&Arc<str>>,
    watched: impl Fn(&Arc<str>) -> (usize, usize),
) -> Option<Arc<str>> {
    let mut resources: BTreeMap<&Arc<str>, BTreeSet<&str>> = BTreeMap::new();
    for features in breaching {
        if let (Some(value), Some(resource)) = (value(features), &features.resource) {
            resources.entry(value).or_default().insert(resource);
        }
    }
    let all: usize = resources.values().map(BTreeSet::len).sum();
    let (value, inside) =
        resources.iter().map(|(value, found)| (*value, found.len())).max_by_key(|it| it.1)?;
    let (watched_inside, watched_outside) = watched(value);
    if watched_inside == 0 || watched_outside == 0 {
        return None;
    }
    let share = inside as f64 / watched_inside as f64;
    if share * (watched_outside as f64) < REST_MIN {
        return None;
    }
    let rest = (all - inside) as f64 / watched_outside as f64;
    (share >= CONCENTRATED_MIN && share >= rest * CONCENTRATED).then(|| Arc::clone(value))
}

/// The probability that at least `k` of `n` breach when each does with probability `p`: the upper tail of the binomial
/// distribution, summed exactly.
pub(super) fn chance_of(k: usize, n: usize, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    let (p, k, n) = (p.clamp(1e-9, 1.0 - 1e-9), k.min(n), n);
    let odds = p / (1.0 - p);
    let mut term = n as f64 * (1.0 - p).ln();
    let mut tail = 0.0;
    for i in 0..=n {
        if i >= k {
            tail += term.exp();
        }
        term += ((n - i) as f64 / (i + 1) as f64).ln() + odds.ln();
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_that_of_the_binomial_distribution() {
        // R: pbinom(k - 1, n, p, lower.tail = FALSE).
        let cases = [
            (0, 5, 0.1, 1.0),
            (1, 5, 0.1, 0.40951),
            (3, 5, 0.02, 7.761_92e-5),
            (5, 5, 0.5, 0.03125),
            (10, 100, 0.05, 0.028_188_29),
        ];
        for (k, n, p, expected) in cases {
            let found = chance_of(k, n, p);
            assert!((found - expected).abs() < 1e-6, "{k} of {n} at {p}: {found}");
        }
    }

    #[test]
    fn the_onset_is_where_most_begin_and_not_what_was_there_before() {
        let at = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        assert_eq!(onset([at(0), at(10), at(11), at(12)].into_iter()), Some(at(10)));
        assert_eq!(onset([at(7), at(10), at(11)].into_iter()), Some(at(7)));
        assert_eq!(onset(std::iter::empty()), None);
    }
}
