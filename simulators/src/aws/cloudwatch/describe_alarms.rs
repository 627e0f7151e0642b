//! DescribeAlarms, DescribeAlarmContributors and ListTagsForResource.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html.

use super::CloudWatch;
use super::list_metrics::dimensions;
use super::query::{int, required, text, texts};
use crate::aws::alarms::{Alarm, Condition, FLEET_QUERY, Missing, Operator, State, Transition, Watches};
use crate::aws::error::ApiError;
use crate::aws::page::{Token, cut};
use crate::aws::value::Value;
use crate::estate::{Cloud, Dice, Millis};
use crate::faults::Fault;

/// Alarms in one page when nothing is said.
const RECORDS: i64 = 50;
/// And at most; also how many names may be asked for.
const RECORDS_MAX: i64 = 100;

/// What kinds of alarm are wanted. A kind nobody has here is known and empty.
fn kinds(input: &Value) -> Result<(bool, bool), ApiError> {
    let types = texts(input, "AlarmTypes")?;
    let known = ["MetricAlarm", "CompositeAlarm", "LogAlarm"];
    if let Some(unknown) = types.iter().find(|kind| !known.contains(kind)) {
        return Err(ApiError::validation(format!(
            "Value '{unknown}' at 'alarmTypes' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            known.join(", ")
        )));
    }
    // Without a word about it only metric alarms come.
    Ok((types.is_empty() || types.contains(&"MetricAlarm"), types.contains(&"CompositeAlarm")))
}

/// Reads `MaxRecords`.
pub(super) fn page_size(input: &Value) -> Result<usize, ApiError> {
    let records = int(input, "MaxRecords")?.unwrap_or(RECORDS);
    if !(1..=RECORDS_MAX).contains(&records) {
        return Err(ApiError::validation(format!(
            "Value '{records}' at 'maxRecords' failed to satisfy constraint: Member must have value between 1 and {RECORDS_MAX}"
        )));
    }
    Ok(usize::try_from(records).unwrap_or(1))
}

impl CloudWatch<'_> {
    pub(super) fn describe_alarms(&self, input: &Value) -> Result<Value, ApiError> {
        let now = self.asked.now;
        let (metric_alarms, composites) = kinds(input)?;
        let size = page_size(input)?;
        let names = texts(input, "AlarmNames")?;
        let prefix = text(input, "AlarmNamePrefix")?;
        if !names.is_empty() && prefix.is_some() {
            return Err(ApiError::validation("AlarmNames and AlarmNamePrefix must not be given together."));
        }
        if names.len() > RECORDS_MAX as usize {
            return Err(ApiError::validation(format!("AlarmNames must have at most {RECORDS_MAX} items.")));
        }
        let state = text(input, "StateValue")?;
        let action = text(input, "ActionPrefix")?;
        let (children, parents) = (text(input, "ChildrenOfAlarmName")?, text(input, "ParentsOfAlarmName")?);
        if (children.is_some() || parents.is_some())
            && (state.is_some() || action.is_some() || prefix.is_some())
        {
            return Err(ApiError::validation(
                "ChildrenOfAlarmName and ParentsOfAlarmName can only be used with AlarmTypes, MaxRecords and NextToken.",
            ));
        }
        let related = children.or(parents).map(|name| self.related(name, children.is_some()));
        let wanted = |index: usize, alarm: &Alarm| {
            let composite = matches!(alarm.watches, Watches::Any(_));
            (if composite { composites } else { metric_alarms })
                && (names.is_empty() || names.contains(&alarm.name.as_str()))
                && prefix.is_none_or(|prefix| alarm.name.starts_with(prefix))
                && action.is_none_or(|prefix| alarm.topic.starts_with(prefix))
                && related.as_ref().is_none_or(|related| related.contains(&index))
        };
        let mut found: Vec<(usize, &Alarm, Transition)> = self
            .alarms
            .of_region(self.region)
            .filter(|(index, alarm)| wanted(*index, alarm))
            .map(|(index, alarm)| (index, alarm, self.alarms.state(index, now)))
            .filter(|(.., transition)| state.is_none_or(|wanted| wanted == transition.to.name()))
            .collect();
        found.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        let question = format!(
            "DescribeAlarms {metric_alarms} {composites} {names:?} {prefix:?} {state:?} {action:?} {children:?} {parents:?}"
        );
        let from = self.page_start(input, &question)?;
        let (page, next) = cut(&found, from, size);
        let next = if self.asked.has(Fault::EndlessPages) { Some(next.unwrap_or(0)) } else { next };
        let (composite, single): (Vec<_>, Vec<_>) =
            page.iter().partition(|(_, alarm, _)| matches!(alarm.watches, Watches::Any(_)));
        let told = |alarms: Vec<&(usize, &Alarm, Transition)>| {
            alarms.into_iter().map(|(_, alarm, state)| self.alarm(alarm, state)).collect::<Vec<_>>()
        };
        Ok(Value::map([
            ("MetricAlarms", told(single).into()),
            ("CompositeAlarms", told(composite).into()),
            ("NextToken", next.map(|next| Token { numbers: vec![next as i64] }.write(&question)).into()),
        ]))
    }

    /// Where a page begins, from `NextToken`.
    pub(super) fn page_start(&self, input: &Value, question: &str) -> Result<usize, ApiError> {
        let Some(token) = text(input, "NextToken")? else { return Ok(0) };
        let token = Token::read(token, question, 1);
        let token = token.ok_or_else(|| ApiError::next_token("The NextToken is invalid."))?;
        Ok(usize::try_from(token.numbers[0]).unwrap_or(0))
    }

    /// The alarms a composite one watches, or those that watch a given one.
    fn related(&self, name: &str, children: bool) -> Vec<usize> {
        let Some((index, alarm)) = self.alarms.find(self.region, name) else { return Vec::new() };
        if children {
            return if let Watches::Any(parts) = &alarm.watches { parts.clone() } else { Vec::new() };
        }
        let parents = self.alarms.of_region(self.region);
        parents
            .filter(|(_, it)| matches!(&it.watches, Watches::Any(parts) if parts.contains(&index)))
            .map(|(index, _)| index)
            .collect()
    }

    fn alarm(&self, alarm: &Alarm, state: &Transition) -> Value {
        let troubled = self.troubled_since(alarm.region);
        // A change of the evaluation's own state moves this time as well, and not the other.
        let updated = troubled.map_or(state.at, |since| since.max(state.at));
        let actions = Value::from(vec![alarm.topic.as_str()]);
        let mut members = vec![
            ("AlarmName".to_owned(), alarm.name.as_str().into()),
            ("AlarmArn".to_owned(), alarm.arn.as_str().into()),
            ("AlarmDescription".to_owned(), alarm.description.as_str().into()),
            ("AlarmConfigurationUpdatedTimestamp".to_owned(), Value::Time(alarm.configured)),
            ("ActionsEnabled".to_owned(), true.into()),
            ("OKActions".to_owned(), actions.clone()),
            ("AlarmActions".to_owned(), actions),
            ("InsufficientDataActions".to_owned(), Vec::<Value>::new().into()),
            ("StateValue".to_owned(), state.to.name().into()),
            ("StateReason".to_owned(), state.reason.as_str().into()),
            ("StateUpdatedTimestamp".to_owned(), Value::Time(updated)),
            ("StateTransitionedTimestamp".to_owned(), Value::Time(state.at)),
        ];
        if let Some(data) = &state.data {
            members.push(("StateReasonData".to_owned(), data.as_str().into()));
        }
        if troubled.is_some() && !matches!(alarm.watches, Watches::Any(_)) {
            members.push(("EvaluationState".to_owned(), "PARTIAL_DATA".into()));
        }
        match &alarm.watches {
            Watches::Metric(condition) => self.condition(condition, &mut members),
            Watches::Any(parts) => {
                let rule: Vec<String> =
                    parts.iter().map(|part| format!("ALARM(\"{}\")", self.alarms.all[*part].name)).collect();
                members.push(("AlarmRule".to_owned(), rule.join(" OR ").into()));
            }
            Watches::Fleet(_) => fleet(&mut members),
        }
        Value::Map(members)
    }

    fn condition(&self, condition: &Condition, members: &mut Vec<(String, Value)>) {
        let series = self.alarms.series(condition);
        let pairs = series.dimensions.iter().map(|(name, value)| (*name, value.as_str()));
        let operator = match condition.operator {
            Operator::Greater => "GreaterThanThreshold",
            Operator::GreaterOrEqual => "GreaterThanOrEqualToThreshold",
            Operator::Less => "LessThanThreshold",
        };
        let missing = match condition.missing {
            Missing::Absent => "missing",
            Missing::NotBreaching => "notBreaching",
            Missing::Breaching => "breaching",
        };
        members.extend([
            ("MetricName".to_owned(), series.name.into()),
            ("Namespace".to_owned(), series.namespace.into()),
            ("Statistic".to_owned(), condition.statistic_name.into()),
            ("Dimensions".to_owned(), dimensions(pairs)),
            ("Period".to_owned(), (condition.period / 1_000).into()),
            ("EvaluationPeriods".to_owned(), (condition.periods as i64).into()),
            ("DatapointsToAlarm".to_owned(), (condition.to_alarm as i64).into()),
            ("Threshold".to_owned(), condition.threshold.into()),
            ("ComparisonOperator".to_owned(), operator.into()),
            ("TreatMissingData".to_owned(), missing.into()),
        ]);
    }

    /// Since when the provider's monitoring is in trouble in a region, if it is now.
    fn troubled_since(&self, region: &str) -> Option<Millis> {
        let (scenario, origin) = (self.estate.scenario(), self.estate.origin());
        let trouble = scenario.trouble(origin, Cloud::Aws, region, self.asked.now);
        scenario.brown_out(origin).map(|(from, _)| from).filter(|_| trouble.late_ms > 0)
    }

    pub(super) fn describe_alarm_contributors(&self, input: &Value) -> Result<Value, ApiError> {
        let name = required(text(input, "AlarmName")?, "AlarmName")?;
        let Some((_, alarm)) = self.alarms.find(self.region, name) else {
            return Err(ApiError::not_found(format!("Alarm {name} does not exist.")));
        };
        let Watches::Fleet(parts) = &alarm.watches else {
            return Err(ApiError::validation(format!("Alarm {name} has no contributors.")));
        };
        let states = parts.iter().map(|part| (*part, self.alarms.state(*part, self.asked.now)));
        let firing = states.filter(|(_, state)| state.to == State::Firing).map(|(part, state)| {
            let Watches::Metric(condition) = &self.alarms.all[part].watches else {
                return Value::Null;
            };
            let series = self.alarms.series(condition);
            let attributes =
                series.dimensions.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
            Value::map([
                ("ContributorId", contributor_id(&series.key()).into()),
                ("ContributorAttributes", Value::Map(attributes.collect())),
                ("StateReason", state.reason.into()),
                ("StateTransitionedTimestamp", Value::Time(state.at)),
            ])
        });
        let firing: Vec<Value> = firing.collect();
        let question = format!("DescribeAlarmContributors {name}");
        let from = self.page_start(input, &question)?;
        let (page, next) = cut(&firing, from, RECORDS_MAX as usize);
        Ok(Value::map([
            ("AlarmContributors", page.to_vec().into()),
            ("NextToken", next.map(|next| Token { numbers: vec![next as i64] }.write(&question)).into()),
        ]))
    }

    pub(super) fn list_tags(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = required(text(input, "ResourceARN")?, "ResourceARN")?;
        let Some((_, alarm)) = self.alarms.of_region(self.region).find(|(_, alarm)| alarm.arn == arn) else {
            return Err(ApiError::not_found(format!("{arn} does not exist.")));
        };
        let tags = alarm.tags.iter();
        let tags = tags
            .map(|(key, value)| Value::map([("Key", key.as_str().into()), ("Value", value.as_str().into())]));
        Ok(Value::map([("Tags", tags.collect::<Vec<_>>().into())]))
    }
}

/// Sixteen hexadecimal digits, the same for the same series.
pub(super) fn contributor_id(key: &str) -> String {
    Dice::new(0).hex(16, key)
}

/// The fleet's alarm is a query over all instances, not one metric.
fn fleet(members: &mut Vec<(String, Value)>) {
    let query = Value::map([
        ("Id", "q1".into()),
        ("Expression", FLEET_QUERY.into()),
        ("Period", Value::Int(60)),
        ("ReturnData", true.into()),
    ]);
    members.extend([
        ("Metrics".to_owned(), vec![query].into()),
        ("EvaluationPeriods".to_owned(), Value::Int(2)),
        ("DatapointsToAlarm".to_owned(), Value::Int(2)),
        ("Threshold".to_owned(), 1.0.into()),
        ("ComparisonOperator".to_owned(), "GreaterThanOrEqualToThreshold".into()),
        ("TreatMissingData".to_owned(), "missing".into()),
    ]);
}
