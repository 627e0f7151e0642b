//! How often a caller may ask.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::error::ApiError;
use crate::estate::Millis;

/// A bucket of Resource Manager: what it holds, and what flows in each second.
/// Source: azure-docs, articles/azure-resource-manager/management/request-limits-and-throttling.md, "Subscription limits".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) header: &'static str,
    holds: f64,
    per_second: f64,
}

/// Reads of one principal in one subscription.
pub(crate) const READS: Rate = Rate {
    name: "reads",
    header: "x-ms-ratelimit-remaining-subscription-reads",
    holds: 250.0,
    per_second: 25.0,
};
/// Writes of one principal in one subscription.
pub(crate) const WRITES: Rate = Rate {
    name: "writes",
    header: "x-ms-ratelimit-remaining-subscription-writes",
    holds: 200.0,
    per_second: 10.0,
};
/// Reads of all principals of a subscription: fifteen times as many.
pub(crate) const GLOBAL_READS: Rate = Rate {
    name: "global reads",
    header: "x-ms-ratelimit-remaining-subscription-global-reads",
    holds: 3_750.0,
    per_second: 375.0,
};
/// Reads outside a subscription.
pub(crate) const TENANT_READS: Rate = Rate {
    name: "tenant reads",
    header: "x-ms-ratelimit-remaining-tenant-reads",
    holds: 250.0,
    per_second: 25.0,
};
/// Calls to the metrics host of one region: 360,000 an hour.
/// Source: azure-monitor-docs, articles/azure-monitor/metrics/migrate-to-batch-api.md; the size of the bucket is not on it.
pub(crate) const BATCHES: Rate =
    Rate { name: "batches", header: "x-ms-ratelimit-remaining", holds: 1_000.0, per_second: 100.0 };

/// So many calls in a window that begins with the first of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) name: &'static str,
    pub(crate) calls: u32,
    pub(crate) lasts: Millis,
}

/// Source: the message of Azure itself, as users quote it (elastic/integrations issue 8575).
pub(crate) const DEFINITIONS: Window = Window { name: "metricDefinitions", calls: 400, lasts: 300_000 };
/// Source: azure-docs, articles/governance/resource-graph/concepts/guidance-for-throttled-requests.md.
pub(crate) const GRAPH: Window = Window { name: "resource graph", calls: 15, lasts: 5_000 };

#[derive(Debug, Clone, Copy)]
struct Level {
    left: f64,
    at: Millis,
}

/// What is left of every bucket and window. Their keys are the simulators' own names and applications: there are few.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    levels: Mutex<HashMap<(String, &'static str), Level>>,
}

impl Limits {
    /// Takes one call out of a bucket: how many are left, or how many seconds until there is one.
    pub(crate) fn take(&self, who: &str, rate: Rate, now: Millis) -> Result<u32, u64> {
        let mut levels = self.levels.lock();
        let full = Level { left: rate.holds, at: now };
        let level = levels.entry((who.to_owned(), rate.name)).or_insert(full);
        // A clock that went back fills nothing.
        let passed_s = (now - level.at).max(0) as f64 / 1_000.0;
        level.left = (level.left + passed_s * rate.per_second).min(rate.holds);
        level.at = now;
        if level.left < 1.0 {
            return Err(((1.0 - level.left) / rate.per_second).ceil().max(1.0) as u64);
        }
        level.left -= 1.0;
        Ok(level.left as u32)
    }

    /// Takes one call out of a window: how many are left and how long it lasts, or how many milliseconds until the next.
    pub(crate) fn enter(&self, who: &str, window: Window, now: Millis) -> Result<(u32, Millis), Millis> {
        let mut levels = self.levels.lock();
        let full = Level { left: f64::from(window.calls), at: now };
        let level = levels.entry((who.to_owned(), window.name)).or_insert(full);
        if now >= level.at + window.lasts || now < level.at {
            *level = full;
        }
        let rest = level.at + window.lasts - now;
        if level.left < 1.0 {
            return Err(rest);
        }
        level.left -= 1.0;
        Ok((level.left as u32, rest))
    }
}

/// Too many calls to a subscription.
pub(crate) fn subscription_throttled(subscription: &str, operation: &str, seconds: u64) -> ApiError {
    ApiError::new(
        429,
        "SubscriptionRequestsThrottled",
        format!(
            "Number of requests for subscription '{subscription}' and operation '{operation}' exceeded the backend storage limit. Please try again after '{seconds}' seconds."
        ),
    )
    .after(seconds)
}

/// Too many calls of one action.
pub(crate) fn action_throttled(action: &str, window: Window, seconds: u64) -> ApiError {
    let minutes = window.lasts / 60_000;
    ApiError::new(
        429,
        "ResourceRequestsThrottled",
        format!(
            "Number of requests for action '{action}' exceeded the limit of '{}' for time interval '00:{minutes:02}:00'. Please try again after '{seconds}' seconds.",
            window.calls
        ),
    )
    .after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let limits = Limits::default();
        let taken = |now| (0..1_000).take_while(|_| limits.take("app", READS, now).is_ok()).count();
        assert_eq!((taken(0), taken(0), taken(2_000), taken(60_000)), (250, 0, 50, 250));
        assert_eq!(limits.take("app", READS, 60_000), Err(1), "seconds to wait");
        assert!(limits.take("other", READS, 60_000).is_ok(), "principals do not share");
    }

    #[test]
    fn a_window_opens_anew_after_its_time() {
        let limits = Limits::default();
        for left in (0..15).rev() {
            assert_eq!(limits.enter("app", GRAPH, 1_000), Ok((left, 5_000)));
        }
        assert_eq!(limits.enter("app", GRAPH, 4_000), Err(2_000));
        assert_eq!(limits.enter("app", GRAPH, 6_000), Ok((14, 5_000)));
    }
}
