//! Writes the samples of several blocks into one.

use std::cmp::Ordering;
use std::sync::Arc;

use super::file::Fault;
use super::index::{Index, Row};
use super::read::Samples;
use super::write::{Draft, WriteError};
use super::{Block, SERIES};

/// How merging ended.
#[derive(Debug)]
pub enum Merged {
    /// All samples are in the draft.
    Whole,
    /// It was told to stop.
    Stopped,
    /// A block could not be read; it knows by now if it is damaged.
    Unreadable(String),
}

/// Puts all samples of the blocks, which are in the order of [`super::arrange`], into the draft. Where several have a
/// time, the last one's value stays. `go_on` is asked before each series.
///
/// Memory holds the tables of series of all blocks and the samples of one series.
pub fn merge(
    draft: &mut Draft,
    blocks: &[Arc<Block>],
    go_on: impl Fn() -> bool,
) -> Result<Merged, WriteError> {
    let mut sources = Vec::with_capacity(blocks.len());
    for block in blocks {
        match Source::open(block) {
            Ok(source) => sources.push(source),
            Err(fault) => return Ok(unreadable(block, fault)),
        }
    }
    let mut rows: Vec<(i64, u32, f64)> = Vec::new();
    while let Some(least) = least(&sources) {
        if !go_on() {
            return Ok(Merged::Stopped);
        }
        let Some(mut newest) = sources[least].next.clone() else { break };
        rows.clear();
        for (source, block) in sources.iter_mut().zip(blocks) {
            let Some(row) = source.next.clone().filter(|row| by_place(row, &newest).is_eq()) else {
                continue;
            };
            let taken = source.take(&row, &mut rows);
            if let Err(fault) = taken {
                return Ok(unreadable(block, fault));
            }
            newest = row;
        }
        keep_last_writes(&mut rows);
        draft.push(&newest.series.labels, &newest.series.contract, rows.iter().copied())?;
    }
    Ok(Merged::Whole)
}

fn unreadable(block: &Block, fault: Fault) -> Merged {
    let (Fault::Damaged(reason) | Fault::Refused(reason)) = &fault;
    if matches!(fault, Fault::Damaged(_)) {
        block.damaged(reason);
    }
    Merged::Unreadable(format!("{}: {reason}", block.name()))
}

/// The order series have in a block.
fn by_place(a: &Row, b: &Row) -> Ordering {
    let (a, b) = (&a.series.labels, &b.series.labels);
    let names = a.name().unwrap_or_default().cmp(b.name().unwrap_or_default());
    names.then_with(|| a.packed().cmp(b.packed()))
}

/// Which source stands at the series that comes first.
fn least(sources: &[Source]) -> Option<usize> {
    let at = |index: &usize| sources[*index].next.as_ref();
    let standing = (0..sources.len()).filter(|index| at(index).is_some());
    standing.min_by(|a, b| at(a).zip(at(b)).map_or(Ordering::Equal, |(a, b)| by_place(a, b)))
}

/// Sorts by time; of samples of one time the last stays.
fn keep_last_writes(rows: &mut Vec<(i64, u32, f64)>) {
    if rows.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    rows.sort_by_key(|row| row.0);
    rows.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            *kept = *later;
        }
        same
    });
}

/// Walks one block.
struct Source {
    index: Index,
    samples: Samples,
    place: usize,
    next: Option<Row>,
}

impl Source {
    fn open(block: &Block) -> Result<Self, Fault> {
        let index = Index::load(block)?;
        let samples = Samples::all(block, &index)?;
        let next = index.row(0)?;
        Ok(Self { index, samples, place: 0, next })
    }

    /// Adds the samples of the series it stands at, and goes on to the next.
    fn take(&mut self, row: &Row, rows: &mut Vec<(i64, u32, f64)>) -> Result<(), Fault> {
        self.samples.read(row.rows, |times, periods, values| {
            rows.extend(
                times.iter().zip(periods).zip(values).map(|((at, period), value)| (*at, *period, *value)),
            );
        })?;
        self.place += 1;
        self.next = self.index.row(self.place)?;
        match &self.next {
            Some(next) if by_place(row, next).is_ge() => {
                Err(Fault::Damaged(format!("{SERIES}: series are not in order")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_samples_of_one_time_the_last_stays() {
        let mut rows = vec![(1, 0, 1.0), (5, 0, 1.0), (3, 0, 2.0), (5, 7, 2.0), (1, 0, 3.0)];
        keep_last_writes(&mut rows);
        assert_eq!(rows, [(1, 0, 3.0), (3, 0, 2.0), (5, 7, 2.0)]);
    }
}
