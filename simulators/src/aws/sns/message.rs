//! The bodies of messages, and what an alarm says in one.
//!
//! Source: docs.aws.amazon.com/sns/latest/dg/http-notification-json.html; the alarm's text as real deliveries have it.

use serde_json::{Value, json};

use super::Subscription;
use super::signature::{Signer, VERSION};
use crate::aws::alarms::{Alarm, Alarms, Condition, Missing, Operator, State, Transition, Watches};
use crate::aws::alarms::{compact_time, iso_time};
use crate::estate::{AWS_ACCOUNT, Millis};

/// What goes around a message.
pub(super) struct Envelope<'a> {
    pub(super) id: &'a str,
    pub(super) cert: &'a str,
    pub(super) unsubscribe: &'a str,
}

/// The request to confirm a subscription.
pub(super) fn confirmation(
    subscription: &Subscription,
    id: &str,
    confirm: &str,
    cert: &str,
    now: Millis,
    signer: &Signer,
) -> String {
    let topic = &subscription.topic;
    let text = format!(
        "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
    );
    let (timestamp, kind) = (iso_time(now), "SubscriptionConfirmation");
    let signature = signer.sign(&[
        ("Message", &text),
        ("MessageId", id),
        ("SubscribeURL", confirm),
        ("Timestamp", &timestamp),
        ("Token", &subscription.token),
        ("TopicArn", topic),
        ("Type", kind),
    ]);
    json!({
        "Type": kind, "MessageId": id, "Token": subscription.token, "TopicArn": topic, "Message": text,
        "SubscribeURL": confirm, "Timestamp": timestamp, "SignatureVersion": VERSION, "Signature": signature,
        "SigningCertURL": cert,
    })
    .to_string()
}

/// What an alarm has to say about a transition.
pub(super) fn notification(
    alarms: &Alarms,
    alarm: &Alarm,
    transition: &Transition,
    envelope: &Envelope<'_>,
    signer: &Signer,
) -> String {
    let text = alarm_text(alarms, alarm, transition).to_string();
    let subject = format!("{}: \"{}\" in {}", transition.to.name(), alarm.name, display_name(alarm.region));
    let (timestamp, kind) = (iso_time(transition.at), "Notification");
    let signature = signer.sign(&[
        ("Message", &text),
        ("MessageId", envelope.id),
        ("Subject", &subject),
        ("Timestamp", &timestamp),
        ("TopicArn", &alarm.topic),
        ("Type", kind),
    ]);
    json!({
        "Type": kind, "MessageId": envelope.id, "TopicArn": alarm.topic, "Subject": subject, "Message": text,
        "Timestamp": timestamp, "SignatureVersion": VERSION, "Signature": signature,
        "SigningCertURL": envelope.cert, "UnsubscribeURL": envelope.unsubscribe,
    })
    .to_string()
}

/// Alarms name a region as the console does.
fn display_name(region: &str) -> &str {
    match region {
        "us-east-1" => "US East (N. Virginia)",
        "eu-west-1" => "EU (Ireland)",
        other => other,
    }
}

fn alarm_text(alarms: &Alarms, alarm: &Alarm, transition: &Transition) -> Value {
    let mut text = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": AWS_ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": compact_time(alarm.configured),
        "NewStateValue": transition.to.name(),
        "NewStateReason": transition.reason,
        "StateChangeTime": compact_time(transition.at),
        "Region": display_name(alarm.region),
        "AlarmArn": alarm.arn,
        "OldStateValue": transition.from.name(),
        "OKActions": [alarm.topic],
        "AlarmActions": [alarm.topic],
        "InsufficientDataActions": [],
    });
    match &alarm.watches {
        Watches::Metric(condition) => text["Trigger"] = trigger(alarms, condition),
        Watches::Any(parts) => {
            let rule: Vec<String> =
                parts.iter().map(|part| format!("ALARM(\"{}\")", alarms.all[*part].name)).collect();
            let firing = parts.iter().map(|part| (*part, alarms.state(*part, transition.at)));
            let firing = firing.filter(|(_, state)| state.to == State::Firing).map(|(part, state)| {
                json!({"Arn": alarms.all[part].arn, "State": {"Value": state.to.name(), "Timestamp": compact_time(state.at)}})
            });
            text["AlarmRule"] = rule.join(" OR ").into();
            text["TriggeringChildren"] = firing.collect();
        }
        Watches::Fleet(_) => {
            text["Trigger"] = json!({
                "Period": 60, "EvaluationPeriods": 2, "DatapointsToAlarm": 2,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1.0,
                "TreatMissingData": "- TreatMissingData:                    missing",
                "EvaluateLowSampleCountPercentile": "",
                "Metrics": [{"Id": "q1", "Expression": crate::aws::alarms::FLEET_QUERY, "Period": 60, "ReturnData": true}],
            });
        }
    }
    text
}

fn trigger(alarms: &Alarms, condition: &Condition) -> Value {
    let series = alarms.series(condition);
    // Lower-case keys, here only.
    let dimensions: Vec<Value> =
        series.dimensions.iter().map(|(name, value)| json!({"value": value, "name": name})).collect();
    let missing = match condition.missing {
        Missing::Absent => "missing",
        Missing::NotBreaching => "notBreaching",
        Missing::Breaching => "breaching",
    };
    json!({
        "MetricName": series.name,
        "Namespace": series.namespace,
        "StatisticType": "Statistic",
        "Statistic": condition.statistic_name.to_uppercase(),
        "Unit": null,
        "Dimensions": dimensions,
        "Period": condition.period / 1_000,
        "EvaluationPeriods": condition.periods,
        "DatapointsToAlarm": condition.to_alarm,
        "ComparisonOperator": match condition.operator {
            Operator::Greater => "GreaterThanThreshold",
            Operator::GreaterOrEqual => "GreaterThanOrEqualToThreshold",
            Operator::Less => "LessThanThreshold",
        },
        "Threshold": condition.threshold,
        // Prose, with these blanks.
        "TreatMissingData": format!("- TreatMissingData:                    {missing}"),
        "EvaluateLowSampleCountPercentile": "",
    })
}
