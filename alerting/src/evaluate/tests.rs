mod cases;
mod estate;
mod fleet;
mod laws;
mod reload;

use std::time::Duration;

use isobar_normalizer::Timestamp;

/// Midnight, so that grid instants are round.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn after(duration: Duration) -> Timestamp {
    START.plus(duration)
}
