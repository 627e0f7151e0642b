//! The one thread that writes. What waits while a commit is on its way to the disk goes into the next: under load many
//! callers share an fsync, and a lone caller waits for nobody.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use isobar_normalizer::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::event::{Event, Head, NewEvent};
use crate::journal::JournalError;
use crate::sqlite::{failure, file};

/// Events in one commit, past which the next waiting caller is left for the next: bounds the commit's time.
const COMMIT_EVENTS: usize = 16_384;
/// Events removed in one commit, so that appends wait for some milliseconds only.
const PRUNE_EVENTS: u64 = 4_096;

type Reply<T> = SyncSender<Result<T, JournalError>>;

/// What the writer is asked for.
pub(super) enum Command {
    Append { at: Timestamp, events: Vec<NewEvent>, reply: Reply<Vec<Event>> },
    Snapshot { name: String, upto_seq: u64, bytes: Vec<u8>, reply: Reply<()> },
    Prune { before_seq: u64, reply: Reply<Pruned> },
}

/// How far a step of pruning came.
pub(super) struct Pruned {
    /// The checkpoint before the oldest event kept.
    pub(super) floor: Head,
    /// Whether nothing is left to remove.
    pub(super) done: bool,
}

/// The connection that writes, and the head it publishes.
pub(super) struct Writer {
    connection: Connection,
    published: Arc<Mutex<Head>>,
    checkpoint_events: u64,
}

/// Events of one caller, sealed, and whom to tell.
struct Waiting {
    events: Vec<Event>,
    reply: Reply<Vec<Event>>,
}

impl Writer {
    pub(super) fn new(connection: Connection, published: Arc<Mutex<Head>>, checkpoint_events: u64) -> Self {
        Self { connection, published, checkpoint_events }
    }

    /// Works until every sender is gone. A caller that no longer listens is no reason to stop.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        let mut next = commands.recv().ok();
        while let Some(command) = next.take() {
            match command {
                Command::Append { at, events, reply } => next = self.append(at, events, reply, commands),
                Command::Snapshot { name, upto_seq, bytes, reply } => {
                    let saved = self.save_snapshot(&name, upto_seq, &bytes).map_err(failure::of);
                    reply.send(saved).ok();
                }
                Command::Prune { before_seq, reply } => {
                    reply.send(self.prune(before_seq).map_err(failure::of)).ok();
                }
            }
            if next.is_none() {
                next = commands.recv().ok();
            }
        }
    }

    /// Commits one caller's events together with those of all callers waiting behind; returns the first command that is
    /// something else.
    fn append(
        &mut self,
        at: Timestamp,
        events: Vec<NewEvent>,
        reply: Reply<Vec<Event>>,
        commands: &Receiver<Command>,
    ) -> Option<Command> {
        let mut head = *self.published.lock();
        let mut seal = |at, events: Vec<NewEvent>, reply| {
            let seal_one = |event| {
                let sealed = head.seal(at, event);
                head = sealed.head();
                sealed
            };
            Waiting { events: events.into_iter().map(seal_one).collect(), reply }
        };
        let mut waiting = vec![seal(at, events, reply)];
        let mut count = waiting[0].events.len();
        let mut other = None;
        while count < COMMIT_EVENTS && other.is_none() {
            match commands.try_recv() {
                Ok(Command::Append { at, events, reply }) => {
                    count += events.len();
                    waiting.push(seal(at, events, reply));
                }
                Ok(command) => other = Some(command),
                Err(_) => break,
            }
        }

        let started = Instant::now();
        match self.commit(&waiting) {
            Ok(()) => {
                metrics::histogram!("isobar_journal_commit_seconds").record(started.elapsed());
                metrics::counter!("isobar_journal_events_total").increment(count as u64);
                *self.published.lock() = head;
                for Waiting { events, reply } in waiting {
                    reply.send(Ok(events)).ok();
                }
            }
            Err(error) => self.fail(error, waiting),
        }
        other
    }

    fn commit(&mut self, waiting: &[Waiting]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (seq, at, tenant, kind, actor, payload, prev, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            let mut mark =
                transaction.prepare_cached("INSERT INTO checkpoints (seq, hash) VALUES (?1, ?2)")?;
            for event in waiting.iter().flat_map(|caller| &caller.events) {
                let Event { seq, at, tenant, kind, actor, payload, prev, hash } = event;
                insert.execute(params![
                    *seq as i64,
                    at.millis(),
                    tenant,
                    kind,
                    actor,
                    payload,
                    prev,
                    hash
                ])?;
                if seq.is_multiple_of(self.checkpoint_events) {
                    mark.execute(params![*seq as i64, hash])?;
                }
            }
        }
        transaction.commit()
    }

    /// Tells everybody, and asks the file where the chain stands: an error at the commit itself leaves that open.
    fn fail(&mut self, error: rusqlite::Error, waiting: Vec<Waiting>) {
        let error = failure::of(error);
        tracing::error!(%error, callers = waiting.len(), "events could not be journalled");
        metrics::counter!("isobar_journal_failures_total").increment(1);
        if let Ok(head) = file::last(&self.connection) {
            *self.published.lock() = head;
        }
        for Waiting { reply, .. } in waiting {
            reply.send(Err(error.clone())).ok();
        }
    }

    fn save_snapshot(&mut self, name: &str, upto_seq: u64, bytes: &[u8]) -> rusqlite::Result<()> {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        self.connection.execute(
            "INSERT INTO snapshots (name, seq, bytes, hash) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET seq = ?2, bytes = ?3, hash = ?4",
            params![name, upto_seq as i64, bytes, hash],
        )?;
        Ok(())
    }

    /// Removes one step's worth of events. The checkpoint at the step's end is written with it, so that whatever is left
    /// after a crash can be verified.
    fn prune(&mut self, before_seq: u64) -> rusqlite::Result<Pruned> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let covered = transaction
            .query_row("SELECT seq FROM snapshots ORDER BY seq LIMIT 1", [], |row| file::unsigned(row, 0))
            .optional()?
            .unwrap_or(0);
        let last = covered.min(before_seq.saturating_sub(1));
        let first = file::first(&transaction)?;
        let Some(first) = first.filter(|first| *first <= last) else {
            // The oldest event follows the floor; where there is none, the floor is where the chain ends.
            let floor_seq = first.map_or(file::last(&transaction)?.seq, |first| first - 1);
            let floor = transaction
                .query_row(
                    "SELECT seq, hash FROM checkpoints WHERE seq = ?1",
                    params![floor_seq as i64],
                    file::head,
                )
                .optional()?
                .unwrap_or_default();
            return Ok(Pruned { floor, done: true });
        };
        let step_end = last.min(first + PRUNE_EVENTS - 1);
        transaction.execute(
            "INSERT OR IGNORE INTO checkpoints (seq, hash) SELECT seq, hash FROM events WHERE seq = ?1",
            params![step_end as i64],
        )?;
        transaction.execute("DELETE FROM events WHERE seq <= ?1", params![step_end as i64])?;
        let floor = transaction.query_row(
            "SELECT seq, hash FROM checkpoints WHERE seq = ?1",
            params![step_end as i64],
            file::head,
        )?;
        transaction.commit()?;
        metrics::counter!("isobar_journal_pruned_total").increment(step_end + 1 - first);
        Ok(Pruned { floor, done: step_end == last })
    }
}
