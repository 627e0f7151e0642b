//! What was seen of providers' alarms, until the evaluator takes it: a look at a part's alarms waits with those of the same
//! part, so that what waits is no more than there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_alerting::AlarmOrigin;
use isobar_normalizer::{AlarmReport, NativeAlarm};
use parking_lot::Mutex;

/// Reports that wait.
#[derive(Debug, Default)]
pub struct AlarmInbox {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By source and part.
    reports: BTreeMap<(String, String), AlarmNews>,
    /// The parts that sources were found to have.
    parts: BTreeMap<String, BTreeSet<String>>,
}

/// A look at the alarms of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmNews {
    /// Whose they are.
    pub origin: AlarmOrigin,
    /// What was seen, of several looks the latest.
    pub report: AlarmReport,
}

/// What waited.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// By source and part.
    pub reports: Vec<AlarmNews>,
    /// Sources and all parts they have; alarms of others are not looked at any more.
    pub parts: Vec<(String, BTreeSet<String>)>,
}

impl AlarmInbox {
    /// Puts a look at a part's alarms in.
    pub fn put(&self, source: &str, kind: &str, part: &str, report: AlarmReport) {
        let key = (source.to_owned(), part.to_owned());
        let mut waiting = self.waiting.lock();
        let report = match waiting.reports.remove(&key) {
            Some(before) if !report.is_complete => later(before.report, report),
            _ => report,
        };
        let origin = AlarmOrigin { source: key.0.clone(), kind: kind.to_owned(), part: key.1.clone() };
        waiting.reports.insert(key, AlarmNews { origin, report });
    }

    /// Says which parts a source has; what waits of others is not worth taking.
    pub fn keep_parts(&self, source: &str, parts: &BTreeSet<Arc<str>>) {
        let parts: BTreeSet<String> = parts.iter().map(ToString::to_string).collect();
        let mut waiting = self.waiting.lock();
        waiting.reports.retain(|(of, part), _| of != source || parts.contains(part));
        waiting.parts.insert(source.to_owned(), parts);
    }

    /// Takes a source out: what waits of it is not worth taking.
    pub fn forget(&self, source: &str) {
        let mut waiting = self.waiting.lock();
        waiting.reports.retain(|(of, _), _| of != source);
        waiting.parts.remove(source);
    }

    /// The sources something waits of.
    pub fn sources(&self) -> BTreeSet<String> {
        let waiting = self.waiting.lock();
        waiting.reports.keys().map(|(source, _)| source).chain(waiting.parts.keys()).cloned().collect()
    }

    /// Takes all that waits of these sources.
    pub fn take(&self, sources: &BTreeSet<String>) -> Taken {
        let mut waiting = self.waiting.lock();
        let is_taken = |source: &str| sources.contains(source);
        let reports = waiting.reports.extract_if(.., |(source, _), _| is_taken(source));
        let reports = reports.map(|(_, news)| news).collect();
        let parts = waiting.parts.extract_if(.., |source, _| is_taken(source)).collect();
        Taken { reports, parts }
    }
}

/// Two looks as one, of which the later does not tell of everything.
fn later(before: AlarmReport, after: AlarmReport) -> AlarmReport {
    let mut alarms: BTreeMap<String, NativeAlarm> = BTreeMap::new();
    for alarm in before.alarms.into_iter().chain(after.alarms) {
        alarms.insert(alarm.id.clone(), alarm);
    }
    AlarmReport { alarms: alarms.into_values().collect(), is_complete: before.is_complete }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobar_normalizer::{NativeState, Timestamp};

    fn report(alarms: &[(&str, NativeState)], is_complete: bool) -> AlarmReport {
        let alarm = |(id, state): &(&str, NativeState)| NativeAlarm {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            state: *state,
            since: Timestamp::from_millis(0),
            severity: None,
            source_severity: String::new(),
            class: None,
            resource: None,
            metric: None,
            is_muted: false,
            acknowledged_by: String::new(),
            reason: String::new(),
            url: String::new(),
            labels: BTreeMap::new(),
        };
        AlarmReport { alarms: alarms.iter().map(alarm).collect(), is_complete }
    }

    #[test]
    fn the_latest_look_at_a_part_counts_and_adds_to_what_a_complete_one_said() {
        use NativeState::{Firing, Ok};
        let inbox = AlarmInbox::default();
        inbox.put("aws", "cloudwatch", "r", report(&[("a", Firing), ("b", Firing)], true));
        inbox.put("aws", "cloudwatch", "r", report(&[("b", Ok), ("c", Firing)], false));
        inbox.put("aws", "cloudwatch", "q", report(&[("x", Firing)], false));
        inbox.put("aws", "cloudwatch", "q", report(&[], true));
        let all = inbox.sources();
        assert_eq!(all, BTreeSet::from(["aws".to_owned()]));
        assert_eq!(inbox.take(&BTreeSet::new()), Taken::default());
        let taken = inbox.take(&all);
        let reports: Vec<&AlarmReport> = taken.reports.iter().map(|news| &news.report).collect();
        assert_eq!(reports, [&report(&[], true), &report(&[("a", Firing), ("b", Ok), ("c", Firing)], true)]);
        assert_eq!(inbox.take(&all), Taken::default());
    }

    #[test]
    fn what_waits_of_a_part_or_source_that_left_is_dropped() {
        let inbox = AlarmInbox::default();
        inbox.put("aws", "cloudwatch", "old", report(&[], true));
        inbox.put("aws", "cloudwatch", "new", report(&[], true));
        inbox.put("azure", "azure_monitor", "old", report(&[], true));
        inbox.keep_parts("aws", &BTreeSet::from(["new".into()]));
        inbox.forget("azure");
        let taken = inbox.take(&inbox.sources());
        assert_eq!(taken.reports.len(), 1);
        assert_eq!(taken.parts, [("aws".to_owned(), BTreeSet::from(["new".to_owned()]))]);
    }
}
