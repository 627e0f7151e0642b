//! Checks an export without the journal it came from.

use std::collections::VecDeque;
use std::io::{BufRead, Read};

use crate::event::{ChainBreak, Head};
use crate::export::from_line;

/// Longest line read: the largest payload with every byte escaped (`\u0000`), and room for the other fields.
const LINE_BYTES_MAX: u64 = 6 * crate::event::PAYLOAD_BYTES_MAX as u64 + 64 * 1024;

/// What an export that holds together holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many events.
    pub events: u64,
    /// The first event; nothing when the export is empty.
    pub first: Option<Head>,
    /// The event the first one says it follows; nothing when the export is empty or starts with event 1. All up to it are
    /// not in the export: they were pruned or not asked for, or somebody took them out, which an export that may start
    /// anywhere cannot tell. A checkpoint kept elsewhere that is this head tells that the front is the journal's own.
    pub follows: Option<Head>,
    /// The last event.
    pub last: Option<Head>,
    /// The newest checkpoint from elsewhere that was found in the chain: nothing from the first event up to it was changed
    /// or cut; what came after it may have been. Nothing means that events cut off the end, or a chain made anew from a
    /// changed event on, would not be noticed at all.
    pub checkpoint: Option<Head>,
    /// How many checkpoints from elsewhere were found in the chain.
    pub checkpoints: u64,
}

impl Verified {
    /// Whether events cut off the end would have been noticed, as far as the newest checkpoint reaches.
    pub fn truncation_detectable(&self) -> bool {
        self.checkpoint.is_some()
    }
}

/// Where an export does not hold together.
#[derive(Debug, thiserror::Error)]
#[error("line {line}{}: {what}", .seq.map(|seq| format!(", event {seq}")).unwrap_or_default())]
pub struct VerifyError {
    /// Line, from 1; the line after the last when something is missing at the end.
    pub line: u64,
    /// The first event that is not as it was, as far as can be told: the one there, or the first that is missing.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: Fault,
}

/// What is wrong with an export.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The export cannot be read.
    #[error("cannot be read")]
    Read(#[source] std::io::Error),
    /// The line is no event: cut off, or edited out of form.
    #[error("{0}")]
    Form(String),
    /// The event does not follow the one before.
    #[error(transparent)]
    Chain(ChainBreak),
    /// The event with the checkpoint's number is another one: the chain was made anew.
    #[error("it is not the event of the checkpoint {checkpoint}: the chain was made anew after a change{}", since(*.known))]
    Checkpoint {
        /// The one it should be.
        checkpoint: Head,
        /// The newest checkpoint before that is in the chain: what was changed comes after it.
        known: Option<Head>,
    },
    /// The export ends before the checkpoint.
    #[error("the export ends before the checkpoint {0}: events were cut off")]
    Truncated(Head),
    /// The export starts after the checkpoint with events missing in between.
    #[error("the export starts after the checkpoint {0}: export from that event on")]
    StartsLate(Head),
}

fn since(known: Option<Head>) -> String {
    known.map(|known| format!(" of an event after {}", known.seq)).unwrap_or_default()
}

/// Checks that each event of an export has its hash and follows the one before, so that an event edited, removed, added or
/// moved is found. Whether events were cut off the end, or everything from some event on was made anew, only checkpoints
/// kept elsewhere can tell: pass them as `outside`, in any order. Those before the export's first event are passed over as
/// long as there are others.
///
/// # Errors
/// The first line that does not hold together.
pub fn verify_export(reader: impl Read, outside: &[Head]) -> Result<Verified, VerifyError> {
    let mut outside = Outside::new(outside);
    let mut lines = std::io::BufReader::new(reader);
    let mut verified = Verified::default();
    let mut number = 0;
    let mut line = Vec::new();
    loop {
        number += 1;
        line.clear();
        let read = (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let fail = |seq, what| VerifyError { line: number, seq, what };
        if read.map_err(|error| fail(None, Fault::Read(error)))? == 0 {
            break;
        }
        let event = from_line(&line).map_err(|what| fail(None, Fault::Form(what)))?;
        let fail = |what| fail(Some(event.seq), what);

        let before = match verified.last {
            Some(head) => head,
            // The first event is believed in what it follows, but nothing follows nothing.
            None if event.seq <= 1 => Head::default(),
            None => Head { seq: event.seq - 1, hash: event.prev },
        };
        let head = before.follow(&event).map_err(|how| fail(Fault::Chain(how)))?;
        if verified.first.is_none() {
            outside.start(before).map_err(fail)?;
            verified.first = Some(head);
            verified.follows = Some(before).filter(|before| before.seq > 0);
        }
        outside.meet(before).and_then(|()| outside.meet(head)).map_err(fail)?;
        verified.events += 1;
        verified.last = Some(head);
    }
    if let Some(newest) = outside.left.back() {
        let missing = verified.last.map(|last| last.seq.saturating_add(1));
        return Err(VerifyError { line: number, seq: missing, what: Fault::Truncated(*newest) });
    }
    (verified.checkpoint, verified.checkpoints) = (outside.met, outside.met_count);
    Ok(verified)
}

/// Checkpoints from elsewhere while the chain is followed.
struct Outside {
    /// Those not reached yet, by number.
    left: VecDeque<Head>,
    met: Option<Head>,
    met_count: u64,
}

impl Outside {
    fn new(known: &[Head]) -> Self {
        // Event 0 is before every first event, and so proves nothing.
        let mut left: Vec<Head> = known.iter().copied().filter(|head| head.seq > 0).collect();
        left.sort_unstable_by_key(|head| (head.seq, head.hash));
        left.dedup();
        Self { left: left.into(), met: None, met_count: 0 }
    }

    /// Passes over what lies before the event that the first one follows.
    fn start(&mut self, before: Head) -> Result<(), Fault> {
        let early = self.left.partition_point(|known| known.seq < before.seq);
        let newest_early = self.left.drain(..early).next_back();
        match newest_early {
            Some(newest) if self.left.is_empty() => Err(Fault::StartsLate(newest)),
            _ => Ok(()),
        }
    }

    /// Compares what is known of an event with what stands there.
    fn meet(&mut self, found: Head) -> Result<(), Fault> {
        while let Some(known) = self.left.pop_front_if(|known| known.seq == found.seq) {
            if known != found {
                return Err(Fault::Checkpoint { checkpoint: known, known: self.met });
            }
            self.met = Some(known);
            self.met_count += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
