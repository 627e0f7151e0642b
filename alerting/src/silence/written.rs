//! Matchers of a silence in JSON, as Alertmanager's API writes them.

use isobar_normalizer::{MatchOp, Matcher};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: String,
    value: String,
    is_regex: bool,
    is_equal: bool,
}

pub(super) fn serialize<S: Serializer>(matchers: &[Matcher], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(matchers.iter().map(|matcher| Written {
        name: matcher.name().to_owned(),
        value: matcher.value().to_owned(),
        is_regex: matcher.op().is_regex(),
        is_equal: matcher.op().is_equal(),
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Matcher>, D::Error> {
    let written = Vec::<Written>::deserialize(deserializer)?;
    let read = written.into_iter().map(|Written { name, value, is_regex, is_equal }| {
        Matcher::new(&name, MatchOp::of(is_regex, is_equal), &value).map_err(serde::de::Error::custom)
    });
    read.collect()
}
