//! Relabeling in Prometheus' grammar and semantics.
//!
//! Source: prometheus/prometheus `model/relabel/relabel.go`, version 3.

mod config;
#[cfg(test)]
mod tests;

use isobar_normalizer::LabelsBuilder;
use md5::{Digest, Md5};
use regex::Regex;

pub(crate) use config::{RawRule, check};

/// One `relabel_configs` or `metric_relabel_configs` entry, checked.
#[derive(Clone, Debug)]
pub struct Rule {
    source_labels: Vec<String>,
    separator: String,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Replace { regex: Regex, target: String, replacement: String },
    Keep(Regex),
    Drop(Regex),
    KeepEqual { target: String },
    DropEqual { target: String },
    HashMod { target: String, modulus: u64 },
    LabelMap { regex: Regex, replacement: String },
    LabelDrop(Regex),
    LabelKeep(Regex),
    Lowercase { target: String },
    Uppercase { target: String },
}

/// Applies the rules in order. `false` means the target or sample is dropped, and the labels are left half done.
pub fn apply(rules: &[Rule], labels: &mut LabelsBuilder) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl Rule {
    fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        let source = self.source(labels);
        match &self.action {
            Action::Keep(regex) => return regex.is_match(&source),
            Action::Drop(regex) => return !regex.is_match(&source),
            Action::KeepEqual { target } => return labels.get(target).unwrap_or_default() == source,
            Action::DropEqual { target } => return labels.get(target).unwrap_or_default() != source,
            Action::Replace { regex, target, replacement } => {
                if let Some(found) = regex.captures(&source) {
                    let (mut name, mut value) = (String::new(), String::new());
                    found.expand(target, &mut name);
                    found.expand(replacement, &mut value);
                    // A name that comes out empty names nothing: the rule is passed over.
                    if !name.is_empty() {
                        labels.set(name, value);
                    }
                }
            }
            Action::HashMod { target, modulus } => {
                labels.set(target, (hash(&source) % modulus).to_string());
            }
            Action::Lowercase { target } => {
                labels.set(target, source.to_lowercase());
            }
            Action::Uppercase { target } => {
                labels.set(target, source.to_uppercase());
            }
            Action::LabelMap { regex, replacement } => {
                for (name, value) in labels.build().iter().filter(|(name, _)| regex.is_match(name)) {
                    labels.set(regex.replace(name, replacement), value);
                }
            }
            Action::LabelDrop(regex) => {
                labels.retain(|name, _| !regex.is_match(name));
            }
            Action::LabelKeep(regex) => {
                labels.retain(|name, _| regex.is_match(name));
            }
        }
        true
    }

    fn source(&self, labels: &LabelsBuilder) -> String {
        let values: Vec<&str> =
            self.source_labels.iter().map(|name| labels.get(name).unwrap_or_default()).collect();
        values.join(&self.separator)
    }
}

/// The last eight bytes of the MD5 sum, so that a sharded fleet keeps its shards when it moves here.
fn hash(text: &str) -> u64 {
    let sum: [u8; 16] = Md5::digest(text.as_bytes()).into();
    let [.., a, b, c, d, e, f, g, h] = sum;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
