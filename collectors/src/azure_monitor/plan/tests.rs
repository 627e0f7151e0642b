use std::collections::HashMap;

use isobar_normalizer::{NativeMappings, Provider, Resource};
use proptest::prelude::*;

use super::super::definitions::Measured;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn items(count: usize) -> Vec<Arc<Item>> {
    let item = |n: usize| {
        let arm_id = format!("/subscriptions/s/vm-{n}");
        let id = format!("azure:s:eastus:compute.instance:{arm_id}").parse().unwrap();
        let resource = Resource {
            id,
            zone: String::new(),
            name: String::new(),
            tags: BTreeMap::new(),
            service: String::new(),
            last_seen: Timestamp::default(),
        };
        Arc::new(Item { arm_id, namespace: "Microsoft.Compute/virtualMachines".into(), resource })
    };
    (0..count).map(item).collect()
}

fn ask(metric: &str, statistic: Statistic, dimensions: &[&str]) -> Ask {
    Ask {
        period: MINUTE,
        dimensions: dimensions.iter().map(|one| (*one).to_owned()).collect(),
        metric: metric.into(),
        statistics: BTreeSet::from([statistic]),
        is_used: false,
    }
}

fn known(metrics: &[(&str, &[Statistic], &[u64])]) -> Known {
    let measured = |(name, statistics, minutes): &(&str, &[Statistic], &[u64])| {
        let grains = minutes.iter().map(|minutes| Duration::from_secs(minutes * 60)).collect();
        (name.to_lowercase(), Measured { grains, statistics: statistics.iter().copied().collect() })
    };
    metrics.iter().map(measured).collect()
}

fn stretch(minutes: i64) -> Stretch {
    let end = Timestamp::from_millis(600_000_000);
    let length = Duration::from_secs(minutes.unsigned_abs() * 60);
    Stretch { period: MINUTE, delay: MINUTE * 3, start: end.minus(length), end }
}

fn planned(asks: &[Ask], resources: usize, minutes: i64, known: Option<&Known>) -> Vec<Query> {
    plan(&"Microsoft.Compute/virtualMachines".into(), asks, &items(resources), &stretch(minutes), known)
}

#[test]
fn virtual_machines_cost_few_calls() {
    let mappings = NativeMappings::builtin();
    let mapping =
        mappings.get(Provider::Azure, "Microsoft.Compute/virtualMachines", "compute.instance").unwrap();
    let in_use = InUse::default();
    in_use.set(BTreeSet::from(["system.cpu.utilization".to_owned()]));
    let asks = asks(Some(mapping), &[], &in_use);
    let used: Vec<&Ask> = asks.iter().filter(|ask| ask.is_used).collect();
    assert_eq!((used.len(), &*used[0].metric), (1, "Percentage CPU"));
    let used = planned(&[used[0].clone()], 50, 5, None);
    assert_eq!(used.len(), 1, "one call a minute for fifty machines");
    let all: Known = asks
        .iter()
        .map(|ask| {
            let measured = Measured { grains: vec![MINUTE], statistics: Statistic::ALL.into() };
            (ask.metric.to_lowercase(), measured)
        })
        .collect();
    let calls = planned(&asks, 50, 5, Some(&all));
    let dimensions: BTreeSet<&Vec<String>> = calls.iter().map(|call| &call.dimensions).collect();
    assert_eq!(calls.len(), dimensions.len(), "one for each way to split: {calls:#?}");
}

#[test]
fn aggregations_are_asked_for_together_only_where_all_metrics_have_them() {
    let asks = [
        ask("A", Statistic::Average, &[]),
        ask("B", Statistic::Total, &[]),
        ask("C", Statistic::Average, &[]),
        ask("D", Statistic::Average, &[]),
    ];
    let both = &[Statistic::Average, Statistic::Total][..];
    let known = known(&[("a", both, &[1]), ("b", both, &[1]), ("c", &[Statistic::Average], &[1])]);
    let names = |known| -> BTreeSet<String> {
        let calls = planned(&asks, 1, 5, known);
        calls
            .iter()
            .map(|call| call.metrics.iter().map(|one| &*one.0).collect::<Vec<_>>().join("+"))
            .collect()
    };
    let expected = ["A+B", "C", "D"].map(str::to_owned);
    assert_eq!(names(Some(&known)), expected.into(), "D is not listed: it could spoil a call for others");
    assert_eq!(names(None), ["A+C+D", "B"].map(str::to_owned).into(), "without definitions by aggregation");
}

#[test]
fn grains_and_aggregations_are_those_that_azure_keeps() {
    let known = known(&[("slow", &[Statistic::Average], &[5, 60]), ("old", &[Statistic::Count], &[1])]);
    let fitted = |metric| fit(ask(metric, Statistic::Average, &[]), Some(&known));
    assert_eq!(fitted("Slow").unwrap().period, MINUTE * 5, "the next coarser one");
    assert_eq!(fitted("Old"), None, "no aggregation is left");
    assert_eq!(fitted("new").unwrap().period, MINUTE, "what is not listed stays as it is");
}

#[test]
fn the_newest_time_is_asked_for_first() {
    let asks: Vec<Ask> = (0..20).map(|n| ask(&format!("m{n}"), Statistic::Average, &[])).collect();
    let calls = planned(&asks, 50, 180, None);
    assert!(calls.len() > 1 && calls.is_sorted_by(|a, b| a.end >= b.end), "{}", calls.len());
    assert_eq!(calls[0].end, stretch(180).end);
}

#[test]
fn a_query_is_halved_down_to_one_resource() {
    let query = planned(&[ask("A", Statistic::Average, &[])], 3, 5, None).remove(0);
    let [first, second] = query.halves().unwrap();
    assert_eq!((first.resources.len(), second.resources.len()), (1, 2));
    assert_eq!(first.halves(), None);
    assert_eq!(first.metric_halves(), None);
}

fn any_asks() -> impl Strategy<Value = Vec<Ask>> {
    let statistic = proptest::sample::select(Statistic::ALL.to_vec());
    let one = (0..40usize, statistic, 0..3usize).prop_map(|(name, statistic, split)| {
        ask(&format!("m{name}"), statistic, [&[][..], &["LUN"], &["Context"]][split])
    });
    proptest::collection::vec(one, 0..60).prop_map(|all| asks(None, &all, &InUse::default()))
}

proptest! {
    /// Every value is asked for once, and no call is larger than Azure takes.
    #[test]
    fn plans_ask_for_everything_once(asks in any_asks(), resources in 0usize..120, minutes in 1i64..300, listed in 0usize..40) {
        let all: Vec<String> = (0..listed).map(|n| format!("m{n}")).collect();
        let known = known(&all.iter().map(|name| (name.as_str(), &Statistic::ALL[..3], &[1][..])).collect::<Vec<_>>());
        let known = (listed > 0).then_some(&known);
        let calls = planned(&asks, resources, minutes, known);
        let mut grains: HashMap<(String, Vec<String>, String, Statistic), u128> = HashMap::new();
        for call in &calls {
            prop_assert!(!call.resources.is_empty() && call.resources.len() <= RESOURCES_MAX);
            prop_assert!(!call.metrics.is_empty() && call.metrics.len() <= METRICS_MAX);
            prop_assert!(call.start < call.end);
            for item in &call.resources {
                for (metric, statistics) in &call.metrics {
                    for statistic in statistics {
                        let key = (item.arm_id.clone(), call.dimensions.clone(), metric.to_string(), *statistic);
                        *grains.entry(key).or_default() += call.end.since(call.start).as_millis() / 60_000;
                    }
                }
            }
        }
        let wanted: usize = asks.iter().map(|ask| ask.statistics.len()).sum();
        prop_assert_eq!(grains.len(), wanted * resources);
        prop_assert!(grains.values().all(|count| *count == u128::from(minutes.unsigned_abs())));
    }
}
