//! What the days come to.

use std::collections::BTreeMap;

use isobar_alerting::Cause;

use super::day::{Day, Kind, Truth};
use super::places::PLACES;
use super::play::Outcome;

/// So long after the alerts of three services have come a verdict comes in time.
const IN_TIME: f64 = 180.0;
/// Verdicts so long after the fault are still of it.
const AFTERMATH: f64 = 1800.0;

/// Figures over many days.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Days by what they were about: how many, and of those how many were found out.
    pub days: BTreeMap<Kind, (usize, usize)>,
    /// Days of own network faults.
    pub own_network: usize,
    /// Outages and brown-outs that were found within three minutes of the moment when alerts of three of the services they
    /// hit had come.
    pub in_time: usize,
    /// The same from the first alert of all.
    pub soon: usize,
    /// Days with a provider's fault of a region or service.
    pub outages: usize,
    /// From the third service's first alert to the verdict, seconds; and whose days they are.
    pub after_third: Vec<(f64, String)>,
    /// Those found at all.
    pub found: usize,
    /// From the fault's first alert to the verdict, seconds.
    pub after_first_alert: Vec<f64>,
    /// From the onset to the verdict, seconds.
    pub after_onset: Vec<f64>,
    /// Before the provider's notice, seconds; where there was one.
    pub before_notice: Vec<f64>,
    /// Verdicts against a provider that had no fault there: seed, second, evidence.
    pub false_verdicts: Vec<String>,
    /// The same for our own uplink.
    pub false_uplinks: usize,
    /// Zone losses whose zone was named, of those that were found.
    pub zones_named: (usize, usize),
    /// Alerts of brown-outs: in the largest incident, and all.
    pub brown_outs: (usize, usize),
    /// Brown-outs of which at least 95 % of the alerts are in one incident.
    pub brown_outs_whole: (usize, usize),
    /// Alerts of provider faults that were told before the verdict.
    pub told_before: Vec<usize>,
    /// Of unrelated faults by kind: told and in another incident, and all.
    pub unrelated: BTreeMap<Truth, (usize, usize)>,
    /// Days whose outage was missed: seed and what it was.
    pub missed: Vec<String>,
}

impl Score {
    /// Adds a day.
    pub fn add(&mut self, day: &Day, outcome: &Outcome) {
        let (provider, region) = PLACES[day.place];
        let is_its = |verdict: &isobar_alerting::Verdict| {
            verdict.cell.as_ref().is_some_and(|cell| (&*cell.provider, &*cell.region) == (provider, region))
        };
        let is_then = |at: f64| at >= day.span.0 && at <= day.span.1 + AFTERMATH;
        let mut first = None;
        for (at, verdict) in outcome.found(Cause::Provider) {
            if day.is_providers() && is_its(verdict) && is_then(at) {
                first = first.or(Some((at, verdict)));
            } else if Some(at)
                == outcome
                    .found(Cause::Provider)
                    .find(|(_, it)| it.identity() == verdict.identity())
                    .map(|it| it.0)
            {
                self.false_verdicts.push(format!(
                    "{} {:?} at {at}: {:?} {}",
                    day.seed,
                    day.kind,
                    verdict.cell,
                    verdict.evidence()
                ));
            }
        }
        let uplink = outcome.found(Cause::OwnUplink).find(|(at, _)| is_then(*at));
        let may_be_uplink = matches!(day.kind, Kind::UplinkLost | Kind::UplinkBad);
        if outcome.found(Cause::OwnUplink).next().is_some() && !may_be_uplink {
            self.false_uplinks += 1;
        }
        let is_found = if day.is_own_network() { uplink.is_some() } else { first.is_some() };
        let of_kind = self.days.entry(day.kind).or_default();
        *of_kind = (of_kind.0 + 1, of_kind.1 + usize::from(is_found));
        self.own_network += usize::from(day.is_own_network());
        if day.is_providers() {
            self.add_outage(day, outcome, first);
        }
        if day.kind == Kind::BrownOut {
            self.add_brown_out(day, outcome);
        }
    }

    fn add_outage(&mut self, day: &Day, outcome: &Outcome, first: Option<(f64, &isobar_alerting::Verdict)>) {
        let of_fault = || day.raised.iter().filter(|raised| raised.truth == Truth::Fault);
        let first_alert = of_fault().map(|raised| raised.seen).fold(f64::INFINITY, f64::min);
        if day.kind == Kind::ZoneLost {
            if first.is_some() {
                let mut found = outcome.found(Cause::Provider);
                let is_named = found.any(|(_, it)| it.cell.as_ref().is_some_and(|cell| cell.zone.is_some()));
                self.zones_named = (self.zones_named.0 + usize::from(is_named), self.zones_named.1 + 1);
            }
        } else {
            self.outages += 1;
            match first {
                None => {
                    self.missed.push(format!("{} {:?}, {} alerts", day.seed, day.kind, of_fault().count()))
                }
                Some((at, _)) => {
                    self.found += 1;
                    self.in_time += usize::from(at - third_service(day) <= IN_TIME);
                    self.after_third.push((at - third_service(day), format!("{} {:?}", day.seed, day.kind)));
                    self.soon += usize::from(at - first_alert <= IN_TIME);
                    self.after_first_alert.push(at - first_alert);
                    self.after_onset.push(at - day.span.0);
                    self.before_notice.extend(day.said.iter().map(|said| said.span.0 - at));
                    self.told_before.push(of_fault().filter(|raised| raised.seen + 30.0 <= at).count());
                }
            }
        }
        let outage = first.map(|_| incident_of_most(day, outcome));
        for (raised, (incident, was_folded)) in day.raised.iter().zip(&outcome.alerts) {
            if raised.seen < day.span.0 || raised.seen > day.span.1 {
                // Before was told before; the others began in time.
                if raised.truth != Truth::Before {
                    continue;
                }
            }
            if !matches!(raised.truth, Truth::Fault | Truth::Usual) {
                let is_own = !was_folded && Some(incident) != outage.as_ref();
                let (own, all) = self.unrelated.entry(raised.truth).or_default();
                (*own, *all) = (*own + usize::from(is_own), *all + 1);
            }
        }
    }

    fn add_brown_out(&mut self, day: &Day, outcome: &Outcome) {
        let largest = incident_of_most(day, outcome);
        let of_fault =
            day.raised.iter().zip(&outcome.alerts).filter(|(raised, _)| raised.truth == Truth::Fault);
        let (mut inside, mut all) = (0, 0);
        for (_, (incident, _)) in of_fault {
            all += 1;
            inside += usize::from(*incident == largest);
        }
        self.brown_outs = (self.brown_outs.0 + inside, self.brown_outs.1 + all);
        let is_whole = inside as f64 >= 0.95 * all as f64;
        self.brown_outs_whole =
            (self.brown_outs_whole.0 + usize::from(is_whole), self.brown_outs_whole.1 + 1);
    }
}

/// When the first alert of the third service came.
fn third_service(day: &Day) -> f64 {
    let mut first: BTreeMap<Option<usize>, f64> = BTreeMap::new();
    for raised in day.raised.iter().filter(|raised| raised.truth == Truth::Fault) {
        let thing = &day.places.things[raised.thing];
        if thing.place == day.place {
            first.entry(thing.is_tagged.then_some(thing.service)).or_insert(raised.seen);
        }
    }
    let mut first: Vec<f64> = first.into_values().collect();
    first.sort_by(f64::total_cmp);
    first.get(2).copied().unwrap_or(f64::INFINITY)
}

/// The incident that has most alerts of the day's fault.
fn incident_of_most(day: &Day, outcome: &Outcome) -> String {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for (raised, (incident, _)) in day.raised.iter().zip(&outcome.alerts) {
        if raised.truth == Truth::Fault {
            *counts.entry(incident).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(incident, _)| incident.clone())
        .unwrap_or_default()
}
