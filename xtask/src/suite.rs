//! One command of a run, timed, with the counts its test runner prints.

use std::io::{BufRead, BufReader, pipe};
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
    // nextest prints its summary to one stream, vitest to the other; both are read and passed on.
    let (printed, writer) = pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
    // The reading ends when the child's ends of the pipe are the last and close.
    command.stdout(Stdio::null()).stderr(Stdio::null());
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

/// Reads nextest's `Summary [ 1.2s] 9 tests run: 8 passed (1 slow), 1 failed, 2 skipped` and vitest's
/// `Tests  1 failed | 8 passed (9)`, colours or not.
fn read_summary(line: &str) -> Option<(u64, u64)> {
    let plain: String = strip_colours(line);
    let of_nextest = || plain.split_once("tests run:").or_else(|| plain.split_once("test run:"));
    let (counts, separator) = match plain.trim_start().strip_prefix("Tests  ") {
        Some(counts) => (counts, '|'),
        None => (of_nextest()?.1, ','),
    };
    let count_of = |word: &str| {
        let part = counts.split(separator).find(|part| part.contains(word))?;
        part.split_whitespace().next()?.parse::<u64>().ok()
    };
    let failed = count_of("failed").unwrap_or(0) + count_of("timed out").unwrap_or(0);
    match count_of("passed") {
        None if failed == 0 => None,
        passed => Some((passed.unwrap_or(0), failed)),
    }
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
            (
                " \u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m\u{1b}[2m | \u{1b}[22m8 passed\u{1b}[90m (9)\u{1b}[39m",
                Some((8, 1)),
            ),
            ("      Tests  12 passed (12)", Some((12, 0))),
            ("   Compiling isobar v0.1.0", None),
        ];
        for (line, expected) in cases {
            assert_eq!(read_summary(line), expected, "{line}");
        }
    }
}
