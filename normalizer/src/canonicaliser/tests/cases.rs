//! Runs `cases/*.case`: deliveries of raw samples, `----`, and what a store holds of the canonical series afterwards.
//!
//! Each line is a series and its values; an empty line begins the next delivery. Values without a time stand 10 s apart
//! from 0 on. `UPDATE_EXPECT=1` rewrites what stands below the line.

use std::fmt::Write;
use std::path::Path;

use super::*;
use crate::notation::read_line;

/// Every case's file, so that one that is not run is noticed.
#[test]
fn cases_come_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no case in {}", folder.display());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let (given, _) = text.split_once("----\n").unwrap_or_else(|| panic!("{} lacks ----", path.display()));
        expect_test::expect_file![&path].assert_eq(&format!("{given}----\n{}", outcome(given)));
    }
}

fn outcome(given: &str) -> String {
    let mut canonicaliser = canonicaliser();
    let mut stored = Stored::new();
    let mut resources = BTreeMap::new();
    for delivery in given.split("\n\n") {
        let mut samples = Vec::new();
        for line in delivery.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = read_line(line, Duration::from_secs(10)).unwrap();
            samples.extend(line.values.iter().map(|(at, value)| Sample {
                labels: line.labels.clone(),
                at: *at,
                value: *value,
            }));
        }
        let canonical = canonicaliser.apply(&run_of(samples));
        store(&mut stored, &canonical);
        resources.extend(canonical.resources.into_iter().map(|resource| (resource.id.clone(), resource)));
    }
    let mut out = String::new();
    for (labels, values) in &stored {
        let mut short = labels.edit();
        short.remove("source").remove("isobar_vantage");
        write!(out, "{}", short.build()).unwrap();
        for (at, bits) in values {
            let value = f64::from_bits(*bits);
            let seconds = at.millis() as f64 / 1000.0;
            let shown = if is_stale(value) { "stale".to_owned() } else { value.to_string() };
            write!(out, " {shown}@{seconds}s").unwrap();
        }
        out.push('\n');
    }
    for resource in resources.values() {
        let seconds = resource.last_seen.millis() / 1000;
        write!(out, "resource {} name={:?}", resource.id, resource.name).unwrap();
        if !resource.service.is_empty() {
            write!(out, " service={:?}", resource.service).unwrap();
        }
        writeln!(out, " last_seen={seconds}s").unwrap();
    }
    let unused = canonicaliser.stats();
    if unused != Stats::default() {
        writeln!(out, "{unused:?}").unwrap();
    }
    out
}
