//! What severity and class an alert gets that somebody sent: a table over its labels that people can read and override.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use isobar_normalizer::{AlertClass, ConfigError, Labels, Severity, UnknownWord};
use regex::{RegexSet, RegexSetBuilder};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The label that may name one of our classes.
const CLASS: &str = "class";

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    let raw = serde_saphyr::from_str(include_str!("classify.yaml"));
    raw.map_err(ConfigError::from).and_then(Rules::check).expect("the embedded table is read by the tests")
});

/// Severities and classes of alerts that were sent: the user's entries, then the ones carried. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    own: Arc<Rules>,
}

impl Classifier {
    /// Reads a user's file, in the form of `alerting/src/classify.yaml`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let own = Rules::check(serde_saphyr::from_str(text)?)?;
        if own.is_empty() {
            let message = "says nothing: write severities, classes or default, or remove it";
            return Err(ConfigError::whole(message));
        }
        Ok(Self { own: Arc::new(own) })
    }

    /// How bad an alert with these labels is.
    pub(crate) fn severity(&self, labels: &Labels) -> Severity {
        let said = self.said(labels).map(|(_, severity)| severity);
        said.or(self.own.default_severity).or(BUILTIN.default_severity).unwrap_or(Severity::Warning)
    }

    /// The label that says how bad it is, where one does.
    pub(crate) fn severity_label<'a>(&'a self, labels: &Labels) -> Option<&'a str> {
        self.said(labels).map(|(name, _)| name)
    }

    fn said<'a>(&'a self, labels: &Labels) -> Option<(&'a str, Severity)> {
        let names = if self.own.labels.is_empty() { &BUILTIN.labels } else { &self.own.labels };
        names.iter().find_map(|name| {
            let word = labels.get(name)?.to_ascii_lowercase();
            let severity = self.own.words.get(&word).or_else(|| BUILTIN.words.get(&word))?;
            Some((name.as_str(), *severity))
        })
    }

    /// What kind of trouble it is about.
    pub(crate) fn class(&self, labels: &Labels) -> AlertClass {
        let said = labels.get(CLASS).and_then(|word| word.parse().ok());
        let name = labels.get("alertname").unwrap_or_default();
        said.filter(|class| *class != AlertClass::Own)
            .or_else(|| self.own.class_of(name))
            .or_else(|| BUILTIN.class_of(name))
            .or(self.own.default_class)
            .or(BUILTIN.default_class)
            .unwrap_or(AlertClass::Availability)
    }
}

#[derive(Debug, Default)]
struct Rules {
    labels: Vec<String>,
    words: HashMap<String, Severity>,
    patterns: RegexSet,
    /// One for each pattern.
    classes: Vec<AlertClass>,
    default_class: Option<AlertClass>,
    default_severity: Option<Severity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    #[serde(default)]
    severities: RawSeverities,
    #[serde(default)]
    classes: Vec<RawClass>,
    #[serde(default)]
    default: RawDefault,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSeverities {
    labels: Vec<String>,
    words: HashMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass {
    name: Spanned<String>,
    class: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefault {
    class: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
}

impl Rules {
    fn check(raw: RawTable) -> Result<Self, ConfigError> {
        let place = raw.classes.first().map(|rule| rule.name.referenced);
        let pattern = |rule: &RawClass| format!("^{}$", regex::escape(&rule.name.value).replace("\\*", ".*"));
        let built = RegexSetBuilder::new(raw.classes.iter().map(pattern)).case_insensitive(true).build();
        let patterns = built.map_err(|_| match place {
            Some(place) => ConfigError::at(place, "the patterns are too long together"),
            None => ConfigError::whole("the patterns are too long together"),
        })?;
        let words = raw.severities.words.into_iter();
        Ok(Self {
            labels: raw.severities.labels,
            words: words
                .map(|(word, ours)| Ok((word.to_ascii_lowercase(), severity(&ours)?)))
                .collect::<Result<_, ConfigError>>()?,
            patterns,
            classes: raw.classes.iter().map(|rule| class(&rule.class)).collect::<Result<_, _>>()?,
            default_class: raw.default.class.as_ref().map(class).transpose()?,
            default_severity: raw.default.severity.as_ref().map(severity).transpose()?,
        })
    }

    fn class_of(&self, name: &str) -> Option<AlertClass> {
        self.patterns.matches(name).iter().next().map(|first| self.classes[first])
    }

    fn is_empty(&self) -> bool {
        self.labels.is_empty()
            && self.words.is_empty()
            && self.classes.is_empty()
            && self.default_class.is_none()
            && self.default_severity.is_none()
    }
}

fn class(word: &Spanned<String>) -> Result<AlertClass, ConfigError> {
    match word.value.parse() {
        Ok(AlertClass::Own) => Err(ConfigError::at(
            word.referenced,
            "class self is for alerts about Isobar itself: choose another",
        )),
        Ok(class) => Ok(class),
        Err(error) => {
            let error: UnknownWord = error;
            Err(ConfigError::at(word.referenced, error.to_string()))
        }
    }
}

fn severity(word: &Spanned<String>) -> Result<Severity, ConfigError> {
    word.value.parse().map_err(|error: UnknownWord| ConfigError::at(word.referenced, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::labels;

    #[track_caller]
    fn check(table: &str, given: &str, expected: (Severity, AlertClass)) {
        let table = if table.is_empty() { Classifier::default() } else { Classifier::parse(table).unwrap() };
        let given = labels(given);
        assert_eq!((table.severity(&given), table.class(&given)), expected);
    }

    #[test]
    fn the_users_word_counts_before_the_table_carried() {
        use AlertClass::{Availability, Capacity, Cost, Latency, Security};
        check("", "alertname=NodeDown severity=critical", (Severity::Critical, Availability));
        check("", "alertname=DiskFillingUp priority=P2", (Severity::Error, Capacity));
        check("", "alertname=HighLatency severity=PAGE class=cost", (Severity::Critical, Cost));
        check("", "alertname=X class=self", (Severity::Warning, Availability));
        check("", "alertname=X severity=odd priority=low", (Severity::Info, Availability));
        check("", "instance=a", (Severity::Warning, Availability));
        let own = "{severities: {labels: [kind], words: {odd: critical}}, classes: [{name: 'node*', class: security}], default: {class: latency}}";
        check(own, "alertname=NodeDown severity=info kind=ODD", (Severity::Critical, Security));
        check(own, "alertname=X kind=page", (Severity::Critical, Latency));
        check(own, "alertname=X severity=critical", (Severity::Warning, Latency));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let refused = |text: &str, start: &str| {
            let error = Classifier::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error} should start with {start}");
        };
        refused("{klasses: []}", "1:");
        refused("severities: {words: {a: fatal}}", "1:25: unknown severity \"fatal\"");
        refused("classes: [{name: a, class: self}]", "1:28: class self");
        refused("{}", "0:0: says nothing");
    }
}
