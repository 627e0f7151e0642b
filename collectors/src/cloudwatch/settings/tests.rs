//! What stands in the settings and is refused, with its place.

use super::*;

const AT: [Step; 1] = [Step::Key("settings")];

fn read_text(settings: &str) -> Result<Settings, ConfigError> {
    let raw: Option<RawSettings> = read_part(&format!("settings: {settings}"), &AT)?;
    Settings::try_from(raw.expect("the table is there"))
}

#[track_caller]
fn refused(settings: &str, column: u32, expected: &str) {
    let error = read_text(settings).unwrap_err();
    assert!(error.message.contains(expected), "{settings}: {error}");
    assert_eq!((error.line, error.column), (1, "settings: ".len() as u32 + column), "{settings}: {error}");
}

#[test]
fn what_would_be_right_is_said() {
    refused("{regions: []}", 11, "cannot be empty");
    refused("{regions: [Virginia]}", 12, "write it as us-east-1");
    refused("{regions: [us-east-1, us-east-1]}", 23, "twice");
    refused("{regions: [us-east-1], accounts: [{role_arn: 'arn:aws:iam::1:user/x'}]}", 46, "role/name");
    refused("{regions: [us-east-1], endpoint_url: 'ftp://x'}", 38, "http://");
    refused(
        "{regions: [us-east-1], endpoint_url: 'http://me:pw@x'}",
        38,
        "credentials do not stand in a URL",
    );
    refused("{regions: [us-east-1], proxy: 'https://x'}", 31, "http://host:port");
    refused("{regions: [us-east-1], other_interval: 10s}", 40, "at least 1m");
    refused("{regions: [us-east-1], discovery_interval: 1m}", 44, "at least 10m");
    refused("{regions: [us-east-1], backfill: 2d}", 34, "at most 1d");
    refused("{regions: [us-east-1], alarms: {enabled: false, interval: 60s}}", 59, "no effect");
    refused("{regions: [us-east-1], inventory: {enabled: false, interval: 60s}}", 62, "no effect");
    refused("{regions: [us-east-1], credentials: {source: static}}", 37, "needs access_key_id");
    refused(
        "{regions: [us-east-1], credentials: {source: instance, profile: x}}",
        65,
        "belongs to source: profile",
    );
    refused("{regions: [us-east-1], metrics: [{namespace: A, metric: b, statistics: []}]}", 34, "statistics");
    refused(
        "{regions: [us-east-1], metrics: [{namespace: A, metric: b, statistics: [Sum], period: 90s}]}",
        87,
        "whole number of minutes",
    );
}

#[test]
fn one_endpoint_serves_all_but_those_that_have_their_own() {
    let text = "{regions: [us-east-1], endpoint_url: 'http://a:1/', endpoints: {sts: 'http://b:2', ec2: 'http://c:3'}}";
    let Endpoints { cloudwatch, tagging, sts, ec2 } = read_text(text).unwrap().endpoints;
    assert_eq!(
        [cloudwatch, tagging, sts, ec2].map(Option::unwrap),
        ["http://a:1", "http://a:1", "http://b:2", "http://c:3"]
    );
}

#[test]
fn tags_that_aws_sets_are_left_out_unless_named() {
    let takes = |settings: &str, key: &str| read_text(settings).unwrap().tags.takes(key);
    assert!(takes("{regions: [us-east-1]}", "tier"));
    assert!(!takes("{regions: [us-east-1]}", "aws:autoscaling:groupName"));
    assert!(takes("{regions: [us-east-1], tags: ['aws:auto*']}", "aws:autoscaling:groupName"));
    assert!(!takes("{regions: [us-east-1], tags: ['aws:auto*']}", "tier"));
}

#[test]
fn a_role_names_its_account() {
    let text = "{regions: [us-east-1], accounts: [{role_arn: 'arn:aws-cn:iam::210987654321:role/path/x'}]}";
    assert_eq!(&*read_text(text).unwrap().accounts[0].id, "210987654321");
}
