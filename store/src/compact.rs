//! Merges blocks into longer ones, so that a query over a month opens tens of them and not hundreds.
//!
//! Spans grow by threes, from the span blocks are cut in up to a tenth of retention. What is merged is whole windows of
//! such a span, aligned to the epoch, once nothing more can come for them. The new block says which ones it replaces:
//! when the process dies between publishing it and removing those, the next start removes them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::block::{Block, Draft, Merged, NewBlock, arrange, merge};
use crate::error::MaintainError;
use crate::options::{StoreOptions, longest_span_ms, millis};
use crate::store::{Inner, SHARDS, Store};

/// Each span is so many of the next shorter one. Source: Prometheus' exponential block ranges.
const GROWTH: i64 = 3;

/// Blocks merged at a time, each with its table of series in memory. More are merged in shorter spans first.
const BLOCKS_MAX: usize = 16;

/// What one merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Blocks that are one now.
    pub blocks: usize,
    /// Samples in it.
    pub samples: u64,
}

/// A block as the decision sees it.
#[derive(Clone, Copy, Debug)]
struct Extent {
    start_ms: i64,
    end_ms: i64,
    /// Damaged blocks are left as they are, and so is what they overlap: their place in the order must not change.
    fixed: bool,
}

/// Which blocks to merge next, by index; none when nothing is to be done. `spans` ascend; `settled` is the time before
/// which nothing more comes.
fn plan(blocks: &[Extent], spans: &[i64], settled: i64) -> Option<Vec<usize>> {
    for (level, span) in spans.iter().enumerate().rev() {
        let mut windows: Vec<i64> = blocks.iter().map(|block| block.start_ms.div_euclid(*span)).collect();
        windows.sort_unstable();
        windows.dedup();
        for window in windows {
            let Range { start, end } = window * span..(window + 1) * span;
            if end > settled {
                break;
            }
            let overlaps = |block: &Extent| block.start_ms < end && start < block.end_ms;
            let fits = |block: &Extent| !block.fixed && start <= block.start_ms && block.end_ms <= end;
            let found: Vec<usize> = (0..blocks.len()).filter(|index| overlaps(&blocks[*index])).collect();
            let few = level == 0 || found.len() <= BLOCKS_MAX;
            if found.len() > 1 && few && found.iter().all(|index| fits(&blocks[*index])) {
                return Some(found);
            }
        }
    }
    None
}

/// The spans blocks may have, ascending.
fn spans(options: &StoreOptions) -> Vec<i64> {
    let longest = longest_span_ms(options);
    let longer = |span: &i64| span.checked_mul(GROWTH).filter(|span| *span <= longest);
    std::iter::successors(Some(millis(options.block_span)), longer).collect()
}

impl Store {
    /// Merges blocks once, if there are any to merge; to be called every minute or so, and again while it has done
    /// something. It may take minutes and stops early when `go_on` says so or samples may not be written.
    ///
    /// # Errors
    /// The merged block could not be written. Everything stays as it was.
    pub fn compact(&self, go_on: impl Fn() -> bool) -> Result<Option<Compacted>, MaintainError> {
        let inner = &*self.inner;
        let Some((sources, new)) = inner.next_merge() else { return Ok(None) };
        let mut draft = Draft::begin(&inner.directory.blocks(), new.seq)?;
        let may_write = || go_on() && inner.writable.load(Ordering::Relaxed);
        match merge(&mut draft, &sources, may_write)? {
            Merged::Whole => inner.replace(&sources, draft, new),
            Merged::Stopped => Ok(None),
            Merged::Unreadable(reason) => {
                tracing::warn!(reason, "blocks could not be merged");
                Ok(None)
            }
        }
    }
}

impl Inner {
    /// What is to be merged, and into what.
    fn next_merge(&self) -> Option<(Vec<Arc<Block>>, NewBlock)> {
        let mut progress = self.maintenance.lock();
        let blocks = self.blocks.read().clone();
        let extent = |block: &Arc<Block>| Extent {
            start_ms: block.meta.start_ms,
            end_ms: block.meta.end_ms,
            fixed: block.is_damaged(),
        };
        let extents: Vec<Extent> = blocks.iter().map(extent).collect();
        // The last samples that could come are cut at most one and a half spans after they did.
        let settled = self
            .newest()?
            .saturating_sub(millis(self.options.out_of_order))
            .saturating_sub(millis(self.options.block_span).saturating_mul(2));
        let chosen = plan(&extents, &spans(&self.options), settled)?;
        let sources: Vec<Arc<Block>> = chosen.into_iter().map(|index| blocks[index].clone()).collect();
        let through: Vec<u64> = (0..SHARDS)
            .map(|shard| sources.iter().map(|block| block.meta.through[shard]).max().unwrap_or(0))
            .collect();
        // One number then speaks for the whole span: no segment up to it may be left that holds anything.
        let left = |(shard, through): (usize, &u64)| {
            self.shards[shard].wal.lock().first_segment().is_some_and(|first| first <= *through)
        };
        if through.iter().enumerate().any(left) {
            return None;
        }
        progress.last_seq += 1;
        let new = NewBlock {
            seq: progress.last_seq,
            start_ms: sources.iter().map(|block| block.meta.start_ms).min()?,
            end_ms: sources.iter().map(|block| block.meta.end_ms).max()?,
            through,
            replaces: sources.iter().map(|block| block.meta.seq).collect(),
        };
        Some((sources, new))
    }

    /// Publishes the merged block in the place of its sources, unless one of those has left meanwhile.
    fn replace(
        &self,
        sources: &[Arc<Block>],
        draft: Draft,
        new: NewBlock,
    ) -> Result<Option<Compacted>, MaintainError> {
        let _progress = self.maintenance.lock();
        let is_source = |block: &Arc<Block>| sources.iter().any(|source| Arc::ptr_eq(source, block));
        if self.blocks.read().iter().filter(|block| is_source(block)).count() < sources.len() {
            return Ok(None);
        }
        let Some(merged) = draft.publish(new)? else { return Ok(None) };
        let done = Compacted { blocks: sources.len(), samples: merged.meta.samples };
        {
            let mut blocks = self.blocks.write();
            blocks.retain(|block| !is_source(block));
            blocks.push(Arc::new(merged));
            arrange(&mut blocks);
        }
        sources.iter().for_each(|block| block.leave());
        metrics::counter!("isobar_store_compactions_total").increment(1);
        Ok(Some(done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks as `start-end`, in hours, damaged ones marked with `!`; what is merged in the same way.
    fn check(blocks: &str, settled: i64, expected: &str) {
        let named: Vec<&str> = blocks.split_whitespace().collect();
        let extents: Vec<Extent> = named
            .iter()
            .map(|block| {
                let (start, end) = block.trim_end_matches('!').split_once('-').unwrap();
                let (start_ms, end_ms) = (start.parse().unwrap(), end.parse().unwrap());
                Extent { start_ms, end_ms, fixed: block.ends_with('!') }
            })
            .collect();
        let chosen = plan(&extents, &[2, 6, 18], settled).unwrap_or_default();
        let chosen: Vec<&str> = chosen.into_iter().map(|index| named[index]).collect();
        assert_eq!(chosen.join(" "), expected, "{blocks} settled before {settled}");
    }

    #[test]
    fn whole_settled_windows_are_merged_the_longest_first() {
        check("0-2 2-4 4-6", 5, "");
        check("0-2 2-4 4-6", 6, "0-2 2-4 4-6");
        check("0-2 4-6 6-8", 8, "0-2 4-6");
        check("0-6 6-8 8-10 10-12 12-14 14-16", 18, "0-6 6-8 8-10 10-12 12-14 14-16");
        check("0-6 6-8 8-10 10-12 12-14 14-16", 17, "6-8 8-10 10-12");
        check("0-6", 100, "");
        check("0-18 18-36", 100, "");
    }

    #[test]
    fn late_blocks_are_merged_into_what_they_belong_to() {
        check("0-2 0-2", 2, "0-2 0-2");
        check("0-18 4-6", 18, "0-18 4-6");
        let many = vec!["0-2"; BLOCKS_MAX + 1].join(" ");
        check(&format!("{many} 2-4"), 18, &many);
    }

    #[test]
    fn damaged_blocks_and_what_they_overlap_stay() {
        check("0-2! 0-2 2-4 4-6", 6, "");
        check("0-2! 2-4 2-4 4-6", 6, "2-4 2-4");
        check("0-2 6-8! 8-10 2-4", 18, "0-2 2-4");
    }

    #[test]
    fn blocks_of_other_spans_do_not_fit() {
        check("0-7 4-6 4-6", 12, "");
        check("0-5 5-9 12-14 12-14", 18, "0-5 5-9 12-14 12-14");
    }

    #[test]
    fn spans_grow_to_a_tenth_of_retention() {
        let hours =
            |options: &StoreOptions| spans(options).iter().map(|ms| ms / 3_600_000).collect::<Vec<_>>();
        assert_eq!(hours(&StoreOptions::default()), [2, 6, 18, 54]);
        let day =
            StoreOptions { retention: std::time::Duration::from_secs(86_400), ..StoreOptions::default() };
        assert_eq!(hours(&day), [2]);
    }
}
