//! Checkpoints kept elsewhere: what the journal's head was at a time, written to a place that whoever can write the journal
//! cannot. They are what shows that events were cut off, or that the chain was made anew.

mod file;

use std::io::BufRead;
use std::time::Duration;

use isobar_normalizer::{Timestamp, parse_duration};
use serde::{Deserialize, Serialize};

use crate::event::{Head, TENANT};
use crate::journal::{Journal, JournalError};

pub use file::CheckpointFile;

/// Checkpoints read from one file: one an hour is a century's worth.
const CHECKPOINTS_MAX: usize = 1_000_000;
/// Longest line read; one is about 180 bytes.
const LINE_BYTES_MAX: u64 = 4096;
/// The shortest time between two checkpoints: less is a write for every event.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// The journal's head at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last event that was durable, and its hash.
    pub head: Head,
    /// When it was looked at, by the clock of who wrote it down.
    pub at: Timestamp,
    /// Whose journal it is.
    pub tenant: String,
}

/// The form of a line: `{"seq":1,"hash":"9f…","at":"2026-01-02T03:04:05.678Z","tenant":"default"}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: u64,
    hash: String,
    at: String,
    tenant: String,
}

impl Checkpoint {
    /// Takes the head as it is now.
    pub fn of(head: Head, at: Timestamp) -> Self {
        Self { head, at, tenant: TENANT.to_owned() }
    }

    /// One JSON object, without a line's end.
    pub fn to_line(&self) -> String {
        let line = Line {
            seq: self.head.seq,
            hash: hex::encode(self.head.hash),
            at: self.at.to_string(),
            tenant: self.tenant.clone(),
        };
        serde_json::to_string(&line).expect("a struct of numbers and strings is always JSON")
    }

    /// Reads what [`Checkpoint::to_line`] wrote.
    ///
    /// # Errors
    /// One line: which field is missing, unknown, or not of its form.
    pub fn from_line(line: &[u8]) -> Result<Self, String> {
        let read: Line =
            serde_json::from_slice(line).map_err(|error| format!("not a checkpoint: {error}"))?;
        let mut head = Head { seq: read.seq, hash: [0; 32] };
        hex::decode_to_slice(&read.hash, &mut head.hash).map_err(|error| format!("hash: {error}"))?;
        let at = Timestamp::parse_rfc3339(&read.at)
            .ok_or_else(|| format!("at: {:?} is not a time of RFC 3339", read.at))?;
        Ok(Self { head, at, tenant: read.tenant })
    }
}

/// How often a checkpoint is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// Once so many events have come since the last one.
    Events(u64),
    /// Once so long has passed since the last one and events have come.
    Time(Duration),
}

impl Cadence {
    /// Whether the head is to be written down, given what was written last. A journal that ends before its last checkpoint,
    /// and a clock that stands before it, are both reasons to: neither may end the checkpoints.
    pub fn is_due(self, last: Option<&Checkpoint>, head: Head, now: Timestamp) -> bool {
        let Some(last) = last else { return head.seq > 0 };
        if last.head == head {
            return false;
        }
        match self {
            Self::Events(count) => head.seq < last.head.seq || head.seq - last.head.seq >= count,
            Self::Time(pause) => now < last.at || now.since(last.at) >= pause,
        }
    }
}

/// Reads `1h` and `1000 events`.
impl std::str::FromStr for Cadence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no pause between checkpoints: write 1h, or 1000 events");
        if let Some(count) = text.strip_suffix("events").or_else(|| text.strip_suffix("event")) {
            let count = count.trim().parse().map_err(|_| wrong())?;
            return if count > 0 { Ok(Self::Events(count)) } else { Err(wrong()) };
        }
        let pause = parse_duration(text).map_err(|_| wrong())?;
        if pause < EVERY_MIN {
            return Err(format!("{text:?} is too short: at least 1s, for example 1h"));
        }
        Ok(Self::Time(pause))
    }
}

/// What speaks against this being the journal that a checkpoint was taken from; `None` when nothing does. A journal that
/// was pruned past the checkpoint says nothing.
///
/// # Errors
/// The journal cannot be read, or is damaged there.
pub fn contradiction(journal: &dyn Journal, known: &Checkpoint) -> Result<Option<String>, JournalError> {
    let (seq, end) = (known.head.seq, journal.head().seq);
    if seq > end {
        return Ok(Some(format!("it ends at event {end}, at {} it had come to event {seq}", known.at)));
    }
    let event = journal.read(seq.saturating_sub(1), 1)?.into_iter().map(|event| event.head());
    let mut heads = event.chain(journal.checkpoints()?);
    let found = heads.find(|head| head.seq == seq);
    let is_other = found.is_some_and(|found| found != known.head);
    Ok(is_other.then(|| format!("its event {seq} is not the one it had at {}", known.at)))
}

/// What a file of checkpoints holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// In the order they were written.
    pub written: Vec<Checkpoint>,
    /// Lines that a crash cut off while they were written.
    pub torn: usize,
}

/// Reads a file of checkpoints. A line without its closing brace was cut off by a crash and is counted; nothing else may
/// be out of form.
///
/// # Errors
/// One line of text with the line's number.
pub fn read_checkpoints(mut reader: impl BufRead) -> Result<Checkpoints, String> {
    let mut found = Checkpoints::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = std::io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| format!("line {number}: {error}"))? == 0 {
            break;
        }
        let text = line.trim_ascii_end();
        match Checkpoint::from_line(text) {
            Ok(checkpoint) => found.written.push(checkpoint),
            Err(_) if text.starts_with(b"{") && !text.ends_with(b"}") && line.len() < 256 => found.torn += 1,
            Err(wrong) => return Err(format!("line {number}: {wrong}")),
        }
        if found.written.len() > CHECKPOINTS_MAX {
            return Err(format!("more than {CHECKPOINTS_MAX} checkpoints: give the newest of them"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::NewEvent;
    use crate::memory::MemoryJournal;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn checkpoint(seq: u64, at_millis: i64) -> Checkpoint {
        Checkpoint::of(Head { seq, hash: [7; 32] }, at(at_millis))
    }

    #[test]
    fn the_line_is_fixed() {
        let line = checkpoint(9, 1_700_000_000_001).to_line();
        let hash = "07".repeat(32);
        let expected =
            format!(r#"{{"seq":9,"hash":"{hash}","at":"2023-11-14T22:13:20.001Z","tenant":"default"}}"#);
        assert_eq!(line, expected);
    }

    proptest! {
        #[test]
        fn lines_are_read_back(seq: u64, hash: [u8; 32], millis in 0i64..4_000_000_000_000) {
            let checkpoint = Checkpoint::of(Head { seq, hash }, at(millis));
            prop_assert_eq!(Checkpoint::from_line(checkpoint.to_line().as_bytes()), Ok(checkpoint));
        }

        #[test]
        fn a_line_cut_anywhere_is_torn_and_nothing_else(length in 1usize..=134) {
            let (whole, cut) = (checkpoint(1, 5).to_line(), checkpoint(2, 6).to_line());
            let read = usize::from(length == cut.len());
            let text = format!("{whole}\n{}\n{whole}\n", &cut[..length]);
            let found = read_checkpoints(text.as_bytes()).unwrap();
            prop_assert_eq!((found.written.len(), found.torn), (2 + read, 1 - read));
        }
    }

    #[test]
    fn a_line_that_was_edited_is_named() {
        let (good, edited) = (checkpoint(1, 5).to_line(), checkpoint(2, 6).to_line().replace("07", "x7"));
        let wrong = read_checkpoints(format!("{good}\n{edited}\n").as_bytes()).unwrap_err();
        assert!(wrong.starts_with("line 2: hash"), "{wrong}");
        for text in ["\n", "hello\n", "{}\n"] {
            assert!(read_checkpoints(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(read_checkpoints(&b""[..]), Ok(Checkpoints::default()));
    }

    #[test]
    fn how_often_is_read() {
        let hour = Cadence::Time(Duration::from_secs(3600));
        assert_eq!("1h".parse(), Ok(hour));
        assert_eq!("1000 events".parse(), Ok(Cadence::Events(1000)));
        assert_eq!("1event".parse(), Ok(Cadence::Events(1)));
        for wrong in ["", "1", "events", "0 events", "-1 events", "1.5 events", "10ms", "1h events"] {
            assert!(wrong.parse::<Cadence>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_journal_that_was_cut_or_made_anew_is_told_from_the_one_it_was() {
        let event = |text: &str| NewEvent {
            kind: "k".to_owned(),
            actor: "a".to_owned(),
            payload: text.as_bytes().to_vec(),
        };
        let journal_of = |texts: &[&str]| {
            let journal = MemoryJournal::new();
            journal.append(at(1), texts.iter().map(|text| event(text)).collect()).unwrap();
            journal
        };
        let journal = journal_of(&["1", "2", "3"]);
        let known = Checkpoint::of(journal.read(1, 1).unwrap()[0].head(), at(5));
        assert_eq!(contradiction(&journal, &known), Ok(None));
        journal.save_snapshot("s", 3, b"").unwrap();
        journal.prune(3).unwrap();
        assert_eq!(contradiction(&journal, &known), Ok(None), "the floor is the checkpoint");
        journal.prune(4).unwrap();
        assert_eq!(contradiction(&journal, &known), Ok(None), "it is before the floor");

        let found = |texts: &[&str]| contradiction(&journal_of(texts), &known).unwrap().unwrap();
        assert!(found(&["1"]).starts_with("it ends at event 1, "));
        assert!(found(&["1", "two", "3"]).starts_with("its event 2 is not"));
    }

    #[test]
    fn a_checkpoint_is_due_by_events_or_by_time() {
        let last = checkpoint(10, 1_000);
        let due = |every: &str, seq, hash, now| {
            let every: Cadence = every.parse().unwrap();
            every.is_due(Some(&last), Head { seq, hash: [hash; 32] }, at(now))
        };
        assert!(!due("5 events", 14, 1, 9_000) && due("5 events", 15, 1, 1_000));
        assert!(!due("1s", 11, 1, 1_999) && due("1s", 11, 1, 2_000));
        assert!(!due("1s", 10, 7, 9_000), "nothing has come");
        assert!(due("5 events", 3, 1, 1_000), "the journal was cut");
        assert!(due("1h", 11, 1, 500), "the clock was put back");
        let first = Cadence::Events(1000);
        assert!(first.is_due(None, last.head, at(0)) && !first.is_due(None, Head::default(), at(0)));
    }
}
