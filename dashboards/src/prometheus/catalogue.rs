//! `series`, `labels`, `label/{name}/values`, `metadata`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use isobar_normalizer::{Matcher, TimeRange};
use isobar_promql::parse_matchers;
use serde_json::json;

use super::PrometheusError;
use super::escape::unescape_name;
use super::success::{limited_list, success};
use super::time::{limit, range};
use crate::app::App;
use crate::backend::{MetricMetadata, ReadError, SeriesCatalogue};
use crate::blocking::blocking;
use crate::params::{Params, Segment};

/// As long as a query may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Selectors of one request: each is looked up on its own, and a megabyte of them would take a quarter of an hour.
const SELECTORS_MAX: usize = 256;

/// `GET` or `POST /api/v1/series`.
pub(crate) async fn series(State(app): State<App>, params: Params) -> Result<Response, PrometheusError> {
    let selection = Selection::read(&params)?;
    if selection.selectors.is_empty() {
        return Err(PrometheusError::bad_data("no match[] parameter provided"));
    }
    ask(&app, move |catalogue| {
        let found = catalogue.series(&selection.selectors, selection.range)?;
        let maps = found.iter().map(|labels| labels.iter().collect::<BTreeMap<_, _>>()).collect();
        Ok(limited_list::<BTreeMap<_, _>>(maps, selection.limit))
    })
    .await
}

/// `GET` or `POST /api/v1/labels`.
pub(crate) async fn labels(State(app): State<App>, params: Params) -> Result<Response, PrometheusError> {
    let selection = Selection::read(&params)?;
    ask(&app, move |catalogue| {
        let names = catalogue.label_names(&selection.selectors, selection.range)?;
        Ok(limited_list(names, selection.limit))
    })
    .await
}

/// `GET /api/v1/label/{name}/values`.
pub(crate) async fn label_values(
    State(app): State<App>,
    Segment(escaped): Segment,
    params: Params,
) -> Result<Response, PrometheusError> {
    let name = unescape_name(&escaped).into_owned();
    if name.is_empty() {
        return Err(PrometheusError::bad_data(format!("invalid label name: {escaped:?}")));
    }
    let selection = Selection::read(&params)?;
    ask(&app, move |catalogue| {
        let values = catalogue.label_values(&name, &selection.selectors, selection.range)?;
        Ok(limited_list(values, selection.limit))
    })
    .await
}

/// `GET /api/v1/metadata`.
pub(crate) async fn metadata(State(app): State<App>, params: Params) -> Result<Response, PrometheusError> {
    let metrics_max = number(&params, "limit")?.and_then(|limit| usize::try_from(limit).ok());
    let per_metric_max = number(&params, "limit_per_metric")?.filter(|limit| *limit > 0);
    let metrics_max = metrics_max.unwrap_or(usize::MAX);
    let per_metric_max = per_metric_max.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let only = params.get("metric").map(str::to_owned);
    ask(&app, move |catalogue| {
        let all = catalogue.metadata()?;
        let chosen = all.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name));
        let cut = chosen.take(metrics_max).map(|(name, mut entries)| {
            entries.truncate(per_metric_max);
            (name, entries)
        });
        let map: BTreeMap<String, Vec<MetricMetadata>> = cut.collect();
        Ok(success(&json!(map).to_string(), &[], &[]))
    })
    .await
}

/// A limit of `metadata`, which reads its own way: below zero is none, and zero metrics are none at all.
fn number(params: &Params, name: &str) -> Result<Option<i64>, PrometheusError> {
    let wrong = |_| PrometheusError::bad_data(format!("{name} must be a number"));
    params.get(name).map(|text| text.parse().map_err(wrong)).transpose()
}

/// The parameters these routes share.
struct Selection {
    selectors: Vec<Vec<Matcher>>,
    range: TimeRange,
    limit: Option<usize>,
}

impl Selection {
    fn read(params: &Params) -> Result<Self, PrometheusError> {
        let limit = limit(params, "limit")?;
        let range = range(params)?;
        if params.all("match[]").count() > SELECTORS_MAX {
            let wrong = format!("more than {SELECTORS_MAX} selectors");
            return Err(PrometheusError::parameter("match[]", wrong));
        }
        let selectors = params.all("match[]").map(parse_matchers).collect::<Result<_, _>>();
        let selectors = selectors.map_err(|error| PrometheusError::parameter("match[]", error))?;
        Ok(Self { selectors, range, limit })
    }
}

async fn ask(
    app: &App,
    answer: impl FnOnce(&dyn SeriesCatalogue) -> Result<Response, ReadError> + Send + 'static,
) -> Result<Response, PrometheusError> {
    let catalogue = app.backend.catalogue.clone();
    Ok(blocking(&app.queries, PATIENCE, move || answer(catalogue.as_ref())).await??)
}
