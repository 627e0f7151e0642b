//! How fast Azure may be asked: token buckets as it keeps them, corrected by what its answers say is left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

/// The longest a call waits for its turn; what would wait longer fails and is made at a later tick.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Buckets kept. There is one for each subscription, and one for each region of it.
const BUCKETS_MAX: usize = 20_000;

/// What shares a limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    /// Reads of Azure Resource Manager, of a subscription or of the tenant.
    Arm(Arc<str>),
    /// Reads of metric definitions of a subscription.
    Definitions(Arc<str>),
    /// Queries of Resource Graph.
    Graph,
    /// The metrics data plane of a region.
    Metrics(Arc<str>),
    /// The token service.
    Authority,
}

impl Limit {
    /// Capacity and refill a second.
    ///
    /// Sources: "Understand how Azure Resource Manager throttles requests" (reads: 250, 25 a second), "Guidance for throttled
    /// requests in Azure Resource Graph" (15 in 5 s). 400 reads of definitions in 5 min is what its own error says. The data
    /// plane allows 360,000 calls an hour; the token service names no limit.
    fn rate(&self) -> (f64, f64) {
        match self {
            Self::Arm(_) => (250.0, 25.0),
            Self::Definitions(_) => (400.0, 400.0 / 300.0),
            Self::Graph => (15.0, 3.0),
            Self::Metrics(_) => (250.0, 100.0),
            Self::Authority => (20.0, 1.0),
        }
    }
}

/// One bucket.
#[derive(Debug, PartialEq)]
struct Bucket {
    capacity: f64,
    per_second: f64,
    tokens: f64,
    at: Instant,
    blocked_until: Option<Instant>,
}

impl Bucket {
    fn new((capacity, per_second): (f64, f64), now: Instant) -> Self {
        Self { capacity, per_second, tokens: capacity, at: now, blocked_until: None }
    }

    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + since * self.per_second).min(self.capacity);
        self.at = now;
    }

    /// Takes one; or how long until there is one.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Err(until - now);
            }
            self.blocked_until = None;
        }
        self.refill(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.per_second))
    }

    /// An answer says how many are left: others may ask for the same principal.
    fn correct(&mut self, remaining: f64, now: Instant) {
        self.refill(now);
        self.tokens = self.tokens.min(remaining);
    }

    fn block(&mut self, pause: Duration, now: Instant) {
        let until = now + pause;
        self.blocked_until = Some(self.blocked_until.map_or(until, |known| known.max(until)));
    }
}

/// All buckets of a source.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<Limit, Bucket>>);

impl Limits {
    fn with<T>(&self, limit: &Limit, act: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(limit) {
            buckets.retain(|_, bucket| bucket.blocked_until.is_some_and(|until| now < until));
        }
        let bucket = buckets.entry(limit.clone()).or_insert_with(|| Bucket::new(limit.rate(), now));
        act(bucket, now)
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// How long it would have to wait, where that is too long.
    pub(super) async fn turn(&self, limit: &Limit) -> Result<(), Duration> {
        let mut waited = Duration::ZERO;
        loop {
            match self.with(limit, Bucket::take) {
                Ok(()) => return Ok(()),
                Err(wait) if waited + wait > WAIT_MAX => return Err(wait),
                Err(wait) => {
                    tokio::time::sleep(wait).await;
                    waited += wait;
                }
            }
        }
    }

    /// Lets nobody ask for a while: Azure said so.
    pub(super) fn block(&self, limit: &Limit, pause: Duration) {
        self.with(limit, |bucket, now| bucket.block(pause, now));
    }

    /// Takes in what an answer says about what is left.
    pub(super) fn heed(&self, limit: &Limit, headers: &HeaderMap) {
        let Left { remaining, resets_after } = left(limit, headers);
        let Some(remaining) = remaining else { return };
        self.with(limit, |bucket, now| {
            bucket.correct(remaining, now);
            if let (true, Some(pause)) = (remaining < 1.0, resets_after) {
                bucket.block(pause, now);
            }
        });
    }
}

#[derive(Debug, Default, PartialEq)]
struct Left {
    remaining: Option<f64>,
    resets_after: Option<Duration>,
}

/// What the headers say is left of a limit.
fn left(limit: &Limit, headers: &HeaderMap) -> Left {
    let text = |name: &str| headers.get(name).map(HeaderValue::to_str).and_then(Result::ok);
    let number = |name: &str| text(name).and_then(|text| text.trim().parse::<u32>().ok()).map(f64::from);
    match limit {
        Limit::Arm(_) => {
            let names = [
                "x-ms-ratelimit-remaining-subscription-reads",
                "x-ms-ratelimit-remaining-subscription-global-reads",
                "x-ms-ratelimit-remaining-tenant-reads",
            ];
            let least = names.into_iter().filter_map(number).reduce(f64::min);
            Left { remaining: least, resets_after: None }
        }
        Limit::Definitions(_) => {
            let remaining = number("x-ms-ratelimit-remaining-subscription-resource-requests");
            Left { remaining, resets_after: None }
        }
        Limit::Graph => Left {
            remaining: number("x-ms-user-quota-remaining"),
            resets_after: text("x-ms-user-quota-resets-after").and_then(clock_duration),
        },
        Limit::Metrics(_) | Limit::Authority => Left::default(),
    }
}

/// `hh:mm:ss`
fn clock_duration(text: &str) -> Option<Duration> {
    let mut parts = text.trim().splitn(3, ':').map(|part| part.parse::<u32>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(Duration::from_secs(u64::from(hours) * 3600 + u64::from(minutes) * 60 + u64::from(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_is_left_is_read_from_where_it_stands() {
        let arm = Limit::Arm("s".into());
        let several = headers(&[
            ("x-ms-ratelimit-remaining-subscription-reads", "249"),
            ("x-ms-ratelimit-remaining-subscription-global-reads", "3749"),
        ]);
        assert_eq!(left(&arm, &several).remaining, Some(249.0));
        let graph =
            headers(&[("x-ms-user-quota-remaining", "0"), ("x-ms-user-quota-resets-after", "00:00:05")]);
        let expected = Left { remaining: Some(0.0), resets_after: Some(Duration::from_secs(5)) };
        assert_eq!(left(&Limit::Graph, &graph), expected);
        let broken = headers(&[("x-ms-user-quota-remaining", "many"), ("x-ms-user-quota-resets-after", "5")]);
        assert_eq!(left(&Limit::Graph, &broken), Left::default());
    }

    #[tokio::test(start_paused = true)]
    async fn fifteen_queries_go_at_once_and_three_a_second_follow() {
        let limits = Limits::default();
        let began = Instant::now();
        for _ in 0..15 {
            limits.turn(&Limit::Graph).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..3 {
            limits.turn(&Limit::Graph).await.unwrap();
        }
        assert!(began.elapsed().as_millis().abs_diff(1000) <= 5, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_azure_blocks_is_waited_for_only_when_it_is_short() {
        let limits = Limits::default();
        let region = Limit::Metrics("eastus".into());
        limits.block(&region, Duration::from_secs(60));
        assert_eq!(limits.turn(&region).await, Err(Duration::from_secs(60)));
        assert_eq!(limits.turn(&Limit::Metrics("westeurope".into())).await, Ok(()), "another region");
        tokio::time::advance(Duration::from_secs(58)).await;
        let began = Instant::now();
        limits.turn(&region).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn others_of_the_same_principal_are_reckoned_with() {
        let limits = Limits::default();
        let arm = Limit::Arm("s".into());
        limits.heed(&arm, &headers(&[("x-ms-ratelimit-remaining-subscription-reads", "0")]));
        let began = Instant::now();
        limits.turn(&arm).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(40), "25 a second");
    }
}
