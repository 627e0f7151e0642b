//! Remarks on a result that is nevertheless given. The words are those of Prometheus' annotations, because people
//! search for them; the position in the query is missing, because the parser does not keep it.

use crate::format_scalar;

/// Past this many different remarks the rest adds nothing; a query over many metrics could make one for each.
const NOTES_MAX: usize = 10;

/// Remarks collected while a query runs, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl Notes {
    pub fn bad_quantile(&mut self, quantile: f64) {
        let text = format!("quantile value should be between 0 and 1, got {}", format_scalar(quantile));
        self.warn(text);
    }

    pub fn bad_ratio(&mut self, ratio: f64, capped: f64) {
        let text = format!(
            "ratio value should be between -1 and 1, got {}, capping to {}",
            format_scalar(ratio),
            format_scalar(capped)
        );
        self.warn(text);
    }

    pub fn bad_bucket(&mut self, bound: &str, metric: &str) {
        self.warn(format!(
            "bucket label \"le\" is missing or has a malformed value of {bound:?} for metric name {metric:?}"
        ));
    }

    pub fn buckets_not_monotonic(&mut self, metric: &str) {
        self.inform(format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric \
             name {metric:?}"
        ));
    }

    pub fn sort_without_effect(&mut self) {
        self.warn(
            "sort is ineffective for range queries since results are always ordered by labels".to_owned(),
        );
    }

    pub fn maybe_not_a_counter(&mut self, metric: &str) {
        self.inform(format!(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}"
        ));
    }

    /// What the source said, in its own words.
    pub fn missing(&mut self, text: String) {
        add(&mut self.warnings, text);
    }

    fn warn(&mut self, text: String) {
        add(&mut self.warnings, format!("PromQL warning: {text}"));
    }

    fn inform(&mut self, text: String) {
        add(&mut self.infos, format!("PromQL info: {text}"));
    }
}

fn add(notes: &mut Vec<String>, note: String) {
    if notes.len() < NOTES_MAX && !notes.contains(&note) {
        notes.push(note);
    }
}
