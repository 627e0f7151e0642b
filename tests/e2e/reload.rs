//! Reloading takes a good file over without losing anything, and changes nothing for a bad one.

use rustix::process::Signal;

use crate::harness::eventually;
use crate::harness::exporter::{Exporter, Page};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_a_good_one_everything() {
    let first = Exporter::start(&memory_page(0.95)).await;
    let second = Exporter::start(&memory_page(0.5)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[first.url()], &receivers), MEMORY_POLICY).await;
    webhook.wait_for(1).await;

    let file = server.dir.join("isobar.yaml");
    std::fs::write(&file, "sources: [{name: x}]\n").unwrap();
    let (status, message) = server.reload().await;
    assert!(status >= 400 && message.contains("isobar.yaml:1:"), "{status} {message}");
    assert_eq!(server.items("sources").await[0]["name"], "lab");

    std::fs::write(&file, config(&[first.url(), second.url()], &receivers)).unwrap();
    assert_eq!(server.reload().await.0, 200);
    eventually("the second target", || async { (server.query("up == 1").await.len() == 2).then_some(()) })
        .await;
    assert_eq!(server.items("alerts").await[0]["state"], "firing");
    assert_eq!(webhook.received().len(), 1, "a reload pages nobody again");

    let policies = server.dir.join("policies.yaml");
    std::fs::write(&policies, "policies: []\n").unwrap();
    server.process.signal(Signal::HUP);
    let told = webhook.wait_for(2).await;
    assert_eq!(told[1].json()["status"], "resolved", "a policy that is gone ends its alerts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_taken_out_ends_its_alerts() {
    let first = Exporter::start(&memory_page(0.5)).await;
    let second = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[first.url(), second.url()], &receivers), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    std::fs::write(server.dir.join("isobar.yaml"), config(&[first.url()], &receivers)).unwrap();
    assert_eq!(server.reload().await.0, 200);
    let told = webhook.wait_for(2).await;
    assert_eq!(told[1].json()["status"], "resolved");
    let id = told[1].json()["alerts"][0]["fingerprint"].as_str().unwrap().to_owned();
    let why = server.cli(&["why", &id]);
    assert!(
        String::from_utf8_lossy(&why.stdout).contains("resource_gone"),
        "{}",
        String::from_utf8_lossy(&why.stdout)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_other_labels_is_the_same_machine() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let steady = Exporter::start(&memory_page(0.5)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let given = config(&[exporter.url(), steady.url()], &receivers);
    let targets = format!("targets: [{:?}, {:?}]", exporter.url(), steady.url());
    let by_file = given.replace(&targets, "file_sd: [targets.json]");
    assert_ne!(given, by_file);
    // Scraped more seldom than the other, which moves event time on while nobody has read this one.
    let list = |rack: &str| {
        let labels = serde_json::json!({"rack": rack, "__scrape_interval__": "4s"});
        serde_json::json!([{"targets": [exporter.address()], "labels": labels}, {"targets": [steady.address()]}])
            .to_string()
    };
    let server = Server::start(&given, MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    let settled_in = async |rack: &str| {
        let read = format!("count_over_time(up{{rack={rack:?}}}[1h]) > 1");
        eventually("the target in its rack", || async {
            (server.query(&read).await.len() == 1).then_some(())
        })
        .await;
        let up = server.query("up{rack!=\"\"}").await;
        assert!(up.len() == 1 && up[0].0["rack"] == rack, "{up:?}");
        assert_eq!(server.items("alerts").await[0]["state"], "firing");
        assert_eq!(webhook.received().len(), 1, "{rack}: nobody is paged again");
    };

    std::fs::write(server.dir.join("targets.json"), list("a")).unwrap();
    std::fs::write(server.dir.join("isobar.yaml"), &by_file).unwrap();
    assert_eq!(server.reload().await.0, 200);
    settled_in("a").await;
    std::fs::write(server.dir.join("new.json"), list("b")).unwrap();
    std::fs::rename(server.dir.join("new.json"), server.dir.join("targets.json")).unwrap();
    settled_in("b").await;

    exporter.show(Page::Text(memory_page(0.5)));
    let told = webhook.wait_for(2).await;
    assert_eq!(told[1].json()["status"], "resolved");
    let id = told[1].json()["alerts"][0]["fingerprint"].as_str().unwrap().to_owned();
    let why = server.cli(&["why", &id]);
    let why = String::from_utf8_lossy(&why.stdout);
    assert!(!why.contains("resource_gone"), "{why}");
}
