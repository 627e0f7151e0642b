//! The evaluator from the outside: Prometheus' own conformance scripts, our cases, rules people use, and laws.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its input fails")]

mod cases;
mod conformance;
mod laws;
mod limits;
mod memory;
mod notation;
mod rules;
mod script;
