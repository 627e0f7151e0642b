//! The signals a server is steered by, listened for before anything else starts: none of them is then deadly by default.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Exit status of a process that was told to end at once; shells report SIGINT as this.
const ENDED_AT_ONCE: i32 = 130;

/// What the signals ask for.
#[derive(Debug)]
pub struct Signals {
    /// Cancelled by the first SIGTERM or SIGINT.
    pub stop: CancellationToken,
    /// SIGHUP.
    pub hang_up: Signal,
}

impl Signals {
    /// Listens. The first SIGTERM or SIGINT asks to stop, the second ends the process without waiting for anything.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn listen() -> Result<Self> {
        let of = |kind| signal(kind).context("listening for signals");
        let (mut terminate, mut interrupt) = (of(SignalKind::terminate())?, of(SignalKind::interrupt())?);
        let hang_up = of(SignalKind::hangup())?;
        let stop = CancellationToken::new();
        let asked = stop.clone();
        tokio::spawn(async move {
            wait(&mut terminate, &mut interrupt).await;
            info!("stopping; a second signal ends without waiting");
            asked.cancel();
            wait(&mut terminate, &mut interrupt).await;
            warn!("ended at once: what was under way is done again after the next start");
            std::process::exit(ENDED_AT_ONCE);
        });
        Ok(Self { stop, hang_up })
    }
}

async fn wait(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
