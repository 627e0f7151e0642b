//! What a day happens to: services in regions of three clouds and in two rooms, and how each is watched.

use super::dice::Dice;

/// Provider, region, and what of it is there.
pub const PLACES: [(&str, &str); 8] = [
    ("aws", "us-east-1"),
    ("aws", "eu-west-1"),
    ("aws", "ap-southeast-1"),
    ("azure", "westeurope"),
    ("azure", "eastus"),
    ("alibaba_cloud", "cn-hangzhou"),
    ("onprem", "room-a"),
    ("onprem", "room-b"),
];

/// The first of the places that are rooms.
pub const ROOMS: usize = 6;

/// The resource types, each with the alerts it raises when it breaks, is slow, or is busy.
pub const KINDS: [(&str, &str, &str, &str); 6] = [
    ("compute.instance", "HostDown", "AppSlow", "HighCpu"),
    ("lb.application", "BackendsDown", "SlowAnswers", "BalancerErrors"),
    ("db.relational", "DatabaseDown", "SlowQueries", "ConnectionsFull"),
    ("queue", "QueueErrors", "QueueStuck", "QueueStuck"),
    ("function", "FunctionErrors", "FunctionSlow", "FunctionThrottled"),
    ("cache.redis", "CacheDown", "CacheSlow", "CacheFull"),
];

/// One thing that is watched.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Its number.
    pub number: usize,
    /// Its place among [`PLACES`].
    pub place: usize,
    /// Its zone, 0 to 2; balancers, queues and functions are in none.
    pub zone: Option<usize>,
    /// Its type among [`KINDS`].
    pub kind: usize,
    /// Its service.
    pub service: usize,
    /// Whether anybody said whose it is.
    pub is_tagged: bool,
    /// Whether an agent or probe of ours watches it over our own network, and not only the provider's metrics.
    pub is_probed: bool,
}

/// Everything that is watched.
#[derive(Clone, Debug)]
pub struct Places {
    /// In a stable order.
    pub things: Vec<Thing>,
    /// How many services there are.
    pub services: usize,
}

impl Places {
    /// Builds the estate of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::of(&[seed, 1]);
        let services = dice.whole(7, 25);
        let (untagged, probed) = (dice.between(0.0, 0.25), dice.between(0.15, 0.5));
        let mut things = Vec::new();
        for service in 0..services {
            for place in 0..PLACES.len() {
                // The first two regions and the rooms have most; nothing runs everywhere by rule.
                let share = [0.9, 0.7, 0.45, 0.6, 0.45, 0.4, 0.6, 0.4][place];
                // Something is everywhere, though it be one service.
                let is_last = service + 1 == services;
                let is_bare = is_last && !things.iter().any(|thing: &Thing| thing.place == place);
                if !dice.is(share) && !is_bare {
                    continue;
                }
                let is_room = place >= ROOMS;
                let machines = dice.whole(2, 7);
                let mut kinds = vec![0; machines];
                kinds.extend((1..KINDS.len()).filter(|_| dice.is(if is_room { 0.3 } else { 0.6 })));
                for (nth, kind) in kinds.into_iter().enumerate() {
                    things.push(Thing {
                        number: things.len(),
                        place,
                        zone: matches!(kind, 0 | 2 | 5).then_some(nth % 3),
                        kind,
                        service,
                        is_tagged: !dice.is(untagged),
                        is_probed: is_room || (kind < 2 && dice.is(probed)),
                    });
                }
            }
        }
        Self { things, services }
    }
}
