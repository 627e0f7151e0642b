//! What the writer is asked to do, what of it goes into the journal, and what it does to the state once that is written.

use std::collections::HashMap;
use std::sync::Arc;

use isobar_journal::NewEvent;
use isobar_normalizer::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use super::CentreError;
use super::state::State;
use crate::config::AlertingConfig;
use crate::delivery::Delivery;
use crate::event::{KIND_ALERT, KIND_DELIVERY, Transition};
use crate::outbox::requeued;
use crate::pushed::{Expiry, Post, PostOutcome, PostedAlert, Taken};

/// Who did it, in the journal, where nobody else is named.
const ACTOR: &str = "isobar";

pub(super) type Reply<T> = oneshot::Sender<Result<T, CentreError>>;

/// What the writer is asked to do.
pub(super) enum Command {
    Ingest { transitions: Vec<Transition>, reply: Reply<()> },
    Post { door: String, alerts: Vec<PostedAlert>, is_verified: bool, reply: Reply<PostOutcome> },
    Record { delivery: Box<Delivery>, reply: Reply<()> },
    Resend { id: String, actor: String, reply: Reply<Delivery> },
    Reload { config: Arc<AlertingConfig>, reply: Reply<()> },
    Check { reply: Reply<()> },
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
    /// Takes a command in, or refuses it at once.
    pub(super) fn take(&mut self, command: Command, state: &State, now: Timestamp) {
        match command {
            Command::Ingest { transitions, reply } => self.ingest(transitions, reply, now),
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
            Command::Record { delivery, reply } => {
                self.events.push(event(KIND_DELIVERY, &*delivery));
                self.then(reply, move |state| state.known.outbox.apply_delivery(*delivery));
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
                        self.events.push(NewEvent { actor, ..event(KIND_DELIVERY, &delivery) });
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
        for (index, posted) in alerts.into_iter().enumerate() {
            let fingerprint = posted.labels.fingerprint();
            let (known, expiry) = match self.changed.get(&fingerprint) {
                Some((transition, expiry)) => (Some(&transition.alert), *expiry),
                None => (state.known.alerts.get(fingerprint), state.expiries.get(fingerprint)),
            };
            match post.take(known, expiry, posted) {
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

    /// Alerts that ended because nobody sent them again.
    pub(super) fn expire(&mut self, state: &mut State, now: Timestamp) {
        for transition in state.expired(now) {
            self.events.push(event(KIND_ALERT, &transition));
            self.then.push(Box::new(move |state, written| {
                if written.is_ok() {
                    state.apply_transition(transition, None, now);
                }
            }));
        }
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

/// A record of Isobar's own doing.
pub(super) fn event(kind: &str, record: &impl Serialize) -> NewEvent {
    let payload = serde_json::to_vec(record).expect("records are maps with text keys, which JSON can hold");
    NewEvent { kind: kind.to_owned(), actor: ACTOR.to_owned(), payload }
}
