//! What is collected while all goes well.

use isobar_normalizer::{Canonicaliser, Mappings, NativeState, Provider, Severity};
use isobar_simulators::Place;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn parts_are_regions_and_what_a_subscription_has_once() {
    let world = World::new("quiet-day", "").await;
    let parts = world.collector.parts().await.unwrap();
    let keys: Vec<String> = parts.iter().map(|part| part.key.to_string()).collect();
    let expected = ["alarms", "inventory", "eastus", "westeurope"].map(|name| key(name).to_string());
    assert_eq!(keys, expected, "the subscription was found, not given");
    let intervals: Vec<Option<u64>> = parts.iter().map(|part| part.interval.map(|it| it.as_secs())).collect();
    assert_eq!(intervals, [Some(60), Some(300), None, None]);
    world.collector.parts().await.unwrap();
    assert_eq!(world.asked("ResourceGraph"), 1, "and is remembered");
}

#[tokio::test]
async fn only_what_is_configured_is_asked_for() {
    let extra = format!(
        "subscriptions: [{AZURE_SUBSCRIPTION}]\nregions: [westeurope]\nnamespaces: [Microsoft.Compute/virtualMachines]\n\
         alarms: {{enabled: false}}\ninventory: {{enabled: false}}\ntags: [tier]"
    );
    let world = World::new("quiet-day", &extra).await;
    let parts = world.collector.parts().await.unwrap();
    assert_eq!(parts.iter().map(|part| &*part.key).collect::<Vec<_>>(), [&*key("westeurope")]);
    assert_eq!(world.asked("ListSubscriptions"), 0);
    let collected = world.collect("westeurope").await;
    assert!(collected.resources.iter().all(|one| one.id.parts().3 == "compute.instance"));
    let tags: BTreeSet<&str> =
        collected.resources.iter().flat_map(|one| one.tags.keys()).map(String::as_str).collect();
    assert_eq!(tags, BTreeSet::from(["tier"]));
}

#[tokio::test]
async fn inventory_describes_every_resource() {
    let world = World::new("quiet-day", "").await;
    let collected = world.collect("inventory").await;
    assert!(collected.failures.is_empty() && collected.watermark.is_none(), "{:?}", collected.failures);
    let machines: Vec<_> =
        world.azure.estate.machines().iter().filter_map(|machine| arm_id(&machine.identity.place)).collect();
    let found = collected.resources.iter().filter(|one| one.id.parts().3 == "compute.instance");
    let mut found: Vec<String> = found.map(|one| one.id.parts().4.to_owned()).collect();
    let mut expected: Vec<String> = machines.iter().map(|id| id.to_lowercase()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let one = collected.resources.iter().find(|one| one.name == "vm-checkout-eus-01").unwrap();
    assert_eq!((&*one.zone, &*one.service, one.last_seen), ("eastus-1", "checkout", world.now()));
    let kinds: BTreeSet<&str> = collected.resources.iter().map(|one| one.id.parts().3).collect();
    for kind in [
        "db.relational",
        "lb.application",
        "lb.network",
        "queue",
        "cache.redis",
        "function",
        "storage.object",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}

fn arm_id(place: &Place) -> Option<&str> {
    match place {
        Place::Azure { arm_id, .. } => Some(arm_id),
        _ => None,
    }
}

#[tokio::test]
async fn a_region_brings_its_past_then_each_minute_what_policies_read() {
    let world = World::new("quiet-day", "").await;
    let first = world.collect("eastus").await;
    assert_eq!(first.failures, Vec::<String>::new());
    let minute = world.now().minus(Duration::from_secs(20));
    assert_eq!(first.watermark, Some(minute.minus(MINUTE * 4)), "three minutes of delay, one to settle");
    assert_eq!(first.complete_since, Some(minute.minus(MINUTE * 183)));
    assert!(!first.resources.is_empty() && first.lists_all);
    assert!(first.measurements.iter().all(|one| one.period >= MINUTE && !one.points.is_empty()));
    let aligned = world.align(&first);
    // Of a metric that is split a mapping may take some series only.
    assert!(aligned.mapped > 10 * aligned.unmapped, "{} and {}", aligned.mapped, aligned.unmapped);
    let vm = first.resources.iter().find(|one| one.name == "vm-checkout-eus-01").unwrap();
    for minutes in [4, 60, 180] {
        let at = minute.minus(MINUTE * minutes);
        assert!(value(&aligned, "system.cpu.utilization", &vm.id, at).is_some(), "{minutes} min ago");
    }

    let calls = world.asked("MetricsBatch");
    world.pass(MINUTE);
    let second = world.collect("eastus").await;
    assert_eq!(second.watermark, first.watermark.map(|mark| mark.plus(MINUTE)));
    assert_eq!(
        (second.resources.len(), second.lists_all),
        (0, false),
        "told once, and what is not told has not left"
    );
    let metrics: BTreeSet<&str> = second.measurements.iter().map(|one| &*one.metric).collect();
    assert!(metrics.contains("Percentage CPU") && !metrics.contains("Network In Total"), "{metrics:?}");
    let asked = world.asked("MetricsBatch") - calls;
    assert!(asked <= 4, "{asked} calls for what policies read of machines, databases and caches");
    let longest = second.measurements.iter().map(|one| one.points.len()).max();
    assert_eq!(longest, Some(5), "a new grain, and four again");
    let calls = second.calls.iter().find(|calls| calls.operation == "Metrics.Batch").unwrap();
    assert_eq!(calls.calls, asked as u64, "each call is on the meter");

    world.pass(MINUTE * 4);
    let with_others = world.collect("eastus").await;
    let metrics: BTreeSet<&str> = with_others.measurements.iter().map(|one| &*one.metric).collect();
    assert!(metrics.contains("Network In Total"), "{metrics:?}");
}

#[tokio::test]
async fn a_gap_of_two_hours_is_made_up_in_one_round() {
    let world = World::new("quiet-day", "namespaces: [Microsoft.Compute/virtualMachines]").await;
    world.collect("eastus").await;
    world.pass(MINUTE * 120);
    let collected = world.collect("eastus").await;
    let cpu = collected.measurements.iter().filter(|one| &*one.metric == "Percentage CPU");
    let mut times: Vec<Timestamp> = cpu.flat_map(|one| &one.points).map(|(at, _)| *at).collect();
    times.sort();
    times.dedup();
    assert!(times.windows(2).all(|pair| pair[1] == pair[0].plus(MINUTE)), "no grain is left out");
    assert!(times.len() >= 120, "{}", times.len());
    assert_eq!(collected.watermark, Some(world.now().minus(Duration::from_secs(20)).minus(MINUTE * 4)));
}

#[tokio::test]
async fn one_machine_has_one_value_whoever_looks() {
    let world = World::new("first-light", "namespaces: [Microsoft.Compute/virtualMachines]").await;
    let machines = world.azure.estate.machines().iter().filter(|machine| machine.node_exporter);
    let seen_twice: Vec<_> = machines
        .enumerate()
        .filter_map(|(place, one)| Some((place, one, arm_id(&one.identity.place)?)))
        .collect();
    assert!(!seen_twice.is_empty());
    let begin = world.now().minus(Duration::from_secs(20));
    let end = begin.plus(MINUTE);
    for (place, machine, arm_id) in &seen_twice {
        let page = world.azure.prometheus_targets[*place].clone();
        let mut guest = Canonicaliser::new(Arc::new(Mappings::builtin()));
        let mut seen = Vec::new();
        for at in [begin, end] {
            world.clock.store(at.millis(), Ordering::Relaxed);
            let scraped = scrape(page.as_str(), at).await;
            seen = scraped
                .runs
                .iter()
                .flat_map(|run| guest.apply(run).runs)
                .flat_map(|run| run.samples)
                .collect();
        }
        let mut busy = seen.iter().filter(|sample| sample.labels.name() == Some("system.cpu.utilization"));
        let (guest, at) = busy.next().map(|sample| (sample.value, sample.at)).unwrap();
        assert_eq!(at, end);
        // Azure is done with the minute some minutes later.
        world.clock.store(end.plus(MINUTE * 5).millis(), Ordering::Relaxed);
        let region = machine.identity.place.region();
        let collected = world.collect(region).await;
        let id =
            ResourceId::new(Provider::Azure, AZURE_SUBSCRIPTION, region, "compute.instance", arm_id).unwrap();
        let host = value(&world.align(&collected), "system.cpu.utilization", &id, end).unwrap();
        assert!((host - guest).abs() <= 1e-9 * guest.abs(), "{}: {host} and {guest}", machine.identity.name);
        world.collector.forget(&Part { key: key(region), interval: None }, end);
    }
}

async fn scrape(page: &str, at: Timestamp) -> Collected {
    let document = format!("settings: {{targets: [\"{page}\"]}}");
    let read = crate::prometheus::KIND.read(&document, &[Step::Key("settings")]).unwrap();
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let context = SourceContext {
        name: "onprem",
        interval: MINUTE,
        egress: &egress,
        secrets: &Known(String::new()),
        base_dir: Path::new("/nonexistent"),
        clouds: &Clouds::default(),
    };
    let collector = read.build(context).unwrap();
    let part = collector.parts().await.unwrap().remove(0);
    collector.collect(&part, Window { start: at.minus(MINUTE), end: at }).await.unwrap()
}

#[tokio::test]
async fn alerts_come_with_resource_and_metric_and_then_only_when_they_change() {
    let world = World::new("first-light", "").await;
    world.collector.parts().await.unwrap();
    let report = world.collect("alarms").await.alarms.unwrap();
    assert!(!report.is_complete, "what is not told of has not ended");
    let firing: Vec<_> = report.alarms.iter().filter(|alarm| alarm.state == NativeState::Firing).collect();
    let cpu: Vec<_> =
        firing.iter().filter(|alarm| alarm.metric.as_deref() == Some("system.cpu.utilization")).collect();
    assert!(cpu.len() >= 2, "{firing:#?}");
    assert!(cpu.iter().all(|alarm| alarm.resource.is_some() && alarm.severity >= Some(Severity::Warning)));
    let calls = world.asked("ListAlerts");
    world.pass(MINUTE);
    world.collect("alarms").await;
    assert_eq!(world.asked("ListAlerts") - calls, 1, "one page tells what changed");
}

#[tokio::test]
async fn a_resource_manager_that_lists_stands_in_for_resource_graph() {
    let world = World::new("quiet-day", "").await;
    let scope =
        isobar_simulators::Scope { operation: Some("ResourceGraph".to_owned()), ..Default::default() };
    let refused = isobar_simulators::Fault::Status { code: 403, retry_after_s: None };
    world.azure.faults.inject(isobar_simulators::Provider::Azure, refused, scope);
    let collected = world.collect("inventory").await;
    assert!(collected.resources.len() > 60, "{}", collected.resources.len());
    assert!(world.asked("ListResources") >= 1);
}
