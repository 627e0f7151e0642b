//! The time requests are signed with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{SystemTimeSource, TimeSource};
use isobar_normalizer::Timestamp;
use tokio::time::Instant;

/// Goes on from the end of the window that was asked for last. Before the first, when an account is asked who it is, the
/// SDK's own clock holds: a signature needs the time of day.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Arc<Mutex<Option<(Timestamp, Instant)>>>);

impl Clock {
    /// Says what time it is.
    pub(super) fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Instant::now()));
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((told, at)) => system_time(told) + at.elapsed(),
            None => SystemTimeSource::new().now(),
        }
    }
}

/// A time before 1970 is none a clock shows.
pub(super) fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0))
}
