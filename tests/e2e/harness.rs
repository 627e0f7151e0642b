//! What the tests run against: the binary, receivers that write down what they get, and real peers.

pub mod certificates;
pub mod clouds;
pub mod exporter;
pub mod peers;
pub mod process;
pub mod receiver;
pub mod remote_write;
pub mod server;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a test waits for something that should happen soon, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer; fails the test naming what never came.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    eventually_within(PATIENCE, what, ask).await
}

/// The same for what is promised within a time of its own.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    // What takes minutes is not asked for forty times a second.
    let pause = (patience / 1200).max(Duration::from_millis(25));
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < patience, "waited {} s in vain for: {what}", patience.as_secs());
        tokio::time::sleep(pause).await;
    }
}

/// An HTTP client; the TLS it may need uses the one crypto provider of this process.
pub fn http_client() -> reqwest::Client {
    http_client_with(|builder| builder)
}

/// An HTTP client that was adjusted.
pub fn http_client_with(
    adjust: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    static PROVIDER: std::sync::Once = std::sync::Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    // No connection waits for so long that the server closes it while a request is on its way.
    let builder = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2));
    adjust(builder).build().expect("the options fit each other")
}

/// A loopback port that was free a moment ago, for peers that cannot be told to take any.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
