//! The arithmetic and comparison operators on two numbers.

/// What an operator does to two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operator {
    Arithmetic(Arithmetic),
    Comparison { comparison: Comparison, return_bool: bool },
}

/// `+ - * / % ^ atan2`
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
}

/// `== != > < >= <=`
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

impl Operator {
    /// The result where there is one: a comparison without `bool` lets `kept` through or nothing.
    pub fn apply(self, left: f64, right: f64, kept: f64) -> Option<f64> {
        match self {
            Self::Arithmetic(arithmetic) => Some(arithmetic.of(left, right)),
            Self::Comparison { comparison, return_bool: true } => {
                Some(f64::from(u8::from(comparison.holds(left, right))))
            }
            Self::Comparison { comparison, return_bool: false } => {
                comparison.holds(left, right).then_some(kept)
            }
        }
    }

    /// The result on two scalars, where a comparison has `bool` always.
    pub fn of_scalars(self, left: f64, right: f64) -> f64 {
        self.apply(left, right, left).unwrap_or(f64::NAN)
    }

    /// Whether every two numbers have a result.
    pub fn answers_always(self) -> bool {
        !matches!(self, Self::Comparison { return_bool: false, .. })
    }

    /// Whether the result means something else than the operands, so that the metric's name no longer fits.
    pub fn drops_name(self) -> bool {
        self.answers_always()
    }
}

impl Arithmetic {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Modulo => left % right,
            Self::Power => left.powf(right),
            Self::Atan2 => left.atan2(right),
        }
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::Less => left < right,
            Self::GreaterOrEqual => left >= right,
            Self::LessOrEqual => left <= right,
        }
    }
}
