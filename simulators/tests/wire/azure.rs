//! The official clients of Azure, and answers beside those that were recorded from Azure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use isobar_simulators::{
    AZURE_SUBSCRIPTION, AzureApplication, Cloud, Fault, Provider, Running, Scenario, Scope,
};
use serde_json::{Value, json};

use crate::harness::{http, python, run, script, start, start_at};

const ORIGIN: i64 = 1_795_003_200_000;
const MINUTE: i64 = 60_000;
const METRICS: &str = "https://metrics.monitor.azure.com/.default";
const MANAGEMENT: &str = "https://management.azure.com/.default";

async fn official(check: &str, scenario: Scenario, minutes_ago: i64) {
    let Some(python) = python() else { return };
    let running = start(scenario, minutes_ago).await;
    let application =
        |it: &AzureApplication| json!({"client_id": it.client_id, "client_secret": it.client_secret});
    let credentials = &running.azure_credentials;
    let place = json!({
        "token": running.azure_token_url,
        "arm": running.azure_arm_url,
        "metrics": running.azure_metrics_url,
        "subscription": AZURE_SUBSCRIPTION,
        "tenant": credentials.tenant_id,
        "identity_header": credentials.identity_header,
        "reader": application(&credentials.reader),
        "contributor": application(&credentials.contributor),
        "limited": application(&credentials.limited),
    });
    run(script(&python, "azure_checks.py", &[check, &place.to_string()])).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_list_resources() {
    official("inventory", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_graph_is_asked_too_often() {
    official("graph_quota", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_read_definitions() {
    official("definitions", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_read_metrics() {
    official("metrics", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_read_batches() {
    official("batch", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_read_and_acknowledge_alerts() {
    official("alerts", Scenario::FirstLight, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_get_tokens_of_identities() {
    official("identities", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_are_refused_in_the_providers_words() {
    official("refusals", Scenario::QuietDay, 30).await;
}

/// A token of the reader.
async fn token(running: &Running, scope: &str) -> String {
    let credentials = &running.azure_credentials;
    let url = running.azure_token_url.join(&format!("{}/oauth2/v2.0/token", credentials.tenant_id)).unwrap();
    let form = [
        ("client_id", credentials.reader.client_id.as_str()),
        ("client_secret", credentials.reader.client_secret.as_str()),
        ("grant_type", "client_credentials"),
        ("scope", scope),
    ];
    let answer: Value = http().post(url).form(&form).send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

struct Asking<'a> {
    running: &'a Running,
    management: String,
    metrics: String,
}

impl<'a> Asking<'a> {
    async fn of(running: &'a Running) -> Self {
        let (management, metrics) = (token(running, MANAGEMENT).await, token(running, METRICS).await);
        Self { running, management, metrics }
    }

    /// Asks Resource Manager.
    async fn get(&self, path: &str) -> (u16, Value) {
        let url = self.running.azure_arm_url.join(path).unwrap();
        let answer = http().get(url).bearer_auth(&self.management).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn graph(&self, query: &str) -> (u16, Value) {
        let path = "providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
        let url = self.running.azure_arm_url.join(path).unwrap();
        let body = json!({"query": query, "subscriptions": [AZURE_SUBSCRIPTION]});
        let request = http().post(url).bearer_auth(&self.management).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn batch(&self, query: &str, ids: &[&str]) -> (u16, Value) {
        let path =
            format!("subscriptions/{AZURE_SUBSCRIPTION}/metrics:getBatch?api-version=2024-02-01&{query}");
        let url = self.running.azure_metrics_url.join(&path).unwrap();
        let body = json!({"resourceids": ids});
        let request = http().post(url).bearer_auth(&self.metrics).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// The first machine of a region, by its id.
fn machine(running: &Running) -> String {
    let all = running.estate.machines();
    let found = all.iter().find(|it| it.identity.place.cloud() == Cloud::Azure).unwrap();
    found.identity.place.native_id().unwrap().to_owned()
}

/// What Azure said, as it was recorded; none, and a line that says so, where the recordings are not.
fn recorded(name: &str) -> Option<Value> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/azure").join(name);
    match std::fs::read(&file) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(_) => {
            eprintln!("skipped: there is no recording {}", file.display());
            None
        }
    }
}

fn exchange<'a>(recording: &'a Value, part: &str) -> &'a Value {
    let all = recording.as_array().unwrap();
    let found = all.iter().find(|it| it["uri"].as_str().unwrap().contains(part));
    &found.unwrap_or_else(|| panic!("{part}"))["response_body"]
}

/// The kind of every value by its way in; items of a list are one.
fn shape(value: &Value, way: &str, kinds: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "truth",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(items) => {
            for item in items {
                shape(item, &format!("{way}[]"), kinds);
            }
            "list"
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                shape(field, &format!("{way}.{name}"), kinds);
            }
            "object"
        }
    };
    kinds.insert(way.to_owned(), kind);
}

/// Checks that ours has every field that Azure's has, of the same kind, but for those that are optional there.
fn check_shape(ours: &Value, theirs: &Value, optional: &[&str]) {
    let (mut is, mut expected) = (BTreeMap::new(), BTreeMap::new());
    shape(ours, "", &mut is);
    shape(theirs, "", &mut expected);
    for (way, kind) in &expected {
        let skipped = optional.iter().any(|it| way.starts_with(it));
        assert!(skipped || is.get(way) == Some(kind), "{way} is {:?}, not {kind}: {ours:#}", is.get(way));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_shape_of_recorded_ones() {
    let (running, _) = start_at(Scenario::FirstLight, ORIGIN, ORIGIN).await;
    let asking = Asking::of(&running).await;
    let vm = machine(&running);
    let insights = format!("{vm}/providers/microsoft.insights/metrics?api-version=2018-01-01");

    let Some(file) = recorded("azure-mgmt-monitor-2.0.0/metrics_and_metric_alerts.json") else { return };
    let (_, mut ours) = asking.get(&insights).await;
    // That machine had no data: the newest points of ours have none either.
    let points = ours["value"][0]["timeseries"][0]["data"].as_array_mut().unwrap();
    assert_eq!(points.len(), 60, "an hour by the minute");
    points.drain(..points.len() - 1);
    check_shape(&ours, exchange(&file, "/microsoft.insights/metrics?"), &[]);
    assert_eq!(ours["value"][0]["timeseries"][0]["data"][0].as_object().unwrap().len(), 1);

    let file = recorded("rest-api-specs/GetMetricError.json").unwrap();
    let asked =
        format!("{insights}&metricnames=Percentage CPU,Network In Total&aggregation=Total&interval=FULL");
    let (_, ours) = asking.get(&asked).await;
    check_shape(&ours, &file["responses"]["200"]["body"], &[".value[].timeseries[].data[].average"]);
    assert_eq!(ours["value"][0]["errorCode"], "InvalidSamplingType");

    let file = recorded("rest-api-specs/MetricBatchExample.excerpt.json").unwrap();
    let store = running.estate.object_stores().iter().find(|it| it.identity.place.cloud() == Cloud::Azure);
    let store = store.unwrap().identity.place.native_id().unwrap();
    let query = "metricnamespace=Microsoft.Storage/storageAccounts&metricnames=Transactions&aggregation=average,minimum,maximum&interval=PT15M&top=10&orderby=average desc&filter=ApiName eq 'GetBlob' or ApiName eq 'PutBlob' and Authentication eq '*'";
    let (status, ours) = asking.batch(query, &[store]).await;
    assert_eq!(status, 200, "{ours}");
    check_shape(&ours, &file["responses"]["200"]["body"], &[]);

    for name in ["basic_query", "basic_query_object_array"] {
        let file = recorded(&format!("azure-mgmt-resourcegraph-8.0.0/test_resources_{name}.json")).unwrap();
        let (_, ours) = asking.graph(file[0]["request_body"]["query"].as_str().unwrap()).await;
        check_shape(&ours, &file[0]["response_body"], &[".data[].properties", ".data[].tags"]);
    }
    let file = recorded("azure-mgmt-resourcegraph-8.0.0/test_resources_malformed_query.json").unwrap();
    let (status, ours) = asking.graph("project id, location | where where").await;
    assert_eq!(status, 400);
    check_shape(&ours, &file[0]["response_body"], &[]);

    let file = recorded("rest-api-specs/Alerts_List.excerpt.json").unwrap();
    let list = format!("subscriptions/{AZURE_SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts");
    let (_, ours) = asking
        .get(&format!("{list}?api-version=2019-05-05-preview&pageCount=1&includeEgressConfig=true"))
        .await;
    // Smart groups are retired, an alert that fires is not resolved yet, and nobody set properties of their own.
    let essentials = ".value[].properties.essentials";
    let optional = [
        format!("{essentials}.smartGroup"),
        format!("{essentials}.monitorConditionResolved"),
        ".value[].properties.customProperties".to_owned(),
    ];
    let optional: Vec<&str> = optional.iter().map(String::as_str).collect();
    check_shape(&ours, &file["responses"]["200"]["body"], &optional);

    let file = recorded("azure-mgmt-alertsmanagement-1.0.0/recorded.json").unwrap();
    let (_, ours) = asking
        .get(&format!("{list}Summary?groupby=severity%2CalertState&api-version=2019-05-05-preview"))
        .await;
    check_shape(&ours, exchange(&file, "/alertsSummary?"), &[]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grain_comes_late_grows_and_is_final() {
    let (running, time) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let asking = Asking::of(&running).await;
    let id = machine(&running);
    let machine =
        running.estate.machines().iter().find(|it| it.identity.place.native_id() == Some(&id)).unwrap();
    let query = "metricnamespace=Microsoft.Compute/virtualMachines&metricnames=Network In Total&aggregation=Total&starttime=2026-11-18T12:00:00Z&endtime=2026-11-18T12:01:00Z";
    let mut seen = Vec::new();
    for seconds in (60..300).step_by(10) {
        time.store(ORIGIN + seconds * 1_000, std::sync::atomic::Ordering::Relaxed);
        let (_, answer) = asking.batch(query, &[id.to_lowercase().as_str()]).await;
        let point = &answer["values"][0]["value"][0]["timeseries"][0]["data"][0];
        assert_eq!(point["timeStamp"], "2026-11-18T12:00:00Z", "{answer}");
        if seen.last() != Some(&point["total"].as_f64()) {
            seen.push(point["total"].as_f64());
        }
    }
    let (part, whole) = (
        machine.network_in.count(ORIGIN, ORIGIN + 40_000),
        machine.network_in.count(ORIGIN, ORIGIN + MINUTE),
    );
    assert_eq!(seen, [None, Some(part), Some(whole)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_said_in_the_providers_words() {
    let (running, time) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let asking = Asking::of(&running).await;
    let id = machine(&running);
    let query = "metricnamespace=Microsoft.Compute/virtualMachines&metricnames=Percentage CPU";
    let data = ["values", "value", "timeseries"];
    let points = |answer: &Value| {
        let line = data.iter().fold(answer.clone(), |it, name| it[*name][0].clone());
        line["data"].as_array().cloned().unwrap_or_default()
    };
    let values = |answer: &Value| points(answer).iter().map(|it| it["average"].clone()).collect::<Vec<_>>();
    let (_, good) = asking.batch(query, &[&id]).await;
    assert_eq!(points(&good).len(), 60);
    let once =
        |operation: &str| Scope { operation: Some(operation.to_owned()), calls: Some(1), ..Scope::default() };
    let with = async |fault: Fault| {
        running.faults.inject(Provider::Azure, fault, once("MetricsBatch"));
        asking.batch(query, &[&id]).await
    };
    let (status, body) = with(Fault::Throttled).await;
    assert_eq!((status, &body["error"]["code"]), (529, &json!("Throttled")));
    let (status, body) = with(Fault::Failing).await;
    assert_eq!(status, 500, "{body}");
    let (status, body) = with(Fault::ErrorIn200).await;
    assert!(status == 200 && body["error"]["code"].is_string(), "{body}");
    assert_eq!(points(&with(Fault::Duplicates).await.1).len(), 120);
    let mut backwards = points(&with(Fault::OutOfOrder).await.1);
    backwards.reverse();
    assert_eq!(backwards, points(&good));
    let future = points(&with(Fault::Future).await.1);
    assert!(future.iter().any(|it| it["timeStamp"] == "2026-11-19T12:00:00Z"), "{future:?}");
    assert_eq!(values(&with(Fault::NotANumber).await.1)[0], "NaN");
    assert_eq!(values(&with(Fault::Infinite).await.1)[0], "Infinity");
    assert!(values(&with(Fault::WrongType).await.1)[0].is_object());
    assert_eq!(asking.batch(query, &[&id]).await.1, good, "a fault that is over leaves nothing behind");

    running.faults.inject(Provider::Azure, Fault::EndlessPages, once("ResourceGraph"));
    assert!(asking.graph("resources | where name == 'none' | project id").await.1["$skipToken"].is_string());
    running.faults.inject(Provider::Azure, Fault::Throttled, once("ListResources"));
    let list = format!("subscriptions/{AZURE_SUBSCRIPTION}/resources?api-version=2021-04-01");
    let (status, body) = asking.get(&list).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("SubscriptionRequestsThrottled")));
    time.store(ORIGIN + 3_599_000, std::sync::atomic::Ordering::Relaxed);
    let (status, body) = asking.get(&list).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("ExpiredAuthenticationToken")));
    running.stop().await;
}
