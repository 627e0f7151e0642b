//! Many scrape targets on one port, each with series whose values change on every scrape.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;

/// The targets and how often they were asked.
pub struct Exporters {
    /// `host:port`.
    pub address: String,
    state: Arc<Pages>,
}

struct Pages {
    series: usize,
    served: AtomicU64,
}

impl Exporters {
    /// Serves `/target/N/metrics` with this many series for any N.
    pub async fn start(series: usize) -> Result<Self> {
        let state = Arc::new(Pages { series, served: AtomicU64::new(0) });
        let router = Router::new().route("/target/{n}/metrics", get(page)).with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, state })
    }

    /// Pages served so far.
    pub fn served(&self) -> u64 {
        self.state.served.load(Ordering::Relaxed)
    }
}

async fn page(
    State(pages): State<Arc<Pages>>,
    Path(target): Path<u64>,
) -> ([(&'static str, &'static str); 1], String) {
    let round = pages.served.fetch_add(1, Ordering::Relaxed);
    let mut text = String::with_capacity(pages.series * 96);
    for series in 0..pages.series {
        if series % 20 == 0 {
            let _ = writeln!(
                text,
                "# HELP app_metric_{} A metric of the benchmark.\n# TYPE app_metric_{} counter",
                series / 20,
                series / 20
            );
        }
        let value = (round * 37 + series as u64 * 101 + target) as f64 / 8.0;
        let (metric, handler) = (series / 20, series % 20);
        let _ = writeln!(
            text,
            "app_metric_{metric}{{handler=\"/api/v1/handler{handler}\",method=\"GET\",code=\"200\"}} {value}"
        );
    }
    ([("content-type", "text/plain; version=0.0.4")], text)
}
