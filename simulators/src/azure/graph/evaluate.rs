//! Runs a query over rows.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::syntax::{Expr, Step};

/// A row: its columns in order.
pub(crate) type Row = Vec<(String, Value)>;

/// The functions there are.
pub(super) const FUNCTIONS: [&str; 6] = ["not", "isempty", "isnotempty", "tolower", "toupper", "tostring"];

pub(super) fn run(steps: &[Step], mut rows: Vec<Row>) -> Vec<Row> {
    for step in steps {
        rows = apply(step, rows);
    }
    rows
}

fn apply(step: &Step, rows: Vec<Row>) -> Vec<Row> {
    match step {
        Step::Where(condition) => rows.into_iter().filter(|row| holds(condition, row)).collect(),
        Step::Project(columns) => rows.iter().map(|row| project(columns, row)).collect(),
        Step::Extend(columns) => rows
            .into_iter()
            .map(|mut row| {
                for (name, value) in project(columns, &row) {
                    row.retain(|(known, _)| *known != name);
                    row.push((name, value));
                }
                row
            })
            .collect(),
        Step::ProjectAway(names) => rows
            .into_iter()
            .map(|row| row.into_iter().filter(|(name, _)| !names.contains(name)).collect())
            .collect(),
        Step::OrderBy(keys) => {
            let mut rows = rows;
            rows.sort_by(|a, b| {
                let orders = keys.iter().map(|(key, ascends)| {
                    let order = compare(&value(key, a), &value(key, b));
                    if *ascends { order } else { order.reverse() }
                });
                orders.fold(Ordering::Equal, Ordering::then)
            });
            rows
        }
        Step::Limit(count) => rows.into_iter().take(*count).collect(),
        Step::Count => vec![vec![("Count".to_owned(), json!(rows.len()))]],
        Step::CountBy(name, by) => grouped(by, &rows)
            .into_iter()
            .map(|(mut row, count)| {
                row.push((name.clone(), json!(count)));
                row
            })
            .collect(),
        Step::Distinct(columns) => grouped(columns, &rows).into_iter().map(|(row, _)| row).collect(),
    }
}

fn project(columns: &[(String, Expr)], row: &Row) -> Row {
    columns.iter().map(|(name, expr)| (name.clone(), value(expr, row))).collect()
}

/// The distinct projections, in the order they came, with how many rows have each.
fn grouped(by: &[(String, Expr)], rows: &[Row]) -> Vec<(Row, usize)> {
    let mut groups: Vec<(Row, usize)> = Vec::new();
    for row in rows {
        let key = project(by, row);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => groups.push((key, 1)),
        }
    }
    groups
}

fn value(expr: &Expr, row: &Row) -> Value {
    match expr {
        Expr::Text(text) => text.as_str().into(),
        Expr::Number(number) => (*number).into(),
        Expr::Bool(it) => (*it).into(),
        Expr::Path(path) => {
            let (column, way) = path.split_first().expect("a path has a first name");
            let found = row.iter().find(|(name, _)| name.eq_ignore_ascii_case(column)).map(|(_, it)| it);
            let found = way.iter().try_fold(found.unwrap_or(&Value::Null), |it, key| match it {
                Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                it => it.get(key),
            });
            found.cloned().unwrap_or(Value::Null)
        }
        Expr::Call(name, arguments) => {
            let first = arguments.first().map_or(Value::Null, |it| value(it, row));
            match name.as_str() {
                "not" => (first != Value::Bool(true)).into(),
                "isempty" => text(&first).is_empty().into(),
                "isnotempty" => (!text(&first).is_empty()).into(),
                "tolower" => text(&first).to_lowercase().into(),
                "toupper" => text(&first).to_uppercase().into(),
                _ => text(&first).into(),
            }
        }
        Expr::Binary(..) | Expr::In(..) => holds(expr, row).into(),
    }
}

fn holds(expr: &Expr, row: &Row) -> bool {
    match expr {
        Expr::Binary(left, operator, right) => match operator.as_str() {
            "and" => holds(left, row) && holds(right, row),
            "or" => holds(left, row) || holds(right, row),
            operator => relates(&value(left, row), operator, &value(right, row)),
        },
        Expr::In(left, operator, items) => {
            let left = value(left, row);
            let same = if operator.ends_with('~') { "=~" } else { "==" };
            let found = items.iter().any(|item| relates(&left, same, &value(item, row)));
            found != operator.starts_with('!')
        }
        other => value(other, row) == Value::Bool(true),
    }
}

fn relates(left: &Value, operator: &str, right: &Value) -> bool {
    if let Some(positive) = operator.strip_prefix('!').filter(|rest| !["=", "~"].contains(rest)) {
        return !relates(left, positive, right);
    }
    let (low_left, low_right) = (text(left).to_lowercase(), text(right).to_lowercase());
    match operator {
        "==" => compare(left, right) == Ordering::Equal,
        "!=" => compare(left, right) != Ordering::Equal,
        "=~" => low_left == low_right,
        "!~" => low_left != low_right,
        "<" => compare(left, right) == Ordering::Less,
        ">" => compare(left, right) == Ordering::Greater,
        "<=" => compare(left, right) != Ordering::Greater,
        ">=" => compare(left, right) != Ordering::Less,
        "contains" => low_left.contains(&low_right),
        "startswith" => low_left.starts_with(&low_right),
        "endswith" => low_left.ends_with(&low_right),
        // A whole word.
        _ => low_left.split(|it: char| !it.is_alphanumeric()).any(|word| word == low_right),
    }
}

fn compare(left: &Value, right: &Value) -> Ordering {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => text(left).cmp(&text(right)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
