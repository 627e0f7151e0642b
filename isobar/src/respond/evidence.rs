//! Whether the samples a policy reads still come.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::Policy;
use isobar_normalizer::{Labels, Matcher, Timestamp, format_duration};
use isobar_runbooks::Standing;

use crate::api::REMOTE_WRITE;
use crate::collect::{SourceHealth, SourceStatus, SourceStatuses};
use crate::resources::Described;
use crate::series::JoinedSeries;

/// The least time after which samples that do not come are missed, beyond what their period and delay explain; three periods
/// where that is more. The same as policies take for missing data.
const GRACE_MIN: Duration = Duration::from_secs(5 * 60);
const GRACE_PERIODS: u32 = 3;

/// Reads when samples last came, in one look.
pub struct Reader<'a> {
    series: &'a JoinedSeries,
    statuses: Vec<SourceStatus>,
    described: HashMap<Box<str>, Described>,
    now: Timestamp,
}

/// The newest sample of a source, and how old it may be.
struct Newest {
    at: Timestamp,
    patience: Duration,
}

impl<'a> Reader<'a> {
    /// Looks now.
    pub fn new(series: &'a JoinedSeries, statuses: &SourceStatuses, now: Timestamp) -> Self {
        Self { series, statuses: statuses.all(), described: series.described(), now }
    }

    /// Every source that delivers what the policy reads for this group, and whether it still does.
    pub fn readings(&self, policy: &Policy, group: &Labels) -> BTreeMap<Arc<str>, Standing> {
        let of_group = group.iter().map(|(name, value)| Matcher::equal(name, value));
        let matchers: Vec<Matcher> = policy.matchers.iter().cloned().chain(of_group).collect();
        let (stored, descriptive) = self.series.split(&matchers);
        let mut newest: BTreeMap<Arc<str>, Newest> = BTreeMap::new();
        for fresh in self.series.store().freshness(&stored) {
            let labels = self.series.join(&fresh.labels, &self.described);
            let accepts = |matcher: &Matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default());
            if !descriptive.iter().all(accepts) {
                continue;
            }
            let patience = fresh.period + fresh.delay + GRACE_MIN.max(fresh.period * GRACE_PERIODS);
            let entry = newest.entry(fresh.source).or_insert(Newest { at: fresh.last_at, patience });
            entry.at = entry.at.max(fresh.last_at);
            entry.patience = entry.patience.max(patience);
        }
        newest.into_iter().map(|(source, newest)| (source.clone(), self.standing(&source, &newest))).collect()
    }

    fn standing(&self, source: &str, newest: &Newest) -> Standing {
        match self.trouble(source) {
            Some(trouble) => trouble,
            None if self.now.since(newest.at) > newest.patience => Standing::Absent(format!(
                "the newest sample from {source} is of {}, more than {} ago",
                newest.at,
                format_duration(newest.patience)
            )),
            None => Standing::Present,
        }
    }

    /// Of a source that has no samples of it.
    pub fn silence(&self, source: &str) -> Standing {
        self.trouble(source).unwrap_or_else(|| Standing::Absent(format!("{source} has no sample of it")))
    }

    /// What keeps a source from being read.
    fn trouble(&self, source: &str) -> Option<Standing> {
        let Some(status) = self.statuses.iter().find(|status| &*status.name == source) else {
            // Nobody collects what is pushed.
            let is_pushed = source == REMOTE_WRITE;
            return (!is_pushed).then(|| Standing::Absent(format!("{source} is no source any more")));
        };
        if !status.is_tried() {
            return Some(Standing::Unread);
        }
        match status.health() {
            (SourceHealth::Down, reason) => {
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Some(Standing::Absent(format!("source {source} is down{reason}")))
            }
            _ => None,
        }
    }
}
