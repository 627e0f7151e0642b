//! Either server under one configuration, in a folder of its own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use tempfile::TempDir;

use super::sink::Sink;
use crate::process::{Process, free_port, start_isobar, wait_ready};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The binary built beside this one.
    Isobar,
    /// Debian's.
    Alertmanager,
}

/// How groups are made.
#[derive(Clone, Copy, Debug)]
pub struct Grouping {
    /// `group_by`.
    pub by: &'static str,
    /// `group_wait`.
    pub wait: &'static str,
}

/// A server that tells a webhook.
pub struct Server {
    /// Which it is.
    pub kind: Kind,
    /// Its address.
    pub url: String,
    /// The webhook.
    pub sink: Sink,
    /// It.
    pub process: Process,
    port: u16,
    home: TempDir,
}

#[derive(Deserialize)]
struct Standing {
    labels: Labels,
}

#[derive(Deserialize)]
struct Labels {
    instance: Option<String>,
}

impl Server {
    /// Starts it with an empty folder; returns when it is ready.
    pub async fn start(kind: Kind, grouping: Grouping) -> Result<Self> {
        let (home, sink, port) = (tempfile::tempdir()?, Sink::listen().await?, free_port()?);
        let Grouping { by, wait } = grouping;
        let config = format!(
            "route: {{receiver: r, group_by: ['{by}'], group_wait: {wait}, group_interval: 5m, repeat_interval: 4h}}
receivers: [{{name: r, webhook_configs: [{{url: \"{}\"}}]}}]
",
            sink.url
        );
        fs::write(home.path().join("alertmanager.yml"), config)?;
        let isobar = "
security: {allow_private_targets: [\"127.0.0.0/8\"]}
alerting: {file: alertmanager.yml}
";
        fs::write(home.path().join("isobar.yaml"), isobar)?;
        let process = begin(kind, &home, port).await?;
        Ok(Self { kind, url: format!("http://127.0.0.1:{port}"), sink, process, port, home })
    }

    /// Ends it without warning and starts it again with what it left.
    pub async fn crash(&mut self) -> Result<()> {
        self.process.kill();
        self.process = begin(self.kind, &self.home, self.port).await?;
        Ok(())
    }

    /// The labels `instance` of the alerts that it knows.
    pub async fn instances(&self) -> Result<Vec<String>> {
        let body = reqwest::get(format!("{}/api/v2/alerts", self.url)).await?.bytes().await?;
        let standing: Vec<Standing> = serde_json::from_slice(&body)?;
        Ok(standing.into_iter().filter_map(|alert| alert.labels.instance).collect())
    }

    /// Waits until it uses next to no processor time any more; returns what it has used in all, in seconds.
    pub async fn settled(&self) -> Result<f64> {
        let mut quiet = 0;
        let mut used = self.process.cpu_seconds()?;
        while quiet < 4 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let now = self.process.cpu_seconds()?;
            quiet = if now - used <= 0.011 { quiet + 1 } else { 0 };
            used = now;
        }
        Ok(used)
    }
}

async fn begin(kind: Kind, home: &TempDir, port: u16) -> Result<Process> {
    let process = match kind {
        Kind::Isobar => start_isobar(home.path(), port)?,
        Kind::Alertmanager => {
            let mut command = Command::new("/usr/bin/prometheus-alertmanager");
            command.args([
                "--config.file=alertmanager.yml",
                "--storage.path=kept",
                "--cluster.listen-address=",
            ]);
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).current_dir(home.path());
            Process::start(command, &home.path().join("alertmanager.log"))?
        }
    };
    wait_ready(&format!("http://127.0.0.1:{port}/-/ready")).await?;
    Ok(process)
}
