//! A wall clock that is put forward and back, and that changes between summer and winter time.

use super::*;

/// Muted from 02:30 to 03:30 in Berlin.
const NIGHT: &str = "
time_intervals: [{name: night, time_intervals: [{times: [{start_time: '02:30', end_time: '03:30'}], location: Europe/Berlin}]}]
route: {receiver: none, routes: [{receiver: r, mute_time_intervals: [night], group_by: [team], group_wait: 10s, group_interval: 1m, repeat_interval: 1h}]}
receivers: [{name: none}, {name: r, webhook_configs: [{url: 'http://h/'}]}]
";

const MINUTE: i64 = 60_000;

/// A night in which the clocks of Berlin change.
struct Night {
    /// 01:00 UTC, when they do.
    change: Timestamp,
    /// Minutes that they are ahead of UTC, before and after.
    ahead: [i64; 2],
}

/// 2026-03-29: at 02:00 it is 03:00. 2026-10-25: at 03:00 it is 02:00 once more.
static NIGHTS: [Night; 2] = [
    Night { change: Timestamp::from_millis(1_774_746_000_000), ahead: [60, 120] },
    Night { change: Timestamp::from_millis(1_792_890_000_000), ahead: [120, 60] },
];

impl Night {
    fn is_muted(&self, at: Timestamp) -> bool {
        let ahead = self.ahead[usize::from(at >= self.change)];
        let shown = at.millis().div_euclid(MINUTE) + ahead;
        (150..210).contains(&shown.rem_euclid(24 * 60))
    }
}

#[derive(Clone, Debug)]
enum Event {
    Fire(u8),
    End(u8),
    /// So many seconds pass.
    Wait(u16),
    /// The clock is put forward, or back, by so many minutes.
    Jump(i64),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let minutes = prop_oneof![Just(5), Just(-5), Just(60), Just(-60)];
    prop_oneof![
        4 => (0u8..5).prop_map(Event::Fire),
        2 => (0u8..5).prop_map(Event::End),
        6 => (1u16..1500).prop_map(Event::Wait),
        3 => minutes.prop_map(Event::Jump),
        1 => Just(Event::Restart),
    ]
}

/// Time that passes, and a clock that shows something else.
struct Clockwork {
    world: World,
    night: &'static Night,
    /// Milliseconds that have passed.
    passed: i64,
    /// What the clock is put forward by.
    ahead: i64,
    /// When the writer's timer rings, in time that passes: the clock is not asked meanwhile.
    rings: Option<i64>,
    /// Since when nothing happened, nothing was muted and nobody put the clock forward or back.
    calm_since: i64,
}

impl Clockwork {
    fn new(night: &'static Night, begin: i64) -> Self {
        let mut clockwork = Self {
            world: World::new(NIGHT),
            night,
            passed: begin * MINUTE,
            ahead: 0,
            rings: None,
            calm_since: begin * MINUTE,
        };
        clockwork.world.now = clockwork.shown();
        clockwork
    }

    fn shown(&self) -> Timestamp {
        Timestamp::from_millis(self.night.change.millis() + self.passed + self.ahead)
    }

    fn say(&mut self, i: u8, state: AlertState) {
        let now = self.shown();
        let is_open = self
            .world
            .state
            .known
            .alerts
            .get(labels(&identity(i)).fingerprint())
            .is_some_and(|a| a.state.is_open());
        if is_open != state.is_open() {
            self.world.ingest(now, &identity(i), state, Severity::Error);
            self.calm_since = self.passed;
            self.turn();
        }
    }

    /// The writer does what is due and sets its timer.
    fn turn(&mut self) {
        let now = self.shown();
        self.world.now = now;
        for notification in self.world.follow_up() {
            assert!(!self.night.is_muted(notification.at), "told at {} while it is muted", notification.at);
        }
        let due = self.world.state.next_due(now);
        self.rings = due.map(|due| self.passed + i64::try_from(due.since(now).as_millis()).unwrap());
    }

    fn wait(&mut self, milliseconds: i64) {
        let end = self.passed + milliseconds;
        let mut turns = 0;
        while let Some(rings) = self.rings.filter(|rings| *rings <= end) {
            self.pass(rings);
            self.turn();
            turns += 1;
            assert!(turns < 10_000, "the timer rings without end");
        }
        self.pass(end);
        self.check();
    }

    fn pass(&mut self, until: i64) {
        for passed in (self.passed..=until).step_by(1000) {
            if self.night.is_muted(Timestamp::from_millis(self.night.change.millis() + passed + self.ahead)) {
                self.calm_since = passed;
            }
        }
        self.passed = until;
    }

    /// What was open for longer than two looks take is known to be open, and nothing else.
    fn check(&self) {
        if self.passed - self.calm_since > 2 * MINUTE + 1000 {
            let alerts = self.world.state.known.alerts.iter();
            let open: BTreeSet<u64> =
                alerts.filter(|alert| alert.state.is_open()).map(Alert::fingerprint).collect();
            assert_eq!(self.world.known_open("webhook"), open, "at {}:\n{}", self.shown(), self.world.told);
        }
    }

    fn play(&mut self, events: &[Event]) {
        for event in events {
            match *event {
                Event::Fire(i) => self.say(i, AlertState::Firing),
                Event::End(i) => self.say(i, AlertState::Resolved),
                Event::Wait(seconds) => self.wait(i64::from(seconds) * 1000),
                Event::Jump(minutes) => {
                    self.ahead += minutes * MINUTE;
                    self.calm_since = self.passed;
                }
                Event::Restart => {
                    let now = self.shown();
                    self.world.restart(now);
                    self.calm_since = self.passed;
                    self.turn();
                }
            }
        }
    }
}

proptest! {
    /// However the clock goes: nobody is told while it is muted, everything that is open is told soon after it may be, and
    /// everything that is told is told under a key of its own.
    #[test]
    fn no_page_is_early_and_none_is_lost(
        night in 0usize..2,
        begin in -300i64..60,
        events in prop::collection::vec(event(), 1..40),
    ) {
        let mut clockwork = Clockwork::new(&NIGHTS[night], begin);
        clockwork.play(&events);
        // One of the two ends is not in the night.
        clockwork.wait(180 * MINUTE);
        clockwork.wait(90 * MINUTE);
        let deliveries = &clockwork.world.deliveries;
        let ids: BTreeSet<&str> = deliveries.iter().map(|delivery| &*delivery.id).collect();
        let keys: BTreeSet<&str> = deliveries.iter().map(|delivery| &*delivery.idempotency_key).collect();
        prop_assert_eq!((ids.len(), keys.len()), (deliveries.len(), deliveries.len()));
    }
}

#[test]
fn a_moment_that_comes_twice_has_two_keys() {
    let mut world = World::new(CONFIG);
    world.ingest(START, "alertname=A i=1", AlertState::Firing, Severity::Error);
    world.run_until(at("10s"));
    world.ingest(at("20s"), "alertname=A i=1", AlertState::Resolved, Severity::Error);
    world.run_until(at("2m"));
    // The clock is put back, and the same begins anew.
    world.ingest(START, "alertname=A i=1", AlertState::Firing, Severity::Error);
    world.run_until(at("10s"));
    let keys: Vec<&str> = world.deliveries.iter().map(|delivery| &*delivery.idempotency_key).collect();
    assert_eq!(keys.len(), 3, "{}", world.told);
    assert_ne!(keys[0], keys[2]);
    assert_eq!(world.known_open("webhook").len(), 1);
}
