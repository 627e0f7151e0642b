//! From the parser's syntax tree to the plan.

use std::time::{Duration, SystemTime};

use isobar_normalizer::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::label::{MatchOp as ParsedOp, Matcher as ParsedMatcher};
use promql_parser::parser::{
    AggregateExpr, AtModifier, BinModifier, BinaryExpr, Expr, LabelModifier, Offset, SubqueryExpr,
    VectorMatchCardinality, VectorSelector,
};

use super::{Anchor, At, Node, RangeNode, ScalarNode, Selector, VectorNode};
use crate::QueryError;
use crate::aggregate::Aggregation;
use crate::group::Grouping;
use crate::matching::{Cardinality, Matching};
use crate::operator::{Arithmetic, Comparison, Operator};
use crate::rank::Rank;
use crate::set::SetOperator;

/// Deepest nesting; evaluation recurses, and this fits the stack of any thread (2 MiB) many times.
const DEPTH_MAX: usize = 128;
/// Longest range, step or offset: a thousand years, so that sums of a few of them and a time stay far from overflow.
const DURATION_MS_MAX: i64 = 1_000 * 31_536_000_000;

/// A planned query.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub root: Node,
    /// The matchers of every selector, in the order of the text.
    pub selectors: Vec<Vec<Matcher>>,
}

/// Parses and plans a query.
pub(crate) fn plan(text: &str) -> Result<Plan, QueryError> {
    let expression = parse(text)?;
    let mut planner = Planner { selectors: Vec::new(), depth: 0 };
    let root = planner.node(&expression)?;
    Ok(Plan { root, selectors: planner.selectors })
}

/// Parses a lone selector.
pub(crate) fn selector_matchers(text: &str) -> Result<Vec<Matcher>, QueryError> {
    match parse(text)? {
        Expr::VectorSelector(VectorSelector { name, matchers, offset: None, at: None })
            if matchers.or_matchers.is_empty() =>
        {
            own_matchers(name.as_deref(), &matchers.matchers)
        }
        _ => Err(QueryError::Parse(format!("{text:?} is not a series selector like up{{job=\"node\"}}"))),
    }
}

fn parse(text: &str) -> Result<Expr, QueryError> {
    crate::text::check(text)?;
    promql_parser::parser::parse(text).map_err(QueryError::Parse)
}

pub(super) struct Planner {
    selectors: Vec<Vec<Matcher>>,
    depth: usize,
}

impl Planner {
    pub fn node(&mut self, expression: &Expr) -> Result<Node, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(QueryError::Parse(format!("nested more than {DEPTH_MAX} levels deep")));
        }
        let node = match expression {
            Expr::NumberLiteral(literal) => Node::Scalar(ScalarNode::Number(literal.val)),
            Expr::StringLiteral(literal) => Node::Text(literal.val.clone()),
            Expr::Paren(inner) => self.node(&inner.expr)?,
            Expr::VectorSelector(selector) => Node::Vector(VectorNode::Select(self.selector(selector)?)),
            Expr::MatrixSelector(matrix) => Node::Range(RangeNode::Select {
                selector: self.selector(&matrix.vs)?,
                range_ms: positive_millis(matrix.range)?,
            }),
            Expr::Subquery(subquery) => Node::Range(self.subquery(subquery)?),
            Expr::Unary(unary) => match self.node(&unary.expr)? {
                Node::Scalar(scalar) => Node::Scalar(ScalarNode::Negated(Box::new(scalar))),
                Node::Vector(vector) => Node::Vector(VectorNode::Negated(Box::new(vector))),
                other => return Err(wrong_type("a scalar or an instant vector", &other)),
            },
            Expr::Binary(binary) => self.binary(binary)?,
            Expr::Aggregate(aggregate) => Node::Vector(self.aggregate(aggregate)?),
            Expr::Call(call) => self.call(call)?,
            Expr::Extension(_) => return Err(unsupported("this extension")),
        };
        self.depth -= 1;
        Ok(node)
    }

    pub fn scalar(&mut self, expression: &Expr) -> Result<ScalarNode, QueryError> {
        match self.node(expression)? {
            Node::Scalar(scalar) => Ok(scalar),
            other => Err(wrong_type("a scalar", &other)),
        }
    }

    pub fn vector(&mut self, expression: &Expr) -> Result<VectorNode, QueryError> {
        match self.node(expression)? {
            Node::Vector(vector) => Ok(vector),
            other => Err(wrong_type("an instant vector", &other)),
        }
    }

    pub fn range(&mut self, expression: &Expr) -> Result<RangeNode, QueryError> {
        match self.node(expression)? {
            Node::Range(range) => Ok(range),
            other => Err(wrong_type("a range vector", &other)),
        }
    }

    pub fn text(&mut self, expression: &Expr) -> Result<String, QueryError> {
        match self.node(expression)? {
            Node::Text(text) => Ok(text),
            other => Err(wrong_type("a string", &other)),
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Result<Selector, QueryError> {
        if !selector.matchers.or_matchers.is_empty() {
            return Err(unsupported("`or` between matchers"));
        }
        let matchers = own_matchers(selector.name.as_deref(), &selector.matchers.matchers)?;
        self.selectors.push(matchers.clone());
        Ok(Selector { matchers, anchor: anchor(selector.at.as_ref(), selector.offset.as_ref())? })
    }

    fn subquery(&mut self, subquery: &SubqueryExpr) -> Result<RangeNode, QueryError> {
        Ok(RangeNode::Subquery {
            inner: Box::new(match self.node(&subquery.expr)? {
                inner @ (Node::Vector(_) | Node::Scalar(_)) => inner,
                other => return Err(wrong_type("an instant vector", &other)),
            }),
            anchor: anchor(subquery.at.as_ref(), subquery.offset.as_ref())?,
            range_ms: positive_millis(subquery.range)?,
            step_ms: subquery.step.map(positive_millis).transpose()?,
        })
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Result<Node, QueryError> {
        let left = self.node(&binary.lhs)?;
        let right = self.node(&binary.rhs)?;
        let modifier = binary.modifier.clone().unwrap_or_default();
        if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
            return Err(unsupported("the fill modifier"));
        }
        let name = binary.op.to_string();
        let (left, right) = match (left, right) {
            (Node::Vector(left), Node::Vector(right)) => (Box::new(left), Box::new(right)),
            (Node::Scalar(left), Node::Scalar(right)) => {
                return Ok(Node::Scalar(ScalarNode::Binary {
                    operator: operator(&name, modifier.return_bool)?,
                    left: Box::new(left),
                    right: Box::new(right),
                }));
            }
            (Node::Vector(vector), Node::Scalar(scalar)) => {
                return with_scalar(&name, &modifier, vector, scalar, false);
            }
            (Node::Scalar(scalar), Node::Vector(vector)) => {
                return with_scalar(&name, &modifier, vector, scalar, true);
            }
            (Node::Scalar(_) | Node::Vector(_), other) | (other, _) => {
                return Err(wrong_type("a scalar or an instant vector", &other));
            }
        };
        let grouping = match &modifier.matching {
            Some(LabelModifier::Include(labels)) => Grouping::By(labels.labels.clone()),
            Some(LabelModifier::Exclude(labels)) => Grouping::Without(labels.labels.clone()),
            None => Grouping::Without(Vec::new()),
        };
        if let Some(operator) = SetOperator::named(&name) {
            return Ok(Node::Vector(VectorNode::Set { operator, grouping, left, right }));
        }
        let cardinality = match modifier.card {
            VectorMatchCardinality::ManyToOne(labels) => Cardinality::ManyToOne(labels.labels),
            VectorMatchCardinality::OneToMany(labels) => Cardinality::OneToMany(labels.labels),
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => Cardinality::OneToOne,
        };
        let operator = operator(&name, modifier.return_bool)?;
        let matching = Matching { grouping, cardinality };
        Ok(Node::Vector(VectorNode::Matched { operator, matching, left, right }))
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) -> Result<VectorNode, QueryError> {
        let vector = Box::new(self.vector(&aggregate.expr)?);
        let grouping = match &aggregate.modifier {
            Some(LabelModifier::Include(labels)) => Grouping::By(labels.labels.clone()),
            Some(LabelModifier::Exclude(labels)) => Grouping::Without(labels.labels.clone()),
            None => Grouping::By(Vec::new()),
        };
        let name = aggregate.op.to_string();
        if let Some(aggregation) = Aggregation::named(&name) {
            return Ok(VectorNode::Aggregated { aggregation, grouping, vector });
        }
        let parameter = aggregate
            .param
            .as_deref()
            .ok_or_else(|| QueryError::Parse(format!("{name} needs a parameter before the vector")))?;
        if let Some(rank) = Rank::named(&name) {
            return Ok(VectorNode::Ranked { rank, limit: self.scalar(parameter)?, grouping, vector });
        }
        match name.as_str() {
            "quantile" => Ok(VectorNode::Quantile { quantile: self.scalar(parameter)?, grouping, vector }),
            "count_values" => {
                let label = self.text(parameter)?;
                if label.is_empty() {
                    return Err(QueryError::Parse(format!("invalid label name {label:?}")));
                }
                Ok(VectorNode::CountValues { label, grouping, vector })
            }
            _ => Err(unsupported(&format!("the aggregation {name}"))),
        }
    }
}

pub(super) fn unsupported(what: &str) -> QueryError {
    QueryError::Parse(format!("{what} is not supported"))
}

fn wrong_type(expected: &str, found: &Node) -> QueryError {
    let found = match found {
        Node::Scalar(_) => "a scalar",
        Node::Text(_) => "a string",
        Node::Vector(_) => "an instant vector",
        Node::Range(_) => "a range vector",
    };
    QueryError::Parse(format!("expected {expected}, got {found}"))
}

fn with_scalar(
    name: &str,
    modifier: &BinModifier,
    vector: VectorNode,
    scalar: ScalarNode,
    scalar_is_left: bool,
) -> Result<Node, QueryError> {
    let operator = operator(name, modifier.return_bool)?;
    Ok(Node::Vector(VectorNode::WithScalar { operator, vector: Box::new(vector), scalar, scalar_is_left }))
}

fn operator(name: &str, return_bool: bool) -> Result<Operator, QueryError> {
    let compare = |comparison| Operator::Comparison { comparison, return_bool };
    Ok(match name {
        "+" => Operator::Arithmetic(Arithmetic::Add),
        "-" => Operator::Arithmetic(Arithmetic::Subtract),
        "*" => Operator::Arithmetic(Arithmetic::Multiply),
        "/" => Operator::Arithmetic(Arithmetic::Divide),
        "%" => Operator::Arithmetic(Arithmetic::Modulo),
        "^" => Operator::Arithmetic(Arithmetic::Power),
        "atan2" => Operator::Arithmetic(Arithmetic::Atan2),
        "==" => compare(Comparison::Equal),
        "!=" => compare(Comparison::NotEqual),
        ">" => compare(Comparison::Greater),
        "<" => compare(Comparison::Less),
        ">=" => compare(Comparison::GreaterOrEqual),
        "<=" => compare(Comparison::LessOrEqual),
        _ => return Err(unsupported(&format!("the operator {name}"))),
    })
}

fn anchor(at: Option<&AtModifier>, offset: Option<&Offset>) -> Result<Anchor, QueryError> {
    let at = match at {
        None => None,
        Some(AtModifier::Start) => Some(At::QueryStart),
        Some(AtModifier::End) => Some(At::QueryEnd),
        Some(AtModifier::At(time)) => Some(At::Time(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(after)?,
            Err(before) => -millis(before.duration())?,
        })),
    };
    let offset_ms = match offset {
        None => 0,
        Some(Offset::Pos(earlier)) => millis(*earlier)?,
        Some(Offset::Neg(later)) => -millis(*later)?,
    };
    Ok(Anchor { at, offset_ms })
}

fn millis(duration: Duration) -> Result<i64, QueryError> {
    i64::try_from(duration.as_millis())
        .ok()
        .filter(|millis| *millis <= DURATION_MS_MAX)
        .ok_or_else(|| QueryError::Parse(format!("{} s is over a thousand years", duration.as_secs())))
}

fn positive_millis(duration: Duration) -> Result<i64, QueryError> {
    match millis(duration)? {
        0 => Err(QueryError::Parse("duration must be greater than 0".to_owned())),
        millis => Ok(millis),
    }
}

fn own_matchers(name: Option<&str>, parsed: &[ParsedMatcher]) -> Result<Vec<Matcher>, QueryError> {
    let name = name.into_iter().map(|name| Ok(Matcher::equal(METRIC_NAME, name)));
    name.chain(parsed.iter().map(own_matcher)).collect()
}

/// The parser has already rewritten expressions such as `a{b}`, which mean themselves in Prometheus and nothing
/// here; that form is taken where the original is refused.
fn own_matcher(parsed: &ParsedMatcher) -> Result<Matcher, QueryError> {
    let (op, rewritten) = match &parsed.op {
        ParsedOp::Equal => (MatchOp::Equal, None),
        ParsedOp::NotEqual => (MatchOp::NotEqual, None),
        ParsedOp::Re(regex) => (MatchOp::Matches, Some(regex)),
        ParsedOp::NotRe(regex) => (MatchOp::NotMatches, Some(regex)),
    };
    Matcher::new(&parsed.name, op, &parsed.value)
        .or_else(|error| match rewritten {
            Some(regex) => Matcher::new(&parsed.name, op, regex.as_str()),
            None => Err(error),
        })
        .map_err(|error| QueryError::Parse(error.to_string()))
}
