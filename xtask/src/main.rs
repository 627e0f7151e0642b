//! Runs the project's checks, tests, benchmarks and documentation.

fn main() {}
