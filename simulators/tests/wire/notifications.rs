//! Alarm notifications by SNS: confirmed, signed, in order, once each.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::Ordering;

use isobar_simulators::Scenario;
use serde_json::Value;
use url::Url;

use crate::harness::{python, script, start_at};

/// A whole hour.
const ORIGIN: i64 = 1_795_003_200_000;
const MINUTE: i64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_confirms_and_hears_of_an_alarm_that_fires_and_ends() {
    let Some(python) = python() else { return };
    let (running, time) = start_at(Scenario::AzLoss, ORIGIN, ORIGIN).await;
    let mut listener =
        script(&python, "listener.py", &[]).stdout(Stdio::piped()).spawn().expect("python starts");
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let mut next = || lines.next().expect("the listener says something").unwrap();
    let endpoint: Url = next().parse().unwrap();
    running.subscribe_to_alarms("us-east-1", endpoint).unwrap();
    assert_eq!(next(), "confirmed arn:aws:sns:us-east-1:123456789012:alarms");

    // The zone of this instance is lost in minutes 3 to 33.
    let mut ids = HashSet::new();
    let mut hear = |state: &str| loop {
        let told: Value = serde_json::from_str(&next()).unwrap();
        assert!(ids.insert(told["id"].to_string()), "told twice: {told}");
        if told["AlarmName"] == "checkout-web-02-status-check" {
            assert_eq!(told["NewStateValue"], state);
            return told;
        }
    };
    time.store(ORIGIN + 10 * MINUTE, Ordering::Relaxed);
    let fired = hear("ALARM");
    assert_eq!(fired["subject"], "ALARM: \"checkout-web-02-status-check\" in US East (N. Virginia)");
    assert_eq!(fired["OldStateValue"], "OK");
    assert!(fired["StateChangeTime"].as_str().unwrap().ends_with("+0000"), "{fired}");
    assert_eq!(fired["Trigger"]["Statistic"], "MAXIMUM");
    assert_eq!(fired["Trigger"]["Dimensions"][0]["name"], "InstanceId");
    time.store(ORIGIN + 50 * MINUTE, Ordering::Relaxed);
    hear("OK");
    listener.kill().unwrap();
    listener.wait().unwrap();
    assert_eq!(running.notifications_lost(), 0);
    running.stop().await;
}

#[tokio::test]
async fn only_an_http_endpoint_in_a_region_there_is_can_listen() {
    let (running, _) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let subscribe = |region: &str, endpoint: &str| {
        running.subscribe_to_alarms(region, endpoint.parse().unwrap()).unwrap_err().to_string()
    };
    assert_eq!(
        subscribe("us-east-1", "https://127.0.0.1/hook"),
        "the endpoint https://127.0.0.1/hook must be an http URL with a host"
    );
    assert_eq!(
        subscribe("mars", "http://127.0.0.1/hook"),
        "no topic in region \"mars\"; there are us-east-1 and eu-west-1"
    );
}
