//! The filters of queries: matchers, flags, and the receivers' names.

use std::collections::BTreeMap;

use isobar_alerting::parse_matchers;
use isobar_normalizer::{Labels, MatchOp, Matcher};

use super::AlertmanagerError;
use crate::backend::StandingAlert;
use crate::params::Params;

/// Which alerts a query wants.
#[derive(Clone, Debug)]
pub(super) struct AlertFilter {
    matchers: Vec<Matcher>,
    active: bool,
    silenced: bool,
    inhibited: bool,
    pub(super) muted: bool,
    receivers: ReceiverFilter,
}

/// Which receivers a query wants: by name, and by the labels of receivers, of which ours have none.
#[derive(Clone, Debug)]
pub(super) struct ReceiverFilter {
    name: Option<Matcher>,
    labels: Vec<Matcher>,
}

/// What Alertmanager's framework takes for true; everything else is false. Source: go-openapi/swag `ConvertBool`.
const TRUE: [&str; 10] = ["true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"];

/// A flag, true unless it is given.
pub(super) fn flag(params: &Params, name: &str) -> bool {
    params.get(name).is_none_or(|text| TRUE.contains(&text.to_ascii_lowercase().as_str()))
}

/// The matchers of a repeatable parameter; each holds one.
pub(super) fn matchers(params: &Params, name: &str) -> Result<Vec<Matcher>, AlertmanagerError> {
    let one = |text: &str| match parse_matchers(text) {
        Ok(mut matchers) if matchers.len() == 1 => Ok(matchers.remove(0)),
        Ok(matchers) => Err(format!("{} matchers in {text:?}: each {name} holds one", matchers.len())),
        Err(wrong) => Err(format!("bad matcher format: {wrong}")),
    };
    params.all(name).map(one).collect::<Result<_, _>>().map_err(AlertmanagerError::bad_request)
}

impl ReceiverFilter {
    pub(super) fn read(params: &Params) -> Result<Self, AlertmanagerError> {
        let name = params.get("receiver").map(|text| Matcher::new("receiver", MatchOp::Matches, text));
        let name = name.transpose().map_err(|error| {
            AlertmanagerError::bad_request(format!("failed to parse receiver param: {}", error.reason))
        })?;
        Ok(Self { name, labels: matchers(params, "receiver_matchers")? })
    }

    /// Whether the receiver of this name is wanted.
    pub(super) fn wants(&self, receiver: &str) -> bool {
        self.name.as_ref().is_none_or(|name| name.matches(receiver))
            && self.labels.iter().all(|matcher| matcher.matches(""))
    }
}

impl AlertFilter {
    pub(super) fn read(params: &Params) -> Result<Self, AlertmanagerError> {
        Ok(Self {
            matchers: matchers(params, "filter")?,
            // Every alert here has been through the pipeline, so that `unprocessed` leaves none out.
            active: flag(params, "active"),
            silenced: flag(params, "silenced"),
            inhibited: flag(params, "inhibited"),
            muted: flag(params, "muted"),
            receivers: ReceiverFilter::read(params)?,
        })
    }

    /// Whether an alert of these labels may be wanted.
    pub(super) fn wants_labels(&self, labels: &Labels) -> bool {
        holds(&self.matchers, |name| labels.get(name))
    }

    /// Whether an alert in this state is wanted.
    pub(super) fn wants_state(&self, alert: &StandingAlert) -> bool {
        let is_active = alert.silenced_by.is_empty() && alert.inhibited_by.is_empty();
        (self.active || !is_active)
            && (self.silenced || alert.silenced_by.is_empty())
            && (self.inhibited || alert.inhibited_by.is_empty())
    }

    /// Whether an alert in this state that goes to these receivers is wanted.
    pub(super) fn wants(&self, alert: &StandingAlert) -> bool {
        self.wants_state(alert) && alert.receivers.iter().any(|receiver| self.wants_receiver(receiver))
    }

    pub(super) fn wants_receiver(&self, receiver: &str) -> bool {
        self.receivers.wants(receiver)
    }
}

/// Whether a silence is about what these matchers say: each is asked of what the silence compares that label with.
pub(super) fn is_about(matchers: &[Matcher], silence: &[Matcher]) -> bool {
    let compared: BTreeMap<&str, &str> = silence.iter().map(|one| (one.name(), one.value())).collect();
    holds(matchers, |name| compared.get(name).copied())
}

/// Alertmanager's own reading of filters: comparing with the empty text asks whether the label is there.
fn holds<'a>(matchers: &[Matcher], value: impl Fn(&str) -> Option<&'a str>) -> bool {
    matchers.iter().all(|matcher| {
        let value = value(matcher.name());
        let asks_presence = matcher.value().is_empty()
            && match matcher.op() {
                MatchOp::NotEqual | MatchOp::NotMatches => value.is_some(),
                MatchOp::Equal | MatchOp::Matches => value.is_none(),
            };
        asks_presence || matcher.matches(value.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(text: &str) -> Vec<Matcher> {
        parse_matchers(text).unwrap()
    }

    fn check(filter: &str, labels: &[(&str, &str)], expected: bool) {
        let labels = Labels::from_pairs(labels.iter().copied()).unwrap();
        assert_eq!(holds(&matcher(filter), |name| labels.get(name)), expected, "{filter} {labels}");
    }

    #[test]
    fn absent_labels_are_empty() {
        check("a=b", &[("a", "b")], true);
        check("a=b", &[("c", "b")], false);
        check("a!=b", &[("c", "b")], true);
        check("a=\"\"", &[("c", "b")], true);
        check("a=\"\"", &[("a", "b")], false);
        check("a!=\"\"", &[("a", "b")], true);
        check("a!=\"\"", &[("c", "b")], false);
        check("a=~\"b.*\"", &[("a", "bcd")], true);
        check("a!~\".+\"", &[("a", "bcd")], false);
    }

    #[test]
    fn silences_are_found_by_what_they_compare_with() {
        let silence = matcher("team=db, host=~\"db-.*\"");
        for (filter, expected) in [
            ("team=db", true),
            ("team=web", false),
            ("host=\"db-.*\"", true),
            ("zone=a", false),
            ("zone!=a", true),
        ] {
            assert_eq!(is_about(&matcher(filter), &silence), expected, "{filter}");
        }
    }
}
