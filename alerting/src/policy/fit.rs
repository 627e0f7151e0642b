//! Whether a threshold can mean anything for the metric it is on: what never or always holds is a mistake.

use isobar_normalizer::{CanonicalMetric, Registry, ValueRange};

use super::condition::Condition;

/// Burstable machines go over their allotted share, not over twice of it; `> 80` for a fraction means `> 80%`.
const FRACTION_MAX: f64 = 2.0;

/// The canonical metric of this name or alias; a raw metric has none, and nothing is known of its values.
pub(super) fn canonical(metric: &str) -> Option<std::sync::Arc<CanonicalMetric>> {
    let registry = Registry::builtin();
    registry.by_name(metric).or_else(|| registry.by_alias(metric)).cloned()
}

/// Checks a condition as written against what the metric can be.
///
/// # Errors
/// One line that says why it cannot be meant and what would be right.
pub(super) fn check(text: &str, condition: Condition, metric: &CanonicalMetric) -> Result<(), String> {
    let (name, unit) = (metric.name(), metric.unit());
    if text.contains('%') && !unit.is_ratio() {
        return Err(format!("{text:?} is a percentage and {name} is in {unit}: write the amount"));
    }
    if condition.threshold < 0.0 {
        return Err(format!("{text:?} is below zero and {name} never is"));
    }
    let most = match metric.range() {
        ValueRange::Fraction => FRACTION_MAX,
        ValueRange::Flag => 1.0,
        ValueRange::NonNegative => f64::INFINITY,
    };
    if condition.threshold > most {
        return Err(format!("{text:?} is out of reach: {name} goes from 0 to 1, write 80% or 0.8"));
    }
    Ok(())
}
