//! A full disk refuses samples, and nothing else.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::process::Process;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::remote_write::encode;
use crate::harness::server::{binary, listening};
use crate::harness::{eventually, http_client, now_ms};
use crate::paging::MEMORY_POLICY;

/// The volume: small enough to fill at once, large enough for the log, the journal and a reserve.
const VOLUME: &str = "size=64m";

fn body(n: i64) -> Vec<u8> {
    encode(&[(&[("__name__", "disk_probe")], vec![(now_ms(), n as f64)])])
}

async fn write(client: &reqwest::Client, url: &str, n: i64) -> u16 {
    let request = client.post(format!("{url}/api/v1/write")).header("content-encoding", "snappy");
    let request = request.header("content-type", "application/x-protobuf").timeout(Duration::from_secs(10));
    request.body(body(n)).send().await.map_or(0, |response| response.status().as_u16())
}

async fn status(client: &reqwest::Client, url: &str, path: &str) -> u16 {
    client.get(format!("{url}{path}")).send().await.map_or(0, |response| response.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_samples_pages_and_recovers() {
    let home = tempfile::tempdir().unwrap();
    let volume = home.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    let can_mount = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "-o", VOLUME, "tmpfs"])
        .arg(&volume)
        .status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a volume can be mounted by root only");
        return;
    }
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
  receivers: [{{name: ops, webhook_configs: [{{url: {:?}}}]}}]
",
        webhook.url("/")
    );
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    std::fs::write(home.path().join("policies.yaml"), MEMORY_POLICY).unwrap();
    let serve = format!(
        "mount -t tmpfs -o {VOLUME} tmpfs volume && exec {} serve --config isobar.yaml --data-dir volume/data --listen 127.0.0.1:0",
        binary().display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &serve]).current_dir(home.path());
    let mut process = Process::start(command, &home.path().join("server.log"));
    let url = listening(&mut process, 0).await;
    let client = http_client();
    eventually("the server to be ready", || async {
        (status(&client, &url, "/-/ready").await == 200).then_some(())
    })
    .await;
    assert_eq!(write(&client, &url, 1).await, 204);

    // The volume lives in the server's mount namespace and is reached through its process.
    let inside = PathBuf::from(format!("/proc/{}/root{}", process.id(), volume.display()));
    let filler = inside.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let chunk = vec![0u8; 64 * 1024];
    while file.write_all(&chunk).is_ok() {}
    drop(file);
    let full = Instant::now();
    eventually("samples to be refused", || async { (write(&client, &url, 2).await == 507).then_some(()) })
        .await;
    assert!(full.elapsed() < Duration::from_secs(5), "refused only after {:?}", full.elapsed());
    let asked = Instant::now();
    assert_eq!(write(&client, &url, 3).await, 507);
    assert!(asked.elapsed() < Duration::from_secs(1), "refused after {:?}", asked.elapsed());
    eventually("readiness to be red", || async {
        (status(&client, &url, "/-/ready").await == 503).then_some(())
    })
    .await;
    assert_eq!(status(&client, &url, "/api/v1/query?query=disk_probe").await, 200);
    let page = webhook.wait_for(1).await[0].json();
    assert_eq!(page["alerts"][0]["labels"]["alertname"], "disk_reserve");

    std::fs::remove_file(&filler).unwrap();
    eventually("samples to be taken again", || async {
        (write(&client, &url, 4).await == 204).then_some(())
    })
    .await;
    eventually("readiness to be green", || async {
        (status(&client, &url, "/-/ready").await == 200).then_some(())
    })
    .await;
    let pages = webhook.wait_for(2).await;
    assert_eq!(pages[1].json()["status"], "resolved");
}
