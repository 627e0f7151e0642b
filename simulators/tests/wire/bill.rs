//! The bill agrees with what was asked.

use isobar_simulators::Scenario;

use crate::harness::{python, run, script, start};

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_counts_metrics_and_not_statistics() {
    let Some(python) = python() else { return };
    let running = start(Scenario::QuietDay, 30).await;
    let keys = running.aws_credentials.reader.clone();
    let url = running.aws_url.to_string();
    run(script(&python, "spend.py", &[&url, &keys.access_key_id, &keys.secret_access_key])).await;
    let bill = running.bill();
    let of = |operation: &str| {
        let billed = &bill.operations[operation];
        (billed.calls, billed.units)
    };
    // Two metrics, one with five statistics and one with six: 1 + 2, asked twice.
    assert_eq!(of("GetMetricData"), (2, 6));
    assert_eq!(of("ListMetrics"), (1, 1));
    assert_eq!(of("DescribeAlarms"), (2, 2));
    assert_eq!(of("GetResources"), (1, 0));
    assert!((bill.usd() - 6.0 * 0.000_01).abs() < 1e-12, "{}", bill.usd());
}
