//! The clock the simulators are handed.

use std::fmt;
use std::sync::Arc;

use crate::estate::Millis;

/// Tells the time in milliseconds since 1970-01-01 UTC; the only one the simulators know.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// Makes a clock of a function.
    pub(crate) fn new(now: Arc<dyn Fn() -> Millis + Send + Sync>) -> Self {
        Self(now)
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
