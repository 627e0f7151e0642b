use isobar_egress::Retry;
use serde::Deserialize;

use super::*;
use crate::config::{RawRunbook, Runbooks};
use crate::proposal::tests::alert;
use crate::situation::{Evidence, Situation, Standing};

mod laws;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
}

/// The runbook `restart`, which calls this address.
pub(super) fn runbooks(url: &str) -> Runbooks {
    #[derive(Deserialize)]
    struct File {
        runbooks: Vec<RawRunbook>,
    }
    let text = format!("runbooks: [{{name: restart, webhook: {{url: '{url}', secret: '${{env:S}}'}}}}]");
    let file: File = serde_saphyr::from_str(&text).unwrap();
    let mut runbooks = Runbooks::default();
    for raw in file.runbooks {
        runbooks.add(raw).unwrap();
    }
    runbooks
}

pub(super) fn evidence(verified: bool) -> Evidence {
    Evidence { kind: "policy".to_owned(), detail: "0.97 from lab".to_owned(), at: at(0), verified }
}

/// An alert on `i` that went on at second `since` and asks for `restart`.
pub(super) fn situation(i: &str, since: i64, standing: Standing) -> Situation {
    Situation {
        runbook: "restart".to_owned(),
        alert: alert(i),
        since: at(since),
        evidence: vec![evidence(true)],
        standing,
    }
}

fn absent() -> Standing {
    Standing::Absent("source lab is down".to_owned())
}

/// A book under a script, with what was written down.
struct Script {
    book: Book,
    runbooks: Runbooks,
    written: Vec<Change>,
}

impl Script {
    fn new() -> Self {
        Self { book: Book::default(), runbooks: runbooks("https://x.example/"), written: Vec::new() }
    }

    fn write(&mut self, changes: Vec<Change>) {
        for change in &changes {
            self.book.apply(change.record.clone());
        }
        self.written.extend(changes);
    }

    fn observe(&mut self, seconds: i64, seen: &[Situation]) {
        let mut found = self.book.observe(seen, &self.runbooks, at(seconds));
        self.write(std::mem::take(&mut found.changes));
        self.book.confirm(found, at(seconds));
    }

    fn ask(&mut self, seconds: i64, decision: Decision, hash: &str) -> Result<Proposal, Refused> {
        let id = self.newest().id.clone();
        let ask = Ask {
            id,
            decision,
            hash: hash.to_owned(),
            comment: String::new(),
            actor: "token ops".to_owned(),
        };
        let (change, decided) = self.book.decide(&ask, at(seconds));
        self.write(vec![change]);
        decided
    }

    fn lever(&mut self, seconds: i64, position: Position) {
        let change = Book::moved(position, "maintenance", "token ops", at(seconds)).unwrap();
        self.write(vec![change]);
    }

    /// Begins what is due; the ids of the calls.
    fn begin(&mut self, seconds: i64) -> Vec<String> {
        let changes = self.book.begin(&Default::default(), &self.runbooks, at(seconds));
        let begun = changes.iter().filter_map(|change| match &change.record {
            Record::Proposal(one) if one.state == ProposalState::Sending => Some(one.id.clone()),
            _ => None,
        });
        let begun = begun.collect();
        self.write(changes);
        begun
    }

    fn finish(&mut self, seconds: i64, id: &str, outcome: Outcome) {
        let change = self.book.finish(id, outcome, at(seconds), 0.5);
        self.write(change.into_iter().collect());
    }

    fn newest(&self) -> &Proposal {
        self.book.proposals().max_by_key(|one| (one.created_at, &one.id)).expect("there is a proposal")
    }

    /// State and reason of the newest proposal.
    fn stands(&self) -> (&str, &str) {
        (self.newest().state.as_str(), &self.newest().reason)
    }

    #[track_caller]
    fn check(&self, state: &str, reason: &str) {
        let (found, why) = self.stands();
        assert!(found == state && why.contains(reason), "{found}: {why}");
    }
}

fn failed(retry: Retry) -> Outcome {
    Outcome::Failed { error: "answered 503".to_owned(), retry }
}

#[test]
fn a_firing_alert_is_proposed_once_and_sent_after_an_approval() {
    let mut script = Script::new();
    let firing = [situation("1", 0, Standing::Present)];
    script.observe(0, &firing);
    script.observe(1, &firing);
    assert_eq!(script.written.len(), 1);
    script.check("proposed", "");
    assert!(script.begin(1).is_empty(), "nobody has approved");
    let hash = script.newest().hash.clone();
    script.ask(2, Decision::Approve, &hash).unwrap();
    let begun = script.begin(2);
    assert_eq!(begun, [script.newest().id.clone()]);
    script.finish(3, &begun[0], Outcome::Taken { status: 202, body: "ok".to_owned() });
    script.check("sent", "202");
    script.observe(4, &firing);
    assert!(script.begin(4).is_empty() && script.written.len() == 4, "one breach, one call");
    let receipt = script.newest().sending.clone().unwrap().receipt.unwrap();
    assert_eq!((receipt.status, receipt.body.as_str(), receipt.at), (202, "ok", at(3)));

    // The next breach is another matter.
    script.observe(60, &[]);
    script.observe(90, &[situation("1", 90, Standing::Present)]);
    script.check("proposed", "");
    assert_eq!(script.book.proposals().count(), 2);
}

#[test]
fn proposals_of_an_alert_are_its_own_the_oldest_first() {
    let mut script = Script::new();
    for breach in [0, 60, 120] {
        let firing = ["1", "2"].map(|alert| situation(alert, breach, Standing::Present));
        script.observe(breach, &firing);
        script.observe(breach + 30, &[]);
    }
    script.observe(180, &[situation("3", 180, Standing::Present)]);
    let id = alert("1").id;
    let found = script.book.of_alert(&id);
    assert!(found.iter().all(|one| one.shown.alert.id == id));
    let created: Vec<Timestamp> = found.iter().map(|one| one.created_at).collect();
    assert_eq!(created, [at(0), at(60), at(120)]);
    assert!(script.book.of_alert("none").is_empty());
}

#[test]
fn a_decision_counts_only_for_what_was_shown_and_as_things_are() {
    let mut script = Script::new();
    let mut firing = situation("1", 0, Standing::Present);
    script.observe(0, std::slice::from_ref(&firing));
    let first = script.newest().hash.clone();
    let stale = |answer: Result<Proposal, Refused>, word: &str| {
        let refused = answer.unwrap_err();
        assert!(matches!(&refused, Refused::Conflict(why) if why.contains(word)), "{refused}");
    };
    stale(script.ask(1, Decision::Approve, "0000"), "hash");
    firing.alert.value = Some(0.99);
    script.observe(1, std::slice::from_ref(&firing));
    let second = script.newest().hash.clone();
    assert!(first != second && second == script.newest().shown.hash());
    stale(script.ask(1, Decision::Approve, &first), "hash");
    stale(script.ask(1, Decision::Deny, &first), "hash");
    script.lever(2, Position::Off);
    stale(script.ask(2, Decision::Approve, &second), "the lever is off: maintenance");
    stale(script.ask(2, Decision::Deny, &second), "the lever is off");
    script.lever(3, Position::Propose);
    stale(script.ask(40, Decision::Approve, &second), "not been read");
    stale(script.ask(900, Decision::Approve, &second), "expired");
    script.check("proposed", "");
    let attempts: Vec<&str> = script
        .written
        .iter()
        .filter_map(|change| match &change.record {
            Record::Attempt(attempt) => {
                assert!(change.actor == "token ops" && attempt.proposal == script.newest().id);
                Some(attempt.action.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(attempts, ["approve", "approve", "deny", "approve", "deny", "approve", "approve"]);
    let expired = script.book.expire(at(900));
    script.write(expired);
    script.check("expired", "nobody decided");
    stale(script.ask(901, Decision::Deny, &second), "is expired");
    script.observe(902, &[firing]);
    assert_eq!(script.book.proposals().count(), 1, "not proposed again while the alert goes on");

    let unknown = Ask {
        id: "x".to_owned(),
        decision: Decision::Deny,
        hash: String::new(),
        comment: String::new(),
        actor: "token ops".to_owned(),
    };
    assert_eq!(script.book.decide(&unknown, at(0)).1, Err(Refused::Unknown("x".to_owned())));
}

#[test]
fn denied_is_the_end() {
    let mut script = Script::new();
    let firing = [situation("1", 0, Standing::Present)];
    script.observe(0, &firing);
    let hash = script.newest().hash.clone();
    script.ask(1, Decision::Deny, &hash).unwrap();
    script.check("denied", "denied by token ops");
    assert!(script.ask(2, Decision::Approve, &hash).is_err());
    script.observe(3, &firing);
    assert!(script.begin(3).is_empty() && script.book.proposals().count() == 1);
}

#[test]
fn evidence_that_is_unverified_or_absent_is_refused_and_the_reason_kept() {
    for (change, reason) in [
        (
            (|one: &mut Situation| one.evidence[0].verified = false) as fn(&mut Situation),
            "not verified: 0.97 from lab",
        ),
        (|one| one.evidence.clear(), "absent: no source"),
        (|one| one.standing = absent(), "absent: source lab is down"),
    ] {
        let mut script = Script::new();
        let mut one = situation("1", 0, Standing::Present);
        change(&mut one);
        script.observe(0, std::slice::from_ref(&one));
        script.check("refused", reason);
        let hash = script.newest().hash.clone();
        assert!(script.ask(1, Decision::Approve, &hash).is_err() && script.begin(1).is_empty());
        script.observe(100, &[one]);
        assert_eq!(script.book.proposals().count(), 1, "one refusal a breach");
        script.observe(101, &[situation("1", 0, Standing::Present)]);
        script.check("proposed", "");
    }
}

#[test]
fn evidence_that_goes_away_takes_the_proposal_along() {
    let mut script = Script::new();
    script.observe(0, &[situation("1", 0, Standing::Present)]);
    script.observe(10, &[situation("1", 0, absent())]);
    script.check("refused", "source lab is down");
    script.observe(20, &[situation("1", 0, Standing::Present)]);
    assert_eq!(script.book.proposals().count(), 1, "not at every flap");
    script.observe(70, &[situation("1", 0, Standing::Present)]);
    script.check("proposed", "");

    script.observe(80, &[]);
    script.check("expired", "the alert is over");
}

#[test]
fn nothing_is_decided_before_the_evidence_is_read() {
    let mut script = Script::new();
    script.observe(0, &[situation("1", 0, Standing::Unread)]);
    assert!(script.written.is_empty());
    script.observe(1, &[situation("1", 0, Standing::Present)]);
    // After a restart.
    let text = serde_json::to_string(&script.book).unwrap();
    script.book = serde_json::from_str(&text).unwrap();
    let mut unread = situation("1", 0, Standing::Unread);
    unread.evidence.clear();
    script.observe(2, &[unread]);
    script.check("proposed", "");
    let hash = script.newest().hash.clone();
    assert!(script.ask(3, Decision::Approve, &hash).is_err());
    script.observe(4, &[situation("1", 0, Standing::Present)]);
    script.ask(5, Decision::Approve, &hash).unwrap();
}

#[test]
fn the_lever_holds_everything() {
    let mut script = Script::new();
    script.lever(0, Position::Off);
    script.observe(1, &[situation("1", 0, Standing::Present)]);
    script.check("refused", "the lever is off: maintenance");
    script.lever(2, Position::Propose);
    script.observe(61, &[situation("1", 0, Standing::Present)]);
    script.check("proposed", "");
    let hash = script.newest().hash.clone();
    script.ask(62, Decision::Approve, &hash).unwrap();
    script.lever(62, Position::Off);
    assert!(script.begin(62).is_empty());
    script.check("approved", "");
    script.lever(63, Position::Propose);
    let begun = script.begin(63);
    assert_eq!(begun.len(), 1);
    // A try that failed is not followed by another while it is off.
    script.finish(64, &begun[0], failed(Retry::Backoff));
    script.lever(64, Position::Off);
    assert!(script.begin(200).is_empty());
    assert!(script.begin(62 + 900).is_empty());
    script.check("failed", "the lever is off: maintenance; whether it was carried out is not known");
}

#[test]
fn what_is_held_too_long_or_is_over_is_not_sent() {
    for (end, reason) in [
        ((|script: &mut Script| drop(script.begin(1000))) as fn(&mut Script), "not sent within 15 min"),
        (|script| script.observe(10, &[]), "the alert is over"),
        (
            |script| {
                script.runbooks = runbooks("https://y.example/");
                script.begin(10);
            },
            "another address",
        ),
        (
            |script| {
                script.runbooks = Runbooks::default();
                script.observe(10, &[situation("1", 0, Standing::Present)]);
            },
            "configured no more",
        ),
    ] {
        let mut script = Script::new();
        script.observe(0, &[situation("1", 0, Standing::Present)]);
        let hash = script.newest().hash.clone();
        script.ask(1, Decision::Approve, &hash).unwrap();
        script.lever(1, Position::Off);
        end(&mut script);
        script.check("expired", reason);
        script.lever(1001, Position::Propose);
        assert!(script.begin(1001).is_empty());
    }
}

#[test]
fn tries_are_bounded_and_heed_what_the_other_side_asks_for() {
    let mut script = Script::new();
    script.observe(0, &[situation("1", 0, Standing::Present)]);
    let hash = script.newest().hash.clone();
    script.ask(0, Decision::Approve, &hash).unwrap();
    let id = script.begin(0).remove(0);
    script.finish(0, &id, failed(Retry::After(Duration::from_secs(30))));
    assert!(script.begin(29).is_empty());
    assert_eq!(script.begin(30), std::slice::from_ref(&id), "under the same id");
    script.finish(30, &id, Outcome::Broken);
    let mut now = 30;
    let mut tries = 2;
    while script.newest().state == ProposalState::Sending {
        now += 1;
        for id in script.begin(now) {
            tries += 1;
            script.finish(now, &id, failed(Retry::Backoff));
        }
        assert!(now < 2000);
    }
    assert!((16..=30).contains(&tries) && now <= 900, "{tries} {now}");
    script.check("failed", "given up after");

    let mut script = Script::new();
    script.observe(0, &[situation("1", 0, Standing::Present)]);
    let hash = script.newest().hash.clone();
    script.ask(0, Decision::Approve, &hash).unwrap();
    let id = script.begin(0).remove(0);
    script.finish(0, &id, failed(Retry::After(Duration::from_secs(3600))));
    script.check("failed", "given up after 1 tries: answered 503");

    let mut script = Script::new();
    script.observe(0, &[situation("1", 0, Standing::Present)]);
    script.ask(0, Decision::Approve, &hash).unwrap();
    let id = script.begin(0).remove(0);
    script.finish(0, &id, failed(Retry::Never));
    script.check("failed", "refused by the other side");
}

#[test]
fn too_many_open_proposals_and_old_ones_are_held() {
    let mut script = Script::new();
    let storm: Vec<Situation> = (0..150).map(|i| situation(&i.to_string(), 0, Standing::Present)).collect();
    script.observe(0, &storm);
    let count = |script: &Script, state| script.book.proposals().filter(|one| one.state == state).count();
    assert_eq!((count(&script, ProposalState::Proposed), count(&script, ProposalState::Refused)), (100, 50));
    script.observe(1, &[]);
    script.book.forget(at(2));
    assert_eq!(script.book.proposals().count(), 150);
    script.book.forget(at(8 * 24 * 3600));
    assert_eq!(script.book.proposals().count(), 0);
}

#[test]
fn a_lever_needs_a_reason() {
    for reason in ["", "  ", &"x".repeat(COMMENT_BYTES_MAX + 1)] {
        assert!(Book::moved(Position::Off, reason, "token ops", at(0)).is_err());
    }
}
