use std::time::Duration;

use super::*;
use crate::fixture::{START, alert, transition};

/// Some alerts, and what is done about them.
struct Desk {
    alerts: Vec<Alert>,
    handlings: Handlings,
    records: usize,
}

impl Desk {
    fn new() -> Self {
        let named = |name: &str, state| alert(&format!("alertname={name}"), state, Severity::Warning, START);
        let alerts = vec![
            named("A", AlertState::Firing),
            named("B", AlertState::Firing),
            named("C", AlertState::Resolved),
        ];
        Self { alerts, handlings: Handlings::default(), records: 0 }
    }

    fn act(&mut self, act: Act, actor: &str, note: &str) -> Result<ActOutcome, ActError> {
        let targets = self.alerts.iter().map(Alert::fingerprint).collect();
        let request = Request { targets, act, actor: actor.to_owned(), note: note.to_owned() };
        let known = |fingerprint| self.alerts.iter().find(|alert| alert.fingerprint() == fingerprint);
        let (records, outcome) = request.carry_out(&self.handlings, known, START)?;
        self.records += records.len();
        for record in records {
            let kept = serde_json::to_vec(&record).unwrap();
            self.handlings.apply(serde_json::from_slice(&kept).unwrap());
        }
        Ok(outcome)
    }

    fn first(&self) -> &Handling {
        self.handlings.get(self.alerts[0].fingerprint()).unwrap()
    }
}

#[test]
fn an_acknowledgement_holds_until_it_becomes_worse_or_is_taken_back() {
    let mut desk = Desk::new();
    let over = desk.alerts[2].fingerprint();
    let outcome = desk.act(Act::Acknowledge, "ada", "I look").unwrap();
    assert_eq!(outcome, ActOutcome { done: 2, changed: 2, not_open: vec![over] });
    let first = desk.alerts[0].fingerprint();
    let by = |desk: &Desk, severity| desk.handlings.acknowledged(first, severity).map(|one| one.by.clone());
    assert_eq!(by(&desk, Severity::Warning).as_deref(), Some("ada"));
    assert_eq!(by(&desk, Severity::Critical), None);
    assert_eq!(desk.first().comments[0].text, "I look");
    let again = desk.act(Act::Acknowledge, "ada", "").unwrap();
    assert_eq!((desk.records, again.done, again.changed), (2, 2, 0), "it is so already");
    desk.act(Act::Acknowledge, "bob", "").unwrap();
    assert_eq!(by(&desk, Severity::Warning).as_deref(), Some("bob"));
    desk.act(Act::Unacknowledge, "bob", "").unwrap();
    assert_eq!(by(&desk, Severity::Warning), None);
    assert_eq!((desk.first().act.as_str(), desk.first().actor.as_str()), ("unacknowledge", "bob"));
}

#[test]
fn assigned_put_off_and_talked_about() {
    let mut desk = Desk::new();
    let until = START.plus(Duration::from_secs(60));
    desk.act(Act::Assign { to: "bob".to_owned() }, "ada", "").unwrap();
    desk.act(Act::Snooze { until }, "ada", "").unwrap();
    for i in 0..COMMENTS_MAX + 3 {
        desk.act(Act::Comment, "bob", &format!("comment {i}")).unwrap();
    }
    assert_eq!(desk.first().assigned_to, "bob");
    assert_eq!(
        (desk.first().comments.len(), desk.first().comments[0].text.as_str()),
        (COMMENTS_MAX, "comment 3")
    );
    let first = desk.alerts[0].fingerprint();
    assert_eq!(desk.handlings.snoozed(first, START).map(|snoozed| snoozed.until), Some(until));
    assert_eq!(desk.handlings.snoozed(first, until), None);
    assert!(
        desk.handlings.get(desk.alerts[2].fingerprint()).is_some(),
        "of what is over there is still something to say"
    );
    desk.act(Act::Unsnooze, "ada", "").unwrap();
    assert_eq!(desk.first().snoozed, None);
}

#[test]
fn what_is_refused() {
    let mut desk = Desk::new();
    assert_eq!(desk.act(Act::Snooze { until: START }, "ada", ""), Err(ActError::UntilPast(START)));
    assert_eq!(desk.act(Act::Comment, "ada", ""), Err(ActError::NoText));
    assert!(matches!(desk.act(Act::Acknowledge, "ada", &"x".repeat(5000)), Err(ActError::TooLong(5000))));
    desk.alerts.drain(..2);
    assert_eq!(desk.act(Act::Acknowledge, "ada", ""), Err(ActError::NotOpen));
}

#[test]
fn it_ends_with_the_episode() {
    let mut desk = Desk::new();
    desk.act(Act::Acknowledge, "ada", "").unwrap();
    let mut step = |from, to, is_kept: bool| {
        let said = Transition { from, ..transition("alertname=A", to, Severity::Warning, START) };
        desk.handlings.follow(&said);
        assert_eq!(desk.handlings.get(said.alert.fingerprint()).is_some(), is_kept, "{from:?} to {to:?}");
    };
    step(Some(AlertState::Firing), AlertState::NoData, true);
    step(Some(AlertState::NoData), AlertState::Resolved, true);
    step(Some(AlertState::Resolved), AlertState::Firing, false);
}
