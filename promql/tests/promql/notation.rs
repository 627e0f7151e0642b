//! How series and points are written in scripts: `metric{l="v"} 1 2+3x4 _ stale`.

use isobar_normalizer::{Labels, stale_marker};

/// One point in time of a written series.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    Value(f64),
    Missing,
    /// A native histogram, whose contents are not read.
    Histogram,
}

/// Labels and cells of a line.
pub fn series(line: &str) -> (Labels, Vec<Cell>) {
    let end = end_of_labels(line);
    (labels(line[..end].trim()), cells(&line[end..]))
}

/// The end of the name and the braces.
fn end_of_labels(line: &str) -> usize {
    let name = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let after = name + (line[name..].len() - line[name..].trim_start().len());
    if !line[after..].starts_with('{') || line[after..].starts_with("{{") {
        return name;
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in line[after..].char_indices() {
        match quote {
            Some(open) => {
                if c == open && !escaped {
                    quote = None;
                }
                escaped = c == '\\' && !escaped;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '}' => return after + at + 1,
            None => {}
        }
    }
    panic!("no closing brace in {line}");
}

fn labels(text: &str) -> Labels {
    if text.is_empty() || text == "{}" {
        return Labels::empty();
    }
    let matchers = isobar_promql::parse_matchers(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    Labels::from_pairs(matchers.iter().map(|matcher| (matcher.name(), matcher.value()))).unwrap()
}

/// The cells of `1 2+3x4 _ _x3 stale {{…}}x5`.
pub fn cells(text: &str) -> Vec<Cell> {
    words(text).iter().flat_map(|word| expanded(word)).collect()
}

/// Splits at blanks that are not inside a histogram.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth == 0 => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        words.last_mut().unwrap().push(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

fn expanded(word: &str) -> Vec<Cell> {
    let (first, times) = match word.rsplit_once('x') {
        Some((first, times)) => match times.parse::<usize>() {
            Ok(times) => (first, Some(times)),
            Err(_) => (word, None),
        },
        None => (word, None),
    };
    if first == "_" {
        return vec![Cell::Missing; times.unwrap_or(1)];
    }
    if first == "stale" {
        return vec![Cell::Value(stale_marker()); times.map_or(1, |times| times + 1)];
    }
    if first.starts_with("{{") {
        return vec![Cell::Histogram; times.map_or(1, |times| times + 1)];
    }
    let Some(times) = times else { return vec![Cell::Value(number(first))] };
    let (start, change) = start_and_change(first);
    let mut value = start;
    (0..=times)
        .map(|_| {
            let cell = Cell::Value(value);
            value += change;
            cell
        })
        .collect()
}

/// `8000-10` is a start and a change, `1e-10` and `-5` are starts.
fn start_and_change(text: &str) -> (f64, f64) {
    for (at, c) in text.char_indices().skip(1) {
        let after_exponent = text[..at].ends_with(['e', 'E']);
        if (c == '+' || c == '-') && !after_exponent {
            return (number(&text[..at]), number(&text[at..]));
        }
    }
    (number(text), 0.0)
}

/// Decimal, hexadecimal, `Inf`, `NaN`.
pub fn number(text: &str) -> f64 {
    let hex = text.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok());
    hex.map_or_else(|| text.parse().unwrap_or_else(|_| panic!("{text:?} is not a number")), |hex| hex as f64)
}

/// `5m`, `-1m`, `0`, `1.5` (seconds), in milliseconds.
pub fn millis(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    if let Ok(duration) = isobar_normalizer::parse_duration(digits) {
        return sign * duration.as_millis() as i64;
    }
    sign * (digits.parse::<f64>().unwrap_or_else(|_| panic!("{text:?} is not a time")) * 1000.0).round()
        as i64
}
