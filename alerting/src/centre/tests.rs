//! From a transition to a request at a real receiver on loopback, through failures and restarts.

use std::time::Duration;

use isobar_egress::{EgressOptions, SigningKey};
use isobar_journal::{JournalError, MemoryJournal};
use isobar_normalizer::{SecretReference, Severity};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use self::receiver::{Answer, TestReceiver};
use super::*;
use crate::alert::AlertState;
use crate::delivery::{Delivery, DeliveryState, IntegrationId};
use crate::fixture::{START, transition};
use crate::outbox::DeliveryFilter;

mod alertmanager;
mod incidents;
mod pushed;
mod receiver;
mod snapshot;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct NoSecrets;

impl SecretReader for NoSecrets {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        Err(format!("{reference:?} is not there"))
    }
}

/// A running alert centre over a journal that survives it.
struct Running {
    handle: CentreHandle,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(config: &str, journal: &Arc<MemoryJournal>) -> Self {
        Self::start_over(config, journal).await
    }

    async fn start_over(config: &str, journal: &Arc<impl Journal + 'static>) -> Self {
        // Real time, so that timers and the clock agree; begun later at each restart.
        let begun = std::time::Instant::now();
        let start = START.plus(Duration::from_secs(60 * journal.head().seq));
        let clock = Arc::new(move || start.plus(begun.elapsed()));
        Self::open(config, Arc::clone(journal) as Arc<dyn Journal>, clock).await
    }

    async fn start_by(
        config: &str,
        journal: &Arc<MemoryJournal>,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self::open(config, Arc::clone(journal) as Arc<dyn Journal>, clock).await
    }

    async fn open(
        config: &str,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        let config = AlertingConfig::parse(config).unwrap_or_else(|error| panic!("{config}\n{error}"));
        let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
        let egress = Egress::new(EgressOptions { allow_private, ..EgressOptions::default() }).unwrap();
        let parts = CentreParts {
            journal,
            egress,
            breakers: Breakers::default(),
            secrets: Arc::new(NoSecrets),
            external_url: Url::parse("http://isobar.example/").unwrap(),
            clock,
            jitter: Arc::new(|| 0.0),
        };
        let centre = AlertCentre::open(config, parts).await.unwrap();
        let (handle, stop) = (centre.handle(), CancellationToken::new());
        let task = tokio::spawn(centre.run(stop.clone()));
        Self { handle, stop, task }
    }

    async fn say(&self, state: AlertState, identity: &str) {
        let now = (self.handle.parts.clock)();
        let said = transition(identity, state, Severity::Critical, now);
        self.handle.ingest(vec![said]).await.unwrap();
    }

    /// Waits until deliveries are as they should be.
    async fn until(&self, what: &str, holds: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let mut versions = self.handle.versions();
        let waiting = async {
            loop {
                let deliveries = self.handle.deliveries(&DeliveryFilter::default());
                if holds(&deliveries) {
                    return deliveries;
                }
                versions.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        waited.unwrap_or_else(|_| panic!("{what}: {:#?}", self.handle.deliveries(&DeliveryFilter::default())))
    }

    async fn until_all_are(&self, count: usize, state: DeliveryState) -> Vec<Delivery> {
        self.until(&format!("{count} deliveries {state:?}"), |all| {
            all.len() == count && all.iter().all(|delivery| delivery.state == state)
        })
        .await
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as a SIGKILL would: nothing is finished, nothing is written any more.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        self.stop.cancel();
    }
}

fn config(receiver: &TestReceiver, integrations: &str) -> String {
    let integrations = integrations.replace("HOST", &receiver.address);
    format!(
        "route: {{receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 10ms}}\nreceivers:\n- name: team\n{integrations}"
    )
}

#[tokio::test]
async fn one_page_and_one_end_by_each_way() {
    let receiver = TestReceiver::start().await;
    receiver.plan(
        "/v2/enqueue",
        [
            Answer::Text(202, r#"{"status":"success","message":"Event processed","dedup_key":"theirs"}"#),
            Answer::Text(202, r#"{"status":"success","message":"Event processed","dedup_key":"theirs"}"#),
        ],
    );
    let journal = Arc::new(MemoryJournal::new());
    let text = config(
        &receiver,
        &format!(
            "  pagerduty_configs: [{{routing_key: k, url: 'HOST/v2/enqueue'}}]\n  webhook_configs: [{{url: 'HOST/hook', secret: {SECRET}}}]\n"
        ),
    );
    let centre = Running::start(&text, &journal).await;
    centre.say(AlertState::Firing, "alertname=HighCpu i=1").await;
    centre.until_all_are(2, DeliveryState::Sent).await;
    centre.say(AlertState::Resolved, "alertname=HighCpu i=1").await;
    let deliveries = centre.until_all_are(4, DeliveryState::Sent).await;

    let pages = receiver.seen("/v2/enqueue");
    let actions: Vec<&str> = pages.iter().map(|page| page.body["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    assert_eq!(pages[0].body["dedup_key"], pages[1].body["dedup_key"]);
    let hooks = receiver.seen("/hook");
    let statuses: Vec<&str> = hooks.iter().map(|hook| hook.body["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["firing", "resolved"]);
    assert_ne!(hooks[0].header("webhook-id"), hooks[1].header("webhook-id"));
    let key = SigningKey::parse(SECRET).unwrap();
    for hook in &hooks {
        let signed = key.sign(hook.header("webhook-id"), hook.header("webhook-timestamp"), &hook.raw);
        assert_eq!(hook.header("webhook-signature"), signed);
    }
    for delivery in &deliveries {
        let sent_under: Vec<&str> = if &*delivery.integration.channel == "pagerduty" {
            let receipt = delivery.receipt.as_ref().unwrap();
            assert_eq!((receipt.status, receipt.provider_id.as_deref()), (202, Some("theirs")));
            pages.iter().map(|page| page.body["dedup_key"].as_str().unwrap()).collect()
        } else {
            hooks.iter().map(|hook| hook.header("webhook-id")).collect()
        };
        assert!(sent_under.contains(&&*delivery.idempotency_key), "{delivery:?}");
    }
    centre.stop().await;
}

#[tokio::test]
async fn a_receiver_in_trouble_gets_the_same_page_again() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/hook", [Answer::Status(503), Answer::RetryAfter(429, "1"), Answer::Status(200)]);
    let centre =
        Running::start(&config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n"), &Arc::default())
            .await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let deliveries = centre.until_all_are(1, DeliveryState::Sent).await;
    assert_eq!(deliveries[0].attempts, 3);
    let hooks = receiver.seen("/hook");
    assert_eq!(hooks.len(), 3);
    assert!(hooks.iter().all(|hook| hook.header("webhook-id") == &*deliveries[0].idempotency_key));
    assert!(hooks.iter().all(|hook| hook.raw == hooks[0].raw), "a repetition says the same");
    let sent_after = deliveries[0].sent_at.unwrap().since(deliveries[0].created_at);
    assert!(sent_after >= Duration::from_secs(1), "Retry-After was not honoured: {sent_after:?}");
    centre.stop().await;
}

#[tokio::test]
async fn a_refused_page_is_kept_and_can_be_sent_again() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/hook", [Answer::Text(404, "no such hook")]);
    let centre =
        Running::start(&config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n"), &Arc::default())
            .await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let dead = centre.until_all_are(1, DeliveryState::Dead).await.remove(0);
    assert_eq!(dead.last_error.as_deref(), Some("answered 404: no such hook"));
    assert_eq!(centre.handle.delivery_facts()[0].dead, 1);
    assert!(centre.handle.delivery_facts()[0].failing_since.is_some());

    let again = centre.handle.resend(&dead.id, "ada").await.unwrap();
    assert_eq!(again.idempotency_key, dead.idempotency_key);
    centre.until_all_are(1, DeliveryState::Sent).await;
    let hooks = receiver.seen("/hook");
    assert_eq!((hooks.len(), &hooks[0].raw), (2, &hooks[1].raw));
    assert!(matches!(centre.handle.resend(&dead.id, "ada").await, Err(CentreError::NotDead { .. })));
    assert!(matches!(centre.handle.resend("nobody", "ada").await, Err(CentreError::UnknownDelivery(_))));
    assert_eq!(centre.handle.delivery_facts()[0].failing_since, None);
    centre.stop().await;
}

#[tokio::test]
async fn two_hundred_with_an_error_inside_is_no_success_for_a_channel_that_says_so() {
    let receiver = TestReceiver::start().await;
    receiver.plan(
        "/v2/enqueue",
        [Answer::Text(202, r#"{"status":"throttled"}"#), Answer::Text(202, r#"{"status":"success"}"#)],
    );
    receiver.plan("/hook", [Answer::Text(200, r#"{"errcode":310000}"#)]);
    let both = "  pagerduty_configs: [{routing_key: k, url: 'HOST/v2/enqueue'}]\n  webhook_configs: [{url: 'HOST/hook'}]\n";
    let centre = Running::start(&config(&receiver, both), &Arc::default()).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let deliveries = centre.until_all_are(2, DeliveryState::Sent).await;
    let attempts =
        |channel: &str| deliveries.iter().find(|d| &*d.integration.channel == channel).unwrap().attempts;
    assert_eq!((attempts("pagerduty"), attempts("webhook")), (2, 1));
    centre.stop().await;
}

#[tokio::test]
async fn a_receiver_that_fails_by_every_way_is_told_through_its_fallback() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/gone", [Answer::Status(404)]);
    receiver.plan(
        "/v2/enqueue",
        [Answer::Text(202, r#"{"status":"success"}"#), Answer::Text(202, r#"{"status":"success"}"#)],
    );
    let integrations = "  webhook_configs: [{url: 'HOST/gone'}]\n  fallback: rescue\n- name: rescue\n  pagerduty_configs: [{routing_key: k, url: 'HOST/v2/enqueue'}]\n";
    let centre = Running::start(&config(&receiver, integrations), &Arc::default()).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let both = |states: [DeliveryState; 2]| {
        move |all: &[Delivery]| {
            all.len() == 2 && states.iter().all(|state| all.iter().any(|d| d.state == *state))
        }
    };
    let told = centre.until("handed on", both([DeliveryState::Dead, DeliveryState::Sent])).await;
    let marks = |delivery: &Delivery| (delivery.handed_to.clone(), delivery.fallback_for.clone());
    assert_eq!(
        told.iter().map(marks).collect::<Vec<_>>(),
        [(None, Some("team".into())), (Some("rescue".into()), None)]
    );
    let page = receiver.wait("/v2/enqueue", 1).await.remove(0);
    let summary = page.body["payload"]["summary"].as_str().unwrap();
    assert!(summary.starts_with("[for team, which cannot be reached] [FIRING:1] HighCpu"), "{summary}");

    // It is back, and takes the end; so does who was told of the beginning.
    centre.say(AlertState::Resolved, "alertname=HighCpu").await;
    let pages = receiver.wait("/v2/enqueue", 2).await;
    assert_eq!(pages[1].body["event_action"], "resolve");
    assert_eq!(pages[1].body["dedup_key"], page.body["dedup_key"]);
    assert_eq!(receiver.wait("/gone", 2).await[1].body["status"], "resolved");
    centre.stop().await;
}

#[tokio::test]
async fn what_died_before_the_process_did_is_handed_on_after_the_next_start() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/gone", [Answer::Status(404)]);
    let journal = Arc::new(MemoryJournal::new());
    let alone = config(&receiver, "  webhook_configs: [{url: 'HOST/gone'}]\n");
    let centre = Running::start(&alone, &journal).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    centre.until_all_are(1, DeliveryState::Dead).await;
    centre.kill().await;

    // As if it had died before it looked for a fallback: it had none then.
    let rescue = "  fallback: rescue\n- name: rescue\n  webhook_configs: [{url: 'HOST/rescue'}]\n";
    let both = format!("  webhook_configs: [{{url: 'HOST/gone'}}]\n{rescue}");
    let centre = Running::start(&config(&receiver, &both), &journal).await;
    assert_eq!(receiver.wait("/rescue", 1).await[0].body["status"], "firing");
    centre.stop().await;
}

#[tokio::test]
async fn a_robots_own_code_decides_whether_it_has_taken_it() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/wrong", [Answer::Text(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#)]);
    receiver.plan("/busy", [Answer::Text(200, r#"{"errcode":-1}"#), Answer::Text(200, r#"{"errcode":0}"#)]);
    receiver.plan("/full", [Answer::Text(200, r#"{"code":11232,"msg":"frequency limited"}"#)]);
    let integrations = "  dingtalk_configs: [{webhook_url: 'HOST/wrong'}, {webhook_url: 'HOST/busy', secret: s}]\n  feishu_configs: [{webhook_url: 'HOST/full'}]\n";
    let centre = Running::start(&config(&receiver, integrations), &Arc::default()).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let ended = centre.until("each as it was answered", |all| {
        let states: Vec<DeliveryState> = all.iter().map(|delivery| delivery.state).collect();
        [DeliveryState::Dead, DeliveryState::Sent, DeliveryState::Failed]
            .iter()
            .all(|state| states.contains(state))
    });
    let ended = ended.await;
    let of = |way: &str| ended.iter().find(|delivery| delivery.integration.to_string() == way).unwrap();
    assert_eq!((of("team/dingtalk[0]").state, of("team/dingtalk[0]").attempts), (DeliveryState::Dead, 1));
    assert_eq!((of("team/dingtalk[1]").state, of("team/dingtalk[1]").attempts), (DeliveryState::Sent, 2));
    let limited = of("team/feishu[0]");
    let wait = limited.next_attempt_at.since(limited.tried_at.unwrap());
    assert!(limited.state == DeliveryState::Failed && wait >= Duration::from_secs(60), "{limited:?}");
    assert!(receiver.seen("/busy")[0].body["markdown"]["text"].as_str().unwrap().contains("HighCpu"));
    centre.stop().await;
}

#[tokio::test]
async fn a_test_goes_by_every_way_and_says_how_far_it_came() {
    let receiver = TestReceiver::start().await;
    let taken = Answer::Text(202, r#"{"status":"success"}"#);
    receiver.plan("/v2/enqueue", [taken.clone(), taken]);
    receiver.plan("/gone", [Answer::Text(404, "no such hook")]);
    let integrations = "  pagerduty_configs: [{routing_key: k, url: 'HOST/v2/enqueue'}]\n  webhook_configs: [{url: 'HOST/hook'}, {url: 'HOST/gone'}, {url: 'http://127.0.0.1:1/'}]\n";
    let journal = Arc::new(MemoryJournal::new());
    let centre = Running::start(&config(&receiver, integrations), &journal).await;
    let stages = centre.handle.test_fire("team", "ada").await.unwrap();
    let last: Vec<(String, &str, bool)> = stages
        .chunk_by(|a, b| a.integration == b.integration)
        .map(|stages| stages.last().unwrap())
        .map(|stage| (stage.integration.to_string(), stage.stage.as_str(), stage.is_ok))
        .collect();
    let expected = [
        ("team/pagerduty[0]", "answer", true),
        ("team/webhook[0]", "answer", true),
        ("team/webhook[1]", "answer", false),
        ("team/webhook[2]", "connect", false),
    ];
    assert_eq!(last, expected.map(|(way, stage, is_ok)| (way.to_owned(), stage, is_ok)), "{stages:#?}");
    let is_timed = |stages: &[TestStage]| {
        let places = 0..stages.len();
        places.filter(|place| stages[*place].took.is_some()).eq([0, stages.len() - 1])
    };
    assert!(stages.chunk_by(|a, b| a.integration == b.integration).all(is_timed), "{stages:#?}");
    let target = |channel: &str| {
        let way = IntegrationId { receiver: "team".into(), channel: channel.into(), index: 0 };
        centre.handle.target(&way).unwrap()
    };
    assert_eq!(target("pagerduty"), receiver.address, "no path: it may be a secret");
    let body = &receiver.seen("/hook")[0].body["alerts"][0];
    assert_eq!(body["labels"]["alertname"], "IsobarTest");
    assert!(body["annotations"]["summary"].as_str().unwrap().starts_with("this is a test fired by ada"));
    let pages = receiver.seen("/v2/enqueue");
    let actions: Vec<&str> = pages.iter().map(|page| page.body["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "resolve"], "no incident stays open");
    assert!(centre.handle.deliveries(&DeliveryFilter::default()).is_empty());
    let events = journal.read(0, 10).unwrap();
    assert_eq!((events.len(), events[0].kind.as_str(), events[0].actor.as_str()), (1, "test", "ada"));

    assert!(matches!(centre.handle.test_fire("team", "bob").await, Err(CentreError::TestedJustNow(_))));
    assert!(matches!(centre.handle.test_fire("nobody", "bob").await, Err(CentreError::UnknownReceiver(_))));
    centre.stop().await;
}

#[tokio::test]
async fn a_receiver_that_answers_at_length_has_taken_it() {
    let receiver = TestReceiver::start().await;
    let page: &'static str = "<p>thank you</p>".repeat(20_000).leak();
    receiver.plan("/hook", [Answer::Text(200, page)]);
    let centre =
        Running::start(&config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n"), &Arc::default())
            .await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let sent = centre.until_all_are(1, DeliveryState::Sent).await.remove(0);
    let receipt = sent.receipt.unwrap();
    assert_eq!((sent.attempts, receipt.status), (1, 200));
    assert!(receipt.body.len() < 1024, "the beginning of it is kept");
    centre.stop().await;
}

#[tokio::test]
async fn what_is_long_over_is_forgotten_although_no_group_is_looked_at() {
    let clock = Arc::new(Mutex::new(START));
    let shown = Arc::clone(&clock);
    let text = "route: {receiver: r}\nreceivers: [{name: r}]\n";
    let centre = Running::start_by(text, &Arc::default(), Arc::new(move || *shown.lock())).await;
    let over = transition("alertname=HighCpu", AlertState::Resolved, Severity::Error, START);
    let fingerprint = over.alert.fingerprint();
    centre.handle.ingest(vec![over]).await.unwrap();
    assert!(centre.handle.alert(fingerprint).is_some());
    *clock.lock() = START.plus(Duration::from_secs(25 * 3600));
    // With the second question it has done what follows from the first.
    for _ in 0..2 {
        centre.handle.check().await.unwrap();
    }
    assert!(centre.handle.alert(fingerprint).is_none());
    centre.stop().await;
}

#[tokio::test]
async fn a_hanging_receiver_delays_no_other() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/stuck", [Answer::Hang]);
    let both = "  webhook_configs: [{url: 'HOST/stuck'}, {url: 'HOST/hook'}]\n";
    let centre = Running::start(&config(&receiver, both), &Arc::default()).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    receiver.wait("/stuck", 1).await;
    centre.say(AlertState::Resolved, "alertname=HighCpu").await;
    let hooks = receiver.wait("/hook", 2).await;
    assert_eq!(hooks[1].body["status"], "resolved");
    assert_eq!(receiver.seen("/stuck").len(), 1, "a resolve never overtakes its trigger");
    centre.kill().await;
}

#[tokio::test]
async fn a_private_target_that_is_not_listed_is_never_called() {
    let receiver = TestReceiver::start().await;
    let text = config(&receiver, "  webhook_configs: [{url: 'http://169.254.169.254/hook'}]\n");
    let centre = Running::start(&text, &Arc::default()).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let dead = centre.until_all_are(1, DeliveryState::Dead).await;
    assert!(dead[0].last_error.as_deref().unwrap().contains("metadata"), "{dead:?}");
    centre.stop().await;
}

#[tokio::test]
async fn killed_after_sending_and_before_writing_it_down() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let text = config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n");
    let centre = Running::start(&text, &journal).await;
    let full = Arc::clone(&journal);
    receiver.on_request(move || full.refuse(Some(JournalError::DiskFull("test".to_owned()))));
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    receiver.wait("/hook", 1).await;
    centre.kill().await;

    receiver.on_request(|| {});
    journal.refuse(None);
    let centre = Running::start(&text, &journal).await;
    centre.until_all_are(1, DeliveryState::Sent).await;
    let hooks = receiver.wait("/hook", 2).await;
    assert_eq!(hooks[0].header("webhook-id"), hooks[1].header("webhook-id"));
    assert_eq!(hooks[0].raw, hooks[1].raw);
    centre.stop().await;
}

#[tokio::test]
async fn a_restart_sends_nothing_again_and_knows_what_it_knew() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let text = config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n");
    let centre = Running::start(&text, &journal).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    let mut before = centre.until_all_are(1, DeliveryState::Sent).await;
    centre.kill().await;
    assert_eq!(journal.load_snapshot("alerting").unwrap(), None);

    // Once from the events alone, once from the snapshot a graceful stop leaves.
    for round in [1, 2] {
        let centre = Running::start(&text, &journal).await;
        assert_eq!(centre.handle.deliveries(&DeliveryFilter::default()), before, "round {round}");
        let open = centre.handle.alerts().into_iter().filter(|alert| alert.state.is_open()).count();
        assert_eq!((open, centre.handle.notifications().len()), (1, 1), "round {round}");
        // Something else is told, so that what is due has been looked at.
        centre.say(AlertState::Firing, "alertname=Other").await;
        centre.until_all_are(before.len() + 1, DeliveryState::Sent).await;
        centre.say(AlertState::Resolved, "alertname=Other").await;
        before = centre.until_all_are(before.len() + 2, DeliveryState::Sent).await;
        let seen = receiver.seen("/hook");
        let about = seen.iter().filter(|hook| hook.body["groupLabels"]["alertname"] == "HighCpu").count();
        assert_eq!(about, 1, "round {round}: the first page was sent again");
        centre.stop().await;
        let (upto, _) =
            journal.load_snapshot("alerting").unwrap().expect("a graceful stop leaves a snapshot");
        assert_eq!(upto, journal.head().seq);
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_lets_nothing_happen() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let centre =
        Running::start(&config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n"), &journal).await;
    journal.refuse(Some(JournalError::DiskFull("test".to_owned())));
    let said = transition("alertname=HighCpu", AlertState::Firing, Severity::Error, START);
    let refused = centre.handle.ingest(vec![said.clone()]).await;
    assert!(matches!(refused, Err(CentreError::Journal(_))), "{refused:?}");
    assert!(centre.handle.alerts().is_empty() && centre.handle.groups().is_empty());
    let versions = centre.handle.versions();
    for _ in 0..2 {
        assert!(centre.handle.ingest(vec![said.clone()]).await.is_err());
    }
    assert!(!versions.has_changed().unwrap(), "nothing is to be seen, and nobody tries again for it");
    let checked = centre.handle.check().await;
    assert!(matches!(checked, Err(CentreError::Journal(_))), "{checked:?}");
    journal.refuse(None);
    assert!(matches!(centre.handle.check().await, Ok(())), "found out without an alert to write");
    centre.handle.ingest(vec![said]).await.unwrap();
    centre.until_all_are(1, DeliveryState::Sent).await;
    assert_eq!(receiver.seen("/hook").len(), 1);
    centre.stop().await;
}

#[tokio::test]
async fn a_reload_keeps_what_was_told_and_takes_back_what_moves_away() {
    let receiver = TestReceiver::start().await;
    let old = config(&receiver, "  webhook_configs: [{url: 'HOST/old'}]\n");
    let centre = Running::start(&old, &Arc::default()).await;
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    receiver.wait("/old", 1).await;
    centre.until_all_are(1, DeliveryState::Sent).await;

    // A broken one changes nothing.
    let broken =
        AlertingConfig::parse(&config(&receiver, "  webhook_configs: [{url_file: /nowhere}]\n")).unwrap();
    assert!(matches!(centre.handle.reload(broken).await, Err(CentreError::Config(_))));

    let moved =
        "  webhook_configs: [{url: 'HOST/old'}]\n- name: new\n  webhook_configs: [{url: 'HOST/new'}]\n";
    let text = config(&receiver, moved).replace("receiver: team,", "receiver: new,");
    centre.handle.reload(AlertingConfig::parse(&text).unwrap()).await.unwrap();
    let new = receiver.wait("/new", 1).await;
    assert_eq!(new[0].body["status"], "firing");
    let old = receiver.wait("/old", 2).await;
    assert_eq!((&old[1].body["status"], &old[1].body["receiver"]), (&"resolved".into(), &"team".into()));
    centre.until("all sent", |all| all.iter().all(|delivery| delivery.state == DeliveryState::Sent)).await;
    centre.stop().await;
}

#[tokio::test]
async fn the_heartbeat_beats() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/beat", [Answer::Status(500)]);
    let text = format!(
        "{}heartbeat: {{url: '{}/beat', interval: 20ms, secret: {SECRET}}}\n",
        config(&receiver, ""),
        receiver.address
    );
    let centre = Running::start(&text, &Arc::default()).await;
    let beats = receiver.wait("/beat", 3).await;
    let key = SigningKey::parse(SECRET).unwrap();
    for beat in &beats {
        assert_eq!(beat.body["type"], "isobar.heartbeat");
        let signed = key.sign(beat.header("webhook-id"), beat.header("webhook-timestamp"), &beat.raw);
        assert_eq!(beat.header("webhook-signature"), signed);
    }
    centre.stop().await;
}

#[tokio::test]
async fn a_storm_is_one_page_per_group_and_survives_a_restart() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let text = config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n")
        .replace("group_wait: 0s", "group_wait: 50ms");
    let centre = Running::start(&text, &journal).await;
    let now = (centre.handle.parts.clock)();
    let storm: Vec<_> = (0..5_000)
        .map(|i| transition(&format!("alertname=A{} i={i}", i % 5), AlertState::Firing, Severity::Error, now))
        .collect();
    centre.handle.ingest(storm).await.unwrap();
    centre.until_all_are(5, DeliveryState::Sent).await;
    let told: usize =
        receiver.seen("/hook").iter().map(|hook| hook.body["alerts"].as_array().unwrap().len()).sum();
    assert_eq!(told, 5_000);
    centre.kill().await;

    let centre = Running::start(&text, &journal).await;
    let known: usize =
        centre.handle.notifications().iter().map(|notification| notification.alerts.len()).sum();
    assert_eq!(known, 5_000, "notifications larger than one journal record come back whole");
    centre.stop().await;
}

#[tokio::test]
async fn a_lane_that_does_not_come_round_is_known() {
    let receiver = TestReceiver::start().await;
    receiver.plan("/hook", [Answer::Hang]);
    let text = config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}, {url: 'HOST/other'}]\n");
    let centre = Running::start(&text, &Arc::default()).await;
    assert_eq!(centre.handle.stuck_lanes(Duration::from_secs(1)), []);
    centre.say(AlertState::Firing, "alertname=HighCpu").await;
    receiver.wait("/hook", 1).await;
    receiver.wait("/other", 1).await;
    let stuck = async {
        loop {
            let stuck = centre.handle.stuck_lanes(Duration::from_millis(200));
            let shown: Vec<String> = stuck.iter().map(ToString::to_string).collect();
            if shown.iter().any(|lane| lane.ends_with("webhook[0]")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), stuck).await.unwrap();
    centre.kill().await;
}
