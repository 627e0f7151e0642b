//! What the signed and the event channels send, read by the libraries that their makers publish.

use serde_json::{Value, json};

use crate::harness::exporter::Exporter;
use crate::harness::peers::read_by;
use crate::harness::receiver::{Answer, Received, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PRIVATE_KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

/// Asserts that Standard Webhooks' library finds the signature right, and that of another body wrong.
pub fn verify(call: &Received) {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| call.header(name));
    let [id, timestamp, signature] = headers;
    let arguments = [SECRET, id, timestamp, signature];
    let Some(read) = read_by("standard_webhook.py", &arguments, &call.body) else { return };
    assert!(read.status.success(), "{headers:?}");
    let other = read_by("standard_webhook.py", &arguments, b"{}").unwrap();
    assert!(!other.status.success(), "a signature of another body");
}

/// The event as CloudEvents' library reads it.
fn event(call: &Received) -> Option<Value> {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers: Value =
        call.headers.iter().map(|(name, value)| (name.to_string(), json!(text(value)))).collect();
    let read = read_by("cloud_event.py", &[&headers.to_string()], &call.body)?;
    assert!(read.status.success(), "{headers}");
    Some(serde_json::from_slice(&read.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn published_libraries_read_what_is_sent() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let [webhook, standard, structured, binary] = [(); 4].map(|()| Receiver::start(Answer::Status(200, "")));
    let (webhook, standard) = (webhook.await, standard.await);
    let (structured, binary) = (structured.await, binary.await);
    let receivers = format!(
        "      webhook_configs: [{{url: {:?}, secret: {SECRET}}}]
      standard_webhook_configs: [{{url: {:?}, secret: {SECRET}, private_key: {PRIVATE_KEY}}}]
      cloudevents_configs: [{{url: {:?}, source: /isobar/test}}, {{url: {:?}, source: /isobar/test, mode: binary}}]
",
        webhook.url("/"),
        standard.url("/"),
        structured.url("/"),
        binary.url("/"),
    );
    let _server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;

    verify(&webhook.wait_for(1).await[0]);
    let signed = &standard.wait_for(1).await[0];
    verify(signed);
    assert!(signed.header("webhook-signature").contains(" v1a,"), "both keys sign");

    let sent = [&structured.wait_for(1).await[0], &binary.wait_for(1).await[0]];
    for call in sent {
        let Some(read) = event(call) else { return };
        assert_eq!(read["specversion"], "1.0");
        assert_eq!(
            (&read["source"], &read["type"]),
            (&json!("/isobar/test"), &json!("io.isobar.alert.firing.v1"))
        );
        assert!(read["id"].as_str().unwrap().starts_with("isobar-"), "{read}");
        assert!(read["subject"].as_str().unwrap().starts_with("{}:{alertname="), "{read}");
        assert_eq!(read["time"], signed.json()["timestamp"], "the time of the event, not of reading it");
        assert_eq!(read["data"]["alerts"], signed.json()["data"]["alerts"]);
    }
}
