//! A server that pages one webhook about machines whose memory is full.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use axum::Router;

use crate::remote_write::{Point, now_ms};

/// What the pages are about.
pub const POLICY_NAME: &str = "MemoryFull";

const POLICY: &str = "
policies:
  - {name: MemoryFull, metric: system.memory.utilization, over: 1s, by: [resource_id], levels: {critical: \"> 90%\"}}
";

/// Serves the webhook, and writes a configuration that tells it of every machine at once.
pub async fn prepare(dir: &Path, webhook: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address: SocketAddr = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, webhook).await });
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: r, group_by: [resource_id], group_wait: 0s}}
  receivers: [{{name: r, webhook_configs: [{{url: \"http://{address}/\"}}]}}]
"
    );
    std::fs::write(dir.join("isobar.yaml"), config)?;
    std::fs::write(dir.join("policies.yaml"), POLICY)?;
    Ok(())
}

/// The samples of a machine whose memory is full now.
pub fn breach(instance: &str) -> Vec<Point> {
    let at = now_ms();
    let point = |name: &str, value| {
        let labels = vec![("__name__", name.to_owned()), ("instance", instance.to_owned())];
        Point { labels, at, value }
    };
    vec![point("node_memory_MemAvailable_bytes", 1e9), point("node_memory_MemTotal_bytes", 64e9)]
}
