//! Functions of one value at a time.

use crate::matrix::Matrix;

/// A function applied to every value; arguments have one number a step.
#[derive(Clone, Debug)]
pub(crate) enum Elementwise<Argument> {
    /// No further argument.
    Plain(fn(f64) -> f64),
    /// To the nearest multiple of the argument, halves up.
    Round(Argument),
    /// Held between two bounds; nothing where the lower one is above the upper one.
    Clamp(Argument, Argument),
    ClampMin(Argument),
    ClampMax(Argument),
}

impl Elementwise<Vec<f64>> {
    /// Applies the function in place and marks the names as to be dropped.
    pub fn apply(&self, matrix: &mut Matrix) {
        matrix.drop_names();
        match self {
            Self::Plain(function) => matrix.map(function),
            Self::Round(nearest) => matrix.change(|column, value| Some(round(value, nearest[column]))),
            Self::ClampMin(lowest) => matrix.change(|column, value| Some(larger(value, lowest[column]))),
            Self::ClampMax(highest) => matrix.change(|column, value| Some(smaller(value, highest[column]))),
            Self::Clamp(lowest, highest) => matrix.change(|column, value| {
                let (lowest, highest) = (lowest[column], highest[column]);
                (lowest <= highest || lowest.is_nan() || highest.is_nan())
                    .then(|| larger(lowest, smaller(highest, value)))
            }),
        }
    }
}

/// The function without arguments of that name.
pub(crate) fn plain(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sgn" => |value| if value == 0.0 || value.is_nan() { value } else { value.signum() },
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        _ => return None,
    })
}

/// Multiplies by the inverse instead of dividing, as Prometheus does for its smaller error.
fn round(value: f64, nearest: f64) -> f64 {
    let inverse = 1.0 / nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// The larger number, NaN when either is; `f64::max` would pass over a NaN.
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The smaller number, NaN when either is.
pub(crate) fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}
