//! What Azure Monitor keeps of a metric in a grain, and the aggregations that are read from it.

/// What was measured in one grain, or several of them together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) count: f64,
    pub(crate) total: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Sample {
    /// One observation.
    pub(crate) fn one(value: f64) -> Self {
        Self { count: 1.0, total: value, min: value, max: value }
    }

    /// As many observations of 1 as there were things; nothing happened is a zero, not a gap.
    pub(crate) fn ones(count: f64) -> Self {
        let each = if count > 0.0 { 1.0 } else { 0.0 };
        Self { count, total: count, min: each, max: each }
    }

    /// Many observations around a mean; none when there were none.
    pub(crate) fn many(count: f64, mean: f64) -> Option<Self> {
        (count > 0.0).then_some(Self { count, total: count * mean, min: 0.3 * mean, max: 5.1 * mean })
    }

    /// Both together; minimum and maximum of nothing do not count.
    pub(crate) fn and(self, other: Self) -> Self {
        if other.count == 0.0 {
            return self;
        }
        if self.count == 0.0 {
            return other;
        }
        Self {
            count: self.count + other.count,
            total: self.total + other.total,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// An aggregation type. Source: azure-rest-api-specs, Microsoft.Insights/stable/2024-02-01/metrics_API.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Average,
    Minimum,
    Maximum,
    Total,
    Count,
}

pub(crate) use Aggregation::{Average, Count, Maximum, Minimum, Total};

impl Aggregation {
    /// Reads a name; upper and lower case are the same.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Average, Minimum, Maximum, Total, Count].into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }

    /// As definitions have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Average => "Average",
            Minimum => "Minimum",
            Maximum => "Maximum",
            Total => "Total",
            Count => "Count",
        }
    }

    /// As points have it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Average => "average",
            Minimum => "minimum",
            Maximum => "maximum",
            Total => "total",
            Count => "count",
        }
    }

    pub(crate) fn of(self, sample: Sample) -> f64 {
        match self {
            Average if sample.count == 0.0 => 0.0,
            Average => sample.total / sample.count,
            Minimum => sample.min,
            Maximum => sample.max,
            Total => sample.total,
            Count => sample.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregations_of_three_grains() {
        let sample = [4.0, 1.0, 7.0].map(Sample::one).into_iter().reduce(Sample::and).unwrap();
        let cases = [(Average, 4.0), (Minimum, 1.0), (Maximum, 7.0), (Total, 12.0), (Count, 3.0)];
        for (aggregation, expected) in cases {
            assert_eq!(aggregation.of(sample), expected, "{}", aggregation.name());
        }
    }

    #[test]
    fn nothing_is_a_zero_and_pulls_no_minimum_down() {
        assert_eq!(Average.of(Sample::ones(0.0)), 0.0);
        assert_eq!(Minimum.of(Sample::ones(3.0).and(Sample::ones(0.0))), 1.0);
    }
}
