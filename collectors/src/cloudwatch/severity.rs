//! How severe an alarm is: CloudWatch does not say, so tags and names do.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use isobar_normalizer::{ConfigError, Severity};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The tag that holds a severity, unless the source names another.
const TAG: &str = "severity";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSeverity {
    default: Option<Severity>,
    tag: Option<String>,
    #[serde(default)]
    rules: Vec<Spanned<RawRule>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Option<Spanned<String>>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    severity: Severity,
}

/// Rules in order; the first that fits decides, then the tag, then the default.
#[derive(Clone, Debug)]
pub(super) struct SeverityRules {
    rules: Vec<Rule>,
    tag: String,
    default: Severity,
}

#[derive(Clone, Debug)]
struct Rule {
    name: Option<GlobMatcher>,
    tags: BTreeMap<String, String>,
    severity: Severity,
}

impl Default for SeverityRules {
    fn default() -> Self {
        Self { rules: Vec::new(), tag: TAG.to_owned(), default: Severity::Warning }
    }
}

impl TryFrom<RawSeverity> for SeverityRules {
    type Error = ConfigError;

    fn try_from(raw: RawSeverity) -> Result<Self, ConfigError> {
        let rules = raw.rules.into_iter().map(|Spanned { value: rule, referenced, .. }| {
            if rule.name.is_none() && rule.tags.is_empty() {
                return Err(ConfigError::at(referenced, "a rule needs a name pattern or tags"));
            }
            let name = rule.name.map(|Spanned { value, referenced, .. }| {
                let glob = Glob::new(&value);
                glob.map_err(|error| ConfigError::at(referenced, error.to_string()))
            });
            let name = name.transpose()?.map(|glob| glob.compile_matcher());
            Ok(Rule { name, tags: rule.tags, severity: rule.severity })
        });
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            tag: raw.tag.unwrap_or_else(|| TAG.to_owned()),
            default: raw.default.unwrap_or(Severity::Warning),
        })
    }
}

impl SeverityRules {
    /// The severity of an alarm in our words, and the tag's own word where one decided.
    pub(super) fn of(&self, name: &str, tags: &BTreeMap<String, String>) -> (Severity, String) {
        let fits = |rule: &&Rule| {
            rule.name.as_ref().is_none_or(|pattern| pattern.is_match(name))
                && rule.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
        };
        let word = tags.get(&self.tag).cloned().unwrap_or_default();
        if let Some(rule) = self.rules.iter().find(fits) {
            return (rule.severity, word);
        }
        (word.to_lowercase().parse().unwrap_or(self.default), word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, tags: &[(&str, &str)], expected: Severity, word: &str) {
        let text = "{default: info, tag: prio, rules: [{name: 'prod-*', tags: {tier: db}, severity: critical}, \
                    {name: '*-high-*', severity: error}]}";
        let raw: RawSeverity = serde_saphyr::from_str(text).unwrap();
        let rules = SeverityRules::try_from(raw).unwrap();
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(rules.of(name, &tags), (expected, word.to_owned()), "{name} {tags:?}");
    }

    #[test]
    fn rules_then_the_tag_then_the_default() {
        check("prod-cpu", &[("tier", "db")], Severity::Critical, "");
        check("prod-cpu", &[], Severity::Info, "");
        check("x-high-y", &[("prio", "critical")], Severity::Error, "critical");
        check("x", &[("prio", "Critical")], Severity::Critical, "Critical");
        check("x", &[("prio", "P1")], Severity::Info, "P1");
    }

    #[test]
    fn a_rule_that_fits_everything_is_refused() {
        let raw: RawSeverity = serde_saphyr::from_str("{rules: [{severity: error}]}").unwrap();
        assert!(SeverityRules::try_from(raw).unwrap_err().message.contains("name pattern"));
    }
}
