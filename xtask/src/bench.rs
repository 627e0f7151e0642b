//! `cargo xtask bench`: every comparison with a peer, one optimised build, results printed and kept under docs/.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::tools;

/// Builds the benchmarks and the binary once, and runs the named ones, or all.
pub fn run(only: &[&str]) -> Result<()> {
    tools::ensure_all()?;
    let build = ["build", "--profile", "bench", "--package", "isobar", "--package", "isobar-benches"];
    ensure!(Command::new("cargo").args(build).status()?.success(), "the benchmarks do not build");
    let bench = tools::target_dir().join("release/isobar-benches");
    let status = Command::new(bench).args(only).env("ISOBAR_VENV", tools::venv()).status()?;
    ensure!(status.success(), "a benchmark failed or missed its figure");
    Ok(())
}
