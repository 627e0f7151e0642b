//! What an evaluation sees of one group at one instant.

use std::time::Duration;

/// What an evaluation sees of one group at one instant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Observation {
    /// A value; NaN counts as missing, because it says nothing.
    Value(f64),
    /// No value, yet not for so long that it means something.
    Missing,
    /// No sample for at least this long: no-data has begun.
    Silent(Duration),
    /// Whatever was on is over, for this reason: the resource left the inventory, or the policy selects it no longer.
    Ended(&'static str),
}
