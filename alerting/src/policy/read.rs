//! Policy files: the YAML grammar, and every complaint about it with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::{
    AlertClass, ConfigError, Entries, METRIC_NAME, MatchOp, Matcher, Severity, parse_duration,
};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::compile::matchers;
use super::fit;
use super::table::OneOrMany;
use super::{ALERT_NAME, Aggregate, Condition, Criteria, NoData, Override, Policy, RESOURCE_ID};
use crate::template::{Annotations, TemplateScope};
use crate::{outage, self_rules};

/// The default of `over`.
const OVER: Duration = Duration::from_secs(5 * 60);
/// Every evaluation reads the whole window: a longer one is a report, not an alert.
const OVER_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// The grid is in milliseconds, and no source delivers faster than once a second.
const OVER_MIN: Duration = Duration::from_secs(1);
/// Labels an alert gets from its policy's other settings.
const OWN_LABELS: [&str; 4] = [ALERT_NAME, "severity", "class", METRIC_NAME];

/// The policies of a set of files, read one after another.
#[derive(Debug, Default)]
pub struct Policies {
    all: Vec<Policy>,
    runbooks: BTreeSet<String>,
}

impl Policies {
    /// Knows these runbooks: `respond` names one of them.
    pub fn with_runbooks(runbooks: impl IntoIterator<Item = String>) -> Self {
        Self { all: Vec::new(), runbooks: runbooks.into_iter().collect() }
    }

    /// Reads one file that stands alone: a table with the one key `policies`.
    ///
    /// # Errors
    /// The first thing that is wrong, with line and column, and what would be right.
    pub fn parse(text: &str) -> Result<Vec<Policy>, ConfigError> {
        let mut policies = Self::default();
        policies.add(text)?;
        Ok(policies.all)
    }

    /// Reads one more file; names are unique over all of them. A file with an error adds nothing.
    ///
    /// # Errors
    /// As [`Policies::parse`].
    pub fn add(&mut self, text: &str) -> Result<(), ConfigError> {
        let file: RawFile = serde_saphyr::from_str(text)?;
        let mut added: Vec<Policy> = Vec::with_capacity(file.policies.len());
        for raw in file.policies {
            let named_at = raw.name.referenced;
            let asked_for = raw.respond.as_ref().map(|respond| respond.webhook.clone());
            let policy = Policy::try_from(raw)?;
            self.check_runbook(asked_for.as_ref())?;
            if self.all.iter().chain(&added).any(|other| other.name == policy.name) {
                let message = format!("policy {:?} is there already: names are unique", policy.name);
                return Err(ConfigError::at(named_at, message));
            }
            added.push(policy);
        }
        self.all.append(&mut added);
        Ok(())
    }

    fn check_runbook(&self, asked_for: Option<&Spanned<String>>) -> Result<(), ConfigError> {
        let Some(webhook) = asked_for.filter(|webhook| !self.runbooks.contains(&webhook.value)) else {
            return Ok(());
        };
        let known: Vec<&str> = self.runbooks.iter().map(String::as_str).collect();
        let right = match known.as_slice() {
            [] => "list it in runbooks of isobar.yaml".to_owned(),
            known => format!("one of {}", known.join(", ")),
        };
        Err(ConfigError::at(webhook.referenced, format!("unknown runbook {:?}: {right}", webhook.value)))
    }

    /// What was read, in order.
    pub fn into_vec(self) -> Vec<Policy> {
        self.all
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    policies: Vec<RawPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    name: Spanned<String>,
    metric: Spanned<String>,
    #[serde(default, rename = "where")]
    conditions: Entries<OneOrMany>,
    over: Option<Spanned<String>>,
    aggregate: Option<Spanned<String>>,
    by: Option<Vec<Spanned<String>>>,
    levels: Spanned<Entries<Spanned<String>>>,
    recover: Option<Spanned<String>>,
    #[serde(rename = "for")]
    hold_for: Option<Spanned<String>>,
    no_data: Option<Spanned<String>>,
    no_data_after: Option<Spanned<String>>,
    #[serde(default)]
    overrides: Vec<RawOverride>,
    class: Option<Spanned<String>>,
    #[serde(default)]
    labels: Entries<Spanned<String>>,
    #[serde(default)]
    annotations: Entries<Spanned<String>>,
    respond: Option<RawRespond>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRespond {
    webhook: Spanned<String>,
    mode: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOverride {
    #[serde(rename = "where")]
    conditions: Spanned<Entries<OneOrMany>>,
    levels: Spanned<Entries<Spanned<String>>>,
    recover: Option<Spanned<String>>,
    #[serde(rename = "for")]
    hold_for: Option<Spanned<String>>,
}

impl TryFrom<RawPolicy> for Policy {
    type Error = ConfigError;

    fn try_from(raw: RawPolicy) -> Result<Self, ConfigError> {
        let respond = raw.respond.map(read_respond).transpose()?;
        let name = not_empty(&raw.name, "a policy's name")?;
        if self_rules::NAMES.contains(&name.as_str()) {
            let message = format!("{name:?} is a rule about Isobar itself: choose another name");
            return Err(ConfigError::at(raw.name.referenced, message));
        }
        if outage::VOICES.contains(&name.as_str()) {
            let message =
                format!("{name:?} is the alert of an outage that was inferred: choose another name");
            return Err(ConfigError::at(raw.name.referenced, message));
        }
        let metric = not_empty(&raw.metric, "a metric's name")?;
        let by = read_by(raw.by)?;
        let by_resource = by.iter().any(|label| label == RESOURCE_ID);
        let over = raw.over.as_ref().map_or(Ok(OVER), |text| duration(text, OVER_MIN..=OVER_MAX))?;
        let hold_for = raw
            .hold_for
            .as_ref()
            .map_or(Ok(Duration::ZERO), |text| duration(text, Duration::ZERO..=OVER_MAX))?;
        let recover = raw.recover.as_ref().map(|text| condition(text, &metric)).transpose()?;
        let criteria = read_criteria(&metric, &raw.levels, recover, raw.recover.as_ref(), hold_for)?;
        let conditions = read_conditions(&raw.conditions)?;
        let mut overrides = Vec::with_capacity(raw.overrides.len());
        for other in raw.overrides {
            overrides.push(read_override(other, &metric, recover, hold_for, &by)?);
        }
        let no_data = raw.no_data.as_ref().map_or(Ok(NoData::default()), read_no_data)?;
        if let Some(after) = raw.no_data_after.as_ref().filter(|_| no_data == NoData::Hold) {
            let message = "no_data_after has no effect with no_data: hold; write no_data: alert or recover";
            return Err(ConfigError::at(after.referenced, message));
        }
        let no_data_after =
            raw.no_data_after.as_ref().map(|text| duration(text, OVER_MIN..=OVER_MAX)).transpose()?;
        // Most thresholds say how full or busy something is.
        let class = raw.class.as_ref().map_or(Ok(AlertClass::Saturation), read_class)?;
        let labels = read_labels(raw.labels, &by)?;
        let annotations = read_annotations(raw.annotations, by_resource)?;
        let matchers = matchers(&metric, conditions, &by);
        let aggregate = raw.aggregate.as_ref().map_or(Ok(Aggregate::Avg), read_aggregate)?;
        Ok(Self {
            name,
            metric,
            matchers,
            over,
            aggregate,
            by,
            criteria,
            no_data,
            no_data_after,
            overrides,
            respond,
            class,
            labels,
            annotations,
        })
    }
}

fn not_empty(text: &Spanned<String>, what: &str) -> Result<String, ConfigError> {
    if text.value.trim().is_empty() {
        return Err(ConfigError::at(text.referenced, format!("{what} is empty")));
    }
    Ok(text.value.clone())
}

fn duration(
    text: &Spanned<String>,
    allowed: std::ops::RangeInclusive<Duration>,
) -> Result<Duration, ConfigError> {
    let read =
        parse_duration(&text.value).map_err(|error| ConfigError::at(text.referenced, error.to_string()))?;
    if !allowed.contains(&read) {
        let [least, most] =
            [allowed.start(), allowed.end()].map(|end| isobar_normalizer::format_duration(*end));
        let message = format!("{:?} is out of range: write {least} to {most}", text.value);
        return Err(ConfigError::at(text.referenced, message));
    }
    Ok(read)
}

fn read_by(by: Option<Vec<Spanned<String>>>) -> Result<Vec<String>, ConfigError> {
    let Some(by) = by else {
        return Ok(vec![RESOURCE_ID.to_owned()]);
    };
    let mut labels: Vec<String> = Vec::with_capacity(by.len());
    for label in by {
        let problem = if label.value.is_empty() {
            Some("a label's name is empty".to_owned())
        } else if OWN_LABELS.contains(&label.value.as_str()) {
            Some(format!("{:?} cannot tell groups apart: the alert sets it itself", label.value))
        } else if labels.contains(&label.value) {
            Some(format!("{:?} is listed twice", label.value))
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(ConfigError::at(label.referenced, problem));
        }
        labels.push(label.value);
    }
    Ok(labels)
}

/// Reads a condition on `metric`.
fn condition(text: &Spanned<String>, metric: &str) -> Result<Condition, ConfigError> {
    let fits = |read: Condition| match fit::canonical(metric) {
        Some(canonical) => fit::check(&text.value, read, &canonical).map(|()| read),
        None => Ok(read),
    };
    Condition::parse(&text.value).and_then(fits).map_err(|message| ConfigError::at(text.referenced, message))
}

fn read_criteria(
    metric: &str,
    levels: &Spanned<Entries<Spanned<String>>>,
    recover: Option<Condition>,
    recover_text: Option<&Spanned<String>>,
    hold_for: Duration,
) -> Result<Criteria, ConfigError> {
    let mut read = Vec::with_capacity(levels.value.0.len());
    for (word, text) in &levels.value.0 {
        let severity: Severity = word.value.parse().map_err(|error: isobar_normalizer::UnknownWord| {
            ConfigError::at(word.referenced, error.to_string())
        })?;
        read.push((severity, condition(text, metric)?));
    }
    Criteria::new(read, recover, hold_for).map_err(|message| {
        let about_recover = message.starts_with("recover");
        let place = recover_text.filter(|_| about_recover).map_or(levels.referenced, |text| text.referenced);
        ConfigError::at(place, message)
    })
}

fn read_override(
    raw: RawOverride,
    metric: &str,
    recover: Option<Condition>,
    hold_for: Duration,
    by: &[String],
) -> Result<Override, ConfigError> {
    if raw.conditions.value.0.is_empty() {
        let message = "an override without conditions replaces the policy: write its levels there";
        return Err(ConfigError::at(raw.conditions.referenced, message));
    }
    let matchers = read_conditions(&raw.conditions.value)?;
    let by_resource = by.iter().any(|label| label == RESOURCE_ID);
    for (label, _) in &raw.conditions.value.0 {
        // Without a resource per group there are no descriptive labels to look at.
        if !by_resource && !by.contains(&label.value) {
            let message = format!(
                "label {:?} never reaches this override: list it, or resource_id, in by",
                label.value
            );
            return Err(ConfigError::at(label.referenced, message));
        }
    }
    let own_recover = raw.recover.as_ref().map(|text| condition(text, metric)).transpose()?;
    let own_hold_for =
        raw.hold_for.as_ref().map(|text| duration(text, Duration::ZERO..=OVER_MAX)).transpose()?;
    let criteria = read_criteria(
        metric,
        &raw.levels,
        own_recover.or(recover),
        raw.recover.as_ref(),
        own_hold_for.unwrap_or(hold_for),
    )?;
    Ok(Override { matchers, criteria })
}

fn read_conditions(entries: &Entries<OneOrMany>) -> Result<Vec<Matcher>, ConfigError> {
    let mut matchers = Vec::with_capacity(entries.0.len());
    for (label, values) in &entries.0 {
        if label.value.is_empty() || label.value == METRIC_NAME {
            let message = "a condition is on a label; the metric's name stands in metric";
            return Err(ConfigError::at(label.referenced, message));
        }
        let matcher = match values.0.as_slice() {
            [] => {
                return Err(ConfigError::at(
                    label.referenced,
                    "the list of values is empty: nothing could match",
                ));
            }
            [value] => Ok(Matcher::equal(&label.value, value)),
            several => {
                let escaped: Vec<String> = several.iter().map(|value| regex::escape(value)).collect();
                Matcher::new(&label.value, MatchOp::Matches, &escaped.join("|"))
            }
        };
        matchers.push(matcher.map_err(|error| ConfigError::at(label.referenced, error.to_string()))?);
    }
    Ok(matchers)
}

fn read_no_data(text: &Spanned<String>) -> Result<NoData, ConfigError> {
    match text.value.as_str() {
        "alert" => Ok(NoData::Alert),
        "hold" => Ok(NoData::Hold),
        "recover" => Ok(NoData::Recover),
        other => Err(ConfigError::at(
            text.referenced,
            format!("unknown no_data {other:?}: one of alert, hold, recover"),
        )),
    }
}

/// The runbook's name.
fn read_respond(raw: RawRespond) -> Result<String, ConfigError> {
    let message = match raw.mode.value.as_str() {
        "propose" => return Ok(raw.webhook.value),
        "auto" => "mode: auto needs the failover engine, which this release does not have: write propose, so that a \
                   person approves"
            .to_owned(),
        other => format!("unknown mode {other:?}: write propose"),
    };
    Err(ConfigError::at(raw.mode.referenced, message))
}

fn read_class(text: &Spanned<String>) -> Result<AlertClass, ConfigError> {
    let class: AlertClass = text.value.parse().map_err(|error: isobar_normalizer::UnknownWord| {
        ConfigError::at(text.referenced, error.to_string())
    })?;
    if class == AlertClass::Own {
        let message = "class self is for alerts about Isobar itself: choose another";
        return Err(ConfigError::at(text.referenced, message));
    }
    Ok(class)
}

fn read_aggregate(text: &Spanned<String>) -> Result<Aggregate, ConfigError> {
    let percentile = || text.value.strip_prefix('p')?.parse().ok().filter(|p| (1..=99).contains(p));
    match text.value.as_str() {
        "avg" => Ok(Aggregate::Avg),
        "min" => Ok(Aggregate::Min),
        "max" => Ok(Aggregate::Max),
        "sum" => Ok(Aggregate::Sum),
        "last" => Ok(Aggregate::Last),
        other => percentile().map(Aggregate::Percentile).ok_or_else(|| {
            let message = format!("unknown aggregate {other:?}: one of avg, min, max, sum, last, p1 to p99");
            ConfigError::at(text.referenced, message)
        }),
    }
}

fn read_labels(
    entries: Entries<Spanned<String>>,
    by: &[String],
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut labels = BTreeMap::new();
    for (name, value) in entries.0 {
        let problem = if name.value.is_empty() {
            Some("a label's name is empty".to_owned())
        } else if OWN_LABELS.contains(&name.value.as_str()) {
            Some(format!("label {:?} comes from the policy's name, levels and class", name.value))
        } else if by.contains(&name.value) {
            Some(format!("label {:?} stands in by already", name.value))
        } else if value.value.is_empty() {
            Some("an empty label is an absent one: remove it".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(ConfigError::at(name.referenced, problem));
        }
        labels.insert(name.value, value.value);
    }
    Ok(labels)
}

fn read_annotations(
    entries: Entries<Spanned<String>>,
    by_resource: bool,
) -> Result<Annotations, ConfigError> {
    let scope = if by_resource { TemplateScope::Resource } else { TemplateScope::Group };
    let mut annotations = Annotations::default();
    for (name, source) in entries.0 {
        annotations
            .add(&name.value, &source.value, scope)
            .map_err(|message| ConfigError::at(source.referenced, message))?;
    }
    Ok(annotations)
}
