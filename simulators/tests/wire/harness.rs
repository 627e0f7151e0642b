//! Starts simulators on a free port, with a clock the test moves, and runs Python beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use isobar_simulators::{Config, Running, Scenario, Simulators};

/// The time on the wall, milliseconds; what official clients sign with.
pub fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Starts the simulators with the clock on the wall; the story began so many minutes ago.
pub async fn start(scenario: Scenario, minutes_ago: i64) -> Running {
    let origin = wall_clock() - minutes_ago * 60_000;
    let config = Config {
        seed: 1,
        origin,
        scenario,
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: Arc::new(wall_clock),
    };
    Simulators::start(config).await.unwrap()
}

/// Starts the simulators with a clock that stands still until it is moved.
pub async fn start_at(scenario: Scenario, origin: i64, now: i64) -> (Running, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(now));
    let hand = Arc::clone(&time);
    let config = Config {
        seed: 1,
        origin,
        scenario,
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: Arc::new(move || hand.load(Ordering::Relaxed)),
    };
    (Simulators::start(config).await.unwrap(), time)
}

/// The Python with the official clients; none, and a line that says so, where it is not installed.
pub fn python() -> Option<PathBuf> {
    let Some(venv) = std::env::var_os("ISOBAR_CLOUD_VENV") else {
        eprintln!(
            "skipped: ISOBAR_CLOUD_VENV is not set; `cargo xtask test` installs the clients and sets it"
        );
        return None;
    };
    Some(Path::new(&venv).join("bin/python"))
}

/// A script of this folder, ready to run.
pub fn script(python: &Path, name: &str, arguments: &[&str]) -> Command {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(name);
    let mut command = Command::new(python);
    command.arg(file).args(arguments);
    command
}

/// Runs a script to its end and fails with what it printed.
pub async fn run(mut command: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// An HTTP client; the TLS it never needs here would use the one crypto provider.
pub fn http() -> reqwest::Client {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
