//! What stands, stood or will stand between an open alert and its receivers.

use super::{Scene, WhyStep};
use crate::alert::Alert;
use crate::inhibit::Inhibitor;
use crate::silence::{Silence, SilenceState};
use crate::suppress::HeldBack;

/// What last held an alert back that is over, and when that began.
pub(super) fn before(scene: &Scene<'_>, held: &HeldBack) -> Vec<WhyStep> {
    let by = &held.by;
    let step = |stage, rule, detail| WhyStep { stage, verdict: "held", rule, at: Some(held.at), detail };
    let mut steps = Vec::new();
    for source in &by.inhibited_by {
        let latest = scene.alerts.transition(*source);
        let who = latest.map_or_else(|| format!("{source:016x}"), |latest| latest.alert.labels().to_string());
        steps.push(step("inhibit", format!("{source:016x}"), format!("{who} fired then, and kept it quiet")));
    }
    for name in &by.muted_by {
        steps.push(step("mute", name.to_string(), "the time interval kept its groups quiet then".to_owned()));
    }
    for id in &by.silenced_by {
        let said = scene.gate.silences.get(id);
        let who = said.map_or_else(String::new, |one| format!(" by {}: {}", one.created_by, one.comment));
        steps.push(step("silence", id.to_string(), format!("it was silenced then{who}")));
    }
    if by.snoozed_until.is_some() {
        steps.push(step("snooze", String::new(), "somebody had put it off then".to_owned()));
    }
    if let Some(id) = &by.incident {
        let said = scene.gate.incidents.get(id).map_or("an outage", |record| record.incident.title.as_str());
        steps.push(step("correlate", id.to_string(), format!("it was told as part of {said} then")));
    }
    steps
}

/// In the order in which it is asked when a group is told.
pub(super) fn now(scene: &Scene<'_>, alert: &Alert) -> Vec<WhyStep> {
    let fingerprint = alert.fingerprint();
    let mut steps = Vec::new();
    let inhibitors = scene.gate.inhibitions.inhibitors(&alert.labels());
    steps.extend(inhibitors.into_iter().map(|inhibitor| inhibited(scene, inhibitor)));
    for (id, group) in scene.dispatcher.groups_of(fingerprint) {
        for name in scene.gate.muting(&group.calendar, scene.now) {
            let interval = scene.gate.intervals.get(name);
            let is_mute = group.calendar.mute.contains(name);
            let what =
                if is_mute { "holds now" } else { "does not hold now, and only in it the route tells" };
            steps.push(WhyStep {
                stage: "mute",
                verdict: "held",
                rule: name.to_string(),
                at: interval.and_then(|interval| interval.next_change(scene.now)),
                detail: format!("the time interval {what}: receiver {} is not told", id.receiver),
            });
        }
    }
    steps.extend(scene.gate.silences.about(fingerprint).map(|silence| silenced(scene, silence)));
    if let Some(snoozed) = scene.gate.handlings.snoozed(fingerprint, scene.now) {
        steps.push(WhyStep {
            stage: "snooze",
            verdict: "held",
            rule: snoozed.by.clone(),
            at: Some(snoozed.until),
            detail: format!("{} put it off until the time shown", snoozed.by),
        });
    }
    if let Some(acknowledged) = scene.gate.handlings.acknowledged(fingerprint, alert.severity) {
        steps.push(WhyStep {
            stage: "acknowledge",
            verdict: "taken",
            rule: acknowledged.by.clone(),
            at: Some(acknowledged.at),
            detail: format!(
                "{} has it: it is not repeated while it is no worse than {}",
                acknowledged.by, acknowledged.severity
            ),
        });
    }
    steps
}

fn inhibited(scene: &Scene<'_>, inhibitor: Inhibitor) -> WhyStep {
    let Inhibitor { rule, source } = inhibitor;
    let named = scene.gate.inhibitions.rules().get(rule).and_then(|rule| rule.name.as_deref());
    let latest = scene.alerts.transition(source);
    let by = latest.map_or_else(String::new, |latest| latest.alert.labels().to_string());
    WhyStep {
        stage: "inhibit",
        verdict: "held",
        rule: named.map_or_else(|| format!("inhibit_rules[{rule}]"), str::to_owned),
        at: latest.map(|latest| latest.alert.starts_at),
        detail: format!("{by} fires, {source:016x}, and keeps it quiet"),
    }
}

fn silenced(scene: &Scene<'_>, silence: &Silence) -> WhyStep {
    let Silence { created_by, comment, .. } = silence;
    let (verdict, at, when) = match silence.state(scene.now) {
        SilenceState::Active => ("held", silence.ends_at, "until the time shown"),
        SilenceState::Pending if scene.now < silence.starts_at => {
            ("passed", silence.starts_at, "from the time shown on")
        }
        SilenceState::Pending => {
            ("passed", silence.ends_at, "outside its windows, for the last time at the time shown")
        }
        SilenceState::Expired => ("passed", silence.ends_at, "over since the time shown"),
    };
    WhyStep {
        stage: "silence",
        verdict,
        rule: silence.id.to_string(),
        at: Some(at),
        detail: format!("silenced by {created_by}, {when}: {comment}"),
    }
}
