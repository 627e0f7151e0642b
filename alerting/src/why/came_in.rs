//! How an alert came in: as one, however often it is sent, and as what.

use isobar_normalizer::format_duration;

use super::WhyStep;
use crate::alert::Alert;
use crate::config::AlertingConfig;
use crate::flapping::FlappingRule;
use crate::pushed::Expiry;

/// Of an alert that somebody sent.
pub(super) fn deduplicated(alert: &Alert, expiry: Option<Expiry>) -> Option<WhyStep> {
    let pushed = alert.pushed.as_ref()?;
    let doors = alert.sources.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let end = match expiry.map(Expiry::ends_at) {
        Some(Some(ends_at)) => format!("; it ends at {ends_at} unless it is sent again"),
        Some(None) => "; it ends when its sender says so".to_owned(),
        None => String::new(),
    };
    let unverified = if alert.verified { "" } else { "; its sender is not verified" };
    Some(WhyStep {
        stage: "dedup",
        verdict: "one",
        rule: format!("{:016x}", alert.fingerprint()),
        at: Some(expiry.map_or(pushed.reported_at, |expiry| expiry.reported_at)),
        detail: format!(
            "sent by {doors}, one alert however often it is sent: all its labels are the same{end}{unverified}"
        ),
    })
}

/// Of an alert that begins and ends again and again.
pub(super) fn flapping(config: &AlertingConfig) -> WhyStep {
    let FlappingRule { changes, within } = config.flapping;
    WhyStep {
        stage: "flapping",
        verdict: "marked",
        rule: "alerting.flapping".to_owned(),
        at: None,
        detail: format!("it has begun and ended {changes} times or more within {}", format_duration(within)),
    }
}

/// How bad it is and of what kind, and who says so.
pub(super) fn classified(config: &AlertingConfig, alert: &Alert) -> WhyStep {
    let by = if alert.pushed.is_some() {
        match config.classifier.severity_label(&alert.identity) {
            Some(label) => {
                let word = alert.identity.get(label).unwrap_or_default();
                format!("the label {label}={word:?} says how bad, the table of classes what kind")
            }
            None => "no label says how bad: the default of the table of classes".to_owned(),
        }
    } else if let Some(alarm) = alert.native.first() {
        let word = &alarm.source_severity;
        let said = if word.is_empty() { "nothing".to_owned() } else { format!("{word:?}") };
        format!("the provider says {said}; the table of native alarms")
    } else if alert.sources.contains("self") {
        "a rule about Isobar itself says so".to_owned()
    } else {
        format!("the policy {} says so", alert.name())
    };
    WhyStep {
        stage: "classify",
        verdict: alert.severity.as_str(),
        rule: alert.class.as_str().to_owned(),
        at: None,
        detail: by,
    }
}
