//! Go's `printf`, `print` and `println`.
//!
//! Source: the documentation of Go's package fmt. `%#v` and `%+v` print as `%v`.

use std::fmt::Write as _;

use super::function::PRINTED_MAX;
use super::value::{ListKind, MapKind, Value};
use crate::quote::{quoted, quoted_character};

/// Widest field and longest fraction that are filled; more is a mistake and prints as one.
const WIDTH_MAX: usize = 10_000;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Spec {
    fn fill(self) -> usize {
        self.width.unwrap_or(0).max(self.precision.unwrap_or(0))
    }
}

/// `print`: a space between two operands of which neither is a text.
pub(super) fn print(values: &[Value]) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 && value.as_text().is_none() && values[index - 1].as_text().is_none() {
            text.push(' ');
        }
        value.print_to(&mut text);
    }
    text
}

/// `println`: a space between all, and a line end.
pub(super) fn println(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().map(Value::print).collect();
    shown.join(" ") + "\n"
}

/// `printf`. Mistakes are printed in Go's words: `%!d(string=x)`.
///
/// # Errors
/// It would be too long.
pub(super) fn printf(format: &str, values: &[Value]) -> Result<String, String> {
    let mut printer = Printer { values, next: 0, reordered: false, out: String::new() };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        printer.out.push_str(&rest[..at]);
        rest = printer.directive(&rest[at + 1..]);
        if printer.out.len() > PRINTED_MAX {
            return Err(format!("more than {PRINTED_MAX} bytes are printed at once"));
        }
    }
    printer.out.push_str(rest);
    printer.extra();
    Ok(printer.out)
}

struct Printer<'a> {
    values: &'a [Value],
    next: usize,
    /// Whether `%[n]` was used: then surplus values are no mistake.
    reordered: bool,
    out: String,
}

impl Printer<'_> {
    /// Writes one directive, behind its `%`; what follows it.
    fn directive<'f>(&mut self, mut rest: &'f str) -> &'f str {
        let mut spec = Spec::default();
        while let Some(flag) = rest.chars().next() {
            match flag {
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        let mut is_bad_index = false;
        rest = self.index(rest, &mut is_bad_index);
        (spec.width, rest) = self.count(rest, &mut spec, "%!(BADWIDTH)");
        if let Some(after) = rest.strip_prefix('.') {
            rest = self.index(after, &mut is_bad_index);
            let mut unused = Spec::default();
            (spec.precision, rest) = self.count(rest, &mut unused, "%!(BADPREC)");
            spec.precision = spec.precision.or(Some(0)).filter(|_| !unused.minus);
        }
        rest = self.index(rest, &mut is_bad_index);
        let Some(verb) = rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return rest;
        };
        // Writing to a string cannot fail.
        let _ = match self.values.get(self.next) {
            _ if verb == '%' => self.out.write_char('%'),
            _ if is_bad_index => write!(self.out, "%!{verb}(BADINDEX)"),
            None => write!(self.out, "%!{verb}(MISSING)"),
            // Each value of a list is filled up by itself.
            Some(value) if spec.fill().saturating_mul(value.extent().bytes) > PRINTED_MAX * 8 => {
                self.next += 1;
                self.out.write_str("%!(BADWIDTH)")
            }
            Some(value) => {
                self.next += 1;
                let text = formatted(verb, spec, value);
                self.out.write_str(&text)
            }
        };
        &rest[verb.len_utf8()..]
    }

    /// `[n]` where it stands.
    fn index<'f>(&mut self, rest: &'f str, is_bad: &mut bool) -> &'f str {
        let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return rest;
        };
        self.reordered = true;
        match inside.parse::<usize>() {
            Ok(number) if (1..=self.values.len()).contains(&number) => self.next = number - 1,
            _ => *is_bad = true,
        }
        after
    }

    /// A number, or `*` for the next value.
    fn count<'f>(&mut self, rest: &'f str, spec: &mut Spec, bad: &str) -> (Option<usize>, &'f str) {
        if let Some(after) = rest.strip_prefix('*') {
            let value = self.values.get(self.next);
            self.next += 1;
            let Some(Value::Int(number)) = value else {
                self.out.push_str(bad);
                return (None, after);
            };
            spec.minus |= *number < 0;
            let count = usize::try_from(number.unsigned_abs()).ok().filter(|count| *count <= WIDTH_MAX);
            if count.is_none() {
                self.out.push_str(bad);
            }
            return (count, after);
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let count = rest[..end].parse::<usize>().ok();
        if count.is_some_and(|count| count > WIDTH_MAX) {
            self.out.push_str(bad);
            return (None, &rest[end..]);
        }
        (count, &rest[end..])
    }

    fn extra(&mut self) {
        if self.reordered || self.next >= self.values.len() {
            return;
        }
        let extra: Vec<String> = self.values[self.next..].iter().map(typed).collect();
        let _ = write!(self.out, "%!(EXTRA {})", extra.join(", "));
    }
}

/// `string=x`
fn typed(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        value => format!("{}={}", value.type_name(), value.print()),
    }
}

fn formatted(verb: char, spec: Spec, value: &Value) -> String {
    let bad = || format!("%!{verb}({})", typed(value));
    let is_text_verb = matches!(verb, 'v' | 's' | 'q' | 'x' | 'X');
    match value {
        Value::Nil if verb == 'v' => padded(spec, "<nil>"),
        Value::Nil => bad(),
        Value::Bool(value) if matches!(verb, 't' | 'v') => padded(spec, &value.to_string()),
        Value::Bool(_) => bad(),
        Value::Int(number) => integer(verb, spec, *number).unwrap_or_else(bad),
        Value::Float(number) => float(verb, spec, *number).unwrap_or_else(bad),
        Value::Text(text) | Value::Safe(_, text) => string(verb, spec, text).unwrap_or_else(bad),
        // They print as names unless a number is asked for.
        Value::Duration(_) | Value::Named(..) | Value::Time(_) if is_text_verb => {
            string(verb, spec, &value.print()).unwrap_or_else(bad)
        }
        Value::List(ListKind::Pairs, _) | Value::Map(MapKind::Labels, _) if is_text_verb => {
            string(verb, spec, &value.print()).unwrap_or_else(bad)
        }
        Value::Duration(number) | Value::Named(number, _) => integer(verb, spec, *number).unwrap_or_else(bad),
        Value::List(_, items) => {
            let items: Vec<String> = items.iter().map(|item| formatted(verb, spec, item)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(_, map) => {
            let entry = |(name, value): (&std::sync::Arc<str>, &Value)| {
                let name = formatted(verb, spec, &Value::Text(std::sync::Arc::clone(name)));
                format!("{name}:{}", formatted(verb, spec, value))
            };
            format!("map[{}]", map.iter().map(entry).collect::<Vec<String>>().join(" "))
        }
        Value::Record(record) => {
            let fields = record.fields.iter().map(|field| formatted(verb, spec, &field.value));
            format!("{{{}}}", fields.collect::<Vec<String>>().join(" "))
        }
        Value::Time(_) => bad(),
    }
}

fn string(verb: char, spec: Spec, text: &str) -> Option<String> {
    let cut: String = match spec.precision {
        Some(max) => text.chars().take(max).collect(),
        None => text.to_owned(),
    };
    let shown = match verb {
        's' | 'v' => cut,
        'q' if spec.sharp && !cut.contains('`') && !cut.contains(char::is_control) => format!("`{cut}`"),
        'q' => quoted(&cut),
        'x' => hex::encode(cut),
        'X' => hex::encode_upper(cut),
        _ => return None,
    };
    Some(padded(spec, &shown))
}

fn integer(verb: char, spec: Spec, number: i64) -> Option<String> {
    let magnitude = number.unsigned_abs();
    let character =
        || u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let (prefix, digits) = match verb {
        'd' | 'v' => ("", magnitude.to_string()),
        'b' => (if spec.sharp { "0b" } else { "" }, format!("{magnitude:b}")),
        'o' => (if spec.sharp { "0" } else { "" }, format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => (if spec.sharp { "0x" } else { "" }, format!("{magnitude:x}")),
        'X' => (if spec.sharp { "0X" } else { "" }, format!("{magnitude:X}")),
        'c' => return Some(padded(spec, &character().to_string())),
        'q' => return Some(padded(spec, &quoted_character(character()))),
        'U' => return Some(padded(spec, &format!("U+{magnitude:04X}"))),
        _ => return None,
    };
    let digits = match spec.precision {
        Some(0) if number == 0 => String::new(),
        Some(least) => format!("{digits:0>least$}"),
        None => digits,
    };
    // A precision decides how many zeros there are.
    let spec = Spec { zero: spec.zero && spec.precision.is_none(), ..spec };
    Some(signed(spec, number < 0, &format!("{prefix}{digits}")))
}

fn float(verb: char, spec: Spec, number: f64) -> Option<String> {
    let magnitude = number.abs();
    let precision = spec.precision.unwrap_or(6);
    let digits = match verb {
        _ if !number.is_finite() => (if number.is_nan() { "NaN" } else { "Inf" }).to_owned(),
        'f' | 'F' => format!("{magnitude:.precision$}"),
        'e' => exponential(magnitude, precision),
        'E' => exponential(magnitude, precision).to_uppercase(),
        'g' | 'v' => general(magnitude, spec.precision),
        'G' => general(magnitude, spec.precision).to_uppercase(),
        _ => return None,
    };
    let spec = Spec { zero: spec.zero && number.is_finite(), ..spec };
    let spec = Spec { plus: spec.plus || (number.is_infinite() && verb != 'v'), ..spec };
    Some(signed(spec, number.is_sign_negative() && !number.is_nan(), &digits))
}

/// `1.5e+06`
fn exponential(number: f64, precision: usize) -> String {
    go_exponent(&format!("{number:.precision$e}"))
}

/// Rust's `1.5e6` as Go's `1.5e+06`.
fn go_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%g`: with an exponent where that is below -4 or not below the precision; six without one.
pub(super) fn general(number: f64, precision: Option<usize>) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let rounded = match precision {
        Some(digits) => format!("{:.*e}", digits.max(1) - 1, number),
        None => format!("{number:e}"),
    };
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    let digits = i32::try_from(mantissa.chars().filter(char::is_ascii_digit).count()).unwrap_or(i32::MAX);
    let limit = match precision {
        None => 6,
        Some(precision) => {
            let precision = i32::try_from(precision.max(1)).unwrap_or(i32::MAX);
            if precision > digits && digits > exponent { digits } else { precision }
        }
    };
    if exponent < -4 || exponent >= limit {
        return go_exponent(&format!("{mantissa}e{exponent}"));
    }
    let decimals = usize::try_from((digits - 1 - exponent).max(0)).unwrap_or(0);
    format!("{number:.decimals$}")
}

/// With sign, filled up by zeros behind it or by spaces.
fn signed(spec: Spec, is_negative: bool, digits: &str) -> String {
    let sign = match (is_negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    if spec.zero && !spec.minus {
        let width = spec.width.unwrap_or(0).saturating_sub(sign.len());
        return format!("{sign}{digits:0>width$}");
    }
    padded(spec, &format!("{sign}{digits}"))
}

fn padded(spec: Spec, text: &str) -> String {
    let width = spec.width.unwrap_or(0);
    match (spec.minus, spec.zero) {
        (true, _) => format!("{text:<width$}"),
        (false, true) => format!("{text:0>width$}"),
        (false, false) => format!("{text:>width$}"),
    }
}
