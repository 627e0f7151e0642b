//! `cargo xtask test | bench | ui | docs`: the project's checks, benchmarks, web page and generated documentation.

#![allow(clippy::print_stdout, reason = "a command-line tool reports on its output")]

mod bench;
mod docs;
mod suite;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test::run(),
        ["bench", ref only @ ..] => bench::run(only),
        ["ui"] => web::run(),
        ["docs"] => docs::run(),
        _ => Err(anyhow::anyhow!("usage: cargo xtask test | bench [NAME …] | ui | docs")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
