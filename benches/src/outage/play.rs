//! Lives through a day as the engine would: alerts come when their data do, calls fare as they fare, and every quarter of a
//! minute it is looked whether a provider is out.

use std::collections::{BTreeMap, BTreeSet};

use isobar_alerting::{
    Alert, AlertState, Cause, Estate, Features, HealthNotice, Incidents, OutageAlerts, OutageFacts,
    OutageInference, PartFacts, Trouble, Verdict, Watched,
};
use isobar_normalizer::{AlertClass, FailureDomain, Labels, Severity, Timestamp};

use super::day::{Calls, Day, Raised};
use super::dice::Dice;
use super::places::{KINDS, PLACES, ROOMS, Thing};

/// 2026-03-02T00:00:00Z.
const MIDNIGHT: i64 = 1_772_409_600_000;
/// How often it is looked, around the day's fault and through the rest of the day.
const LOOKS: (f64, f64) = (15.0, 60.0);
/// How long before and after the fault looks are close.
const AROUND: f64 = 3600.0;
/// How often the parts of a region are asked: metrics, alarms, inventory; a target in a room.
const POLLS: [f64; 3] = [60.0, 60.0, 600.0];
const ROOM_POLL: f64 = 15.0;

/// Data is seen to be late when it has stayed away for so long, and less than this share of it that does is no matter.
const LATE_AFTER: f64 = 360.0;
const LATE_MIN: f64 = 0.1;

/// What came of a day.
#[derive(Debug)]
pub struct Outcome {
    /// Every verdict, with the second it was found in.
    pub verdicts: Vec<(f64, Verdict)>,
    /// Of each alert of the day, in its order, the incident it ended in, and whether it was folded when the group's wait
    /// of thirty seconds was over: nobody was told of it.
    pub alerts: Vec<(String, bool)>,
}

/// One part of a source.
struct Part {
    place: usize,
    every: f64,
    offset: f64,
    asked: u64,
    is_metrics: bool,
    facts: PartFacts,
}

/// Lives through the day.
pub fn play(day: &Day) -> Outcome {
    let mut engine = Engine::new(day);
    let mut at = 0.0;
    while at < 86_400.0 {
        engine.look(at);
        let is_close = at > day.span.0 - AROUND && at < day.span.1 + AROUND;
        at += if is_close { LOOKS.0 } else { LOOKS.1 };
    }
    engine.outcome()
}

fn moment(second: f64) -> Timestamp {
    Timestamp::from_millis(MIDNIGHT + (second * 1000.0) as i64)
}

struct Engine<'a> {
    day: &'a Day,
    estate: Estate,
    parts: Vec<Part>,
    incidents: Incidents,
    inference: OutageInference,
    voices: OutageAlerts,
    /// The next alert to be seen.
    next: usize,
    open: BTreeMap<u64, usize>,
    /// Which alert of the day last had this identity.
    latest: Vec<u64>,
    was_folded: Vec<bool>,
    waiting: BTreeSet<usize>,
    verdicts: Vec<(f64, Verdict)>,
    ended_in: Vec<String>,
}

impl<'a> Engine<'a> {
    fn new(day: &'a Day) -> Self {
        let mut estate = Estate::default();
        for thing in &day.places.things {
            estate.add(&described(thing));
        }
        let mut parts = Vec::new();
        for (place, (provider, region)) in PLACES.iter().enumerate() {
            let polls: &[f64] = if place < ROOMS { &POLLS } else { &[ROOM_POLL; 4] };
            for (nth, every) in polls.iter().enumerate() {
                let offset = Dice::of(&[day.seed, 3, place as u64, nth as u64]).between(0.0, *every);
                let facts = PartFacts {
                    provider: (*provider).into(),
                    region: (*region).into(),
                    trouble: None,
                    last_answer: None,
                };
                let is_metrics = place < ROOMS && nth == 0;
                parts.push(Part { place, every: *every, offset, asked: 0, is_metrics, facts });
            }
        }
        let identities = day.raised.iter().map(|raised| alert(day, raised, AlertState::Firing).fingerprint());
        Self {
            day,
            estate,
            parts,
            incidents: Incidents::default(),
            inference: OutageInference::default(),
            voices: OutageAlerts::default(),
            next: 0,
            open: BTreeMap::new(),
            latest: identities.collect(),
            was_folded: vec![false; day.raised.len()],
            waiting: BTreeSet::new(),
            verdicts: Vec::new(),
            ended_in: vec![String::new(); day.raised.len()],
        }
    }

    fn look(&mut self, at: f64) {
        self.take_alerts(at);
        self.poll(at);
        self.infer(at);
        for record in self.incidents.close(moment(at)) {
            self.incidents.apply(record);
        }
        self.tell(at);
    }

    /// What has come since the look before, and what is over.
    fn take_alerts(&mut self, at: f64) {
        let day = self.day;
        let mut changed = Vec::new();
        while let Some(raised) = day.raised.get(self.next).filter(|raised| raised.seen <= at) {
            self.open.insert(self.latest[self.next], self.next);
            changed.push(alert(day, raised, AlertState::Firing));
            self.waiting.insert(self.next);
            self.next += 1;
        }
        let over: Vec<u64> =
            self.open.iter().filter(|(_, nth)| day.raised[**nth].over <= at).map(|(id, _)| *id).collect();
        for fingerprint in over {
            if let Some(nth) = self.open.remove(&fingerprint) {
                changed.push(alert(day, &day.raised[nth], AlertState::Resolved));
            }
        }
        self.correlate(&changed, at);
    }

    fn correlate(&mut self, changed: &[Alert], at: f64) {
        for record in self.incidents.correlate(changed, moment(at)) {
            self.incidents.apply(record);
        }
    }

    /// Asks every part that is due. Data that comes late is answered for, and is seen to be late by the part that measures
    /// when it has stayed away for some minutes.
    fn poll(&mut self, at: f64) {
        let day = self.day;
        for (nth, part) in self.parts.iter_mut().enumerate() {
            while part.offset + part.asked as f64 * part.every <= at {
                let asked_at = part.offset + part.asked as f64 * part.every;
                part.asked += 1;
                let wrong = day.calls.iter().enumerate().find(|(which, calls)| {
                    let is_here = calls.place.map_or(part.place < ROOMS, |place| place == part.place);
                    let is_now = calls.span.0 <= asked_at && asked_at < calls.span.1;
                    let mut dice = Dice::of(&[day.seed, 4, *which as u64, nth as u64, part.asked]);
                    is_here && is_now && dice.is(calls.share)
                });
                let how = wrong.map(|(_, calls)| trouble(calls.how)).filter(|how| *how != Trouble::Late);
                if how != Some(Trouble::Unreachable) {
                    part.facts.last_answer = Some(moment(asked_at));
                }
                let is_late = |calls: &&Calls| {
                    let (from, to) = calls.span;
                    calls.place == Some(part.place)
                        && (calls.how, part.is_metrics) == ("late", true)
                        && calls.share >= LATE_MIN
                        && (from + LATE_AFTER..to).contains(&asked_at)
                };
                let late = || day.calls.iter().find(is_late);
                let wrong = how.map(|how| (how, moment(asked_at)));
                let wrong = wrong.or_else(|| Some((Trouble::Late, moment(late()?.span.0))));
                let before = part.facts.trouble;
                part.facts.trouble =
                    wrong.map(|(how, since)| before.filter(|known| known.0 == how).unwrap_or((how, since)));
            }
        }
    }

    fn infer(&mut self, at: f64) {
        let now = moment(at);
        let alerts: Vec<&Features> = self.incidents.open_features().map(|(_, features)| features).collect();
        let parts: Vec<PartFacts> = self.parts.iter().map(|part| part.facts.clone()).collect();
        let notices: Vec<HealthNotice> = self
            .day
            .said
            .iter()
            .filter(|said| said.span.0 <= at && at < said.span.1)
            .map(|said| HealthNotice {
                provider: PLACES[said.place].0.into(),
                region: Some(PLACES[said.place].1.into()),
                service: None,
                title: "elevated error rates".to_owned(),
                since: moment(said.span.0),
                is_open: true,
            })
            .collect();
        let facts = OutageFacts { estate: &self.estate, alerts: &alerts, parts: &parts, notices: &notices };
        let (next, told) = self.inference.step(&facts, now);
        self.inference = next;
        if told.is_empty() {
            return;
        }
        for record in self.incidents.hold(&told, now) {
            self.incidents.apply(record);
        }
        let voices = told.iter().filter_map(|verdict| self.voices.tell(verdict, now));
        let voices: Vec<Alert> = voices.map(|transition| transition.alert).collect();
        self.correlate(&voices, at);
        self.verdicts.extend(told.into_iter().map(|verdict| (at, verdict)));
    }

    /// Who would be told now: an alert whose group has waited, and that no outage speaks for.
    fn tell(&mut self, at: f64) {
        let due: Vec<usize> =
            self.waiting.iter().copied().filter(|nth| self.day.raised[*nth].seen + 30.0 <= at).collect();
        for nth in due {
            self.waiting.remove(&nth);
            self.was_folded[nth] = self.incidents.folded_under(self.latest[nth]).is_some();
        }
        for (fingerprint, nth) in &self.open {
            if let Some(record) = self.incidents.of(*fingerprint) {
                let id = &mut self.ended_in[*nth];
                id.clear();
                id.push_str(&record.incident.id);
            }
        }
    }

    fn outcome(self) -> Outcome {
        let alerts = self.ended_in.into_iter().zip(self.was_folded).collect();
        Outcome { verdicts: self.verdicts, alerts }
    }
}

impl Outcome {
    /// The verdicts that something began or was seen anew, of this cause.
    pub fn found(&self, cause: Cause) -> impl Iterator<Item = (f64, &Verdict)> {
        let is_found =
            move |(_, verdict): &&(f64, Verdict)| verdict.cause == cause && verdict.ended_at.is_none();
        self.verdicts.iter().filter(is_found).map(|(at, verdict)| (*at, verdict))
    }
}

fn trouble(how: &str) -> Trouble {
    match how {
        "errors" => Trouble::Errors,
        "throttled" => Trouble::Throttled,
        "late" => Trouble::Late,
        "denied" => Trouble::Denied,
        _ => Trouble::Unreachable,
    }
}

fn described(thing: &Thing) -> Labels {
    let (provider, region) = PLACES[thing.place];
    let mut labels = Labels::empty().edit();
    labels.set("cloud_provider", provider).set("cloud_region", region).set("cloud_account_id", "1");
    labels.set("resource_type", KINDS[thing.kind].0).set("resource_name", format!("thing-{}", thing.number));
    if let Some(zone) = thing.zone {
        labels.set("cloud_availability_zone", format!("{region}-{zone}"));
    }
    if thing.is_tagged {
        labels.set("service_name", format!("service-{}", thing.service));
        labels.set("tag_owner", format!("team-{}", thing.service % 6));
    }
    labels.build()
}

fn alert(day: &Day, raised: &Raised, state: AlertState) -> Alert {
    let thing = &day.places.things[raised.thing];
    let (provider, region) = PLACES[thing.place];
    let mut identity = Labels::empty().edit();
    identity.set("alertname", raised.name);
    let kind = KINDS[thing.kind].0;
    identity.set("resource_id", format!("{provider}:1:{region}:{kind}:thing-{}", thing.number));
    let starts_at = moment(raised.starts);
    let is_over = state == AlertState::Resolved;
    Alert {
        identity: identity.build(),
        described: described(thing),
        annotations: BTreeMap::from([(
            "summary".to_owned(),
            format!("{} on thing-{}", raised.name, thing.number),
        )]),
        state,
        severity: Severity::Error,
        class: raised.class.parse().unwrap_or(AlertClass::Availability),
        failure_domain: FailureDomain::Resource,
        sources: BTreeSet::from(["policy".to_owned()]),
        verified: true,
        value: None,
        starts_at,
        fired_at: Some(moment(raised.seen)),
        ends_at: is_over.then(|| moment(raised.over)),
        updated_at: if is_over { moment(raised.over) } else { moment(raised.seen) },
        watched: Watched::default(),
        native: Vec::new(),
        members: Vec::new(),
        pushed: None,
    }
}
