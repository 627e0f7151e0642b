//! What people do: acts on alerts, silences; and what they see of alerts in lists.

use std::collections::BTreeMap;

use isobar_alerting::{Comment, Period, Silence, SilenceState};
use isobar_normalizer::{MatchOp, Matcher, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AlertView, WireTime};

/// A page of alerts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertList {
    /// The items, in the order asked for.
    pub items: Vec<AlertView>,
    /// How many alerts match, on all pages together.
    pub total: u64,
    /// Give it as `after` to get the next page; null on the last one.
    #[schema(required)]
    pub next: Option<String>,
    /// By the names of `facets`: the 50 most frequent values of each. A facet's own `=` and `!=` chips are not counted, so that a
    /// choice can be widened.
    pub facets: BTreeMap<String, Vec<FacetCount>>,
}

/// One value, and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetCount {
    /// The value.
    pub value: String,
    /// In how many alerts.
    pub count: u64,
}

/// Something that was said of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommentView {
    /// By whom.
    pub by: String,
    /// When.
    pub at: WireTime,
    /// What.
    pub text: String,
}

impl From<&Comment> for CommentView {
    fn from(comment: &Comment) -> Self {
        Self { by: comment.by.clone(), at: comment.at.into(), text: comment.text.clone() }
    }
}

/// What somebody does about alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActWord {
    /// Takes them: they are not repeated until they become worse.
    Acknowledge,
    /// Takes that back.
    Unacknowledge,
    /// Gives them to `to`; to nobody where it is empty.
    Assign,
    /// Says `note` about them.
    Comment,
    /// Puts them off `until` a time.
    Snooze,
    /// Takes that back.
    Unsnooze,
}

/// An act on alerts: on those named, or on all open ones that a filter lets through.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActRequest {
    /// What to do.
    pub act: ActWord,
    /// Ids of alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ids: Option<Vec<String>>,
    /// Instead of ids: a filter in the language of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub q: Option<String>,
    /// How many alerts the filter was seen to let through: where they are more by now nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expected: Option<u64>,
    /// Of `assign`: who gets them; empty takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to: Option<String>,
    /// Of `snooze`: until when they are put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<WireTime>,
    /// What is said, kept as a comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What became of an act; it is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActAnswer {
    /// How many alerts it changed: those that were so already are not counted.
    pub affected: u64,
    /// Ids of all that were open and meant.
    pub ids: Vec<String>,
}

/// One condition on a label, as Alertmanager writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatcherView {
    /// The label.
    pub name: String,
    /// The text, or the expression that the whole value matches.
    pub value: String,
    /// Whether it is an expression.
    #[serde(default)]
    pub is_regex: bool,
    /// Whether it must match; otherwise it must not.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

fn yes() -> bool {
    true
}

impl From<&Matcher> for MatcherView {
    fn from(matcher: &Matcher) -> Self {
        Self {
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
            is_regex: matcher.op().is_regex(),
            is_equal: matcher.op().is_equal(),
        }
    }
}

impl MatcherView {
    /// The condition itself.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn matcher(&self) -> Result<Matcher, String> {
        if self.name.is_empty() {
            return Err("a matcher needs the name of a label".to_owned());
        }
        Matcher::new(&self.name, MatchOp::of(self.is_regex, self.is_equal), &self.value)
            .map_err(|error| error.to_string())
    }
}

/// A silence: alerts that all its matchers match are told to nobody while it is active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SilenceView {
    /// Its id, a UUID.
    pub id: String,
    /// `pending`, `active` or `expired`.
    #[schema(pattern = "^(pending|active|expired)$")]
    pub state: String,
    /// All must match.
    pub matchers: Vec<MatcherView>,
    /// When it begins.
    pub starts_at: WireTime,
    /// When it is over, at the latest.
    pub ends_at: WireTime,
    /// When it was last changed.
    pub updated_at: WireTime,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Whatever else its maker noted.
    pub annotations: BTreeMap<String, String>,
    /// The windows in which it is active, as in Alertmanager's time intervals; always where there is none.
    #[schema(value_type = Vec<Object>)]
    pub recurrence: Vec<Period>,
    /// Whether it is over as soon as no alert is open any more that it silences.
    pub until_resolved: bool,
    /// How many open alerts it holds now.
    pub hides: u64,
}

impl SilenceView {
    /// The silence as it stands at `now`, holding so many alerts.
    pub fn new(silence: &Silence, hides: u64, now: Timestamp) -> Self {
        Self {
            id: silence.id.to_string(),
            state: silence.state(now).as_str().to_owned(),
            matchers: silence.matchers.iter().map(MatcherView::from).collect(),
            starts_at: silence.starts_at.into(),
            ends_at: silence.ends_at.into(),
            updated_at: silence.updated_at.into(),
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
            annotations: silence.annotations.clone(),
            recurrence: silence.recurrence.clone(),
            until_resolved: silence.until_resolved,
            hides,
        }
    }

    /// Active ones first, the first to end first; then pending ones, the first to begin first; then the last that ended.
    pub(crate) fn place(&self) -> String {
        let word = |state: SilenceState| state.as_str() == self.state;
        let (rank, when) = if word(SilenceState::Active) {
            (0, self.ends_at.0.millis())
        } else if word(SilenceState::Pending) {
            (1, self.starts_at.0.millis())
        } else {
            (2, i64::MAX.saturating_sub(self.ends_at.0.millis()))
        };
        format!("{rank}-{:019}-{}", when.max(0), self.id)
    }
}

/// A silence as it is asked for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// The silence it is to replace; absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// All must match; at least one does not match the empty text.
    pub matchers: Vec<MatcherView>,
    /// When it begins; at once where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub starts_at: Option<WireTime>,
    /// When it is over, at the latest.
    pub ends_at: WireTime,
    /// Why; not empty.
    pub comment: String,
    /// Whatever else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The windows in which it is active, as in Alertmanager's time intervals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub recurrence: Vec<Period>,
    /// Whether it is over with the last alert that it silences.
    #[serde(default)]
    pub until_resolved: bool,
}

/// Matchers whose effect is asked for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilencePreviewRequest {
    /// All must match.
    pub matchers: Vec<MatcherView>,
}

/// What a silence of these matchers would hide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SilencePreview {
    /// Of the alerts that are open.
    pub now: Hidden,
    /// Of those that began in the last 24 hours.
    pub past: Hidden,
}

/// Alerts that would be hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hidden {
    /// How many.
    pub total: u64,
    /// How many of them are critical.
    pub critical: u64,
    /// Their most frequent names, at most 10.
    pub names: Vec<NameCount>,
}

/// A name, and how many alerts have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NameCount {
    /// The label `alertname`.
    pub name: String,
    /// In how many alerts.
    pub count: u64,
}
