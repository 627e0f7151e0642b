//! What was paged, replayed under the configuration that runs, another route, and other policies.

use serde_json::{Value, json};

use crate::harness::exporter::{Exporter, Page};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, run};
use crate::harness::{eventually, now_ms};
use crate::paging::{MEMORY_POLICY, config, memory_page, scrapes_pass};

/// The counts of each receiver.
fn counts(replayed: &Value) -> Vec<String> {
    let receivers = replayed["receivers"].as_array().unwrap_or_else(|| panic!("{replayed}"));
    receivers
        .iter()
        .map(|one| {
            let count = |name: &str| one[name].as_u64().unwrap();
            format!(
                "{}: {} same, +{} -{} ~{}",
                one["receiver"].as_str().unwrap(),
                count("same"),
                count("added_total"),
                count("removed_total"),
                count("changed_total")
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_route_is_tried_on_what_has_been() {
    let exporter = Exporter::start(&memory_page(0.5)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let from = now_ms() / 1000;
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    scrapes_pass(&server, 2.0).await;
    exporter.show(Page::Text(memory_page(0.95)));
    webhook.wait_for(1).await;
    exporter.show(Page::Text(memory_page(0.5)));
    webhook.wait_for(2).await;
    // Until then something may still be told.
    eventually("the alert to be over", || async {
        let alerts = server.items("alerts").await;
        alerts.iter().all(|alert| alert["state"] == "resolved").then_some(())
    })
    .await;
    // Policies are looked at again every second of a short stretch.
    let to = now_ms() / 1000 + 3;
    eventually("the stretch to be over", || async { (now_ms() / 1000 > to).then_some(()) }).await;

    let other = config(&[exporter.url()], &receivers).replace(
        "route: {receiver: ops,",
        "route: {routes: [{receiver: night, matchers: [team=platform]}], receiver: ops,",
    ) + "    - name: night\n      webhook_configs: [{url: \"http://night.example/\"}]\n";
    let other = other + "  templates: ['*.tmpl']\n";
    std::fs::write(server.dir.join("a.tmpl"), "{{ define \"a\" }}x{{ end }}").unwrap();
    std::fs::write(server.dir.join("other.yaml"), other).unwrap();
    let replay = |more: &[&str]| {
        let (from, to) = (from.to_string(), to.to_string());
        let url = server.url("");
        let asked = ["replay", "--from", &from, "--to", &to, "--url", &url, "--output", "json"];
        let output = run(&[&asked[..], more].concat(), &server.dir);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let same = replay(&[]);
    let told = same["then"].as_u64().unwrap();
    assert!(told >= 2, "{same}");
    assert_eq!(counts(&same), [format!("ops: {told} same, +0 -0 ~0")], "{same}");

    let moved = replay(&["--config", "other.yaml"]);
    assert_eq!(
        counts(&moved),
        [format!("night: 0 same, +{told} -0 ~0"), format!("ops: 0 same, +0 -{told} ~0")]
    );
    assert_eq!(moved, replay(&["--config", "other.yaml"]), "the same input, the same output");

    // Policies of the file over what is stored: as they are they fire, and with a threshold out of reach they do not.
    let again = replay(&["--config", "isobar.yaml", "--policies"]);
    assert!(again["now"].as_u64().unwrap() >= 2 && again["receivers"][0]["receiver"] == "ops", "{again}");
    std::fs::write(
        server.dir.join("policies.yaml"),
        MEMORY_POLICY.replace("> 80%", "> 98%").replace("> 90%", "> 99%"),
    )
    .unwrap();
    let quiet = replay(&["--config", "isobar.yaml", "--policies"]);
    assert_eq!(counts(&quiet), [format!("ops: 0 same, +0 -{told} ~0")], "{quiet}");

    let table = run(
        &[
            "replay",
            "--from",
            &from.to_string(),
            "--to",
            &to.to_string(),
            "--url",
            &server.url(""),
            "--config",
            "other.yaml",
        ],
        &server.dir,
    );
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("night: 0 then,") && table.contains("MemoryFull firing"), "{table}");

    let wrong = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "alerting": "route: {receiver: x}"});
    let refused =
        server.client().post(server.url("/api/isobar/v1/replay")).json(&wrong).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let text = refused.text().await.unwrap();
    assert!(text.contains("alerting:1:"), "the place in what was sent: {text}");
}
