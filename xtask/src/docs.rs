//! `cargo xtask docs`: writes what is generated, so that a test can check that it is fresh.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::tools;

/// Writes docs/configuration.md from the samples in the binary.
pub fn run() -> Result<()> {
    let built = Command::new("cargo").args(["build", "--workspace", "--all-targets"]).status()?;
    ensure!(built.success(), "the binary does not build");
    let output =
        Command::new(tools::target_dir().join("debug/isobar")).args(["kinds", "--markdown"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write("docs/configuration.md", output.stdout)?;
    Ok(())
}
