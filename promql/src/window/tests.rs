use isobar_normalizer::Labels;

use super::*;
use crate::matrix::Head;

/// Samples at 0 s, 10 s, …; windows of `length` s ending every 10 s from 0 s on.
fn check(function: &str, values: &[f64], length: i64, arguments: &[f64], expected: &[Option<f64>]) {
    let samples = Samples {
        head: Head::of(Labels::empty()),
        timestamps: (0..values.len() as i64).map(|index| index * 10_000).collect(),
        values: values.to_vec(),
    };
    let steps = Steps { start: 0, interval: 10_000, count: expected.len() };
    let windows = Windows::sliding(steps, length * 1_000);
    let arguments: Vec<Vec<f64>> = arguments.iter().map(|value| vec![*value; steps.count]).collect();
    let mut out = vec![0.0; steps.count];
    let mut present = vec![false; steps.count];
    let function = RangeFunction::named(function).unwrap();
    function.fill(|| Ok(()), &samples, windows, steps, &arguments, (&mut out, &mut present)).unwrap();
    for (column, expected) in expected.iter().enumerate() {
        let found = present[column].then_some(out[column]);
        let same = match (found, expected) {
            (Some(found), Some(expected)) => {
                found == *expected
                    || (found.is_nan() && expected.is_nan())
                    || (found - expected).abs() < 1e-12
            }
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(same, "{function:?} at column {column}: {found:?}, not {expected:?}");
    }
}

const NAN: f64 = f64::NAN;

#[test]
fn extremes_follow_the_window_and_pass_over_nan() {
    let values = [3.0, 1.0, NAN, 2.0, NAN, NAN];
    let some = |values: [f64; 6]| values.map(Some);
    check("max_over_time", &values, 20, &[], &some([3.0, 3.0, 1.0, 2.0, 2.0, NAN]));
    check("min_over_time", &values, 20, &[], &some([3.0, 1.0, 1.0, 2.0, 2.0, NAN]));
    check("ts_of_max_over_time", &[5.0, 5.0], 20, &[], &[Some(0.0), Some(10.0), Some(10.0), None]);
}

#[test]
fn resets_and_changes_count_inside_the_window_only() {
    let values = [1.0, 2.0, 0.0, 0.0, 1.0];
    check("resets", &values, 20, &[], &[Some(0.0), Some(0.0), Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
    check("changes", &values, 30, &[], &[Some(0.0), Some(1.0), Some(2.0), Some(1.0), Some(1.0), Some(1.0)]);
    check("changes", &[NAN, NAN, 1.0], 30, &[], &[Some(0.0), Some(0.0), Some(1.0)]);
}

#[test]
fn counters_restart_from_zero() {
    // 0 10 20 5 15: moved by 10, 10, 5, 10.
    let values = [0.0, 10.0, 20.0, 5.0, 15.0];
    check("irate", &values, 20, &[], &[None, Some(1.0), Some(1.0), Some(0.5), Some(1.0), None]);
    check("idelta", &values, 20, &[], &[None, Some(10.0), Some(10.0), Some(-15.0), Some(10.0), None]);
    // In the last window, (0 s, 40 s], from 10 to 15 over the reset at 20 makes 25 in 30 s; the 10 s before the first
    // sample are covered. In the others the counter was zero at the first sample, and nothing is.
    check(
        "increase",
        &values,
        40,
        &[],
        &[None, Some(10.0), Some(20.0), Some(25.0), Some(25.0 * 40.0 / 30.0)],
    );
}

#[test]
fn an_infinite_reset_spoils_only_its_windows() {
    let values = [1.0, f64::INFINITY, 1.0, 2.0, 3.0];
    check(
        "delta",
        &values,
        20,
        &[],
        &[None, Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(2.0), Some(2.0)],
    );
}

#[test]
fn lines_are_fitted() {
    check("deriv", &[0.0, 10.0, 20.0], 30, &[], &[None, Some(1.0), Some(1.0)]);
    check("predict_linear", &[0.0, 10.0, 20.0], 30, &[60.0], &[None, Some(70.0), Some(80.0)]);
    check("deriv", &[7.0, 7.0], 20, &[], &[None, Some(0.0)]);
}

#[test]
fn spreads_are_of_the_population() {
    check(
        "stdvar_over_time",
        &[0.0, 8.0, 8.0, 2.0, 3.0],
        60,
        &[],
        &[Some(0.0), Some(16.0), Some(128.0 / 9.0), Some(12.75), Some(10.56)],
    );
    check("mad_over_time", &[4.0, 6.0, 2.0], 60, &[], &[Some(0.0), Some(1.0), Some(2.0)]);
    check("quantile_over_time", &[4.0, 6.0], 60, &[0.5], &[Some(4.0), Some(5.0)]);
}
