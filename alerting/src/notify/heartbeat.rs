//! The heartbeat: a signed POST at every interval to a dead-man's switch outside. It passes neither the journal nor the
//! outbox: a beat that fails is not repeated, because its absence is the message.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use isobar_egress::{SigningKey, webhook_headers};
use isobar_normalizer::{ConfigError, Timestamp};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::http::{Poster, refused};
use super::{NotifyError, Tools};
use crate::config::{Heartbeat, HttpConfig};

/// Sends the heartbeat.
pub struct HeartbeatSender {
    url: Url,
    interval: Duration,
    key: Option<SigningKey>,
    poster: Poster,
    external_url: Url,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for HeartbeatSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatSender").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl HeartbeatSender {
    /// Reads the secret and prepares the client.
    ///
    /// # Errors
    /// A secret that is missing or of another form than `whsec_…`.
    pub(crate) fn build(
        heartbeat: &Heartbeat,
        tools: &Tools<'_>,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self, ConfigError> {
        let key = match &heartbeat.secret {
            None => None,
            Some(secret) => {
                let key = SigningKey::parse(secret.reveal(tools.secrets)?.expose());
                Some(key.map_err(|wrong| ConfigError::whole(format!("heartbeat: {wrong}")))?)
            }
        };
        // A beat that takes longer than its interval is as good as none.
        let timeout = Some(heartbeat.interval);
        Ok(Self {
            url: heartbeat.url.clone(),
            interval: heartbeat.interval,
            key,
            poster: Poster::build(&HttpConfig::default(), timeout, tools.egress, tools.secrets)?,
            external_url: tools.external_url.clone(),
            clock,
        })
    }

    /// Beats until stopped, the first time at once.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = self.beat() => result,
            };
            let word = if result.is_ok() { "sent" } else { "failed" };
            metrics::counter!("isobar_heartbeat_beats_total", "result" => word).increment(1);
            if let Err(error) = result {
                tracing::warn!(%error, "heartbeat failed");
            }
        }
    }

    async fn beat(&self) -> Result<(), NotifyError> {
        let now = (self.clock)();
        let id = format!("isobar-heartbeat-{}", now.millis());
        let event = json!({
            "type": "isobar.heartbeat",
            "timestamp": now.to_string(),
            "data": {"instance": self.external_url.as_str(), "interval_seconds": self.interval.as_secs_f64()},
        });
        let body = event.to_string().into_bytes();
        let headers = webhook_headers(&id, now.millis(), &body, self.key.as_ref());
        let response = self.poster.post(&self.url, body, &headers).await?;
        if response.status.is_success() { Ok(()) } else { Err(refused(&response, now)) }
    }
}
