//! Why an alert was told to whom, or not: every decision about it in order, with the rule that made it. Pure.

use isobar_normalizer::Timestamp;

use crate::alert::{Alert, AlertState};
use crate::alerts::Alerts;
use crate::config::AlertingConfig;
use crate::delivery::{Delivery, DeliveryState};
use crate::dispatch::Dispatcher;
use crate::event::Transition;
use crate::group::NotificationLog;
use crate::outbox::Outbox;
use crate::pushed::Expiries;
use crate::route::{Digest, RouteVerdict};
use crate::suppress::{Gate, HeldBack};

mod came_in;
mod correlated;
mod held;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyStep {
    /// `evaluate`, `dedup`, `classify`, `fold`, `flapping`, `correlate`, `inhibit`, `mute`, `silence`, `snooze`,
    /// `acknowledge`, `route`, `group`, `notify`, `deliver`.
    pub stage: &'static str,
    /// What was decided, one word: the alert's state; `one`; its severity; the member's own state; `marked`; `joined`, `held`,
    /// `passed` or `taken`; `chosen`, `passed`, `refused`; `digested`, `waiting`; `told`; the delivery's state.
    pub verdict: &'static str,
    /// What decided: the policy's name, the fingerprint, the class, the incident, the rule, the interval, the silence's id, who
    /// did it, the route's key, the group's key, the receiver and its channel.
    pub rule: String,
    /// When, or for `waiting` until when; absent where a decision has no time of its own.
    pub at: Option<Timestamp>,
    /// In words.
    pub detail: String,
}

/// What the decisions follow from.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) config: &'a AlertingConfig,
    pub(crate) alerts: &'a Alerts,
    pub(crate) expiries: &'a Expiries,
    pub(crate) dispatcher: &'a Dispatcher,
    pub(crate) log: &'a NotificationLog,
    pub(crate) outbox: &'a Outbox,
    pub(crate) gate: Gate<'a>,
    /// What held the alert back last.
    pub(crate) held: Option<&'a HeldBack>,
    pub(crate) is_flapping: bool,
    pub(crate) now: Timestamp,
}

/// Every decision about the alert, in the order they fall; `None` when it is not known.
pub(crate) fn why(scene: &Scene<'_>, fingerprint: u64) -> Option<Vec<WhyStep>> {
    let latest = scene.alerts.transition(fingerprint)?;
    let mut steps = vec![evaluated(latest)];
    steps.extend(came_in::deduplicated(&latest.alert, scene.expiries.get(fingerprint)));
    steps.push(came_in::classified(scene.config, &latest.alert));
    steps.extend(latest.alert.members.iter().enumerate().map(folded));
    if scene.is_flapping {
        steps.push(came_in::flapping(scene.config));
    }
    steps.extend(correlated::step(scene.gate.incidents, &latest.alert));
    if latest.alert.state.is_open() {
        steps.extend(held::now(scene, &latest.alert));
    } else if let Some(held) = scene.held {
        steps.extend(held::before(scene, held));
    }
    steps.extend(routed(scene.config, latest));
    for (id, group) in scene.dispatcher.groups_of(fingerprint) {
        steps.extend(digested(&id.key));
        let told = scene.log.entries_of(id).next().is_some();
        let wait = if told { "the group was told and rests" } else { "the group waits for company" };
        steps.push(WhyStep {
            stage: "group",
            verdict: "waiting",
            rule: id.key.to_string(),
            at: Some(group.next_flush),
            detail: format!("{wait}; {} alerts for receiver {}", group.members.len(), id.receiver),
        });
    }
    for delivery in scene.outbox.deliveries_of(fingerprint) {
        let is_shown =
            steps.iter().any(|step| step.verdict == "digested" && *step.rule == *delivery.group_key);
        steps.extend(digested(&delivery.group_key).filter(|_| !is_shown));
        steps.push(WhyStep {
            stage: "notify",
            verdict: "told",
            rule: delivery.group_key.to_string(),
            at: Some(delivery.created_at),
            detail: format!(
                "{}: {} to {}",
                delivery.transition.as_str(),
                delivery.reason.as_str(),
                delivery.integration
            ),
        });
        steps.push(delivered(delivery));
    }
    Some(steps)
}

fn evaluated(latest: &Transition) -> WhyStep {
    WhyStep {
        stage: "evaluate",
        verdict: latest.alert.state.as_str(),
        rule: latest.alert.name().to_owned(),
        at: Some(latest.decided_at),
        detail: latest.reason.clone(),
    }
}

/// One of those that are the same as the alert.
fn folded((index, member): (usize, &Alert)) -> WhyStep {
    let by = member.sources.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let (metric, resource) = (&member.watched.metric, member.resource().unwrap_or_default());
    let metric = metric.as_deref().unwrap_or_default();
    let what = if member.native.is_empty() { "policy" } else { "native alarm" };
    let how = if index == 0 {
        "the first to fire, whose identity it has".to_owned()
    } else {
        format!("the same resource and metric, {metric} of {resource}")
    };
    WhyStep {
        stage: "fold",
        verdict: member.state.as_str(),
        rule: member.name().to_owned(),
        at: Some(member.ends_at.unwrap_or(member.starts_at)),
        detail: format!("{what}, told by {by}: {how}"),
    }
}

/// That an alert is not told by itself, if it is not.
fn digested(key: &str) -> Option<WhyStep> {
    let digest = Digest::of(key)?;
    let (rule, detail) = (key.to_owned(), digest.reason().to_owned());
    Some(WhyStep { stage: "group", verdict: "digested", rule, at: None, detail })
}

fn routed(config: &AlertingConfig, latest: &Transition) -> Vec<WhyStep> {
    let step = |verdict, rule: &str, detail| WhyStep {
        stage: "route",
        verdict,
        rule: rule.to_owned(),
        at: None,
        detail,
    };
    if latest.alert.state == AlertState::Pending {
        let detail =
            "a pending alert is told to nobody: its condition has not held for long enough".to_owned();
        return vec![step("refused", &config.route.key, detail)];
    }
    if latest.alert.is_muted() {
        let detail = "the provider holds the alarm's notifications back: it is shown, and nobody new is told";
        return vec![step("refused", &config.route.key, detail.to_owned())];
    }
    let labels = latest.alert.labels();
    let explained = config.route.explain(&labels);
    explained
        .into_iter()
        .map(|(route, verdict)| match verdict {
            RouteVerdict::Refused(matcher) => {
                let value = labels.get(matcher.name());
                let found = value.map_or_else(|| "is absent".to_owned(), |value| format!("is {value:?}"));
                step("refused", &route.key, format!("{matcher} does not hold: {} {found}", matcher.name()))
            }
            RouteVerdict::Passed => step("passed", &route.key, "a route under it took the alert".to_owned()),
            RouteVerdict::Chosen => {
                let integrations =
                    config.receiver(&route.receiver).map_or(0, |receiver| receiver.integrations.len());
                let swallows = if integrations == 0 { ", which tells nobody" } else { "" };
                step("chosen", &route.key, format!("receiver {}{swallows}", route.receiver))
            }
        })
        .collect()
}

fn delivered(delivery: &Delivery) -> WhyStep {
    let tries = match delivery.attempts {
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    };
    let error = delivery.last_error.as_deref().unwrap_or("no error");
    let (at, detail) = match delivery.state {
        DeliveryState::Sent => {
            let receipt = delivery.receipt.clone().unwrap_or_default();
            (delivery.sent_at, format!("taken after {tries}: {} {}", receipt.status, receipt.body))
        }
        DeliveryState::Queued => (Some(delivery.next_attempt_at), "not tried yet".to_owned()),
        DeliveryState::Failed => {
            (Some(delivery.next_attempt_at), format!("{tries} in vain, again at the time shown: {error}"))
        }
        DeliveryState::Dead => (delivery.tried_at, format!("given up after {tries}: {error}")),
    };
    WhyStep {
        stage: "deliver",
        verdict: delivery.state.as_str(),
        rule: delivery.integration.to_string(),
        at,
        detail: detail.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests;
