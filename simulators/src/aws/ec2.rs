//! Amazon EC2, in its own query protocol: DescribeInstances.
//!
//! Source: docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html; names of members as in botocore 1.44.5,
//! data/ec2/2016-11-15/service-2.json.

mod error;

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use http::Response;

use super::alarms::iso_time;
use super::error::ApiError;
use super::page::{Token, cut};
use super::protocol::{Protocol, escape};
use super::quota::Rate;
use crate::estate::{AWS_ACCOUNT, Cloud, Dice, Estate, Machine, Millis};

pub(super) use error::refusal;

/// The service's name in a signature.
pub(super) const SIGNED_AS: &str = "ec2";
const VERSION: &str = "2016-11-15";
/// Calls that change nothing and are paged or filtered, and those that are neither, of one region.
/// Source: docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html, request token bucket sizes and refill rates.
const NARROW: Rate = Rate { holds: 100.0, per_second: 20.0 };
const WIDE: Rate = Rate { holds: 50.0, per_second: 10.0 };
/// Instances that may be asked for on one page.
const RESULTS: std::ops::RangeInclusive<usize> = 5..=1_000;
/// An instance that was ended is told of for about this long.
const SHOWN_AFTER_END: Millis = 3_600_000;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    ids: BTreeSet<String>,
    /// Names and the values that fit.
    filters: Vec<(String, Vec<String>)>,
    /// All at once when there is none.
    size: Option<usize>,
    token: Option<String>,
}

impl Question {
    /// Reads a form; lists are `InstanceId.1`, `Filter.1.Name`, `Filter.1.Value.1` and so on.
    pub(super) fn read(form: &[(String, String)]) -> Result<Self, ApiError> {
        let mut question = Self::default();
        for (key, value) in form {
            let parts: Vec<&str> = key.split('.').collect();
            match parts[..] {
                ["Action"] => {}
                ["Version"] if value == VERSION => {}
                ["Version"] => {
                    let message =
                        format!("The requested version ({value}) of service AmazonEC2 does not exist");
                    return Err(ApiError { code: "NoSuchVersion", ..ApiError::invalid_value(message) });
                }
                ["MaxResults"] => {
                    let size = value.parse().ok().filter(|size| RESULTS.contains(size));
                    let message = format!("Value ( {value} ) for parameter maxResults is invalid.");
                    question.size = Some(size.ok_or_else(|| ApiError::invalid_value(message))?);
                }
                ["NextToken"] => question.token = Some(value.clone()),
                ["InstanceId", _] => {
                    question.ids.insert(value.clone());
                }
                ["Filter", number, "Name"] => question.filter(form, number, value)?,
                // Read with their names.
                ["Filter", _, "Value", _] => {}
                _ => {
                    let message = format!("The parameter {key} is not recognized");
                    return Err(ApiError { code: "UnknownParameter", ..ApiError::invalid_value(message) });
                }
            }
        }
        if question.size.is_some() && !question.ids.is_empty() {
            let message = "The parameter instancesSet cannot be used with the parameter maxResults";
            return Err(ApiError::invalid_combination(message));
        }
        Ok(question)
    }

    fn filter(&mut self, form: &[(String, String)], number: &str, name: &str) -> Result<(), ApiError> {
        if !["availability-zone", "instance-state-name", "instance-type"].contains(&name) {
            return Err(ApiError::invalid_value(format!("The filter '{name}' is invalid")));
        }
        let prefix = format!("Filter.{number}.Value.");
        let values = form.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, value)| value.clone());
        self.filters.push((name.to_owned(), values.collect()));
        Ok(())
    }

    /// How often it may be asked, and the bucket it draws on.
    pub(super) fn quota(&self) -> (&'static str, Rate) {
        let is_wide = self.ids.is_empty() && self.filters.is_empty() && self.size.is_none();
        if is_wide { ("DescribeInstances, wide", WIDE) } else { ("DescribeInstances", NARROW) }
    }

    fn takes(&self, machine: &Machine, now: Millis) -> bool {
        self.filters.iter().all(|(name, values)| {
            let value = match name.as_str() {
                "availability-zone" => machine.identity.place.zone().unwrap_or_default(),
                "instance-state-name" => state(machine, now).1,
                _ => machine.size,
            };
            values.iter().any(|wanted| wanted == value)
        })
    }
}

/// Answers DescribeInstances for one region.
pub(super) fn describe_instances(
    estate: &Estate,
    region: Option<&str>,
    question: &Question,
    now: Millis,
    endless: bool,
) -> Result<Response<Bytes>, ApiError> {
    let is_shown = |machine: &&Machine| {
        let who = &machine.identity;
        who.place.cloud() == Cloud::Aws
            && Some(who.place.region()) == region
            && who.existed(now.saturating_sub(SHOWN_AFTER_END), now + 1)
    };
    let mut found: Vec<&Machine> = estate.machines().iter().filter(is_shown).collect();
    found.sort_by_key(|machine| id(machine));
    if let Some(unknown) = question.ids.iter().find(|wanted| !found.iter().any(|one| id(one) == **wanted)) {
        let message = format!("The instance ID '{unknown}' does not exist");
        return Err(ApiError { code: "InvalidInstanceID.NotFound", ..ApiError::invalid_value(message) });
    }
    found.retain(|machine| question.ids.is_empty() || question.ids.contains(id(machine)));
    found.retain(|machine| question.takes(machine, now));
    let asked = format!("DescribeInstances {region:?} {:?} {:?}", question.ids, question.filters);
    let from = match &question.token {
        None => 0,
        Some(token) => {
            let token = Token::read(token, &asked, 1).ok_or_else(|| ApiError {
                code: "InvalidPaginationToken",
                ..ApiError::invalid_value("The pagination token is not valid or has expired.")
            })?;
            usize::try_from(token.numbers[0]).unwrap_or(0)
        }
    };
    let (page, next) = cut(&found, from, question.size.unwrap_or(usize::MAX - from));
    let next = if endless { Some(next.unwrap_or(0)) } else { next };
    let mut body = String::from("<reservationSet>");
    for machine in page {
        write_reservation(&mut body, estate, machine, now);
    }
    body.push_str("</reservationSet>");
    if let Some(next) = next {
        let token = Token { numbers: vec![next as i64] }.write(&asked);
        body.push_str(&format!("<nextToken>{token}</nextToken>"));
    }
    Ok(Protocol::xml(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/{VERSION}/\"><requestId>{}</requestId>{body}</DescribeInstancesResponse>",
        error::REQUEST_ID
    )))
}

fn id(machine: &Machine) -> &str {
    machine.identity.place.native_id().unwrap_or_default()
}

/// Code and name. What fails inside an instance shows in its status checks, not here.
fn state(machine: &Machine, now: Millis) -> (u8, &'static str) {
    if machine.identity.exists(now) { (16, "running") } else { (48, "terminated") }
}

/// Each instance was started by itself.
fn write_reservation(body: &mut String, estate: &Estate, machine: &Machine, now: Millis) {
    let who = &machine.identity;
    let (code, state) = state(machine, now);
    let reservation = Dice::new(estate.seed()).hex(16, &format!("reservation {}", who.id));
    let monitoring = if machine.detailed_monitoring { "enabled" } else { "disabled" };
    let mut tags = String::new();
    for (key, value) in &who.tags {
        tags.push_str(&format!("<item><key>{}</key><value>{}</value></item>", escape(key), escape(value)));
    }
    // An address is given back when the instance ends.
    let address = match state {
        "running" => format!("<privateIpAddress>{}</privateIpAddress>", escape(&machine.address)),
        _ => String::new(),
    };
    write!(
        body,
        "<item><reservationId>r-0{reservation}</reservationId><ownerId>{AWS_ACCOUNT}</ownerId><groupSet/><instancesSet><item><instanceId>{}</instanceId><instanceState><code>{code}</code><name>{state}</name></instanceState><instanceType>{}</instanceType><launchTime>{}</launchTime><placement><availabilityZone>{}</availabilityZone><tenancy>default</tenancy></placement><monitoring><state>{monitoring}</state></monitoring>{address}<tagSet>{tags}</tagSet></item></instancesSet></item>",
        escape(id(machine)),
        machine.size,
        iso_time(machine.boot),
        escape(who.place.zone().unwrap_or_default()),
    )
    .expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    const ORIGIN: Millis = 1_795_000_020_000;

    fn question(pairs: &[(&str, &str)]) -> Result<Question, ApiError> {
        let form: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Question::read(&form)
    }

    fn answered(estate: &Estate, pairs: &[(&str, &str)], now: Millis) -> String {
        let question = question(pairs).unwrap();
        let answer = describe_instances(estate, Some("us-east-1"), &question, now, false).unwrap();
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    }

    #[test]
    fn what_cannot_be_asked_is_refused_by_its_code() {
        let code = |pairs: &[(&str, &str)]| question(pairs).unwrap_err().code;
        assert_eq!(code(&[("MaxResults", "4")]), "InvalidParameterValue");
        assert_eq!(code(&[("MaxResults", "1001")]), "InvalidParameterValue");
        assert_eq!(code(&[("Version", "2014-10-01")]), "NoSuchVersion");
        assert_eq!(code(&[("Filter.1.Name", "colour")]), "InvalidParameterValue");
        assert_eq!(code(&[("Owner", "x")]), "UnknownParameter");
        let both = [("MaxResults", "5"), ("InstanceId.1", "i-1")];
        assert_eq!(code(&both), "InvalidParameterCombination");
    }

    #[test]
    fn pages_are_the_whole_and_a_token_serves_its_own_question_only() {
        let estate = Estate::new(1, ORIGIN, Scenario::QuietDay);
        let ids = |text: &str| text.matches("<instanceId>").count();
        let whole = answered(&estate, &[], ORIGIN);
        assert!(!whole.contains("nextToken"));
        let (mut total, mut token) = (0, None::<String>);
        loop {
            let mut pairs = vec![("MaxResults", "7")];
            pairs.extend(token.as_deref().map(|token| ("NextToken", token)));
            let page = answered(&estate, &pairs, ORIGIN);
            total += ids(&page);
            let Some((_, rest)) = page.split_once("<nextToken>") else { break };
            assert_eq!(ids(&page), 7);
            token = rest.split_once('<').map(|(token, _)| token.to_owned());
        }
        assert!(total > 20 && total == ids(&whole), "{total}");
        let token = token.unwrap();
        let other =
            [("Filter.1.Name", "instance-type"), ("Filter.1.Value.1", "m5.large"), ("NextToken", &token)];
        let other = question(&other).unwrap();
        let error = describe_instances(&estate, Some("us-east-1"), &other, ORIGIN, false).unwrap_err();
        assert_eq!(error.code, "InvalidPaginationToken");
    }

    #[test]
    fn an_instance_that_ended_is_told_of_for_an_hour() {
        let estate = Estate::new(1, ORIGIN, Scenario::QuietDay);
        let ended = estate.machines().iter().find(|machine| {
            let who = &machine.identity;
            who.place.cloud() == Cloud::Aws && who.place.region() == "us-east-1" && who.removed < Millis::MAX
        });
        let ended = ended.expect("some come and go");
        let removed = ended.identity.removed;
        let at = |now| answered(&estate, &[], now).contains(id(ended));
        assert!(at(removed - 1) && at(removed) && at(removed + SHOWN_AFTER_END - 1));
        assert!(!at(removed + SHOWN_AFTER_END));
        let terminated = [("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "terminated")];
        assert!(answered(&estate, &terminated, removed).contains(id(ended)));
        assert!(!answered(&estate, &terminated, removed - 1).contains(id(ended)));
    }
}
