//! A day: what goes wrong in the world, when each alert of it reaches the engine, and how our calls to the clouds fare.
//!
//! Times are seconds of the day. Nothing here knows how outages are inferred: what happens is drawn from what is published of
//! outages (most take the provider's monitoring along, notices come after ten minutes and more), and how late it is seen from
//! what the providers say of their metrics (a minute's data two to five minutes after it).

use super::dice::Dice;
use super::places::{PLACES, Places, ROOMS, Thing};

/// What a day is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A region of a provider is out.
    RegionOut,
    /// One kind of a provider's services is out in a region.
    ServiceOut,
    /// A region answers badly.
    BrownOut,
    /// One zone is gone.
    ZoneLost,
    /// Nothing outside can be reached.
    UplinkLost,
    /// The uplink loses a part of what is sent.
    UplinkBad,
    /// Our own line to one region is cut; its interface is reached as ever.
    LineCut,
    /// The credentials of one cloud have expired.
    Expired,
    /// A release breaks services wherever they run.
    DeployStorm,
    /// A release breaks some services, one region after another.
    DeployWaves,
    /// Some hosts flap all day.
    NoisyHosts,
    /// Nothing but the usual.
    Quiet,
}

/// The days of each forty: eight with faults of our own network among them.
const CALENDAR: [(Kind, u64); 12] = [
    (Kind::RegionOut, 7),
    (Kind::ServiceOut, 3),
    (Kind::BrownOut, 8),
    (Kind::ZoneLost, 3),
    (Kind::UplinkLost, 3),
    (Kind::UplinkBad, 1),
    (Kind::LineCut, 3),
    (Kind::Expired, 1),
    (Kind::DeployStorm, 3),
    (Kind::DeployWaves, 2),
    (Kind::NoisyHosts, 2),
    (Kind::Quiet, 4),
];

/// What an alert belongs to in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// The day's fault.
    Fault,
    /// Another fault at the same time, elsewhere.
    Elsewhere,
    /// Another one in the same region, which began long before.
    Before,
    /// Another one in the same region, of a kind that no outage brings about.
    Unlike,
    /// Another one in the same region at the same time: nothing can tell it from the outage's.
    Alike,
    /// Something in our own rooms that needs what is out.
    Dependent,
    /// What is always there.
    Usual,
}

/// An alert of the day.
#[derive(Clone, Debug)]
pub struct Raised {
    /// About what; the number of a thing.
    pub thing: usize,
    /// Its name.
    pub name: &'static str,
    /// What kind of trouble, as alerts call it.
    pub class: &'static str,
    /// When the first bad datum was measured.
    pub starts: f64,
    /// When the engine has it.
    pub seen: f64,
    /// When the engine has its end.
    pub over: f64,
    /// Whose it is.
    pub truth: Truth,
}

/// How calls to a place fare in a stretch of the day.
#[derive(Clone, Debug)]
pub struct Calls {
    /// The place; every place outside when absent.
    pub place: Option<usize>,
    /// From when to when.
    pub span: (f64, f64),
    /// Share of the collections that go wrong.
    pub share: f64,
    /// `errors`, `throttled`, `late`, `unreachable`, `denied`.
    pub how: &'static str,
}

/// A provider's notice.
#[derive(Clone, Debug)]
pub struct Said {
    /// Of which place.
    pub place: usize,
    /// From when to when it stands.
    pub span: (f64, f64),
}

/// One day.
#[derive(Clone, Debug)]
pub struct Day {
    /// Its seed.
    pub seed: u64,
    /// What it is about.
    pub kind: Kind,
    /// Where it happens, and of which zone or type.
    pub place: usize,
    /// From when to when.
    pub span: (f64, f64),
    /// What it happens to.
    pub places: Places,
    /// Its alerts, in the order the engine has them.
    pub raised: Vec<Raised>,
    /// What is wrong with calls.
    pub calls: Vec<Calls>,
    /// What the provider says.
    pub said: Vec<Said>,
}

/// What a fault does to a thing: how it shows, how soon after the onset, and how long after it has ended.
struct Harm {
    name: &'static str,
    class: &'static str,
    after: f64,
    lasts: f64,
}

impl Day {
    /// Makes the day of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::of(&[seed, 2]);
        let kind = kind_of(seed);
        let begins = dice.between(6.0, 20.0) * 3600.0;
        let lasts = dice.between(20.0, 90.0) * 60.0;
        let places = Places::new(seed);
        let mut day = Self {
            seed,
            kind,
            place: dice.whole(0, ROOMS),
            span: (begins, begins + lasts),
            places,
            raised: Vec::new(),
            calls: Vec::new(),
            said: Vec::new(),
        };
        day.usual(&mut dice);
        match kind {
            Kind::RegionOut => day.region(&mut dice, (0.6, 0.97), 0.7),
            Kind::BrownOut => day.region(&mut dice, (0.3, 0.75), 0.15),
            Kind::ServiceOut => day.service(&mut dice),
            Kind::ZoneLost => day.zone(&mut dice),
            Kind::UplinkLost => day.uplink(&mut dice, 1.0),
            Kind::UplinkBad => day.uplink(&mut dice, 0.4),
            Kind::LineCut => day.line(&mut dice),
            Kind::Expired => day.expired(),
            Kind::DeployStorm => day.deploy(&mut dice, false),
            Kind::DeployWaves => day.deploy(&mut dice, true),
            Kind::NoisyHosts => day.noisy(&mut dice),
            Kind::Quiet => {}
        }
        if matches!(kind, Kind::RegionOut | Kind::ServiceOut | Kind::BrownOut | Kind::ZoneLost) {
            day.unrelated(&mut dice);
        }
        day.raised.sort_by(|a, b| a.seen.total_cmp(&b.seen).then(a.thing.cmp(&b.thing)));
        day
    }

    /// Whether it is the provider's fault.
    pub fn is_providers(&self) -> bool {
        matches!(self.kind, Kind::RegionOut | Kind::ServiceOut | Kind::BrownOut | Kind::ZoneLost)
    }

    /// Whether it is a fault of our own network.
    pub fn is_own_network(&self) -> bool {
        matches!(self.kind, Kind::UplinkLost | Kind::UplinkBad | Kind::LineCut | Kind::Expired)
    }

    fn things(&self, is_hit: impl Fn(&Thing) -> bool) -> Vec<Thing> {
        self.places.things.iter().filter(|thing| is_hit(thing)).cloned().collect()
    }

    /// A region out or browning out: much of what is there, the provider's own interface with it, and a notice much later.
    fn region(&mut self, dice: &mut Dice, breadth: (f64, f64), broken: f64) {
        let share = dice.between(breadth.0, breadth.1);
        for thing in self.things(|thing| thing.place == self.place) {
            if dice.is(share) {
                let harm = self.harm(&thing, broken, dice);
                self.raise(&thing, harm, Truth::Fault, dice);
            }
        }
        // What in our own rooms needs the region fails as well, on some days.
        let needing = if dice.is(0.3) { dice.between(0.03, 0.15) } else { 0.0 };
        for thing in self.things(|thing| thing.place >= ROOMS) {
            if dice.is(needing) {
                let harm = self.harm(&thing, 0.0, dice);
                self.raise(&thing, harm, Truth::Dependent, dice);
            }
        }
        let control_plane = dice.is(0.88);
        self.control_plane(dice, if control_plane { (0.25, 0.95) } else { (0.0, 0.05) });
        self.notice(dice, 0.75);
    }

    fn service(&mut self, dice: &mut Dice) {
        let kind = *dice.pick(&[1, 2, 3, 4]);
        let (share, dependents) = (dice.between(0.6, 0.95), dice.between(0.1, 0.45));
        for thing in self.things(|thing| thing.place == self.place) {
            let hit = if thing.kind == kind { share } else { dependents };
            if dice.is(hit) {
                let harm = self.harm(&thing, if thing.kind == kind { 0.6 } else { 0.1 }, dice);
                self.raise(&thing, harm, Truth::Fault, dice);
            }
        }
        let control_plane = dice.is(0.75);
        self.control_plane(dice, if control_plane { (0.2, 0.8) } else { (0.0, 0.05) });
        self.notice(dice, 0.7);
    }

    fn zone(&mut self, dice: &mut Dice) {
        let lost = dice.whole(0, 3);
        for thing in self.things(|thing| thing.place == self.place) {
            let hit = match thing.zone {
                Some(zone) if zone == lost => 0.92,
                Some(_) => 0.05,
                None => 0.35,
            };
            if dice.is(hit) {
                let harm = self.harm(&thing, if thing.zone == Some(lost) { 0.85 } else { 0.0 }, dice);
                self.raise(&thing, harm, Truth::Fault, dice);
            }
        }
        let control_plane = dice.is(0.5);
        self.control_plane(dice, if control_plane { (0.1, 0.4) } else { (0.0, 0.03) });
        self.notice(dice, 0.7);
    }

    fn control_plane(&mut self, dice: &mut Dice, share: (f64, f64)) {
        let how = *dice.pick(&["errors", "errors", "throttled", "late", "unreachable"]);
        let from = self.span.0 + dice.between(0.0, 120.0);
        let share = dice.between(share.0, share.1);
        self.calls.push(Calls { place: Some(self.place), span: (from, self.span.1), share, how });
    }

    fn notice(&mut self, dice: &mut Dice, probability: f64) {
        if dice.is(probability) {
            let from = self.span.0 + dice.between(8.0, 45.0) * 60.0;
            let to = self.span.1 + dice.between(10.0, 60.0) * 60.0;
            self.said.push(Said { place: self.place, span: (from, to) });
        }
    }

    /// Our own way out: nothing gets through, or some of it. What we scrape over it is gone for us, and what in our rooms
    /// needs a cloud fails.
    fn uplink(&mut self, dice: &mut Dice, share: f64) {
        let (from, to) = self.span;
        self.calls.push(Calls { place: None, span: (from, to), share, how: "unreachable" });
        let needing = dice.between(0.05, 0.3);
        for thing in self.places.things.clone() {
            let is_room = thing.place >= ROOMS;
            if is_room && dice.is(needing * share) {
                let harm = self.harm(&thing, 0.2, dice);
                self.raise(&thing, harm, Truth::Fault, dice);
            } else if !is_room && thing.is_probed && dice.is(0.9 * share) {
                let harm = Harm {
                    name: "HostDown",
                    class: "availability",
                    after: dice.between(0.0, 60.0),
                    lasts: to - from,
                };
                self.raise(&thing, harm, Truth::Fault, dice);
            } else if !is_room && share == 1.0 && to - from > 900.0 && dice.is(0.15) {
                // No data for longer than its policy waits.
                let harm = Harm {
                    name: "NoData",
                    class: "saturation",
                    after: dice.between(0.0, 60.0),
                    lasts: to - from,
                };
                let (starts, over) = (from + harm.after, to + dice.between(60.0, 300.0));
                let seen = starts + dice.between(600.0, 800.0);
                self.raised.push(Raised {
                    thing: thing.number,
                    name: harm.name,
                    class: harm.class,
                    starts,
                    seen,
                    over,
                    truth: Truth::Fault,
                });
            }
        }
    }

    /// Our line to one region: what we probe there, what there needs our rooms, what in our rooms needs it, and its gateway.
    fn line(&mut self, dice: &mut Dice) {
        let (from, to) = self.span;
        let (there, here) = (dice.between(0.15, 0.5), dice.between(0.1, 0.4));
        let has_gateway = dice.is(0.9);
        let mut gateway = has_gateway;
        for thing in self.places.things.clone() {
            if thing.place == self.place && thing.is_probed && dice.is(0.95) {
                let harm = Harm {
                    name: "HostDown",
                    class: "availability",
                    after: dice.between(0.0, 60.0),
                    lasts: to - from,
                };
                self.raise(&thing, harm, Truth::Fault, dice);
            } else if thing.place == self.place && dice.is(there) {
                let harm = self.harm(&thing, 0.1, dice);
                self.raise(&thing, harm, Truth::Fault, dice);
            } else if thing.place >= ROOMS && std::mem::take(&mut gateway) {
                let harm = Harm {
                    name: "TunnelDown",
                    class: "availability",
                    after: dice.between(5.0, 30.0),
                    lasts: to - from,
                };
                self.raise(&thing, harm, Truth::Fault, dice);
            } else if thing.place >= ROOMS && dice.is(here) {
                let harm = self.harm(&thing, 0.1, dice);
                self.raise(&thing, harm, Truth::Fault, dice);
            }
        }
    }

    fn expired(&mut self) {
        let provider = PLACES[self.place].0;
        for place in (0..ROOMS).filter(|place| PLACES[*place].0 == provider) {
            self.calls.push(Calls { place: Some(place), span: self.span, share: 1.0, how: "denied" });
        }
    }

    /// A release of one service or of what several are built on, everywhere within minutes, or region by region.
    fn deploy(&mut self, dice: &mut Dice, in_waves: bool) {
        let services: Vec<usize> = if in_waves || dice.is(0.5) {
            (0..dice.whole(3, 7)).map(|_| dice.whole(0, self.places.services)).collect()
        } else {
            vec![dice.whole(0, self.places.services)]
        };
        let (share, spread) = (dice.between(0.5, 0.95), dice.between(60.0, 300.0));
        let pause = dice.between(10.0, 25.0) * 60.0;
        let first = dice.whole(0, PLACES.len());
        for thing in self.places.things.clone() {
            if !services.contains(&thing.service) || !dice.is(share) {
                continue;
            }
            let wave = (thing.place + PLACES.len() - first) % PLACES.len();
            let mut harm = self.harm(&thing, 0.2, dice);
            harm.after += if in_waves { wave as f64 * pause } else { dice.between(0.0, spread) };
            if self.span.0 + harm.after < self.span.1 {
                self.raise(&thing, harm, Truth::Fault, dice);
            }
        }
    }

    fn noisy(&mut self, dice: &mut Dice) {
        for _ in 0..dice.whole(2, 6) {
            let thing = dice.pick(&self.places.things).clone();
            let mut at = dice.between(0.0, 1800.0);
            while at < 86_400.0 {
                let lasts = dice.between(120.0, 600.0);
                self.raise_at(&thing, ("HighCpu", "saturation"), (at, at + lasts), Truth::Usual, dice);
                at += lasts + dice.between(120.0, 1200.0);
            }
        }
    }

    /// What always goes wrong: single alerts, a service with trouble of its own, full disks, calls that fail for a minute.
    fn usual(&mut self, dice: &mut Dice) {
        let rate = dice.between(20.0, 120.0) / 86_400.0;
        let mut at = dice.wait(rate);
        while at < 86_400.0 {
            let thing = dice.pick(&self.places.things).clone();
            let lasts = dice.between(180.0, 5400.0);
            let what = if dice.is(0.15) { ("DiskFull", "capacity") } else { trouble(&thing, 0.2, dice) };
            self.raise_at(&thing, what, (at, at + lasts), Truth::Usual, dice);
            at += dice.wait(rate);
        }
        for _ in 0..dice.whole(1, 6) {
            let (service, at) = (dice.whole(0, self.places.services), dice.between(0.0, 84_000.0));
            let lasts = dice.between(600.0, 5400.0);
            let places: Vec<usize> = (0..PLACES.len()).filter(|_| dice.is(0.25)).collect();
            for thing in self.things(|thing| thing.service == service && places.contains(&thing.place)) {
                if dice.is(0.6) {
                    let (from, what) = (at + dice.between(0.0, 240.0), trouble(&thing, 0.3, dice));
                    self.raise_at(&thing, what, (from, at + lasts), Truth::Usual, dice);
                }
            }
        }
        for place in 0..ROOMS {
            let rate = dice.between(2.0, 12.0) / 86_400.0;
            let mut at = dice.wait(rate);
            while at < 86_400.0 {
                let how = *dice.pick(&["errors", "throttled", "unreachable", "late"]);
                let span = (at, at + dice.between(30.0, 240.0));
                self.calls.push(Calls { place: Some(place), span, share: dice.between(0.3, 1.0), how });
                at += dice.wait(rate);
            }
        }
    }

    /// Faults that have nothing to do with the outage, while it lasts.
    fn unrelated(&mut self, dice: &mut Dice) {
        let (from, to) = self.span;
        let during = |dice: &mut Dice| from + dice.between(0.1, 0.6) * (to - from);
        // A service somewhere else, three to eight alerts.
        let at = during(dice);
        let elsewhere = (self.place + dice.whole(1, PLACES.len())) % PLACES.len();
        let elsewhere = if PLACES[elsewhere].0 == PLACES[self.place].0 { ROOMS } else { elsewhere };
        let service = dice.whole(0, self.places.services);
        for thing in
            self.things(|thing| thing.place == elsewhere && thing.service == service).into_iter().take(8)
        {
            let (begin, what) = (at + dice.between(0.0, 120.0), trouble(&thing, 0.3, dice));
            self.raise_at(&thing, what, (begin, to + 1800.0), Truth::Elsewhere, dice);
        }
        let here = self.things(|thing| thing.place == self.place);
        let (before, unlike, alike) =
            (dice.pick(&here).clone(), dice.pick(&here).clone(), dice.pick(&here).clone());
        let long_before = from - dice.between(20.0, 120.0) * 60.0;
        let what = trouble(&before, 0.5, dice);
        self.raise_at(&before, what, (long_before, to + 1800.0), Truth::Before, dice);
        let at = during(dice);
        self.raise_at(&unlike, ("DiskFull", "capacity"), (at, to + 1800.0), Truth::Unlike, dice);
        let at = during(dice);
        self.raise_at(&alike, ("AppCrashLoop", "errors"), (at, to + 1800.0), Truth::Alike, dice);
    }

    /// What a fault does to a thing.
    fn harm(&self, thing: &Thing, broken: f64, dice: &mut Dice) -> Harm {
        let (name, class) = trouble(thing, broken, dice);
        let lasts = self.span.1 - self.span.0;
        // Most feel it at once; what is behind queues, caches and retries later.
        let after = if dice.is(0.75) { dice.between(0.0, 75.0) } else { dice.between(75.0, 420.0) };
        Harm { name, class, after, lasts: lasts + dice.between(0.0, 600.0) }
    }

    fn raise(&mut self, thing: &Thing, harm: Harm, truth: Truth, dice: &mut Dice) {
        let from = self.span.0 + harm.after;
        self.raise_at(thing, (harm.name, harm.class), (from, self.span.0 + harm.lasts), truth, dice);
    }

    /// An alert of this stretch: seen when its datum has come and its rule has waited.
    fn raise_at(
        &mut self,
        thing: &Thing,
        (name, class): (&'static str, &'static str),
        (from, to): (f64, f64),
        truth: Truth,
        dice: &mut Dice,
    ) {
        let grain = if thing.is_probed { 15.0 } else { 60.0 };
        let starts = ((from / grain).floor() + 1.0) * grain;
        let late = if thing.is_probed { dice.between(1.0, 20.0) } else { dice.between(120.0, 300.0) };
        let waits = *dice.pick(&[0.0, 0.0, 60.0, 60.0, 120.0, 300.0]);
        let waits = if thing.is_probed { waits / 2.0 } else { waits };
        let seen = starts + waits + late;
        let over = to + late + dice.between(0.0, 300.0);
        if over > seen {
            self.raised.push(Raised { thing: thing.number, name, class, starts, seen, over, truth });
        }
    }
}

/// What a thing shows: that it is broken, or slow, or busy.
fn trouble(thing: &Thing, broken: f64, dice: &mut Dice) -> (&'static str, &'static str) {
    let (_, down, slow, busy) = super::places::KINDS[thing.kind];
    if dice.is(broken) {
        (down, "availability")
    } else if dice.is(0.6) {
        (slow, "latency")
    } else {
        (busy, if thing.kind == 1 { "errors" } else { "saturation" })
    }
}

fn kind_of(seed: u64) -> Kind {
    let mut nth = seed % 40;
    for (kind, days) in CALENDAR {
        if nth < days {
            return kind;
        }
        nth -= days;
    }
    Kind::Quiet
}
