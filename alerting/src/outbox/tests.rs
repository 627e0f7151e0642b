use std::time::Duration;

use isobar_egress::Retry;
use isobar_normalizer::Labels;
use proptest::prelude::*;

use super::retry::WAIT_MAX;
use super::*;
use crate::delivery::{Direction, GroupId, NotifiedAlert, Reason, Receipt, Told};
use crate::fixture::{START, alert};

fn lane(receiver: &str) -> IntegrationId {
    IntegrationId { receiver: receiver.into(), channel: "webhook".into(), index: 0 }
}

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn written(outbox: &mut Outbox, id: &str, receiver: &str, group: &str, now: Timestamp) -> Delivery {
    let firing = alert("alertname=A", crate::AlertState::Firing, isobar_normalizer::Severity::Error, now);
    let told = Told {
        channel: "webhook".into(),
        index: 0,
        episode: now,
        reason: Reason::First,
        sent_at: now,
        delivery: Some(id.into()),
        is_acknowledged: false,
    };
    outbox.apply_notification(&Arc::new(Notification {
        id: format!("n-{id}").into(),
        group: GroupId { key: group.into(), receiver: receiver.into() },
        group_labels: Labels::empty(),
        at: now,
        alerts: vec![Arc::new(NotifiedAlert::of(&firing))],
        told: vec![told],
    }));
    let delivery = Delivery {
        id: id.into(),
        notification: format!("n-{id}").into(),
        group_key: group.into(),
        incident: None,
        integration: lane(receiver),
        transition: Direction::Firing,
        reason: Reason::First,
        state: DeliveryState::Queued,
        attempts: 0,
        idempotency_key: format!("isobar-{id}").into(),
        tried_at: None,
        last_error: None,
        next_attempt_at: now,
        created_at: now,
        queued_at: now,
        sent_at: None,
        receipt: None,
        digest: None,
        handed_to: None,
        fallback_for: None,
    };
    outbox.apply_delivery(delivery.clone());
    delivery
}

fn next_id(outbox: &Outbox, receiver: &str, now: Timestamp) -> Result<String, Next> {
    match outbox.next(&lane(receiver), now) {
        Next::Send { delivery, .. } => Ok(delivery.id.to_string()),
        other => Err(other),
    }
}

fn failed(delivery: &Delivery, retry: Retry, now: Timestamp) -> Delivery {
    after_attempt(delivery, Err(("boom".to_owned(), retry)), now, 0.5)
}

fn sent(delivery: &Delivery, now: Timestamp) -> Delivery {
    after_attempt(delivery, Ok(Receipt::default()), now, 0.5)
}

#[test]
fn a_resolve_waits_for_its_trigger_and_other_groups_do_not() {
    let mut outbox = Outbox::default();
    let trigger = written(&mut outbox, "trigger", "a", "g1", at(0));
    written(&mut outbox, "resolve", "a", "g1", at(1));
    written(&mut outbox, "other", "a", "g2", at(2));
    assert_eq!(next_id(&outbox, "a", at(3)), Ok("trigger".to_owned()));

    let trigger = failed(&trigger, Retry::After(Duration::from_secs(60)), at(3));
    outbox.apply_delivery(trigger.clone());
    assert_eq!(next_id(&outbox, "a", at(4)), Ok("other".to_owned()));
    let other = outbox.delivery("other").unwrap().clone();
    outbox.apply_delivery(sent(&other, at(4)));
    assert_eq!(next_id(&outbox, "a", at(5)), Err(Next::WaitUntil(trigger.next_attempt_at)));

    outbox.apply_delivery(failed(&trigger, Retry::Never, at(70)));
    assert_eq!(next_id(&outbox, "a", at(71)), Ok("resolve".to_owned()));
}

#[test]
fn a_clock_that_is_put_back_holds_no_delivery() {
    let mut outbox = Outbox::default();
    let day = 24 * 3600;
    written(&mut outbox, "1", "a", "g", at(day));
    assert_eq!(next_id(&outbox, "a", at(0)), Ok("1".to_owned()));
    let wish = failed(outbox.delivery("1").unwrap(), Retry::After(WAIT_MAX), at(0));
    outbox.apply_delivery(wish.clone());
    assert_eq!(next_id(&outbox, "a", at(0)), Err(Next::WaitUntil(wish.next_attempt_at)), "that is no jump");
}

#[test]
fn receivers_have_lanes_of_their_own() {
    let mut outbox = Outbox::default();
    written(&mut outbox, "1", "a", "g", at(0));
    written(&mut outbox, "2", "b", "g", at(0));
    assert_eq!(next_id(&outbox, "a", at(0)), Ok("1".to_owned()));
    assert_eq!(next_id(&outbox, "b", at(0)), Ok("2".to_owned()));
    assert_eq!(next_id(&outbox, "c", at(0)), Err(Next::Idle));
}

#[test]
fn trouble_is_known_until_something_gets_through() {
    let mut outbox = Outbox::default();
    let first = written(&mut outbox, "1", "a", "g", at(0));
    assert_eq!(outbox.trouble(&[lane("a")]), (None, 0));
    let first = failed(&first, Retry::Backoff, at(1));
    outbox.apply_delivery(first.clone());
    outbox.apply_delivery(failed(&first, Retry::Never, at(9)));
    assert_eq!(outbox.trouble(&[lane("a")]), (Some(at(1)), 1));
    assert_eq!(outbox.trouble(&[lane("b")]), (None, 0));
    assert_eq!(outbox.trouble(&[]), (None, 0), "it was taken out of the configuration");
    let again = requeued(outbox.delivery("1").unwrap(), at(20)).unwrap();
    outbox.apply_delivery(again.clone());
    assert_eq!(outbox.trouble(&[lane("a")]), (Some(at(1)), 0));
    outbox.apply_delivery(sent(&again, at(21)));
    assert_eq!(outbox.trouble(&[lane("a")]), (None, 0));
}

#[test]
fn contents_stay_until_taken_and_dead_letters_keep_theirs() {
    let mut outbox = Outbox::default();
    let taken = written(&mut outbox, "taken", "a", "g", at(0));
    let dead = written(&mut outbox, "dead", "a", "h", at(0));
    outbox.apply_delivery(sent(&taken, at(1)));
    outbox.apply_delivery(failed(&dead, Retry::Never, at(1)));
    assert_eq!(outbox.contents.keys().map(|id| &**id).collect::<Vec<_>>(), ["n-dead"]);
    assert_eq!(next_id(&outbox, "a", at(2)), Err(Next::Idle));

    let fingerprint =
        alert("alertname=A", crate::AlertState::Firing, isobar_normalizer::Severity::Error, at(0))
            .fingerprint();
    let of_alert: Vec<&str> = outbox.deliveries_of(fingerprint).iter().map(|d| &*d.id).collect();
    assert_eq!(of_alert, ["taken", "dead"]);

    let again = requeued(outbox.delivery("dead").unwrap(), at(100)).unwrap();
    assert_eq!(&*again.idempotency_key, "isobar-dead");
    outbox.apply_delivery(again);
    assert_eq!(next_id(&outbox, "a", at(100)), Ok("dead".to_owned()));
    assert!(
        requeued(outbox.delivery("taken").unwrap(), at(100)).is_none(),
        "what was taken is not sent again"
    );
}

#[test]
fn a_snapshot_keeps_what_one_way_has_taken_and_another_has_not() {
    let mut outbox = Outbox::default();
    let taken = written(&mut outbox, "taken", "a", "g", at(0));
    let waiting = Delivery { id: "waiting".into(), integration: lane("b"), ..taken.clone() };
    let both = Arc::clone(&outbox.contents["n-taken"].notification);
    let told = both.told[0].clone();
    let told = vec![told.clone(), Told { index: 1, delivery: Some("waiting".into()), ..told }];
    outbox.apply_notification(&Arc::new(Notification { told, ..(*both).clone() }));
    outbox.apply_delivery(waiting);
    outbox.apply_delivery(sent(&taken, at(1)));
    assert_eq!(next_id(&outbox, "b", at(2)), Ok("waiting".to_owned()));
    let restored = Outbox::restored(outbox.remembered());
    assert_eq!(next_id(&restored, "b", at(2)), Ok("waiting".to_owned()));
    assert_eq!(restored.lanes[&lane("b")].worst(), Some(isobar_normalizer::Severity::Error));
}

#[test]
fn a_snapshot_brings_everything_back() {
    let mut outbox = Outbox::default();
    let one = written(&mut outbox, "1", "a", "g", at(0));
    written(&mut outbox, "2", "a", "g", at(1));
    let three = written(&mut outbox, "3", "b", "g", at(2));
    outbox.apply_delivery(sent(&one, at(3)));
    outbox.apply_delivery(failed(&three, Retry::Never, at(3)));
    let json = serde_json::to_vec(&outbox.remembered()).unwrap();
    let restored = Outbox::restored(serde_json::from_slice(&json).unwrap());
    let everything = DeliveryFilter::default();
    assert_eq!(restored.list(&everything), outbox.list(&everything));
    assert_eq!(next_id(&restored, "a", at(9)), Ok("2".to_owned()));
    assert_eq!(restored.contents.len(), outbox.contents.len());
    assert_eq!(restored.trouble(&[lane("b")]), outbox.trouble(&[lane("b")]));
}

#[test]
fn what_is_remembered_has_a_limit() {
    let mut outbox = Outbox::default();
    for i in 0..SENT_KEPT + 10 {
        let delivery = written(&mut outbox, &i.to_string(), "a", "g", at(0));
        outbox.apply_delivery(sent(&delivery, at(1)));
    }
    assert_eq!(outbox.count(DeliveryState::Sent), SENT_KEPT);
    assert_eq!(outbox.deliveries.len(), SENT_KEPT);
    assert!(outbox.delivery("9").is_none() && outbox.delivery("10").is_some());
    assert!(outbox.contents.is_empty());
}

#[test]
fn pauses_grow_and_end() {
    let mut outbox = Outbox::default();
    let mut delivery = written(&mut outbox, "1", "a", "g", at(0));
    let mut now = at(0);
    let mut pauses = Vec::new();
    while delivery.state != DeliveryState::Dead {
        delivery = after_attempt(&delivery, Err(("503".to_owned(), Retry::Backoff)), now, 1.0);
        pauses.push(delivery.next_attempt_at.since(now).as_secs());
        now = delivery.next_attempt_at;
        assert!(pauses.len() < 1000);
    }
    assert_eq!(pauses[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    assert!(now.since(at(0)) > AGE_MAX - Duration::from_secs(600), "{now}");
    assert_eq!(delivery.last_error.as_deref(), Some("given up after 24 hours: 503"));
}

#[test]
fn a_limit_counts_the_tries_of_late() {
    let mut outbox = Outbox::default();
    for (id, tried) in [("1", 10), ("2", 40), ("3", 40), ("4", 55)] {
        let delivery = written(&mut outbox, id, "a", id, at(0));
        outbox.apply_delivery(sent(&delivery, at(tried)));
    }
    written(&mut outbox, "5", "a", "5", at(60));
    let ages = outbox.sends(&lane("a"), Duration::from_secs(30), at(60));
    assert_eq!(ages, [20, 5].map(Duration::from_secs), "what was sent at one time was one message");
    assert!(outbox.sends(&lane("b"), Duration::from_secs(30), at(60)).is_empty());
}

#[test]
fn retry_after_is_honoured() {
    let mut outbox = Outbox::default();
    let delivery = written(&mut outbox, "1", "a", "g", at(0));
    let asked = failed(&delivery, Retry::After(Duration::from_secs(30)), at(0));
    let wait = asked.next_attempt_at.since(at(0));
    assert!(wait >= Duration::from_secs(30) && wait <= Duration::from_secs(31), "{wait:?}");
    let day = failed(&delivery, Retry::After(Duration::from_secs(24 * 3600)), at(0));
    let wait = day.next_attempt_at.since(at(0));
    assert_eq!(day.state, DeliveryState::Failed, "a page is not given up over one answer: {day:?}");
    assert!(wait >= WAIT_MAX && wait <= WAIT_MAX + Duration::from_secs(1), "{wait:?}");
    let refused = failed(&delivery, Retry::Never, at(0));
    assert_eq!((refused.state, refused.attempts), (DeliveryState::Dead, 1));
}

proptest! {
    /// Full jitter: the pause is anywhere up to its limit, never beyond, and never before now.
    #[test]
    fn a_pause_never_exceeds_its_limit(attempts in 0u32..100, jitter in 0.0f64..1.0) {
        let mut outbox = Outbox::default();
        let delivery = Delivery { attempts, ..written(&mut outbox, "1", "a", "g", at(0)) };
        let tried = after_attempt(&delivery, Err((String::new(), Retry::Backoff)), at(1), jitter);
        let pause = tried.next_attempt_at.since(at(1));
        let limit = Duration::from_secs(1 << attempts.min(20)).min(Duration::from_secs(300));
        prop_assert!(tried.next_attempt_at >= at(1) && pause <= limit);
    }
}
