//! The one task that changes the alert centre's state: it takes commands and timers, writes to the journal, and only then
//! lets the change be seen.

use std::sync::Arc;
use std::time::Duration;

use isobar_journal::{APPEND_EVENTS_MAX, Journal, JournalError, NewEvent};
use isobar_normalizer::Timestamp;
use parking_lot::RwLock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::CentreError;
use super::command::{Batch, Command, plan_events};
use super::restore::{SNAPSHOT, packed};
use super::state::State;

/// Commands taken into one journal append.
const BATCH_MAX: usize = 256;
/// How long the timers rest after the journal could not be written.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// A snapshot is kept after so many events, or twice as many as there are alerts where that is more, for it holds them all:
/// reading that many at the next start takes a second or two.
pub(super) const SNAPSHOT_EVERY: usize = 10_000;

pub(super) struct Writer {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) state: Arc<RwLock<State>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) version: watch::Sender<u64>,
    pub(super) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Events since the last snapshot.
    pub(super) unsaved: usize,
    /// The snapshot that is being kept.
    pub(super) saving: Option<JoinHandle<Result<(), JournalError>>>,
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
            let due = self.state.read().next_due(now);
            let wake = due.map(|due| wake(due, rest_until, now));
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
                let told = self.follow_up().await;
                rest_until = told.err().map(|_| (self.clock)().plus(JOURNAL_PAUSE));
                self.forget();
                let alerts = self.state.read().known.alerts.len();
                self.save(SNAPSHOT_EVERY.max(2 * alerts)).await;
            }
        }
        self.saved().await;
        self.save(1).await;
        self.saved().await;
    }

    /// Writes down what the commands say, all in one append, and lets it be seen.
    async fn carry_out(&mut self, batch: Vec<Command>) {
        if batch.is_empty() {
            return;
        }
        let now = (self.clock)();
        let mut batch = batch.into_iter().peekable();
        while batch.peek().is_some() {
            let together = Batch::gather(&mut batch, &self.state.read(), now);
            drop(self.write(together, now).await);
        }
    }

    /// Ends what ends by itself, puts alerts into their incidents, and tells what is due, in this order: what is told names
    /// its incident.
    async fn follow_up(&mut self) -> Result<(), CentreError> {
        self.end().await?;
        self.correlate().await?;
        self.flush().await
    }

    /// Puts what changed into its incident, and closes incidents that have been quiet.
    async fn correlate(&mut self) -> Result<(), CentreError> {
        let now = (self.clock)();
        let mut correlated = Batch::default();
        correlated.correlate(&self.state.read(), now);
        self.write(correlated, now).await
    }

    /// Ends what ends by itself.
    async fn end(&mut self) -> Result<(), CentreError> {
        let now = (self.clock)();
        let is_due = {
            let state = self.state.read();
            state.may_end_silences || state.expiries.next().is_some_and(|at| at <= now)
        };
        if !is_due {
            return Ok(());
        }
        let mut ended = Batch::default();
        ended.end(&mut self.state.write(), now);
        self.write(ended, now).await
    }

    /// Forgets what is long over, every so often.
    fn forget(&self) {
        let now = (self.clock)();
        if self.state.read().may_forget(now) {
            self.state.write().forget(now);
        }
    }

    async fn write(&mut self, mut batch: Batch, now: Timestamp) -> Result<(), CentreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let written = self.append(now, std::mem::take(&mut batch.events)).await;
        // Whether the journal can be written again is not known before something is to be written.
        if !batch.checks.is_empty() && self.trouble.is_some() {
            self.saved().await;
            self.save(0).await;
            if self.saved().await {
                self.trouble = None;
            }
        }
        for check in batch.checks.drain(..) {
            drop(check.send(self.trouble.clone().map_or(Ok(()), Err)));
        }
        batch.apply(&mut self.state.write(), &written);
        // What could not be written down changed nothing: who would try again at every change would try without end.
        if written.is_ok() {
            self.version.send_modify(|version| *version += 1);
        }
        written
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

    /// Begins to keep a snapshot when there is enough to make it worth while and none is being kept. All events of our kinds
    /// come from here, so that what is known is the fold of everything up to the journal's head. Writing it takes a second
    /// where there are very many alerts: meanwhile others are taken in and told.
    async fn save(&mut self, least: usize) {
        if self.saving.as_ref().is_some_and(JoinHandle::is_finished) {
            self.saved().await;
        }
        if self.unsaved < least || self.saving.is_some() {
            return;
        }
        self.unsaved = 0;
        let (journal, upto) = (Arc::clone(&self.journal), self.journal.head().seq);
        let kept = self.state.read().known.kept();
        self.saving =
            Some(tokio::task::spawn_blocking(move || journal.save_snapshot(SNAPSHOT, upto, &packed(&kept))));
    }

    /// Waits for the snapshot that is being kept; whether there was one and it is.
    async fn saved(&mut self) -> bool {
        let Some(saving) = self.saving.take() else { return false };
        let saved = match saving.await {
            Ok(saved) => saved.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &saved {
            tracing::warn!(
                error,
                "the snapshot of the alert centre was not kept; the next start reads more events"
            );
        }
        saved.is_ok()
    }
}

/// When the timer rings: when something is due, and not while it rests. Seen from `now`, no rest is longer than one: a clock
/// that is put back would hold pages for as long as it was ahead.
fn wake(due: Timestamp, rest_until: Option<Timestamp>, now: Timestamp) -> Timestamp {
    rest_until.map_or(due, |rest| due.max(rest.min(now.plus(JOURNAL_PAUSE))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::START;

    #[test]
    fn a_rest_delays_what_is_due_and_a_clock_that_is_put_back_prolongs_none() {
        let at = |seconds| START.plus(Duration::from_secs(seconds));
        assert_eq!(wake(at(5), None, at(10)), at(5));
        assert_eq!(wake(at(5), Some(at(11)), at(10)), at(11));
        assert_eq!(wake(at(50), Some(at(11)), at(10)), at(50));
        assert_eq!(wake(at(5), Some(at(3600)), at(10)), at(11));
    }
}
