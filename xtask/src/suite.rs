//! One command of a run, timed, with the counts its test runner prints.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How a suite went.
pub struct Outcome {
    /// What it is called in the table.
    pub name: &'static str,
    /// Whether the command ended well.
    pub ok: bool,
    /// Wall time.
    pub took: Duration,
    /// Tests that passed and failed, as the runner says; a check without tests counts as one.
    pub passed: u64,
    /// See `passed`.
    pub failed: u64,
}

/// Runs the command, shows what it prints, and reads the runner's summary from it.
pub fn run(name: &'static str, command: &mut Command) -> Result<Outcome> {
    println!("── {name}: {}", shown(command));
    let started = Instant::now();
    // cargo and nextest print to stderr; the summary is read from there and everything is passed on.
    let mut child = command.stderr(Stdio::piped()).spawn().with_context(|| format!("starting {name}"))?;
    let printed = child.stderr.take().context("stderr was piped")?;
    let mut counts = None;
    for line in BufReader::new(printed).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        eprintln!("{line}");
        counts = read_summary(&line).or(counts);
    }
    let ok = child.wait()?.success();
    let (passed, failed) = counts.unwrap_or((u64::from(ok), u64::from(!ok)));
    Ok(Outcome { name, ok, took: started.elapsed(), passed, failed })
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Reads nextest's `Summary [ 1.2s] 9 tests run: 8 passed (1 slow), 1 failed, 2 skipped`, colours or not.
fn read_summary(line: &str) -> Option<(u64, u64)> {
    let plain: String = strip_colours(line);
    let (_, counts) = plain.split_once("tests run:").or_else(|| plain.split_once("test run:"))?;
    let count_of = |word: &str| {
        let part = counts.split(',').find(|part| part.contains(word))?;
        part.split_whitespace().next()?.parse().ok()
    };
    Some((count_of("passed")?, count_of("failed").unwrap_or(0) + count_of("timed out").unwrap_or(0)))
}

fn strip_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in line.chars() {
        match (inside, c) {
            (false, '\u{1b}') => inside = true,
            (true, 'm') => inside = false,
            (true, _) => {}
            (false, c) => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_the_runner_are_read() {
        let cases = [
            ("     Summary [   0.1s] 9 tests run: 8 passed (1 slow), 1 failed, 2 skipped", Some((8, 1))),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [ 1s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped",
                Some((1, 0)),
            ),
            ("   Compiling isobar v0.1.0", None),
        ];
        for (line, expected) in cases {
            assert_eq!(read_summary(line), expected, "{line}");
        }
    }
}
