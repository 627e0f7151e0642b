use std::collections::BTreeSet;

use super::*;
use crate::scenario::Scenario;

const ORIGIN: Millis = 1_795_000_020_000;

fn catalogue() -> Catalogue {
    Catalogue::new(&Arc::new(Estate::new(1, ORIGIN, Scenario::QuietDay)))
}

#[test]
fn values_are_in_the_units_of_the_vendor() {
    let catalogue = catalogue();
    // Metric, aggregation, and the range it must be in over a minute.
    let cases = [
        ("Microsoft.Compute/virtualMachines", "Percentage CPU", Average, 5.0, 95.0),
        ("Microsoft.Compute/virtualMachines", "Available Memory Bytes", Average, 1e9, 16e9),
        ("Microsoft.Compute/virtualMachines", "Network In Total", Total, 1e6, 1e9),
        ("Microsoft.Compute/virtualMachines", "Disk Read Operations/Sec", Average, 5.0, 500.0),
        ("Microsoft.Compute/virtualMachines", "VmAvailabilityMetric", Minimum, 1.0, 1.0),
        ("Microsoft.Sql/servers/databases", "storage_percent", Maximum, 20.0, 80.0),
        ("Microsoft.Sql/servers/databases", "physical_data_read_percent", Average, 5.0, 95.0),
        ("Microsoft.Cache/Redis", "cacheLatency", Average, 10.0, 200.0),
        ("Microsoft.Cache/Redis", "allcachehits", Total, 5e4, 1e6),
        ("Microsoft.Storage/storageAccounts", "Availability", Average, 99.0, 100.0),
        ("Microsoft.Storage/storageAccounts/blobServices", "SuccessE2ELatency", Average, 5.0, 100.0),
        ("Microsoft.Network/applicationGateways", "ApplicationGatewayTotalTime", Average, 20.0, 400.0),
        ("Microsoft.Network/loadBalancers", "DipAvailability", Average, 100.0, 100.0),
        ("Microsoft.ServiceBus/namespaces", "IncomingMessages", Total, 500.0, 1e4),
        ("Microsoft.Web/sites", "HttpResponseTime", Average, 0.05, 0.6),
    ];
    for (kind, name, aggregation, low, high) in cases {
        let of_kind: Vec<&Resource> = catalogue.resources.iter().filter(|it| it.kind == kind).collect();
        assert!(!of_kind.is_empty(), "{kind}");
        for resource in of_kind {
            let (metric, series) = resource.metric(name).unwrap_or_else(|| panic!("{kind} {name}"));
            assert!(metric.supported.contains(&aggregation), "{kind} {name}");
            let samples = series.iter().filter_map(|it| it.measure(ORIGIN - MINUTE, ORIGIN));
            let value = aggregation.of(samples.reduce(Sample::and).unwrap());
            assert!((low..=high).contains(&value), "{} {name}: {value}", resource.id);
        }
    }
}

#[test]
fn every_resource_and_every_series_is_there_once() {
    let catalogue = catalogue();
    assert_eq!(catalogue.by_id.len(), catalogue.resources.len());
    assert_eq!(catalogue.listed(AZURE_SUBSCRIPTION, ORIGIN).count(), 87);
    assert_eq!(catalogue.listed("another", ORIGIN).count(), 0);
    for resource in &catalogue.resources {
        assert!((DELAY_MIN..DELAY_MAX).contains(&resource.delay));
        let names: BTreeSet<String> = resource.metrics.iter().map(|(it, _)| it.name.to_lowercase()).collect();
        assert_eq!(names.len(), resource.metrics.len(), "{}", resource.kind);
        for (metric, series) in &resource.metrics {
            let values: BTreeSet<&[String]> = series.iter().map(|it| it.values.as_slice()).collect();
            assert_eq!(values.len(), series.len(), "{} {}", resource.kind, metric.name);
            assert!(metric.supported.contains(&metric.primary), "{} {}", resource.kind, metric.name);
        }
    }
}

#[test]
fn the_messages_of_a_namespace_are_those_of_its_queues() {
    let estate = Arc::new(Estate::new(1, ORIGIN, Scenario::QuietDay));
    let catalogue = Catalogue::new(&estate);
    let queue = estate.queues().iter().find(|it| it.identity.place.cloud() == Cloud::Azure).unwrap();
    let id = queue.identity.place.native_id().unwrap();
    let (_, series) = catalogue.find(&id.to_uppercase(), ORIGIN).unwrap().metric("incomingmessages").unwrap();
    for minute in 0..30 {
        let from = ORIGIN - (minute + 1) * MINUTE;
        let parts = series.iter().filter_map(|it| it.measure(from, from + MINUTE));
        assert_eq!(parts.reduce(Sample::and).unwrap().total, queue.sent.count(from, from + MINUTE));
    }
}
