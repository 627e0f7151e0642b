//! Alerts in their incidents, and outages that speak for what they bring about.

use super::*;
use crate::Cell;
use crate::centre::incidents::IncidentChange;
use crate::incident::{IncidentError, IncidentRecord};
use crate::outage::{Cause, Evidence, EvidenceClass, Level, OutageAlerts, Verdict};
use crate::why::{Scene, WhyStep, why};

const SLOW: &str = "alertname=Slow team=a i=1 cloud_provider=aws cloud_region=us-east-1 service_name=shop";
const DOWN: &str = "alertname=Down team=b i=2 cloud_provider=aws cloud_region=us-east-1 service_name=mail";
const ROOM: &str = "alertname=Slow team=c i=3 cloud_provider=onprem cloud_region=room-a service_name=ledger";

fn verdict() -> Verdict {
    Verdict {
        cause: Cause::Provider,
        cell: Some(Cell::region("aws", "us-east-1")),
        level: Level::Suspected,
        onset: START,
        found_at: START,
        ended_at: None,
        evidence: vec![Evidence {
            class: EvidenceClass::Breadth,
            since: START,
            detail: "much breaches".to_owned(),
        }],
        against: Vec::new(),
    }
}

impl World {
    fn fires(&mut self, now: Timestamp, identity: &str) {
        self.ingest(now, identity, AlertState::Firing, Severity::Critical);
    }

    fn outage(&mut self, now: Timestamp, verdict: &Verdict) {
        let mut voices = OutageAlerts::restored(self.state.known.alerts.iter());
        let (verdicts, transitions) = (vec![verdict.clone()], Vec::from_iter(voices.tell(verdict, now)));
        self.ask(now, |reply| Command::Outages { verdicts, transitions, reply }).unwrap();
    }

    fn incident(&self, identity: &str) -> &IncidentRecord {
        self.state.known.incidents.of(labels(identity).fingerprint()).expect("an incident")
    }

    fn change(&mut self, now: Timestamp, change: IncidentChange) -> Result<Arc<str>, CentreError> {
        self.ask(now, |reply| Command::Incident { change, actor: "user:ada".to_owned(), reply })
    }

    fn correlate_step(&self, identity: &str, now: Timestamp) -> WhyStep {
        let scene = Scene {
            config: &self.state.config,
            alerts: &self.state.known.alerts,
            expiries: &self.state.expiries,
            dispatcher: &self.state.dispatcher,
            log: &self.state.known.log,
            outbox: &self.state.known.outbox,
            gate: self.state.gate(),
            held: None,
            is_flapping: false,
            now,
        };
        let steps = why(&scene, labels(identity).fingerprint()).expect("a known alert");
        steps.into_iter().find(|step| step.stage == "correlate").expect("an alert in an incident")
    }
}

#[test]
fn the_alert_of_an_outage_is_told_once_and_for_what_it_explains_nobody_is_paged() {
    for restarts in [false, true] {
        let mut world = World::new(CONFIG);
        world.fires(START, SLOW);
        world.fires(START, ROOM);
        world.outage(at("5s"), &verdict());
        world.fires(at("6s"), DOWN);
        if restarts {
            world.restart(at("7s"));
        }
        world.run_until(at("30m"));
        assert_eq!(
            world.told,
            "10s webhook first notification: Slow3\n15s webhook first notification: ProviderOutage\n",
            "what is out is told, and our own room"
        );
        let suppressed = world.state.suppressed(labels(DOWN).fingerprint(), at("30m"));
        assert_eq!(suppressed.incident, Some(world.incident(SLOW).incident.id.clone()));
        let step = world.correlate_step(DOWN, at("30m"));
        assert_eq!((step.verdict, &*step.rule), ("held", &*world.incident(DOWN).incident.id));
        assert!(
            step.detail.starts_with("Outage of aws us-east-1 suspected: 2 alerts: saturation, began"),
            "{}",
            step.detail
        );
        assert_eq!(world.correlate_step(ROOM, at("30m")).verdict, "joined");
        for delivery in &world.deliveries {
            let names = ["ProviderOutage", "Slow"].map(|name| delivery.group_key.contains(name));
            assert!(delivery.incident.is_some(), "{names:?}");
        }
        // When it is over, what still fires is told.
        world.told.clear();
        let over = Verdict { ended_at: Some(at("30m")), ..verdict() };
        world.outage(at("31m"), &over);
        world.run_until(at("40m"));
        let mut told: Vec<&str> = world.told.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "webhook all alerts resolved: -ProviderOutage",
                "webhook first notification: Down2",
                "webhook first notification: Slow1"
            ]
        );
    }
}

#[test]
fn incidents_are_in_the_journal_with_who_changed_them_and_come_back() {
    let mut world = World::new(CONFIG);
    let (one, other) =
        ("alertname=Hot resource_id=aws:1:r:host:h i=1", "alertname=HotDisk resource_id=aws:1:r:host:h i=2");
    world.fires(START, one);
    world.fires(at("1s"), other);
    world.run_until(at("20s"));
    let whole = world.incident(one).incident.id.clone();
    assert_eq!(world.incident(other).incident.id, whole);
    let split = IncidentChange::Split {
        id: whole.to_string(),
        fingerprints: BTreeSet::from([labels(other).fingerprint()]),
    };
    let new = world.change(at("30s"), split.clone()).unwrap();
    assert_ne!(new, whole);
    assert!(matches!(
        world.change(at("31s"), split),
        Err(CentreError::Incident(IncidentError::NotAMember { .. }))
    ));
    let taken = IncidentChange::Acknowledge { id: new.to_string(), is_taken: true };
    assert_eq!(world.change(at("32s"), taken).unwrap(), new);
    assert_eq!(world.incident(other).incident.acknowledged_by.as_deref(), Some("user:ada"));
    let merged =
        world.change(at("40s"), IncidentChange::Merge { into: whole.to_string(), from: new.to_string() });
    assert_eq!(merged.unwrap(), whole);
    let before = world.kept();
    world.restart(at("50s"));
    assert_eq!(world.kept(), before);
    assert_eq!(world.incident(other).incident.id, whole);
    // All over, and closed after a while without anybody's doing.
    for identity in [one, other] {
        world.ingest(at("60s"), identity, AlertState::Resolved, Severity::Critical);
    }
    world.run_until(at("10m"));
    assert!(world.incident(one).incident.is_resolved());
    assert_eq!(world.state.next_due(at("10m")), None);
}

#[test]
fn open_alerts_of_a_journal_without_incidents_get_theirs_at_the_start() {
    let mut world = World::new(CONFIG);
    world.fires(START, SLOW);
    world.fires(START, ROOM);
    assert!(world.state.known.incidents.is_empty(), "stopped between the alert and its incident");
    world.restart(at("1m"));
    assert_eq!(world.state.uncorrelated.len(), 2);
    world.run_until(at("2m"));
    assert_eq!(world.state.known.incidents.len(), 2);
    world.restart(at("3m"));
    assert!(world.state.uncorrelated.is_empty());
}

#[test]
fn who_takes_an_incident_takes_its_open_alerts_that_nobody_has() {
    let mut world = World::new(CONFIG);
    let alerts = ["Hot", "HotDisk", "HotFan", "HotCpu"]
        .map(|name| format!("alertname={name} resource_id=aws:1:r:host:h"));
    alerts.iter().for_each(|identity| world.fires(START, identity));
    world.run_until(at("20s"));
    let id = world.incident(&alerts[0]).incident.id.to_string();
    assert!(alerts.iter().all(|identity| *world.incident(identity).incident.id == *id));
    let has = |world: &World| {
        let holder = |identity: &String| {
            let taken =
                world.state.known.handlings.acknowledged(labels(identity).fingerprint(), Severity::Critical);
            taken.map_or("nobody".to_owned(), |taken| taken.by.clone())
        };
        alerts.iter().map(holder).collect::<Vec<_>>().join(" ")
    };
    let change = |world: &mut World, now: &str, is_taken: bool, actor: &str| {
        let change = IncidentChange::Acknowledge { id: id.clone(), is_taken };
        let actor = actor.to_owned();
        world.ask(at(now), |reply| Command::Incident { change, actor, reply }).unwrap();
    };
    world.act(at("21s"), &alerts[1], Act::Acknowledge).unwrap();
    world.ingest(at("22s"), &alerts[2], AlertState::Resolved, Severity::Critical);
    world.run_until(at("22s"));
    change(&mut world, "30s", true, "bob");
    assert_eq!(has(&world), "bob user:ada nobody bob");
    change(&mut world, "31s", true, "eve");
    assert_eq!(has(&world), "eve user:ada nobody eve", "with the incident goes what came with it");
    let kept = world.kept();
    world.restart(at("32s"));
    assert_eq!(world.kept(), kept);
    change(&mut world, "33s", false, "bob");
    assert_eq!(has(&world), "nobody user:ada nobody nobody");
    assert_eq!(world.incident(&alerts[0]).incident.acknowledged_by, None);
}
