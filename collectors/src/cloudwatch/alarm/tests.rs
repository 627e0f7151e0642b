//! What alarms become.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    ActionsSuppressedBy, ComparisonOperator, Dimension, Metric, MetricDataQuery, Statistic,
};
use isobar_normalizer::Severity;

use super::*;

const PLACE: Place<'static> = Place { account: "123456789012", region: "us-east-1" };
const INSTANCE: &str = "aws:123456789012:us-east-1:compute.instance:i-1";

fn read<T>(check: impl FnOnce(Reader<'_>) -> T) -> T {
    let (mappings, severity) = (NativeMappings::builtin(), SeverityRules::default());
    let now = Timestamp::from_millis(9_000);
    check(Reader { place: PLACE, mappings: &mappings, severity: &severity, now })
}

fn instance(id: &str) -> Dimension {
    Dimension::builder().name("InstanceId").value(id).build()
}

fn alarm(state: &str) -> aws_sdk_cloudwatch::types::builders::MetricAlarmBuilder {
    MetricAlarm::builder()
        .alarm_name("cpu of i-1/a&b")
        .alarm_arn("arn:aws:cloudwatch:us-east-1:123456789012:alarm:cpu")
        .state_value(StateValue::from(state))
        .state_reason("Threshold\ncrossed")
        .state_updated_timestamp(DateTime::from_secs(7))
        .state_transitioned_timestamp(DateTime::from_secs(5))
}

fn on_cpu(state: &str) -> aws_sdk_cloudwatch::types::builders::MetricAlarmBuilder {
    alarm(state)
        .namespace("AWS/EC2")
        .metric_name("CPUUtilization")
        .statistic(Statistic::Average)
        .dimensions(instance("i-1"))
        .period(60)
        .threshold(90.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
}

#[test]
fn an_alarm_on_a_mapped_metric_knows_resource_and_metric() {
    let native = read(|reader| reader.metric(&on_cpu("ALARM").build())).unwrap();
    assert_eq!(native.id, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:cpu");
    assert_eq!((native.state, native.since), (NativeState::Firing, Timestamp::from_millis(5_000)));
    assert_eq!(native.resource.as_ref().map(ResourceId::as_str), Some(INSTANCE));
    assert_eq!(native.metric.as_deref(), Some("system.cpu.utilization"));
    assert_eq!((native.severity, native.source_severity.as_str()), (Some(Severity::Warning), ""));
    assert_eq!(native.reason, "Threshold crossed");
    assert_eq!(
        native.url,
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#alarmsV2:alarm/cpu%20of%20i%2D1%2Fa%26b"
    );
    let label = |name: &str| native.labels.get(name).map(String::as_str);
    assert_eq!((label("threshold"), label("period")), (Some("90"), Some("60s")));
}

#[test]
fn states_come_down_to_three() {
    let state = |alarm: MetricAlarm| read(|reader| reader.metric(&alarm)).unwrap().state;
    for (word, expected) in [
        ("OK", NativeState::Ok),
        ("ALARM", NativeState::Firing),
        ("INSUFFICIENT_DATA", NativeState::Unknown),
        ("SOMETHING_NEW", NativeState::Unknown),
    ] {
        assert_eq!(state(on_cpu(word).build()), expected, "{word}");
    }
    let broken = |word| on_cpu(word).evaluation_state(EvaluationState::EvaluationError).build();
    assert_eq!(state(broken("OK")), NativeState::Unknown);
    assert_eq!(state(broken("ALARM")), NativeState::Firing);
}

#[test]
fn what_is_not_mapped_names_no_metric() {
    let percentile = alarm("OK")
        .namespace("AWS/EC2")
        .metric_name("CPUUtilization")
        .extended_statistic("p99")
        .dimensions(instance("i-1"))
        .build();
    let native = read(|reader| reader.metric(&percentile)).unwrap();
    assert_eq!((native.resource.is_some(), native.metric), (true, None));
    let custom = alarm("OK").namespace("Shop").metric_name("Orders").statistic(Statistic::Sum).build();
    let native = read(|reader| reader.metric(&custom)).unwrap();
    assert_eq!((native.resource, native.metric), (None, None));
    assert_eq!(native.labels.get("namespace").map(String::as_str), Some("Shop"));
}

fn of_instance(id: &str, instance_id: &str) -> MetricDataQuery {
    let metric =
        Metric::builder().namespace("AWS/EC2").metric_name("NetworkIn").dimensions(instance(instance_id));
    let stat = MetricStat::builder().metric(metric.build()).stat("Sum").period(60).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).return_data(false).build()
}

#[test]
fn a_formula_is_about_a_resource_when_all_its_metrics_are() {
    let formula = || MetricDataQuery::builder().id("e").expression("m1 / m2").return_data(true).build();
    let one =
        alarm("ALARM").metrics(of_instance("m1", "i-1")).metrics(of_instance("m2", "i-1")).metrics(formula());
    let native = read(|reader| reader.metric(&one.build())).unwrap();
    assert_eq!(native.resource.as_ref().map(ResourceId::as_str), Some(INSTANCE));
    assert_eq!((native.metric, native.labels["expression"].as_str()), (None, "m1 / m2"));
    let two =
        alarm("ALARM").metrics(of_instance("m1", "i-1")).metrics(of_instance("m2", "i-2")).metrics(formula());
    assert_eq!(read(|reader| reader.metric(&two.build())).unwrap().resource, None);
}

#[test]
fn composites_have_no_resource_and_may_be_suppressed() {
    let composite = CompositeAlarm::builder()
        .alarm_name("site")
        .alarm_arn("arn:site")
        .alarm_rule("ALARM(cpu) OR ALARM(disk)")
        .state_value(StateValue::Alarm)
        .actions_suppressed_by(ActionsSuppressedBy::Alarm)
        .build();
    let native = read(|reader| reader.composite(&composite)).unwrap();
    assert_eq!((native.resource, native.is_muted, native.state), (None, true, NativeState::Firing));
    assert_eq!(native.since, Timestamp::from_millis(9_000), "nothing says since when");
    assert_eq!(native.labels["rule"], "ALARM(cpu) OR ALARM(disk)");
    assert_eq!(read(|reader| reader.composite(&CompositeAlarm::builder().alarm_name("x").build())), None);
}

#[test]
fn series_of_a_query_are_alarms_of_their_own() {
    let query = "SELECT MAX(StatusCheckFailed) FROM SCHEMA(\"AWS/EC2\", InstanceId) GROUP BY InstanceId";
    let on_many =
        alarm("ALARM").metrics(MetricDataQuery::builder().id("q").expression(query).build()).build();
    assert!(has_contributors(&on_many) && !has_contributors(&on_cpu("ALARM").build()));
    assert_eq!(queried_namespace(&on_many).as_deref(), Some("AWS/EC2"));
    let contributor = AlarmContributor::builder()
        .contributor_id("c1")
        .contributor_attributes("InstanceId", "i-1")
        .state_reason("it")
        .state_transitioned_timestamp(DateTime::from_secs(6))
        .build();
    let native = read(|reader| {
        let parent = reader.metric(&on_many).unwrap();
        reader.contributor(&parent, Some("AWS/EC2"), &contributor).unwrap()
    });
    assert!(native.id.ends_with(":alarm:cpu#c1"), "{}", native.id);
    assert_eq!(native.resource.as_ref().map(ResourceId::as_str), Some(INSTANCE));
    assert_eq!((native.since, native.reason.as_str()), (Timestamp::from_millis(6_000), "it"));
}
