//! What class and severity a provider's alarm gets: a table that people can read and override.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use isobar_normalizer::{AlertClass, ConfigError, Entries, NativeAlarm, Severity};
use regex::Regex;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The label of an alarm that names its provider's namespace.
const NAMESPACE: &str = "namespace";

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    let raw = serde_saphyr::from_str(include_str!("../../native_alarms.yaml"));
    raw.map_err(ConfigError::from)
        .and_then(|raw| Rules::check(raw, None))
        .expect("the embedded table is read by the tests")
});

/// Classes and severities of native alarms: the user's entries, then what the collector says, then the ones carried.
#[derive(Clone, Debug, Default)]
pub struct NativeTable {
    own: Rules,
}

impl NativeTable {
    /// Reads a user's file, in the form of `alerting/native_alarms.yaml`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let own = Rules::check(serde_saphyr::from_str(text)?, Some(&BUILTIN))?;
        if own.is_empty() {
            return Err(ConfigError::whole(
                "says nothing: write classes, severities or default, or remove it",
            ));
        }
        Ok(Self { own })
    }

    /// How bad the alarm is; `kind` is that of its source.
    pub(super) fn severity(&self, kind: &str, alarm: &NativeAlarm) -> Severity {
        let said = |rules: &Rules| rules.severities.get(kind)?.get(&alarm.source_severity).copied();
        said(&self.own)
            .or(alarm.severity)
            .or_else(|| said(&BUILTIN))
            .or(self.own.default_severity)
            .or(BUILTIN.default_severity)
            .unwrap_or(Severity::Warning)
    }

    /// What kind of trouble the alarm is about.
    pub(super) fn class(&self, alarm: &NativeAlarm) -> AlertClass {
        let said =
            |rules: &Rules| rules.classes.iter().find(|rule| rule.accepts(alarm)).map(|rule| rule.class);
        said(&self.own)
            .or(alarm.class)
            .or_else(|| said(&BUILTIN))
            .or(self.own.default_class)
            .or(BUILTIN.default_class)
            .unwrap_or(AlertClass::Availability)
    }
}

#[derive(Clone, Debug, Default)]
struct Rules {
    classes: Vec<ClassRule>,
    /// Source kind, then the provider's word.
    severities: BTreeMap<String, BTreeMap<String, Severity>>,
    default_class: Option<AlertClass>,
    default_severity: Option<Severity>,
}

#[derive(Clone, Debug)]
struct ClassRule {
    of: Of,
    pattern: Regex,
    class: AlertClass,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Metric,
    Namespace,
}

impl ClassRule {
    fn accepts(&self, alarm: &NativeAlarm) -> bool {
        let text = match self.of {
            Of::Metric => alarm.metric.as_deref(),
            Of::Namespace => alarm.labels.get(NAMESPACE).map(String::as_str),
        };
        text.is_some_and(|text| self.pattern.is_match(text))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    #[serde(default)]
    classes: Vec<Spanned<RawClass>>,
    #[serde(default)]
    severities: Entries<BTreeMap<String, Spanned<String>>>,
    #[serde(default)]
    default: RawDefault,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass {
    metric: Option<String>,
    namespace: Option<String>,
    class: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefault {
    class: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
}

impl Rules {
    /// `known` are the rules whose source kinds there are; `None` for those themselves.
    fn check(raw: RawTable, known: Option<&Self>) -> Result<Self, ConfigError> {
        let mut rules = Self::default();
        for rule in raw.classes {
            let (of, pattern) = match (&rule.value.metric, &rule.value.namespace) {
                (Some(metric), None) => (Of::Metric, metric),
                (None, Some(namespace)) => (Of::Namespace, namespace),
                _ => {
                    let message = "a class is for a metric or for a namespace: write one of the two";
                    return Err(ConfigError::at(rule.referenced, message));
                }
            };
            let pattern = format!("(?i)^{}$", regex::escape(pattern).replace("\\*", ".*"));
            let pattern = Regex::new(&pattern)
                .map_err(|_| ConfigError::at(rule.referenced, "the pattern is too long"))?;
            rules.classes.push(ClassRule { of, pattern, class: class(&rule.value.class)? });
        }
        for (kind, words) in raw.severities.0 {
            if let Some(known) = known.filter(|known| !known.severities.contains_key(&kind.value)) {
                let kinds = known.severities.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let message = format!("unknown source kind {:?}: one of {kinds}", kind.value);
                return Err(ConfigError::at(kind.referenced, message));
            }
            let words = words.into_iter().map(|(word, ours)| Ok((word, severity(&ours)?)));
            rules.severities.insert(kind.value, words.collect::<Result<_, ConfigError>>()?);
        }
        rules.default_class = raw.default.class.as_ref().map(class).transpose()?;
        rules.default_severity = raw.default.severity.as_ref().map(severity).transpose()?;
        Ok(rules)
    }

    fn is_empty(&self) -> bool {
        let no_words = self.severities.values().all(BTreeMap::is_empty);
        self.classes.is_empty() && no_words && self.default_class.is_none() && self.default_severity.is_none()
    }
}

fn class(word: &Spanned<String>) -> Result<AlertClass, ConfigError> {
    let read: Result<AlertClass, _> = word.value.parse();
    match read {
        Ok(AlertClass::Own) => Err(ConfigError::at(
            word.referenced,
            "class self is for alerts about Isobar itself: choose another",
        )),
        read => read.map_err(|error| ConfigError::at(word.referenced, error.to_string())),
    }
}

fn severity(word: &Spanned<String>) -> Result<Severity, ConfigError> {
    word.value
        .parse()
        .map_err(|error: isobar_normalizer::UnknownWord| ConfigError::at(word.referenced, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::alarm;

    fn check(
        table: &str,
        kind: &str,
        change: impl FnOnce(&mut NativeAlarm),
        expected: (AlertClass, Severity),
    ) {
        let table =
            if table.is_empty() { NativeTable::default() } else { NativeTable::parse(table).unwrap() };
        let mut alarm = alarm("a");
        (alarm.metric, alarm.severity, alarm.class) = (None, None, None);
        change(&mut alarm);
        assert_eq!((table.class(&alarm), table.severity(kind, &alarm)), expected);
    }

    #[test]
    fn the_users_word_then_the_collectors_then_the_table_carried() {
        use AlertClass::{Availability, Cost, Saturation, Security};
        let named =
            |word: &'static str| move |alarm: &mut NativeAlarm| alarm.source_severity = word.to_owned();
        check("", "cloudwatch", |_| {}, (Availability, Severity::Warning));
        check("", "azure_monitor", named("Sev0"), (Availability, Severity::Critical));
        check("", "zabbix", named("4"), (Availability, Severity::Error));
        let said = |alarm: &mut NativeAlarm| {
            alarm.source_severity = "Sev0".to_owned();
            alarm.severity = Some(Severity::Error);
            alarm.metric = Some("system.cpu.utilization".to_owned());
        };
        check("", "azure_monitor", said, (Saturation, Severity::Error));
        let own =
            "{severities: {azure_monitor: {Sev0: info}}, classes: [{metric: 'system.*', class: security}]}";
        check(own, "azure_monitor", said, (Security, Severity::Info));
        check(own, "cloudwatch", said, (Security, Severity::Error));
        check("{default: {severity: info}}", "cloudwatch", |_| {}, (Availability, Severity::Info));
        let billing = |alarm: &mut NativeAlarm| {
            alarm.labels.insert(NAMESPACE.to_owned(), "aws/billing".to_owned());
        };
        check("", "cloudwatch", billing, (Cost, Severity::Warning));
    }

    #[test]
    fn every_pattern_carried_is_for_a_metric_there_is() {
        let registry = isobar_normalizer::Registry::builtin();
        for rule in BUILTIN.classes.iter().filter(|rule| matches!(rule.of, Of::Metric)) {
            let matches = registry.iter().any(|metric| rule.pattern.is_match(metric.name()));
            assert!(matches, "{} matches no metric", rule.pattern);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let refused = |text: &str, start: &str| {
            let error = NativeTable::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error} should start with {start}");
        };
        refused("{klasses: []}", "1:");
        refused("severities: {nagios: {a: info}}", "1:14: unknown source kind \"nagios\": one of alibaba");
        refused("severities: {zabbix: {'5': fatal}}", "1:28: unknown severity \"fatal\"");
        refused("classes: [{class: cost}]", "1:11: a class is for a metric or for a namespace");
        refused("classes: [{metric: a, class: self}]", "1:30: class self");
        refused("{}", "0:0: says nothing");
    }
}
