//! `cargo xtask test`: everything that must hold before a change lands, with the time each part took.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::suite::{self, Outcome};
use crate::{tools, web};

/// Longer than this in all is a failure: checks that take long are not run.
const BUDGET: Duration = Duration::from_secs(45 * 60);

/// Runs all suites, all of them even when one fails, and prints a table and one line of counts.
pub fn run() -> Result<()> {
    tools::ensure_all()?;
    let started = Instant::now();
    let (venv, clouds) = (tools::venv(), tools::cloud_venv());
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).env("ISOBAR_VENV", &venv).env("ISOBAR_CLOUD_VENV", &clouds);
        command
    };
    let mut outcomes = vec![
        suite::run("format", &mut cargo(&["fmt", "--all", "--check"]))?,
        suite::run("lints", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?,
        // Every build is of the whole workspace: another selection has other features, and DataFusion is built again.
        suite::run("build", &mut cargo(&["build", "--workspace", "--all-targets"]))?,
        suite::run("unit", &mut cargo(&nextest("not package(isobar-tests)")))?,
        suite::run("documentation", &mut cargo(&["test", "--doc", "--workspace", "--quiet"]))?,
        suite::run("end to end", &mut cargo(&nextest("package(isobar-tests)")))?,
    ];
    // The builds above have made the page once, and with it installed what its checks need, unless it was there.
    if !web::is_installed() {
        outcomes.push(suite::run("web packages", &mut web::install())?);
    }
    outcomes.push(suite::run("web page", &mut web::npm(&["run", "--silent", "check"]))?);
    outcomes.push(suite::run("browser", &mut web::in_browser())?);
    let took = started.elapsed();
    print_table(&outcomes, took);
    let failed: u64 = outcomes.iter().map(|outcome| outcome.failed.max(u64::from(!outcome.ok))).sum();
    let passed: u64 = outcomes.iter().map(|outcome| outcome.passed).sum();
    ensure!(
        took <= BUDGET,
        "the suites took {} s, over the budget of {} s",
        took.as_secs(),
        BUDGET.as_secs()
    );
    println!("{passed} passed, {failed} failed");
    ensure!(failed == 0, "{failed} failed");
    Ok(())
}

/// All tests of a selection, whatever fails.
fn nextest(selection: &str) -> [&str; 7] {
    ["nextest", "run", "--workspace", "--all-targets", "--no-fail-fast", "--filterset", selection]
}

fn print_table(outcomes: &[Outcome], took: Duration) {
    println!("\n{:<16}{:>9}{:>9}{:>9}", "suite", "passed", "failed", "seconds");
    for outcome in outcomes {
        println!(
            "{:<16}{:>9}{:>9}{:>9.1}",
            outcome.name,
            outcome.passed,
            outcome.failed,
            outcome.took.as_secs_f64()
        );
    }
    println!("{:<34}{:>9.1} of {}", "in all", took.as_secs_f64(), BUDGET.as_secs());
}
