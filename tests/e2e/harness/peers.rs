//! Real programs from Debian and PyPI that the binary is tested against.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::certificates::Issued;
use super::process::Process;
use super::{eventually, free_port, http_client};

/// A real node_exporter of this machine.
pub struct NodeExporter {
    _process: Process,
    pub port: u16,
}

impl NodeExporter {
    /// Starts one on a free port.
    pub async fn start(dir: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new("/usr/bin/prometheus-node-exporter");
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::start(command, &dir.join("node_exporter.log"));
        wait_until_answering("node_exporter", &format!("http://127.0.0.1:{port}/metrics")).await;
        Self { _process: process, port }
    }
}

/// A real Prometheus.
pub struct Prometheus {
    _process: Process,
    pub url: String,
}

impl Prometheus {
    /// Starts one with this configuration.
    pub async fn start(dir: &Path, config: &str) -> Self {
        let home = dir.join("prometheus");
        std::fs::create_dir_all(&home).expect("the folder can be written");
        let file = home.join("prometheus.yml");
        std::fs::write(&file, config).expect("the folder can be written");
        Self::start_on(&home, &file).await
    }

    /// Starts one with this configuration file; what it writes goes into the folder.
    pub async fn start_on(dir: &Path, file: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new("/usr/bin/prometheus");
        command.arg("--config.file").arg(file).arg("--storage.tsdb.path").arg(dir.join("tsdb"));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::start(command, &dir.join("prometheus.log"));
        let url = format!("http://127.0.0.1:{port}");
        wait_until_answering("prometheus", &format!("{url}/-/ready")).await;
        Self { _process: process, url }
    }

    /// The JSON it answers a GET with, whatever the status.
    pub async fn get(&self, path: &str) -> serde_json::Value {
        let response =
            http_client().get(format!("{}{path}", self.url)).send().await.expect("prometheus answers");
        response.json().await.expect("prometheus answers JSON")
    }

    /// The result of an instant query: label sets and values.
    pub async fn query(&self, expr: &str, at: f64) -> Vec<(serde_json::Value, f64)> {
        let request = http_client().post(format!("{}/api/v1/query", self.url));
        let response = request
            .form(&[("query", expr), ("time", &at.to_string())])
            .send()
            .await
            .expect("prometheus answers");
        let answer: serde_json::Value = response.json().await.expect("prometheus answers JSON");
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        let items = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |item: &serde_json::Value| {
            item["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
        };
        items.iter().map(|item| (item["metric"].clone(), value(item))).collect()
    }
}

/// A real Alertmanager.
pub struct Alertmanager {
    _process: Process,
    pub url: String,
}

impl Alertmanager {
    /// Starts one with this configuration file, alone in its cluster; what it writes goes into the folder.
    pub async fn start(dir: &Path, file: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new("/usr/bin/prometheus-alertmanager");
        command.arg("--config.file").arg(file).arg("--storage.path").arg(dir.join("alertmanager"));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        let process = Process::start(command, &dir.join("alertmanager.log"));
        let url = format!("http://127.0.0.1:{port}");
        wait_until_answering("alertmanager", &format!("{url}/-/ready")).await;
        Self { _process: process, url }
    }

    /// Posts alerts, which fire from now on.
    pub async fn post(&self, alerts: &[serde_json::Value]) {
        let request = http_client().post(format!("{}/api/v2/alerts", self.url)).json(alerts);
        let response = request.send().await.expect("alertmanager answers");
        assert!(response.status().is_success(), "{}", response.text().await.unwrap_or_default());
    }
}

/// A real SMTP server that writes each message to a file of its own.
pub struct Mailbox {
    _process: Process,
    pub port: u16,
    folder: PathBuf,
}

impl Mailbox {
    /// Starts one on a free port; `None`, said aloud, where Python's aiosmtpd is not installed.
    pub async fn start(dir: &Path) -> Option<Self> {
        Self::start_with(dir, &[]).await
    }

    /// Starts one that takes mail after STARTTLS only, under this certificate; `None` as above.
    pub async fn start_private(dir: &Path, issued: &Issued) -> Option<Self> {
        issued.write(dir, "mailbox");
        Self::start_with(dir, &["mailbox.pem", "mailbox.key"].map(|name| dir.join(name))).await
    }

    async fn start_with(dir: &Path, certificate: &[PathBuf]) -> Option<Self> {
        let Some(python) = std::env::var_os("ISOBAR_VENV").map(|venv| PathBuf::from(venv).join("bin/python"))
        else {
            eprintln!("skipped: ISOBAR_VENV is not set; `cargo xtask test` sets it");
            return None;
        };
        let folder = dir.join("mail");
        std::fs::create_dir_all(&folder).expect("the folder can be written");
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/harness/mailbox.py");
        let mut command = Command::new(python);
        command.arg(script).arg(port.to_string()).arg(&folder).args(certificate);
        let process = Process::start(command, &dir.join("mailbox.log"));
        eventually("the mail server", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Some(Self { _process: process, port, folder })
    }

    /// The messages so far, oldest first.
    pub fn messages(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).expect("the folder can be read");
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        paths.iter().map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
    }
}

async fn wait_until_answering(what: &str, url: &str) {
    let client = http_client();
    eventually(what, || async {
        client.get(url).send().await.ok().filter(|response| response.status().is_success())
    })
    .await;
}

/// What a script of this folder, which reads by a published library, makes of a body; `None`, and a line that says so, where the
/// libraries are not installed.
pub fn read_by(script: &str, arguments: &[&str], body: &[u8]) -> Option<Output> {
    let Some(venv) = std::env::var_os("ISOBAR_VENV") else {
        eprintln!("skipped: ISOBAR_VENV is not set; `cargo xtask test` sets it");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/harness").join(script);
    let mut reader = Command::new(Path::new(&venv).join("bin/python"))
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the virtual environment has Python");
    reader.stdin.take().expect("its input is piped").write_all(body).expect("it reads its input");
    Some(reader.wait_with_output().expect("a process that was started ends"))
}
