//! A verdict while it holds: how it begins, what is learnt of it, and when it is over.

use std::time::Duration;

use isobar_normalizer::{Timestamp, format_duration};

use super::look::Look;
use crate::cell::Cell;
use crate::outage::breadth::chance_of;
use crate::outage::{Cause, Evidence, EvidenceClass, Level, Region, Verdict};

/// So much fewer services than at its worst still breach, or so few that it may be chance again: then breadth does not speak
/// for it any more.
const GOES_ON_SHARE: f64 = 1.0 / 3.0;
const GOES_ON_CHANCE: f64 = 0.05;
/// It is over when nothing has spoken for it for so long.
const QUIET: Duration = Duration::from_secs(5 * 60);
/// An onset that turns out to be earlier by this is corrected.
const ONSET_CORRECTED: Duration = Duration::from_secs(30);

/// A verdict that holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub(super) verdict: Verdict,
    pub(super) quiet_since: Option<Timestamp>,
    /// It was thought to be narrower than it is.
    pub(super) is_widened: bool,
    /// Services that breached at its worst.
    pub(super) peak: usize,
}

/// Services of a region that still breach, of those there are, and the share that usually does.
#[derive(Clone, Copy)]
pub(super) struct Still {
    pub(super) units: usize,
    pub(super) of: usize,
    pub(super) usual: f64,
}

/// A verdict, when two classes agree.
pub(super) fn begin(
    region: &Region,
    look: &Look,
    now: Timestamp,
    told: &mut Vec<Verdict>,
) -> Option<Standing> {
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
    Some(Standing::of(verdict))
}

impl Standing {
    pub(super) fn of(verdict: Verdict) -> Self {
        Self { verdict, quiet_since: None, is_widened: false, peak: 0 }
    }

    /// Takes in what is seen now: what is learnt of it, and whether it is over.
    pub(super) fn go_on(
        mut self,
        look: &Look,
        still: Still,
        now: Timestamp,
        told: &mut Vec<Verdict>,
    ) -> Option<Self> {
        self.quiet_since = if self.goes_on(look, still) { None } else { self.quiet_since.or(Some(now)) };
        self.peak = self.peak.max(still.units);
        let verdict = &mut self.verdict;
        if let Some(quiet_since) = self.quiet_since
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
            if !breadth.is_settled {
                // A wave of late: what it is all there is to cannot be told yet.
            } else if cell.zone.is_some() && breadth.cell.zone != cell.zone {
                cell.zone = None;
                self.is_widened = true;
                is_changed = true;
            } else if cell.zone != breadth.cell.zone && !self.is_widened {
                cell.zone.clone_from(&breadth.cell.zone);
                is_changed = true;
            }
            if breadth.is_settled && cell.service.is_some() && breadth.cell.service != cell.service {
                // Another identity: the outage of one service is over as such, and is the region's.
                told.push(Verdict { ended_at: Some(now), ..verdict.clone() });
                let cell = Some(Cell { zone: None, service: None, ..breadth.cell.clone() });
                self.verdict = Verdict { cell, found_at: now, against: look.against(), ..self.verdict };
                told.push(self.verdict.clone());
                return Some(self);
            }
        }
        if is_changed {
            verdict.against = look.against();
            told.push(verdict.clone());
        }
        Some(self)
    }

    /// Whether anything still speaks for it: it would be found anew; much of what breached at its worst still does; or calls
    /// go on failing while something breaches.
    fn goes_on(&self, look: &Look, still: Still) -> bool {
        let is_broad = still.units as f64 > GOES_ON_SHARE * self.peak as f64
            && chance_of(still.units, still.of, still.usual) <= GOES_ON_CHANCE;
        let is_failing = look.calls.evidence.is_some() && still.units > 0;
        look.evidence().len() >= 2 || is_broad || is_failing
    }
}

/// The provider's word confirms what we see ourselves.
fn level(evidence: &[Evidence]) -> Level {
    let is_said = evidence.iter().any(|evidence| evidence.class == EvidenceClass::Notice);
    if is_said { Level::Confirmed } else { Level::Suspected }
}
