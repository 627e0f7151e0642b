//! When trying again makes sense.

use std::time::Duration;

/// What an error at an extension point says about another try. Only one loop per call retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before this long from now: the other side said so.
    After(Duration),
    /// With growing, jittered pauses.
    Backoff,
    /// Never: the same call would fail the same way.
    Never,
}
