//! What the writer is asked to do, what of it goes into the journal, and what it does to the state once that is written.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;

use isobar_journal::NewEvent;
use isobar_normalizer::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use super::CentreError;
use super::incidents::IncidentChange;
use super::state::State;
use super::test_fire::TestFired;
use crate::config::AlertingConfig;
use crate::delivery::{Delivery, IntegrationId};
use crate::dispatch::Plan;
use crate::event::{
    ACTOR, KIND_ALERT, KIND_DELIVERY, KIND_HANDLING, KIND_HELD, KIND_INCIDENT, KIND_NOTIFICATION,
    KIND_SILENCE, KIND_TEST, Transition,
};
use crate::handling::{ActOutcome, Handling, Request};
use crate::incident::IncidentRecord;
use crate::outage::Verdict;
use crate::outbox::requeued;
use crate::pushed::{ALERTS_MAX, Expiry, Post, PostError, PostOutcome, PostedAlert, Taken};
use crate::silence::{Silence, SilenceDraft, SilenceError, expire};

pub(super) type Reply<T> = oneshot::Sender<Result<T, CentreError>>;

/// What the writer is asked to do.
pub(super) enum Command {
    Ingest { transitions: Vec<Transition>, reply: Reply<()> },
    Post { door: String, alerts: Vec<PostedAlert>, is_verified: bool, reply: Reply<PostOutcome> },
    PutSilence { draft: Box<SilenceDraft>, actor: String, reply: Reply<Arc<Silence>> },
    ExpireSilence { id: String, actor: String, reply: Reply<Arc<Silence>> },
    Act { request: Request, reply: Reply<ActOutcome> },
    Incident { change: IncidentChange, actor: String, reply: Reply<Arc<str>> },
    Outages { verdicts: Vec<Verdict>, transitions: Vec<Transition>, reply: Reply<()> },
    Record { deliveries: Vec<Delivery>, reply: Reply<()> },
    HandOn { receiver: Arc<str>, failing: Vec<IntegrationId>, reply: Reply<()> },
    Test { record: TestFired, actor: String, reply: Reply<()> },
    Resend { id: String, actor: String, reply: Reply<Delivery> },
    Reload { config: Arc<AlertingConfig>, reply: Reply<()> },
    Check { reply: Reply<()> },
}

impl Command {
    /// Whether what it does depends on what silences, handlings, incidents and deliveries are when it comes: it is written down
    /// by itself.
    fn is_alone(&self) -> bool {
        matches!(
            self,
            Self::PutSilence { .. }
                | Self::ExpireSilence { .. }
                | Self::Act { .. }
                | Self::Incident { .. }
                | Self::Outages { .. }
                | Self::HandOn { .. }
                | Self::Resend { .. }
        )
    }
}

/// What one command does once its records are written, or could not be; an asker who has gone is no loss.
type Then = Box<dyn FnOnce(&mut State, Result<(), CentreError>) + Send>;

/// Commands whose records go into the journal in one append.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<NewEvent>,
    /// Askers who only want to know whether the journal can be written.
    pub(super) checks: Vec<Reply<()>>,
    then: Vec<Then>,
    /// What commands before in this batch make of alerts.
    changed: HashMap<u64, (Arc<Transition>, Option<Expiry>)>,
}

impl Batch {
    /// Takes in the next commands that may be written down together: one at least, where there are any.
    pub(super) fn gather(
        commands: &mut Peekable<impl Iterator<Item = Command>>,
        state: &State,
        now: Timestamp,
    ) -> Self {
        let mut batch = Self::default();
        let Some(first) = commands.next() else { return batch };
        let is_alone = first.is_alone();
        batch.take(first, state, now);
        while let Some(command) = commands.next_if(|next| !is_alone && !next.is_alone()) {
            batch.take(command, state, now);
        }
        batch
    }

    /// Whether nothing was taken in.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.checks.is_empty() && self.then.is_empty()
    }

    /// Takes a command in, or refuses it at once.
    pub(super) fn take(&mut self, command: Command, state: &State, now: Timestamp) {
        match command {
            Command::Ingest { mut transitions, reply } => {
                let enrichment = &state.config.enrichment;
                if !enrichment.is_empty() {
                    for Transition { alert, .. } in &mut transitions {
                        enrichment.add(&alert.labels(), &mut alert.annotations);
                    }
                }
                self.ingest(transitions, reply, now);
            }
            Command::Post { door, alerts, is_verified, reply } => {
                let post = Post {
                    door: &door,
                    is_verified,
                    now,
                    resolve_timeout: state.config.resolve_timeout,
                    classifier: &state.config.classifier,
                };
                self.post(post, alerts, reply, state);
            }
            Command::PutSilence { draft, actor, reply } => {
                let changed = draft.put(&state.known.silences, state.config.silence_longest, now);
                self.silence(changed, &actor, reply);
            }
            Command::ExpireSilence { id, actor, reply } => {
                let ended = expire(&state.known.silences, &id, now).map(|ended| vec![ended]);
                self.silence(ended, &actor, reply);
            }
            Command::Act { request, reply } => {
                let known = |fingerprint| state.known.alerts.get(fingerprint);
                match request.carry_out(&state.known.handlings, known, now) {
                    Err(error) => drop(reply.send(Err(error.into()))),
                    Ok((records, outcome)) => {
                        let actor = &request.actor;
                        let records: Vec<Arc<Handling>> = records.into_iter().map(Arc::new).collect();
                        self.events
                            .extend(records.iter().map(|record| event_by(actor, KIND_HANDLING, record)));
                        self.then(reply, move |state| {
                            records.into_iter().for_each(|record| state.apply_handling(record));
                            outcome
                        });
                    }
                }
            }
            Command::Incident { change, actor, reply } => match change.carry_out(state, &actor, now) {
                Err(error) => drop(reply.send(Err(error.into()))),
                Ok((records, handlings)) => {
                    self.incidents(&actor, &records);
                    let handlings: Vec<Arc<Handling>> = handlings.into_iter().map(Arc::new).collect();
                    self.events
                        .extend(handlings.iter().map(|record| event_by(&actor, KIND_HANDLING, record)));
                    self.then(reply, move |state| {
                        state.apply_incidents(records);
                        handlings.into_iter().for_each(|record| state.apply_handling(record));
                        change.id(state)
                    });
                }
            },
            Command::Outages { verdicts, transitions, reply } => {
                let records = state.known.incidents.hold(&verdicts, now);
                self.incidents(ACTOR, &records);
                let transitions: Vec<Arc<Transition>> = transitions.into_iter().map(Arc::new).collect();
                self.events.extend(transitions.iter().map(|transition| event(KIND_ALERT, transition)));
                self.then(reply, move |state| {
                    state.apply_incidents(records);
                    for transition in transitions {
                        state.apply_transition(transition, None, now);
                    }
                });
            }
            Command::Record { deliveries, reply } => {
                self.events.extend(deliveries.iter().map(|delivery| event(KIND_DELIVERY, delivery)));
                self.then(reply, move |state| {
                    for delivery in deliveries {
                        state.known.outbox.apply_delivery(delivery);
                    }
                });
            }
            Command::HandOn { receiver, failing, reply } => {
                let is_failing = |way: &IntegrationId| failing.contains(way);
                let records = state.known.outbox.handed_on(&state.config, &receiver, is_failing, now);
                self.events.extend(records.iter().map(|delivery| event(KIND_DELIVERY, delivery)));
                self.then(reply, move |state| {
                    for delivery in records {
                        state.known.outbox.apply_delivery(delivery);
                    }
                });
            }
            Command::Test { record, actor, reply } => {
                self.events.push(NewEvent { actor, ..event(KIND_TEST, &record) });
                self.then(reply, |_| ());
            }
            Command::Resend { id, actor, reply } => {
                let again = match state.known.outbox.delivery(&id) {
                    None => Err(CentreError::UnknownDelivery(id)),
                    Some(delivery) => requeued(delivery, now)
                        .ok_or(CentreError::NotDead { id, state: delivery.state.as_str() }),
                };
                match again {
                    Err(error) => drop(reply.send(Err(error))),
                    Ok(delivery) => {
                        self.events.push(event_by(&actor, KIND_DELIVERY, &delivery));
                        self.then(reply, move |state| {
                            state.known.outbox.apply_delivery(delivery.clone());
                            delivery
                        });
                    }
                }
            }
            Command::Reload { config, reply } => self.then.push(Box::new(move |state, _| {
                state.reload(config, now);
                drop(reply.send(Ok(())));
            })),
            Command::Check { reply } => self.checks.push(reply),
        }
    }

    fn ingest(&mut self, transitions: Vec<Transition>, reply: Reply<()>, now: Timestamp) {
        let transitions: Vec<Arc<Transition>> = transitions.into_iter().map(Arc::new).collect();
        for transition in &transitions {
            self.events.push(event(KIND_ALERT, transition));
            self.changed.insert(transition.alert.fingerprint(), (Arc::clone(transition), None));
        }
        self.then(reply, move |state| {
            for transition in transitions {
                state.apply_transition(transition, None, now);
            }
        });
    }

    fn post(&mut self, post: Post<'_>, alerts: Vec<PostedAlert>, reply: Reply<PostOutcome>, state: &State) {
        let now = post.now;
        let mut outcome = PostOutcome::default();
        let mut taken = Vec::with_capacity(alerts.len());
        for (index, mut posted) in alerts.into_iter().enumerate() {
            state.config.enrichment.add(&posted.labels, &mut posted.annotations);
            let fingerprint = posted.labels.fingerprint();
            let (known, expiry) = match self.changed.get(&fingerprint) {
                Some((transition, expiry)) => (Some(&transition.alert), *expiry),
                None => (state.known.alerts.get(fingerprint), state.expiries.get(fingerprint)),
            };
            let has_room = known.is_some() || state.known.alerts.len() + self.changed.len() < ALERTS_MAX;
            let taken_in = if has_room { post.take(known, expiry, posted) } else { Err(PostError::TooMany) };
            match taken_in {
                Err(error) => outcome.refused.push((index, error)),
                Ok(Taken { expiry, transition, .. }) => {
                    outcome.taken += 1;
                    let transition = transition.map(Arc::new);
                    if let Some(transition) = &transition {
                        outcome.changed += 1;
                        self.events.push(event(KIND_ALERT, transition));
                        self.changed.insert(fingerprint, (Arc::clone(transition), expiry));
                    } else if let Some((_, known)) = self.changed.get_mut(&fingerprint) {
                        *known = expiry;
                    }
                    taken.push((fingerprint, transition, expiry));
                }
            }
        }
        self.then(reply, move |state| {
            for (fingerprint, transition, expiry) in taken {
                match transition {
                    Some(transition) => state.apply_transition(transition, expiry, now),
                    None => state.expiries.set(fingerprint, expiry),
                }
            }
            outcome
        });
    }

    /// The last of the silences is the one that was asked for.
    fn silence(
        &mut self,
        changed: Result<Vec<Silence>, SilenceError>,
        actor: &str,
        reply: Reply<Arc<Silence>>,
    ) {
        match changed.map(|changed| changed.into_iter().map(Arc::new).collect::<Vec<_>>()) {
            Err(error) => drop(reply.send(Err(error.into()))),
            Ok(changed) => {
                self.events.extend(changed.iter().map(|silence| event_by(actor, KIND_SILENCE, silence)));
                self.then(reply, move |state| {
                    let asked_for = changed.last().expect("what was asked for is among what changed").clone();
                    changed.into_iter().for_each(|silence| state.apply_silence(silence));
                    asked_for
                });
            }
        }
    }

    /// What ends by itself: alerts that nobody sent again, and then silences that have nothing left to silence.
    pub(super) fn end(&mut self, state: &mut State, now: Timestamp) {
        for silence in state.ended_silences(now) {
            self.events.push(event(KIND_SILENCE, &silence));
            self.then.push(Box::new(move |state, written| match written {
                Ok(()) => state.apply_silence(silence),
                Err(_) => state.may_end_silences = true,
            }));
        }
        for transition in state.expired(now) {
            self.events.push(event(KIND_ALERT, &transition));
            self.then.push(Box::new(move |state, written| {
                if written.is_ok() {
                    state.apply_transition(transition, None, now);
                }
            }));
        }
    }

    /// Puts alerts that changed into their incidents, and closes those that have been quiet.
    pub(super) fn correlate(&mut self, state: &State, now: Timestamp) {
        let records = state.correlated(now);
        self.incidents(ACTOR, &records);
        if !records.is_empty() || !state.uncorrelated.is_empty() {
            self.then.push(Box::new(move |state, written| {
                if written.is_ok() {
                    state.apply_incidents(records);
                    state.uncorrelated.clear();
                }
            }));
        }
    }

    fn incidents(&mut self, actor: &str, records: &[IncidentRecord]) {
        let parts = records.iter().flat_map(IncidentRecord::parts);
        self.events.extend(parts.map(|part| event_by(actor, KIND_INCIDENT, &part)));
    }

    fn then<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        apply: impl FnOnce(&mut State) -> T + Send + 'static,
    ) {
        self.then.push(Box::new(move |state, written| {
            drop(reply.send(written.map(|()| apply(state))));
        }));
    }

    /// Lets everything be seen that was written, and answers.
    pub(super) fn apply(self, state: &mut State, written: &Result<(), CentreError>) {
        for then in self.then {
            then(state, written.clone());
        }
    }
}

/// The records of what is told, and after them of what is not.
pub(super) fn plan_events(plan: &Plan) -> Vec<NewEvent> {
    let parts = plan.notifications.iter().flat_map(|notification| notification.parts());
    let notifications = parts.map(|part| event(KIND_NOTIFICATION, &part));
    let deliveries = plan.deliveries.iter().map(|delivery| event(KIND_DELIVERY, delivery));
    let held = plan.held_back.iter().map(|held| event(KIND_HELD, held));
    notifications.chain(deliveries).chain(held).collect()
}

/// A record of Isobar's own doing.
fn event(kind: &str, record: &impl Serialize) -> NewEvent {
    event_by(ACTOR, kind, record)
}

fn event_by(actor: &str, kind: &str, record: &impl Serialize) -> NewEvent {
    let payload = serde_json::to_vec(record).expect("records are maps with text keys, which JSON can hold");
    NewEvent { kind: kind.to_owned(), actor: actor.to_owned(), payload }
}
