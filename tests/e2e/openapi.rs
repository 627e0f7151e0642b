//! The server answers as its description promises, so that a client may be made of the description.

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// Lets objects hold what is described and nothing else.
pub fn close(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        fields.values_mut().for_each(close);
        if fields.contains_key("properties") {
            fields.insert("additionalProperties".to_owned(), json!(false));
        }
    }
}

/// Asserts that an answer of `GET path` is as `operation` describes it for this status.
pub fn check(document: &Value, operation: &str, status: &str, answer: &Value) {
    let response = &document["paths"][format!("/api/isobar/v1/{operation}")]["get"]["responses"][status];
    let mut schema = response["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{operation} {status} is not described");
    schema["components"] = document["components"].clone();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{operation}: {wrong:#?} in {answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_described() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let targets = [exporter.url(), "http://127.0.0.1:1/metrics".to_owned()];
    let server = Server::start(&config(&targets, &receivers), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    eventually("the delivery to be proven", || async {
        server.items("deliveries").await.iter().any(|one| one["state"] == "sent").then_some(())
    })
    .await;
    let mut document = server.get("/api/isobar/openapi.json").await;
    close(&mut document["components"]["schemas"]);
    for list in ["sources", "resources", "alerts", "deliveries", "journal"] {
        let answer = server.get(&format!("/api/isobar/v1/{list}")).await;
        assert!(answer["total"].as_u64() > Some(0), "{list}: {answer}");
        check(&document, list, "200", &answer);
    }
    let id = server.items("alerts").await[0]["id"].as_str().unwrap().to_owned();
    check(&document, "alerts/{id}", "200", &server.get(&format!("/api/isobar/v1/alerts/{id}")).await);
    let why = server.get(&format!("/api/isobar/v1/why?alert={id}")).await;
    check(&document, "why", "200", &why);
    let of =
        |stage: &str| why["items"].as_array().unwrap().iter().find(|step| step["stage"] == stage).cloned();
    assert!(of("evaluate").unwrap()["at"].is_string(), "{why}");
    assert!(of("route").unwrap()["at"].is_null(), "routes decide at no time of their own: {why}");
    let (status, refusal) = server.try_get("/api/isobar/v1/alerts?limit=none").await;
    assert_eq!(status, 400);
    check(&document, "alerts", "default", &serde_json::from_str(&refusal).unwrap());
    // What happened is found again by a word of it, page by page.
    let mut found = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let path = format!("/api/isobar/v1/journal?q=memoryfull&limit=1&after={after}");
        let page = server.get(&path).await;
        check(&document, "journal", "200", &page);
        found.extend(page["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        after = next.to_owned();
    }
    let all = server.items("journal?limit=1000").await;
    let expected: Vec<u64> = all
        .iter()
        .filter(|event| event["payload"].as_str().is_some_and(|payload| payload.contains("MemoryFull")))
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert!(found.len() >= 2 && expected.starts_with(&found), "{found:?} {expected:?}");
}
