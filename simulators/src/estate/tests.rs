use std::collections::BTreeSet;

use super::*;

const ORIGIN: Millis = 1_795_000_000_000;

#[test]
fn the_estate_has_the_size_it_promises() {
    let estate = Estate::new(1, ORIGIN, Scenario::QuietDay);
    let of = |cloud| estate.machines().iter().filter(move |m| m.identity.place.cloud() == cloud).count();
    assert_eq!((of(Cloud::Aws), of(Cloud::Azure), of(Cloud::Onprem)), (93, 60, 32));
    assert_eq!(estate.machines().iter().filter(|machine| machine.node_exporter).count(), 40);
    let rest = [
        estate.databases().len(),
        estate.load_balancers().len(),
        estate.queues().len(),
        estate.functions().len(),
        estate.caches().len(),
        estate.object_stores().len(),
        estate.nat_gateways().len(),
    ];
    assert_eq!(rest, [14, 8, 9, 12, 8, 10, 4]);
    let ids: BTreeSet<&str> = estate.identities().map(|who| who.id.as_str()).collect();
    assert_eq!(ids.len(), estate.identities().count(), "every id is unique");
}

#[test]
fn more_machines_are_in_every_region_of_the_clouds_and_leave_the_others_as_they_are() {
    let plain = Estate::new(1, ORIGIN, Scenario::QuietDay);
    let large = Estate::new(1, ORIGIN, Scenario::QuietDay).with_more_machines(10);
    let machines = |estate: &Estate, region: &str| {
        estate.machines().iter().filter(|machine| machine.identity.place.region() == region).count()
    };
    for region in AWS_REGIONS.into_iter().chain(AZURE_REGIONS) {
        assert_eq!(machines(&large, region), machines(&plain, region) + 5, "{region}");
    }
    let ids: BTreeSet<&str> = large.identities().map(|who| who.id.as_str()).collect();
    assert_eq!(ids.len(), large.identities().count(), "every id is unique");
    let busy = |estate: &Estate| estate.machines()[0].cpu_busy.mean(ORIGIN - 60_000, ORIGIN);
    assert_eq!(busy(&plain), busy(&large));
}

#[test]
fn the_same_seed_gives_the_same_estate_and_another_another() {
    let fingerprint = |seed| {
        let estate = Estate::new(seed, ORIGIN, Scenario::FirstLight);
        let values = estate.machines().iter().map(|machine| {
            format!("{} {} {}", machine.identity.id, machine.size, machine.cpu_busy.at(ORIGIN + 123_456))
        });
        values.collect::<Vec<_>>()
    };
    assert_eq!(fingerprint(1), fingerprint(1));
    assert_ne!(fingerprint(1), fingerprint(2));
}

#[test]
fn shares_stay_shares_and_nothing_is_negative_in_every_scenario() {
    for (_, scenario, _) in crate::scenario::SCENARIOS {
        let estate = Estate::new(3, ORIGIN, scenario);
        for machine in estate.machines() {
            for step in -96..16 {
                let from = ORIGIN + step * 900_000;
                let busy = machine.cpu_busy.mean(from, from + 60_000);
                assert!((0.0..=1.0).contains(&busy), "{scenario} {} {busy}", machine.identity.id);
                assert!(machine.memory_used.at(from) <= machine.memory_total, "{}", machine.identity.id);
                assert!(
                    machine.filesystem_used.at(from) <= machine.filesystem_total,
                    "{}",
                    machine.identity.id
                );
                assert!(machine.network_in.count(from, from + 60_000) >= 0.0);
            }
        }
        for balancer in estate.load_balancers() {
            for step in -16..16 {
                let from = ORIGIN + step * 900_000;
                let requests = balancer.requests.count(from, from + 60_000);
                let bad = balancer.errors_4xx.count(from, from + 60_000)
                    + balancer.errors_5xx.count(from, from + 60_000);
                assert!(bad <= requests, "{scenario} {}: {bad} of {requests}", balancer.identity.id);
            }
        }
    }
}

#[test]
fn at_first_light_six_hosts_of_checkout_are_hot_in_three_clouds() {
    let estate = Estate::new(1, ORIGIN, Scenario::FirstLight);
    let hot: Vec<_> =
        estate.machines().iter().filter(|m| m.cpu_busy.mean(ORIGIN - 540_000, ORIGIN) > 0.95).collect();
    assert!(hot.iter().all(|machine| machine.identity.service == "checkout"));
    let regions: BTreeSet<&str> = hot.iter().map(|machine| machine.identity.place.region()).collect();
    assert_eq!(regions.len(), 6, "one in each region and room: {regions:?}");
    assert!(hot.iter().all(|machine| machine.cpu_busy.mean(ORIGIN, ORIGIN + 3_600_000) > 0.95));
    assert!(hot.iter().all(|machine| machine.cpu_busy.mean(ORIGIN - 1_200_000, ORIGIN - 660_000) < 0.7));
}

#[test]
fn a_volume_and_its_machine_tell_of_the_same_bytes() {
    let estate = Estate::new(1, ORIGIN, Scenario::BrownOut);
    let volume = &estate.volumes()[0];
    let machine = estate.machines().iter().find(|machine| machine.identity.id == volume.machine).unwrap();
    let (from, to) = (ORIGIN - 300_000, ORIGIN);
    assert_eq!(volume.read.count(from, to), machine.disk_read.count(from, to));
}
