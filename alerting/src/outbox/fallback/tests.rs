use isobar_normalizer::Severity;

use super::*;
use crate::alert::AlertState;
use crate::delivery::{Reason, Receipt, Told, delivery_id};
use crate::fixture::{START, alert, told};

const CONFIG: &str = "route: {receiver: a}
receivers:
- {name: a, fallback: b, webhook_configs: [{url: 'http://h/1'}, {url: 'http://h/2'}]}
- {name: b, fallback: c, pagerduty_configs: [{routing_key: k}], webhook_configs: [{url: 'http://h/3', send_resolved: false}]}
- {name: c, webhook_configs: [{url: 'http://h/4'}]}
- {name: deaf, fallback: b, webhook_configs: [{url: 'http://h/5', send_resolved: false}]}
- {name: mute, fallback: d, webhook_configs: [{url: 'http://h/6', send_resolved: false}]}
- {name: d, webhook_configs: [{url: 'http://h/7', send_resolved: false}]}
";

struct World {
    config: AlertingConfig,
    outbox: Outbox,
}

impl World {
    fn new() -> Self {
        Self { config: AlertingConfig::parse(CONFIG).unwrap(), outbox: Outbox::default() }
    }

    /// What receiver a is told, by both its ways.
    fn plan(&self, state: AlertState, at: Timestamp) -> Plan {
        self.plan_for("a", state, at)
    }

    fn plan_for(&self, receiver: &str, state: AlertState, at: Timestamp) -> Plan {
        let reason = if state.is_open() { Reason::First } else { Reason::AllResolved };
        let (mut notification, template) =
            told(&[alert("alertname=A", state, Severity::Error, START)], reason);
        notification.group.receiver = receiver.into();
        notification.id = format!("n-{receiver}-{state:?}").into();
        notification.at = at;
        let mut plan = Plan::default();
        let receiver = self.config.receiver(receiver).unwrap();
        for (integration, way) in receiver.integrations.iter().zip(receiver.ways()) {
            let id = delivery_id(&notification.id, &way);
            let is_heard = state.is_open() || integration.settings.send_resolved();
            notification.told.push(Told {
                channel: Arc::clone(&way.channel),
                index: way.index,
                episode: START,
                reason,
                sent_at: at,
                delivery: is_heard.then(|| Arc::clone(&id)),
                is_acknowledged: false,
            });
            if !is_heard {
                continue;
            }
            plan.deliveries.push(Delivery {
                id,
                notification: Arc::clone(&notification.id),
                integration: way,
                queued_at: at,
                transition: notification.direction(),
                ..template.clone()
            });
        }
        plan.notifications.push(Arc::new(notification));
        plan
    }

    fn apply(&mut self, plan: Plan) -> Vec<Delivery> {
        for notification in &plan.notifications {
            self.outbox.apply_notification(notification);
        }
        for delivery in &plan.deliveries {
            self.outbox.apply_delivery(delivery.clone());
        }
        plan.deliveries
    }

    fn set(&mut self, delivery: &Delivery, state: DeliveryState) {
        let receipt = (state == DeliveryState::Sent).then(Receipt::default);
        let known = self.outbox.delivery(&delivery.id).unwrap().clone();
        self.outbox.apply_delivery(Delivery { state, receipt, ..known });
    }

    /// Hands on what is stranded, and says to which ways.
    fn hand_on(&mut self, receiver: &str, failing: &[&IntegrationId], at: Timestamp) -> Vec<String> {
        let records = self.outbox.handed_on(&self.config, receiver, |way| failing.contains(&way), at);
        for record in &records {
            self.outbox.apply_delivery(record.clone());
        }
        let new = records
            .iter()
            .filter(|record| record.state == DeliveryState::Queued && record.handed_to.is_none());
        new.map(|record| record.integration.to_string()).collect()
    }
}

#[test]
fn only_when_every_way_fails_and_only_once() {
    let mut world = World::new();
    let plan = world.plan(AlertState::Firing, START);
    let own = world.apply(plan);
    let [one, two] = [&own[0], &own[1]];
    assert!(world.hand_on("a", &[], START).is_empty(), "nothing was tried yet");
    world.set(one, DeliveryState::Dead);
    assert!(world.hand_on("a", &[], START).is_empty(), "the other may still take it");
    let to = world.hand_on("a", &[&two.integration], START);
    assert_eq!(to, ["b/pagerduty[0]", "b/webhook[0]"]);
    assert!(world.hand_on("a", &[&two.integration], START).is_empty());
    let marked = world.outbox.delivery(&two.id).unwrap();
    assert_eq!((marked.state, marked.handed_to.as_deref()), (DeliveryState::Queued, Some("b")));

    // Across a restart too, and the contents stay as long as anybody is to be told.
    let json = serde_json::to_vec(&world.outbox.remembered()).unwrap();
    world.outbox = Outbox::restored(serde_json::from_slice(&json).unwrap());
    assert!(world.hand_on("a", &[&two.integration], START).is_empty());
    world.set(one, DeliveryState::Sent);
    world.set(two, DeliveryState::Sent);
    let way = world.config.receiver("b").unwrap().ways().next().unwrap();
    let super::super::Next::Send { delivery, notification, .. } = world.outbox.next(&way, START) else {
        panic!("the fallback is told all the same")
    };
    assert_eq!(delivery.fallback_for.as_deref(), Some("a"));
    assert_eq!(&*notification.group.receiver, "a");
    assert_ne!(delivery.idempotency_key, one.idempotency_key);
}

#[test]
fn what_was_taken_by_one_way_is_not_handed_on() {
    let mut world = World::new();
    let plan = world.plan(AlertState::Firing, START);
    let own = world.apply(plan);
    world.set(&own[0], DeliveryState::Sent);
    world.set(&own[1], DeliveryState::Dead);
    assert!(world.hand_on("a", &[], START).is_empty());
    let late = START.plus(AGE_MAX * 2);
    let mut world = World::new();
    let plan = world.plan(AlertState::Firing, START);
    for delivery in world.apply(plan) {
        world.set(&delivery, DeliveryState::Dead);
    }
    assert!(world.hand_on("a", &[], late).is_empty(), "nobody is told of last week");
}

#[test]
fn a_fallback_may_have_one_and_who_was_told_of_the_beginning_is_told_of_the_end() {
    let mut world = World::new();
    let plan = world.plan(AlertState::Firing, START);
    for delivery in world.apply(plan) {
        world.set(&delivery, DeliveryState::Dead);
    }
    assert_eq!(world.hand_on("a", &[], START).len(), 2);
    let ways: Vec<IntegrationId> = world.config.receiver("b").unwrap().ways().collect();
    assert_eq!(world.hand_on("b", &ways.iter().collect::<Vec<_>>(), START), ["c/webhook[0]"]);
    let trigger = world.outbox.lane(&ways[0]).next().unwrap().1.clone();

    let end = START.plus(std::time::Duration::from_secs(60));
    let mut plan = world.plan(AlertState::Resolved, end);
    world.outbox.follow(&world.config, &mut plan, end);
    let followed = plan.deliveries[2..].to_vec();
    let to: Vec<String> = followed.iter().map(|delivery| delivery.integration.to_string()).collect();
    assert_eq!(to, ["b/pagerduty[0]"], "the other does not want to hear of the end");
    assert_eq!(followed[0].transition, Direction::Resolved);
    assert_eq!(followed[0].idempotency_key, trigger.idempotency_key, "one incident there");
    world.apply(plan);
    let mut again = world.plan(AlertState::Firing, end);
    world.outbox.follow(&world.config, &mut again, end);
    assert_eq!(again.deliveries.len(), 2, "the next episode is not handed on before it must be");
}

#[test]
fn the_end_is_told_also_where_the_receiver_itself_hears_of_none() {
    let mut world = World::new();
    let plan = world.plan_for("deaf", AlertState::Firing, START);
    for delivery in world.apply(plan) {
        world.set(&delivery, DeliveryState::Dead);
    }
    assert_eq!(world.hand_on("deaf", &[], START), ["b/pagerduty[0]", "b/webhook[0]"]);
    let pager = world.config.receiver("b").unwrap().ways().next().unwrap();
    let trigger = world.outbox.lane(&pager).next().unwrap().1.clone();

    let end = START.plus(std::time::Duration::from_secs(60));
    let mut plan = world.plan_for("deaf", AlertState::Resolved, end);
    assert!(plan.deliveries.is_empty());
    world.outbox.follow(&world.config, &mut plan, end);
    let told = world.apply(plan);
    let [ended] = &told[..] else { panic!("{told:?}") };
    assert_eq!((ended.integration.to_string(), ended.transition), (pager.to_string(), Direction::Resolved));
    assert_eq!(ended.idempotency_key, trigger.idempotency_key, "one incident there");
    assert!(world.outbox.handed.is_empty() && world.outbox.unheard.is_empty());

    // It has its contents, also across a restart, as long as it is to be told.
    let json = serde_json::to_vec(&world.outbox.remembered()).unwrap();
    world.outbox = Outbox::restored(serde_json::from_slice(&json).unwrap());
    world.set(&trigger, DeliveryState::Sent);
    let super::super::Next::Send { delivery, notification } = world.outbox.next(&pager, end) else {
        panic!("the end is yet to be told")
    };
    assert_eq!((&delivery.id, notification.direction()), (&ended.id, Direction::Resolved));
    world.set(ended, DeliveryState::Sent);
    assert!(!world.outbox.contents.contains_key(&ended.notification));

    // That the beginning is tried again does not hand on what is over.
    let all = world.outbox.list(&super::super::DeliveryFilter::default());
    let page = all.into_iter().find(|delivery| &*delivery.integration.receiver == "deaf").unwrap();
    world.set(&page, DeliveryState::Failed);
    assert!(world.outbox.handed.is_empty());
}

#[test]
fn what_nobody_wants_to_hear_is_not_kept() {
    let mut world = World::new();
    let plan = world.plan_for("mute", AlertState::Firing, START);
    for delivery in world.apply(plan) {
        world.set(&delivery, DeliveryState::Dead);
    }
    assert_eq!(world.hand_on("mute", &[], START), ["d/webhook[0]"]);
    let contents = world.outbox.contents.len();
    let later = |seconds| START.plus(std::time::Duration::from_secs(seconds));
    let mut plan = world.plan_for("mute", AlertState::Resolved, later(60));
    world.outbox.follow(&world.config, &mut plan, later(60));
    assert!(world.apply(plan).is_empty());
    let next = world.plan(AlertState::Firing, later(120));
    world.apply(next);
    assert!(world.outbox.unheard.is_empty());
    assert_eq!(world.outbox.contents.len(), contents + 1, "that of the page of another");
}

#[test]
fn an_episode_that_is_handed_on_when_it_is_over_is_forgotten() {
    let mut world = World::new();
    let plan = world.plan_for("deaf", AlertState::Firing, START);
    let own = world.apply(plan);
    let plan = world.plan_for("deaf", AlertState::Resolved, START);
    world.apply(plan);
    own.iter().for_each(|delivery| world.set(delivery, DeliveryState::Dead));
    assert!(!world.hand_on("deaf", &[], START).is_empty());
    assert_eq!(world.outbox.handed.len(), 1);
    world.outbox.retain_handed(|_, _| false);
    assert!(world.outbox.handed.is_empty());
}
