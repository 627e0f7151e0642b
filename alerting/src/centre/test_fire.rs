//! Test messages: one real message by every way of a receiver, marked as a test, that passes neither groups nor outbox.

use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{ConfigError, Labels, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::command::Command;
use super::{CentreError, CentreHandle};
use crate::config::Integration;
use crate::delivery::{
    Delivery, DeliveryState, Direction, GroupId, IntegrationId, KeyScope, Notification, NotifiedAlert,
    Reason, Receipt, idempotency_key, notification_id,
};
use crate::notify::{Message, Notifier, NotifyError, Tools};
use crate::outbox::Turn;

/// A receiver is tested at most once in this time, whoever asks.
const TEST_PAUSE: Duration = Duration::from_secs(10);
/// A notifier ends its try by itself; one that does not is given up.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What a test looks at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Secrets, files and certificates can be read.
    Config,
    /// The message can be written.
    Render,
    /// The receiver can be reached and answers.
    Connect,
    /// The message may be sent now, and was.
    Send,
    /// The receiver has taken it.
    Answer,
}

impl Stage {
    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Render => "render",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Answer => "answer",
        }
    }
}

/// How one stage of a test of one integration ended. What comes after one that failed was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestStage {
    /// By which way.
    pub integration: IntegrationId,
    /// What was looked at.
    pub stage: Stage,
    /// Whether it is in order.
    pub is_ok: bool,
    /// What went wrong, or what the receiver answered.
    pub detail: String,
    /// How long it took. Writing, sending and being answered are one call of the notifier: the last of these stages has its
    /// time, those before have none.
    pub took: Option<Duration>,
}

/// A test was fired. Payload of [`crate::KIND_TEST`], JSON; the actor is whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFired {
    /// Name of the receiver.
    pub receiver: String,
    /// The ways that were to be tested.
    pub integrations: Vec<String>,
}

impl CentreHandle {
    /// Sends a test by every way of the receiver and says how it went, stage by stage. It is written down first who fired it.
    /// Where a message opens an incident, a second one resolves it.
    ///
    /// # Errors
    /// No such receiver, a test of it less than ten seconds ago, or the journal could not be written.
    pub async fn test_fire(&self, receiver: &str, actor: &str) -> Result<Vec<TestStage>, CentreError> {
        let config = self.config();
        let receiver =
            config.receiver(receiver).ok_or_else(|| CentreError::UnknownReceiver(receiver.to_owned()))?;
        let now = (self.parts.clock)();
        self.note_test(&receiver.name, now)?;
        let record = TestFired {
            receiver: receiver.name.to_string(),
            integrations: receiver.ways().map(|way| way.to_string()).collect(),
        };
        let actor = actor.to_owned();
        self.ask(|reply| Command::Test { record, actor: actor.clone(), reply }).await?;
        let mut tests = JoinSet::new();
        for (integration, way) in receiver.integrations.iter().zip(receiver.ways()) {
            let test = Test { integration: integration.clone(), way, actor: actor.clone(), now };
            tests.spawn(test.run(self.clone()));
        }
        let mut stages = Vec::new();
        while let Some(ended) = tests.join_next().await {
            // A test that broke off has no stages; its panic is logged by the runtime.
            stages.extend(ended.unwrap_or_default());
        }
        stages.sort_by(|a: &TestStage, b| a.integration.cmp(&b.integration));
        Ok(stages)
    }

    /// Takes the receiver's turn, unless it was taken a moment ago.
    fn note_test(&self, receiver: &Arc<str>, now: Timestamp) -> Result<(), CentreError> {
        let mut tested = self.tested.lock();
        tested.retain(|_, at| now.since(*at) < TEST_PAUSE && *at <= now);
        if tested.contains_key(receiver) {
            return Err(CentreError::TestedJustNow(receiver.to_string()));
        }
        tested.insert(Arc::clone(receiver), now);
        Ok(())
    }
}

/// A test of one integration.
struct Test {
    integration: Integration,
    way: IntegrationId,
    actor: String,
    now: Timestamp,
}

impl Test {
    async fn run(self, handle: CentreHandle) -> Vec<TestStage> {
        let begun = tokio::time::Instant::now();
        let built = self.build(&handle);
        let building = begun.elapsed();
        let mut stages = match built {
            Ok(notifier) => self.tell(&*notifier, &handle).await,
            Err(error) => self.stages(Stage::Config, error.to_string()),
        };
        if let [config, rest @ ..] = &mut *stages {
            config.took = Some(building);
            if let Some(last) = rest.last_mut() {
                last.took = Some(begun.elapsed() - building);
            }
        }
        stages
    }

    /// Sends it, and says how that went.
    async fn tell(&self, notifier: &dyn Notifier, handle: &CentreHandle) -> Vec<TestStage> {
        let instant = tokio::time::Instant::now().into_std();
        let rates = &self.integration.terms.rates;
        if let Turn::Wait(wait) = handle.paces.turn(notifier.destination(), rates, false, 1, instant) {
            let wait = format!("its rate limit is used up for {} s", wait.as_secs().max(1));
            return vec![self.stage(Stage::Config, true, ""), self.stage(Stage::Send, false, &wait)];
        }
        let fired = self.send(notifier, Direction::Firing).await;
        let scope = self.integration.settings.kind().key_scope();
        let outcome = match fired {
            Ok(receipt) if scope == KeyScope::Episode => {
                let resolved = self.send(notifier, Direction::Resolved).await;
                resolved.map(|_| receipt)
            }
            fired => fired,
        };
        match outcome {
            Ok(receipt) => self.done(&receipt),
            Err(NotifyError::Unwritable(wrong) | NotifyError::TooLarge(wrong)) => {
                self.stages(Stage::Render, wrong)
            }
            Err(error @ NotifyError::Unreachable { .. }) => self.stages(Stage::Connect, error.to_string()),
            Err(error @ NotifyError::Answer { .. }) => self.stages(Stage::Answer, error.to_string()),
        }
    }

    fn build(&self, handle: &CentreHandle) -> Result<Box<dyn Notifier>, ConfigError> {
        let parts = &handle.parts;
        let tools =
            Tools { secrets: &*parts.secrets, egress: &parts.egress, external_url: &parts.external_url };
        self.integration.settings.build(&tools)
    }

    async fn send(&self, notifier: &dyn Notifier, direction: Direction) -> Result<Receipt, NotifyError> {
        let (notification, delivery) = self.message(direction);
        let message = Message {
            max_bytes: self.integration.terms.max_bytes,
            ..Message::new(&notification, &delivery, true, self.now)
        };
        let sent = tokio::time::timeout(TEST_TIMEOUT, notifier.notify(message)).await;
        sent.unwrap_or_else(|_| {
            let reason = format!("no end after {} s", TEST_TIMEOUT.as_secs());
            Err(NotifyError::Unreachable { reason, retry: isobar_egress::Retry::Backoff })
        })
    }

    /// One alert of the lowest severity that says what it is, in both languages.
    fn message(&self, direction: Direction) -> (Notification, Delivery) {
        let labels = Labels::from_pairs([("alertname", "IsobarTest"), ("severity", Severity::Info.as_str())]);
        let labels = labels.expect("constants that are labels");
        let summary =
            format!("this is a test fired by {}, nothing is wrong · 这是测试消息,一切正常", self.actor);
        let over = direction == Direction::Resolved;
        let alert = NotifiedAlert {
            fingerprint: labels.fingerprint(),
            direction,
            severity: Severity::Info,
            labels: labels.clone(),
            annotations: [("summary".to_owned(), summary)].into(),
            starts_at: self.now,
            ends_at: over.then_some(self.now),
            updated_at: self.now,
            generator_url: None,
        };
        let group =
            GroupId { key: "{}:{alertname=\"IsobarTest\"}".into(), receiver: Arc::clone(&self.way.receiver) };
        let id = notification_id(&group, self.now);
        let scope = self.integration.settings.kind().key_scope();
        let delivery = Delivery {
            id: Arc::clone(&id),
            notification: Arc::clone(&id),
            group_key: Arc::clone(&group.key),
            incident: None,
            integration: self.way.clone(),
            transition: direction,
            reason: if over { Reason::AllResolved } else { Reason::First },
            state: DeliveryState::Queued,
            attempts: 0,
            idempotency_key: idempotency_key(scope, &group, &self.way, self.now, self.now),
            tried_at: None,
            last_error: None,
            next_attempt_at: self.now,
            created_at: self.now,
            queued_at: self.now,
            sent_at: None,
            receipt: None,
            digest: None,
            handed_to: None,
            fallback_for: None,
        };
        let (alerts, told) = (vec![Arc::new(alert)], Vec::new());
        (Notification { id, group, group_labels: labels, at: self.now, alerts, told }, delivery)
    }

    fn done(&self, receipt: &Receipt) -> Vec<TestStage> {
        let answered = format!("answered {}: {}", receipt.status, receipt.body);
        let before = self.stages(Stage::Answer, String::new()).into_iter().filter(|stage| stage.is_ok);
        before.chain([self.stage(Stage::Answer, true, &answered)]).collect()
    }

    /// Every stage up to the one that failed.
    fn stages(&self, failed: Stage, detail: String) -> Vec<TestStage> {
        let order = [Stage::Config, Stage::Render, Stage::Connect, Stage::Send, Stage::Answer];
        let before = order.into_iter().take_while(|stage| *stage != failed);
        let passed = before.map(|passed| self.stage(passed, true, ""));
        passed.chain([self.stage(failed, false, &detail)]).collect()
    }

    fn stage(&self, stage: Stage, is_ok: bool, detail: &str) -> TestStage {
        TestStage { integration: self.way.clone(), stage, is_ok, detail: detail.to_owned(), took: None }
    }
}
