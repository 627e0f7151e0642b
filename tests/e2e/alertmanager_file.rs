//! An `alertmanager.yml` is taken as it is: its routes lead where Alertmanager itself leads, under the same group keys.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::exporter::Exporter;
use crate::harness::peers::Alertmanager;
use crate::harness::receiver::{Answer, Received, Receiver};
use crate::harness::server::Server;
use crate::paging::memory_page;

const POLICIES: &str = r#"
policies:
  - name: MemoryFull
    metric: system.memory.utilization
    over: 1s
    by: [resource_id]
    levels: {critical: "> 90%"}
    labels: {team: platform, site: "eu \"1\""}
  - name: LoadHigh
    metric: system.cpu.load_average.1m
    over: 1s
    by: [resource_id]
    levels: {warning: "> 8"}
    labels: {team: web}
"#;

/// A nested tree: memory goes down two levels and on to the next branch, load to a catch-all with its own grouping.
fn alertmanager_yml(platform: &Receiver, web: &Receiver) -> String {
    format!(
        r#"
route:
  receiver: nobody
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - matchers: ['team=~"plat.*"', site!=""]
      group_by: [alertname, site]
      receiver: nobody
      routes:
        - matchers: [severity=~"critical|error", 'alertname!~"Load.*"']
          receiver: platform
          continue: true
        - match: {{team: platform}}
          match_re: {{alertname: Mem.+}}
          group_by: ['...']
          receiver: web
    - matchers: [team="web"]
      receiver: web
receivers:
  - name: nobody
  - name: platform
    webhook_configs: [{{url: {:?}}}]
  - name: web
    webhook_configs: [{{url: {:?}, send_resolved: false}}]
"#,
        platform.url("/platform"),
        web.url("/web")
    )
}

/// What decides where a notification went and with whom, by group key.
fn groups(received: &[Received]) -> BTreeMap<String, Value> {
    let shown = |body: Value| {
        let labels: Vec<&Value> =
            body["alerts"].as_array().unwrap().iter().map(|one| &one["labels"]).collect();
        let shown = json!({
            "receiver": body["receiver"], "status": body["status"], "groupLabels": body["groupLabels"],
            "commonLabels": body["commonLabels"], "alerts": labels,
        });
        (body["groupKey"].as_str().unwrap().to_owned(), shown)
    };
    received.iter().map(|one| shown(one.json())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_routes_lead_where_alertmanager_leads() {
    let page = memory_page(0.95) + "# TYPE node_load1 gauge\nnode_load1 9.5\n";
    let exporter = Exporter::start(&page).await;
    let (platform, web) =
        (Receiver::start(Answer::Status(200, "")).await, Receiver::start(Answer::Status(200, "")).await);
    let home = tempfile::tempdir().unwrap();
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
sources: [{{name: lab, kind: prometheus, interval: 1s, settings: {{targets: [{:?}]}}}}]
policies: [policies.yaml]
alerting: {{file: alertmanager.yml}}
",
        exporter.url()
    );
    let file = home.path().join("alertmanager.yml");
    std::fs::write(&file, alertmanager_yml(&platform, &web)).unwrap();
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    std::fs::write(home.path().join("policies.yaml"), POLICIES).unwrap();
    let checked = Command::new("/usr/bin/amtool").arg("check-config").arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    let server = Server::start_in(home.path()).await;
    let (to_platform, to_web) = (platform.wait_for(1).await, web.wait_for(2).await);
    let (ours_platform, ours_web) = (groups(&to_platform), groups(&to_web));
    assert_eq!((ours_platform.len(), ours_web.len()), (1, 2), "{ours_platform:#?} {ours_web:#?}");

    // The same file, run by Alertmanager itself, for alerts of the same labels.
    let alerts: Vec<Value> =
        server.items("alerts").await.iter().map(|alert| json!({"labels": alert["labels"]})).collect();
    assert_eq!(alerts.len(), 2);
    let theirs = Alertmanager::start(home.path(), &file).await;
    theirs.post(&alerts).await;
    assert_eq!(groups(&platform.wait_for(2).await[1..]), ours_platform);
    assert_eq!(groups(&web.wait_for(4).await[2..]), ours_web);
}
