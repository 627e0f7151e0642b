//! `$filter` of a metric query: which values of which dimensions.

use super::error::ApiError;

/// One dimension, and the values wanted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// In the spelling of the caller; upper and lower case are the same.
    pub(crate) dimension: String,
    values: Vec<Test>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Any,
    Is(String),
    IsNot(String),
    StartsWith(String),
}

impl Wanted {
    /// Whether a value of the dimension is wanted; upper and lower case are the same.
    pub(crate) fn holds(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        // Values that are not wanted all count; of the others one is enough.
        let refused = self.values.iter().any(|test| matches!(test, Test::IsNot(is) if *is == value));
        let only_refusals = self.values.iter().all(|test| matches!(test, Test::IsNot(_)));
        let accepted = self.values.iter().any(|test| match test {
            Test::Any => true,
            Test::Is(is) => *is == value,
            Test::StartsWith(start) => value.starts_with(start),
            Test::IsNot(_) => false,
        });
        !refused && (accepted || only_refusals)
    }
}

/// Reads a filter: `A eq 'a1' and B eq 'b1' or B eq 'b2' and C eq '*'`. `or` stays within one dimension; a quote in a
/// value is doubled. Source: azure-rest-api-specs, Microsoft.Insights/stable/2024-02-01/metrics_API.json, `$filter`.
///
/// # Errors
/// What is no filter, and an `or` between two dimensions.
pub(crate) fn parse(text: &str) -> Result<Vec<Wanted>, ApiError> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut rest = text.trim();
    let mut joined_by_or = false;
    loop {
        let (dimension, test, after) = condition(rest).ok_or_else(|| {
            ApiError::bad(format!("Invalid filter '{text}': expected <dimension> eq '<value>' at '{rest}'"))
        })?;
        let same = |it: &Wanted| it.dimension.eq_ignore_ascii_case(&dimension);
        let known = wanted.iter().any(same);
        match wanted.last_mut() {
            Some(last) if same(last) => last.values.push(test),
            _ if joined_by_or => {
                return Err(ApiError::bad(format!(
                    "Invalid filter '{text}': the logical or operator cannot separate two different dimension names"
                )));
            }
            _ if known => {
                return Err(ApiError::bad(format!("Invalid filter '{text}': {dimension} is named twice")));
            }
            _ => wanted.push(Wanted { dimension, values: vec![test] }),
        }
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(wanted);
        }
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        joined_by_or = match word.to_lowercase().as_str() {
            "and" => false,
            "or" => true,
            _ => {
                return Err(ApiError::bad(format!("Invalid filter '{text}': expected and / or at '{rest}'")));
            }
        };
        rest = after.trim_start();
    }
}

/// Reads `name op 'value'`; names may hold blanks.
fn condition(text: &str) -> Option<(String, Test, &str)> {
    let lower = text.to_ascii_lowercase();
    let quote = text.find('\'')?;
    let (name, operator) = [" eq ", " ne ", " sw "].into_iter().find_map(|operator| {
        let at = lower[..quote].trim_end().len();
        let head = &lower[..at];
        head.ends_with(operator.trim_end()).then(|| (&text[..at + 1 - operator.len()], operator.trim()))
    })?;
    let mut value = String::new();
    let mut rest = &text[quote + 1..];
    loop {
        let end = rest.find('\'')?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => break,
        }
    }
    let value = value.to_lowercase();
    let test = match operator {
        "eq" if value == "*" => Test::Any,
        "eq" => Test::Is(value),
        "ne" => Test::IsNot(value),
        _ => Test::StartsWith(value),
    };
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), test, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, dimension: &str, value: &str, expected: bool) {
        let wanted = parse(filter).unwrap();
        let wanted = wanted.iter().find(|it| it.dimension == dimension).unwrap();
        assert_eq!(wanted.holds(value), expected, "{filter}: {dimension} {value}");
    }

    #[test]
    fn filters_want_values() {
        let filter = "A eq 'a1' and B eq 'b1' or B eq 'b2' and C eq '*'";
        check(filter, "A", "A1", true);
        check(filter, "A", "a2", false);
        check(filter, "B", "b2", true);
        check(filter, "C", "anything", true);
        check("Api Name ne 'x' and B sw 'b'", "Api Name", "x", false);
        check("Api Name ne 'x' and B sw 'b'", "Api Name", "y", true);
        check("B sw 'b'", "B", "bcd", true);
        check("B eq 'it''s'", "B", "it's", true);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in
            ["", "A", "A eq a1", "A eq 'a1' or B eq 'b1'", "A eq 'a1' B eq 'b'", "A eq 'a", " eq 'a'"]
        {
            parse(filter).unwrap_err();
        }
        parse("A eq '1' and B eq '2' and A eq '3'").unwrap_err();
    }
}
