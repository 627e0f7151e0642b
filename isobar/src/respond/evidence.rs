//! Whether the samples a policy reads still come.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::Policy;
use isobar_normalizer::{Labels, Matcher, Timestamp, format_duration};
use isobar_runbooks::Standing;
use isobar_store::Freshness;

use crate::api::REMOTE_WRITE;
use crate::collect::{SourceHealth, SourceStatus, SourceStatuses};
use crate::resources::Described;
use crate::series::JoinedSeries;

/// The least time after which samples that do not come are missed, beyond what their period and delay explain; three periods
/// where that is more. The same as policies take for missing data.
const GRACE_MIN: Duration = Duration::from_secs(5 * 60);
const GRACE_PERIODS: u32 = 3;

/// Reads when samples last came, in one look: each policy's series once, whatever the number of its groups.
pub struct Reader<'a> {
    series: &'a JoinedSeries,
    statuses: Vec<SourceStatus>,
    described: HashMap<Box<str>, Described>,
    now: Timestamp,
    /// By the policy's name.
    read: HashMap<String, Groups>,
}

/// What each source delivers, by the labels of the group.
type Groups = HashMap<Labels, BTreeMap<Arc<str>, Newest>>;

/// The newest sample of a source, and how old it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Newest {
    at: Timestamp,
    patience: Duration,
}

impl<'a> Reader<'a> {
    /// Looks now.
    pub fn new(series: &'a JoinedSeries, statuses: &SourceStatuses, now: Timestamp) -> Self {
        Self { series, statuses: statuses.all(), described: series.described(), now, read: HashMap::new() }
    }

    /// Every source that delivers what the policy reads for this group, and whether it still does.
    pub fn readings(&mut self, policy: &Policy, group: &Labels) -> BTreeMap<Arc<str>, Standing> {
        let Self { series, described, read, .. } = self;
        let groups =
            read.entry(policy.name.clone()).or_insert_with(|| read_groups(series, described, policy));
        let newest = groups.get(group).cloned().unwrap_or_default();
        newest.iter().map(|(source, newest)| (Arc::clone(source), self.standing(source, newest))).collect()
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

/// What the store has of what a policy reads.
fn read_groups(series: &JoinedSeries, described: &HashMap<Box<str>, Described>, policy: &Policy) -> Groups {
    let (stored, descriptive) = series.split(&policy.matchers);
    let joined = series.store().freshness(&stored).into_iter().map(|fresh| {
        let labels = series.join(&fresh.labels, described);
        Freshness { labels, ..fresh }
    });
    let accepts = |fresh: &Freshness| {
        let value = |matcher: &Matcher| fresh.labels.get(matcher.name()).unwrap_or_default();
        descriptive.iter().all(|matcher| matcher.matches(value(matcher)))
    };
    grouped(&policy.by, joined.filter(accepts))
}

/// The rows of each group: those that have the same of these labels, absent ones included.
fn grouped(by: &[String], rows: impl Iterator<Item = Freshness>) -> Groups {
    let mut groups = Groups::new();
    for row in rows {
        let labels = by.iter().filter_map(|label| Some((label, row.labels.get(label)?)));
        let group = Labels::from_pairs(labels).expect("labels of a series are labels");
        let patience = row.period + row.delay + GRACE_MIN.max(row.period * GRACE_PERIODS);
        let newest = groups.entry(group).or_default().entry(row.source);
        let newest = newest.or_insert(Newest { at: row.last_at, patience });
        newest.at = newest.at.max(row.last_at);
        newest.patience = newest.patience.max(patience);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, &str)], source: &str, period_s: u64, last_at: i64) -> Freshness {
        Freshness {
            labels: Labels::from_pairs(pairs.iter().copied()).unwrap(),
            source: source.into(),
            period: Duration::from_secs(period_s),
            delay: Duration::ZERO,
            last_at: Timestamp::from_millis(last_at),
        }
    }

    #[test]
    fn rows_are_found_by_their_group() {
        let by = ["resource_id", "device"].map(str::to_owned);
        let rows = [
            row(&[("resource_id", "a"), ("device", "x"), ("mode", "r")], "edge", 60, 1),
            row(&[("resource_id", "a"), ("device", "x"), ("mode", "w")], "edge", 600, 3),
            row(&[("resource_id", "a"), ("device", "x")], "cloud", 60, 2),
            row(&[("resource_id", "a")], "edge", 60, 4),
            row(&[("resource_id", "b"), ("device", "x")], "edge", 60, 5),
        ];
        let groups = grouped(&by, rows.into_iter());
        let of = |pairs: &[(&str, &str)]| -> Vec<(&str, i64, u64)> {
            let found = groups.get(&Labels::from_pairs(pairs.iter().copied()).unwrap()).into_iter().flatten();
            found.map(|(source, one)| (&**source, one.at.millis(), one.patience.as_secs())).collect()
        };
        let first = of(&[("resource_id", "a"), ("device", "x")]);
        assert_eq!(first, [("cloud", 2, 360), ("edge", 3, 2_400)]);
        assert_eq!(of(&[("resource_id", "a")]), [("edge", 4, 360)]);
        assert_eq!(of(&[("resource_id", "b"), ("device", "x")]), [("edge", 5, 360)]);
        assert_eq!((of(&[("resource_id", "c")]).len(), groups.len()), (0, 3));
    }
}
