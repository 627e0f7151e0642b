//! Receivers that misbehave: the page arrives all the same, under one key, and nobody else waits for it.

use std::time::Duration;

use serde_json::Value;

use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, PAGERDUTY_TAKES, config, memory_page};

async fn delivery(server: &Server, channel: &str, state: &str) -> Value {
    eventually(&format!("a {channel} delivery to be {state}"), || async {
        let deliveries = server.items("deliveries").await;
        deliveries.into_iter().find(|delivery| delivery["channel"] == channel && delivery["state"] == state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_under_the_same_key() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    webhook.answer_next([Answer::Status(500, ""), Answer::TooMany(1), Answer::Status(503, "")]);
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    let tries = webhook.wait_for(4).await;
    assert!(tries.iter().all(|one| one.header("webhook-id") == tries[0].header("webhook-id") && one.body == tries[0].body));
    let sent = delivery(&server, "webhook", "sent").await;
    assert_eq!(sent["attempts"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_receiver_delays_no_other() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let hanging = Receiver::start(Answer::Hang(Duration::from_secs(600))).await;
    let pagerduty = Receiver::start(PAGERDUTY_TAKES).await;
    let receivers = format!(
        "      webhook_configs: [{{url: {:?}}}]\n      pagerduty_configs: [{{routing_key: 0123456789abcdef0123456789abcdef, url: {:?}}}]\n",
        hanging.url("/"),
        pagerduty.url("/v2/enqueue")
    );
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    hanging.wait_for(1).await;
    delivery(&server, "pagerduty", "sent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pagerduty_refuses_is_a_dead_letter_that_can_be_sent_again() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let pagerduty = Receiver::start(PAGERDUTY_TAKES).await;
    pagerduty.answer_next([Answer::Status(
        400,
        r#"{"status":"invalid event","message":"Event object is invalid"}"#,
    )]);
    let receivers = format!(
        "      pagerduty_configs: [{{routing_key: 0123456789abcdef0123456789abcdef, url: {:?}}}]\n",
        pagerduty.url("/v2/enqueue")
    );
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    let dead = delivery(&server, "pagerduty", "dead").await;
    assert!(dead["last_error"].as_str().unwrap().contains("invalid"), "{dead}");
    let resend = server.url(&format!("/api/isobar/v1/deliveries/{}/resend", dead["id"].as_str().unwrap()));
    let response = server
        .client()
        .post(resend)
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    let sent = delivery(&server, "pagerduty", "sent").await;
    assert_eq!(sent["idempotency_key"], dead["idempotency_key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_says_error_is_no_success() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let pagerduty =
        Receiver::start(Answer::Status(202, r#"{"status":"invalid event","message":"no"}"#)).await;
    let receivers = format!(
        "      pagerduty_configs: [{{routing_key: 0123456789abcdef0123456789abcdef, url: {:?}}}]\n",
        pagerduty.url("/v2/enqueue")
    );
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    pagerduty.wait_for(1).await;
    eventually("the failure to be noted", || async {
        let deliveries = server.items("deliveries").await;
        deliveries.first().filter(|one| one["state"] != "queued").cloned()
    })
    .await;
    assert!(server.items("deliveries").await.iter().all(|one| one["state"] != "sent"));
}
