use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{NativeMappings, Resource};
use proptest::prelude::*;
use serde_json::json;

use super::super::tests::recorded;
use super::super::wire::Batch;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn item(arm_id: &str) -> Arc<Item> {
    let arm_id = arm_id.to_lowercase();
    let id = format!("azure:s:eastus:thing:{arm_id}").parse().unwrap();
    let resource = Resource {
        id,
        zone: String::new(),
        name: String::new(),
        tags: BTreeMap::new(),
        service: String::new(),
        last_seen: Timestamp::default(),
    };
    Arc::new(Item { arm_id, namespace: "N/things".into(), resource })
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn query(ids: &[&str], metrics: &[(&str, &[Statistic])], dimensions: &[&str]) -> Query {
    let metric =
        |(name, statistics): &(&str, &[Statistic])| (Arc::from(*name), statistics.iter().copied().collect());
    Query {
        namespace: "N/things".into(),
        period: MINUTE,
        delay: MINUTE * 3,
        start: at("2026-11-21T10:00:00Z"),
        end: at("2026-11-21T10:05:00Z"),
        dimensions: dimensions.iter().map(|one| (*one).to_owned()).collect(),
        metrics: metrics.iter().map(metric).collect(),
        resources: ids.iter().map(|id| item(id)).collect(),
    }
}

fn answered(query: &Query, values: serde_json::Value) -> Answered {
    let batch: Batch = serde_json::from_value(json!({"values": values})).unwrap();
    read(query, batch.values, at("2026-11-21T10:04:30Z"))
}

fn series(points: serde_json::Value) -> serde_json::Value {
    json!([{"metadatavalues": [], "data": points}])
}

#[test]
fn a_point_is_at_the_end_of_its_grain_and_none_is_no_zero() {
    let query = query(&["/A"], &[("Cpu", &[Statistic::Average])], &[]);
    let data = json!([
        {"timeStamp": "2026-11-21T10:00:00Z", "average": 0.0, "total": 9.0},
        {"timeStamp": "2026-11-21T10:01:00Z"},
        {"timeStamp": "2026-11-21T10:02:00.0000000Z", "average": 4.5},
        {"timeStamp": "2026-11-21T09:00:00Z", "average": 1.0},
        {"timeStamp": "2026-11-21T10:04:00Z", "average": 1.0},
    ]);
    let values =
        json!([{"resourceid": "/a", "value": [{"name": {"value": "cpu"}, "timeseries": series(data)}]}]);
    let answered = answered(&query, values);
    let [one] = &answered.measurements[..] else { panic!("{answered:?}") };
    assert_eq!(one.points, [(at("2026-11-21T10:01:00Z"), 0.0), (at("2026-11-21T10:03:00Z"), 4.5)]);
    assert_eq!(
        (&*one.metric, &*one.statistic, one.period),
        ("Cpu", "Average", MINUTE),
        "as they were asked for"
    );
    assert_eq!(answered.dropped, 1, "a grain that has not ended is the future");
}

#[test]
fn dimensions_get_their_spelling_back() {
    let query = query(&["/A"], &[("Disk", &[Statistic::Average])], &["LUN"]);
    let point = json!([{"timeStamp": "2026-11-21T10:00:00Z", "average": 1.0}]);
    let values = json!([{"resourceid": "/A", "value": [{"name": {"value": "Disk"}, "timeseries": [
        {"metadatavalues": [{"name": {"value": "lun"}, "value": "0"}], "data": point},
        {"metadatavalues": [{"name": {"value": "lun"}, "value": "1"}], "data": point},
        {"metadatavalues": [], "data": point},
    ]}]}]);
    let answered = answered(&query, values);
    let dimensions: Vec<String> =
        answered.measurements.iter().map(|one| one.dimensions.to_string()).collect();
    assert_eq!(dimensions, [r#"{LUN="0"}"#, r#"{LUN="1"}"#], "one that is not split is another metric");
}

#[test]
fn what_is_left_out_and_what_fails_is_known() {
    let metrics = [("A", &[Statistic::Total][..]), ("B", &[Statistic::Total])];
    let query = query(&["/1", "/2"], &metrics, &[]);
    let values = json!([{"resourceid": "/1", "value": [
        {"name": {"value": "A"}, "errorCode": "ServerBusy", "timeseries": []},
        {"name": {"value": "B"}, "errorCode": "InvalidSamplingType", "errorMessage": "no", "timeseries": []},
    ]}, {"resourceid": "/stranger", "value": []}]);
    let answered = answered(&query, values);
    assert_eq!(answered.missing.iter().map(|item| &*item.arm_id).collect::<Vec<_>>(), ["/2"]);
    assert_eq!(answered.failing, BTreeMap::from([("/1".to_owned(), BTreeSet::from(["A".into()]))]));
    assert_eq!(answered.refused, BTreeMap::from([("B".into(), "InvalidSamplingType: no".to_owned())]));
}

#[test]
fn what_comes_twice_counts_once() {
    let query = query(&["/1"], &[("A", &[Statistic::Total])], &["Entity"]);
    let one = json!({"metadatavalues": [{"name": {"value": "entity"}, "value": "x"}],
                     "data": [{"timeStamp": "2026-11-21T10:00:00Z", "total": 1.0}]});
    let metric = json!({"name": {"value": "A"}, "timeseries": [one, one]});
    let resource = json!({"resourceid": "/1", "value": [metric, metric]});
    let answered = answered(&query, json!([resource, resource]));
    assert_eq!(answered.measurements.len(), 1);
    assert!(answered.measurements[0].points.iter().all(|point| *point == (at("2026-11-21T10:01:00Z"), 1.0)));
}

#[test]
fn a_split_that_is_full_says_so() {
    let query = query(&["/1"], &[("A", &[Statistic::Total])], &["Entity"]);
    let one = |n: usize| json!({"metadatavalues": [{"name": {"value": "entity"}, "value": n.to_string()}], "data": []});
    let all: Vec<serde_json::Value> = (0..SERIES_MAX).map(one).collect();
    let answered = answered(
        &query,
        json!([{"resourceid": "/1", "value": [{"name": {"value": "A"}, "timeseries": all}]}]),
    );
    assert_eq!(answered.cut, BTreeSet::from(["A".into()]));
}

#[test]
fn the_recorded_batch_is_read() {
    let Some(text) = recorded("rest-api-specs/MetricBatchExample.excerpt.json") else { return };
    let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
    let batch: Batch = serde_json::from_value(recorded["responses"]["200"]["body"].clone()).unwrap();
    let id = "/subscriptions/12345678-abcd-1234-abcd-123456789abc/resourcegroups/testgroup/providers/microsoft.storage/storageaccounts/teststorage1";
    let mut query = query(&[id], &[("Ingress", &[Statistic::Average])], &["ApiName", "Authentication"]);
    query.period = MINUTE * 15;
    (query.start, query.end) = (at("2023-02-01T20:00:00Z"), at("2023-02-01T23:00:00Z"));
    let answered = read(&query, batch.values, at("2023-02-02T00:00:00Z"));
    let points: Vec<usize> = answered.measurements.iter().map(|one| one.points.len()).collect();
    assert_eq!(points, [4, 1], "grains without value are left out: {answered:?}");
    let labels = &answered.measurements[0].dimensions;
    assert_eq!(labels.to_string(), r#"{ApiName="GetBlob", Authentication="SAS"}"#);
}

#[test]
fn recorded_answers_of_one_resource_are_read() {
    if let Some(text) = recorded("rest-api-specs/GetMetricError.json") {
        let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
        let one: ResourceMetrics =
            serde_json::from_value(recorded["responses"]["200"]["body"].clone()).unwrap();
        let metrics =
            [("MongoRequestsCount", &[Statistic::Average][..]), ("MongoRequests", &[Statistic::Average])];
        let mut query = query(&["/tk-cosmos-mongo"], &metrics, &[]);
        query.period = MINUTE * 240;
        (query.start, query.end) = (at("2021-06-07T21:51:00Z"), at("2021-06-08T01:51:00Z"));
        let answered = read(&query, vec![one], at("2021-06-09T00:00:00Z"));
        assert_eq!(answered.refused.keys().map(|name| &**name).collect::<Vec<_>>(), ["MongoRequestsCount"]);
        assert_eq!(
            answered.measurements[0].points,
            [(at("2021-06-08T01:51:00Z"), 0.0)],
            "an actual zero is one"
        );
        assert!(answered.missing.is_empty());
    }
    if let Some(text) = recorded("telegraf/azure_metrics_responses.json") {
        let all: Vec<ResourceMetrics> = serde_json::from_str(&text).unwrap();
        assert_eq!(all.len(), 6);
    }
}

#[test]
fn every_azure_mapping_asks_for_aggregations_there_are() {
    let mappings = NativeMappings::builtin();
    for mapping in mappings.of(isobar_normalizer::Provider::Azure) {
        for wanted in mapping.wanted() {
            assert!(Statistic::read(&wanted.statistic).is_some(), "{}: {wanted:?}", mapping.namespace());
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
        "[a-zA-Z0-9:/ -]{0,12}".prop_map(|it| json!(it)),
        Just(json!("2026-11-21T10:00:00Z")),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let key = proptest::sample::select(vec![
            "values",
            "value",
            "resourceid",
            "name",
            "timeseries",
            "metadatavalues",
            "data",
            "timeStamp",
            "average",
            "errorCode",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            proptest::collection::btree_map(key, inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(value in any_json()) {
        if let Ok(batch) = serde_json::from_value::<Batch>(value) {
            read(&query(&["/1"], &[("A", &[Statistic::Average])], &["LUN"]), batch.values, at("2026-11-21T10:04:30Z"));
        }
    }
}
