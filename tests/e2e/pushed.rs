//! What is pushed is a source too: listed once something came, with how far it is behind.

use crate::harness::remote_write::{encode, post};
use crate::harness::server::Server;
use crate::harness::{eventually, now_ms};

#[tokio::test(flavor = "multi_thread")]
async fn senders_are_listed_with_their_lag() {
    let server = Server::start("policies: [policies.yaml]\n", "policies: []\n").await;
    assert_eq!(server.items("sources").await, Vec::<serde_json::Value>::new(), "nothing was pushed yet");
    let now = now_ms();
    let labels: &[(&str, &str)] = &[("__name__", "pushed")];

    // A sender that is ten minutes behind delivers, and is behind.
    assert_eq!(post(&server, encode(&[(labels, vec![(now - 600_000, 1.0)])])).await.0, 204);
    let sources = server.items("sources").await;
    assert_eq!(sources[0]["name"], "remote_write");
    assert_eq!(sources[0]["state"], "degraded", "{sources:?}");
    assert!(sources[0]["lag_seconds"].as_f64().is_some_and(|lag| lag > 590.0), "{sources:?}");
    assert_eq!(sources[0]["samples_last_cycle"], 1, "{sources:?}");
    // When it came, and not when what it brought was measured.
    let (reason, came) =
        (sources[0]["reason"].as_str().unwrap(), sources[0]["last_success"].as_str().unwrap());
    let measured = reason.split(' ').find(|word| word.ends_with('Z')).unwrap();
    assert!(came > measured, "{sources:?}");
    let page = eventually("the alert about the lag", || async {
        let alerts = server.items("alerts").await;
        alerts.into_iter().find(|alert| alert["name"] == "watermark_lag")
    })
    .await;
    assert_eq!((&page["labels"]["source"], &page["state"]), (&"remote_write".into(), &"firing".into()));

    assert_eq!(post(&server, encode(&[(labels, vec![(now, 2.0)])])).await.0, 204);
    assert_eq!(server.items("sources").await[0]["state"], "up");
    eventually("the alert's end", || async {
        let alerts = server.items("alerts").await;
        alerts.into_iter().find(|alert| alert["name"] == "watermark_lag" && alert["state"] == "resolved")
    })
    .await;
}
