//! `GET /api/v2/alerts` and `GET /api/v2/alerts/groups`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::AlertmanagerError;
use super::filter::AlertFilter;
use super::views::{AlertBody, GroupBody};
use crate::app::App;
use crate::backend::StandingGroup;
use crate::blocking::blocking;
use crate::params::Params;

/// State is read from memory.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Open alerts in the order of fingerprints.
pub(crate) async fn alerts(State(app): State<App>, params: Params) -> Result<Response, AlertmanagerError> {
    let filter = AlertFilter::read(&params)?;
    let backend = app.backend.clone();
    let found = blocking(&app.reads, PATIENCE, move || {
        let mut found = backend.alertmanager.alerts(&|labels| filter.wants_labels(labels))?;
        found.retain(|alert| filter.wants(alert));
        found.sort_by_key(|alert| alert.fingerprint);
        Ok::<_, AlertmanagerError>(
            found.into_iter().map(|alert| AlertBody::new(alert, &[])).collect::<Vec<_>>(),
        )
    });
    Ok(Json(found.await??).into_response())
}

/// Groups in the order of labels and receivers; one without a wanted alert is left out.
pub(crate) async fn groups(State(app): State<App>, params: Params) -> Result<Response, AlertmanagerError> {
    let filter = AlertFilter::read(&params)?;
    let backend = app.backend.clone();
    let found = blocking(&app.reads, PATIENCE, move || {
        let mut groups = backend.alertmanager.groups(&|labels| filter.wants_labels(labels))?;
        groups.retain(|group| {
            filter.wants_receiver(&group.receiver) && (filter.muted || group.muted_by.is_empty())
        });
        for group in &mut groups {
            group.alerts.retain(|alert| filter.wants_state(alert));
        }
        groups.retain(|group| !group.alerts.is_empty());
        groups.sort_by(|a, b| key(a).cmp(&key(b)));
        Ok::<_, AlertmanagerError>(groups.into_iter().map(GroupBody::from).collect::<Vec<_>>())
    });
    Ok(Json(found.await??).into_response())
}

fn key(group: &StandingGroup) -> (Vec<(&str, &str)>, &str) {
    (group.labels.iter().collect(), &group.receiver)
}
