//! The settings of `mode: query`.

use std::sync::Mutex;
use std::time::Duration;

use isobar_normalizer::ConfigError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;
use url::Url;

use super::super::http::{Grammar, HttpSettings, RawAuthorization, RawBasicAuth, RawTls, http_url};
use super::super::job::{TIMEOUT, duration};
use super::super::limits::{Limits, RawLimits};
use super::{Asked, Querier, Question, rules};
use crate::{Collector, SourceContext, SourceSettings};

/// How long after a sample's time it is sure to be seen by queries: Prometheus' default scrape timeout.
const DELAY: Duration = Duration::from_secs(10);

/// As written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawQuerySettings {
    #[serde(rename = "mode")]
    _mode: Option<IgnoredAny>,
    url: Spanned<String>,
    #[serde(default, rename = "match")]
    selectors: Vec<Spanned<String>>,
    #[serde(default)]
    queries: Vec<RawQuery>,
    timeout: Option<Spanned<String>>,
    delay: Option<Spanned<String>>,
    basic_auth: Option<Spanned<RawBasicAuth>>,
    authorization: Option<Spanned<RawAuthorization>>,
    tls_config: Option<Spanned<RawTls>>,
    sample_limit: Option<usize>,
    label_limit: Option<usize>,
    label_name_length_limit: Option<usize>,
    label_value_length_limit: Option<usize>,
    body_size_limit: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuery {
    expr: Spanned<String>,
    record: Option<Spanned<String>>,
}

/// Checked.
#[derive(Debug)]
pub(crate) struct QuerySettings {
    server: Url,
    questions: Vec<Question>,
    timeout: Duration,
    delay: Duration,
    limits: Limits,
    http: HttpSettings,
}

impl TryFrom<RawQuerySettings> for QuerySettings {
    type Error = ConfigError;

    fn try_from(raw: RawQuerySettings) -> Result<Self, ConfigError> {
        let mut questions: Vec<Question> = Vec::new();
        let mut add = |question: Question, text: &Spanned<String>| {
            if text.value.trim().is_empty() {
                return Err(ConfigError::at(text.referenced, "an empty query"));
            }
            if questions.contains(&question) {
                return Err(ConfigError::at(text.referenced, "the same query is given twice"));
            }
            questions.push(question);
            Ok(())
        };
        for selector in &raw.selectors {
            add(Question::Select { selector: selector.value.clone() }, selector)?;
        }
        for RawQuery { expr, record } in &raw.queries {
            if let Some(empty) = record.as_ref().filter(|record| record.value.is_empty()) {
                return Err(ConfigError::at(empty.referenced, "record cannot be empty: give a metric name"));
            }
            let record = record.as_ref().map(|record| record.value.clone());
            add(Question::Evaluate { expr: expr.value.clone(), record }, expr)?;
        }
        if questions.is_empty() {
            return Err(ConfigError::at(
                raw.url.referenced,
                "the source asks nothing: give match or queries",
            ));
        }
        Ok(Self {
            server: server(&raw.url)?,
            questions,
            timeout: duration(raw.timeout.as_ref())?.unwrap_or(TIMEOUT),
            delay: duration(raw.delay.as_ref())?.unwrap_or(DELAY),
            limits: RawLimits {
                samples: raw.sample_limit,
                labels: raw.label_limit,
                label_name: raw.label_name_length_limit,
                label_value: raw.label_value_length_limit,
                body: raw.body_size_limit,
            }
            .check()?,
            http: HttpSettings::new(raw.basic_auth, raw.authorization, raw.tls_config)?,
        })
    }
}

/// The server's address; the API's paths are joined to it.
fn server(text: &Spanned<String>) -> Result<Url, ConfigError> {
    let mut url = http_url(text, "the server's address", "http://host:9090")?;
    if url.query().is_some() {
        return Err(ConfigError::at(
            text.referenced,
            "the server's address has no query: leave out what follows ?",
        ));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

impl SourceSettings for QuerySettings {
    fn build(&self, context: SourceContext<'_>) -> Result<Box<dyn Collector>, ConfigError> {
        let http = self.http.build(context.egress, context.secrets, context.base_dir, Grammar::Isobar)?;
        let asked = |question: &Question| {
            let (live, owed) = (Mutex::default(), Mutex::default());
            (question.key().into(), Asked { question: question.clone(), live, owed })
        };
        Ok(Box::new(Querier {
            source: context.name.into(),
            interval: context.interval,
            server: self.server.clone(),
            http,
            timeout: self.timeout.min(context.interval),
            delay: self.delay,
            limits: self.limits.clone(),
            rules: rules(context.name),
            asked: self.questions.iter().map(asked).collect(),
        }))
    }
}
