use isobar_journal::{MemoryJournal, NewEvent};

use super::*;
use crate::alert::AlertState;
use crate::delivery::{Direction, GroupId, IntegrationId, Reason};
use crate::fixture::{START, labels, transition};
use crate::handling::Handling;
use crate::incident::Incidents;
use crate::outage::{Cause, Level};

const SLOW: &str = "alertname=Slow resource_id=onprem:::host:db-1";
const FULL: &str = "alertname=Full resource_id=onprem:::host:db-1";
const OTHER: &str = "alertname=Other resource_id=onprem:::host:web-9 team=else";

fn id(identity: &str) -> u64 {
    labels(identity).fingerprint()
}

/// A journal as the centre writes it, with the incidents of its alerts.
#[derive(Default)]
struct Desk {
    journal: MemoryJournal,
    incidents: Incidents,
    alerts: HashMap<u64, Transition>,
    seconds: u64,
}

impl Desk {
    fn now(&self) -> Timestamp {
        START.plus(Duration::from_secs(self.seconds))
    }

    fn write(&self, actor: &str, kind: &str, record: &impl serde::Serialize) {
        let payload = serde_json::to_vec(record).unwrap();
        let event = NewEvent { kind: kind.to_owned(), actor: actor.to_owned(), payload };
        self.journal.append(self.now(), vec![event]).unwrap();
    }

    fn keep(&mut self, actor: &str, records: Vec<IncidentRecord>) {
        for record in records {
            self.write(actor, KIND_INCIDENT, &record);
            self.incidents.apply(record);
        }
    }

    /// An alert changes a second later.
    fn say(&mut self, identity: &str, state: AlertState, severity: Severity) {
        self.seconds += 1;
        let mut said = transition(identity, state, severity, self.now());
        let before = self.alerts.get(&id(identity));
        said.from = before.map(|before| before.alert.state);
        said.reason = format!("it is {}", state.as_str());
        if let Some(before) = before.filter(|before| before.alert.state.is_open()) {
            said.alert.starts_at = before.alert.starts_at;
        }
        self.write(ACTOR, KIND_ALERT, &said);
        let records = self.incidents.correlate([&said.alert], self.now());
        self.alerts.insert(id(identity), said);
        self.keep(ACTOR, records);
    }

    fn of(&self, identity: &str) -> IncidentRecord {
        self.incidents.of(id(identity)).unwrap().clone()
    }

    fn handle(&mut self, identity: &str, act: &str, note: &str) {
        let record = Handling {
            fingerprint: id(identity),
            acknowledged: None,
            assigned_to: String::new(),
            snoozed: None,
            comments: Vec::new(),
            act: act.to_owned(),
            actor: "ada".to_owned(),
            note: note.to_owned(),
            at: self.now(),
        };
        self.write("ada", KIND_HANDLING, &record);
    }

    /// Tells of an alert by one delivery, which stands like this.
    fn deliver(&self, actor: &str, identity: &str, state: DeliveryState, attempts: u32) {
        let way = IntegrationId { receiver: "team".into(), channel: "webhook".into(), index: 0 };
        let group = GroupId { key: "{}:{}".into(), receiver: "team".into() };
        let name = format!("d-{identity}");
        if attempts == 0 && actor == ACTOR {
            let told = serde_json::json!({"part": 1, "parts": 1, "notification": {
                "id": "n", "group": {"key": "{}:{}", "receiver": "team"}, "group_labels": {}, "at": self.now(),
                "alerts": [{"fingerprint": format!("{:016x}", id(identity)), "starts_at": self.now()}],
                "told": [{"delivery": name}],
            }});
            self.write(ACTOR, KIND_NOTIFICATION, &told);
        }
        let at = self.now();
        let delivery = Delivery {
            id: name.as_str().into(),
            notification: "n".into(),
            group_key: group.key,
            incident: None,
            integration: way,
            transition: Direction::Firing,
            reason: Reason::First,
            state,
            attempts,
            idempotency_key: "k".into(),
            tried_at: None,
            last_error: (state == DeliveryState::Failed).then(|| "answered 503".to_owned()),
            next_attempt_at: at,
            created_at: at,
            queued_at: at,
            sent_at: None,
            receipt: None,
            digest: None,
            handed_to: None,
            fallback_for: None,
        };
        self.write(actor, KIND_DELIVERY, &delivery);
    }

    /// The timeline in lines.
    fn told(&self, record: &IncidentRecord) -> Vec<String> {
        let line = |entry: TimelineEntry| {
            let second = entry.at.since(START).as_secs();
            let by = entry.actor.map(|actor| format!(" by {actor}")).unwrap_or_default();
            let detail = if entry.detail.is_empty() { String::new() } else { format!(": {}", entry.detail) };
            format!("{second} {} {} {}{by}{detail}", entry.kind.as_str(), entry.what, entry.subject)
        };
        timeline(&self.journal, record).unwrap().into_iter().map(line).collect()
    }
}

#[test]
fn an_incident_is_told_from_its_first_alert_to_its_end() {
    let mut desk = Desk::default();
    desk.say(OTHER, AlertState::Firing, Severity::Critical);
    desk.say(SLOW, AlertState::Firing, Severity::Warning);
    desk.deliver(ACTOR, SLOW, DeliveryState::Queued, 0);
    desk.deliver(ACTOR, SLOW, DeliveryState::Failed, 1);
    desk.deliver(ACTOR, OTHER, DeliveryState::Queued, 0);
    desk.deliver(ACTOR, OTHER, DeliveryState::Sent, 1);
    desk.say(FULL, AlertState::Firing, Severity::Warning);
    desk.say(SLOW, AlertState::Firing, Severity::Critical);
    desk.say(SLOW, AlertState::Firing, Severity::Critical);
    desk.deliver(ACTOR, SLOW, DeliveryState::Sent, 2);
    let open = desk.of(SLOW).incident.id.to_string();
    desk.seconds += 1;
    let taken = desk.incidents.acknowledge(&open, Some("ada"), desk.now()).unwrap();
    desk.keep("ada", taken);
    desk.handle(SLOW, "acknowledge", "");
    desk.handle(FULL, "comment", "the disk of the logs");
    desk.handle(OTHER, "comment", "elsewhere");
    desk.deliver("ada", SLOW, DeliveryState::Queued, 0);
    desk.say(SLOW, AlertState::Resolved, Severity::Critical);
    desk.say(FULL, AlertState::Resolved, Severity::Warning);
    desk.seconds += 3_600;
    let closed = desk.incidents.close(desk.now());
    desk.keep(ACTOR, closed);
    let record = desk.of(SLOW);
    // What came after it was over is another one's.
    desk.say(SLOW, AlertState::Firing, Severity::Warning);
    let reason = &record.members[&id(FULL)].reason;
    let title = "2 alerts on db-1: Full, Slow";
    let expected = [
        "2 alert firing Slow: it is firing".to_owned(),
        "2 incident opened Slow on db-1: opened by Slow".to_owned(),
        "2 delivery failed team: webhook firing: answered 503".to_owned(),
        "3 alert firing Full: it is firing".to_owned(),
        format!("3 incident joined Full: {reason}"),
        "4 alert severity Slow: it is firing".to_owned(),
        "5 delivery sent team: webhook firing".to_owned(),
        format!("6 person acknowledge {title} by ada"),
        "6 person comment Full by ada: the disk of the logs".to_owned(),
        "6 person queued team by ada: webhook firing".to_owned(),
        "7 alert resolved Slow: it is resolved".to_owned(),
        "8 alert resolved Full: it is resolved".to_owned(),
        format!("3608 incident resolved {title}"),
    ];
    assert_eq!(desk.told(&record), expected);
}

#[test]
fn what_people_split_and_merge_keeps_what_was_before() {
    let mut desk = Desk::default();
    desk.say(SLOW, AlertState::Firing, Severity::Warning);
    desk.say(FULL, AlertState::Firing, Severity::Warning);
    let old = desk.of(SLOW).incident.id.to_string();
    desk.seconds += 100;
    let split = desk.incidents.split(&old, &[id(FULL)].into(), "ada", desk.now()).unwrap();
    desk.keep("ada", split);
    let new = desk.of(FULL);
    assert_eq!(
        desk.told(&new),
        [
            "2 alert firing Full: it is firing",
            "102 person split Full on db-1 by ada: split off 2 alerts on db-1: Full, Slow by ada",
        ]
    );
    desk.say(FULL, AlertState::Firing, Severity::Critical);
    let left = desk.told(&desk.of(SLOW));
    assert!(
        left.last().unwrap().starts_with("102 person split Slow on db-1 by ada: 1 alerts split off"),
        "{left:#?}"
    );
    desk.seconds += 1;
    let merged = desk.incidents.merge(&old, &new.incident.id, "bob", desk.now()).unwrap();
    desk.keep("bob", merged);
    let whole = desk.told(&desk.of(SLOW));
    assert!(whole.contains(&"103 alert severity Full: it is firing".to_owned()), "{whole:#?}");
    assert!(whole.last().unwrap().starts_with("104 person merge 2 alerts on db-1"), "{whole:#?}");
    let gone = desk.told(desk.incidents.get(&new.incident.id).unwrap());
    assert!(gone.last().unwrap().ends_with(&format!("by bob: its alerts are in {old}")), "{gone:#?}");
}

#[test]
fn an_outage_is_told_by_how_sure_it_is_and_what_the_provider_says() {
    let mut desk = Desk::default();
    desk.seconds += 1;
    let evidence = |class, detail: &str| Evidence { class, since: START, detail: detail.to_owned() };
    let mut verdict = Verdict {
        cause: Cause::Provider,
        cell: Some(crate::Cell::region("aws", "us-east-1")),
        level: Level::Suspected,
        onset: START,
        found_at: desk.now(),
        ended_at: None,
        evidence: vec![evidence(EvidenceClass::Breadth, "9 of 10 services")],
        against: Vec::new(),
    };
    let records = desk.incidents.hold([&verdict], desk.now());
    desk.keep(ACTOR, records);
    desk.seconds += 60;
    verdict.level = Level::Confirmed;
    verdict.evidence.push(evidence(EvidenceClass::Notice, "AWS: elevated errors"));
    let records = desk.incidents.hold([&verdict], desk.now());
    desk.keep(ACTOR, records);
    desk.seconds += 60;
    verdict.ended_at = Some(desk.now());
    let records = desk.incidents.hold([&verdict], desk.now());
    desk.keep(ACTOR, records);
    let record = desk.incidents.iter().next().unwrap();
    let words: Vec<String> =
        desk.told(record).iter().map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        words,
        ["1 incident suspected", "61 incident confirmed", "61 notice notice", "121 incident ended"]
    );
}

#[test]
fn the_latest_entries_of_a_long_story_are_found_without_reading_all_of_it() {
    let mut desk = Desk::default();
    let noise = |desk: &Desk| {
        let event = NewEvent { kind: "other".to_owned(), actor: ACTOR.to_owned(), payload: b"{}".to_vec() };
        desk.journal.append(desk.now(), vec![event; 3_000]).unwrap();
    };
    noise(&desk);
    desk.seconds += 3_600;
    desk.say(SLOW, AlertState::Firing, Severity::Warning);
    for _ in 0..600 {
        desk.seconds += 1;
        desk.handle(SLOW, "comment", "again");
        desk.journal.append(desk.now(), Vec::new()).unwrap();
    }
    noise(&desk);
    let told = desk.told(&desk.of(SLOW));
    assert_eq!((told.len(), &*told[0]), (ENTRIES_MAX, "3702 person comment Slow by ada: again"));
    let first = last_before(&desk.journal, START.plus(Duration::from_secs(1))).unwrap();
    assert_eq!((first, last_before(&desk.journal, START).unwrap()), (3_000, 0));
    assert_eq!(
        last_before(&desk.journal, START.plus(Duration::from_secs(9_999))).unwrap(),
        desk.journal.head().seq
    );
}
