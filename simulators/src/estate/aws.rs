//! The part of the estate at AWS.

use super::Estate;
use super::build::{Builder, Chassis};
use super::place::{AWS_ACCOUNT, AWS_REGIONS, Identity, Place, SERVICES};
use super::resources::Layer;
use super::signal::Millis;

/// Instances of each region, busiest first.
const INSTANCES: [usize; 2] = [50, 40];
const ZONES: [&str; 3] = ["a", "b", "c"];
/// Services whose instances pay for detailed monitoring.
const DETAILED: [&str; 2] = ["checkout", "payments"];
const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/// One resource to be named: its kind in keys, its place in the region, and the last part of its ARN.
struct New<'a> {
    kind: &'a str,
    region: &'static str,
    zone: Option<&'a str>,
    service: &'static str,
    ordinal: usize,
    name: String,
    native_id: String,
    arn: String,
}

fn identity(builder: &Builder, new: New<'_>) -> Identity {
    let tier = match new.kind {
        "ec2" if new.service == "batch" => "batch",
        "ec2" => "web",
        "rds" | "cache" | "s3" | "volume" => "data",
        _ => "edge",
    };
    let mut tags = vec![
        ("Name".to_owned(), new.name.clone()),
        ("env".to_owned(), "production".to_owned()),
        ("owner".to_owned(), format!("team-{}", new.service)),
        ("service".to_owned(), new.service.to_owned()),
        ("tier".to_owned(), tier.to_owned()),
    ];
    tags.sort();
    Identity {
        id: format!("aws/{}/{}/{}", new.region, new.kind, new.native_id),
        name: new.name,
        place: Place::Aws {
            region: new.region,
            zone: new.zone.map(|zone| format!("{}{zone}", new.region)),
            native_id: new.native_id,
            arn: new.arn,
        },
        service: new.service,
        ordinal: new.ordinal,
        tags,
        created: builder.origin - 60 * DAY,
        removed: Millis::MAX,
    }
}

fn arn(service: &str, region: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{region}:{AWS_ACCOUNT}:{rest}")
}

pub(super) fn populate(builder: &Builder, estate: &mut Estate) {
    for (region, count) in AWS_REGIONS.into_iter().zip(INSTANCES) {
        for index in 0..count {
            instance(builder, estate, region, SERVICES[index % SERVICES.len()], index / SERVICES.len());
        }
        databases(builder, estate, region);
        edge(builder, estate, region);
        queues_and_functions(builder, estate, region);
        storage(builder, estate, region);
    }
    some_come_and_go(builder, estate);
}

fn instance(
    builder: &Builder,
    estate: &mut Estate,
    region: &'static str,
    service: &'static str,
    ordinal: usize,
) {
    let zone = ZONES[ordinal % ZONES.len()];
    let name = format!("{service}-{}-{:02}", if service == "batch" { "worker" } else { "web" }, ordinal + 1);
    let native_id = format!("i-0{}", builder.dice.hex(16, &format!("instance {region} {name}")));
    let volume_id = format!("vol-0{}", builder.dice.hex(16, &format!("volume {region} {name}")));
    let new = |kind, name: &str, native_id: &str, arn| New {
        kind,
        region,
        zone: Some(zone),
        service,
        ordinal,
        name: name.to_owned(),
        native_id: native_id.to_owned(),
        arn,
    };
    let of_machine = arn("ec2", region, &format!("instance/{native_id}"));
    let who = identity(builder, new("ec2", &name, &native_id, of_machine));
    let (size, cpus, memory_gib) =
        builder.dice.pick(&[("m5.large", 2, 8.0), ("m5.xlarge", 4, 16.0), ("c5.xlarge", 4, 8.0)], &who.id);
    let chassis = Chassis {
        size,
        cpus,
        memory_gib,
        detailed_monitoring: DETAILED.contains(&service),
        node_exporter: matches!((service, ordinal), ("checkout", 1) | ("search", 0)),
    };
    let machine = builder.machine(who, chassis);
    let of_volume = arn("ec2", region, &format!("volume/{volume_id}"));
    let volume = identity(builder, new("volume", &format!("{name}-data"), &volume_id, of_volume));
    estate.volumes.push(builder.volume(volume, &machine));
    estate.machines.push(machine);
}

/// The first ordinal of machines that are there only to be many.
const MANY: usize = 1_000;

/// A machine more, in the one region and the other by turns.
pub(super) fn one_more(builder: &Builder, estate: &mut Estate, index: usize) {
    instance(builder, estate, AWS_REGIONS[index % 2], "payments", MANY + index);
}

/// Two workers that were removed five hours before the origin, and one that began ten minutes before it and that nobody
/// tagged.
fn some_come_and_go(builder: &Builder, estate: &mut Estate) {
    let first = estate.machines.len();
    for (region, ordinal) in [("us-east-1", 90), ("us-east-1", 91), ("eu-west-1", 92)] {
        instance(builder, estate, region, "batch", ordinal);
    }
    for (index, machine) in estate.machines.iter_mut().enumerate().skip(first) {
        if index < first + 2 {
            machine.identity.removed = builder.origin - 5 * HOUR;
        } else {
            machine.identity.created = builder.origin - 10 * 60_000;
            machine.boot = machine.identity.created;
            machine.identity.tags.clear();
        }
        let volume = estate.volumes.iter_mut().find(|volume| volume.machine == machine.identity.id);
        let volume = volume.expect("every instance has a volume");
        volume.identity.created = machine.identity.created;
        volume.identity.removed = machine.identity.removed;
    }
}

fn databases(builder: &Builder, estate: &mut Estate, region: &'static str) {
    let plan = [("payments", false), ("payments", true), ("catalogue", false), ("identity", false)];
    for (ordinal, (service, replica)) in plan.into_iter().enumerate() {
        let name = format!("{service}-{}", if replica { "replica" } else { "primary" });
        let engine = if service == "catalogue" { "mysql" } else { "postgres" };
        let new = New {
            kind: "rds",
            region,
            zone: Some(ZONES[ordinal % ZONES.len()]),
            service,
            ordinal,
            native_id: name.clone(),
            arn: arn("rds", region, &format!("db:{name}")),
            name,
        };
        let who = identity(builder, new);
        estate.databases.push(builder.database(who, engine, "db.r5.xlarge", replica));
    }
    for (ordinal, service) in ["catalogue", "checkout"].into_iter().enumerate() {
        let name = format!("{service}-cache-001");
        let new = New {
            kind: "cache",
            region,
            zone: Some(ZONES[ordinal]),
            service,
            ordinal,
            native_id: name.clone(),
            arn: arn("elasticache", region, &format!("cluster:{name}")),
            name,
        };
        let who = identity(builder, new);
        estate.caches.push(builder.cache(who, "cache.m5.large"));
    }
}

fn edge(builder: &Builder, estate: &mut Estate, region: &'static str) {
    for (ordinal, service) in ["checkout", "search"].into_iter().enumerate() {
        let name = format!("{service}-alb");
        let suffix = builder.dice.hex(16, &format!("alb {region} {name}"));
        let native_id = format!("app/{name}/{suffix}");
        let pool =
            format!("targetgroup/{service}-web/{}", builder.dice.hex(16, &format!("pool {region} {name}")));
        let new = New {
            kind: "alb",
            region,
            zone: None,
            service,
            ordinal,
            arn: arn("elasticloadbalancing", region, &format!("loadbalancer/{native_id}")),
            name,
            native_id,
        };
        let mine = |machine: &&super::Machine| {
            machine.identity.service == service && machine.identity.place.region() == region
        };
        let hosts = estate.machines.iter().filter(mine).count();
        let who = identity(builder, new);
        estate.load_balancers.push(builder.load_balancer(who, Layer::Application, pool, hosts));
    }
    for (ordinal, zone) in ZONES.into_iter().take(2).enumerate() {
        let native_id = format!("nat-0{}", builder.dice.hex(16, &format!("nat {region} {zone}")));
        let new = New {
            kind: "nat",
            region,
            zone: Some(zone),
            service: "platform",
            ordinal,
            name: format!("egress-{zone}"),
            arn: arn("ec2", region, &format!("natgateway/{native_id}")),
            native_id,
        };
        let who = identity(builder, new);
        estate.nat_gateways.push(builder.nat_gateway(who));
    }
}

fn queues_and_functions(builder: &Builder, estate: &mut Estate, region: &'static str) {
    for (ordinal, service) in ["checkout", "payments", "batch"].into_iter().enumerate() {
        let name = format!("{service}-jobs");
        let new = New {
            kind: "sqs",
            region,
            zone: None,
            service,
            ordinal,
            native_id: name.clone(),
            arn: arn("sqs", region, &name),
            name,
        };
        let who = identity(builder, new);
        estate.queues.push(builder.queue(who));
    }
    for (ordinal, service) in ["checkout", "payments", "catalogue", "batch"].into_iter().enumerate() {
        let name = format!("{service}-events");
        let new = New {
            kind: "lambda",
            region,
            zone: None,
            service,
            ordinal,
            native_id: name.clone(),
            arn: arn("lambda", region, &format!("function:{name}")),
            name,
        };
        let who = identity(builder, new);
        estate.functions.push(builder.function(who));
    }
}

fn storage(builder: &Builder, estate: &mut Estate, region: &'static str) {
    for (ordinal, service) in ["catalogue", "batch"].into_iter().enumerate() {
        let name = format!("isobar-demo-{service}-{region}");
        let new = New {
            kind: "s3",
            region,
            zone: None,
            service,
            ordinal,
            native_id: name.clone(),
            // The ARN of a bucket names neither region nor account.
            arn: format!("arn:aws:s3:::{name}"),
            name,
        };
        let who = identity(builder, new);
        estate.object_stores.push(builder.object_store(who));
    }
}
