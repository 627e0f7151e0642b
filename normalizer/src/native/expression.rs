//! Arithmetic over the inputs of a record: `hits / (hits + misses)`, `x / period`.
//!
//! Four operations, brackets, decimal numbers, the names of inputs and `period`, the length of the period in seconds.
//! Inputs come in bytes, seconds, ratios and counts, so that `1 - x` is right for a percentage too. There are no functions
//! and no conditions: what cannot be said so is said by another record.

use crate::Unit;

/// Nothing nests deeper: a text of brackets must not exhaust the stack.
const DEPTH_MAX: usize = 32;

/// The name that stands for the length of the period.
const PERIOD: &str = "period";

/// A formula that was read and whose names are known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    /// An input, by its place in the record.
    Input(usize),
    Period,
    Negated(Box<Node>),
    Applied(Operator, Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Expression {
    /// The only input as it is.
    pub(super) fn only_input() -> Self {
        Self(Node::Input(0))
    }

    /// Reads a text; names are resolved to their place in `inputs`.
    ///
    /// # Errors
    /// What was expected, and at which character.
    pub(super) fn read(text: &str, inputs: &[&str]) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0, inputs };
        let node = reader.sum(0)?;
        match reader.peek() {
            None => Ok(Self(node)),
            Some(letter) => Err(reader.wrong(&format!("{letter:?} is not expected here"))),
        }
    }

    /// The unit of the result, from the units of the inputs.
    ///
    /// # Errors
    /// Two things that do not measure the same are added.
    pub(super) fn unit(&self, inputs: &[Unit]) -> Result<Unit, String> {
        unit(&self.0, inputs)
    }

    /// The value; `None` when an input it reads is missing, something is divided by zero, or the result is no finite number.
    pub(super) fn value(&self, inputs: &[Option<f64>], period_seconds: f64) -> Option<f64> {
        value(&self.0, inputs, period_seconds).filter(|value| value.is_finite())
    }

    /// Whether it reads the input at that place.
    pub(super) fn reads(&self, input: usize) -> bool {
        reads(&self.0, input)
    }
}

fn reads(node: &Node, input: usize) -> bool {
    match node {
        Node::Number(_) | Node::Period => false,
        Node::Input(one) => *one == input,
        Node::Negated(inner) => reads(inner, input),
        Node::Applied(_, left, right) => reads(left, input) || reads(right, input),
    }
}

fn unit(node: &Node, inputs: &[Unit]) -> Result<Unit, String> {
    match node {
        Node::Number(_) => Ok(Unit::one()),
        Node::Input(input) => Ok(inputs[*input].clone()),
        Node::Period => Ok(Unit::second()),
        Node::Negated(inner) => unit(inner, inputs),
        Node::Applied(operator, left, right) => {
            let (left, right) = (unit(left, inputs)?, unit(right, inputs)?);
            match operator {
                Operator::Multiply => Ok(left.times(&right)),
                Operator::Divide => Ok(left.over(&right)),
                _ if left == right => Ok(left),
                _ => Err(format!("{left} and {right} cannot be added or subtracted")),
            }
        }
    }
}

fn value(node: &Node, inputs: &[Option<f64>], period: f64) -> Option<f64> {
    match node {
        Node::Number(number) => Some(*number),
        Node::Input(input) => inputs[*input],
        Node::Period => Some(period),
        Node::Negated(inner) => Some(-value(inner, inputs, period)?),
        Node::Applied(operator, left, right) => {
            let (left, right) = (value(left, inputs, period)?, value(right, inputs, period)?);
            match operator {
                Operator::Add => Some(left + right),
                Operator::Subtract => Some(left - right),
                Operator::Multiply => Some(left * right),
                Operator::Divide => (right != 0.0).then(|| left / right),
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    inputs: &'a [&'a str],
}

impl Reader<'_> {
    fn rest(&mut self) -> &str {
        self.at = self.text.len() - self.text[self.at..].trim_start().len();
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes the letter if it is next.
    fn takes(&mut self, letter: char) -> bool {
        let is_next = self.peek() == Some(letter);
        self.at += if is_next { letter.len_utf8() } else { 0 };
        is_next
    }

    fn wrong(&self, message: &str) -> String {
        format!("{:?}: {message}, at character {}", self.text, self.text[..self.at].chars().count() + 1)
    }

    fn sum(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.product(depth)?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Add,
                Some('-') => Operator::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Applied(operator, Box::new(left), Box::new(self.product(depth)?));
        }
    }

    fn product(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.atom(depth)?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Multiply,
                Some('/') => Operator::Divide,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Applied(operator, Box::new(left), Box::new(self.atom(depth)?));
        }
    }

    fn atom(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(self.wrong("this is nested too deeply"));
        }
        if self.takes('-') {
            return Ok(Node::Negated(Box::new(self.atom(depth + 1)?)));
        }
        if self.takes('(') {
            let inner = self.sum(depth + 1)?;
            return if self.takes(')') { Ok(inner) } else { Err(self.wrong("a closing bracket is missing")) };
        }
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
        let rest = self.rest();
        let word = &rest[..rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())];
        let length = word.len();
        let node = if word.is_empty() {
            Err("an input, a number or an opening bracket is missing".to_owned())
        } else if word == PERIOD {
            Ok(Node::Period)
        } else if word.starts_with(|letter: char| letter.is_ascii_digit()) {
            let number = word.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Node::Number).ok_or_else(|| format!("{word:?} is no number"))
        } else {
            let known = self.inputs.join(", ");
            let place = self.inputs.iter().position(|input| *input == &self.text[self.at..self.at + length]);
            place
                .map(Node::Input)
                .ok_or_else(|| format!("there is no such input: there are {known}, and {PERIOD}"))
        };
        let node = node.map_err(|message| self.wrong(&message))?;
        self.at += length;
        Ok(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<f64, &str>) {
        let inputs = [Some(90.0), Some(10.0), None];
        let read = Expression::read(text, &["hits", "misses", "gone"]);
        let got = read.map(|expression| expression.value(&inputs, 300.0).unwrap_or(f64::NAN));
        match (got, expected) {
            (Ok(got), Ok(expected)) => {
                assert!(got == expected || (got.is_nan() && expected.is_nan()), "{text}: {got}")
            }
            (got, expected) => assert_eq!(got, expected.map_err(str::to_owned), "{text}"),
        }
    }

    #[test]
    fn four_operations_bind_as_at_school() {
        check("hits / (hits + misses)", Ok(0.9));
        check("1 - misses / hits * 9", Ok(0.0));
        check("hits - misses - misses", Ok(70.0));
        check("-hits / period", Ok(-0.3));
        check("0.5*(2 * (misses))", Ok(10.0));
    }

    #[test]
    fn what_is_missing_stays_missing() {
        check("hits / (hits - 9 * misses)", Ok(f64::NAN));
        check("hits + gone", Ok(f64::NAN));
    }

    #[test]
    fn a_wrong_text_is_told_where() {
        check(
            "hits +",
            Err(r#""hits +": an input, a number or an opening bracket is missing, at character 7"#),
        );
        check("(hits", Err(r#""(hits": a closing bracket is missing, at character 6"#));
        check(
            "hit",
            Err(r#""hit": there is no such input: there are hits, misses, gone, and period, at character 1"#),
        );
        check("hits misses", Err(r#""hits misses": 'm' is not expected here, at character 6"#));
        check("1.2.3", Err(r#""1.2.3": "1.2.3" is no number, at character 1"#));
        assert!(Expression::read(&"(".repeat(10_000), &[]).is_err());
        assert!(Expression::read(&"-".repeat(10_000), &[]).is_err());
    }

    #[test]
    fn units_are_checked_before_any_value_is() {
        let units: Vec<Unit> = ["{hit}", "{hit}", "By"].map(|unit| unit.parse().unwrap()).into();
        let names = ["hits", "misses", "bytes"];
        let unit = |text: &str| Expression::read(text, &names).unwrap().unit(&units);
        assert_eq!(unit("bytes / period"), Ok("By/s".parse().unwrap()));
        assert!(unit("hits / (hits + misses)").unwrap().is_ratio());
        assert_eq!(unit("hits + bytes"), Err("{hit} and By cannot be added or subtracted".to_owned()));
        assert!(unit("1 - bytes").is_err());
    }
}
