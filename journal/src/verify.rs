//! Checks an export without the journal it came from.

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
    /// True when a checkpoint from elsewhere was found in the chain: then nothing from the first event up to it was changed
    /// or cut; what came after it may have been. False means that events cut off the end, or a chain made anew from a
    /// changed event on, would not be noticed at all.
    pub truncation_detectable: bool,
}

/// Where an export does not hold together.
#[derive(Debug, thiserror::Error)]
#[error("line {line}{}: {what}", .seq.map(|seq| format!(", event {seq}")).unwrap_or_default())]
pub struct VerifyError {
    /// Line, from 1; the line after the last when something is missing at the end.
    pub line: u64,
    /// The event there, when it can be read.
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
    #[error("it is not the event of the checkpoint {0}: the chain was made anew after a change")]
    Checkpoint(Head),
    /// The export ends before the checkpoint.
    #[error("the export ends before the checkpoint {0}: events were cut off")]
    Truncated(Head),
    /// The export starts after the checkpoint with events missing in between.
    #[error("the export starts after the checkpoint {0}: export from that event on")]
    StartsLate(Head),
}

/// Checks that each event of an export has its hash and follows the one before, so that an event edited, removed, added or
/// moved is found. Whether events were cut off the end, or everything from some event on was made anew, only a checkpoint
/// kept elsewhere can tell: pass it as `outside_checkpoint`.
///
/// # Errors
/// The first line that does not hold together.
pub fn verify_export(reader: impl Read, outside_checkpoint: Option<Head>) -> Result<Verified, VerifyError> {
    // Event 0 is before every first event, and so proves nothing.
    let outside_checkpoint = outside_checkpoint.filter(|checkpoint| checkpoint.seq > 0);
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
        if let Some(checkpoint) = outside_checkpoint {
            if verified.events == 0 && checkpoint.seq < before.seq {
                return Err(fail(Fault::StartsLate(checkpoint)));
            }
            for known in [before, head] {
                if known.seq == checkpoint.seq && known != checkpoint {
                    return Err(fail(Fault::Checkpoint(checkpoint)));
                }
                verified.truncation_detectable |= known == checkpoint;
            }
        }
        verified.events += 1;
        if verified.first.is_none() {
            verified.first = Some(head);
            verified.follows = Some(before).filter(|before| before.seq > 0);
        }
        verified.last = Some(head);
    }
    match outside_checkpoint {
        Some(checkpoint) if !verified.truncation_detectable => {
            Err(VerifyError { line: number, seq: None, what: Fault::Truncated(checkpoint) })
        }
        _ => Ok(verified),
    }
}

#[cfg(test)]
mod tests;
