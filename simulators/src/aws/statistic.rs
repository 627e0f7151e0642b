//! What CloudWatch keeps of a metric in a period, and the statistics that are read from it.

use super::error::ApiError;

/// What was measured in one minute, or several of them together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Sample {
    /// One observation.
    pub(crate) fn one(value: f64) -> Self {
        Self { count: 1.0, sum: value, min: value, max: value }
    }

    /// Many observations around a mean, none when there were none.
    pub(crate) fn many(count: f64, mean: f64) -> Option<Self> {
        (count > 0.0).then_some(Self { count, sum: count * mean, min: 0.35 * mean, max: 4.2 * mean })
    }

    /// As many observations of 1 as there were things; none when there were none.
    pub(crate) fn ones(count: f64) -> Option<Self> {
        (count > 0.0).then_some(Self { count, sum: count, min: 1.0, max: 1.0 })
    }
}

/// A statistic by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p99.9`: a percentile, 0..=100.
    Percentile(f64),
}

impl Statistic {
    pub(crate) fn parse(name: &str) -> Result<Self, ApiError> {
        Ok(match name {
            "SampleCount" => Self::SampleCount,
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => {
                let rank = name.strip_prefix('p').and_then(|rank| rank.parse::<f64>().ok());
                let rank = rank.filter(|rank| (0.0..=100.0).contains(rank));
                Self::Percentile(rank.ok_or_else(|| {
                    ApiError::validation(format!(
                        "The value {name} for parameter Stat is not supported; there are SampleCount, Average, Sum, Minimum, Maximum and p0 to p100."
                    ))
                })?)
            }
        })
    }

    /// Reads the statistic from the samples of a period; none when there are none.
    ///
    /// A percentile is that of the means of the samples, each with the weight of its observations.
    pub(crate) fn of(self, samples: &[Sample]) -> Option<f64> {
        let count: f64 = samples.iter().map(|sample| sample.count).sum();
        if count == 0.0 {
            return None;
        }
        let sum = || samples.iter().map(|sample| sample.sum).sum::<f64>();
        Some(match self {
            Self::SampleCount => count,
            Self::Sum => sum(),
            Self::Average => sum() / count,
            Self::Minimum => samples.iter().map(|sample| sample.min).fold(f64::INFINITY, f64::min),
            Self::Maximum => samples.iter().map(|sample| sample.max).fold(f64::NEG_INFINITY, f64::max),
            Self::Percentile(rank) => percentile(samples, count * rank / 100.0),
        })
    }
}

fn percentile(samples: &[Sample], until: f64) -> f64 {
    let mut weighted: Vec<(f64, f64)> = samples.iter().map(|s| (s.sum / s.count, s.count)).collect();
    weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut passed = 0.0;
    for (value, weight) in &weighted {
        passed += weight;
        if passed >= until {
            return *value;
        }
    }
    weighted.last().map_or(f64::NAN, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_five_minutes() {
        let samples: Vec<Sample> = [5.0, 1.0, 3.0, 2.0, 4.0].map(Sample::one).into();
        let of = |name: &str| Statistic::parse(name).unwrap().of(&samples).unwrap();
        let cases = [
            ("SampleCount", 5.0),
            ("Sum", 15.0),
            ("Average", 3.0),
            ("Minimum", 1.0),
            ("Maximum", 5.0),
            ("p50", 3.0),
            ("p99.9", 5.0),
            ("p0", 1.0),
        ];
        for (name, expected) in cases {
            assert_eq!(of(name), expected, "{name}");
        }
        assert_eq!(Statistic::Average.of(&[]), None);
    }

    #[test]
    fn a_statistic_nobody_knows_is_refused() {
        for name in ["average", "p101", "p", "Total"] {
            assert_eq!(Statistic::parse(name).unwrap_err().code, "ValidationError", "{name}");
        }
    }
}
