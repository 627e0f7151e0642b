//! Which alerts a list shows: the filter, the order, the page, and how often each value occurs. Nothing is copied but what is
//! shown.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use isobar_alerting::{AlertState, KnownAlert};
use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::NativeError;
use super::super::page::PageQuery;
use super::fields::{Field, rank};
use super::filter::{Filter, Key, Meaning};
use crate::params::Params;
use crate::wire::FacetCount;

/// Values of one facet that are listed; the rarest are left out.
const FACET_VALUES_MAX: usize = 50;
/// Facets of one request.
const FACETS_MAX: usize = 20;

/// What orders a list; ties are in the order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Id,
    Severity,
    Name,
    Where,
    Since,
    Value,
}

/// What a list of alerts is asked for.
#[derive(Clone, Debug)]
pub(crate) struct AlertQuery {
    page: PageQuery,
    filter: Filter,
    open_only: bool,
    order: Order,
    descending: bool,
    facets: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selected {
    /// How many alerts match, on all pages together.
    pub(crate) total: u64,
    /// The page: fingerprints.
    pub(crate) page: Vec<u64>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// How often each value occurs, by the names that were asked for.
    pub(crate) facets: BTreeMap<String, Vec<FacetCount>>,
}

/// Where an alert stands in the order; its JSON is the cursor. An alert that left does not move the pages of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place<'a>(Primary<'a>, u8, i64, u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Primary<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    /// Every other order, and what has no value.
    None(()),
}

impl AlertQuery {
    /// Reads the parameters of a list of alerts.
    pub(crate) fn read(params: &Params) -> Result<Self, NativeError> {
        let page = PageQuery::read(params, &["state", "sort", "facets"])?;
        let filter = Filter::read(params.get("q").unwrap_or_default()).map_err(|wrong| bad("q", wrong))?;
        let open_only = match params.get("state") {
            None | Some("all") => false,
            Some("open") => true,
            Some(_) => return Err(bad("state", "open or all")),
        };
        let sort = params.get("sort").unwrap_or("id");
        let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
        let order = match name {
            "id" => Order::Id,
            "severity" => Order::Severity,
            "name" => Order::Name,
            "where" => Order::Where,
            "since" => Order::Since,
            "value" => Order::Value,
            _ => {
                return Err(bad(
                    "sort",
                    "one of id, severity, name, where, since, value; with - the other way round",
                ));
            }
        };
        if page.after.as_ref().is_some_and(|after| order.read(after).is_none()) {
            return Err(bad("after", "it is not the next of a page in this order"));
        }
        let names = params.get("facets").unwrap_or_default().split(',').filter(|name| !name.is_empty());
        let facets: Vec<String> = names.map(str::to_owned).collect();
        if facets.len() > FACETS_MAX {
            return Err(bad("facets", format!("{} of them: at most {FACETS_MAX}", facets.len())));
        }
        Ok(Self { page, filter, open_only, order, descending, facets })
    }

    /// All that passes a filter, whatever the page.
    pub(crate) fn of_filter(text: &str) -> Result<Self, NativeError> {
        Self::read(&Params::of_pairs(&[("q", text)]))
    }

    /// Whether an alert is among those asked for, wherever on the pages.
    pub(crate) fn wants(&self, known: &KnownAlert, now: Timestamp) -> bool {
        self.is_listed(known) && self.filter.passes(known, now, None)
    }

    fn is_listed(&self, known: &KnownAlert) -> bool {
        !self.open_only || known.alert().state != AlertState::Resolved
    }

    /// Picks the page and counts.
    pub(crate) fn select(&self, alerts: &[KnownAlert], now: Timestamp) -> Selected {
        let mut places: Vec<Place<'_>> = Vec::new();
        let mut facets: Vec<Facet<'_>> =
            self.facets.iter().map(|name| Facet::of(name, &self.filter)).collect();
        // Each alert is looked at once: of a hundred thousand every look costs more than what is done with them.
        for known in alerts.iter().filter(|known| self.is_listed(known)) {
            let passes = self.filter.passes(known, now, None);
            if passes {
                places.push(self.order.place(known));
            }
            for facet in &mut facets {
                let is_counted = if facet.is_chosen_by {
                    self.filter.passes(known, now, Some(facet.meaning))
                } else {
                    passes
                };
                if is_counted {
                    facet.count(known);
                }
            }
        }
        let total = places.len() as u64;
        let facets = facets.into_iter().map(|facet| (facet.name.to_owned(), facet.finish())).collect();
        let compare = |a: &Place<'_>, b: &Place<'_>| self.compare(a, b);
        if let Some(after) = self.page.after.as_deref().and_then(|after| self.order.read(after)) {
            places.retain(|place| compare(place, &after).is_gt());
        }
        let is_last = places.len() <= self.page.limit;
        if !is_last {
            places.select_nth_unstable_by(self.page.limit - 1, compare);
            places.truncate(self.page.limit);
        }
        places.sort_unstable_by(compare);
        let next = if is_last { None } else { places.last().map(|place| self.order.write(place)) };
        Selected { total, page: places.into_iter().map(|Place(.., id)| id).collect(), next, facets }
    }

    fn compare(&self, a: &Place<'_>, b: &Place<'_>) -> Ordering {
        let turned = |order: Ordering| if self.descending { order.reverse() } else { order };
        // Worst first, then the newest.
        let by_severity = (a.1, -a.2, a.3).cmp(&(b.1, -b.2, b.3));
        match (&a.0, &b.0) {
            _ if self.order == Order::Severity => turned(by_severity),
            _ if self.order == Order::Id => turned(a.3.cmp(&b.3)),
            (Primary::Number(a), Primary::Number(b)) => turned(a.total_cmp(b)).then(by_severity),
            (Primary::Text(a), Primary::Text(b)) => turned(a.cmp(b)).then(by_severity),
            // What has no value comes last either way.
            (Primary::None(()), Primary::None(())) => by_severity,
            (Primary::None(()), _) => Ordering::Greater,
            (_, Primary::None(())) => Ordering::Less,
            (Primary::Number(_), Primary::Text(_)) => Ordering::Less,
            (Primary::Text(_), Primary::Number(_)) => Ordering::Greater,
        }
    }
}

impl Order {
    fn place(self, known: &KnownAlert) -> Place<'_> {
        let alert = known.alert();
        let primary = match self {
            Self::Id | Self::Severity => Primary::None(()),
            Self::Name => Primary::Text(alert.name().into()),
            Self::Where => {
                let parts = [Field::Provider, Field::Account, Field::Region, Field::Resource];
                Primary::Text(parts.map(|field| field.first(known)).join("/").into())
            }
            // The newest first.
            Self::Since => Primary::Number(-(alert.starts_at.millis() as f64)),
            Self::Value => {
                alert.value.filter(|value| value.is_finite()).map_or(Primary::None(()), Primary::Number)
            }
        };
        Place(primary, rank(known), alert.starts_at.millis(), known.fingerprint)
    }

    fn read(self, cursor: &str) -> Option<Place<'static>> {
        if self == Self::Id {
            let id = u64::from_str_radix(cursor, 16).ok()?;
            return Some(Place(Primary::None(()), 0, 0, id));
        }
        serde_json::from_str(cursor).ok()
    }

    fn write(self, place: &Place<'_>) -> String {
        if self == Self::Id {
            return format!("{:016x}", place.3);
        }
        serde_json::to_string(place).expect("numbers, texts and null are always JSON")
    }
}

fn bad(name: &str, wrong: impl std::fmt::Display) -> NativeError {
    NativeError::bad_request(format!("{name}: {wrong}"))
}

/// How often each value under a key of the filter language occurs.
struct Facet<'a> {
    name: &'a str,
    meaning: Meaning<'a>,
    /// Whether the filter may have chips that it leaves out; most filters have nothing to do with most facets.
    is_chosen_by: bool,
    counts: HashMap<&'a str, u64>,
    /// What the alerts before said, the same each, and how often: not in `counts` yet.
    run: (&'a str, u64),
}

impl<'a> Facet<'a> {
    fn of(name: &'a str, filter: &Filter) -> Self {
        Self {
            name,
            meaning: Meaning::of_key(name),
            is_chosen_by: filter.concerns(name),
            counts: HashMap::new(),
            run: ("", 0),
        }
    }

    fn count(&mut self, known: &'a KnownAlert) {
        // Of measures nothing is counted.
        let Key::Text(field) = self.meaning.of(known) else { return };
        let Self { counts, run, .. } = self;
        field.each(known, &mut |value| {
            if value != run.0 {
                let (before, times) = std::mem::replace(run, (value, 0));
                *counts.entry(before).or_default() += times;
            }
            run.1 += 1;
        });
    }

    /// The values, the most frequent first.
    fn finish(mut self) -> Vec<FacetCount> {
        *self.counts.entry(self.run.0).or_default() += self.run.1;
        self.counts.remove("");
        let mut values: Vec<(&str, u64)> = self.counts.into_iter().collect();
        let compare = |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then(a.0.cmp(b.0));
        if values.len() > FACET_VALUES_MAX {
            values.select_nth_unstable_by(FACET_VALUES_MAX - 1, compare);
            values.truncate(FACET_VALUES_MAX);
        }
        values.sort_unstable_by(compare);
        values.into_iter().map(|(value, count)| FacetCount { value: value.to_owned(), count }).collect()
    }
}

#[cfg(test)]
mod tests;
