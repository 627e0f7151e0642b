//! Sources and resources as the API shows them.

use std::sync::Arc;
use std::time::Duration;

use isobar_dashboards::{Estate, ReadError, ResourceView, SourceState, SourceView};
use parking_lot::Mutex;

use crate::api::{Push, REMOTE_WRITE};
use crate::clock;
use crate::collect::{SourceHealth, SourceStatus, SourceStatuses};
use crate::resources::ResourceTable;
use crate::watermark::Watermarks;

/// Pushed data older than this is late; the grace of missing data.
const PUSH_SILENT: Duration = Duration::from_secs(5 * 60);

/// Reads statuses, watermarks and the resource table.
#[derive(Debug)]
pub struct EstateViews {
    /// How collecting goes.
    pub statuses: Arc<SourceStatuses>,
    /// How far each source has come.
    pub watermarks: Arc<Watermarks>,
    /// What is watched.
    pub resources: Arc<ResourceTable>,
    /// What was last pushed.
    pub pushed: Arc<Mutex<Option<Push>>>,
}

impl Estate for EstateViews {
    fn sources(&self) -> Result<Vec<SourceView>, ReadError> {
        let collected = self.statuses.all();
        Ok(collected.iter().map(|status| self.view(status)).chain(self.pushed()).collect())
    }

    fn resources(&self) -> Result<Vec<ResourceView>, ReadError> {
        Ok(self.resources.all().iter().map(ResourceView::from).collect())
    }
}

impl EstateViews {
    /// What is pushed, once something was: degraded when it is behind by as much as a policy waits for missing data.
    fn pushed(&self) -> Option<SourceView> {
        let latest = *self.pushed.lock();
        let newest = self.watermarks.progress(REMOTE_WRITE)?.newest;
        let lag = clock::now().since(newest);
        let silent = lag > PUSH_SILENT;
        Some(SourceView {
            name: REMOTE_WRITE.to_owned(),
            kind: REMOTE_WRITE.to_owned(),
            state: if silent { SourceState::Degraded } else { SourceState::Up },
            reason: silent.then(|| format!("no sample newer than {newest} was pushed")),
            last_success: latest.map(|push| push.at.into()),
            samples_last_cycle: latest.map_or(0, |push| push.samples),
            lag_seconds: Some(lag.as_secs_f64()),
            cost: None,
        })
    }

    fn view(&self, status: &SourceStatus) -> SourceView {
        let (health, reason) = status.health();
        let progress = self.watermarks.progress(&status.name);
        SourceView {
            name: status.name.to_string(),
            kind: status.kind.to_owned(),
            state: match health {
                SourceHealth::Up => SourceState::Up,
                SourceHealth::Degraded => SourceState::Degraded,
                SourceHealth::Down => SourceState::Down,
            },
            reason,
            last_success: status.last_success().map(Into::into),
            samples_last_cycle: status.samples_last_cycle(),
            lag_seconds: progress.map(|progress| clock::now().since(progress.complete).as_secs_f64()),
            cost: None,
        }
    }
}
