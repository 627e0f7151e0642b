//! From discovered labels to a target: relabeled, checked, with its URL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, format_duration, parse_duration};
use url::{Position, Url};
use xxhash_rust::xxh3::xxh3_64;

use super::job::{INTERVAL_MIN, Job};
use super::labels::SOURCE;
use super::relabel;
use crate::Part;

/// One thing to scrape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// Key and interval.
    pub(crate) part: Part,
    /// The index of its job.
    pub(crate) job: usize,
    /// Where its page is.
    pub(crate) url: Url,
    /// How long a scrape may take.
    pub(crate) timeout: Duration,
    /// `job`, `instance`, `source` and whatever relabeling gave it.
    pub(crate) labels: Vec<(String, String)>,
}

/// What discovery knows of a target before relabeling: `__address__` and the labels of its group.
pub(crate) type Discovered = BTreeMap<String, String>;

impl Target {
    /// Relabels a discovered target; `None` when the rules drop it. `source` is the configured source's name.
    pub(crate) fn new(
        source: &str,
        index: usize,
        job: &Job,
        discovered: &Discovered,
    ) -> Result<Option<Self>, String> {
        let mut labels = Labels::empty().edit();
        labels.set("job", &job.name);
        labels.set("__scheme__", job.scheme.as_str());
        labels.set("__metrics_path__", &job.metrics_path);
        labels.set("__scrape_interval__", job.interval.map(format_duration).unwrap_or_default());
        labels.set("__scrape_timeout__", format_duration(job.timeout));
        for (name, values) in &job.params {
            labels.set(format!("__param_{name}"), values.first().cloned().unwrap_or_default());
        }
        for (name, value) in discovered {
            labels.set(name, value);
        }
        if !relabel::apply(&job.relabel, &mut labels) {
            return Ok(None);
        }
        let label = |name: &str| labels.get(name).unwrap_or_default();
        let address = label("__address__");
        let wrong = |what: String| format!("job {:?}, target {address:?}: {what}", job.name);
        let url = url(label("__scheme__"), address, label("__metrics_path__")).map_err(wrong)?;
        let url = with_params(url, job, &labels);
        let timing = |name: &str| match label(name) {
            "" => Ok(None),
            text => parse_duration(text).map(Some).map_err(|error| wrong(format!("{name}: {error}"))),
        };
        let interval = timing("__scrape_interval__")?.filter(|interval| !interval.is_zero());
        if let Some(short) = interval.filter(|interval| *interval < INTERVAL_MIN) {
            let (short, least) = (format_duration(short), format_duration(INTERVAL_MIN));
            return Err(wrong(format!("__scrape_interval__ {short} is too short: at least {least}")));
        }
        let timeout = timing("__scrape_timeout__")?.filter(|timeout| !timeout.is_zero());
        let timeout = timeout.unwrap_or(job.timeout);
        let timeout = interval.map_or(timeout, |interval| timeout.min(interval));

        let mut own: Vec<(String, String)> = labels
            .build()
            .iter()
            .filter(|(name, _)| !name.starts_with("__") && *name != SOURCE)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if !own.iter().any(|(name, _)| name == "instance") {
            own.push(("instance".to_owned(), address.to_owned()));
        }
        own.push((SOURCE.to_owned(), source.to_owned()));
        own.sort();
        let shown = Labels::from_pairs(own.iter().map(|(name, value)| (name, value)))
            .expect("names come from a label set, and instance and source are added once");
        let query =
            url.query().map(|query| format!("?{:016x}", xxh3_64(query.as_bytes()))).unwrap_or_default();
        let key: Arc<str> = format!("{}{query} {shown}", without_query(&url)).into();
        Ok(Some(Self { part: Part { key, interval }, job: index, url, timeout, labels: own }))
    }

    /// How messages name it.
    pub(crate) fn shown(&self) -> String {
        let label = |wanted: &str| self.labels.iter().find(|(name, _)| name == wanted);
        let value = |wanted: &str| label(wanted).map_or("", |(_, value)| value.as_str());
        format!("job {}, instance {}, {}", value("job"), value("instance"), without_query(&self.url))
    }
}

/// The part of a URL that may be shown: a query may hold a token. Keys tell queries apart by their hash.
fn without_query(url: &Url) -> &str {
    &url[..Position::AfterPath]
}

fn url(scheme: &str, address: &str, path: &str) -> Result<Url, String> {
    if address.is_empty() {
        return Err("it has no __address__".to_owned());
    }
    if address.contains(['/', '@', '?', '#']) {
        return Err("an address is host:port, without scheme, path or user".to_owned());
    }
    if !matches!(scheme, "http" | "https") {
        return Err(format!("scheme {scheme:?} is neither http nor https"));
    }
    let mut url = Url::parse(&format!("{scheme}://{address}/"))
        .map_err(|error| format!("not an address: {error}; write host:port"))?;
    url.set_path(path);
    Ok(url)
}

/// Appends the parameters; a `__param_…` label stands for the first value of its name.
fn with_params(mut url: Url, job: &Job, labels: &isobar_normalizer::LabelsBuilder) -> Url {
    let mut params = job.params.clone();
    for (name, value) in labels.build().iter() {
        if let Some(name) = name.strip_prefix("__param_") {
            let values = params.entry(name.to_owned()).or_default();
            match values.first_mut() {
                Some(first) => value.clone_into(first),
                None => values.push(value.to_owned()),
            }
        }
    }
    let pairs: Vec<(&String, &String)> =
        params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))).collect();
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url
}

#[cfg(test)]
mod tests;
