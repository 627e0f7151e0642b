use super::*;
use crate::{METRIC_NAME, SampleRun};

/// A small mapping of a balancer whose errors are published only when there are some.
const BALANCER: &str = r#"
schema: isobar.cloud-mapping/v1
provider: aws
namespace: AWS/ApplicationELB
resource: {type: lb.application, id: "{LoadBalancer}", inventory: "elasticloadbalancing:loadbalancer/{LoadBalancer}"}
dimensions: [LoadBalancer]
period: 60s
delay: 120s
metrics:
  - to: system.network.io.rate
    from: ProcessedBytes
    statistic: Sum
    unit: By
    value: x / period
    attributes: {network_io_direction: receive}
    examples: [{given: 600, gives: 10}]
  - to: system.cpu.utilization
    inputs:
      errors: {from: Errors, statistic: Sum, unit: "{error}", missing: zero}
      requests: {from: Requests, statistic: Sum, unit: "{error}"}
    value: errors / requests
    examples:
      - {given: {errors: 5, requests: 10}, gives: 0.5}
      - {given: {requests: 10}, gives: 0}
      - {given: {errors: 5}}
      - {given: {requests: 0}}
  - to: system.memory.usage
    from: Parts
    statistic: Average
    unit: By
    dimensions: [LoadBalancer, Zone]
    fold: sum
    examples: [{given: 1, gives: 1}]
"#;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute * 60_000)
}

fn measured(
    metric: &str,
    statistic: &str,
    dimensions: &[(&str, &str)],
    points: &[(i64, f64)],
) -> Measurement {
    Measurement {
        namespace: "AWS/ApplicationELB".into(),
        metric: metric.into(),
        statistic: statistic.into(),
        resource: "aws:1:us-east-1:lb.application:app/shop/1".parse().unwrap(),
        dimensions: Labels::from_pairs(dimensions.iter().copied()).unwrap(),
        period: Duration::from_secs(60),
        delay: Duration::from_secs(120),
        points: points.iter().map(|(minute, value)| (at(*minute), *value)).collect(),
    }
}

fn aligned(measurements: &[Measurement]) -> Vec<String> {
    let mappings = NativeMappings::default().with(NativeMapping::load(BALANCER).unwrap());
    let runs: Vec<SampleRun> = mappings.align(&"cloud".into(), measurements).runs;
    let mut lines: Vec<String> = runs
        .iter()
        .flat_map(|run| &run.samples)
        .map(|sample| {
            assert_eq!(sample.labels.get("source"), Some("cloud"));
            assert_eq!(sample.labels.get("resource_id"), Some("aws:1:us-east-1:lb.application:app/shop/1"));
            let mut labels = sample.labels.edit();
            labels.retain(|label, _| ![METRIC_NAME, "source", "resource_id"].contains(&label));
            let name = sample.labels.name().unwrap();
            format!("{name}{} {}@{}m", labels.build(), sample.value, sample.at.millis() / 60_000)
        })
        .collect();
    lines.sort();
    lines
}

const LB: (&str, &str) = ("LoadBalancer", "app/shop/1");

#[test]
fn formulas_meet_by_time_and_zero_needs_a_witness() {
    let errors = measured("Errors", "Sum", &[LB], &[(2, 3.0), (9, 1.0)]);
    let requests = measured("Requests", "Sum", &[LB], &[(2, 6.0), (1, 4.0), (3, 0.0)]);
    assert_eq!(
        aligned(&[errors.clone(), requests]),
        ["system.cpu.utilization{} 0.5@2m", "system.cpu.utilization{} 0@1m"]
    );
    assert_eq!(aligned(&[errors]), [""; 0], "nobody knows how many requests there were");
}

#[test]
fn series_of_a_dimension_nobody_takes_are_folded_and_a_time_that_comes_twice_counts_once() {
    let zone = |zone, points: &[(i64, f64)]| measured("Parts", "Average", &[LB, ("Zone", zone)], points);
    let got = aligned(&[zone("a", &[(1, 5.0), (1, 1.0)]), zone("b", &[(1, 2.0), (2, f64::NAN)])]);
    assert_eq!(got, ["system.memory.usage{} 3@1m"]);
}

#[test]
fn what_no_record_takes_stays_raw() {
    let got = aligned(&[
        measured("ProcessedBytes", "Average", &[LB], &[(1, 2.0)]),
        measured("ProcessedBytes", "Sum", &[LB, ("AvailabilityZone", "us-east-1a")], &[(1, 4.0)]),
    ]);
    assert_eq!(
        got,
        [
            r#"aws.application_elb.processed_bytes{availability_zone="us-east-1a", statistic="sum"} 4@1m"#,
            r#"aws.application_elb.processed_bytes{statistic="average"} 2@1m"#,
        ]
    );
}

#[test]
fn what_to_ask_and_what_it_feeds_come_from_the_records() {
    let mapping = NativeMapping::load(BALANCER).unwrap();
    let wanted: Vec<String> = mapping
        .wanted()
        .into_iter()
        .map(|one| format!("{} {} {:?} {:?}", one.metric, one.statistic, one.dimensions, one.feeds))
        .collect();
    assert_eq!(
        wanted,
        [
            r#"Errors Sum ["LoadBalancer"] ["system.cpu.utilization"]"#,
            r#"Parts Average ["LoadBalancer", "Zone"] ["system.memory.usage"]"#,
            r#"ProcessedBytes Sum ["LoadBalancer"] ["system.network.io.rate"]"#,
            r#"Requests Sum ["LoadBalancer"] ["system.cpu.utilization"]"#,
        ]
    );
    let mappings = NativeMappings::default().with(mapping);
    let resource = "aws:1:us-east-1:lb.application:app/shop/1".parse().unwrap();
    let dimensions = Labels::from_pairs([LB]).unwrap();
    let about = |metric| mappings.canonical_of(&resource, "AWS/ApplicationELB", metric, "Sum", &dimensions);
    assert_eq!(about("Requests"), ["system.cpu.utilization"]);
    assert_eq!(about("Latency"), [""; 0]);
}

#[test]
fn a_resource_has_one_name_in_dimensions_and_in_inventory() {
    let mapping = NativeMapping::load(BALANCER).unwrap();
    let name = mapping.native_name();
    let id = name.from_dimensions(&Labels::from_pairs([LB]).unwrap());
    assert_eq!(id.as_deref(), Some("app/shop/1"));
    assert_eq!(name.from_inventory("elasticloadbalancing:loadbalancer/app/shop/1"), id);
    assert_eq!(name.from_inventory("elasticloadbalancing:targetgroup/shop"), None);
    assert_eq!(name.dimension_value("app/shop/1"), Some("app/shop/1"));
}

#[track_caller]
fn check_refused(from: &str, to: &str, expected: &str) {
    assert!(BALANCER.contains(from), "{from}");
    let error = NativeMapping::load(&BALANCER.replacen(from, to, 1)).unwrap_err();
    assert_eq!(error.message, expected);
    assert!(error.line > 1, "{error}");
}

#[test]
fn a_wrong_file_is_refused_at_its_place() {
    check_refused("gives: 10}", "gives: 600}", "the example of system.network.io.rate gives 10");
    check_refused(
        "value: x / period",
        "value: x",
        "system.network.io.rate is measured in By/s, and this gives By",
    );
    check_refused(
        "value: errors / requests",
        "value: errors",
        "system.cpu.utilization is measured in 1, and this gives {error}",
    );
    check_refused(
        ", missing: zero}",
        ", missing: zero, period: 0s}",
        "the period of Errors is longer than nothing: write 60s",
    );
}

#[test]
fn every_file_carried_is_read_with_its_examples() {
    let wrong: Vec<String> = BUILTIN
        .iter()
        .filter_map(|text| {
            NativeMapping::load(text).err().map(|error| format!("{}: {error}", text.lines().next().unwrap()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_mappings_carried_are_right_and_no_two_feed_one_series_unnoticed() {
    let mappings = NativeMappings::builtin();
    assert_eq!(mappings.mappings.len(), BUILTIN.len(), "two files are about the same resources");
}

/// Where the researched table of this machine has a plain row, the file says the same: which statistic, and what scale.
#[test]
fn every_record_agrees_with_the_researched_table() {
    let Some(rows) = crate::research::rows("metrics.csv") else { return };
    let mut compared = 0;
    for mapping in &NativeMappings::builtin().mappings {
        for record in &mapping.records {
            let [input] = &record.inputs[..] else { continue };
            let is_row = |row: &&HashMap<String, String>| {
                row["provider"] == mapping.provider.as_str()
                    && row["namespace"] == mapping.namespace
                    && row["resource_type"] == mapping.kind
                    && row["provider_metric"] == input.metric
                    && row["canonical_name"] == record.target.name()
            };
            let of = format!("{} of {} in {}", record.target.name(), input.metric, mapping.namespace);
            let row = rows.iter().find(is_row).unwrap_or_else(|| panic!("{of} is not researched"));
            assert_eq!(row["statistic"], input.statistic, "{of}");
            let period = 300.0;
            let scale = match row["scale"].strip_suffix("/period") {
                Some(scale) => scale.parse::<f64>().unwrap() / period,
                None => row["scale"].parse().unwrap(),
            };
            let scaled = 7.0 * scale;
            let expected = if row["invert"] == "true" { 1.0 - scaled } else { scaled };
            let got = record.value(&[Some(7.0)], Duration::from_secs(300)).unwrap();
            assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{of}: {got} and {expected}");
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared}");
}

/// Every scale and every formula of every file, changed one at a time: no file is read any more.
#[test]
fn no_scale_can_be_changed_unnoticed() {
    let changes = [
        ("unit: \"%\"", "unit: \"1\""),
        ("unit: By\n", "unit: KiBy\n"),
        ("unit: By,", "unit: KiBy,"),
        ("unit: By/s", "unit: KiBy/s"),
        ("unit: ms", "unit: s"),
        ("unit: us", "unit: ms"),
        ("unit: s\n", "unit: ms\n"),
        ("unit: s,", "unit: ms,"),
        ("x / period", "x"),
        ("1 - x", "x"),
    ];
    let mut tried = 0;
    for text in BUILTIN {
        let head = text.find("\nmetrics:").expect("a mapping has metrics");
        for (from, to) in changes {
            for (place, _) in text.match_indices(from).filter(|(place, _)| *place > head) {
                let changed = format!("{}{to}{}", &text[..place], &text[place + from.len()..]);
                let around = &text[place.saturating_sub(120)..place + from.len()];
                assert!(NativeMapping::load(&changed).is_err(), "{from} as {to} goes unnoticed in {around}");
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "{tried}");
}
