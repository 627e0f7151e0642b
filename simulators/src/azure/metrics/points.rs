//! The points of a series as they can be seen at a time.

use super::super::catalogue::{Metric, Resource, Series};
use super::super::grain::MINUTE;
use super::super::sample::Sample;
use crate::estate::Millis;

/// For so long before it is final a grain can be seen with its last third missing.
const UNSETTLED: Millis = 30_000;

/// The eyes of one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) now: Millis,
    /// How much later data is than usual.
    pub(crate) late_ms: Millis,
    /// Before this there is no data.
    pub(crate) begins: Millis,
}

impl View {
    /// What is seen of one shortest grain that begins at `at`; none while it is too fresh, and where there is nothing.
    fn stored(&self, resource: &Resource, metric: &Metric, series: &Series, at: Millis) -> Option<Sample> {
        let end = at + metric.grain;
        let final_at = end + resource.delay + self.late_ms;
        let (begins, ends) = (self.begins.max(resource.life.0), resource.life.1);
        if at < begins || end > ends || self.now < final_at - UNSETTLED {
            return None;
        }
        let until = if self.now >= final_at { end } else { at + metric.grain * 2 / 3 };
        series.measure(at, until)
    }

    /// What is seen of a grain of any length that begins at `at`.
    pub(super) fn point(
        &self,
        resource: &Resource,
        metric: &Metric,
        series: &[&Series],
        at: Millis,
        length: Millis,
    ) -> Option<Sample> {
        let grains = (at..at + length).step_by(metric.grain as usize);
        let stored =
            grains.flat_map(|at| series.iter().filter_map(move |it| self.stored(resource, metric, it, at)));
        stored.reduce(Sample::and)
    }
}

/// The mean of all series of a metric over the minutes of `[from, to)`, whoever may see them; alert rules look at it.
pub(crate) fn mean(series: &[Series], from: Millis, to: Millis) -> Option<Sample> {
    let minutes = (from..to).step_by(MINUTE as usize);
    minutes.flat_map(|at| series.iter().filter_map(move |it| it.measure(at, at + MINUTE))).reduce(Sample::and)
}
