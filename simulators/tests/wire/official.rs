//! boto3 in both of its protocols, and the same questions put to moto.

use isobar_simulators::{Running, Scenario};

use crate::harness::{python, run, script, start};

fn arguments(running: &Running) -> [String; 6] {
    let keys = &running.aws_credentials;
    [
        running.aws_url.to_string(),
        keys.reader.access_key_id.clone(),
        keys.reader.secret_access_key.clone(),
        keys.limited.access_key_id.clone(),
        keys.limited.secret_access_key.clone(),
        keys.role_arn.clone(),
    ]
}

async fn boto3(check: &str, scenario: Scenario, minutes_ago: i64) {
    let Some(python) = python() else { return };
    for protocol in ["json", "smithy-rpc-v2-cbor"] {
        let running = start(scenario, minutes_ago).await;
        let arguments = arguments(&running);
        let arguments: Vec<&str> =
            [check, protocol].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        run(script(&python, "boto3_checks.py", &arguments)).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_pages_through_metrics() {
    boto3("metrics", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_pages_through_data() {
    boto3("data", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_alarms_and_their_past() {
    boto3("alarms", Scenario::AzLoss, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_tags() {
    boto3("tags", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_instances() {
    boto3("instances", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_assumes_a_role() {
    boto3("sessions", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_is_refused_in_the_providers_words() {
    boto3("refusals", Scenario::QuietDay, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_gives_answers_of_the_same_shape_and_value() {
    let Some(python) = python() else { return };
    let running = start(Scenario::QuietDay, 30).await;
    let arguments = arguments(&running);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(script(&python, "beside_moto.py", &arguments)).await;
}
