//! Relabeling rules as they stand in a file.

use isobar_normalizer::ConfigError;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::{Action, Rule};

/// A rule as written; [`check`] says which keys its action takes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    source_labels: Option<Spanned<Vec<String>>>,
    separator: Option<Spanned<String>>,
    regex: Option<Spanned<String>>,
    modulus: Option<Spanned<u64>>,
    target_label: Option<Spanned<String>>,
    replacement: Option<Spanned<String>>,
    action: Option<Spanned<String>>,
}

/// A compiled expression may take this much memory: hostile patterns like `(a{1000}){1000}` are refused.
const REGEX_SIZE_MAX: usize = 1 << 20;

const ACTIONS: &str = "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, \
                       lowercase, uppercase";

/// Checks a list of rules.
pub(crate) fn check(rules: Vec<Spanned<RawRule>>) -> Result<Vec<Rule>, ConfigError> {
    rules.into_iter().map(|rule| rule.value.check(rule.referenced)).collect()
}

impl RawRule {
    fn check(self, at: Location) -> Result<Rule, ConfigError> {
        let word = self.action.as_ref().map_or("replace", |action| &action.value).to_ascii_lowercase();
        let takes: &[&str] = match word.as_str() {
            "replace" => &["source_labels", "separator", "regex", "target_label", "replacement"],
            "keep" | "drop" => &["source_labels", "separator", "regex"],
            "keepequal" | "dropequal" => &["source_labels", "target_label"],
            "hashmod" => &["source_labels", "separator", "target_label", "modulus"],
            "lowercase" | "uppercase" => &["source_labels", "separator", "target_label"],
            "labelmap" => &["regex", "replacement"],
            "labeldrop" | "labelkeep" => &["regex"],
            _ => {
                let at = self.action.map_or(at, |action| action.referenced);
                return Err(ConfigError::at(at, format!("unknown action {word:?}: one of {ACTIONS}")));
            }
        };
        if let Some((key, at)) = self.given().into_iter().find(|(key, _)| !takes.contains(key)) {
            let takes = takes.join(", ");
            return Err(ConfigError::at(
                at,
                format!("{key} has no effect on action {word}, which takes {takes}"),
            ));
        }
        let regex = self.regex()?;
        let replacement = self.replacement.map_or_else(|| "$1".to_owned(), |text| text.value);
        let target = match self.target_label {
            Some(target) if target.value.is_empty() => {
                return Err(ConfigError::at(target.referenced, "target_label cannot be empty"));
            }
            Some(target) => target.value,
            None if takes.contains(&"target_label") => {
                return Err(ConfigError::at(at, format!("action {word} needs a target_label")));
            }
            None => String::new(),
        };
        let action = match word.as_str() {
            "keep" => Action::Keep(regex),
            "drop" => Action::Drop(regex),
            "keepequal" => Action::KeepEqual { target },
            "dropequal" => Action::DropEqual { target },
            "hashmod" => match self.modulus {
                Some(Spanned { value: modulus @ 1.., .. }) => Action::HashMod { target, modulus },
                other => {
                    let at = other.map_or(at, |modulus| modulus.referenced);
                    return Err(ConfigError::at(at, "action hashmod needs a modulus of at least 1"));
                }
            },
            "lowercase" => Action::Lowercase { target },
            "uppercase" => Action::Uppercase { target },
            "labelmap" => Action::LabelMap { regex, replacement },
            "labeldrop" => Action::LabelDrop(regex),
            "labelkeep" => Action::LabelKeep(regex),
            _ => Action::Replace { regex, target, replacement },
        };
        Ok(Rule {
            source_labels: self.source_labels.map(|names| names.value).unwrap_or_default(),
            separator: self.separator.map_or_else(|| ";".to_owned(), |text| text.value),
            action,
        })
    }

    /// The keys that are given, but for the action itself.
    fn given(&self) -> Vec<(&'static str, Location)> {
        let keys = [
            ("source_labels", self.source_labels.as_ref().map(|key| key.referenced)),
            ("separator", self.separator.as_ref().map(|key| key.referenced)),
            ("regex", self.regex.as_ref().map(|key| key.referenced)),
            ("modulus", self.modulus.as_ref().map(|key| key.referenced)),
            ("target_label", self.target_label.as_ref().map(|key| key.referenced)),
            ("replacement", self.replacement.as_ref().map(|key| key.referenced)),
        ];
        keys.into_iter().filter_map(|(key, at)| at.map(|at| (key, at))).collect()
    }

    /// The expression, which must match the whole text.
    fn regex(&self) -> Result<Regex, ConfigError> {
        let text = self.regex.as_ref().map_or("(.*)", |regex| &regex.value);
        let built = RegexBuilder::new(&format!("^(?s:{text})$")).size_limit(REGEX_SIZE_MAX).build();
        built.map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let at = self.regex.as_ref().map_or(Location::UNKNOWN, |regex| regex.referenced);
            ConfigError::at(at, format!("regex {text:?}: {reason}"))
        })
    }
}
