//! Who may do what: tokens and scopes, foreign pages and hosts, and where a receiver may not point.

use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// SHA-256 of the text, as `sha256sum` prints it.
fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_what_their_scopes_say() {
    let config = format!(
        "security:\n  tokens:\n    - {{name: reader, sha256: {}, scopes: [read]}}\n    - {{name: writer, sha256: {}, scopes: [read, write]}}\npolicies: [policies.yaml]\n",
        sha256("iso_reader"),
        sha256("iso_writer")
    );
    let server = Server::start(&config, MEMORY_POLICY).await;
    let get = |token: Option<&'static str>| {
        let request = server.client().get(server.url("/api/isobar/v1/sources"));
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(get(None).await, 401);
    assert_eq!(get(Some("iso_wrong")).await, 401);
    assert_eq!(get(Some("iso_reader")).await, 200);
    let reload = |token: &'static str| {
        let request = server.client().post(server.url("/-/reload")).bearer_auth(token);
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(reload("iso_reader").await, 403);
    assert_eq!(reload("iso_writer").await, 200);
    let health = server.client().get(server.url("/-/healthy")).send().await.unwrap();
    assert_eq!(health.status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_and_hosts_are_refused() {
    let server = Server::start("policies: [policies.yaml]\n", MEMORY_POLICY).await;
    let post = |name: &'static str, value: &'static str| {
        let request = server.client().post(server.url("/-/reload")).header(name, value);
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(post("origin", "https://evil.example").await, 403);
    assert_eq!(post("sec-fetch-site", "cross-site").await, 403);
    assert_eq!(post("sec-fetch-site", "same-origin").await, 200);
    let wrong_host =
        server.client().get(server.url("/")).header("host", "evil.example").send().await.unwrap();
    assert!(matches!(wrong_host.status().as_u16(), 403 | 421), "{}", wrong_host.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_addresses_are_never_connected_to() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let receivers = "      webhook_configs: [{url: \"http://169.254.169.254/latest\"}, {url: \"http://[fd00:ec2::254]/\"}]\n";
    let targets = [exporter.url(), "http://169.254.169.254/metrics".to_owned()];
    let server = Server::start(&config(&targets, receivers), MEMORY_POLICY).await;
    eventually("the deliveries to be refused", || async {
        let deliveries = server.items("deliveries").await;
        let refused = |one: &serde_json::Value| {
            one["last_error"].as_str().is_some_and(|error| error.contains("metadata"))
        };
        (deliveries.len() >= 2 && deliveries.iter().all(refused)).then_some(())
    })
    .await;
    eventually("the target to be refused", || async {
        let reason = server.items("sources").await[0]["reason"].as_str().unwrap_or_default().to_owned();
        reason.contains("metadata").then_some(())
    })
    .await;
}
