//! What the inventory knows of a resource is said of alerts about it.

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::server::Server;
use crate::paging::{config, memory_page};

/// What is said of an alert of this name about this resource, once it was sent here.
async fn annotations(server: &Server, name: &str, resource: &Value) -> Value {
    let alerts = json!([{
        "labels": {"alertname": name, "resource_id": resource["id"]},
        "annotations": {"summary": "sent here"},
    }]);
    let request = server.client().post(server.url("/api/v2/alerts")).json(&alerts);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let listed = server.items(&format!("alerts?q={name}")).await;
    listed.first().unwrap_or_else(|| panic!("{name} is not listed"))["annotations"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_what_the_inventory_knows_of_its_resource() {
    let exporter = Exporter::start(&memory_page(0.5)).await;
    let enrich = "  enrich: [{resource: {kind: resource_type, summary: resource_type, owner: tag_owner}}]\n";
    let config = config(&[exporter.url()], "") + enrich;
    let server = Server::start(&config, "policies: []\n").await;
    let resource = eventually("the machine in the inventory", || async {
        server.items("resources").await.into_iter().next()
    })
    .await;

    let expected = json!({"kind": resource["type"], "summary": "sent here"});
    assert_eq!(annotations(&server, "Sent", &resource).await, expected);
    let unknown = json!({"id": "onprem:nowhere::host:nobody"});
    assert_eq!(annotations(&server, "Unknown", &unknown).await, json!({"summary": "sent here"}));
    let (status, said) = server.reload().await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(annotations(&server, "AfterReload", &resource).await, expected);
}
