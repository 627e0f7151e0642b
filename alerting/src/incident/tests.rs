use std::collections::BTreeSet;
use std::time::Duration;

use isobar_normalizer::Severity;
use proptest::prelude::*;

use super::*;
use crate::alert::{Alert, AlertState};
use crate::fixture::{START, alert};
use crate::outage::{Cause, Evidence, EvidenceClass, Level};

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn firing(identity: &str, seconds: u64) -> Alert {
    alert(identity, AlertState::Firing, Severity::Warning, at(seconds))
}

fn over(alert: &Alert, seconds: u64) -> Alert {
    Alert { state: AlertState::Resolved, ends_at: Some(at(seconds)), ..alert.clone() }
}

/// Takes the alerts in, all at once.
fn take(incidents: &mut Incidents, alerts: &[&Alert], now: Timestamp) -> Vec<IncidentRecord> {
    let records = incidents.correlate(alerts.iter().copied(), now);
    apply(incidents, &records);
    records
}

fn apply(incidents: &mut Incidents, records: &[IncidentRecord]) {
    for record in records {
        incidents.apply(record.clone());
    }
}

/// The names of the present members of every unresolved incident.
fn partition(incidents: &Incidents) -> BTreeSet<Vec<String>> {
    let open = incidents.iter().filter(|record| !record.incident.is_resolved());
    let names = |record: &IncidentRecord| {
        let mut names: Vec<String> =
            record.present().map(|(_, member)| member.features.name.to_string()).collect();
        names.sort();
        names
    };
    open.map(names).collect()
}

fn sets(expected: &[&[&str]]) -> BTreeSet<Vec<String>> {
    expected.iter().map(|names| names.iter().map(|name| (*name).to_owned()).collect()).collect()
}

const CPU: &str = "alertname=HighCpu resource_id=aws:1:us-east-1:compute.instance:i-1 service_name=shop";
const MEMORY: &str =
    "alertname=MemoryFull resource_id=aws:1:us-east-1:compute.instance:i-1 service_name=shop";
const QUEUE: &str = "alertname=QueueStuck resource_id=aws:1:us-east-1:queue:orders service_name=mail";
const ROOM: &str = "alertname=DiskSlow resource_id=onprem::room-a:host:db-1 service_name=ledger";

#[test]
fn what_is_near_joins_and_says_why_and_what_is_not_stays_alone() {
    let mut incidents = Incidents::default();
    take(&mut incidents, &[&firing(CPU, 0)], at(60));
    take(&mut incidents, &[&firing(MEMORY, 30), &firing(QUEUE, 30), &firing(ROOM, 40)], at(90));
    assert_eq!(partition(&incidents), sets(&[&["HighCpu", "MemoryFull"], &["QueueStuck"], &["DiskSlow"]]));
    let memory = firing(MEMORY, 30).fingerprint();
    let record = incidents.of(memory).unwrap();
    assert_eq!(
        record.members[&memory].reason,
        "same resource as HighCpu on i-1, began within 30s, 20 % alike (distance 0.34 of 0.75)"
    );
    assert_eq!(record.incident.title, "2 alerts on i-1 in aws us-east-1: HighCpu, MemoryFull");
    assert_eq!(record.incident.cell, Some(Cell::region("aws", "us-east-1")));
    assert_eq!((record.incident.starts_at, record.incident.severity), (at(0), Severity::Warning));
}

#[test]
fn an_incident_follows_its_members_and_closes_after_they_have_been_over_for_a_while() {
    let mut incidents = Incidents::default();
    let mut cpu = firing(CPU, 0);
    take(&mut incidents, &[&cpu, &firing(MEMORY, 30)], at(60));
    cpu.severity = Severity::Critical;
    take(&mut incidents, &[&cpu], at(70));
    let id = incidents.of(cpu.fingerprint()).unwrap().incident.id.clone();
    let severity = |incidents: &Incidents| incidents.get(&id).unwrap().incident.severity;
    assert_eq!(severity(&incidents), Severity::Critical);
    take(&mut incidents, &[&over(&cpu, 100)], at(100));
    assert_eq!(severity(&incidents), Severity::Warning);
    assert_eq!(incidents.next_close(), None);
    take(&mut incidents, &[&over(&firing(MEMORY, 30), 110)], at(120));
    assert_eq!(incidents.next_close(), Some(at(420)));
    // It comes back within that time, to the same incident, which does not close now.
    take(&mut incidents, &[&firing(CPU, 300)], at(310));
    assert_eq!((incidents.len(), incidents.next_close()), (1, None));
    take(&mut incidents, &[&over(&firing(CPU, 300), 330)], at(330));
    assert!(incidents.close(at(629)).is_empty());
    let closed = incidents.close(at(630));
    apply(&mut incidents, &closed);
    let incident = &incidents.get(&id).unwrap().incident;
    assert_eq!((incident.state, incident.ends_at), (IncidentState::Resolved, Some(at(330))));
    // What comes later is another incident.
    take(&mut incidents, &[&firing(CPU, 640)], at(640));
    assert_ne!(incidents.of(cpu.fingerprint()).unwrap().incident.id, id);
    incidents.expire(at(1_000), Duration::from_secs(60));
    assert_eq!((incidents.len(), incidents.get(&id)), (1, None));
}

#[test]
fn an_alert_near_to_two_incidents_makes_them_one_with_both_reasons() {
    let a = firing("alertname=PodSlow namespace=shop deployment=cart cluster=main env=prod", 0);
    let b = firing("alertname=NodeFull node=n-2 cluster=main env=prod", 20);
    let both =
        firing("alertname=PodSlowNodeFull namespace=shop deployment=cart node=n-2 cluster=main env=prod", 30);
    let mut incidents = Incidents::default();
    take(&mut incidents, &[&a], at(40));
    take(&mut incidents, &[&b], at(40));
    assert_eq!(incidents.len(), 2);
    let gone = incidents.of(b.fingerprint()).unwrap().incident.id.clone();
    take(&mut incidents, &[&both], at(50));
    assert_eq!(partition(&incidents), sets(&[&["NodeFull", "PodSlow", "PodSlowNodeFull"]]));
    let merged = incidents.of(b.fingerprint()).unwrap();
    assert_eq!(merged.incident.id, incidents.of(a.fingerprint()).unwrap().incident.id);
    assert!(
        merged.incident.reason.starts_with("opened by PodSlow; merged with NodeFull"),
        "{}",
        merged.incident.reason
    );
    assert!(merged.incident.reason.contains("near to both"), "{}", merged.incident.reason);
    let gone = incidents.get(&gone).unwrap();
    assert_eq!(
        (gone.incident.state, &gone.incident.merged_into),
        (IncidentState::Resolved, &Some(merged.incident.id.clone()))
    );
    assert_eq!(gone.members[&b.fingerprint()].moved_to, Some(merged.incident.id.clone()));
}

#[test]
fn what_people_split_is_not_merged_again_and_what_they_merge_is_not_taken_apart() {
    let mut incidents = Incidents::default();
    let (cpu, memory, queue) = (firing(CPU, 0), firing(MEMORY, 10), firing(QUEUE, 20));
    take(&mut incidents, &[&cpu, &memory, &queue], at(30));
    let id =
        |incidents: &Incidents, alert: &Alert| incidents.of(alert.fingerprint()).unwrap().incident.id.clone();
    let whole = id(&incidents, &cpu);
    let only = BTreeSet::from([memory.fingerprint()]);
    let records = incidents.split(&whole, &only, "ann", at(40)).unwrap();
    apply(&mut incidents, &records);
    let split = id(&incidents, &memory);
    assert_ne!(split, whole);
    assert_eq!(
        incidents.of(memory.fingerprint()).unwrap().members[&memory.fingerprint()].reason,
        format!("split off {whole} by ann")
    );
    // An alert on the same machine is near to both.
    let disk = firing(
        "alertname=MemoryHighCpuFull resource_id=aws:1:us-east-1:compute.instance:i-1 service_name=shop",
        50,
    );
    take(&mut incidents, &[&disk, &memory, &cpu], at(60));
    assert_ne!(id(&incidents, &memory), id(&incidents, &cpu));
    let queue_id = id(&incidents, &queue);
    let records = incidents.merge(&split, &queue_id, "ann", at(70)).unwrap();
    apply(&mut incidents, &records);
    let verdict = verdict("aws", "us-east-1", 0);
    let records = incidents.hold([&verdict], at(80));
    apply(&mut incidents, &records);
    assert_eq!(id(&incidents, &queue), id(&incidents, &memory), "put together by a person");
    assert_ne!(id(&incidents, &cpu), whole, "folded under the outage");
    let refused = [
        incidents.split("no", &only, "ann", at(90)).unwrap_err(),
        incidents.split(&whole, &only, "ann", at(90)).unwrap_err(),
        incidents.split(&split, &BTreeSet::from([1]), "ann", at(90)).unwrap_err(),
        incidents.split(&split, &BTreeSet::new(), "ann", at(90)).unwrap_err(),
        incidents.merge(&split, &split, "ann", at(90)).unwrap_err(),
        incidents.merge(&split, &id(&incidents, &cpu), "ann", at(90)).unwrap_err(),
    ];
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(refused[0], "no incident \"no\" is remembered");
    assert_eq!(refused[1], format!("incident {whole} is resolved"));
    assert_eq!(refused[2], format!("alert 0000000000000001 is not in incident {split}"));
    assert!(refused[3].contains("name some of its alerts"));
    assert!(refused[4].contains("with itself"));
    assert!(refused[5].contains("stands for an outage"));
}

#[test]
fn somebody_takes_an_incident_and_hands_it_back() {
    let mut incidents = Incidents::default();
    take(&mut incidents, &[&firing(CPU, 0)], at(10));
    let id = incidents.iter().next().unwrap().incident.id.clone();
    for (actor, state) in [(Some("ann"), IncidentState::Acknowledged), (None, IncidentState::Open)] {
        let records = incidents.acknowledge(&id, actor, at(20)).unwrap();
        apply(&mut incidents, &records);
        let incident = &incidents.get(&id).unwrap().incident;
        assert_eq!((incident.state, incident.acknowledged_by.as_deref()), (state, actor));
    }
}

fn verdict(provider: &str, region: &str, onset: u64) -> Verdict {
    Verdict {
        cause: Cause::Provider,
        cell: Some(Cell::region(provider, region)),
        level: Level::Suspected,
        onset: at(onset),
        found_at: at(onset + 60),
        ended_at: None,
        evidence: vec![Evidence {
            class: EvidenceClass::Breadth,
            since: at(onset),
            detail: "much breaches".into(),
        }],
        against: Vec::new(),
    }
}

#[test]
fn an_outage_takes_in_what_it_explains_and_nothing_else() {
    let mut incidents = Incidents::default();
    let before = firing("alertname=OldTrouble resource_id=aws:1:us-east-1:queue:old service_name=old", 0);
    let disk = Alert {
        class: isobar_normalizer::AlertClass::Capacity,
        ..firing("alertname=DiskFull resource_id=aws:1:us-east-1:host:h service_name=disk", 1_000)
    };
    let (cpu, queue, room) = (firing(CPU, 1_000), firing(QUEUE, 1_010), firing(ROOM, 1_020));
    take(&mut incidents, &[&before, &disk, &cpu, &queue, &room], at(1_060));
    let mut outage = verdict("aws", "us-east-1", 1_000);
    let records = incidents.hold([&outage], at(1_070));
    apply(&mut incidents, &records);
    let memory = firing(MEMORY, 1_080);
    take(&mut incidents, &[&memory], at(1_090));
    let found = partition(&incidents);
    let expected: &[&[&str]] =
        &[&["HighCpu", "MemoryFull", "QueueStuck"], &["OldTrouble"], &["DiskFull"], &["DiskSlow"]];
    assert_eq!(found, sets(expected));
    let folded = |incidents: &Incidents, alert: &Alert| incidents.folded_under(alert.fingerprint()).is_some();
    assert!(folded(&incidents, &cpu) && folded(&incidents, &memory) && !folded(&incidents, &room));
    let of_cpu = &incidents.of(cpu.fingerprint()).unwrap().members[&cpu.fingerprint()];
    assert_eq!(
        of_cpu.reason,
        "saturation, began with the outage of aws us-east-1; before: the first of its incident"
    );
    // Its own alert is a member and is told.
    let voice = Alert { identity: outage.identity(), ..firing("alertname=x", 1_000) };
    take(&mut incidents, &[&voice], at(1_095));
    assert!(
        incidents.of(voice.fingerprint()).unwrap().incident.outage.is_some() && !folded(&incidents, &voice)
    );
    assert_eq!(
        incidents.of(voice.fingerprint()).unwrap().incident.title,
        "Outage of aws us-east-1 suspected: 3 alerts"
    );
    // When it is over, what still fires is told, and what begins is not taken in.
    outage.ended_at = Some(at(2_000));
    let records = incidents.hold([&outage], at(2_300));
    apply(&mut incidents, &records);
    assert!(!folded(&incidents, &cpu));
    let late = firing("alertname=Late resource_id=aws:1:us-east-1:queue:late service_name=late", 2_310);
    take(&mut incidents, &[&late], at(2_320));
    assert!(incidents.of(late.fingerprint()).unwrap().incident.outage.is_none());
}

#[test]
fn what_an_outage_does_not_explain_any_more_is_told() {
    let folded = |incidents: &Incidents, alert: &Alert| incidents.folded_under(alert.fingerprint()).is_some();
    let zoned = |zone: &str, seconds| {
        let mut alert = firing(&format!("alertname=Slow resource_id=aws:1:us-east-1:host:{zone}"), seconds);
        let mut described = alert.described.edit();
        alert.described = described.set("cloud_availability_zone", zone).build();
        alert
    };
    let (a, b) = (zoned("a", 1_000), zoned("b", 1_010));
    let mut incidents = Incidents::default();
    take(&mut incidents, &[&a, &b], at(1_060));
    let mut outage = verdict("aws", "us-east-1", 1_000);
    let held = incidents.hold([&outage], at(1_070));
    apply(&mut incidents, &held);
    assert!(folded(&incidents, &a) && folded(&incidents, &b));
    // It is one zone's.
    outage.cell = outage.cell.map(|cell| Cell { zone: Some("a".into()), ..cell });
    let held = incidents.hold([&outage], at(1_400));
    apply(&mut incidents, &held);
    assert!(folded(&incidents, &a) && !folded(&incidents, &b));
    // A person puts in what no outage brings about.
    let disk = Alert {
        class: isobar_normalizer::AlertClass::Capacity,
        ..firing("alertname=DiskFull resource_id=aws:1:us-east-1:host:a", 1_450)
    };
    take(&mut incidents, &[&disk], at(1_460));
    let id = |alert: &Alert| incidents.of(alert.fingerprint()).unwrap().incident.id.clone();
    let merged = incidents.merge(&id(&a), &id(&disk), "ann", at(1_470)).unwrap();
    apply(&mut incidents, &merged);
    assert!(!folded(&incidents, &disk));
    // The next outage of the region begins before the incident of the first is closed.
    outage.ended_at = Some(at(2_000));
    let held = incidents.hold([&outage], at(2_300));
    apply(&mut incidents, &held);
    let held = incidents.hold([&verdict("aws", "us-east-1", 9_000)], at(9_060));
    apply(&mut incidents, &held);
    assert!(incidents.of(a.fingerprint()).unwrap().incident.is_standing_outage());
    assert!(!folded(&incidents, &a), "it began long before");
}

#[test]
fn what_fires_again_during_an_outage_is_part_of_it() {
    let mut incidents = Incidents::default();
    let (cpu, memory) = (firing(CPU, 0), firing(MEMORY, 30));
    take(&mut incidents, &[&cpu, &memory], at(60));
    take(&mut incidents, &[&over(&cpu, 100)], at(100));
    let before = incidents.of(cpu.fingerprint()).unwrap().incident.id.clone();
    // Waiting to fire once more it is as over as before.
    let pending = Alert { state: AlertState::Pending, ..firing(CPU, 1_000) };
    take(&mut incidents, &[&pending], at(1_000));
    let record = incidents.get(&before).unwrap();
    assert_eq!(record.members[&cpu.fingerprint()].left_at, Some(at(100)));
    let held = incidents.hold([&verdict("aws", "us-east-1", 950)], at(1_010));
    apply(&mut incidents, &held);
    assert!(incidents.folded_under(memory.fingerprint()).is_none(), "it began long before");
    take(&mut incidents, &[&firing(CPU, 1_000)], at(1_060));
    let folded = incidents.folded_under(cpu.fingerprint()).expect("part of the outage");
    assert_ne!(folded.id, before);
    assert_eq!(incidents.get(&before).unwrap().members[&cpu.fingerprint()].moved_to, Some(folded.id.clone()));
}

#[test]
fn what_people_split_stays_apart_from_what_it_is_merged_into() {
    let mut incidents = Incidents::default();
    let (cpu, memory, queue) = (firing(CPU, 0), firing(MEMORY, 10), firing(QUEUE, 20));
    take(&mut incidents, &[&cpu, &memory, &queue], at(30));
    let id =
        |incidents: &Incidents, alert: &Alert| incidents.of(alert.fingerprint()).unwrap().incident.id.clone();
    let whole = id(&incidents, &cpu);
    let only = BTreeSet::from([memory.fingerprint()]);
    let records = incidents.split(&whole, &only, "ann", at(40)).unwrap();
    apply(&mut incidents, &records);
    let records = incidents.merge(&id(&incidents, &queue), &id(&incidents, &memory), "ann", at(50)).unwrap();
    apply(&mut incidents, &records);
    // What correlation sees on the same machine is near to both.
    let both =
        "alertname=MemoryHighCpuFull resource_id=aws:1:us-east-1:compute.instance:i-1 service_name=shop";
    take(&mut incidents, &[&firing(both, 55)], at(60));
    assert_eq!(id(&incidents, &memory), id(&incidents, &queue));
    assert_ne!(id(&incidents, &memory), id(&incidents, &cpu));
    let apart = |of: &Alert| incidents.of(of.fingerprint()).unwrap().incident.apart_from.clone();
    assert!(apart(&memory).contains(&whole) && apart(&cpu).contains(&id(&incidents, &queue)));
}

#[test]
fn one_outage_that_takes_anothers_place_leaves_nothing_to_be_told_between() {
    let mut incidents = Incidents::default();
    let cpu = firing(CPU, 1_000);
    take(&mut incidents, &[&cpu], at(1_060));
    let mut narrow = verdict("aws", "us-east-1", 1_000);
    narrow.cell = narrow.cell.map(|cell| Cell { service: Some("compute.instance".into()), ..cell });
    let held = incidents.hold([&narrow], at(1_400));
    apply(&mut incidents, &held);
    assert!(incidents.folded_under(cpu.fingerprint()).is_some());
    let wide = verdict("aws", "us-east-1", 1_000);
    narrow.ended_at = Some(at(1_500));
    let held = incidents.hold([&narrow, &wide], at(1_500));
    assert_eq!(held.len(), 2);
    apply(&mut incidents, &held);
    let folded = incidents.folded_under(cpu.fingerprint()).expect("the successor speaks for it");
    assert_eq!(folded.outage.as_ref(), Some(&wide));
    assert_eq!(incidents.iter().filter(|record| !record.incident.is_resolved()).count(), 1);
}

#[test]
fn a_snapshot_in_any_order_knows_where_a_recurring_alert_is() {
    let mut incidents = Incidents::default();
    for begins in [0, 1_000, 2_000] {
        take(&mut incidents, &[&firing(CPU, begins)], at(begins));
        take(&mut incidents, &[&over(&firing(CPU, begins), begins + 60)], at(begins + 60));
        let closed = incidents.close(at(begins + 400));
        apply(&mut incidents, &closed);
    }
    take(&mut incidents, &[&firing(CPU, 3_000)], at(3_000));
    let mut kept: Vec<IncidentRecord> = incidents.iter().cloned().collect();
    assert_eq!(kept.len(), 4);
    for _ in 0..4 {
        kept.rotate_left(1);
        assert_eq!(Incidents::restored(kept.clone()), incidents);
    }
}

#[test]
fn of_an_incident_that_stays_open_members_long_over_are_forgotten_and_counted() {
    const MORE: usize = 10;
    let mut incidents = Incidents::default();
    let pods: Vec<Alert> = (0..fold::OVER_KEPT + MORE)
        .map(|pod| firing(&format!("alertname=PodSlow node=n-1 pod=cart-{pod}"), 0))
        .collect();
    let node = firing("alertname=NodeSlow node=n-1", 0);
    let all: Vec<&Alert> = pods.iter().chain([&node]).collect();
    take(&mut incidents, &all, at(10));
    let ended: Vec<Alert> = (0..).zip(&pods).map(|(nth, pod)| over(pod, 100 + nth)).collect();
    take(&mut incidents, &ended.iter().collect::<Vec<_>>(), at(9_000));
    let counted = |incidents: &Incidents| {
        incidents.counted().map(|(_, alerts, open)| (alerts, open)).collect::<Vec<_>>()
    };
    let before = counted(&incidents);
    assert_eq!(before, [(fold::OVER_KEPT + MORE + 1, 1)]);
    for _ in 0..2 {
        incidents.expire(at(9_010), Duration::from_secs(60));
        assert_eq!(counted(&incidents), before);
        let record = incidents.of(node.fingerprint()).unwrap();
        assert_eq!((record.members.len(), record.forgotten), (fold::OVER_KEPT + 1, MORE));
    }
    assert_eq!(incidents.of(pods[MORE - 1].fingerprint()), None, "over for longest");
    assert!(incidents.of(pods[MORE].fingerprint()).is_some());
    let kept = serde_json::to_string(&incidents.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(Incidents::restored(serde_json::from_str(&kept).unwrap()), incidents);
    // They still count in what it is called.
    let worse = Alert { severity: Severity::Critical, ..node };
    take(&mut incidents, &[&worse], at(9_020));
    let incident = &incidents.of(worse.fingerprint()).unwrap().incident;
    assert_eq!(incident.title, format!("{} alerts: PodSlow, NodeSlow", fold::OVER_KEPT + MORE + 1));
    assert_eq!(incident.starts_at, at(0));
}

#[test]
fn a_record_of_many_members_is_written_in_parts_that_come_to_the_whole() {
    let odd = |nth: u64| {
        let text = "\u{1}\"\\é".repeat(20);
        let mut alert = firing(&format!("alertname=Slow resource_id=aws:1:us-east-1:host:h-{nth}"), 0);
        let mut described = alert.described.edit();
        alert.described = described.set("service_name", format!("{text}{nth}")).build();
        alert
    };
    let alerts: Vec<Alert> = (0..3_000).map(odd).collect();
    let record =
        &Incidents::default().correlate(&alerts, at(10)).into_iter().max_by_key(|it| it.members.len());
    let record = record.as_ref().unwrap();
    let parts = record.parts();
    assert!(parts.len() > 2, "{} members in {} parts", record.members.len(), parts.len());
    let (mut whole, mut in_parts) = (Incidents::default(), Incidents::default());
    whole.apply(record.clone());
    for part in parts {
        assert!(serde_json::to_vec(&part).unwrap().len() < 600 * 1024);
        let bytes: usize = part.members.values().map(Membership::bytes_max).sum();
        assert!(bytes >= serde_json::to_vec(&part.members.values().collect::<Vec<_>>()).unwrap().len());
        in_parts.apply(part.into_owned());
    }
    assert_eq!(in_parts, whole);
}

#[test]
fn records_come_back_from_json() {
    let mut incidents = Incidents::default();
    let records = take(&mut incidents, &[&firing(CPU, 0), &firing(MEMORY, 5)], at(10));
    let held = incidents.hold([&verdict("aws", "us-east-1", 0)], at(20));
    for record in records.iter().chain(&held) {
        let text = serde_json::to_string(record).unwrap();
        assert_eq!(&serde_json::from_str::<IncidentRecord>(&text).unwrap(), record);
    }
}

/// One change of one of some alerts.
#[derive(Clone, Debug)]
enum Change {
    Fires { which: usize, after: u64, severity: Severity },
    Ends { which: usize },
    Splits { which: usize },
    Merges { which: usize, other: usize },
    Outage { is_over: bool },
    Waits { seconds: u64 },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..12_usize, 0..300_u64, prop::sample::select(Severity::ALL)).prop_map(|(which, after, severity)| Change::Fires { which, after, severity }),
        2 => (0..12_usize).prop_map(|which| Change::Ends { which }),
        1 => (0..12_usize).prop_map(|which| Change::Splits { which }),
        1 => (0..12_usize, 0..12_usize).prop_map(|(which, other)| Change::Merges { which, other }),
        1 => any::<bool>().prop_map(|is_over| Change::Outage { is_over }),
        2 => (0..900_u64).prop_map(|seconds| Change::Waits { seconds }),
    ]
}

/// Twelve alerts of three services on six machines in two regions.
fn nth(which: usize, seconds: u64) -> Alert {
    let (region, service, machine) = (["us-east-1", "eu-west-1"][which % 2], which % 3, which % 6);
    let name = ["HighCpu", "SlowAnswers", "QueueStuck", "HighLoad"][which % 4];
    firing(
        &format!(
            "alertname={name} resource_id=aws:1:{region}:host:h{machine} service_name=s{service} n={which}"
        ),
        seconds,
    )
}

/// Lives through the changes; every record that was written, and what is open at the end.
fn live(changes: &[Change]) -> (Incidents, Vec<IncidentRecord>, BTreeSet<u64>) {
    let (mut incidents, mut journal, mut open) = (Incidents::default(), Vec::new(), BTreeSet::new());
    let mut seconds = 0;
    for change in changes {
        let of = |incidents: &Incidents, which| {
            incidents.of(nth(which, 0).fingerprint()).map(|it| it.incident.id.clone())
        };
        let records = match change {
            Change::Fires { which, after, severity } => {
                seconds += after;
                let alert = Alert { severity: *severity, ..nth(*which, seconds) };
                open.insert(alert.fingerprint());
                incidents.correlate([&alert], at(seconds))
            }
            Change::Ends { which } => {
                let alert = over(&nth(*which, seconds), seconds);
                open.remove(&alert.fingerprint());
                incidents.correlate([&alert], at(seconds))
            }
            Change::Splits { which } => {
                let only = BTreeSet::from([nth(*which, 0).fingerprint()]);
                let id = of(&incidents, *which).unwrap_or_default();
                incidents.split(&id, &only, "ann", at(seconds)).unwrap_or_default()
            }
            Change::Merges { which, other } => {
                let (into, from) =
                    (of(&incidents, *which).unwrap_or_default(), of(&incidents, *other).unwrap_or_default());
                incidents.merge(&into, &from, "ann", at(seconds)).unwrap_or_default()
            }
            Change::Outage { is_over } => {
                let mut verdict = verdict("aws", "us-east-1", seconds.saturating_sub(200));
                verdict.ended_at = is_over.then(|| at(seconds));
                incidents.hold([&verdict], at(seconds))
            }
            Change::Waits { seconds: waited } => {
                seconds += waited;
                incidents.close(at(seconds))
            }
        };
        apply(&mut incidents, &records);
        journal.extend(records);
    }
    (incidents, journal, open)
}

proptest! {
    /// Each open alert is a present member of exactly one incident, which is not resolved.
    #[test]
    fn incidents_part_the_open_alerts(changes in prop::collection::vec(change(), 1..60)) {
        let (incidents, _, open) = live(&changes);
        let mut seen = BTreeSet::new();
        for record in incidents.iter().filter(|record| !record.incident.is_resolved()) {
            for (fingerprint, member) in record.present() {
                prop_assert!(seen.insert(fingerprint), "in two incidents");
                prop_assert_eq!(member.is_open(), open.contains(&fingerprint));
                prop_assert_eq!(&incidents.of(fingerprint).unwrap().incident.id, &record.incident.id);
            }
        }
        prop_assert!(open.is_subset(&seen));
    }

    /// The records alone say everything, also when some are read twice.
    #[test]
    fn a_restart_is_a_fold(changes in prop::collection::vec(change(), 1..60)) {
        let (incidents, journal, _) = live(&changes);
        let mut folded = Incidents::default();
        apply(&mut folded, &journal);
        prop_assert_eq!(&folded, &incidents);
        if let Some(last) = journal.last() {
            folded.apply(last.clone());
            prop_assert_eq!(&folded, &incidents);
        }
        // So does a snapshot of them.
        let kept: Vec<IncidentRecord> = incidents.iter().rev().cloned().collect();
        prop_assert_eq!(&Incidents::restored(kept), &incidents);
    }

    /// What comes at the same moment may come in any order.
    #[test]
    fn the_order_within_an_instant_does_not_matter(
        began in prop::collection::vec(0..900_u64, 12),
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let alerts: Vec<Alert> = began.iter().enumerate().map(|(which, seconds)| nth(which, *seconds)).collect();
        let shuffled: Vec<&Alert> = order.iter().map(|which| &alerts[*which]).collect();
        let incidents = Incidents::default();
        prop_assert_eq!(incidents.correlate(&alerts, at(900)), incidents.correlate(shuffled, at(900)));
    }
}
