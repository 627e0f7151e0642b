use std::sync::Arc;

use super::*;
use crate::aws::Account;
use crate::aws::codec::cbor;
use crate::estate::Millis;
use crate::faults::Call;
use crate::scenario::Scenario;

/// A whole hour.
const ORIGIN: Millis = 1_795_003_200_000;
const MINUTE: Millis = 60_000;

struct Asker {
    account: Account,
    now: Millis,
    faults: Vec<Fault>,
}

impl Asker {
    fn new(scenario: Scenario) -> Self {
        let account = Account::new(Arc::new(Estate::new(1, ORIGIN, scenario)));
        Self { account, now: ORIGIN, faults: Vec::new() }
    }

    fn ask(&self, operation: &str, input: Value) -> Result<Value, ApiError> {
        let call = Call { operation: operation.to_owned(), region: "us-east-1".to_owned() };
        let asked = Asked { now: self.now, call, faults: self.faults.clone(), late_ms: 0 };
        let cloudwatch = CloudWatch {
            estate: &self.account.estate,
            catalogue: &self.account.catalogue,
            alarms: &self.account.alarms,
            quotas: &self.account.quotas,
            meter: &self.account.meter,
            asked: &asked,
            region: Some("us-east-1"),
        };
        // Through the bytes, as a client would have it.
        let input = cbor::decode(&cbor::encode(&input)).unwrap();
        let output = cloudwatch.answer(operation, &input)?;
        Ok(cbor::decode(&cbor::encode(&output)).unwrap())
    }

    /// The points of one metric of the first instance, newest first.
    fn network_in(&self) -> Vec<(Millis, Value)> {
        let machine = &self.account.estate.machines()[0];
        let id = machine.identity.place.native_id().unwrap();
        let dimension = Value::map([("Name", "InstanceId".into()), ("Value", id.into())]);
        let metric = Value::map([
            ("Namespace", "AWS/EC2".into()),
            ("MetricName", "NetworkIn".into()),
            ("Dimensions", vec![dimension].into()),
        ]);
        let stat = Value::map([("Metric", metric), ("Period", Value::Int(60)), ("Stat", "Sum".into())]);
        let query = Value::map([("Id", "q".into()), ("MetricStat", stat)]);
        let input = Value::map([
            ("MetricDataQueries", vec![query].into()),
            ("StartTime", Value::Time(ORIGIN - 30 * MINUTE)),
            ("EndTime", Value::Time(ORIGIN - 20 * MINUTE)),
        ]);
        let output = self.ask("GetMetricData", input).unwrap();
        let result = &output.get("MetricDataResults").unwrap().list().unwrap()[0];
        let of = |name: &str| result.get(name).unwrap().list().unwrap().to_vec();
        let times = of("Timestamps").into_iter().map(|at| at.time().unwrap());
        times.zip(of("Values")).collect()
    }

    fn with(&mut self, fault: Fault) -> Vec<(Millis, Value)> {
        self.faults = vec![fault];
        self.network_in()
    }
}

#[test]
fn the_sums_on_the_wire_are_those_of_the_estate() {
    let asker = Asker::new(Scenario::QuietDay);
    let machine = &asker.account.estate.machines()[0];
    let points = asker.network_in();
    assert_eq!(points.len(), 10);
    for (at, value) in points {
        assert_eq!(value, Value::Double(machine.network_in.count(at, at + MINUTE)));
    }
}

#[test]
fn values_are_spoiled_on_demand() {
    let mut asker = Asker::new(Scenario::QuietDay);
    let good = asker.network_in();
    let twice = asker.with(Fault::Duplicates);
    assert_eq!((twice.len(), &twice[0], &twice[1]), (20, &good[0], &good[0]));
    let shuffled = asker.with(Fault::OutOfOrder);
    assert_ne!(shuffled, good);
    assert!(shuffled.len() == 10 && good.iter().all(|point| shuffled.contains(point)));
    let ahead = asker.with(Fault::Future);
    assert_eq!(ahead[0].0, good[0].0 + 24 * 60 * MINUTE);
    assert!(
        asker
            .with(Fault::NotANumber)
            .iter()
            .all(|(_, value)| matches!(value, Value::Double(v) if v.is_nan()))
    );
    assert!(asker.with(Fault::Infinite).iter().all(|(_, value)| *value == Value::Double(f64::INFINITY)));
    assert!(asker.with(Fault::WrongType).iter().all(|(_, value)| value.text().is_some()));
}

#[test]
fn some_results_fail_on_demand_and_the_others_are_good() {
    let mut asker = Asker::new(Scenario::QuietDay);
    for (fault, code) in [(Fault::SomeFailing, "InternalError"), (Fault::SomeForbidden, "Forbidden")] {
        asker.faults = vec![fault];
        let metric = Value::map([("Namespace", "AWS/EC2".into()), ("MetricName", "Ghosts".into())]);
        let stat = Value::map([("Metric", metric), ("Period", Value::Int(60)), ("Stat", "Sum".into())]);
        let query = |n: i64| Value::map([("Id", format!("q{n}").into()), ("MetricStat", stat.clone())]);
        let input = Value::map([
            ("MetricDataQueries", (0..10).map(query).collect::<Vec<_>>().into()),
            ("StartTime", Value::Time(ORIGIN - 30 * MINUTE)),
            ("EndTime", Value::Time(ORIGIN)),
        ]);
        let output = asker.ask("GetMetricData", input).unwrap();
        let results = output.get("MetricDataResults").unwrap().list().unwrap();
        let failed = results.iter().filter(|it| it.get("StatusCode").and_then(Value::text) == Some(code));
        assert_eq!((results.len(), failed.count()), (10, 2));
    }
}

#[test]
fn pages_never_end_on_demand() {
    let mut asker = Asker::new(Scenario::QuietDay);
    asker.faults = vec![Fault::EndlessPages];
    for operation in ["ListMetrics", "DescribeAlarms"] {
        let mut input = Value::Map(Vec::new());
        for _ in 0..8 {
            let output = asker.ask(operation, input).unwrap();
            let token = output.get("NextToken").expect("there is always more").clone();
            input = Value::map([("NextToken", token)]);
        }
    }
}

#[test]
fn a_new_instance_is_asked_for_before_it_is_listed() {
    let mut asker = Asker::new(Scenario::QuietDay);
    let new = asker.account.estate.machines().iter().find(|it| it.identity.created > ORIGIN - 20 * MINUTE);
    let id = new.unwrap().identity.place.native_id().unwrap().to_owned();
    let listed = |asker: &Asker| {
        let catalogue = &asker.account.catalogue;
        let input = Value::map([(
            "Dimensions",
            vec![Value::map([("Name", "InstanceId".into()), ("Value", id.as_str().into())])].into(),
        )]);
        let call = Call { operation: "ListMetrics".to_owned(), region: "eu-west-1".to_owned() };
        let asked = Asked { now: asker.now, call, faults: Vec::new(), late_ms: 0 };
        let cloudwatch = CloudWatch {
            estate: &asker.account.estate,
            catalogue,
            alarms: &asker.account.alarms,
            quotas: &asker.account.quotas,
            meter: &asker.account.meter,
            asked: &asked,
            region: Some("eu-west-1"),
        };
        cloudwatch.answer("ListMetrics", &input).unwrap().get("Metrics").unwrap().list().unwrap().len()
    };
    assert_eq!(listed(&asker), 0, "ten minutes old");
    asker.now = ORIGIN + 5 * MINUTE;
    assert_eq!(listed(&asker), 12, "a quarter of an hour old");
}

#[test]
fn requests_that_make_no_sense_are_refused_and_say_why() {
    let asker = Asker::new(Scenario::QuietDay);
    let cases = [
        (
            "ListMetrics",
            Value::map([("Namespace", Value::Int(1))]),
            "SerializationException",
            "must be a string",
        ),
        (
            "ListMetrics",
            Value::map([("RecentlyActive", "PT1H".into())]),
            "InvalidParameterValueException",
            "PT3H",
        ),
        ("GetMetricData", Value::Map(vec![]), "MissingRequiredParameterException", "MetricDataQueries"),
        (
            "DescribeAlarms",
            Value::map([("MaxRecords", Value::Int(101))]),
            "ValidationException",
            "between 1 and 100",
        ),
        (
            "DescribeAlarms",
            Value::map([("AlarmTypes", vec!["Alarm"].into())]),
            "ValidationException",
            "MetricAlarm",
        ),
        ("DescribeAlarms", Value::map([("NextToken", "nonsense".into())]), "InvalidNextToken", "invalid"),
        ("PutMetricData", Value::Map(vec![]), "UnknownOperationException", "PutMetricData"),
    ];
    for (operation, input, shape, text) in cases {
        let error = asker.ask(operation, input).unwrap_err();
        assert_eq!(error.shape, shape, "{operation}: {error:?}");
        assert!(error.message.contains(text), "{operation}: {error:?}");
    }
}
