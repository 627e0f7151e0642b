//! Programs under measurement, ended by their pid, and what the system says they used.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A running program.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it with its output kept in a file.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        Ok(Self { child: child.with_context(|| format!("starting {:?}", command.get_program()))? })
    }

    /// CPU seconds it has used so far, all threads together.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the program's name in parentheses and may hold spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        let per_second = rustix::param::clock_ticks_per_second();
        Ok((ticks(11) + ticks(12)) as f64 / per_second as f64)
    }

    /// Its resident memory in MiB.
    pub fn resident_mib(&self) -> Result<u64> {
        self.status_mib("VmRSS:")
    }

    /// The most resident memory it ever had, in MiB.
    pub fn peak_resident_mib(&self) -> Result<u64> {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
        Ok(line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024)
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The binary built beside this one.
pub fn isobar() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let binary = own.parent().context("a program lies in a folder")?.join("isobar");
    if !binary.exists() {
        bail!("{} is not built: run `cargo xtask bench`", binary.display());
    }
    Ok(binary)
}

/// Starts `isobar serve` in a folder that holds isobar.yaml.
pub fn start_isobar(dir: &Path, port: u16) -> Result<Process> {
    let mut command = Command::new(isobar()?);
    command.args([
        "serve",
        "--config",
        "isobar.yaml",
        "--data-dir",
        "data",
        "--listen",
        &format!("127.0.0.1:{port}"),
    ]);
    command.current_dir(dir).env("RUST_LOG", "warn");
    Process::start(command, &dir.join("isobar.log"))
}

/// Starts Debian's Prometheus in a folder that holds prometheus.yml.
pub fn start_prometheus(dir: &Path, port: u16) -> Result<Process> {
    let mut command = Command::new("/usr/bin/prometheus");
    command.args([
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=tsdb",
        "--web.enable-remote-write-receiver",
    ]);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).current_dir(dir);
    Process::start(command, &dir.join("prometheus.log"))
}

/// The first line of what a program says its version is.
pub fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").to_owned()
}

/// Asks until the address answers 200; how long that took.
pub async fn wait_ready(url: &str) -> Result<Duration> {
    let started = Instant::now();
    loop {
        if reqwest::get(url).await.is_ok_and(|response| response.status().is_success()) {
            return Ok(started.elapsed());
        }
        if started.elapsed() > Duration::from_secs(120) {
            bail!("{url} did not answer within two minutes");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The value of a query's one result, as it is printed; `none` where there is none.
pub async fn query(server: &str, expression: &str) -> Result<String> {
    let request =
        reqwest::Client::new().post(format!("{server}/api/v1/query")).form(&[("query", expression)]);
    let answer: serde_json::Value = request.send().await?.json().await?;
    Ok(answer["data"]["result"][0]["value"][1].as_str().unwrap_or("none").to_owned())
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
