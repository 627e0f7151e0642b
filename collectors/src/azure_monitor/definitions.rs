//! What each type of resource measures, at which grains and with which aggregations: read once for a type, not for a resource.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cloud::Audience;
use super::error::ApiError;
use super::estate::Item;
use super::limits::Limit;
use super::plan::Statistic;
use super::rest::{Call, Rest, Round};
use super::wire::{Definition, Page};

/// Definitions change when Azure releases something.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// After a failure they are done without for this long.
const RETRIED_AFTER: Duration = Duration::from_secs(600);

/// What a type measures, by the metric's name in lower case.
pub(super) type Known = BTreeMap<String, Measured>;

/// What is known of one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Ascending.
    pub(super) grains: Vec<Duration>,
    pub(super) statistics: BTreeSet<Statistic>,
}

/// Definitions of all types that were looked at.
#[derive(Debug, Default)]
pub(super) struct Definitions(Mutex<HashMap<Arc<str>, Kept>>);

#[derive(Debug)]
struct Kept {
    /// `None` where they could not be read.
    known: Option<Arc<Known>>,
    until: Instant,
    /// Metrics that Azure refused in spite of what the definitions say.
    refused: BTreeSet<Arc<str>>,
}

impl Definitions {
    /// What the type of this resource measures; `None` while nobody could say. A failure to read is no failure to collect.
    pub(super) async fn of(
        &self,
        item: &Item,
        subscription: &str,
        rest: &Rest,
        round: &Round<'_>,
    ) -> Option<Arc<Known>> {
        if let Some(kept) = self.kept(&item.namespace) {
            return kept;
        }
        let read = read(item, subscription, rest, round).await;
        let (known, pause) = match read {
            Ok(known) => (Some(Arc::new(known)), KEPT_FOR),
            Err(error) => {
                tracing::warn!(%error, "metric definitions could not be read; metrics are asked for as they are mapped");
                (None, RETRIED_AFTER)
            }
        };
        let kept = Kept { known: known.clone(), until: Instant::now() + pause, refused: BTreeSet::new() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(item.namespace.clone(), kept);
        known
    }

    fn kept(&self, namespace: &str) -> Option<Option<Arc<Known>>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(namespace).filter(|kept| Instant::now() < kept.until).map(|kept| kept.known.clone())
    }

    /// Azure does not know the metric after all: it is not asked for until the definitions are read anew.
    pub(super) fn refuse(&self, namespace: &str, metric: &Arc<str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = all.get_mut(namespace) {
            kept.refused.insert(metric.clone());
        }
    }

    pub(super) fn is_refused(&self, namespace: &str, metric: &str) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(namespace).is_some_and(|kept| kept.refused.contains(metric))
    }
}

async fn read(item: &Item, subscription: &str, rest: &Rest, round: &Round<'_>) -> Result<Known, ApiError> {
    let path = format!("{}/providers/Microsoft.Insights/metricDefinitions", item.arm_id);
    let query = [("api-version", "2024-02-01"), ("metricnamespace", &*item.namespace)];
    let call = Call {
        operation: "MetricDefinitions.List",
        about: format!("metric definitions of {}", item.namespace),
        audience: Audience::Arm,
        limit: Limit::Definitions(Arc::from(subscription)),
        url: rest.arm_url(&path, &query)?,
        body: None,
    };
    let page: Page<Definition> = rest.call(&call, round).await?;
    Ok(known(page.value))
}

fn known(definitions: Vec<Definition>) -> Known {
    let measured = |definition: &Definition| {
        let grains = definition.metric_availabilities.iter().filter_map(|one| grain(&one.time_grain));
        let grains: BTreeSet<Duration> = grains.collect();
        let statistics =
            definition.supported_aggregation_types.iter().filter_map(|word| Statistic::read(word));
        Measured { grains: grains.into_iter().collect(), statistics: statistics.collect() }
    };
    definitions
        .iter()
        .map(|definition| (definition.name.value.to_lowercase(), measured(definition)))
        .collect()
}

/// Reads a grain as Azure writes it, ISO 8601 with whole days, hours, minutes and seconds: `PT1M`, `PT1H`, `P1D`.
pub(super) fn grain(text: &str) -> Option<Duration> {
    let (date, time) = text.strip_prefix('P')?.split_once('T').unwrap_or((text.strip_prefix('P')?, ""));
    let mut seconds: u64 = 0;
    for (part, units) in [(date, &[('D', 86_400)][..]), (time, &[('H', 3600), ('M', 60), ('S', 1)])] {
        let mut rest = part;
        for (letter, unit) in units {
            let Some((number, after)) = rest.split_once(*letter) else { continue };
            let number: u64 = number.parse().ok()?;
            seconds = number.checked_mul(*unit).and_then(|part| seconds.checked_add(part))?;
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Writes a grain as Azure reads it; days only where they are whole, as in its list of grains.
pub(super) fn written(period: Duration) -> String {
    match period.as_secs() {
        seconds if seconds.is_multiple_of(86_400) => format!("P{}D", seconds / 86_400),
        seconds if seconds.is_multiple_of(3600) => format!("PT{}H", seconds / 3600),
        seconds if seconds.is_multiple_of(60) => format!("PT{}M", seconds / 60),
        seconds => format!("PT{seconds}S"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grains_are_read_and_written_as_azure_does() {
        for (text, seconds) in
            [("PT1M", 60), ("PT15M", 900), ("PT1H", 3600), ("PT12H", 43_200), ("P1D", 86_400)]
        {
            assert_eq!(grain(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(written(Duration::from_secs(seconds)), text);
        }
        assert_eq!(grain("PT1H30M"), Some(Duration::from_secs(5400)));
        for wrong in ["", "P", "PT", "1M", "PT0M", "PTM", "PT1X", "PT1M1", "P1M", "FULL", "PT-1M"] {
            assert_eq!(grain(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}", digits in "[PTDHMS0-9]{0,30}") {
            grain(&text);
            grain(&digits);
        }

        #[test]
        fn what_is_written_is_read_again(minutes in 1u64..100_000) {
            let period = Duration::from_secs(minutes * 60);
            proptest::prop_assert_eq!(grain(&written(period)), Some(period));
        }
    }
}
