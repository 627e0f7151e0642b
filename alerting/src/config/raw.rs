//! The text of the configuration as serde reads it, before anything is checked.

use std::cell::Cell;
use std::path::PathBuf;

use isobar_normalizer::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::global::RawGlobal;
use super::inhibit::RawInhibitRule;
use super::keys::{Checked, Grammar};
use super::matchers::{EqualTo, Matching};
use super::noted::{Lenient, Noted};
use super::receiver::RawReceiver;
use super::value::nullable;
use crate::enrich::RawLookup;
use crate::interval::Period;

/// The whole file, or the same keys inline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) file: Option<Spanned<PathBuf>>,
    pub(super) global: Option<Noted<RawGlobal>>,
    pub(super) route: Option<Spanned<Checked<RawRoute>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) receivers: Vec<Spanned<RawReceiver>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) inhibit_rules: Vec<RawInhibitRule>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) time_intervals: Vec<RawTimeInterval>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mute_time_intervals: Vec<RawTimeInterval>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) templates: Vec<Spanned<String>>,
    pub(super) heartbeat: Option<RawHeartbeat>,
    pub(super) native: Option<Spanned<RawTableFile>>,
    pub(super) classify: Option<Spanned<RawTableFile>>,
    pub(super) silences: Option<RawSilences>,
    pub(super) flapping: Option<RawFlapping>,
    pub(super) enrich: Option<Spanned<Vec<RawLookup>>>,
}

/// Our own addition: what class and severity providers' own alarms get, or alerts that are sent here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTableFile {
    pub(super) file: PathBuf,
}

/// Our own addition: what silences may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSilences {
    pub(super) max_length: Option<Spanned<String>>,
}

/// Our own addition: when an alert flaps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlapping {
    pub(super) changes: Option<Spanned<usize>>,
    pub(super) within: Option<Spanned<String>>,
}

impl RawFile {
    /// Whether anything of Alertmanager's grammar stands in it.
    pub(super) fn has_routing(&self) -> bool {
        self.global.is_some()
            || self.route.is_some()
            || !self.receivers.is_empty()
            || !self.inhibit_rules.is_empty()
            || !self.time_intervals.is_empty()
            || !self.mute_time_intervals.is_empty()
            || !self.templates.is_empty()
    }
}

impl Lenient for RawFile {
    const WITHOUT_EFFECT: &'static [(&'static str, &'static str)] = &[
        ("event_recorder", "the journal records every alert and every notification"),
        ("tracing", "no traces are written"),
    ];
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) receiver: Option<Spanned<String>>,
    pub(super) group_by: Option<Vec<Spanned<String>>>,
    pub(super) group_wait: Option<Spanned<String>>,
    pub(super) group_interval: Option<Spanned<String>>,
    pub(super) repeat_interval: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) matchers: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable", rename = "match")]
    pub(super) equal: EqualTo,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) match_re: Matching,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mute_time_intervals: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) active_time_intervals: Vec<Spanned<String>>,
    #[serde(default, rename = "continue")]
    pub(super) go_on: Option<Spanned<bool>>,
    pub(super) flapping: Option<RawDigested>,
    pub(super) storm: Option<RawStorm>,
    #[serde(default, deserialize_with = "nested")]
    pub(super) routes: Vec<Spanned<Checked<RawRoute>>>,
}

/// Our own addition: what becomes of alerts that flap.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawDigested {
    /// They are told together.
    Digest,
}

/// Our own addition: from when on alerts that come fast are told together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorm {
    pub(super) above: Spanned<usize>,
    pub(super) within: Spanned<String>,
}

/// Nesting deeper than this is refused: reading and matching recurse, and nobody reads such a tree.
const DEPTH_MAX: usize = 16;

thread_local! {
    /// How deep the route is that this thread reads.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Restores the depth, whichever way reading ends.
struct Level(usize);

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(self.0);
    }
}

/// Reads the routes under a route. Depth is looked at on the way down, because there is no stack for just any.
fn nested<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Spanned<Checked<RawRoute>>>, D::Error> {
    let level = Level(DEPTH.get());
    if level.0 == DEPTH_MAX {
        return Err(D::Error::custom(format_args!("routes are nested deeper than {DEPTH_MAX}")));
    }
    DEPTH.set(level.0 + 1);
    nullable(deserializer)
}

impl Grammar for RawRoute {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] =
        &[("labels", "remove it, no message carries labels of routes")];
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTimeInterval {
    pub(super) name: Spanned<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) time_intervals: Vec<Period>,
}

/// Our own addition: where to report that Isobar is alive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHeartbeat {
    pub(super) url: Spanned<String>,
    pub(super) interval: Option<Spanned<String>>,
    pub(super) secret: Option<Secret>,
}
