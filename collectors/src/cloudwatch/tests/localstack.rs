//! Against LocalStack, which none of us wrote: the same SDK, the same CBOR, another server.
//!
//! It runs where `target/venv-localstack` is; docs/sources/cloudwatch.md says how it is made.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, StateValue, Statistic};
use isobar_normalizer::NativeState;

use super::super::answer::date;
use super::super::http_client::GuardedHttp;
use super::*;

/// Ends with the test.
struct LocalStack {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl LocalStack {
    async fn start() -> Option<Self> {
        let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/venv-localstack/bin/python");
        if !python.exists() {
            println!("skipped: {} is not here", python.display());
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(python)
            .args(["-m", "localstack.runtime.main"])
            .env("GATEWAY_SERVER", "hypercorn")
            .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
            .env("SKIP_SSL_CERT_DOWNLOAD", "1")
            .env("DISABLE_EVENTS", "1")
            .env("DNS_ADDRESS", "0")
            .env("SERVICES", "cloudwatch,sts")
            .env("FILESYSTEM_ROOT", folder.path())
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { process, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        let is_there = || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        let waited = tokio::time::timeout(Duration::from_secs(90), async {
            while !is_there().await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        waited.await.expect("LocalStack answers within 90 s");
        Some(started)
    }

    /// A client that writes what the collector is to read.
    fn writer(&self) -> aws_sdk_cloudwatch::Client {
        let egress = Egress::new(EgressOptions::default()).unwrap();
        let client =
            egress.client(isobar_egress::ClientOptions::new(isobar_egress::Trust::Operator)).unwrap();
        let config = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .http_client(GuardedHttp::new(client, MINUTE))
            .endpoint_url(&self.url)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"));
        aws_sdk_cloudwatch::Client::from_conf(config.build())
    }
}

const ACCOUNT: &str = "000000000000";

#[tokio::test]
async fn metrics_and_alarms_of_another_server_are_read() {
    let Some(localstack) = LocalStack::start().await else { return };
    let writer = localstack.writer();
    let now = Timestamp::from_millis(this_mark() + 20_000);
    let database = Dimension::builder().name("DBInstanceIdentifier").value("orders").build();
    // Minutes that end two to six minutes ago.
    let starts: Vec<Timestamp> =
        (3..8).map(|ago| Timestamp::from_millis(this_mark()).minus(MINUTE * ago)).collect();
    for (number, start) in starts.iter().enumerate() {
        let datum = MetricDatum::builder()
            .metric_name("DatabaseConnections")
            .dimensions(database.clone())
            .timestamp(date(*start))
            .value(10.0 + number as f64)
            .build();
        writer.put_metric_data().namespace("AWS/RDS").metric_data(datum).send().await.unwrap();
    }
    writer
        .put_metric_alarm()
        .alarm_name("orders-busy")
        .namespace("AWS/RDS")
        .metric_name("DatabaseConnections")
        .dimensions(database)
        .statistic(Statistic::Average)
        .period(60)
        .evaluation_periods(1)
        // LocalStack evaluates alarms too: what it finds is what is set below, and no data changes nothing.
        .threshold(1.0)
        .treat_missing_data("ignore")
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .send()
        .await
        .unwrap();
    let set = writer.set_alarm_state().alarm_name("orders-busy").state_value(StateValue::Alarm);
    set.state_reason("a test").send().await.unwrap();

    let clouds = clouds();
    clouds.in_use.set(BTreeSet::from(["db.connection.count".to_owned()]));
    let key = AwsKey { access_key_id: "test".to_owned(), secret_access_key: "test".to_owned() };
    let extra = "regions: [us-east-1]\nnamespaces: [AWS/RDS]\nbackfill: 30m\ninventory: {enabled: false}";
    let text = settings(&localstack.url, &key, extra);
    let collector = build(&text, "test", &clouds);
    let parts = collector.parts().await.unwrap();
    assert_eq!(
        parts.iter().map(|part| &*part.key).collect::<Vec<_>>(),
        ["000000000000/us-east-1", "000000000000/us-east-1/alarms"]
    );
    let window = Window { start: now.minus(MINUTE), end: now };
    let collected = collector.collect(&parts[0], window).await.unwrap();
    assert_eq!(collected.failures, Vec::<String>::new());
    let aligned = clouds.mappings.align(&"aws".into(), &collected.measurements);
    let id =
        ResourceId::new(isobar_normalizer::Provider::Aws, ACCOUNT, "us-east-1", "db.relational", "orders")
            .unwrap();
    for (number, start) in starts.iter().enumerate() {
        let found = value(&aligned, "db.connection.count", &id, start.plus(MINUTE));
        assert_eq!(found, Some(10.0 + number as f64), "the minute from {start}: {aligned:#?}");
    }
    let report = collector.collect(&parts[1], window).await.unwrap();
    let alarms = report.alarms.unwrap();
    let [alarm] = &alarms.alarms[..] else { panic!("{alarms:?}") };
    assert_eq!((alarms.is_complete, alarm.state), (true, NativeState::Firing));
    assert_eq!((alarm.resource.as_ref(), alarm.metric.as_deref()), (Some(&id), Some("db.connection.count")));
}
