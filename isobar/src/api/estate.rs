//! Sources and resources as the API shows them.

use std::sync::Arc;

use isobar_dashboards::{Estate, ReadError, ResourceView, SourceState, SourceView};

use crate::clock;
use crate::collect::{SourceHealth, SourceStatus, SourceStatuses};
use crate::resources::ResourceTable;
use crate::watermark::Watermarks;

/// Reads statuses, watermarks and the resource table.
#[derive(Debug)]
pub struct EstateViews {
    /// How collecting goes.
    pub statuses: Arc<SourceStatuses>,
    /// How far each source has come.
    pub watermarks: Arc<Watermarks>,
    /// What is watched.
    pub resources: Arc<ResourceTable>,
}

impl Estate for EstateViews {
    fn sources(&self) -> Result<Vec<SourceView>, ReadError> {
        Ok(self.statuses.all().iter().map(|status| self.view(status)).collect())
    }

    fn resources(&self) -> Result<Vec<ResourceView>, ReadError> {
        Ok(self.resources.all().iter().map(ResourceView::from).collect())
    }
}

impl EstateViews {
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
