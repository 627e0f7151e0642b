//! The conformance scripts of Prometheus, counted file by file against the baseline in `cases/conformance.tsv`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use expect_test::expect_file;

use crate::script::{self, Outcome};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/promql/testdata");

#[test]
fn prometheus_scripts_pass_as_recorded() {
    let Ok(entries) = fs::read_dir(SCRIPTS) else {
        eprintln!("skipped: no conformance scripts in {SCRIPTS}");
        return;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    paths.sort();
    let mut table = "file\tevals\tpassed\tfailed\tskipped\twhy skipped\n".to_owned();
    for path in paths {
        table.push_str(&row(&path));
    }
    expect_file!["../../cases/conformance.tsv"].assert_eq(&table);
}

fn row(path: &Path) -> String {
    let outcomes = script::run(&fs::read_to_string(path).unwrap());
    let (mut passed, mut failed) = (0, 0);
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    let name = path.file_name().unwrap().to_string_lossy();
    for (line, expression, outcome) in &outcomes {
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Failed(reason) => {
                failed += 1;
                eprintln!("{name} {reason}");
            }
            Outcome::Skipped(reason) => {
                *skipped.entry(reason).or_default() += 1;
                if std::env::var_os("SHOW_SKIPPED").is_some() {
                    eprintln!("{name} line {line}: skipped, {reason}: {expression}");
                }
            }
        }
    }
    let mut row =
        format!("{name}\t{}\t{passed}\t{failed}\t{}\t", outcomes.len(), skipped.values().sum::<usize>());
    let reasons: Vec<String> = skipped.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    writeln!(row, "{}", reasons.join(", ")).unwrap();
    row
}
