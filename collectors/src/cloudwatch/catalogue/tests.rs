//! What is asked for of what a region lists.

use super::*;

const PLACE: Place<'static> = Place { account: "123456789012", region: "us-east-1" };
const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn listed(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Listed {
    let dimensions = Labels::from_pairs(dimensions.iter().copied()).unwrap();
    Listed { namespace: namespace.into(), name: name.into(), dimensions }
}

/// One line for each bundle: resource, and metrics with their statistics.
fn shown(catalogue: &Catalogue) -> Vec<String> {
    let of = |metric: &Metric| format!("{} {}", metric.name, metric.statistics.join("+"));
    let line = |bundle: &Bundle| {
        let (_, _, _, kind, native) = bundle.key.resource.parts();
        let metrics: Vec<String> = bundle.metrics.iter().map(of).collect();
        format!("{kind} {native} {}s: {}", bundle.period.as_secs(), metrics.join(", "))
    };
    catalogue.bundles.iter().map(line).collect()
}

fn catalogue(listed: &[Listed], extra: &[ExtraMetric]) -> Catalogue {
    Catalogue::new(PLACE, listed, &NativeMappings::builtin(), extra, NOW)
}

#[test]
fn what_is_mapped_is_asked_for_and_nothing_else() {
    let instance = [("InstanceId", "i-1")];
    let found = catalogue(
        &[
            listed("AWS/EC2", "CPUUtilization", &instance),
            listed("AWS/EC2", "CPUUtilization", &[("AutoScalingGroupName", "web")]),
            listed("AWS/EC2", "MetadataNoToken", &instance),
            listed("AWS/EC2", "NetworkPacketsIn", &instance),
            listed("Other", "CPUUtilization", &instance),
        ],
        &[],
    );
    assert_eq!(
        shown(&found),
        [
            "compute.instance i-1 60s: CPUUtilization Average",
            "compute.instance i-1 300s: NetworkPacketsIn Sum, NetworkPacketsOut Sum",
        ]
    );
    let id = "aws:123456789012:us-east-1:compute.instance:i-1";
    assert_eq!(found.resources.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [id]);
}

#[test]
fn companions_are_asked_for_though_they_are_not_listed() {
    let balancer = [("LoadBalancer", "app/shop/1")];
    let found = catalogue(&[listed("AWS/ApplicationELB", "RequestCount", &balancer)], &[]);
    let [only] = &found.bundles[..] else { panic!("{:?}", shown(&found)) };
    let has = |name: &str| only.metrics.iter().any(|metric| &*metric.name == name);
    assert!(has("RequestCount") && has("HTTPCode_Target_5XX_Count") && has("HTTPCode_ELB_5XX_Count"));
    assert!(!has("TargetResponseTime"), "no formula takes it together with the others");
    assert!(only.feeds.iter().any(|feed| feed == "lb.response.rate"), "{:?}", only.feeds);
}

#[test]
fn values_of_a_dimension_that_no_record_takes_are_not_asked_for() {
    let bucket = |storage: &'static str| [("BucketName", "logs"), ("StorageType", storage)];
    let found = catalogue(
        &[
            listed("AWS/S3", "BucketSizeBytes", &bucket("StandardStorage")),
            listed("AWS/S3", "NumberOfObjects", &bucket("AllStorageTypes")),
            listed("AWS/S3", "AllRequests", &[("BucketName", "logs"), ("FilterId", "part")]),
        ],
        &[],
    );
    let asked: Vec<&str> =
        found.bundles.iter().flat_map(|bundle| &bundle.metrics).map(|metric| &*metric.name).collect();
    assert_eq!(asked, ["BucketSizeBytes", "NumberOfObjects"]);
}

#[test]
fn metrics_of_ones_own_are_kept_by_their_dimensions() {
    let extra = ExtraMetric {
        namespace: "Shop".into(),
        metric: "Orders".into(),
        statistics: vec!["Sum".into(), "p99".into()],
        dimensions: Some(vec!["Shop".to_owned()]),
        period: Duration::from_secs(60),
    };
    let listed = [
        listed("Shop", "Orders", &[("Shop", "berlin")]),
        listed("Shop", "Orders", &[("Shop", "berlin"), ("Till", "1")]),
        listed("Shop", "Refunds", &[("Shop", "berlin")]),
    ];
    let found = catalogue(&listed, &[extra]);
    assert_eq!(shown(&found), ["cloudwatch.metric Shop/Shop=berlin 60s: Orders Sum+p99"]);
}

#[test]
fn a_bundle_never_outgrows_a_call() {
    let wanted = NativeMappings::builtin();
    let mapping = wanted.get(Provider::Aws, "AWS/ApplicationELB", "lb.application").unwrap();
    assert!(mapping.wanted().iter().any(|one| one.metric == "HealthyHostCount"));
    let group = |n: usize| format!("targetgroup/{n}");
    let groups: Vec<String> = (0..700).map(group).collect();
    let all: Vec<Listed> = groups
        .iter()
        .map(|group| {
            let dimensions = [("LoadBalancer", "app/shop/1"), ("TargetGroup", group.as_str())];
            listed("AWS/ApplicationELB", "HealthyHostCount", &dimensions)
        })
        .collect();
    let found = catalogue(&all, &[]);
    let queries: Vec<usize> = found.bundles.iter().map(Bundle::queries).collect();
    assert_eq!(queries.iter().sum::<usize>(), 700);
    assert!(queries.len() == 2 && queries.iter().all(|queries| *queries <= QUERIES_MAX), "{queries:?}");
    let keys: BTreeSet<&BundleKey> = found.bundles.iter().map(|bundle| &bundle.key).collect();
    assert_eq!(keys.len(), 2, "each has a progress of its own");
}

#[test]
fn the_order_of_the_listing_does_not_matter() {
    let mut all: Vec<Listed> = (0..20)
        .flat_map(|n| {
            let id = format!("i-{n}");
            ["CPUUtilization", "NetworkIn", "StatusCheckFailed"]
                .map(|name| listed("AWS/EC2", name, &[("InstanceId", id.as_str())]))
        })
        .collect();
    let first = catalogue(&all, &[]);
    all.reverse();
    assert_eq!(catalogue(&all, &[]), first);
}
