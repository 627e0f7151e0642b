use super::*;

#[test]
fn aliases_are_what_prometheus_would_write() {
    for (name, alias) in [
        ("system.cpu.utilization", "system_cpu_utilization_ratio"),
        ("system.memory.usage", "system_memory_usage_bytes"),
        ("system.disk.io.rate", "system_disk_io_rate_bytes_per_second"),
        ("system.network.packet.rate", "system_network_packet_rate_per_second"),
        ("system.cpu.load_average.1m", "system_cpu_load_average_1m"),
        ("system.uptime", "system_uptime_seconds"),
        ("resource.up", "resource_up_ratio"),
    ] {
        let metric = Registry::builtin().by_name(name).cloned().unwrap();
        assert_eq!(metric.alias(), alias);
        assert_eq!(Registry::builtin().by_alias(alias), Some(&metric));
    }
    let alias = |name, unit: &str, kind| alias_of(name, &unit.parse().unwrap(), kind);
    assert_eq!(alias("cache.hit_ratio", "1", MetricKind::Gauge), "cache_hit_ratio");
    assert_eq!(
        alias("k8s.container.restart.count", "{restart}", MetricKind::Cumulative),
        "k8s_container_restart_count_total"
    );
}

#[test]
fn only_equality_on_the_name_is_resolved() {
    let registry = Registry::builtin();
    let resolved = registry.resolve(&Matcher::equal(METRIC_NAME, "system_uptime_seconds"));
    assert_eq!(resolved, Some(Matcher::equal(METRIC_NAME, "system.uptime")));
    let pattern = Matcher::new(METRIC_NAME, MatchOp::Matches, "system_uptime_seconds").unwrap();
    for other in [pattern, Matcher::equal("job", "system_uptime_seconds"), Matcher::equal(METRIC_NAME, "up")]
    {
        assert_eq!(registry.resolve(&other), None, "{other}");
    }
}

#[test]
fn a_name_twice_is_refused_with_its_place() {
    let one = "  - {name: a.b, unit: s, over_time: avg, over_resources: avg, range: '>=0', relation: exact, description: x}\n";
    let error = Registry::empty().add(&format!("metrics:\n{one}{one}")).unwrap_err();
    assert_eq!((error.line, error.column), (3, 5), "{error}");
}

/// The researched table, where this machine has it.
#[test]
fn every_metric_agrees_with_the_researched_table() {
    let Some(rows) = crate::research::rows("canonical.csv") else { return };
    for metric in Registry::builtin().iter() {
        let row = rows.iter().find(|row| row["canonical_name"] == metric.name());
        let row = row.unwrap_or_else(|| panic!("{} is not in canonical.csv", metric.name()));
        let ours = [
            ("unit", metric.unit().as_str()),
            ("kind", metric.kind().as_str()),
            ("time_aggregation", metric.over_time().as_str()),
            ("space_aggregation", metric.over_resources().as_str()),
            ("value_range", metric.range().as_str()),
            ("otel_relation", metric.otel().0.as_str()),
        ];
        for (column, value) in ours {
            assert_eq!(value, row[column], "{column} of {}", metric.name());
        }
        for attribute in metric.attributes() {
            // The research has one scrape for each resource, and a column of its own for the kind of disk.
            let ours = [
                ("resource.up", "job"),
                ("compute.disk.performance.utilization", "system_device"),
                ("compute.disk.burst.balance", "system_device"),
            ];
            if ours.contains(&(metric.name(), attribute.as_str())) {
                continue;
            }
            let dotted: Vec<String> = row["attributes"]
                .split(';')
                .map(|one| one.split('=').next().unwrap().replace('.', "_"))
                .collect();
            assert!(dotted.contains(attribute), "{attribute} of {}: {dotted:?}", metric.name());
        }
    }
}
