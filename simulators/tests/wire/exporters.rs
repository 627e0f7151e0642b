//! The pages of node_exporter: beside a real one, under promtool, and beside the clouds that host the machines.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use isobar_simulators::{Fault, Machine, Provider, Running, Scenario, Scope};

use crate::harness::{http, start_at};

const ORIGIN: i64 = 1_795_003_200_000;
const MINUTE: i64 = 60_000;
const PROMTOOL: &str = "/usr/bin/promtool";
const NODE_EXPORTER: &str = "/usr/bin/prometheus-node-exporter";

fn exporters(running: &Running) -> Vec<&Machine> {
    running.estate.machines().iter().filter(|machine| machine.node_exporter).collect()
}

async fn page(running: &Running, index: usize) -> String {
    let url = running.prometheus_targets[index].clone();
    http().get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

/// The samples of a page by what is written before the value.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The type of every family of a page.
fn types(page: &str) -> BTreeMap<String, String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    lines.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_machine_with_an_exporter_has_a_page_that_names_it() {
    let (running, _) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let machines = exporters(&running);
    assert_eq!((machines.len(), running.prometheus_targets.len()), (40, 40));
    for (index, machine) in machines.into_iter().enumerate() {
        let page = page(&running, index).await;
        assert!(page.contains(&format!("nodename=\"{}\"", machine.identity.name)), "{page}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_grows_by_what_the_machine_did() {
    let (running, time) = start_at(Scenario::FirstLight, ORIGIN, ORIGIN).await;
    for (index, machine) in exporters(&running).into_iter().enumerate().step_by(7) {
        time.store(ORIGIN, Ordering::Relaxed);
        let before = samples(&page(&running, index).await);
        time.store(ORIGIN + MINUTE, Ordering::Relaxed);
        let after = samples(&page(&running, index).await);
        let grown = |name: &str| after[name] - before[name];
        let received = grown("node_network_receive_bytes_total{device=\"eth0\"}");
        assert_eq!(received, machine.network_in.count(ORIGIN, ORIGIN + MINUTE), "{}", machine.identity.id);
        for cpu in 0..machine.cpus {
            let of = |mode: &str| grown(&format!("node_cpu_seconds_total{{cpu=\"{cpu}\",mode=\"{mode}\"}}"));
            let busy = 1.0 - of("idle") / 60.0;
            let expected = machine.cpu_busy.mean(ORIGIN, ORIGIN + MINUTE);
            assert!((busy - expected).abs() <= 1e-9 * expected, "{busy} {expected}");
            let modes = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];
            let all: f64 = modes.iter().map(|mode| of(mode)).sum();
            assert!((all - 60.0).abs() < 1e-6, "the modes of a minute are a minute: {all}");
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_to_say_but_of_meminfo() {
    if !Path::new(PROMTOOL).exists() {
        eprintln!("skipped: there is no {PROMTOOL}");
        return;
    }
    let (running, _) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let page = page(&running, 0).await;
    running.stop().await;
    let check = move || {
        let mut promtool = Command::new(PROMTOOL)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        promtool.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(check).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // The names of /proc/meminfo are in camel case in the real exporter, too.
    let others: Vec<&str> = said.lines().filter(|line| !line.starts_with("node_memory_")).collect();
    assert!(output.stdout.is_empty() && others.is_empty(), "{others:?}");
    assert_eq!(said.lines().count(), 5, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn families_are_those_of_a_real_exporter() {
    if !Path::new(NODE_EXPORTER).exists() {
        eprintln!("skipped: there is no {NODE_EXPORTER}");
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut exporter = tokio::process::Command::new(NODE_EXPORTER)
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // It says on which address it listens before it does.
    let mut lines =
        tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(exporter.stderr.take().unwrap()));
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("TLS is disabled") {
            break;
        }
    }
    let url = format!("http://{address}/metrics");
    let theirs = http().get(&url).send().await.unwrap().text().await.unwrap();
    exporter.kill().await.unwrap();
    let theirs = types(&theirs);
    let (running, _) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let ours = types(&page(&running, 0).await);
    running.stop().await;
    assert!(ours.len() > 40, "{ours:?}");
    // Where this runs there may be no disk or swap to tell of.
    let absent: Vec<&String> = ours.keys().filter(|name| !theirs.contains_key(*name)).collect();
    assert!(absent.iter().all(|name| name.starts_with("node_disk_")), "{absent:?}");
    for (name, kind) in &ours {
        assert!(theirs.get(name).is_none_or(|their| their == kind), "{name} is a {kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_spoils_samples_and_is_over() {
    let (running, _) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let good = page(&running, 0).await;
    let with = async |fault: Fault| {
        running.faults.inject(Provider::Prometheus, fault, Scope { calls: Some(1), ..Scope::default() });
        page(&running, 0).await
    };
    assert!(with(Fault::NotANumber).await.contains("node_load1 NaN\n"));
    assert!(with(Fault::Infinite).await.contains("node_load1 +Inf\n"));
    let lost = with(Fault::SomeFailing).await;
    assert!(!lost.contains("node_disk_") && lost.contains("{collector=\"diskstats\"} 0\n"));
    let future = with(Fault::Future).await;
    assert!(future.contains(&format!(" {}\n", ORIGIN + 86_400_000)));
    assert_eq!(with(Fault::Duplicates).await.matches("\nnode_load1 ").count(), 2);
    assert_eq!(page(&running, 0).await, good);
    running.stop().await;
}
