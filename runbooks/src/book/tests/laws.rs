//! No interleaving of decisions, alerts, the lever, time, answers and crashes sends without an approval, or twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// The alert as it is seen: off, on (since one of two breaches), on without evidence, not read yet, unverified.
    See(u8),
    Value(u8),
    Approve {
        stale: bool,
    },
    Deny,
    Lever(bool),
    Wait(u16),
    Begin,
    Answer(u8),
    Reload(bool),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![6 => 1..3u8, 1 => Just(0), 2 => 3..6u8].prop_map(Step::See),
        1 => (0..3u8).prop_map(Step::Value),
        4 => proptest::bool::weighted(0.2).prop_map(|stale| Step::Approve { stale }),
        1 => Just(Step::Deny),
        2 => proptest::bool::weighted(0.3).prop_map(Step::Lever),
        3 => prop_oneof![2 => 0..20u16, 1 => 60..400u16].prop_map(Step::Wait),
        5 => Just(Step::Begin),
        3 => prop_oneof![3 => Just(0), 2 => 1..4u8].prop_map(Step::Answer),
        1 => any::<bool>().prop_map(Step::Reload),
        2 => Just(Step::Crash),
    ]
}

/// The world: the book, what is on disk, and the other side, which carries out each id once.
#[derive(Default)]
struct World {
    book: Book,
    runbooks: Runbooks,
    now: i64,
    disk: Vec<Change>,
    /// Calls whose answer is not in.
    under_way: BTreeSet<String>,
    value: f64,
    /// Answers of success that were written down, by id.
    proven: BTreeSet<String>,
    /// What the other side carried out: id and body.
    carried_out: BTreeMap<String, String>,
}

impl World {
    fn write(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.book.apply(change.record.clone());
            self.disk.push(change);
        }
    }

    fn see(&mut self, how: u8) {
        let since = i64::from(how % 2);
        let standing = match how {
            3 => Standing::Absent("source lab is down".to_owned()),
            4 => Standing::Unread,
            _ => Standing::Present,
        };
        let mut one = situation("1", since, standing);
        one.alert.value = Some(self.value);
        one.evidence[0].verified = how != 5;
        let seen = if how == 0 { Vec::new() } else { vec![one] };
        let mut found = self.book.observe(&seen, &self.runbooks, at(self.now));
        self.write(std::mem::take(&mut found.changes));
        self.book.confirm(found, at(self.now));
    }

    fn decide(&mut self, decision: Decision, stale: bool) {
        let Some(newest) = self.book.proposals().max_by_key(|one| (one.created_at, &one.id)) else { return };
        let hash = if stale { "0".repeat(64) } else { newest.hash.clone() };
        let ask = Ask {
            id: newest.id.clone(),
            decision,
            hash,
            comment: String::new(),
            actor: "token ops".to_owned(),
        };
        let before = newest.clone();
        let (change, decided) = self.book.decide(&ask, at(self.now));
        self.write(vec![change]);
        let may = before.state == ProposalState::Proposed
            && !stale
            && at(self.now) < before.expires_at
            && self.book.lever().position == Position::Propose;
        assert!(may || decided.is_err(), "{before:?}");
    }

    fn begin(&mut self) {
        let changes = self.book.begin(&self.under_way, &self.runbooks, at(self.now));
        // On disk before it leaves.
        self.write(changes.clone());
        for change in changes {
            let Record::Proposal(one) = change.record else { continue };
            if one.state != ProposalState::Sending {
                continue;
            }
            assert_eq!(self.book.lever().position, Position::Propose, "nothing leaves while it is off");
            let approved = self.disk.iter().any(|written| {
                matches!(&written.record, Record::Proposal(approved)
                    if approved.id == one.id && approved.state == ProposalState::Approved
                        && written.actor == "token ops" && approved.hash == one.hash)
            });
            assert!(approved, "nobody approved what leaves: {one:?}");
            assert!(!self.proven.contains(&one.id), "what was taken leaves no more");
            assert!(self.under_way.insert(one.id.clone()), "one call at a time");
            let body = one.shown.json().to_string();
            // The other side may have carried it out whatever becomes of the answer.
            let known = self.carried_out.entry(one.id).or_insert_with(|| body.clone());
            assert_eq!(*known, body, "every try says the same");
        }
    }

    fn answer(&mut self, how: u8) {
        let Some(id) = self.under_way.pop_first() else { return };
        let outcome = match how {
            0 => Outcome::Taken { status: 200, body: String::new() },
            1 => failed(Retry::Backoff),
            2 => failed(Retry::After(Duration::from_secs(5))),
            _ => failed(Retry::Never),
        };
        if how == 0 {
            self.proven.insert(id.clone());
        }
        let change = self.book.finish(&id, outcome, at(self.now), 0.5);
        assert!(change.is_some(), "no answer is lost");
        self.write(change.into_iter().collect());
    }

    /// The process is killed: what is on disk is left, and calls under way may or may not have arrived.
    fn crash(&mut self) {
        self.book = Book::default();
        for change in &self.disk {
            self.book.apply(change.record.clone());
        }
        self.under_way.clear();
    }

    fn check(&self) {
        // One breach of one alert is acted on once.
        let mut acted: BTreeMap<Timestamp, &str> = BTreeMap::new();
        for one in self.book.proposals().filter(|one| one.sending.is_some()) {
            let other = acted.insert(one.since, &one.id);
            assert_eq!(other, None, "{} was sent twice", one.since);
        }
        let open = self.book.proposals().filter(|one| !one.state.is_final()).count();
        let sending = self.book.proposals().filter(|one| one.state == ProposalState::Sending).count();
        assert!(open <= 1 + sending, "one open proposal for each runbook and alert");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_leaves_without_approval_or_twice(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = World { runbooks: runbooks("https://x.example/"), value: 0.97, ..World::default() };
        for step in steps {
            match step {
                Step::See(how) => world.see(how),
                Step::Value(value) => world.value = 0.9 + f64::from(value) / 100.0,
                Step::Approve { stale } => world.decide(Decision::Approve, stale),
                Step::Deny => world.decide(Decision::Deny, false),
                Step::Lever(off) => {
                    let position = if off { Position::Off } else { Position::Propose };
                    let moved = Book::moved(position, "test", "token ops", at(world.now)).unwrap();
                    world.write(vec![moved]);
                }
                Step::Wait(seconds) => {
                    world.now += i64::from(seconds);
                    let expired = world.book.expire(at(world.now));
                    world.write(expired);
                }
                Step::Begin => world.begin(),
                Step::Answer(how) => world.answer(how),
                Step::Reload(moved) => {
                    world.runbooks = runbooks(if moved { "https://y.example/" } else { "https://x.example/" });
                }
                Step::Crash => world.crash(),
            }
            world.check();
        }
        // What is on disk is all there is to know.
        let before = world.book.clone();
        world.crash();
        prop_assert_eq!(world.book.lever(), before.lever());
        prop_assert!(world.book.proposals().eq(before.proposals()));
    }
}
