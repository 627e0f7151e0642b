//! `inhibit_rules` as they are written.

use std::collections::BTreeSet;
use std::sync::Arc;

use isobar_normalizer::ConfigError;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::matchers::{EqualTo, Matching, all_matchers};
use super::value::nullable;
use crate::inhibit::{InhibitRule, InhibitSource};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawInhibitRule {
    name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    source_match: EqualTo,
    #[serde(deserialize_with = "nullable")]
    source_match_re: Matching,
    #[serde(deserialize_with = "nullable")]
    source_matchers: Vec<Spanned<String>>,
    #[serde(deserialize_with = "nullable")]
    sources: Vec<Spanned<RawSource>>,
    #[serde(deserialize_with = "nullable")]
    target_match: EqualTo,
    #[serde(deserialize_with = "nullable")]
    target_match_re: Matching,
    #[serde(deserialize_with = "nullable")]
    target_matchers: Vec<Spanned<String>>,
    #[serde(deserialize_with = "nullable")]
    equal: Vec<Spanned<String>>,
}

/// One of several sources, for each of which an alert must fire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSource {
    #[serde(deserialize_with = "nullable")]
    matchers: Vec<Spanned<String>>,
    #[serde(deserialize_with = "nullable")]
    equal: Vec<Spanned<String>>,
}

impl TryFrom<RawInhibitRule> for InhibitRule {
    type Error = ConfigError;

    fn try_from(raw: RawInhibitRule) -> Result<Self, ConfigError> {
        let target = all_matchers(&raw.target_match, &raw.target_match_re, &raw.target_matchers)?;
        let matchers = all_matchers(&raw.source_match, &raw.source_match_re, &raw.source_matchers)?;
        let equal = label_names(&raw.equal)?;
        let sources = match raw.sources.first() {
            None => vec![InhibitSource { matchers, equal }],
            Some(_) if matchers.is_empty() && equal.is_empty() => {
                raw.sources.into_iter().map(InhibitSource::try_from).collect::<Result<_, _>>()?
            }
            Some(first) => {
                return Err(ConfigError::at(
                    first.referenced,
                    "sources excludes source_match, source_match_re, source_matchers and equal beside it: write them \
                     in its entries",
                ));
            }
        };
        Ok(Self { name: raw.name.filter(|name| !name.is_empty()).map(Into::into), sources, target })
    }
}

impl TryFrom<Spanned<RawSource>> for InhibitSource {
    type Error = ConfigError;

    fn try_from(raw: Spanned<RawSource>) -> Result<Self, ConfigError> {
        let matchers = all_matchers(&EqualTo::new(), &Matching::new(), &raw.value.matchers)?;
        if matchers.iter().all(|matcher| matcher.matches("")) {
            return Err(ConfigError::at(
                raw.referenced,
                "an entry of sources needs a matcher that does not match the empty text, or every alert is one",
            ));
        }
        Ok(Self { matchers, equal: label_names(&raw.value.equal)? })
    }
}

fn label_names(names: &[Spanned<String>]) -> Result<BTreeSet<Arc<str>>, ConfigError> {
    if let Some(empty) = names.iter().find(|name| name.value.is_empty()) {
        return Err(ConfigError::at(empty.referenced, "equal needs the names of labels"));
    }
    Ok(names.iter().map(|name| name.value.as_str().into()).collect())
}
