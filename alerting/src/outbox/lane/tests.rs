//! Lanes over an outbox in memory, in time that does not pass by itself.

use std::collections::HashMap;

use isobar_egress::Trust;
use isobar_normalizer::{Labels, Severity};
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant as Moment;
use url::Url;

use super::*;
use crate::alert::AlertState;
use crate::delivery::{DeliveryState, GroupId, NotifiedAlert, Told};
use crate::fixture::{START, alert};
use crate::outbox::{Outbox, Rate};

/// What a receiver does with one message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Take,
    Hang,
    Unwell,
    Drop,
    Throttle(u64),
    Refuse,
}

/// The world of one test: what the lanes share.
#[derive(Clone)]
struct World {
    begun: Moment,
    outbox: Arc<Mutex<Outbox>>,
    version: watch::Sender<u64>,
    sends: Arc<Mutex<Vec<Send>>>,
}

/// To which integration, how long after the beginning, the id of the message, and whether it was taken.
type Send = (IntegrationId, Duration, String, bool);

impl World {
    fn new() -> Self {
        Self {
            begun: Moment::now(),
            outbox: Arc::default(),
            version: watch::Sender::new(0),
            sends: Arc::default(),
        }
    }

    fn now(&self) -> Timestamp {
        START.plus(self.begun.elapsed())
    }

    /// Writes one delivery down.
    fn write(&self, to: &IntegrationId, id: &str, group: &str, severity: Severity) {
        let now = self.now();
        let firing = alert(&format!("alertname=A id={id}"), AlertState::Firing, severity, now);
        let group = GroupId { key: group.into(), receiver: Arc::clone(&to.receiver) };
        let told = Told {
            channel: Arc::clone(&to.channel),
            index: to.index,
            episode: now,
            reason: Reason::First,
            sent_at: now,
            delivery: Some(id.into()),
            is_acknowledged: false,
        };
        let notification = Notification {
            id: format!("n-{id}").into(),
            group,
            group_labels: Labels::empty(),
            at: now,
            alerts: vec![Arc::new(NotifiedAlert::of(&firing))],
            told: vec![told],
        };
        let delivery = Delivery {
            id: id.into(),
            notification: Arc::clone(&notification.id),
            group_key: Arc::clone(&notification.group.key),
            incident: None,
            integration: to.clone(),
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
        let mut outbox = self.outbox.lock();
        outbox.apply_notification(&Arc::new(notification));
        outbox.apply_delivery(delivery);
        drop(outbox);
        self.version.send_modify(|version| *version += 1);
    }

    fn delivery(&self, id: &str) -> Delivery {
        self.outbox.lock().delivery(id).unwrap().clone()
    }

    /// Waits until this holds for all deliveries.
    async fn until(&self, holds: impl Fn(&Delivery) -> bool) {
        let mut versions = self.version.subscribe();
        let all = || self.outbox.lock().list(&crate::outbox::DeliveryFilter::default()).iter().all(&holds);
        while !all() {
            versions.changed().await.unwrap();
        }
    }

    /// The messages to this integration: seconds since the beginning, id, taken.
    fn sent_to(&self, to: &IntegrationId) -> Vec<(Duration, String, bool)> {
        let sends = self.sends.lock();
        let own = sends.iter().filter(|(integration, ..)| integration == to);
        own.map(|(_, at, id, taken)| (*at, id.clone(), *taken)).collect()
    }

    fn lane(&self, to: &IntegrationId, terms: Terms, acts: Vec<Act>) -> Lane {
        let notifier = Scripted {
            url: Url::parse(&format!("http://{}.example/", to.receiver)).unwrap(),
            integration: to.clone(),
            acts: Mutex::new(acts.into_iter()),
            world: self.clone(),
        };
        let world = self.clone();
        Lane {
            integration: to.clone(),
            notifier: Box::new(notifier),
            send_resolved: true,
            terms,
            paces: Paces::default(),
            breakers: Breakers::default(),
            clock: Arc::new(move || world.now()),
            jitter: Arc::new(|| 0.5),
        }
    }
}

/// Does as the script says, and takes everything after.
struct Scripted {
    url: Url,
    integration: IntegrationId,
    acts: Mutex<std::vec::IntoIter<Act>>,
    world: World,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Notifier for Scripted {
    fn target(&self) -> (&Url, Trust) {
        (&self.url, Trust::Guarded)
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let act = self.acts.lock().next().unwrap_or(Act::Take);
        let at = self.world.begun.elapsed();
        let send = (self.integration.clone(), at, message.delivery.id.to_string(), act == Act::Take);
        self.world.sends.lock().push(send);
        let answer = |status, retry| Err(NotifyError::Answer { status, body: String::new(), retry });
        let silence =
            |reason: &str| Err(NotifyError::Unreachable { reason: reason.to_owned(), retry: Retry::Backoff });
        match act {
            Act::Take => Ok(Receipt { status: 200, ..Receipt::default() }),
            Act::Hang => {
                tokio::time::sleep(crate::notify::ATTEMPT_TIMEOUT).await;
                silence("no answer")
            }
            Act::Drop => silence("connection closed before the answer was complete"),
            Act::Unwell => answer(503, Retry::Backoff),
            Act::Throttle(seconds) => answer(429, Retry::After(Duration::from_secs(seconds))),
            Act::Refuse => answer(400, Retry::Never),
        }
    }
}

struct FakeLedger {
    world: World,
    versions: watch::Receiver<u64>,
}

#[async_trait]
impl Ledger for FakeLedger {
    fn next(&mut self, integration: &IntegrationId, now: Timestamp) -> Next {
        self.versions.mark_unchanged();
        self.world.outbox.lock().next(integration, now)
    }

    fn waiting(&self, integration: &IntegrationId, now: Timestamp) -> usize {
        self.world.outbox.lock().waiting(integration, now)
    }

    fn due(&self, integration: &IntegrationId, now: Timestamp) -> Vec<(Delivery, Arc<Notification>)> {
        self.world.outbox.lock().due(integration, now)
    }

    fn turned(&self, _integration: &IntegrationId) {}

    async fn changed(&mut self) {
        self.versions.changed().await.unwrap();
    }

    async fn strand(&self, _integration: &IntegrationId) {}

    async fn record(&self, deliveries: Vec<Delivery>) -> Result<(), String> {
        for delivery in deliveries {
            self.world.outbox.lock().apply_delivery(delivery);
        }
        self.world.version.send_modify(|version| *version += 1);
        Ok(())
    }
}

/// Runs lanes until the test is over.
struct Running {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Running {
    fn start(world: &World, lanes: impl IntoIterator<Item = Lane>) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for lane in lanes {
            let ledger = FakeLedger { world: world.clone(), versions: world.version.subscribe() };
            tasks.spawn(lane.run(ledger, stop.clone()));
        }
        Self { tasks, stop }
    }

    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

fn way(receiver: &str) -> IntegrationId {
    IntegrationId { receiver: receiver.into(), channel: "webhook".into(), index: 0 }
}

fn limited(messages: u32, per_seconds: u64, is_digested: bool) -> Terms {
    let rates = vec![Rate::new(messages, Duration::from_secs(per_seconds))];
    Terms { rates, is_digested, max_bytes: None }
}

#[tokio::test(start_paused = true)]
async fn what_exceeds_the_limit_waits_and_the_worst_goes_first() {
    let (world, robot) = (World::new(), way("robot"));
    for (i, severity) in [Severity::Info, Severity::Warning, Severity::Critical, Severity::Error]
        .into_iter()
        .cycle()
        .take(8)
        .enumerate()
    {
        world.write(&robot, &i.to_string(), &format!("g{i}"), severity);
    }
    let running = Running::start(&world, [world.lane(&robot, limited(2, 60, false), Vec::new())]);
    world.until(|delivery| delivery.state == DeliveryState::Sent).await;
    let sent: Vec<(u64, String)> =
        world.sent_to(&robot).into_iter().map(|(at, id, _)| (at.as_secs(), id)).collect();
    let expected = [(0, "2"), (0, "6"), (60, "3"), (60, "7"), (120, "1"), (120, "5"), (180, "0"), (180, "4")];
    assert_eq!(sent, expected.map(|(at, id)| (at, id.to_owned())));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_critical_message_lifts_what_it_waits_for() {
    let (world, robot) = (World::new(), way("robot"));
    world.write(&robot, "error", "g1", Severity::Error);
    world.write(&robot, "warning", "g2", Severity::Warning);
    world.write(&robot, "critical", "g2", Severity::Critical);
    let running = Running::start(&world, [world.lane(&robot, limited(1, 60, false), Vec::new())]);
    world.until(|delivery| delivery.state == DeliveryState::Sent).await;
    let sent: Vec<String> = world.sent_to(&robot).into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(sent, ["warning", "critical", "error"]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_told_in_one_message_for_which_each_delivery_has_the_receipt() {
    let (world, robot) = (World::new(), way("robot"));
    for i in 0..100 {
        world.write(&robot, &i.to_string(), &format!("g{i}"), Severity::Error);
    }
    world.write(&robot, "worst", "g", Severity::Critical);
    let running = Running::start(&world, [world.lane(&robot, limited(3, 60, true), Vec::new())]);
    world.until(|delivery| delivery.state == DeliveryState::Sent).await;
    let sent = world.sent_to(&robot);
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_eq!((sent[0].1.as_str(), sent[1].1.as_str()), ("worst", "0"));
    let digest = &sent[2].1;
    assert!(world.delivery("worst").digest.is_none());
    for i in 1..100 {
        let delivery = world.delivery(&i.to_string());
        assert_eq!(delivery.digest.as_deref(), Some(digest.as_str()));
        assert_eq!((delivery.attempts, delivery.receipt.map(|receipt| receipt.status)), (1, Some(200)));
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_digest_loses_nothing() {
    let (world, robot) = (World::new(), way("robot"));
    for i in 0..4 {
        world.write(&robot, &i.to_string(), &format!("g{i}"), Severity::Error);
    }
    let lane = world.lane(&robot, limited(1, 10, true), vec![Act::Refuse]);
    let running = Running::start(&world, [lane]);
    world.until(|delivery| delivery.state == DeliveryState::Sent).await;
    let sent: Vec<String> = world.sent_to(&robot).into_iter().skip(1).map(|(_, id, _)| id).collect();
    assert_eq!(sent, ["0", "1", "2", "3"], "each on its own");
    assert!((0..4).all(|i| world.delivery(&i.to_string()).digest.is_none()));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_shares_a_robot_shares_its_limit() {
    let world = World::new();
    let (one, other) = (way("robot"), IntegrationId { index: 1, ..way("robot") });
    for i in 0..3 {
        world.write(&one, &format!("a{i}"), &format!("g{i}"), Severity::Error);
        world.write(&other, &format!("b{i}"), &format!("g{i}"), Severity::Error);
    }
    let paces = Paces::default();
    let lanes = [&one, &other]
        .map(|to| Lane { paces: paces.clone(), ..world.lane(to, limited(2, 60, false), Vec::new()) });
    let running = Running::start(&world, lanes);
    world.until(|delivery| delivery.state == DeliveryState::Sent).await;
    let mut at: Vec<u64> = world.sends.lock().iter().map(|(_, at, ..)| at.as_secs()).collect();
    at.sort_unstable();
    assert_eq!(at, [0, 0, 60, 60, 120, 120]);
    running.end().await;
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        Just(Act::Take),
        Just(Act::Hang),
        Just(Act::Unwell),
        Just(Act::Drop),
        (1u64..200).prop_map(Act::Throttle),
    ];
    prop::collection::vec(act, 0..30)
}

/// When one is written, to which receiver, in which group, how severe.
type Arrival = (u64, usize, u8, usize);

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    prop::collection::vec((0u64..20_000, 0usize..3, 0u8..4, 0usize..4), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However receivers fail: a healthy one is told at once, no page is lost, none is taken twice, no limit is exceeded, and
    /// no group hears what is later first.
    #[test]
    fn a_failing_receiver_delays_no_other_and_loses_no_page(
        scripts in prop::array::uniform2(acts()),
        is_digested: bool,
        arrivals in arrivals(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let ways = [way("well"), way("failing"), way("limited")];
            let [failing, slow] = scripts;
            let lanes = [
                world.lane(&ways[0], Terms::default(), Vec::new()),
                world.lane(&ways[1], Terms::default(), failing),
                world.lane(&ways[2], limited(3, 20, is_digested), slow),
            ];
            let running = Running::start(&world, lanes);
            let mut order: HashMap<(usize, u8), Vec<String>> = HashMap::new();
            let mut written: HashMap<String, Duration> = HashMap::new();
            let severities = [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];
            for (i, (pause, to, group, severity)) in arrivals.into_iter().enumerate() {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let id = format!("{i}");
                written.insert(id.clone(), world.begun.elapsed());
                world.write(&ways[to], &id, &format!("g{group}"), severities[severity]);
                order.entry((to, group)).or_default().push(id);
            }
            world.until(|delivery| delivery.state.is_final()).await;
            for (at, id, _) in world.sent_to(&ways[0]) {
                assert!(at - written[&id] < Duration::from_millis(10), "{id} waited for others");
            }
            let limited: Vec<Duration> = world.sent_to(&ways[2]).into_iter().map(|(at, ..)| at).collect();
            for four in limited.windows(4) {
                assert!(four[3] - four[0] >= Duration::from_secs(20), "{limited:?}");
            }
            for ((to, _), ids) in order {
                let sends = world.sent_to(&ways[to]);
                let taken = |message: &str| sends.iter().filter(|(_, id, taken)| id == message && *taken).count();
                let mut before = None;
                for id in ids {
                    let delivery = world.delivery(&id);
                    assert_eq!(delivery.state, DeliveryState::Sent, "{delivery:?}");
                    let message = delivery.digest.as_deref().unwrap_or(&delivery.id);
                    assert_eq!(taken(message), 1, "{delivery:?}");
                    assert!(delivery.sent_at >= before, "{id} was told before what it follows");
                    before = delivery.sent_at;
                }
            }
            running.end().await;
        });
    }
}
