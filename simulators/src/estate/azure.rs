//! The part of the estate at Azure.

use super::Estate;
use super::build::{Builder, Chassis};
use super::place::{AZURE_REGIONS, AZURE_SUBSCRIPTION, Identity, Place, SERVICES};
use super::resources::Layer;
use super::signal::Millis;

/// Virtual machines of each region, busiest first.
const MACHINES: [usize; 2] = [35, 25];
const DAY: Millis = 24 * 3_600_000;

/// One resource to be named; `path` is what follows `/providers/` in its ARM id.
struct New<'a> {
    kind: &'a str,
    region: &'static str,
    zone: Option<String>,
    service: &'static str,
    ordinal: usize,
    name: String,
    path: String,
}

fn identity(builder: &Builder, new: New<'_>) -> Identity {
    let resource_group = format!("rg-{}-{}", new.service, new.region);
    let arm_id =
        format!("/subscriptions/{AZURE_SUBSCRIPTION}/resourceGroups/{resource_group}/providers/{}", new.path);
    let tier = match new.kind {
        "vm" if new.service == "batch" => "batch",
        "vm" => "web",
        "sql" | "redis" | "storage" => "data",
        _ => "edge",
    };
    Identity {
        id: format!("azure/{}/{}/{}", new.region, new.kind, new.name),
        place: Place::Azure { region: new.region, zone: new.zone, resource_group, arm_id },
        service: new.service,
        ordinal: new.ordinal,
        tags: vec![
            ("env".to_owned(), "production".to_owned()),
            ("owner".to_owned(), format!("team-{}", new.service)),
            ("service".to_owned(), new.service.to_owned()),
            ("tier".to_owned(), tier.to_owned()),
        ],
        created: builder.origin - 60 * DAY,
        removed: Millis::MAX,
        name: new.name,
    }
}

fn short(region: &str) -> &'static str {
    if region == "eastus" { "eus" } else { "weu" }
}

pub(super) fn populate(builder: &Builder, estate: &mut Estate) {
    for (region, count) in AZURE_REGIONS.into_iter().zip(MACHINES) {
        for index in 0..count {
            machine(builder, estate, region, SERVICES[index % SERVICES.len()], index / SERVICES.len());
        }
        data(builder, estate, region);
        edge(builder, estate, region);
    }
    // The third namespace has no partner in the other region.
    service_bus(builder, estate, "eastus", "batch", 2);
}

/// The first ordinal of machines that are there only to be many.
const MANY: usize = 1_000;

/// A machine more, in the one region and the other by turns.
pub(super) fn one_more(builder: &Builder, estate: &mut Estate, index: usize) {
    machine(builder, estate, AZURE_REGIONS[index % 2], "payments", MANY + index);
}

fn machine(
    builder: &Builder,
    estate: &mut Estate,
    region: &'static str,
    service: &'static str,
    ordinal: usize,
) {
    let name = format!("vm-{service}-{}-{:02}", short(region), ordinal + 1);
    let path = format!("Microsoft.Compute/virtualMachines/{name}");
    let zone = Some((ordinal % 3 + 1).to_string());
    let who = identity(builder, New { kind: "vm", region, zone, service, ordinal, name, path });
    let (size, cpus, memory_gib) = builder.dice.pick(
        &[("Standard_D2s_v5", 2, 8.0), ("Standard_D4s_v5", 4, 16.0), ("Standard_F4s_v2", 4, 8.0)],
        &who.id,
    );
    let node_exporter = matches!((service, ordinal), ("checkout", 1) | ("search", 0));
    // Azure's host metrics of virtual machines come every minute at no price.
    let chassis = Chassis { size, cpus, memory_gib, detailed_monitoring: true, node_exporter };
    estate.machines.push(builder.machine(who, chassis));
}

fn data(builder: &Builder, estate: &mut Estate, region: &'static str) {
    for (ordinal, service) in ["payments", "catalogue", "identity"].into_iter().enumerate() {
        let name = service.to_owned();
        let path = format!("Microsoft.Sql/servers/sql-{service}-{}/databases/{service}", short(region));
        let who = identity(builder, New { kind: "sql", region, zone: None, service, ordinal, name, path });
        estate.databases.push(builder.database(who, "mssql", "GP_Gen5_4", false));
    }
    for (ordinal, service) in ["catalogue", "checkout"].into_iter().enumerate() {
        let name = format!("redis-{service}-{}", short(region));
        let path = format!("Microsoft.Cache/Redis/{name}");
        let who = identity(builder, New { kind: "redis", region, zone: None, service, ordinal, name, path });
        estate.caches.push(builder.cache(who, "Standard_C3"));
    }
    for (ordinal, service) in ["catalogue", "batch", "platform"].into_iter().enumerate() {
        let name = format!("st{service}{}", short(region));
        let path = format!("Microsoft.Storage/storageAccounts/{name}");
        let who =
            identity(builder, New { kind: "storage", region, zone: None, service, ordinal, name, path });
        estate.object_stores.push(builder.object_store(who));
    }
}

fn edge(builder: &Builder, estate: &mut Estate, region: &'static str) {
    let plan = [("checkout", Layer::Application), ("search", Layer::Network)];
    for (ordinal, (service, layer)) in plan.into_iter().enumerate() {
        let (kind, name, path) = match layer {
            Layer::Application => {
                ("gateway", format!("agw-{service}-{}", short(region)), "applicationGateways")
            }
            Layer::Network => ("lb", format!("lb-{service}-{}", short(region)), "loadBalancers"),
        };
        let path = format!("Microsoft.Network/{path}/{name}");
        let pool = format!("{service}-pool~{service}-settings");
        let mine = |machine: &&super::Machine| {
            machine.identity.service == service && machine.identity.place.region() == region
        };
        let hosts = estate.machines.iter().filter(mine).count();
        let who = identity(builder, New { kind, region, zone: None, service, ordinal, name, path });
        estate.load_balancers.push(builder.load_balancer(who, layer, pool, hosts));
    }
    service_bus(builder, estate, region, "checkout", 0);
    for (ordinal, service) in ["checkout", "payments"].into_iter().enumerate() {
        let name = format!("func-{service}-{}", short(region));
        let path = format!("Microsoft.Web/sites/{name}");
        let who =
            identity(builder, New { kind: "function", region, zone: None, service, ordinal, name, path });
        estate.functions.push(builder.function(who));
    }
}

fn service_bus(
    builder: &Builder,
    estate: &mut Estate,
    region: &'static str,
    service: &'static str,
    ordinal: usize,
) {
    let name = format!("sb-{service}-{}", short(region));
    let path = format!("Microsoft.ServiceBus/namespaces/{name}");
    let who = identity(builder, New { kind: "servicebus", region, zone: None, service, ordinal, name, path });
    estate.queues.push(builder.queue(who));
}
