//! What the tests need beside Rust: Debian packages with real peers and a browser, Node, and Python: a mail server, the
//! clouds' clients.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// A program a test starts, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 7] = [
    (CHROMIUM, "chromium"),
    ("/usr/bin/make", "make"),
    ("/usr/bin/prometheus", "prometheus"),
    ("/usr/bin/promtool", "prometheus"),
    ("/usr/bin/amtool", "prometheus-alertmanager"),
    ("/usr/bin/prometheus-node-exporter", "prometheus-node-exporter"),
    ("/usr/bin/python3", "python3-venv"),
];

/// The browser that the web page is tried in.
pub const CHROMIUM: &str = "/usr/bin/chromium";

/// The oldest Node that builds the page. Source: `engines` in dashboards/web/package.json.
const NODE_LEAST: (u32, u32) = (20, 19);

/// The mail server that deliveries are tested against, and other readers of signed webhooks and of events.
const RECEIVERS: [&str; 3] = ["aiosmtpd==1.4.6", "cloudevents==1.12.0", "standardwebhooks==1.1.0"];
/// The clouds' official clients, and another stand-in to compare ours with.
const CLOUDS: [&str; 8] = [
    "azure-identity==1.27.0",
    "azure-mgmt-alertsmanagement==1.0.1",
    "azure-mgmt-monitor==7.0.0",
    "azure-mgmt-resource==26.0.0",
    "azure-mgmt-resourcegraph==8.0.1",
    "azure-monitor-querymetrics==1.0.0",
    "boto3==1.44.5",
    "moto[server]==5.2.5",
];

/// Installs what is missing; as another user than root it names the line to run and fails.
pub fn ensure_all() -> Result<()> {
    ensure_packages()?;
    ensure_node()?;
    ensure_nextest()?;
    ensure_venv(&venv(), &RECEIVERS)?;
    ensure_venv(&cloud_venv(), &CLOUDS)
}

/// Debian's own Node may be too old for the page, and no other comes from its archive: it is only looked for.
pub fn ensure_node() -> Result<()> {
    let (major, minor) = NODE_LEAST;
    let wanted = format!("Node.js {major}.{minor} or newer, with npm, on the PATH");
    let output = Command::new("node").arg("--version").output();
    let output = output.with_context(|| format!("the web page needs {wanted}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut parts = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let is_enough = matches!((parts.next(), parts.next()), (Some(a), Some(b)) if (a, b) >= NODE_LEAST);
    ensure!(is_enough, "the web page needs {wanted}; this is {version:?}");
    Ok(())
}

fn ensure_packages() -> Result<()> {
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(path, _)| !Path::new(path).exists()).map(|(_, package)| *package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let install =
        format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    ensure!(
        root && Path::new("/usr/bin/apt-get").exists(),
        "the tests need more programs; run as root: {install}"
    );
    println!("── installing: {install}");
    let status =
        Command::new("sh").args(["-c", &install]).env("DEBIAN_FRONTEND", "noninteractive").status()?;
    ensure!(status.success(), "installing failed; run as root: {install}");
    Ok(())
}

fn ensure_nextest() -> Result<()> {
    let found = Command::new("cargo").args(["nextest", "--version"]).output()?.status.success();
    if !found {
        println!("── installing the test runner: cargo install --locked cargo-nextest (some minutes, once)");
        let status = Command::new("cargo").args(["install", "--locked", "cargo-nextest"]).status()?;
        ensure!(status.success(), "installing failed; run: cargo install --locked cargo-nextest");
    }
    Ok(())
}

/// The virtual environment beside the build's output.
pub fn venv() -> PathBuf {
    target_dir().join("venv")
}

/// The virtual environment with the clouds' clients; apart, for it is large and its packages bring many others.
pub fn cloud_venv() -> PathBuf {
    target_dir().join("venv-clouds")
}

/// Where cargo builds to: beside this program's own folder.
pub fn target_dir() -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    own.ancestors().nth(2).expect("cargo runs programs from target/<profile>/").to_owned()
}

/// Makes a virtual environment with these packages, unless it is there and has these versions.
fn ensure_venv(venv: &Path, packages: &[&str]) -> Result<()> {
    let python = venv.join("bin/python");
    let check: String = packages
        .iter()
        .filter_map(|package| package.split_once("=="))
        .map(|(name, version)| {
            let name = name.split('[').next().unwrap_or(name);
            format!("assert v('{name}') == '{version}'; ")
        })
        .collect();
    let check = format!("from importlib.metadata import version as v; {check}");
    let works = || Command::new(&python).args(["-c", &check]).output().is_ok_and(|out| out.status.success());
    if works() {
        return Ok(());
    }
    let status = Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(venv).status();
    if !status.context("starting python3")?.success() {
        bail!(
            "making a virtual environment failed; run as root: apt-get install -y --no-install-recommends python3-venv"
        );
    }
    let packages = packages.join(" ");
    println!("── installing {packages} to {}", venv.display());
    let status = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet"])
        .args(packages.split(' '))
        .status()
        .context("starting pip")?;
    ensure!(status.success() && works(), "installing {packages} with pip failed");
    Ok(())
}
