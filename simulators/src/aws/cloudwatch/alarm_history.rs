//! DescribeAlarmHistory.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html.

use serde_json::json;

use super::CloudWatch;
use super::describe_alarms::page_size;
use super::query::{text, texts, time};
use crate::aws::alarms::{Alarm, Transition, Watches};
use crate::aws::error::ApiError;
use crate::aws::page::{Token, cut};
use crate::aws::value::Value;
use crate::estate::Millis;

/// One line of an alarm's past.
struct Item<'a> {
    alarm: &'a Alarm,
    at: Millis,
    kind: &'static str,
    summary: String,
    data: String,
}

impl CloudWatch<'_> {
    pub(super) fn describe_alarm_history(&self, input: &Value) -> Result<Value, ApiError> {
        let size = page_size(input)?;
        let name = text(input, "AlarmName")?;
        let kind = text(input, "HistoryItemType")?;
        let types = texts(input, "AlarmTypes")?;
        let start = time(input, "StartDate")?.unwrap_or(Millis::MIN);
        let end = time(input, "EndDate")?.unwrap_or(Millis::MAX);
        let ascending = text(input, "ScanBy")? == Some("TimestampAscending");
        let wanted = |alarm: &Alarm| {
            let composite = matches!(alarm.watches, Watches::Any(_));
            let kind = if composite { "CompositeAlarm" } else { "MetricAlarm" };
            // As everywhere, only metric alarms come without a word about it.
            let types_fit = if types.is_empty() { !composite } else { types.contains(&kind) };
            types_fit && name.is_none_or(|name| name == alarm.name)
        };
        let mut items: Vec<Item<'_>> = self
            .alarms
            .of_region(self.region)
            .filter(|(_, alarm)| wanted(alarm))
            .flat_map(|(index, alarm)| history(alarm, &self.alarms.transitions(index, self.asked.now)))
            .filter(|item| kind.is_none_or(|kind| kind == item.kind) && (start..end).contains(&item.at))
            .collect();
        items.sort_by(|a, b| (a.at, &a.alarm.name).cmp(&(b.at, &b.alarm.name)));
        if !ascending {
            items.reverse();
        }
        let question = format!("DescribeAlarmHistory {name:?} {kind:?} {types:?} {start} {end} {ascending}");
        let from = self.page_start(input, &question)?;
        let (page, next) = cut(&items, from, size);
        let told = page.iter().map(|item| {
            let composite = matches!(item.alarm.watches, Watches::Any(_));
            Value::map([
                ("AlarmName", item.alarm.name.as_str().into()),
                ("AlarmType", if composite { "CompositeAlarm" } else { "MetricAlarm" }.into()),
                ("Timestamp", Value::Time(item.at)),
                ("HistoryItemType", item.kind.into()),
                ("HistorySummary", item.summary.as_str().into()),
                ("HistoryData", item.data.as_str().into()),
            ])
        });
        Ok(Value::map([
            ("AlarmHistoryItems", told.collect::<Vec<_>>().into()),
            ("NextToken", next.map(|next| Token { numbers: vec![next as i64] }.write(&question)).into()),
        ]))
    }
}

fn history<'a>(alarm: &'a Alarm, transitions: &[Transition]) -> Vec<Item<'a>> {
    let item = |at, kind, summary: String, data: serde_json::Value| Item {
        alarm,
        at,
        kind,
        summary,
        data: data.to_string(),
    };
    let created = json!({"version": "1.0", "type": "Create", "createdAlarm": {"alarmName": alarm.name, "alarmArn": alarm.arn}});
    let summary = format!("Alarm \"{}\" created", alarm.name);
    let mut items = vec![item(alarm.configured, "ConfigurationUpdate", summary, created)];
    for pair in transitions.windows(2) {
        let (old, new) = (&pair[0], &pair[1]);
        let data = json!({
            "version": "1.0",
            "oldState": {"stateValue": new.from.name(), "stateReason": old.reason},
            "newState": {"stateValue": new.to.name(), "stateReason": new.reason},
        });
        let summary = format!("Alarm updated from {} to {}", new.from.name(), new.to.name());
        items.push(item(new.at, "StateUpdate", summary, data));
        if new.to != crate::aws::alarms::State::InsufficientData {
            let data = json!({"actionState": "Succeeded", "notificationResource": alarm.topic, "stateUpdateTimestamp": new.at});
            let summary = format!("Successfully executed action {}", alarm.topic);
            items.push(item(new.at, "Action", summary, data));
        }
    }
    items
}
