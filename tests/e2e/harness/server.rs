//! The binary under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use super::process::Process;
use super::{PATIENCE, eventually, http_client};

/// The built binary, beside this test's own; built once if it is not there.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let own = std::env::current_exe().expect("a running program has a path");
        let profile = own.ancestors().nth(2).expect("tests run from target/<profile>/deps/");
        let binary = profile.join("isobar");
        if !binary.exists() {
            // The whole workspace, as ever: another selection has other features, and DataFusion is built again.
            let built = Command::new(env!("CARGO")).args(["build", "--workspace", "--all-targets"]).status();
            assert!(built.is_ok_and(|status| status.success()), "the binary does not build");
        }
        binary
    })
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str], dir: &Path) -> Output {
    Command::new(binary())
        .args(arguments)
        .current_dir(dir)
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("the binary starts")
}

/// A running server with its own folder.
pub struct Server {
    pub process: Process,
    pub dir: PathBuf,
    url: String,
    client: reqwest::Client,
    _temp: Option<tempfile::TempDir>,
}

impl Server {
    /// Writes the configuration and the policies into a fresh folder and starts there. The listener takes any port.
    pub async fn start(config: &str, policies: &str) -> Self {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let dir = temp.path().to_owned();
        std::fs::write(dir.join("isobar.yaml"), config).expect("the folder can be written");
        std::fs::write(dir.join("policies.yaml"), policies).expect("the folder can be written");
        let mut server = Self::start_in(&dir).await;
        server._temp = Some(temp);
        server
    }

    /// Starts in a folder that holds a configuration.
    pub async fn start_in(dir: &Path) -> Self {
        let (process, url) = launch(dir).await;
        Self { process, dir: dir.to_owned(), url, client: http_client(), _temp: None }
    }

    /// A server that was started in another way.
    pub fn of(process: Process, dir: &Path, url: String) -> Self {
        Self { process, dir: dir.to_owned(), url, client: http_client(), _temp: None }
    }

    /// Asks by this client from now on, which knows a certificate or a token.
    pub fn with_client(self, client: reqwest::Client) -> Self {
        Self { client, ..self }
    }

    /// Has the configuration read again; the status and body of the answer.
    pub async fn reload(&self) -> (u16, String) {
        let response = self.client.post(self.url("/-/reload")).send().await.expect("the server answers");
        (response.status().as_u16(), response.text().await.unwrap_or_default())
    }

    /// Ends it without warning and starts it again on the same data.
    pub async fn kill_and_restart(&mut self) {
        self.process.kill();
        self.restart().await;
    }

    /// Starts it again after its end; the port changes.
    pub async fn restart(&mut self) {
        let (process, url) = launch(&self.dir).await;
        self.process = process;
        self.url = url;
    }

    /// An address on it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The HTTP client, without redirects or proxies of its own.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// GETs JSON that must be there.
    pub async fn get(&self, path: &str) -> Value {
        let response =
            self.client.get(self.url(path)).timeout(PATIENCE).send().await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.expect("the answer arrives");
        assert!(status.is_success(), "GET {path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path}: {error}: {text}"))
    }

    /// The status and body of a GET, whatever they are.
    pub async fn try_get(&self, path: &str) -> (u16, String) {
        let response =
            self.client.get(self.url(path)).timeout(PATIENCE).send().await.expect("the server answers");
        (response.status().as_u16(), response.text().await.unwrap_or_default())
    }

    /// The items of a native list.
    pub async fn items(&self, list: &str) -> Vec<Value> {
        self.get(&format!("/api/isobar/v1/{list}")).await["items"].as_array().cloned().unwrap_or_default()
    }

    /// The result of an instant query: label sets and values.
    pub async fn query(&self, expr: &str) -> Vec<(Value, f64)> {
        let response = self
            .client
            .post(self.url("/api/v1/query"))
            .form(&[("query", expr)])
            .send()
            .await
            .expect("the server answers");
        let answer: Value = response.json().await.expect("the answer is JSON");
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        let items = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value =
            |item: &Value| item["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        items.iter().map(|item| (item["metric"].clone(), value(item))).collect()
    }

    /// Runs a command line of the binary against this server.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let url = ["--url", &self.url];
        run(&[arguments, &url].concat(), &self.dir)
    }
}

async fn launch(dir: &Path) -> (Process, String) {
    let log = dir.join("server.log");
    let before = std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
    let mut command = Command::new(binary());
    command
        .args(["serve", "--config", "isobar.yaml", "--data-dir", "data", "--listen", "127.0.0.1:0"])
        .current_dir(dir);
    let mut process = Process::start(command, &log);
    let url = listening(&mut process, before).await;
    (process, url)
}

/// The address a starting server prints, after so many bytes that an earlier one printed.
pub async fn listening(process: &mut Process, before: u64) -> String {
    listening_at(process, before, "listening on ").await
}

/// The address that a starting program prints after these words.
pub async fn listening_at(process: &mut Process, before: u64, words: &str) -> String {
    eventually("the server to listen", || {
        assert!(process.ended().is_none(), "the server ended: {}", process.printed());
        let printed = process.printed();
        let fresh = printed.get(usize::try_from(before).unwrap_or(0)..).unwrap_or_default();
        let line =
            fresh.lines().find_map(|line| line.split_once(words).map(|(_, url)| url.trim().to_owned()));
        async move { line }
    })
    .await
}
