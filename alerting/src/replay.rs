//! Replay: what the journal says of a stretch of time, run again through the same dispatcher under another configuration,
//! and compared with what was told then. Nothing is sent.
//!
//! The centre's state at the begin of the stretch is folded from the journal, as at a restart; from there on the
//! configuration holds as if it had been reloaded then. The clock is the recorded events' own, so that the same input gives the same output. What is
//! compared are notifications, whether or not their deliveries arrived.

mod difference;
mod message;
mod policies;
mod recording;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use isobar_journal::JournalError;
use isobar_normalizer::Timestamp;

pub use difference::{Changed, ReceiverDifference};
pub use message::{ReplayedMessage, ToldAlert};
pub use policies::{PastSeries, reevaluate};
pub use recording::Recording;

use crate::centre::Rerun;
use crate::config::AlertingConfig;

/// Timers ring this late at most: a recorded notification within it of the moment a group is due is that moment.
const LATE_MAX: Duration = Duration::from_secs(1);
/// Looks at groups in one replay: a day of a thousand groups looked at every half minute.
const FLUSHES_MAX: usize = 3_000_000;
/// Steps between two looks at the time.
const STEPS_PER_LOOK: usize = 256;

/// Whether whoever asked does not wait any longer.
pub type IsOver<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Why there is no replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record in the journal is not what its kind says.
    #[error("a journal event of kind {kind} cannot be read: {reason}")]
    Record {
        /// Its kind.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// More was recorded than one replay holds.
    #[error("more than {0} events in the stretch: ask for a shorter one")]
    TooManyEvents(usize),
    /// Groups would be looked at more often than one replay may.
    #[error(
        "groups would be looked at more than {0} times: ask for a shorter stretch, or a longer group_interval"
    )]
    TooManyFlushes(usize),
    /// It took longer than whoever asked would wait.
    #[error("it takes too long: ask for a shorter stretch")]
    TookTooLong,
}

/// What was told then, what would be told now, and what differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Begin of the stretch.
    pub from: Timestamp,
    /// End of it, exclusive.
    pub to: Timestamp,
    /// How many recorded events were run again.
    pub events: usize,
    /// Where the journal begins, if what was before is pruned: groups and alerts of before it are not known.
    pub begins_at: Option<Timestamp>,
    /// What was told then, in order.
    pub then: Vec<ReplayedMessage>,
    /// What would be told now, in order.
    pub now: Vec<ReplayedMessage>,
    /// What differs, of every receiver that is told anything, by name.
    pub receivers: Vec<ReceiverDifference>,
}

/// Runs a recording again under this configuration.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay(
    recording: Recording,
    config: AlertingConfig,
    is_over: IsOver<'_>,
) -> Result<Replay, ReplayError> {
    run(recording, config, FLUSHES_MAX, is_over)
}

fn run(
    recording: Recording,
    config: AlertingConfig,
    flushes_max: usize,
    is_over: IsOver<'_>,
) -> Result<Replay, ReplayError> {
    let Recording { from, to, past, inputs, told, begins_at } = recording;
    let rang: Vec<Timestamp> = told.iter().map(|notification| notification.at).collect();
    let mut rerun = Rerun::begin(Arc::new(config), past, from);
    let events = inputs.len();
    let mut inputs = inputs.into_iter().peekable();
    let (mut now, mut flushes, mut again) = (from, 0, Vec::new());
    for step in 0_usize.. {
        if step.is_multiple_of(STEPS_PER_LOOK) && is_over() {
            return Err(ReplayError::TookTooLong);
        }
        let due = rerun.next_flush(now).map(|due| woken(due.max(now), &rang)).filter(|due| *due < to);
        let handed = inputs.next_if(|input| due.is_none_or(|due| input.at <= due));
        match (handed, due) {
            (Some(input), _) => {
                now = now.max(input.at);
                rerun
                    .take(&input.kind, &input.payload, now)
                    .map_err(|error| recording::unreadable(&input.kind, &error))?;
            }
            (None, Some(due)) => {
                flushes += 1;
                if flushes > flushes_max {
                    return Err(ReplayError::TooManyFlushes(flushes_max));
                }
                now = due;
                again.extend(rerun.flush(now));
            }
            (None, None) => break,
        }
    }
    let (then, now) = (message::all(&told), message::all(&again));
    let receivers = difference::of(&then, &now);
    Ok(Replay { from, to, events, begins_at, then, now, receivers })
}

/// When the timer for this moment rang then: the first recorded notification shortly after it, or at once.
fn woken(due: Timestamp, rang: &[Timestamp]) -> Timestamp {
    let next = rang.get(rang.partition_point(|at| *at < due)).copied();
    next.filter(|at| at.since(due) <= LATE_MAX).unwrap_or(due)
}
