//! The one task that changes the alert centre's state: it takes commands and timers, writes to the journal, and only then
//! lets the change be seen.

use std::sync::Arc;
use std::time::Duration;

use isobar_journal::{APPEND_EVENTS_MAX, Journal, NewEvent};
use isobar_normalizer::Timestamp;
use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use super::CentreError;
use super::restore::SNAPSHOT;
use super::state::State;
use crate::config::AlertingConfig;
use crate::delivery::Delivery;
use crate::dispatch::Plan;
use crate::event::{KIND_ALERT, KIND_DELIVERY, KIND_NOTIFICATION, Transition};
use crate::outbox::requeued;

/// Commands taken into one journal append.
const BATCH_MAX: usize = 256;
/// How long the timers rest after the journal could not be written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// A snapshot is kept after so many events: reading that many at the next start takes well under a second.
const SNAPSHOT_EVERY: usize = 10_000;
/// Who did it, in the journal.
const ACTOR: &str = "isobar";

type Reply<T> = oneshot::Sender<Result<T, CentreError>>;

/// What the writer is asked to do.
pub(super) enum Command {
    Ingest { transitions: Vec<Transition>, reply: Reply<()> },
    Record { delivery: Box<Delivery>, reply: Reply<()> },
    Resend { id: String, actor: String, reply: Reply<Delivery> },
    Reload { config: Arc<AlertingConfig>, reply: Reply<()> },
    Check { reply: Reply<()> },
}

/// A command with the records it puts into the journal.
enum Change {
    Transitions(Vec<Transition>, Reply<()>),
    Outcome(Box<Delivery>, Reply<()>),
    Again(Box<Delivery>, Reply<Delivery>),
    Reload(Arc<AlertingConfig>, Reply<()>),
    Check(Reply<()>),
}

pub(super) struct Writer {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) state: Arc<RwLock<State>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) version: watch::Sender<u64>,
    pub(super) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Events since the last snapshot.
    pub(super) unsaved: usize,
    /// Why the journal could not be written, until it can again.
    pub(super) trouble: Option<CentreError>,
}

impl Writer {
    /// Works until `end` completes and every command sent before is done.
    pub(super) async fn run(mut self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        let mut rest_until: Option<Timestamp> = None;
        let mut ending = false;
        while !ending {
            let now = (self.clock)();
            let due = self.state.read().dispatcher.next_flush(now);
            let wake = due.map(|due| rest_until.map_or(due, |rest| due.max(rest)));
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep(at.since(now)).await,
                    None => std::future::pending().await,
                }
            };
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                taken = self.commands.recv_many(&mut batch, BATCH_MAX) => ending = taken == 0,
                () = timer => {}
                () = &mut end => {
                    ending = true;
                    while let Ok(command) = self.commands.try_recv() {
                        batch.push(command);
                    }
                }
            }
            self.carry_out(batch).await;
            if !ending {
                rest_until = self.flush().await.err().map(|_| (self.clock)().plus(JOURNAL_PAUSE));
                self.save(SNAPSHOT_EVERY).await;
            }
        }
        self.save(1).await;
    }

    /// Writes down what the commands say, all in one append, and lets it be seen.
    async fn carry_out(&mut self, batch: Vec<Command>) {
        if batch.is_empty() {
            return;
        }
        let now = (self.clock)();
        let mut events = Vec::new();
        let mut changes = Vec::new();
        for command in batch {
            match self.prepare(command, &mut events, now) {
                Ok(change) => changes.push(change),
                Err(refused) => refused(),
            }
        }
        let checks = changes.iter().any(|change| matches!(change, Change::Check(_)));
        let written = self.append(now, events).await;
        // Whether the journal can be written again is not known before something is to be written.
        if checks && self.trouble.is_some() {
            self.save(0).await;
        }
        for change in changes {
            self.apply(change, &written, now);
        }
        self.version.send_modify(|version| *version += 1);
    }

    /// Adds the command's events, or says how to refuse it.
    fn prepare(
        &self,
        command: Command,
        events: &mut Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<Change, Box<dyn FnOnce() + Send>> {
        match command {
            Command::Ingest { transitions, reply } => {
                events.extend(transitions.iter().map(|transition| event(KIND_ALERT, transition)));
                Ok(Change::Transitions(transitions, reply))
            }
            Command::Record { delivery, reply } => {
                events.push(event(KIND_DELIVERY, &*delivery));
                Ok(Change::Outcome(delivery, reply))
            }
            Command::Resend { id, actor, reply } => {
                let again = match self.state.read().known.outbox.delivery(&id) {
                    None => Err(CentreError::UnknownDelivery(id)),
                    Some(delivery) => requeued(delivery, now)
                        .ok_or(CentreError::NotDead { id, state: delivery.state.as_str() }),
                };
                match again {
                    Ok(delivery) => {
                        events.push(NewEvent { actor, ..event(KIND_DELIVERY, &delivery) });
                        Ok(Change::Again(Box::new(delivery), reply))
                    }
                    Err(error) => Err(Box::new(move || drop(reply.send(Err(error))))),
                }
            }
            Command::Reload { config, reply } => Ok(Change::Reload(config, reply)),
            Command::Check { reply } => Ok(Change::Check(reply)),
        }
    }

    /// Lets a change be seen when it was written, and answers. An asker who has gone is no loss.
    fn apply(&self, change: Change, written: &Result<(), CentreError>, now: Timestamp) {
        let mut state = self.state.write();
        match (change, written) {
            (Change::Reload(config, reply), _) => {
                let known = std::mem::take(&mut state.known);
                *state = State::new(config, known, now);
                drop(reply.send(Ok(())));
            }
            (Change::Check(reply), _) => drop(reply.send(self.trouble.clone().map_or(Ok(()), Err))),
            (Change::Transitions(transitions, reply), Ok(())) => {
                for transition in transitions {
                    state.apply_transition(transition, now);
                }
                drop(reply.send(Ok(())));
            }
            (Change::Outcome(delivery, reply), Ok(())) => {
                state.known.outbox.apply_delivery(*delivery);
                drop(reply.send(Ok(())));
            }
            (Change::Again(delivery, reply), Ok(())) => {
                state.known.outbox.apply_delivery((*delivery).clone());
                drop(reply.send(Ok(*delivery)));
            }
            (Change::Transitions(_, reply) | Change::Outcome(_, reply), Err(error)) => {
                drop(reply.send(Err(error.clone())));
            }
            (Change::Again(_, reply), Err(error)) => drop(reply.send(Err(error.clone()))),
        }
    }

    /// Writes down what is due, notifications and deliveries in one append, and hands it to the outbox.
    async fn flush(&mut self) -> Result<(), CentreError> {
        let now = (self.clock)();
        let plan = self.state.read().plan(now);
        if plan.is_empty() {
            return Ok(());
        }
        self.append(now, plan_events(&plan)).await?;
        for notification in &plan.notifications {
            for told in notification.told.iter().filter(|told| told.delivery.is_some()) {
                metrics::counter!("isobar_notification_total", "reason" => told.reason.as_str()).increment(1);
            }
        }
        let mut state = self.state.write();
        state.commit(&plan, now);
        drop(state);
        self.version.send_modify(|version| *version += 1);
        Ok(())
    }

    /// Writes events down. A plan is never larger than what goes into one append; the transitions of many askers may be,
    /// and taking one of them in twice is as taking it in once.
    async fn append(&mut self, now: Timestamp, mut events: Vec<NewEvent>) -> Result<(), CentreError> {
        let count = events.len();
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(APPEND_EVENTS_MAX));
            let (journal, part) = (Arc::clone(&self.journal), events);
            let appending = tokio::task::spawn_blocking(move || journal.append(now, part));
            let written = match appending.await {
                Ok(written) => written.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = written {
                tracing::error!(
                    events = count,
                    error,
                    "the journal cannot be written: nothing is paged until it can"
                );
                metrics::counter!("isobar_alerting_journal_errors_total").increment(1);
                let error = CentreError::Journal(error);
                self.trouble = Some(error.clone());
                return Err(error);
            }
            events = rest;
        }
        if count > 0 {
            self.trouble = None;
        }
        self.unsaved += count;
        Ok(())
    }

    /// Keeps a snapshot when there is enough to make it worth while. All events of our kinds come from here, so that what
    /// is known is the fold of everything up to the journal's head.
    async fn save(&mut self, least: usize) {
        if self.unsaved < least {
            return;
        }
        self.unsaved = 0;
        let (journal, kept) = (Arc::clone(&self.journal), self.state.read().known.kept());
        let saving = tokio::task::spawn_blocking(move || {
            let upto = journal.head().seq;
            let bytes =
                serde_json::to_vec(&kept).expect("records are maps with text keys, which JSON can hold");
            journal.save_snapshot(SNAPSHOT, upto, &bytes)
        });
        let saved = match saving.await {
            Ok(saved) => saved.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match saved {
            Ok(()) => self.trouble = None,
            Err(error) => tracing::warn!(
                error,
                "the snapshot of the alert centre was not kept; the next start reads more events"
            ),
        }
    }
}

fn plan_events(plan: &Plan) -> Vec<NewEvent> {
    let parts = plan.notifications.iter().flat_map(|notification| notification.parts());
    let notifications = parts.map(|part| event(KIND_NOTIFICATION, &part));
    let deliveries = plan.deliveries.iter().map(|delivery| event(KIND_DELIVERY, delivery));
    notifications.chain(deliveries).collect()
}

fn event(kind: &str, record: &impl Serialize) -> NewEvent {
    let payload = serde_json::to_vec(record).expect("records are maps with text keys, which JSON can hold");
    NewEvent { kind: kind.to_owned(), actor: ACTOR.to_owned(), payload }
}
