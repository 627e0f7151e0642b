//! What is collected when all is well.

use std::collections::HashMap;

use isobar_egress::{ClientOptions, Request, Trust};
use isobar_normalizer::{
    Canonicaliser, Labels, Mappings, NativeState, Provider, Sample, SampleRun, Severity,
};
use isobar_simulators::{Cloud, Machine};

use super::*;
use crate::exposition::{Format, SeriesCache};

fn instance(machine: &Machine) -> ResourceId {
    let place = &machine.identity.place;
    let native = place.native_id().unwrap();
    ResourceId::new(Provider::Aws, AWS_ACCOUNT, place.region(), "compute.instance", native).unwrap()
}

fn instances<'a>(world: &'a World, region: &'a str) -> impl Iterator<Item = &'a Machine> {
    let now = world.now().millis();
    world.aws.estate.machines().iter().filter(move |machine| {
        machine.identity.place.cloud() == Cloud::Aws
            && machine.identity.place.region() == region
            && machine.identity.exists(now)
            && machine.outages.up(now)
    })
}

#[tokio::test]
async fn parts_are_named_by_account_and_region() {
    let world = World::new("quiet-day", "inventory: {enabled: false}").await;
    let parts = world.collector.parts().await.unwrap();
    let shown: Vec<(String, Option<u64>)> =
        parts.iter().map(|part| (part.key.to_string(), part.interval.map(|it| it.as_secs()))).collect();
    let expected = [
        ("us-east-1", None),
        ("us-east-1/alarms", Some(60)),
        ("eu-west-1", None),
        ("eu-west-1/alarms", Some(60)),
    ];
    assert_eq!(shown, expected.map(|(name, interval)| (key(name).to_string(), interval)));
    assert_eq!(world.asked("GetCallerIdentity"), 1, "asked once");
}

#[tokio::test]
async fn values_are_what_the_machines_do() {
    let world = World::new("quiet-day", "namespaces: [AWS/EC2]").await;
    let collected = world.collect("us-east-1").await;
    assert_eq!(collected.failures, Vec::<String>::new());
    let aligned = world.align(&collected);
    let end = this_minute_end(&world, MINUTE * 2);
    let basic = floor(end.minus(MINUTE * 5), 300_000);
    let (mut detailed, mut basics) = (0, 0);
    for machine in instances(&world, "us-east-1") {
        let id = instance(machine);
        let (at, period) = if machine.detailed_monitoring { (end, 60_000) } else { (basic, 300_000) };
        let (from, to) = (at.millis() - period, at.millis());
        if !machine.identity.existed(from, from + 1) || !machine.outages.up_throughout(from, to) {
            continue;
        }
        let found = value(&aligned, "system.cpu.utilization", &id, at);
        let found = found.unwrap_or_else(|| panic!("{id} has no value at {at}"));
        assert!((found - machine.cpu_busy.mean(from, to)).abs() < 1e-9, "{id}: {found}");
        // A sum over five minutes is five minutes' worth, whatever it was asked for as.
        let received = aligned.runs.iter().flat_map(|run| &run.samples).find(|sample| {
            sample.at == at
                && sample.labels.name() == Some("system.network.io.rate")
                && sample.labels.get("resource_id") == Some(id.as_str())
                && sample.labels.get("network_io_direction") == Some("receive")
        });
        let received = received.unwrap().value;
        let expected = machine.network_in.count(from, to) * 1000.0 / period as f64;
        assert!((received - expected).abs() < 1e-9 * expected, "{id}: {received} and {expected}");
        *if machine.detailed_monitoring { &mut detailed } else { &mut basics } += 1;
    }
    assert!(detailed > 5 && basics > 5, "{detailed} detailed, {basics} basic");
    let since = collected.complete_since.unwrap();
    assert!(world.now().since(since) >= MINUTE * 180, "the past was read too");
}

fn floor(at: Timestamp, period_ms: i64) -> Timestamp {
    Timestamp::from_millis(at.millis().div_euclid(period_ms) * period_ms)
}

/// The end of the newest minute that is published so late.
fn this_minute_end(world: &World, delay: Duration) -> Timestamp {
    floor(world.now().minus(delay), 60_000)
}

#[tokio::test]
async fn one_machine_is_the_same_from_inside_and_from_outside() {
    let world = World::new("quiet-day", "namespaces: [AWS/EC2]").await;
    let running = world.aws.estate.machines().iter().filter(|machine| machine.node_exporter);
    let pages: HashMap<String, url::Url> = running
        .zip(&world.aws.prometheus_targets)
        .map(|(machine, url)| (machine.identity.id.clone(), url.clone()))
        .collect();
    let seen_twice: Vec<Machine> = instances(&world, "us-east-1")
        .filter(|machine| machine.detailed_monitoring && pages.contains_key(&machine.identity.id))
        .cloned()
        .collect();
    assert!(!seen_twice.is_empty(), "some instance runs node_exporter and is measured every minute");
    // The page shows counters, so that it is read at both ends of a minute.
    let start = floor(world.now(), 60_000).plus(MINUTE);
    let mut inside = Canonicaliser::new(Arc::new(Mappings::builtin()));
    let mut from_inside = HashMap::new();
    for at in [start, start.plus(MINUTE)] {
        world.clock.store(at.millis(), Ordering::Relaxed);
        for machine in &seen_twice {
            let run = scrape(&pages[&machine.identity.id], &machine.identity.id, at).await;
            for sample in inside.apply(&run).runs.into_iter().flat_map(|run| run.samples) {
                let is_whole = sample.labels.get("cpu_mode").is_none();
                if sample.at == start.plus(MINUTE)
                    && sample.labels.name() == Some("system.cpu.utilization")
                    && is_whole
                {
                    from_inside.insert(machine.identity.id.clone(), sample.value);
                }
            }
        }
    }
    world.pass(MINUTE * 3);
    let aligned = world.align(&world.collect("us-east-1").await);
    for machine in &seen_twice {
        let guest = from_inside[&machine.identity.id];
        let host = value(&aligned, "system.cpu.utilization", &instance(machine), start.plus(MINUTE));
        let host = host.unwrap_or_else(|| panic!("{} has no value", machine.identity.name));
        assert!((host - guest).abs() <= 1e-9 * guest.abs(), "{}: {host} and {guest}", machine.identity.name);
    }
}

/// A page as a run of samples at that time.
async fn scrape(url: &url::Url, instance: &str, at: Timestamp) -> SampleRun {
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let client = egress.client(ClientOptions::new(Trust::Operator)).unwrap();
    let request = Request {
        method: http::Method::GET,
        url: url.clone(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        timeout: MINUTE,
        response_max: 16 << 20,
    };
    let page = client.send(request).await.unwrap();
    assert_eq!(page.status, 200);
    let read = crate::exposition::read(&page.body, Format::Text, &mut SeriesCache::default()).unwrap();
    let labelled = |labels: &Labels| {
        let mut labels = labels.clone().edit();
        labels.set("instance", instance);
        labels.set("job", "node");
        labels.build()
    };
    let samples = read
        .iter()
        .map(|sample| Sample { labels: labelled(&sample.labels), at, value: sample.value })
        .collect();
    SampleRun { source: "node".into(), period: MINUTE, delay: Duration::ZERO, samples }
}

#[tokio::test]
async fn the_collector_bills_what_aws_bills() {
    let world = World::new("quiet-day", "").await;
    let mut billed = HashMap::new();
    for round in 0..6 {
        for name in ["us-east-1", "eu-west-1", "us-east-1/alarms", "us-east-1/inventory"] {
            let collected = world.collect(name).await;
            assert_eq!(collected.failures, Vec::<String>::new(), "{name} in round {round}");
            for calls in collected.calls {
                let (sent, units) = billed.entry(calls.operation).or_insert((0, 0));
                *sent += calls.calls;
                *units += calls.billed;
            }
        }
        world.pass(MINUTE);
    }
    let bill = world.aws.bill();
    for operation in ["GetMetricData", "ListMetrics", "DescribeAlarms", "DescribeAlarmHistory"] {
        let theirs = &bill.operations[operation];
        assert_eq!(billed[operation], (theirs.calls, theirs.units), "{operation}");
    }
    assert!(billed["GetMetricData"].1 > 500, "{billed:?}");
}

#[tokio::test]
async fn the_watermark_follows_what_policies_read() {
    let world = World::new("quiet-day", "namespaces: [AWS/EC2, AWS/RDS]").await;
    world.clouds.in_use.set(BTreeSet::from(["db.connection.count".to_owned()]));
    let mut before = world.collect("us-east-1").await.watermark.unwrap();
    assert_eq!(before, this_minute_end(&world, MINUTE * 2));
    for _ in 0..4 {
        world.pass(MINUTE);
        let collected = world.collect("us-east-1").await;
        let watermark = collected.watermark.unwrap();
        assert_eq!(watermark, before.plus(MINUTE));
        before = watermark;
        let is_database =
            |measurement: &isobar_normalizer::Measurement| &*measurement.metric == "DatabaseConnections";
        assert!(collected.measurements.iter().any(is_database));
    }
}

#[tokio::test]
async fn what_no_policy_reads_comes_every_five_minutes_with_every_point() {
    let world = World::new("quiet-day", "namespaces: [AWS/RDS]\nbackfill: 30m").await;
    world.clouds.in_use.set(BTreeSet::new());
    let mut ends: BTreeSet<Timestamp> = BTreeSet::new();
    let mut asked = 0;
    for _ in 0..15 {
        let before = world.asked("GetMetricData");
        let collected = world.collect("us-east-1").await;
        asked += world.asked("GetMetricData") - before;
        for measurement in collected.measurements {
            if &*measurement.metric == "CPUUtilization" {
                ends.extend(measurement.points.iter().map(|(at, _)| *at));
            }
        }
        world.pass(MINUTE);
    }
    assert!((3..=4).contains(&asked), "{asked} calls in 15 minutes");
    let (first, last) = (*ends.first().unwrap(), *ends.last().unwrap());
    assert_eq!(ends.len() as u128, last.since(first).as_millis() / 60_000 + 1, "no minute is missing");
}

#[tokio::test]
async fn alarms_are_told_with_their_resource_and_severity() {
    let world = World::new("first-light", "").await;
    let mut firing = Vec::new();
    for region in ["us-east-1/alarms", "eu-west-1/alarms"] {
        let collected = world.collect(region).await;
        assert_eq!(collected.failures, Vec::<String>::new(), "{region}");
        let report = collected.alarms.unwrap();
        assert!(report.is_complete && report.alarms.len() > 20, "{region}: {}", report.alarms.len());
        firing.extend(report.alarms.into_iter().filter(|alarm| alarm.state == NativeState::Firing));
    }
    let hot: Vec<ResourceId> = world
        .aws
        .estate
        .machines()
        .iter()
        .filter(|machine| machine.identity.place.cloud() == Cloud::Aws)
        .filter(|machine| machine.cpu_busy.mean(world.now().millis() - 60_000, world.now().millis()) > 0.95)
        .map(instance)
        .collect();
    assert_eq!(hot.len(), 2);
    for id in &hot {
        let found = firing.iter().find(|alarm| {
            alarm.resource.as_ref() == Some(id) && alarm.metric.as_deref() == Some("system.cpu.utilization")
        });
        let found = found.unwrap_or_else(|| panic!("no alarm fires on {id}: {firing:#?}"));
        assert_eq!((found.severity, found.source_severity.as_str()), (Some(Severity::Critical), "critical"));
        assert!(found.since < world.now() && found.url.contains("alarmsV2"), "{found:?}");
    }
}

#[tokio::test]
async fn inventory_knows_names_tags_and_services() {
    let world = World::new("quiet-day", "tags: [tier]").await;
    let collected = world.collect("us-east-1/inventory").await;
    assert_eq!(collected.failures, Vec::<String>::new());
    assert!(collected.lists_all, "every page came");
    let found: HashMap<&str, _> = collected.resources.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut seen = 0;
    for machine in instances(&world, "us-east-1").filter(|machine| !machine.identity.tags.is_empty()) {
        let id = instance(machine);
        let resource = found.get(id.as_str()).unwrap_or_else(|| panic!("{id} is not in the inventory"));
        assert_eq!(resource.service, machine.identity.service);
        assert_eq!(Some(resource.zone.as_str()), machine.identity.place.zone(), "{id}");
        assert_eq!(resource.tags.get("tier").map(String::as_str), machine.identity.tag("tier"));
        assert!(resource.tags.keys().all(|key| key == "tier"), "{:?}", resource.tags);
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
    let asked = collected.calls.iter().find(|calls| calls.operation == "DescribeInstances").unwrap();
    let theirs = &world.aws.bill().operations["DescribeInstances"];
    assert_eq!((asked.calls, theirs.calls, theirs.units), (1, 1, 0), "counted, and free");
}

#[tokio::test]
async fn where_no_instance_is_looked_for_nobody_asks_for_zones() {
    let world = World::new("quiet-day", "namespaces: [AWS/RDS]").await;
    let collected = world.collect("us-east-1/inventory").await;
    assert!(!collected.resources.is_empty() && collected.failures.is_empty());
    assert_eq!(world.asked("DescribeInstances"), 0);
}

#[tokio::test]
async fn resources_are_told_when_they_were_looked_up() {
    let world = World::new("quiet-day", "namespaces: [AWS/RDS]").await;
    let told = world.collect("us-east-1").await;
    let kinds = told.resources.iter().map(|resource| resource.id.parts().3);
    assert!(told.lists_all && kinds.collect::<BTreeSet<_>>() == BTreeSet::from(["db.relational"]));
    world.pass(MINUTE);
    let again = world.collect("us-east-1").await;
    assert!(!again.lists_all && again.resources.is_empty(), "nothing was looked up, so nothing left");
    world.pass(MINUTE * 10);
    assert!(world.collect("us-east-1").await.lists_all);
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_regions_and_services() {
    let (aws, clock) = simulate("quiet-day").await;
    let (clouds, reader) = (clouds(), aws.aws_credentials.reader.clone());
    let role = format!("accounts: [{{role_arn: \"{}\", name: prod}}]", aws.aws_credentials.role_arn);
    let text = settings(aws.aws_url.as_str(), &reader, &role);
    let collector = build(&text, &reader.secret_access_key, &clouds);
    collector.parts().await.unwrap();
    let world = World { aws, clock, clouds, collector };
    for name in ["us-east-1", "eu-west-1", "us-east-1/inventory", "us-east-1/alarms"] {
        assert_eq!(world.collect(name).await.failures, Vec::<String>::new(), "{name}");
    }
    assert_eq!((world.asked("AssumeRole"), world.asked("GetCallerIdentity")), (1, 0));
    world.pass(MINUTE * 61);
    world.collect("us-east-1").await;
    assert_eq!(world.asked("AssumeRole"), 2, "a session ends after an hour");
}

#[tokio::test]
async fn what_is_global_is_asked_for_in_one_region() {
    let world = World::new("quiet-day", "namespaces: [AWS/CloudFront, AWS/SQS]").await;
    world.collect("us-east-1").await;
    let both = world.asked("ListMetrics");
    world.collect("eu-west-1").await;
    assert_eq!((both, world.asked("ListMetrics")), (2, 3));
}
