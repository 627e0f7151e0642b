use std::sync::Arc;

use super::*;
use crate::estate::Estate;
use crate::scenario::Scenario;

const ORIGIN: Millis = 1_795_000_020_000;

fn ask(body: &Value) -> Result<Value, ApiError> {
    let estate = Arc::new(Estate::new(1, ORIGIN, Scenario::QuietDay));
    let catalogue = Catalogue::new(&estate);
    let inventory =
        Inventory { catalogue: &catalogue, tenant: "t", alerts: Vec::new(), now: ORIGIN, endless: false };
    inventory.answer(body.to_string().as_bytes())
}

fn check(query: &str, expected: u64) -> Value {
    let answer = ask(&json!({"query": query, "subscriptions": [AZURE_SUBSCRIPTION]})).unwrap();
    assert_eq!(answer["totalRecords"], expected, "{query}: {answer}");
    answer
}

#[test]
fn queries_find_what_they_say() {
    check("Resources", 87);
    check("project id, tags, properties | limit 2", 2);
    check("resources | where type =~ 'Microsoft.Compute/virtualMachines'", 60);
    check("resources | where type in~ ('Microsoft.Compute/virtualMachines', 'Microsoft.Cache/Redis')", 64);
    check("resources | where type == 'Microsoft.Compute/virtualMachines'", 0);
    check("resources | where type == \"microsoft.compute/virtualmachines\" and location == 'eastus'", 35);
    check("resources | where tags['service'] == 'checkout' and type has 'redis'", 2);
    check("resources | where tags.tier in ('data') and not(type contains 'storage')", 10);
    check("resources // all\n| where name !startswith 'vm-' | where isnotempty(zones)", 0);
    check("resources | where type !in~ ('microsoft.compute/virtualmachines') | distinct type", 7);
    let answer = check("resources | summarize n = count() by location | order by n desc", 2);
    assert_eq!(answer["data"][0]["location"], "eastus");
    let answer = check(
        "resources | where name startswith 'vm-' | extend zone = tostring(zones[0]) | project zone, name | order by zone asc, name asc",
        60,
    );
    assert_eq!(answer["data"][0], json!({"zone": "1", "name": "vm-batch-eus-01"}));
    assert_eq!(check("resources | count", 1)["data"][0]["Count"], 87);
    assert_eq!(ask(&json!({"query": "resources", "subscriptions": ["other"]})).unwrap()["count"], 0);
}

#[test]
fn pages_end_and_hold_everything_once() {
    let query = "resources | project id | order by id asc";
    let mut ids = Vec::new();
    let mut options = json!({"$top": 40});
    loop {
        let answer = ask(&json!({"query": query, "options": options})).unwrap();
        assert_eq!(answer["resultTruncated"], "false", "a word, not a truth value");
        ids.extend(answer["data"].as_array().unwrap().iter().map(|row| row["id"].to_string()));
        let Some(token) = answer["$skipToken"].as_str() else { break };
        options["$skipToken"] = token.into();
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((ids.len(), &ids), (87, &sorted));
    let other = json!({"query": "resources", "options": options});
    assert_eq!(ask(&other).unwrap_err().details[0]["code"], "InvalidSkipToken");
}

#[test]
fn without_ids_a_page_is_cut_short() {
    let answer = ask(&json!({"query": "project name", "options": {"$top": 5}})).unwrap();
    assert_eq!((&answer["resultTruncated"], answer.get("$skipToken")), (&json!("true"), None));
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    let error = ask(&json!({"query": "project id, location | where where"})).unwrap_err();
    assert_eq!((error.status, error.details[1]["characterPositionInLine"].as_u64()), (400, Some(29)));
    for query in [
        "",
        "resources |",
        "resources | limit x",
        "resources | where id ==",
        "nothing",
        "resources | where f(id)",
    ] {
        ask(&json!({"query": query})).unwrap_err();
    }
    ask(&json!({"query": "resources", "facets": [{}]})).unwrap_err();
    ask(&json!({"query": "resources", "options": {"$top": 1001}})).unwrap_err();
    ask(&json!({"query": format!("where {}a", "(".repeat(10_000))})).unwrap_err();
}
