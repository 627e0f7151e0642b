//! Checks what the compiler does not: who imports whom, one version of what must be one, clean text.

mod differences;
mod imports;
mod lockfile;
mod text;

use std::path::PathBuf;

/// The checkout's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
