//! How fast a destination is told: its limits, and the sends they count.
//!
//! A limit holds over any stretch of its length, not only over calendar minutes: robots that are told 21 times in 60 seconds
//! fall silent for ten minutes. A bucket that is refilled steadily would let up to twice its size through in one stretch.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// At most so many messages within any stretch of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least one.
    pub messages: u32,
    /// Longer than nothing.
    pub per: Duration,
}

impl Rate {
    /// So many messages per stretch.
    pub const fn new(messages: u32, per: Duration) -> Self {
        Self { messages, per }
    }
}

/// What a limit is about: an address, a key. Only its hash is kept, because either may be a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination([u8; 32]);

impl Destination {
    /// The destination that these texts name together.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({})", hex::encode(&self.0[..4]))
    }
}

/// What a lane may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Send the first of what waits.
    Single,
    /// Tell all that waits in one message.
    Digest,
    /// Nothing for so long.
    Wait(Duration),
}

/// The sends of one destination that a limit still counts, oldest first.
#[derive(Clone, Debug, Default)]
struct Sends {
    at: VecDeque<Instant>,
    digest_at: Option<Instant>,
}

impl Sends {
    /// Decides and counts. Where more waits than may be sent at once and it is told in digests, the most severe go out on
    /// their own as long as one send stays for the digest, and there is one digest in the longest stretch of the limits.
    fn turn(&mut self, rates: &[Rate], is_digested: bool, waiting: usize, now: Instant) -> Turn {
        let Some(longest) = rates.iter().map(|rate| rate.per).max() else { return Turn::Single };
        while self.at.front().is_some_and(|at| now.saturating_duration_since(*at) >= longest) {
            self.at.pop_front();
        }
        let mut room = usize::MAX;
        // Until a send is counted no more by some limit, and until all limits leave room.
        let (mut soonest, mut latest) = (longest, Duration::ZERO);
        for rate in rates {
            let counted = self.at.iter().filter(|at| now.saturating_duration_since(**at) < rate.per).count();
            let allowed = rate.messages as usize;
            room = room.min(allowed.saturating_sub(counted));
            let until_gone = |back: usize| {
                self.at.get(self.at.len() - back).map(|at| rate.per - now.saturating_duration_since(*at))
            };
            if counted > 0 {
                soonest = soonest.min(until_gone(counted).unwrap_or_default());
            }
            if counted >= allowed {
                latest = latest.max(until_gone(allowed).unwrap_or_default());
            }
        }
        let turn = match room {
            0 => Turn::Wait(latest),
            1 if is_digested && waiting > 1 => {
                match self.digest_at.map(|at| now.saturating_duration_since(at)) {
                    Some(since) if since < longest => Turn::Wait((longest - since).min(soonest)),
                    _ => Turn::Digest,
                }
            }
            _ => Turn::Single,
        };
        if turn == Turn::Digest {
            self.digest_at = Some(now);
        }
        if !matches!(turn, Turn::Wait(_)) {
            self.at.push_back(now);
        }
        turn
    }

    /// Takes back the last send, which was not made.
    fn give_back(&mut self, turn: Turn) {
        self.at.pop_back();
        if turn == Turn::Digest {
            self.digest_at = None;
        }
    }
}

/// The sends to all destinations. Clones share them; their number is bounded by the configuration, see [`Paces::retain`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Paces(Arc<Mutex<HashMap<Destination, Sends>>>);

impl Paces {
    /// What may be done now for a destination with so many messages waiting; what may be sent is counted as sent.
    pub(crate) fn turn(
        &self,
        destination: Destination,
        rates: &[Rate],
        is_digested: bool,
        waiting: usize,
        now: Instant,
    ) -> Turn {
        if rates.is_empty() {
            return Turn::Single;
        }
        self.0.lock().entry(destination).or_default().turn(rates, is_digested, waiting, now)
    }

    /// Counts sends that were made before we began to count, each so long ago.
    pub(crate) fn remember(
        &self,
        destination: Destination,
        ages: impl IntoIterator<Item = Duration>,
        now: Instant,
    ) {
        let mut paces = self.0.lock();
        let sends = paces.entry(destination).or_default();
        sends.at.extend(ages.into_iter().filter_map(|age| now.checked_sub(age)));
        sends.at.make_contiguous().sort_unstable();
    }

    /// Takes back a turn that was not used.
    pub(crate) fn give_back(&self, destination: Destination, turn: Turn) {
        if let Some(sends) = self.0.lock().get_mut(&destination) {
            sends.give_back(turn);
        }
    }

    /// Forgets destinations that are not configured any more.
    pub(crate) fn retain(&self, kept: impl Fn(&Destination) -> bool) {
        self.0.lock().retain(|destination, _| kept(destination));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROBOT: [Rate; 1] = [Rate::new(3, Duration::from_secs(60))];

    /// Runs `seconds waiting expected`, expected being `single`, `digest`, or `wait N`.
    #[track_caller]
    fn check(rates: &[Rate], is_digested: bool, script: &[(u64, usize, &str)]) {
        let start = Instant::now();
        let mut sends = Sends::default();
        for (seconds, waiting, expected) in script {
            let turn = sends.turn(rates, is_digested, *waiting, start + Duration::from_secs(*seconds));
            let shown = match turn {
                Turn::Single => "single".to_owned(),
                Turn::Digest => "digest".to_owned(),
                Turn::Wait(wait) => format!("wait {}", wait.as_secs()),
            };
            assert_eq!(&shown, expected, "at {seconds} with {waiting} waiting");
        }
    }

    #[test]
    fn a_limit_holds_over_any_stretch() {
        check(
            &ROBOT,
            false,
            &[
                (0, 9, "single"),
                (50, 9, "single"),
                (50, 9, "single"),
                (50, 9, "wait 10"),
                (60, 9, "single"),
                (60, 9, "wait 50"),
                (110, 9, "single"),
            ],
        );
    }

    #[test]
    fn the_last_send_is_for_the_digest_and_there_is_one_in_a_stretch() {
        check(
            &ROBOT,
            true,
            &[
                (0, 5, "single"),
                (0, 4, "single"),
                (0, 3, "digest"),
                (30, 2, "wait 30"),
                // What waits is sent on its own while one send remains for the next digest.
                (60, 2, "single"),
                (60, 1, "single"),
                (61, 5, "digest"),
            ],
        );
        check(&ROBOT, true, &[(0, 1, "single"), (0, 1, "single"), (0, 1, "single"), (0, 1, "wait 60")]);
    }

    #[test]
    fn a_digest_waits_for_its_stretch_while_single_messages_pass() {
        let rates = [Rate::new(2, Duration::from_secs(60))];
        check(
            &rates,
            true,
            &[
                (0, 3, "single"),
                (10, 3, "digest"),
                (60, 3, "wait 10"),
                (70, 3, "single"),
                (70, 2, "digest"),
                (71, 4, "wait 59"),
            ],
        );
    }

    #[test]
    fn every_limit_holds() {
        let feishu = [Rate::new(4, Duration::from_secs(60)), Rate::new(2, Duration::from_secs(1))];
        check(
            &feishu,
            false,
            &[
                (0, 9, "single"),
                (0, 9, "single"),
                (0, 9, "wait 1"),
                (1, 9, "single"),
                (2, 9, "single"),
                (5, 9, "wait 55"),
            ],
        );
    }

    #[test]
    fn an_unused_turn_is_given_back_and_destinations_do_not_touch_each_other() {
        let paces = Paces::default();
        let (one, other) = (Destination::of(&["a", "b"]), Destination::of(&["ab", ""]));
        let now = Instant::now();
        let rates = [Rate::new(1, Duration::from_secs(1))];
        let turn = paces.turn(one, &rates, false, 1, now);
        assert_eq!(turn, Turn::Single);
        assert_eq!(paces.turn(other, &rates, false, 1, now), Turn::Single);
        assert_eq!(paces.clone().turn(one, &rates, false, 1, now), Turn::Wait(Duration::from_secs(1)));
        paces.give_back(one, turn);
        assert_eq!(paces.turn(one, &rates, false, 1, now), Turn::Single);
        paces.retain(|destination| *destination == one);
        assert_eq!(paces.0.lock().len(), 1);
    }

    #[test]
    fn what_was_sent_before_a_restart_counts() {
        let paces = Paces::default();
        let robot = Destination::of(&["robot"]);
        let now = Instant::now() + Duration::from_secs(100);
        paces.remember(robot, [50, 10, 20].map(Duration::from_secs), now);
        assert_eq!(paces.turn(robot, &ROBOT, false, 1, now), Turn::Wait(Duration::from_secs(10)));
    }

    proptest! {
        /// Whatever is asked when: no stretch holds more than its limit, and who waits as told may send then or is told to
        /// wait again, never without end.
        #[test]
        fn no_stretch_holds_more_than_its_limit(
            steps in prop::collection::vec((0u64..5_000, 1usize..10), 1..200),
            is_digested: bool,
        ) {
            let rates = [Rate::new(7, Duration::from_secs(10)), Rate::new(2, Duration::from_secs(1))];
            let mut sends = Sends::default();
            let mut now = Instant::now();
            let mut made: Vec<Instant> = Vec::new();
            for (pause, waiting) in steps {
                now += Duration::from_millis(pause);
                match sends.turn(&rates, is_digested, waiting, now) {
                    Turn::Wait(wait) => {
                        prop_assert!(!wait.is_zero() && wait <= rates[0].per, "{wait:?}");
                        now += wait;
                    }
                    Turn::Single | Turn::Digest => made.push(now),
                }
                for rate in &rates {
                    let recent = made.iter().filter(|at| now.duration_since(**at) < rate.per).count();
                    prop_assert!(recent <= rate.messages as usize, "{recent} in {:?}", rate.per);
                }
            }
        }
    }
}
