//! `cargo xtask docs`: writes what is generated, so that a test can check that it is fresh.

use std::process::Command;

use anyhow::{Result, ensure};

/// Writes docs/configuration.md from the samples in the binary.
pub fn run() -> Result<()> {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--package", "isobar", "--", "kinds", "--markdown"])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write("docs/configuration.md", output.stdout)?;
    Ok(())
}
