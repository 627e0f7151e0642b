//! The responder: one task that holds the book, writes every change down before it is seen, and makes the calls.

mod handle;
mod restore;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use isobar_journal::{Journal, NewEvent};
use isobar_normalizer::Timestamp;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use handle::RunbookHandle;

use crate::book::{Ask, Book, Outcome, Refused};
use crate::event::{Attempt, Change, ISOBAR, Record};
use crate::lever::{Lever, Position};
use crate::proposal::{Proposal, ProposalState};
use crate::send::Senders;
use crate::situation::Situation;

/// Commands that may wait. Who comes later waits.
const COMMANDS_MAX: usize = 256;
/// Calls under way at once.
const CALLS_MAX: usize = 16;
/// How long nothing is begun after the journal could not be written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// A call under way may end in this time after the signal to stop; otherwise it is made again after the next start.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// The book is saved every so many journal events, so that starting stays short.
const SNAPSHOT_EVERY: u64 = 4096;
/// Attempts from outside that are journalled in a minute; those over it are only counted: strangers do not fill the disk.
const ATTEMPTS_A_MINUTE: u32 = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// What the responder needs from the world.
#[derive(Clone)]
pub struct RunbookParts {
    /// Where everything is written down.
    pub journal: Arc<dyn Journal>,
    /// The wall clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Uniform in `[0, 1)`, for the pauses between tries.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl fmt::Debug for RunbookParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunbookParts").finish_non_exhaustive()
    }
}

/// Why the responder did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunbookError {
    /// As things are it is not done; that it was asked is journalled.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The journal could not be read or written. Nothing changed; asking again is safe.
    #[error("journal: {0}")]
    Journal(String),
    /// A record in the journal is not what its kind says.
    #[error("journal event {seq} of kind {kind} cannot be read: {reason}")]
    Record {
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// The responder has been stopped.
    #[error("the responder is stopped")]
    Stopped,
}

type Reply<T> = oneshot::Sender<Result<T, RunbookError>>;

/// What the responder is asked to do.
enum Command {
    Observe(Vec<Situation>, Reply<()>),
    Decide(Ask, Reply<Proposal>),
    Move { position: Position, reason: String, actor: String, reply: Reply<Lever> },
    Attempt { actor: String, attempt: Attempt, reply: Reply<()> },
    Reload(Senders, Reply<()>),
}

/// The responder, before it runs.
pub struct Responder {
    parts: RunbookParts,
    senders: Senders,
    book: Arc<RwLock<Book>>,
    commands: mpsc::Receiver<Command>,
    handle: RunbookHandle,
    calls: JoinSet<Outcome>,
    /// The proposal of each call under way.
    called: HashMap<Id, String>,
    /// Outcomes that are yet to be written down.
    outcomes: Vec<(String, Outcome)>,
    rest_until: Option<Timestamp>,
    /// Up to which event the book was saved, at least.
    saved: u64,
    /// The minute that attempts from outside are counted in, and how many there were.
    attempts: (Timestamp, u32),
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").finish_non_exhaustive()
    }
}

impl Responder {
    /// Reads what the journal knows. Nothing is sent before [`Responder::run`].
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub async fn open(senders: Senders, parts: RunbookParts) -> Result<Self, RunbookError> {
        let journal = Arc::clone(&parts.journal);
        let restoring = tokio::task::spawn_blocking(move || restore::book(&*journal)).await;
        let (mut book, saved) = restoring.map_err(|error| RunbookError::Journal(error.to_string()))??;
        book.forget((parts.clock)());
        let book = Arc::new(RwLock::new(book));
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let handle = RunbookHandle::new(Arc::clone(&book), sender);
        show(&book.read());
        Ok(Self {
            parts,
            senders,
            book,
            commands,
            handle,
            calls: JoinSet::new(),
            called: HashMap::new(),
            outcomes: Vec::new(),
            rest_until: None,
            saved,
            attempts: (Timestamp::default(), 0),
        })
    }

    /// What everybody else holds.
    pub fn handle(&self) -> RunbookHandle {
        self.handle.clone()
    }

    /// Decides and calls until stopped; returns when what was under way is written down.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let wake = self.turn().await;
            let timer = async {
                match wake {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.calls.join_next_with_id() => self.ended(ended),
                Some(command) = self.commands.recv() => self.carry_out(command).await,
                () = timer => {}
            }
        }
        self.commands.close();
        let drain = async {
            while let Some(ended) = self.calls.join_next_with_id().await {
                self.ended(ended);
            }
        };
        if tokio::time::timeout(STOP_PATIENCE, drain).await.is_err() {
            tracing::warn!("calls under way did not end; they are made again after the next start");
        }
        self.record_outcomes().await;
        self.save(1).await;
    }

    /// Does what is due, and says after which pause something is due again.
    async fn turn(&mut self) -> Option<Duration> {
        let now = self.now();
        // A clock that was put back does not make the rest longer than it is.
        if let Some(until) = self.rest_until.filter(|until| *until > now && until.since(now) <= JOURNAL_PAUSE)
        {
            return Some(until.since(now));
        }
        self.rest_until = None;
        let worked = self.record_outcomes().await && self.expire().await && self.begin().await;
        self.save(SNAPSHOT_EVERY).await;
        let now = self.now();
        if !worked {
            self.rest_until = Some(now.plus(JOURNAL_PAUSE));
            return Some(JOURNAL_PAUSE);
        }
        if self.called.len() >= CALLS_MAX {
            return None;
        }
        let due = self.book.read().next_due(&self.busy())?;
        // Never at once: what is due and could not be done now is looked at again in a moment.
        Some(due.since(now).max(Duration::from_millis(10)))
    }

    async fn expire(&mut self) -> bool {
        let now = self.now();
        let changes = self.book.read().expire(now);
        self.write(changes, now).await.is_ok()
    }

    /// Begins the tries that are due: each is written down, and only then made.
    async fn begin(&mut self) -> bool {
        let now = self.now();
        let mut changes = self.book.read().begin(&self.busy(), &self.senders.runbooks, now);
        let free = CALLS_MAX.saturating_sub(self.called.len());
        let is_call =
            |change: &Change| proposal_of(change).is_some_and(|one| one.state == ProposalState::Sending);
        let mut calls = 0;
        changes.retain(|change| {
            calls += usize::from(is_call(change));
            !is_call(change) || calls <= free
        });
        let begun: Vec<Proposal> =
            changes.iter().filter(|change| is_call(change)).filter_map(proposal_of).cloned().collect();
        if self.write(changes, now).await.is_err() {
            return false;
        }
        for proposal in begun {
            let call = self.senders.call(&proposal, self.now());
            let task = self.calls.spawn(call);
            self.called.insert(task.id(), proposal.id);
        }
        true
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (task, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a call broke off");
                (error.id(), Outcome::Broken)
            }
        };
        if let Some(id) = self.called.remove(&task) {
            self.outcomes.push((id, outcome));
        }
    }

    /// Writes down how tries ended; what cannot be written down now is written down later, not sent again before.
    async fn record_outcomes(&mut self) -> bool {
        while let Some((id, outcome)) = self.outcomes.last().cloned() {
            let now = self.now();
            let change = self.book.read().finish(&id, outcome.clone(), now, (self.parts.jitter)());
            if self.write(change.clone().into_iter().collect(), now).await.is_err() {
                return false;
            }
            self.outcomes.pop();
            if let Some(proposal) = change.as_ref().and_then(proposal_of) {
                tell(proposal, &outcome);
            }
        }
        true
    }

    async fn carry_out(&mut self, command: Command) {
        let now = self.now();
        // An asker who has gone is no loss.
        match command {
            Command::Observe(situations, reply) => {
                let mut seen = self.book.read().observe(&situations, &self.senders.runbooks, now);
                let written = self.write(std::mem::take(&mut seen.changes), now).await;
                if written.is_ok() {
                    self.book.write().confirm(seen, now);
                }
                drop(reply.send(written));
            }
            Command::Decide(ask, reply) => {
                let (change, decided) = self.book.read().decide(&ask, now);
                let result = match decided {
                    Ok(_) => "done",
                    Err(_) => "refused",
                };
                metrics::counter!("isobar_runbook_decisions_total", "decision" => ask.decision.as_str(), "result" => result)
                    .increment(1);
                let written = self.write(vec![change], now).await;
                drop(reply.send(written.and_then(|()| decided.map_err(RunbookError::from))));
            }
            Command::Move { position, reason, actor, reply } => {
                let moved = match Book::moved(position, &reason, &actor, now) {
                    Ok(change) => self.write(vec![change], now).await,
                    Err(refused) => Err(refused.into()),
                };
                if moved.is_ok() {
                    tracing::warn!(%position, actor, reason, "the lever was moved");
                }
                let lever = self.book.read().lever().clone();
                drop(reply.send(moved.map(|()| lever)));
            }
            Command::Attempt { actor, attempt, reply } => {
                metrics::counter!("isobar_runbook_attempts_refused_total").increment(1);
                let (minute, count) = &mut self.attempts;
                if now.since(*minute) >= MINUTE || now < *minute {
                    (*minute, *count) = (now, 0);
                }
                *count += 1;
                let written = if *count <= ATTEMPTS_A_MINUTE {
                    self.write(vec![Change { actor, record: Record::Attempt(attempt) }], now).await
                } else {
                    metrics::counter!("isobar_runbook_attempts_unrecorded_total").increment(1);
                    Ok(())
                };
                drop(reply.send(written));
            }
            Command::Reload(senders, reply) => {
                self.senders = senders;
                drop(reply.send(Ok(())));
            }
        }
    }

    /// Writes changes down, all or none, and lets them be seen.
    async fn write(&mut self, changes: Vec<Change>, now: Timestamp) -> Result<(), RunbookError> {
        if changes.is_empty() {
            return Ok(());
        }
        let events: Vec<NewEvent> = changes.iter().map(Change::event).collect();
        let journal = Arc::clone(&self.parts.journal);
        let appending = tokio::task::spawn_blocking(move || journal.append(now, events)).await;
        let written = match appending {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::error!(error, "the journal cannot be written: nothing is proposed or sent until it can");
            metrics::counter!("isobar_runbook_journal_errors_total").increment(1);
            return Err(RunbookError::Journal(error));
        }
        let mut book = self.book.write();
        for change in changes {
            if let Some(proposal) = proposal_of(&change) {
                count(book.proposal(&proposal.id), proposal);
            }
            book.apply(change.record);
        }
        book.forget(now);
        show(&book);
        Ok(())
    }

    /// Saves the book when so many events have come since it was saved. All events of our kinds come from here, so that the
    /// book is the fold of everything up to the journal's head.
    async fn save(&mut self, least: u64) {
        let journal = Arc::clone(&self.parts.journal);
        let head = journal.head().seq;
        if head < self.saved.saturating_add(least) {
            return;
        }
        self.saved = head;
        let bytes = serde_json::to_vec(&*self.book.read())
            .expect("records are maps with text keys, which JSON can hold");
        let saving =
            tokio::task::spawn_blocking(move || journal.save_snapshot(restore::SNAPSHOT, head, &bytes)).await;
        let saved = match saving {
            Ok(saved) => saved.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = saved {
            tracing::warn!(error, "the proposals were not saved; the next start reads more events");
        }
    }

    fn busy(&self) -> BTreeSet<String> {
        let unrecorded = self.outcomes.iter().map(|(id, _)| id);
        self.called.values().chain(unrecorded).cloned().collect()
    }

    fn now(&self) -> Timestamp {
        (self.parts.clock)()
    }
}

fn proposal_of(change: &Change) -> Option<&Proposal> {
    match &change.record {
        Record::Proposal(proposal) => Some(proposal),
        Record::Lever(_) | Record::Attempt(_) => None,
    }
}

/// Counts a proposal's way from state to state.
fn count(before: Option<&Proposal>, after: &Proposal) {
    if before.is_none_or(|before| before.state != after.state) {
        let (runbook, state) = (after.shown.runbook.clone(), after.state.as_str());
        metrics::counter!("isobar_runbook_proposals_total", "runbook" => runbook, "state" => state)
            .increment(1);
    }
}

/// Shows how things stand as numbers.
fn show(book: &Book) {
    let open = book.proposals().filter(|one| one.state == ProposalState::Proposed).count();
    metrics::gauge!("isobar_runbook_open_count").set(open as f64);
    let is_off = book.lever().position == Position::Off;
    metrics::gauge!("isobar_runbook_lever_off").set(if is_off { 1.0 } else { 0.0 });
}

/// Tells of a try that ended.
fn tell(proposal: &Proposal, outcome: &Outcome) {
    let (runbook, id) = (&proposal.shown.runbook, &proposal.id);
    let result = match outcome {
        Outcome::Taken { .. } => "taken",
        _ if proposal.state == ProposalState::Failed => "given_up",
        Outcome::Failed { .. } | Outcome::Broken => "failed",
    };
    metrics::counter!("isobar_runbook_calls_total", "runbook" => runbook.clone(), "result" => result)
        .increment(1);
    match result {
        "taken" => tracing::info!(runbook, proposal = id, actor = ISOBAR, "runbook called"),
        "given_up" => {
            tracing::error!(runbook, proposal = id, reason = proposal.reason, "runbook not carried out")
        }
        _ => tracing::warn!(runbook, proposal = id, reason = proposal.reason, "calling a runbook failed"),
    }
}
