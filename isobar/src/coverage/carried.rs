//! What the mapping files that this program carries give a meaning to.

use isobar_normalizer::{Mappings, NativeMappings, Provider, Registry};
use serde_json::{Value, json};

/// One item for each statistic of a source metric and each canonical metric it feeds, as the API's `coverage` lists them,
/// without what only a running server knows; sorted by provider, namespace and metric. What comes as a stream of samples has
/// no statistic.
pub fn items() -> Vec<Value> {
    let clouds = NativeMappings::builtin();
    let measured = Provider::ALL.into_iter().flat_map(|provider| clouds.of(provider)).flat_map(|mapping| {
        mapping.wanted().into_iter().flat_map(|wanted| {
            let of = |canonical: &String| {
                item(mapping.provider(), mapping.namespace(), &wanted.metric, &wanted.statistic, canonical)
            };
            wanted.feeds.iter().map(of).collect::<Vec<_>>()
        })
    });
    let streams = Mappings::builtin();
    let streamed = streams.iter().flat_map(|mapping| {
        mapping.targets().flat_map(|(canonical, metrics)| {
            let of = |metric: &str| item(mapping.provider(), mapping.namespace(), metric, "", canonical);
            metrics.into_iter().map(of).collect::<Vec<_>>()
        })
    });
    let mut items: Vec<Value> = measured.chain(streamed).collect();
    items.sort_by_cached_key(|item| {
        ["provider", "namespace", "metric", "statistic", "canonical"].map(|key| item[key].to_string())
    });
    items.dedup();
    items
}

fn item(provider: Provider, namespace: &str, metric: &str, statistic: &str, canonical: &str) -> Value {
    let unit = Registry::builtin().by_name(canonical).map(|known| known.unit().to_string());
    json!({
        "provider": provider.to_string(),
        "namespace": namespace,
        "metric": metric,
        "statistic": statistic,
        "canonical": canonical,
        "unit": unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_canonical_metric_is_fed_by_every_provider_that_has_a_mapping() {
        let items = items();
        let feeding = |canonical: &str| {
            let of = items.iter().filter(|item| item["canonical"] == canonical);
            let mut providers: Vec<&str> = of.filter_map(|item| item["provider"].as_str()).collect();
            providers.dedup();
            providers
        };
        assert_eq!(feeding("system.cpu.utilization"), ["aws", "azure", "onprem"]);
        assert!(items.iter().all(|item| item["unit"].is_string()), "every canonical metric has a unit");
    }
}
