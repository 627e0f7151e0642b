//! A minute of two clouds with two thousand machines each: CPU, the time a cycle takes beside what quotas allow, and memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use isobar_simulators::{AZURE_SUBSCRIPTION, Estate, Logged, Provider, Running, Scenario, Simulators};
use serde_json::{Value, json};

use crate::process::{free_port, isobar, start_isobar, version, wait_ready};
use crate::remote_write::now_ms;
use crate::report::{Report, percentile};

const MACHINES: usize = 2_000;
/// Periods are a minute, and so are cycles.
const CYCLE_MS: i64 = 60_000;
/// The past is read and the catalogues are in memory by then.
const WARM: Duration = Duration::from_secs(180);
const CYCLES: u32 = 5;
/// Calls of GetMetricData a region takes in a second. Source: cloudwatch_limits.html, GetMetricData (2023-05).
const AWS_CALLS_PER_SECOND: f64 = 50.0;
/// Calls a metrics host takes in a second. Source: azure-monitor-docs, metrics/migrate-to-batch-api.md: 360,000 an hour.
const AZURE_CALLS_PER_SECOND: f64 = 100.0;

/// Measures both clouds together, as one server collects them.
pub async fn run() -> Result<Report> {
    let estate = Estate::new(1, now_ms(), Scenario::QuietDay).with_more_machines(MACHINES);
    let running = Simulators::start_over(estate, "127.0.0.1:0".parse()?, Arc::new(now_ms)).await?;
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("aws-secret"), &running.aws_credentials.reader.secret_access_key)?;
    std::fs::write(home.path().join("azure-secret"), &running.azure_credentials.reader.client_secret)?;
    std::fs::write(home.path().join("isobar.yaml"), config(&running))?;
    std::fs::write(home.path().join("policies.yaml"), POLICY)?;

    let port = free_port()?;
    let process = start_isobar(home.path(), port)?;
    let server = format!("http://127.0.0.1:{port}");
    wait_ready(&format!("{server}/-/ready")).await?;
    tokio::time::sleep(WARM).await;
    let (cpu, from) = (process.cpu_seconds()?, now_ms());
    tokio::time::sleep(Duration::from_millis(CYCLE_MS as u64) * CYCLES).await;
    let (cpu, until) = (process.cpu_seconds()? - cpu, now_ms());
    let measured = Measured {
        cpu: cpu / f64::from(CYCLES),
        aws: Calls::of(&running, Provider::Aws, "GetMetricData", from, until)?,
        azure: Calls::of(&running, Provider::Azure, "MetricsBatch", from, until)?,
        resident_mib: process.resident_mib()?,
        series: series(&server).await?,
    };
    check(&server).await?;
    drop(process);
    running.stop().await;
    report(&measured)
}

struct Measured {
    /// Seconds for each cycle of both.
    cpu: f64,
    aws: Calls,
    azure: Calls,
    resident_mib: u64,
    series: f64,
}

/// The calls of the cycles.
struct Calls {
    /// In a cycle, in the region that has most.
    in_region: f64,
    /// From the first to the last call of a cycle, in seconds, the median.
    took: f64,
}

impl Calls {
    fn of(running: &Running, provider: Provider, operation: &str, from: i64, until: i64) -> Result<Self> {
        let log = running.requests();
        ensure!(log.dropped() == 0, "the simulators kept too few requests to measure by");
        let all = log.all();
        let is_one = |one: &&Logged| {
            one.provider == provider && one.call.operation == operation && (from..until).contains(&one.at)
        };
        let calls: Vec<&Logged> = all.iter().filter(is_one).collect();
        let first = calls.first().with_context(|| format!("no {operation} in {CYCLES} minutes"))?;
        // A pause of a third of a minute is between two cycles.
        let mut cycles: Vec<Vec<&Logged>> = vec![vec![*first]];
        for pair in calls.windows(2) {
            if pair[1].at - pair[0].at > CYCLE_MS / 3 {
                cycles.push(Vec::new());
            }
            cycles.last_mut().expect("there is one").push(pair[1]);
        }
        let region = |cycle: &Vec<&Logged>| {
            let of = |region: &str| cycle.iter().filter(|one| one.call.region == region).count();
            cycle.iter().map(|one| of(&one.call.region)).max().unwrap_or(0) as f64
        };
        let took = |cycle: &Vec<&Logged>| (cycle[cycle.len() - 1].at - cycle[0].at) as f64 / 1e3;
        // The first and the last one may have been cut.
        let whole = if cycles.len() > 2 { &cycles[1..cycles.len() - 1] } else { &cycles[..] };
        Ok(Self {
            in_region: percentile(&mut whole.iter().map(region).collect::<Vec<_>>(), 0.5),
            took: percentile(&mut whole.iter().map(took).collect::<Vec<_>>(), 0.5),
        })
    }
}

fn report(measured: &Measured) -> Result<Report> {
    let mut report = Report::new("A cycle of two clouds");
    report.note(format!(
        "{MACHINES} machines of CloudWatch and as many of Azure Monitor, every mapped metric of each (more than ten) every minute, \
         {CYCLES} minutes after {} s; simulators on the same machine, in a process of their own",
        WARM.as_secs()
    ));
    report.note(version(&isobar()?));
    report.promise(
        "CPU for a cycle of both",
        format!("{:.2} s", measured.cpu),
        "",
        "at most 3 s",
        measured.cpu <= 3.0,
    );
    for (cloud, calls, quota) in [
        ("CloudWatch", &measured.aws, AWS_CALLS_PER_SECOND),
        ("Azure Monitor", &measured.azure, AZURE_CALLS_PER_SECOND),
    ] {
        let least = calls.in_region / quota;
        // A cycle that quotas would let end within a second is as good as one that does.
        let enough = (1.2 * least).max(1.0);
        report.promise(
            &format!("wall time of a cycle of {cloud}"),
            format!("{:.2} s", calls.took),
            format!("{least:.2} s by the quota, {:.0} calls in a region", calls.in_region),
            "at most 1.2 of what the quota takes, or 1 s",
            calls.took <= enough,
        );
    }
    let room = 150.0 + measured.series * 1.2 / 1024.0;
    report.promise(
        "resident memory",
        format!("{} MiB", measured.resident_mib),
        format!("{room:.0} MiB for {:.0} series", measured.series),
        "at most 150 MiB and 1.2 KiB a series",
        measured.resident_mib as f64 <= room,
    );
    Ok(report)
}

async fn sql(server: &str, statement: &str) -> Result<Value> {
    let request = reqwest::Client::new().post(format!("{server}/api/isobar/v1/sql"));
    Ok(request.json(&json!({"statement": statement})).send().await?.json().await?)
}

async fn series(server: &str) -> Result<f64> {
    let answer = sql(server, "SELECT count(*) FROM series").await?;
    answer["rows"][0][0].as_f64().with_context(|| format!("no count of series: {answer}"))
}

/// What was asked for also came, from every machine and not long ago.
async fn check(server: &str) -> Result<()> {
    let statement = "SELECT cloud_provider, count(DISTINCT resource_id) FROM metrics \
        WHERE name = 'system.cpu.utilization' AND ts > now() - INTERVAL '10 minutes' GROUP BY 1 ORDER BY 1";
    let answer = sql(server, statement).await?;
    let rows = answer["rows"].as_array().with_context(|| format!("{answer}"))?;
    for cloud in ["aws", "azure"] {
        let machines = rows.iter().find(|row| row[0] == cloud).and_then(|row| row[1].as_u64()).unwrap_or(0);
        ensure!(machines >= MACHINES as u64, "{machines} machines of {cloud} have fresh values");
    }
    Ok(())
}

const POLICY: &str = "
policies:
  - {name: HighCpu, metric: system.cpu.utilization, over: 5m, by: [resource_id], levels: {critical: \"> 95%\"}, for: 2m}
";

/// Every mapped metric of every machine, every minute.
fn config(running: &Running) -> String {
    format!(
        "
policies: [policies.yaml]
sources:
  - name: aws
    kind: cloudwatch
    interval: 60s
    settings:
      regions: [us-east-1, eu-west-1]
      endpoint_url: {aws}
      credentials: {{source: static, access_key_id: {key}, secret_access_key: \"${{file:aws-secret}}\"}}
      namespaces: [AWS/EC2]
      other_interval: 60s
      backfill: 15m
      alarms: {{enabled: false}}
  - name: azure
    kind: azure_monitor
    interval: 60s
    settings:
      tenant_id: {tenant}
      client_id: {client}
      client_secret: \"${{file:azure-secret}}\"
      subscriptions: [{AZURE_SUBSCRIPTION}]
      endpoints: {{authority: \"{token}\", arm: \"{arm}\", metrics: \"{metrics}{{region}}\"}}
      allow_http: true
      namespaces: [Microsoft.Compute/virtualMachines]
      other_interval: 60s
      backfill: 15m
      alarms: {{enabled: false}}
",
        aws = running.aws_url,
        key = running.aws_credentials.reader.access_key_id,
        tenant = running.azure_credentials.tenant_id,
        client = running.azure_credentials.reader.client_id,
        token = running.azure_token_url,
        arm = running.azure_arm_url,
        metrics = running.azure_metrics_url,
    )
}
