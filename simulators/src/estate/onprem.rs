//! The owner's two server rooms.

use super::Estate;
use super::build::{Builder, Chassis};
use super::place::{Identity, Place, ROOMS, SERVICES};
use super::signal::Millis;

/// Hosts in each room.
const HOSTS: usize = 16;
/// Hosts in each rack.
const RACK: usize = 8;
const DAY: Millis = 24 * 3_600_000;

pub(super) fn populate(builder: &Builder, estate: &mut Estate) {
    for room in ROOMS {
        for index in 0..HOSTS {
            let service = SERVICES[index % SERVICES.len()];
            let ordinal = index / SERVICES.len();
            let name = format!("{service}-{:02}.{room}.example.net", ordinal + 1);
            let tier = if service == "batch" { "batch" } else { "web" };
            let rack = format!("{room}-rack-{}", index / RACK + 1);
            let who = Identity {
                id: format!("onprem/{room}/host/{name}"),
                place: Place::Onprem { room, rack },
                service,
                ordinal,
                tags: vec![
                    ("env".to_owned(), "production".to_owned()),
                    ("owner".to_owned(), format!("team-{service}")),
                    ("service".to_owned(), service.to_owned()),
                    ("tier".to_owned(), tier.to_owned()),
                ],
                created: builder.origin - 400 * DAY,
                removed: Millis::MAX,
                name,
            };
            let (size, cpus, memory_gib) =
                builder.dice.pick(&[("rack-8", 8, 32.0), ("rack-16", 16, 64.0)], &who.id);
            let chassis = Chassis { size, cpus, memory_gib, detailed_monitoring: false, node_exporter: true };
            estate.machines.push(builder.machine(who, chassis));
        }
    }
}
