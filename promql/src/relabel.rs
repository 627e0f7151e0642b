//! `label_replace` and `label_join`.

use isobar_normalizer::{Labels, METRIC_NAME};
use regex::Regex;

use crate::QueryError;
use crate::evaluate::Evaluation;
use crate::matrix::Matrix;

/// Longest label that is made: longer than any that a record of the store's log could hold. A label can be made of
/// itself twice over at every level of a query.
const LABEL_BYTES_MAX: usize = 64 << 10;
/// A sample takes so many bytes; new labels are charged for like samples.
const SAMPLE_BYTES: usize = 16;

/// A change of one label of every series.
#[derive(Clone, Debug)]
pub(crate) enum Relabel {
    /// Where the expression matches the whole of `source`, `target` becomes the expanded template.
    Replace { target: String, template: String, source: String, pattern: Regex },
    /// `target` becomes the joined values of `sources`.
    Join { target: String, separator: String, sources: Vec<String> },
}

impl Relabel {
    /// Changes the labels of all rows.
    ///
    /// # Errors
    /// Two series with a common step end up with the same labels, or the labels take more than the query may use.
    pub fn apply(&self, evaluation: &Evaluation<'_>, mut matrix: Matrix) -> Result<Matrix, QueryError> {
        for head in &mut matrix.heads {
            let bytes = self.bytes_max(&head.labels);
            if bytes > LABEL_BYTES_MAX {
                return Err(QueryError::Limit(format!(
                    "label {:?} would take up to {bytes} bytes, at most {LABEL_BYTES_MAX} are allowed",
                    self.target()
                )));
            }
            evaluation.charge(bytes / SAMPLE_BYTES)?;
            let Some(value) = self.value(&head.labels) else { continue };
            // A name that is set now is not the one to be dropped.
            head.drop_name &= self.target() != METRIC_NAME;
            head.labels = head.labels.edit().set(self.target(), value).build();
        }
        matrix.merged()
    }

    fn target(&self) -> &str {
        match self {
            Self::Replace { target, .. } | Self::Join { target, .. } => target,
        }
    }

    /// How long the new value is at most.
    fn bytes_max(&self, labels: &Labels) -> usize {
        let bytes = |label: &String| labels.get(label).unwrap_or_default().len();
        match self {
            Self::Replace { template, source, .. } => {
                template.len() + template.matches('$').count() * bytes(source)
            }
            Self::Join { separator, sources, .. } => {
                sources.iter().map(|source| separator.len() + bytes(source)).sum()
            }
        }
    }

    /// The new value of the target, or `None` when it stays.
    fn value(&self, labels: &Labels) -> Option<String> {
        match self {
            Self::Replace { template, source, pattern, .. } => {
                let captures = pattern.captures(labels.get(source).unwrap_or_default())?;
                let mut value = String::new();
                captures.expand(template, &mut value);
                Some(value)
            }
            Self::Join { separator, sources, .. } => {
                let values: Vec<&str> =
                    sources.iter().map(|source| labels.get(source).unwrap_or_default()).collect();
                Some(values.join(separator))
            }
        }
    }
}
