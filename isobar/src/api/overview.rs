//! The estate at a glance: what is wrong, where, and whether what is shown can be relied on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_alerting::Alert;
use isobar_dashboards::{Cell, CellState, EstateState, Sentence, SeverityCounts, WireTime};
use isobar_normalizer::{AlertClass, ResourceId, Severity, Timestamp};

use crate::collect::SourceHealth;
use crate::resources::Place;

/// A region this many intervals behind what its provider may have published is stale.
const STALE_INTERVALS: u32 = 5;
/// An interval is not taken for shorter: a target scraped every second is not stale after five.
const INTERVAL_MIN: Duration = Duration::from_secs(30);

/// What is known of one source.
#[derive(Clone, Debug)]
pub struct SourceFacts {
    pub health: SourceHealth,
    pub reason: Option<String>,
    pub is_tried: bool,
    pub interval: Duration,
    /// How long after a period its provider publishes it.
    pub delay: Duration,
    /// Up to when each of its parts is complete.
    pub marks: BTreeMap<String, Timestamp>,
    /// Why a part fails.
    pub failing: BTreeMap<String, String>,
}

/// Where alerts are open.
type Spot<'a> = (&'a str, &'a str);

/// What is open: alerts that receivers are told of, but not those about Isobar itself.
fn open(alerts: &[Alert]) -> impl Iterator<Item = &Alert> {
    alerts.iter().filter(|alert| alert.state.is_open() && alert.class != AlertClass::Own)
}

/// Provider and region of an alert, from its resource or its labels; empty where it has none.
fn spot(alert: &Alert) -> Spot<'_> {
    let label =
        |name: &str| alert.identity.get(name).or_else(|| alert.described.get(name)).unwrap_or_default();
    (label("cloud_provider"), label("cloud_region"))
}

/// Open alerts by severity, those about Isobar itself included.
pub fn counts(alerts: &[Alert]) -> SeverityCounts {
    let mut counts = SeverityCounts::default();
    for alert in alerts.iter().filter(|alert| alert.state.is_open()) {
        let count = match alert.severity {
            Severity::Critical => &mut counts.critical,
            Severity::Error => &mut counts.error,
            Severity::Warning => &mut counts.warning,
            Severity::Info => &mut counts.info,
        };
        *count += 1;
    }
    counts
}

/// The first sentence. It is about the worst that is open: one provider and one region where all of it is there, otherwise
/// only how much of it there is and since when.
pub fn sentence(alerts: &[Alert], sources: &BTreeMap<String, SourceFacts>) -> Sentence {
    let nothing =
        |state| Sentence { state, provider: None, region: None, alerts: 0, resources: 0, since: None };
    let tried: Vec<&SourceFacts> = sources.values().filter(|source| source.is_tried).collect();
    if !sources.is_empty() && tried.is_empty() {
        return nothing(EstateState::Starting);
    }
    if !tried.is_empty() && tried.iter().all(|source| source.health == SourceHealth::Down) {
        return nothing(EstateState::Blind);
    }
    let Some(worst) = open(alerts).map(|alert| alert.severity).max().filter(|worst| *worst > Severity::Info)
    else {
        return nothing(EstateState::Quiet);
    };
    let about: Vec<&Alert> = open(alerts).filter(|alert| alert.severity == worst).collect();
    let providers: BTreeSet<&str> = about.iter().map(|alert| spot(alert).0).collect();
    let regions: BTreeSet<Spot<'_>> = about.iter().map(|alert| spot(alert)).collect();
    let only = |words: BTreeSet<&str>| match words.into_iter().collect::<Vec<_>>()[..] {
        [word] if !word.is_empty() => Some(word.to_owned()),
        _ => None,
    };
    let provider = only(providers);
    let region =
        provider.as_ref().and_then(|_| only(regions.into_iter().map(|(_, region)| region).collect()));
    let resources: BTreeSet<&str> = about.iter().filter_map(|alert| alert.resource()).collect();
    let is_down = about
        .iter()
        .any(|alert| alert.class == AlertClass::Availability && alert.severity == Severity::Critical);
    Sentence {
        state: if is_down { EstateState::Down } else { EstateState::Degraded },
        provider,
        region,
        alerts: about.len() as u64,
        resources: resources.len() as u64,
        since: about.iter().map(|alert| alert.starts_at).min().map(WireTime),
    }
}

/// Every region as each source sees it, with what is open there.
pub fn matrix(
    alerts: &[Alert],
    places: &BTreeMap<Place, BTreeSet<std::sync::Arc<str>>>,
    sources: &BTreeMap<String, SourceFacts>,
    now: Timestamp,
) -> Vec<Cell> {
    let mut there: BTreeMap<(String, String), (Severity, u64)> = BTreeMap::new();
    for alert in open(alerts) {
        // The resource knows where it is; labels may be left out of `by`.
        let id = alert.resource().and_then(|id| id.parse::<ResourceId>().ok());
        let place = match &id {
            Some(id) => {
                let (provider, _, region, ..) = id.parts();
                (provider.as_str().to_owned(), region.to_owned())
            }
            None => {
                let (provider, region) = spot(alert);
                (provider.to_owned(), region.to_owned())
            }
        };
        let known = there.entry(place).or_insert((alert.severity, 0));
        *known = (known.0.max(alert.severity), known.1 + 1);
    }
    let cell = |(place, parts): (&Place, &BTreeSet<std::sync::Arc<str>>)| {
        let facts = sources.get(&*place.source)?;
        let open = there.get(&(place.provider.as_str().to_owned(), place.region.clone()));
        let mark = parts.iter().filter_map(|part| facts.marks.get(&**part)).min();
        let lag = mark.map(|mark| now.since(*mark));
        let late = facts.delay + facts.interval.max(INTERVAL_MIN) * STALE_INTERVALS;
        let why = parts.iter().find_map(|part| facts.failing.get(&**part)).or(facts.reason.as_ref());
        let state = match lag {
            _ if !facts.is_tried => CellState::Unknown,
            _ if facts.health == SourceHealth::Down => CellState::Nodata,
            None => CellState::Unknown,
            Some(lag) if lag > late => CellState::Stale,
            Some(_) => CellState::Ok,
        };
        Some(Cell {
            source: place.source.to_string(),
            provider: place.provider.as_str().to_owned(),
            region: place.region.clone(),
            severity: open.map(|(severity, _)| *severity),
            alerts: open.map_or(0, |(_, count)| *count),
            state,
            lag_seconds: lag.map(|lag| lag.as_secs_f64()),
            reason: why.filter(|_| state != CellState::Ok).cloned(),
        })
    };
    places.iter().filter_map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobar_alerting::AlertState;
    use isobar_normalizer::{FailureDomain, Labels, Provider};

    fn alert(resource: &str, severity: Severity, class: AlertClass, state: AlertState) -> Alert {
        let id: ResourceId = resource.parse().unwrap();
        let (provider, _, region, ..) = id.parts();
        Alert {
            identity: Labels::from_pairs([("alertname", "a"), ("resource_id", resource)]).unwrap(),
            described: Labels::from_pairs([("cloud_provider", provider.as_str()), ("cloud_region", region)])
                .unwrap(),
            annotations: BTreeMap::new(),
            state,
            severity,
            class,
            failure_domain: FailureDomain::Resource,
            sources: BTreeSet::new(),
            verified: true,
            value: None,
            starts_at: Timestamp::from_millis(7),
            fired_at: None,
            ends_at: None,
            updated_at: Timestamp::from_millis(7),
            watched: isobar_alerting::Watched::default(),
            native: Vec::new(),
            members: Vec::new(),
            pushed: None,
        }
    }

    fn facts(health: SourceHealth, mark: i64) -> SourceFacts {
        SourceFacts {
            health,
            reason: Some("throttled".to_owned()),
            is_tried: true,
            interval: Duration::from_secs(60),
            delay: Duration::from_secs(120),
            marks: [("1/us-east-1".to_owned(), Timestamp::from_millis(mark))].into(),
            failing: BTreeMap::new(),
        }
    }

    const EAST: &str = "aws:1:us-east-1:compute.instance:i-1";
    const WEST: &str = "azure:s:westeurope:compute.instance:/vm";

    fn said(alerts: &[Alert]) -> (EstateState, Option<String>, Option<String>, u64) {
        let sources = [("aws".to_owned(), facts(SourceHealth::Up, 0))].into();
        let Sentence { state, provider, region, alerts, .. } = sentence(alerts, &sources);
        (state, provider, region, alerts)
    }

    #[test]
    fn the_sentence_is_about_the_worst_and_names_a_place_only_where_all_of_it_is() {
        use AlertClass::{Availability, Saturation};
        use AlertState::{Firing, Pending, Resolved};
        let (critical, warning) = (Severity::Critical, Severity::Warning);
        let quiet = (EstateState::Quiet, None, None, 0);
        assert_eq!(said(&[]), quiet);
        let over = [alert(EAST, critical, Saturation, Resolved), alert(EAST, critical, Saturation, Pending)];
        assert_eq!(said(&over), quiet);
        let mut some =
            vec![alert(EAST, critical, Saturation, Firing), alert(WEST, warning, Saturation, Firing)];
        let (aws, east) = (Some("aws".to_owned()), Some("us-east-1".to_owned()));
        assert_eq!(said(&some), (EstateState::Degraded, aws, east, 1));
        some.push(alert(WEST, critical, Availability, Firing));
        assert_eq!(said(&some), (EstateState::Down, None, None, 2));
        assert_eq!(said(&[alert(EAST, critical, AlertClass::Own, Firing)]), quiet);
    }

    #[test]
    fn who_sees_nothing_does_not_say_that_all_is_quiet() {
        let down = [("aws".to_owned(), facts(SourceHealth::Down, 0))].into();
        assert_eq!(sentence(&[], &down).state, EstateState::Blind);
        let mut untried = facts(SourceHealth::Up, 0);
        untried.is_tried = false;
        assert_eq!(sentence(&[], &[("aws".to_owned(), untried)].into()).state, EstateState::Starting);
        assert_eq!(sentence(&[], &BTreeMap::new()).state, EstateState::Quiet);
    }

    #[test]
    fn a_region_that_is_late_is_stale_whatever_is_open_there() {
        let place = Place { source: "aws".into(), provider: Provider::Aws, region: "us-east-1".to_owned() };
        let places = [(place, BTreeSet::from(["1/us-east-1".into()]))].into();
        let alerts = [alert(EAST, Severity::Error, AlertClass::Errors, AlertState::Firing)];
        let seen = |health, lag_seconds: i64| {
            let sources = [("aws".to_owned(), facts(health, 0))].into();
            let cell =
                matrix(&alerts, &places, &sources, Timestamp::from_millis(lag_seconds * 1000)).remove(0);
            assert_eq!((cell.severity, cell.alerts), (Some(Severity::Error), 1));
            (cell.state, cell.reason)
        };
        assert_eq!(seen(SourceHealth::Up, 420), (CellState::Ok, None));
        assert_eq!(seen(SourceHealth::Up, 421), (CellState::Stale, Some("throttled".to_owned())));
        assert_eq!(seen(SourceHealth::Down, 10).0, CellState::Nodata);
    }
}
