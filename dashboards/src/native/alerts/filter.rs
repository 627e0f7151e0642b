//! The filter language of the page: `key op value` and free words, by spaces. Chips with `=` on one key are alternatives,
//! everything else must hold. docs/web.md describes it for people; the page reads it by the same rules.

use std::time::Duration;

use isobar_alerting::KnownAlert;
use isobar_normalizer::{MatchOp, Matcher, Timestamp, parse_duration};

use super::fields::{Field, mentions};

/// Chips and words of one filter.
const TERMS_MAX: usize = 100;

/// A filter that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    chips: Vec<Chip>,
    /// Lower case.
    words: Vec<String>,
}

/// One condition.
#[derive(Clone, Debug)]
struct Chip {
    /// As it is written, with or without the sign.
    key: String,
    op: Op,
}

#[derive(Clone, Debug)]
enum Op {
    /// `=` and `=~`, or turned over `!=` and `!~`.
    Text { matcher: Matcher, is_negated: bool, is_alternative: bool },
    /// `>`, or `<`.
    Number { limit: f64, is_above: bool },
}

/// What an alert has under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Age,
    Value,
    Text(Field<'a>),
}

/// What a key of the language means: a label goes before a field of its name, a sign means the field. The label `severity` is
/// the sender's, the field what is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning<'a> {
    label: Option<&'a str>,
    otherwise: Key<'a>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong, with the text concerned, in one line.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (term, left) = term(rest)?;
            match term {
                Term::Word(word) => filter.words.push(word.to_lowercase()),
                Term::Chip { key, op, value } => filter.chips.push(chip(key, op, &value)?),
            }
            rest = left.trim_start();
            if filter.chips.len() + filter.words.len() > TERMS_MAX {
                return Err(format!("more than {TERMS_MAX} conditions"));
            }
        }
        Ok(filter)
    }

    /// Whether an alert passes. The `=` and `!=` chips on what `skip` means are not counted.
    pub(super) fn passes(&self, known: &KnownAlert, now: Timestamp, skip: Option<Meaning<'_>>) -> bool {
        let skipped = skip.map(|skip| skip.of(known));
        let counted = |chip: &&Chip| match &chip.op {
            Op::Text { matcher, .. } if matches!(matcher.op(), MatchOp::Equal) => {
                skipped.is_none_or(|skipped| chip.meaning().of(known) != skipped)
            }
            _ => true,
        };
        let chips = || self.chips.iter().filter(counted);
        chips().all(|chip| {
            chip.passes(known, now)
                || chip.is_alternative()
                    && chips().any(|other| {
                        other.is_alternative() && other.key == chip.key && other.passes(known, now)
                    })
        }) && self.words.iter().all(|word| mentions(known, word))
    }

    /// Whether it may have a chip that a facet on this key leaves out.
    pub(super) fn concerns(&self, key: &str) -> bool {
        self.chips.iter().any(|chip| bare(&chip.key) == bare(key))
    }
}

impl Chip {
    fn meaning(&self) -> Meaning<'_> {
        Meaning::of_key(&self.key)
    }

    fn is_alternative(&self) -> bool {
        matches!(self.op, Op::Text { is_alternative: true, .. })
    }

    fn passes(&self, known: &KnownAlert, now: Timestamp) -> bool {
        match &self.op {
            Op::Text { matcher, is_negated, .. } => {
                let mut hits = false;
                let mut any = false;
                if let Key::Text(field) = self.meaning().of(known) {
                    field.each(known, &mut |value| {
                        any = true;
                        hits |= matcher.matches(value);
                    });
                }
                (if any { hits } else { matcher.matches("") }) != *is_negated
            }
            Op::Number { limit, is_above } => {
                let found = match self.meaning().of(known) {
                    Key::Age => {
                        let end = known.alert().ends_at.unwrap_or(now);
                        Some(end.since(known.alert().starts_at).as_secs_f64())
                    }
                    Key::Value => known.alert().value,
                    Key::Text(field) => {
                        let mut found = None;
                        field.each(known, &mut |value| found = value.parse::<f64>().ok());
                        found
                    }
                };
                found.is_some_and(|found| if *is_above { found > *limit } else { found < *limit })
            }
        }
    }
}

impl<'a> Meaning<'a> {
    /// Of a key as it is written.
    pub(super) fn of_key(key: &'a str) -> Self {
        let name = bare(key);
        let otherwise = match name {
            "age" => Key::Age,
            "value" => Key::Value,
            _ => Key::Text(Field::named(name).unwrap_or(Field::Label(name))),
        };
        let is_field =
            key.starts_with('@') || name == "severity" || otherwise == Key::Text(Field::Label(name));
        Self { label: (!is_field).then_some(name), otherwise }
    }

    /// For one alert.
    pub(super) fn of(self, known: &KnownAlert) -> Key<'a> {
        match self.label {
            Some(name) if known.labels.get(name).is_some() => Key::Text(Field::Label(name)),
            _ => self.otherwise,
        }
    }
}

fn bare(key: &str) -> &str {
    key.strip_prefix('@').unwrap_or(key)
}

fn chip(key: &str, op: &str, value: &str) -> Result<Chip, String> {
    let name = bare(key);
    let is_measure = matches!(name, "age" | "value");
    if key.starts_with('@') && !is_measure && Field::named(name).is_none() {
        return Err(format!(
            "{key} is no field: one of {}",
            Field::NAMES.map(|name| format!("@{name}")).join(", ")
        ));
    }
    let text = |op: MatchOp, is_negated: bool| -> Result<Op, String> {
        let matcher = Matcher::new(name, op, value).map_err(|error| error.to_string())?;
        Ok(Op::Text { matcher, is_negated, is_alternative: op == MatchOp::Equal && !is_negated })
    };
    let op = match op {
        "=" | "!=" if value.is_empty() && key.starts_with('@') => {
            return Err(format!("{key}{op} needs a value"));
        }
        "=" => text(MatchOp::Equal, false),
        "!=" => text(MatchOp::Equal, true),
        "=~" => text(MatchOp::Matches, false),
        "!~" => text(MatchOp::Matches, true),
        sign => {
            let limit = if name == "age" {
                parse_duration(value).map(|span: Duration| span.as_secs_f64()).ok()
            } else {
                value.parse::<f64>().ok().filter(|limit| limit.is_finite())
            };
            let wrong = || format!("{key}{sign}{value}: a number, or for @age a time as 15m, was expected");
            Ok(Op::Number { limit: limit.ok_or_else(wrong)?, is_above: sign == ">" })
        }
    };
    Ok(Chip { key: key.to_owned(), op: op? })
}

enum Term<'a> {
    Chip { key: &'a str, op: &'a str, value: String },
    Word(String),
}

const OPERATORS: [&str; 6] = ["!=", "=~", "!~", "=", ">", "<"];

/// The first chip or word, and what follows it.
fn term(text: &str) -> Result<(Term<'_>, &str), String> {
    let sign = usize::from(text.starts_with('@'));
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
    let begins = text[sign..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let length = text[sign..].find(|c: char| !is_inner(c)).unwrap_or(text.len() - sign);
    if begins {
        let (key, rest) = text.split_at(sign + length);
        // A name may end in - or :, which no operator begins with.
        let spaced = rest.strip_prefix(' ').unwrap_or(rest);
        if let Some(op) = OPERATORS.into_iter().find(|op| spaced.starts_with(op)) {
            let value = &spaced[op.len()..];
            let (value, rest) = word(value.strip_prefix(' ').unwrap_or(value))?;
            return Ok((Term::Chip { key, op, value }, rest));
        }
    }
    if let Some(op) = OPERATORS.into_iter().find(|op| text.starts_with(op)) {
        return Err(format!("{op:?} stands without a key: key{op}value was expected"));
    }
    let (word, rest) = word(text)?;
    Ok((Term::Word(word), rest))
}

/// A word, or a text in quotes, and what follows it.
fn word(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    Err(format!("{text} has no closing quote"))
}

#[cfg(test)]
mod tests;
