//! `label_replace` and `label_join`.

use isobar_normalizer::{Labels, METRIC_NAME};
use regex::Regex;

use crate::QueryError;
use crate::matrix::Matrix;

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
    /// Two series with a common step end up with the same labels.
    pub fn apply(&self, mut matrix: Matrix) -> Result<Matrix, QueryError> {
        for head in &mut matrix.heads {
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
