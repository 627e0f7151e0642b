//! A recorded stretch, replayed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_journal::{Journal, MemoryJournal, NewEvent};
use isobar_normalizer::{Labels, Matcher, Severity, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::alert::AlertState;
use crate::centre::{Past, Rerun};
use crate::config::parse_matchers;
use crate::evaluate::{ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark, Stretch};
use crate::event::{KIND_ALERT, KIND_NOTIFICATION, Transition};
use crate::fixture::{START, transition};
use crate::policy::Policies;
use crate::silence::{SilenceDraft, SilenceError};

const ONE_ROUTE: &str = "
route: {receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}
receivers: [{name: ops, webhook_configs: [{url: 'http://ops.example/'}]}, {name: db, webhook_configs: [{url: 'http://db.example/'}]}]
";
const TWO_ROUTES: &str = "
route: {receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h, routes: [{receiver: db, matchers: [team=db]}]}
receivers: [{name: ops, webhook_configs: [{url: 'http://ops.example/'}]}, {name: db, webhook_configs: [{url: 'http://db.example/'}]}]
";

fn config(text: &str) -> AlertingConfig {
    AlertingConfig::parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// What happens to an alert of this identity at this second.
type Story<'a> = &'a [(u64, &'a str, AlertState)];

/// Records a story as the running centre does: each timer rings some milliseconds late, and each record is written.
fn record(story: Story<'_>, config_text: &str, until: Timestamp) -> MemoryJournal {
    let journal = MemoryJournal::new();
    let write = |kind: &str, now: Timestamp, payload: Vec<u8>| {
        let event = NewEvent { kind: kind.to_owned(), actor: "isobar".to_owned(), payload };
        journal.append(now, vec![event]).unwrap();
    };
    let mut centre = Rerun::begin(Arc::new(config(config_text)), Past::default(), START);
    let mut now = START;
    let ring = |centre: &mut Rerun, now: &mut Timestamp, to: Timestamp| {
        while let Some(due) = centre.next_flush(*now).filter(|due| *due < to) {
            let late = due.millis().unsigned_abs() % 7 + 1;
            *now = due.max(*now).plus(Duration::from_millis(late));
            for notification in centre.flush(*now) {
                for part in notification.parts() {
                    write(KIND_NOTIFICATION, *now, serde_json::to_vec(&part).unwrap());
                }
            }
        }
    };
    for (second, identity, state) in story {
        ring(&mut centre, &mut now, at(*second));
        now = now.max(at(*second));
        let said = Transition { decided_at: now, ..transition(identity, *state, Severity::Critical, now) };
        let payload = serde_json::to_vec(&said).unwrap();
        centre.take(KIND_ALERT, &payload, now).unwrap();
        write(KIND_ALERT, now, payload);
    }
    ring(&mut centre, &mut now, until);
    journal
}

fn again(journal: &dyn Journal, from: u64, to: u64, config_text: &str) -> Replay {
    let recording = Recording::read(journal, at(from), at(to), &|| false).unwrap();
    replay(recording, config(config_text), &|| false).unwrap()
}

/// `receiver: same, +added, -removed, ~changed`
fn shown(replay: &Replay) -> Vec<String> {
    let receivers = replay.receivers.iter();
    receivers
        .map(|one| {
            format!(
                "{}: {} same, +{} -{} ~{}",
                one.receiver,
                one.same,
                one.added.len(),
                one.removed.len(),
                one.changed.len()
            )
        })
        .collect()
}

const DAY: Story<'_> = &[
    (10, "alertname=A team=web host=1", AlertState::Firing),
    (20, "alertname=A team=web host=2", AlertState::Firing),
    (400, "alertname=D team=db host=3", AlertState::Firing),
    (900, "alertname=A team=web host=1", AlertState::Resolved),
    (2000, "alertname=D team=db host=3", AlertState::Resolved),
    (2400, "alertname=A team=web host=2", AlertState::Resolved),
];

#[test]
fn the_same_configuration_tells_the_same() {
    let journal = record(DAY, ONE_ROUTE, at(4000));
    let whole = again(&journal, 0, 4000, ONE_ROUTE);
    assert_eq!(whole.events, 6);
    assert_eq!(shown(&whole), ["ops: 5 same, +0 -0 ~0"]);
    assert_eq!(whole.then, whole.now, "to the millisecond");
    // From the middle on: what was told before is known, and groups keep their beat.
    let part = again(&journal, 500, 4000, ONE_ROUTE);
    assert_eq!(shown(&part), ["ops: 3 same, +0 -0 ~0"]);
}

#[test]
fn a_changed_route_moves_what_it_should_and_nothing_else() {
    let journal = record(DAY, ONE_ROUTE, at(4000));
    let moved = again(&journal, 0, 4000, TWO_ROUTES);
    assert_eq!(shown(&moved), ["db: 0 same, +2 -0 ~0", "ops: 3 same, +0 -2 ~0"]);
    for one in &moved.receivers {
        for message in one.added.iter().chain(&one.removed) {
            assert!(message.alerts.iter().all(|alert| alert.name == "D"), "{message:?}");
        }
    }
}

#[test]
fn a_longer_wait_changes_when_and_what_is_told_of() {
    let journal = record(DAY, ONE_ROUTE, at(4000));
    let slower = again(&journal, 0, 4000, &ONE_ROUTE.replace("group_wait: 30s", "group_wait: 1m"));
    let ops = &slower.receivers[0];
    assert_eq!((ops.added.len(), ops.removed.len()), (0, 0), "{:?}", shown(&slower));
    let first = &ops.changed[0];
    assert_eq!(first.now.at.since(first.then.at).as_secs(), 29, "30 s later, less what the timer was late");
}

#[test]
fn other_silences_hold_back_what_they_match() {
    let journal = record(DAY, ONE_ROUTE, at(4000));
    let silenced = |from: u64, matchers: &str| {
        let draft = SilenceDraft {
            matchers: parse_matchers(matchers).unwrap(),
            ends_at: at(4000),
            created_by: "a".to_owned(),
            ..SilenceDraft::default()
        };
        let recording = Recording::read(&journal, at(from), at(4000), &|| false).unwrap();
        let recording = recording.with_silences(vec![draft.clone(), draft]).unwrap();
        replay(recording, config(ONE_ROUTE), &|| false).unwrap()
    };
    assert_eq!(shown(&silenced(0, "team=db")), ["ops: 3 same, +0 -2 ~0"]);
    assert_eq!(shown(&silenced(0, "team=none")), ["ops: 5 same, +0 -0 ~0"]);
    let recording = Recording::read(&journal, at(0), at(4000), &|| false).unwrap();
    let nothing = SilenceDraft { ends_at: at(4000), ..SilenceDraft::default() };
    assert_eq!(recording.with_silences(vec![nothing]).unwrap_err(), SilenceError::NoMatcher);
}

#[test]
fn inhibition_is_that_of_the_configuration() {
    let story = &[
        (10, "alertname=Outage region=r", AlertState::Firing),
        (100, "alertname=A region=r", AlertState::Firing),
        (100, "alertname=A region=s", AlertState::Firing),
    ];
    let journal = record(story, ONE_ROUTE, at(1000));
    let rule = "inhibit_rules: [{source_matchers: [alertname=Outage], target_matchers: [alertname=A], equal: [region]}]\n";
    let inhibited = again(&journal, 0, 1000, &format!("{ONE_ROUTE}{rule}"));
    assert_eq!(shown(&inhibited), ["ops: 1 same, +0 -0 ~1"]);
    let changed = &inhibited.receivers[0].changed[0];
    assert_eq!((changed.then.alerts.len(), changed.now.alerts.len()), (2, 1));
}

#[test]
fn what_is_not_there_is_said_and_bounds_hold() {
    let journal = record(DAY, ONE_ROUTE, at(4000));
    assert_eq!(again(&journal, 5000, 6000, ONE_ROUTE).receivers, []);
    assert_eq!(again(&journal, 0, 4000, ONE_ROUTE).begins_at, None);
    journal.save_snapshot("other", 5, b"").unwrap();
    journal.prune(4).unwrap();
    assert!(again(&journal, 500, 4000, ONE_ROUTE).begins_at.is_some());
    let over = Recording::read(&journal, at(0), at(4000), &|| true).unwrap_err();
    assert!(matches!(over, ReplayError::TookTooLong), "{over}");
    let recording = Recording::read(&journal, at(0), at(4000), &|| false).unwrap();
    assert!(matches!(run(recording, config(ONE_ROUTE), 3, &|| false), Err(ReplayError::TooManyFlushes(3))));
}

/// A host whose load goes over the threshold for ten minutes.
struct Load;

#[async_trait]
impl RuleQuery for AsOf {
    async fn instant(&self, expression: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, RuleQueryError> {
        let seconds = at.since(START).as_secs();
        let value = if (600..1200).contains(&seconds) { 0.9 } else { 0.1 };
        assert!(at <= self.0, "{expression} is asked for the future");
        Ok(vec![(Labels::from_pairs([("host", "1")]).unwrap(), value)])
    }

    fn sources(&self, _: &[Matcher]) -> Vec<SourceWatermark> {
        vec![SourceWatermark {
            source: "lab".into(),
            watermark: self.0,
            behind: None,
            complete_since: START,
            pasts: 0,
            period: Duration::from_secs(15),
            delay: Duration::ZERO,
        }]
    }

    fn stretch(&self, _: &str, _: &str) -> Option<Stretch> {
        None
    }

    fn resource(&self, _: &str) -> ResourceLookup {
        ResourceLookup::Unknown
    }
}

struct AsOf(Timestamp);

impl PastSeries for Load {
    fn at(&self, now: Timestamp) -> Box<dyn RuleQuery + '_> {
        Box::new(AsOf(now))
    }
}

#[tokio::test]
async fn other_policies_are_evaluated_over_the_series_of_then() {
    let journal = record(DAY, ONE_ROUTE, at(4000));
    let recorded = Recording::read(&journal, at(0), at(4000), &|| false).unwrap();
    let mut policies = Policies::default();
    policies
        .add(
            "policies:\n  - {name: Load, metric: 'load', by: [host], levels: {critical: '> 0.5'}, for: 1m}\n",
        )
        .unwrap();
    let step = Duration::from_secs(15);
    let policies = policies.into_vec();
    let other = reevaluate(recorded.clone(), policies.clone(), &Load, step, &|| false).await.unwrap();
    let first = replay(other, config(ONE_ROUTE), &|| false).unwrap();
    assert_eq!(shown(&first), ["ops: 0 same, +2 -5 ~0"]);
    let (fired, over) = (&first.receivers[0].added[0], &first.receivers[0].added[1]);
    assert_eq!(fired.alerts[0].name, "Load");
    // Over at 600 s, for a minute, and half a minute of waiting for company.
    assert_eq!(fired.at.since(START).as_secs(), 690);
    assert!(over.at.since(START).as_secs() >= 1200);
    let other = reevaluate(recorded, policies, &Load, step, &|| false).await.unwrap();
    assert_eq!(replay(other, config(ONE_ROUTE), &|| false).unwrap(), first);
}

/// How many messages differ.
fn differing(replay: &Replay) -> usize {
    replay.receivers.iter().map(|one| one.added.len() + one.removed.len() + one.changed.len()).sum()
}

/// A story of a few alerts that fire and end, in order of time.
fn story() -> impl Strategy<Value = Vec<(u64, usize, bool)>> {
    proptest::collection::vec((0u64..120, 0usize..6, any::<bool>()), 0..40).prop_map(|steps| {
        let mut second = 1;
        let timed = steps.into_iter().map(|(pause, alert, is_firing)| {
            second += pause;
            (second, alert, is_firing)
        });
        timed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any stretch of any story, replayed as it was, tells what was told, but for milliseconds; twice, the same to the
    /// byte; and under another configuration nothing is counted twice or forgotten.
    #[test]
    fn replaying_is_faithful_and_deterministic(steps in story(), begin in 0u64..2000, routes in any::<bool>()) {
        let names = [
            "alertname=A team=web host=1", "alertname=A team=web host=2", "alertname=B team=web host=1",
            "alertname=D team=db host=1", "alertname=D team=db host=2", "alertname=E team=db host=1",
        ];
        let mut open: BTreeMap<usize, bool> = BTreeMap::new();
        let told: Vec<(u64, &str, AlertState)> = steps
            .into_iter()
            .filter(|(_, alert, is_firing)| open.insert(*alert, *is_firing).unwrap_or(false) != *is_firing)
            .map(|(second, alert, is_firing)| {
                (second, names[alert], if is_firing { AlertState::Firing } else { AlertState::Resolved })
            })
            .collect();
        let journal = record(&told, ONE_ROUTE, at(6000));
        let whole = again(&journal, 0, 6000, ONE_ROUTE);
        prop_assert_eq!(differing(&whole), 0, "{:?}", shown(&whole));

        let other = if routes { TWO_ROUTES } else { ONE_ROUTE };
        let part = again(&journal, begin, 6000, other);
        prop_assert_eq!(format!("{part:?}"), format!("{:?}", again(&journal, begin, 6000, other)));
        for one in &part.receivers {
            prop_assert_eq!(one.then, one.same + one.removed.len() + one.changed.len());
            prop_assert_eq!(one.now, one.same + one.added.len() + one.changed.len());
        }
        // What ended shortly before the begin, before anybody heard of it, is not known any more, as after a restart.
        let is_quiet = told.iter().all(|(second, ..)| *second >= begin || second + 310 < begin);
        if !routes && is_quiet {
            prop_assert_eq!(differing(&part), 0, "{:?}", shown(&part));
        }
    }
}
