//! Smallest and largest values of sliding windows.

use std::collections::VecDeque;
use std::ops::Range;

use crate::leaf::{Samples, Window};

/// Which extreme, and whether its value or its time, in seconds, is wanted; of equal ones the latest counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extreme {
    Min,
    Max,
    TimeOfMin,
    TimeOfMax,
}

impl Extreme {
    /// Whether a later value makes an earlier one irrelevant. NaN counts only where there is nothing else.
    fn supersedes(self, later: f64, earlier: f64) -> bool {
        earlier.is_nan()
            || match self {
                Self::Min | Self::TimeOfMin => later <= earlier,
                Self::Max | Self::TimeOfMax => later >= earlier,
            }
    }

    /// Each sample enters and leaves the queue once. The queue holds the samples that nothing later in the window
    /// supersedes, so its front is the extreme.
    pub(super) fn fill(
        self,
        samples: &Samples,
        slices: impl Iterator<Item = (usize, Window, Range<usize>)>,
        values: &mut [f64],
        present: &mut [bool],
    ) {
        let mut queue: VecDeque<usize> = VecDeque::new();
        let mut entered = 0;
        for (column, _, inside) in slices {
            for index in entered.max(inside.start)..inside.end {
                while queue
                    .back()
                    .is_some_and(|last| self.supersedes(samples.values[index], samples.values[*last]))
                {
                    queue.pop_back();
                }
                queue.push_back(index);
            }
            entered = entered.max(inside.end);
            while queue.front().is_some_and(|first| *first < inside.start) {
                queue.pop_front();
            }
            if let Some(extreme) = queue.front() {
                present[column] = true;
                values[column] = match self {
                    Self::Min | Self::Max => samples.values[*extreme],
                    Self::TimeOfMin | Self::TimeOfMax => samples.timestamps[*extreme] as f64 / 1000.0,
                };
            }
        }
    }
}
