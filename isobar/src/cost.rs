//! What collecting itself costs: calls and billed units of each source, month by month, priced from the kind's dated list.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use isobar_collectors::{Calls, KINDS, Prices};
use isobar_normalizer::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The rate a month is projected with is that of this stretch: it holds every schedule but the daily one.
const RATE_OVER: Duration = Duration::from_secs(3600);
/// The stretch is counted in buckets of this length.
const BUCKET: Duration = Duration::from_secs(60);

/// One operation in the current month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    calls: u64,
    billed: u64,
}

/// One source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Meter {
    /// The month counted, as its first day; UTC, as providers bill.
    month: NaiveDate,
    kind: String,
    operations: BTreeMap<String, Spent>,
    /// Billed units by operation, one entry a bucket, oldest first.
    #[serde(skip)]
    recent: VecDeque<(i64, BTreeMap<&'static str, u64>)>,
    /// When this process began to count.
    #[serde(skip)]
    since: Option<i64>,
}

/// The meters of all sources.
#[derive(Debug, Default)]
pub struct CostMeters {
    meters: Mutex<BTreeMap<Arc<str>, Meter>>,
    /// Whether something was counted since the last snapshot.
    is_changed: AtomicBool,
}

/// What a source costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Requests this month.
    pub calls: u64,
    /// Units billed this month, all operations that have a price.
    pub billed: u64,
    /// What they cost so far.
    pub spent: f64,
    /// What the month will have cost at the rate of the last hour.
    pub projected_month: f64,
    /// ISO 4217.
    pub currency: String,
    /// The day of the price list.
    pub prices_as_of: String,
    /// Operation by operation.
    pub operations: Vec<OperationCost>,
}

/// What one operation costs.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationCost {
    /// Its name.
    pub operation: String,
    /// Requests this month.
    pub calls: u64,
    /// Units billed this month.
    pub billed: u64,
    /// What is billed, and the price of one; `None` where it costs nothing.
    pub price: Option<(String, f64)>,
}

impl CostMeters {
    /// Counts the calls of one collection.
    pub fn count(&self, source: &Arc<str>, kind: &str, calls: &[Calls], now: Timestamp) {
        if calls.is_empty() {
            return;
        }
        let mut meters = self.meters.lock();
        let meter = meters.entry(source.clone()).or_default();
        meter.kind = kind.to_owned();
        meter.count(calls, now);
        self.is_changed.store(true, Ordering::Relaxed);
    }

    /// What the source costs; `None` where its kind bills nothing, or nothing was called.
    pub fn of(&self, source: &str, now: Timestamp) -> Option<Cost> {
        let meters = self.meters.lock();
        let meter = meters.get(source)?;
        let prices = prices_of(&meter.kind)?;
        Some(meter.cost(&prices, now))
    }

    /// The counts of the month, to be kept over a restart; `None` when nothing was counted since the last call.
    pub fn changed(&self) -> Option<Vec<u8>> {
        self.is_changed.swap(false, Ordering::Relaxed).then(|| self.snapshot())
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&*self.meters.lock()).expect("meters hold only text and numbers")
    }

    /// Puts back what [`CostMeters::changed`] gave.
    ///
    /// # Errors
    /// The bytes are no snapshot.
    pub fn restore(&self, snapshot: &[u8]) -> Result<(), serde_json::Error> {
        *self.meters.lock() = serde_json::from_slice(snapshot)?;
        Ok(())
    }
}

/// The price list of a kind.
fn prices_of(kind: &str) -> Option<Prices> {
    let text = KINDS.iter().find(|one| one.name() == kind)?.prices()?;
    Some(Prices::read(text).expect("the price lists are read by the tests"))
}

impl Meter {
    fn count(&mut self, calls: &[Calls], now: Timestamp) {
        let month = month_of(now);
        if self.month != month {
            (self.month, self.operations) = (month, BTreeMap::new());
        }
        self.since.get_or_insert(now.millis());
        let bucket = now.millis().div_euclid(millis(BUCKET));
        if self.recent.back().is_none_or(|(last, _)| *last < bucket) {
            self.recent.push_back((bucket, BTreeMap::new()));
        }
        let oldest = bucket - millis(RATE_OVER) / millis(BUCKET);
        while self.recent.front().is_some_and(|(first, _)| *first <= oldest) {
            self.recent.pop_front();
        }
        let recent = &mut self.recent.back_mut().expect("a bucket was just put in").1;
        for one in calls {
            let spent = self.operations.entry(one.operation.to_owned()).or_default();
            spent.calls += one.calls;
            spent.billed += one.billed;
            *recent.entry(one.operation).or_default() += one.billed;
        }
    }

    fn cost(&self, prices: &Prices, now: Timestamp) -> Cost {
        let (month, next) = (month_of(now), month_of(now) + Months::new(1));
        let start = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        let left = (start(next) - now.millis()).max(0) as f64;
        let is_current = self.month == month;
        let counted =
            self.since.map_or(0, |since| now.millis() - since).min(millis(RATE_OVER)).max(millis(BUCKET));
        let (mut spent, mut projected, mut billed, mut calls) = (0.0, 0.0, 0, 0);
        let mut operations = Vec::new();
        for (name, one) in self.operations.iter().filter(|_| is_current) {
            calls += one.calls;
            let price = prices.operations.get(name);
            if let Some(price) = price {
                let horizon = now.millis() - millis(RATE_OVER);
                let recent = self.recent.iter().filter(|(bucket, _)| (bucket + 1) * millis(BUCKET) > horizon);
                let recent: u64 = recent.filter_map(|(_, billed)| billed.get(name.as_str())).sum();
                billed += one.billed;
                spent += price.of(one.billed as f64);
                projected += price.of(one.billed as f64 + recent as f64 / counted as f64 * left);
            }
            operations.push(OperationCost {
                operation: name.clone(),
                calls: one.calls,
                billed: one.billed,
                price: price.map(|price| (price.unit.clone(), price.price / price.per)),
            });
        }
        Cost {
            calls,
            billed,
            spent,
            projected_month: projected,
            currency: prices.currency.clone(),
            prices_as_of: prices.as_of.clone(),
            operations,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("the constants of this file are short")
}

/// The first day of the month.
fn month_of(now: Timestamp) -> NaiveDate {
    let day = DateTime::<Utc>::from_timestamp_millis(now.millis()).unwrap_or_default().date_naive();
    day.with_day(1).expect("every month has a first day")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICES: &str = "{currency: USD, as_of: 2026-11-21, source: x, operations: {Get: {unit: metrics requested, price: 0.01, per: 1000}}}";

    /// Noon of the 21st of November 2026, UTC.
    const NOON: i64 = 1_795_262_400_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(NOON + seconds * 1000)
    }

    fn get(billed: u64) -> [Calls; 2] {
        [Calls { operation: "Get", calls: 1, billed }, Calls { operation: "Free", calls: 2, billed: 2 }]
    }

    #[test]
    fn a_month_is_what_was_spent_and_the_rate_of_the_last_hour() {
        let (mut meter, prices) = (Meter::default(), Prices::read(PRICES).unwrap());
        for minute in 0..120 {
            meter.count(&get(if minute < 60 { 5_000 } else { 1_000 }), at(minute * 60));
        }
        let cost = meter.cost(&prices, at(120 * 60));
        assert_eq!((cost.calls, cost.billed), (360, 360_000));
        assert!((cost.spent - 3.6).abs() < 1e-9, "{}", cost.spent);
        // From 14:00 on the 21st to the end of the 30th there are 9 days and 10 hours.
        let left = 9.0 * 24.0 + 10.0;
        let expected = 3.6 + left * 60.0 * 0.01;
        assert!(
            (cost.projected_month / expected - 1.0).abs() < 0.03,
            "{} and {expected}",
            cost.projected_month
        );
        assert_eq!(cost.operations[0].price, None);
        assert_eq!(cost.operations[1].price, Some(("metrics requested".to_owned(), 0.000_01)));
    }

    #[test]
    fn a_new_month_begins_at_zero_and_a_restart_does_not() {
        let meters = CostMeters::default();
        let source: Arc<str> = "aws".into();
        meters.count(&source, "cloudwatch", &get(7), at(0));
        let after = CostMeters::default();
        after.restore(&meters.snapshot()).unwrap();
        after.count(&source, "cloudwatch", &get(3), at(60));
        let billed = |meters: &CostMeters| meters.meters.lock()[&source].operations["Get"].billed;
        assert_eq!(billed(&after), 10);
        after.count(&source, "cloudwatch", &get(1), at(10 * 86_400));
        assert_eq!(billed(&after), 1);
    }
}
