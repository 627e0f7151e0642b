//! Which part of a statement's conditions the store can apply itself.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use isobar_normalizer::{METRIC_NAME, Matcher, TimeRange, Timestamp};

/// What is read from the store; everything else is filtered out afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Conditions on labels.
    pub matchers: Vec<Matcher>,
    /// The time the samples lie in.
    pub range: TimeRange,
    /// The one source they come from.
    pub source: Option<String>,
}

impl Selection {
    /// Everything there is.
    pub fn everything() -> Self {
        let range =
            TimeRange { start: Timestamp::from_millis(i64::MIN), end: Timestamp::from_millis(i64::MAX) };
        Self { matchers: Vec::new(), range, source: None }
    }

    /// What all conditions that can be pushed down leave.
    pub fn from_filters(filters: &[Expr]) -> Self {
        let mut selection = Self::everything();
        for filter in filters {
            selection.narrow(filter);
        }
        selection
    }

    /// Applies a condition as far as it can be; whether it could.
    pub fn narrow(&mut self, filter: &Expr) -> bool {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                let narrowed = self.narrow(left);
                self.narrow(right) || narrowed
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (column(left), column(right)) {
                (Some(column), None) => self.compare(column, *op, right),
                (None, Some(column)) => op.swap().is_some_and(|op| self.compare(column, op, left)),
                _ => false,
            },
            Expr::Between(between) if !between.negated => {
                let Some(column) = column(&between.expr) else { return false };
                let from = self.compare(column, Operator::GtEq, &between.low);
                self.compare(column, Operator::LtEq, &between.high) || from
            }
            _ => false,
        }
    }

    fn compare(&mut self, column: &str, op: Operator, value: &Expr) -> bool {
        let Expr::Literal(value, _) = value else { return false };
        if column == "ts" {
            return millis(value).is_some_and(|at| self.bound(op, at));
        }
        let (Some(Some(text)), Operator::Eq) = (value.try_as_str(), op) else { return false };
        match column {
            // An empty text would match a series without the label, whose column is null and equal to nothing.
            _ if text.is_empty() => return false,
            "name" => self.matchers.push(Matcher::equal(METRIC_NAME, text)),
            "resource_id" => self.matchers.push(Matcher::equal("resource_id", text)),
            "source" => self.source = Some(text.to_owned()),
            _ => return false,
        }
        true
    }

    /// `at` may have lost a fraction of a millisecond: bounds are taken a little wider than asked.
    fn bound(&mut self, op: Operator, at: Timestamp) -> bool {
        let range = &mut self.range;
        match op {
            Operator::Gt | Operator::GtEq => range.start = range.start.max(at),
            Operator::Lt | Operator::LtEq => range.end = range.end.min(at),
            Operator::Eq => *range = TimeRange { start: range.start.max(at), end: range.end.min(at) },
            _ => return false,
        }
        true
    }
}

/// The column an expression is, or `ts` cast to a type that keeps its milliseconds: seconds or dates would not.
fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) => {
            let keeps_millis = matches!(
                cast.field.data_type(),
                DataType::Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
            );
            column(&cast.expr).filter(|name| keeps_millis && *name == "ts")
        }
        _ => None,
    }
}

/// The instant a literal names, fractions of a millisecond cut towards the past.
fn millis(value: &ScalarValue) -> Option<Timestamp> {
    let millis = match value {
        ScalarValue::TimestampSecond(Some(at), _) => at.saturating_mul(1_000),
        ScalarValue::TimestampMillisecond(Some(at), _) => *at,
        ScalarValue::TimestampMicrosecond(Some(at), _) => at.div_euclid(1_000),
        ScalarValue::TimestampNanosecond(Some(at), _) => at.div_euclid(1_000_000),
        _ => return None,
    };
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{cast, col, lit};

    fn check(filter: Expr, matchers: &[Matcher], start: i64, end: i64, source: Option<&str>) {
        let selection = Selection::from_filters(std::slice::from_ref(&filter));
        let range = TimeRange { start: Timestamp::from_millis(start), end: Timestamp::from_millis(end) };
        let expected = Selection { matchers: matchers.to_vec(), range, source: source.map(str::to_owned) };
        assert_eq!(selection, expected, "{filter}");
    }

    fn at(millis: i64) -> Expr {
        lit(ScalarValue::TimestampMillisecond(Some(millis), Some("UTC".into())))
    }

    #[test]
    fn equalities_and_time_bounds_are_pushed_down() {
        let name = Matcher::equal("__name__", "up");
        check(col("name").eq(lit("up")), std::slice::from_ref(&name), i64::MIN, i64::MAX, None);
        check(lit("up").eq(col("name")), &[name], i64::MIN, i64::MAX, None);
        check(col("source").eq(lit("s")), &[], i64::MIN, i64::MAX, Some("s"));
        check(col("ts").gt_eq(at(5)).and(at(9).gt_eq(col("ts"))), &[], 5, 9, None);
        check(col("ts").between(at(5), at(9)), &[], 5, 9, None);
        check(col("ts").eq(at(5)), &[], 5, 5, None);
        let finer = cast(col("ts"), DataType::Timestamp(TimeUnit::Nanosecond, None));
        check(finer.eq(at(5)), &[], 5, 5, None);
        let nanos = lit(ScalarValue::TimestampNanosecond(Some(5_900_000), None));
        check(col("ts").gt(nanos.clone()), &[], 5, i64::MAX, None);
        check(col("ts").lt(nanos), &[], i64::MIN, 5, None);
    }

    #[test]
    fn what_cannot_be_pushed_down_narrows_nothing() {
        for filter in [
            col("name").not_eq(lit("up")),
            col("name").eq(lit("")),
            col("value").gt(lit(1.0)),
            col("name").eq(lit("a")).or(col("name").eq(lit("b"))),
            col("ts").not_between(at(1), at(2)),
            col("ts").not_eq(at(1)),
            cast(col("ts"), DataType::Timestamp(TimeUnit::Second, None)).lt_eq(at(1)),
            cast(col("ts"), DataType::Date32).eq(at(1)),
        ] {
            check(filter, &[], i64::MIN, i64::MAX, None);
        }
    }
}
