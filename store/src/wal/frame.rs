//! Records in a segment file: never across a 64 KiB block, each with mark, length, and checksum.
//!
//! ```text
//! mark     4 bytes   where a reader that lost its way begins to read again
//! length   2 bytes   of the payload, little-endian
//! inverse  2 bytes   the length's complement, which tells a damaged length from a record cut short
//! checksum 4 bytes   CRC32C of segment number, file offset and payload
//! payload
//! ```
//! Zero bytes between records are padding. The checksum covers the place, so that a record that turns up elsewhere, be
//! it by a misdirected write or inside a label value, is not taken for one.

use std::ops::Range;

/// Records do not cross multiples of this.
pub const BLOCK: usize = 64 * 1024;

/// Most bytes a record takes on disk. Smaller than a block, so that damage costs less.
pub const RECORD_MAX: usize = 16 * 1024;

/// Bytes before the payload.
pub const HEADER: usize = 12;

/// Starts with a byte that is neither padding nor occurs in UTF-8 text.
const MARK: [u8; 4] = [0xF7, 0x15, 0x0B, 0xA2];

fn checksum(segment: u64, offset: u64, payload: &[u8]) -> u32 {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&segment.to_le_bytes());
    place[8..].copy_from_slice(&offset.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&place), payload)
}

/// Builds the bytes of one write: whole records, padded so that none crosses a block.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    /// What is to be written at `start`.
    pub bytes: Vec<u8>,
    segment: u64,
    start: u64,
    open_at: usize,
}

impl FrameBuffer {
    /// Empties the buffer for a write at this offset of this segment.
    pub fn restart(&mut self, segment: u64, start: u64) {
        self.bytes.clear();
        self.segment = segment;
        self.start = start;
    }

    /// Opens a record that has room for at least `needed` payload bytes.
    pub fn begin(&mut self, needed: usize) {
        let left = self.left_in_block();
        if left < HEADER + needed {
            self.bytes.resize(self.bytes.len() + left, 0);
        }
        self.open_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
    }

    /// How many more payload bytes the open record takes.
    #[inline]
    pub fn room(&self) -> usize {
        let used = self.bytes.len() - self.open_at;
        (RECORD_MAX - used).min(self.left_in_block())
    }

    /// Closes the open record.
    pub fn finish(&mut self) {
        let offset = self.start + self.open_at as u64;
        let payload = &self.bytes[self.open_at + HEADER..];
        let length = u16::try_from(payload.len()).expect("a record is at most RECORD_MAX bytes");
        let checksum = checksum(self.segment, offset, payload);
        let header = &mut self.bytes[self.open_at..self.open_at + HEADER];
        header[..4].copy_from_slice(&MARK);
        header[4..6].copy_from_slice(&length.to_le_bytes());
        header[6..8].copy_from_slice(&(!length).to_le_bytes());
        header[8..].copy_from_slice(&checksum.to_le_bytes());
    }

    fn left_in_block(&self) -> usize {
        let at = (self.start + self.bytes.len() as u64) % BLOCK as u64;
        BLOCK - at as usize
    }
}

/// A stretch of a segment as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole record's payload.
    Record(&'a [u8]),
    /// Bytes that are no record, and how many records they seem to have been (at least one).
    Damaged(Range<usize>, u64),
    /// A record whose end was never written; nothing follows.
    Torn(Range<usize>),
}

/// Walks the records of a segment's bytes.
#[derive(Debug)]
pub struct Scan<'a> {
    bytes: &'a [u8],
    segment: u64,
    at: usize,
}

enum Parsed<'a> {
    Whole(&'a [u8]),
    CutShort,
    Bad,
}

impl<'a> Scan<'a> {
    /// Starts at the segment's first byte.
    pub fn new(bytes: &'a [u8], segment: u64) -> Self {
        Self { bytes, segment, at: 0 }
    }

    fn parse(&self, at: usize) -> Parsed<'a> {
        let rest = &self.bytes[at..];
        let Some(header) = rest.get(..HEADER) else {
            let known = rest.len().min(MARK.len());
            return if rest[..known] == MARK[..known] { Parsed::CutShort } else { Parsed::Bad };
        };
        let Some(length) = length_of(header) else { return Parsed::Bad };
        if at % BLOCK + HEADER + length > BLOCK {
            return Parsed::Bad;
        }
        let Some(payload) = rest.get(HEADER..HEADER + length) else { return Parsed::CutShort };
        let stored = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if stored == checksum(self.segment, at as u64, payload) {
            Parsed::Whole(payload)
        } else {
            Parsed::Bad
        }
    }

    /// The next offset after `at` where a whole record stands.
    fn next_whole(&self, at: usize) -> Option<usize> {
        let mut from = at + 1;
        while let Some(found) = self.bytes.get(from..)?.iter().position(|byte| *byte == MARK[0]) {
            if let Parsed::Whole(_) = self.parse(from + found) {
                return Some(from + found);
            }
            from += found + 1;
        }
        None
    }
}

/// The payload length a plausible header names.
fn length_of(header: &[u8]) -> Option<usize> {
    let length = u16::from_le_bytes([header[4], header[5]]);
    let inverse = u16::from_le_bytes([header[6], header[7]]);
    (header[..4] == MARK && inverse == !length).then_some(usize::from(length))
}

impl<'a> Iterator for Scan<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let padding = self.bytes[self.at..].iter().take_while(|byte| **byte == 0).count();
        let start = self.at + padding;
        if start == self.bytes.len() {
            return None;
        }
        let parsed = self.parse(start);
        if let Parsed::Whole(payload) = parsed {
            self.at = start + HEADER + payload.len();
            return Some(Piece::Record(payload));
        }
        let whole = self.next_whole(start);
        self.at = whole.unwrap_or(self.bytes.len());
        if whole.is_none() && matches!(parsed, Parsed::CutShort) {
            return Some(Piece::Torn(start..self.at));
        }
        let lost = &self.bytes[start..self.at];
        let headers = lost.windows(HEADER).filter(|header| length_of(header).is_some()).count();
        Some(Piece::Damaged(start..self.at, headers.max(1) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut frames = FrameBuffer::default();
        frames.restart(7, 0);
        for payload in payloads {
            frames.begin(payload.len());
            frames.bytes.extend_from_slice(payload);
            frames.finish();
        }
        frames.bytes
    }

    fn records(bytes: &[u8]) -> Vec<&[u8]> {
        let whole = |piece| if let Piece::Record(payload) = piece { Some(payload) } else { None };
        Scan::new(bytes, 7).filter_map(whole).collect()
    }

    /// Payloads of growing size that fill more than two blocks.
    fn payloads() -> Vec<Vec<u8>> {
        (0..24).map(|i| vec![i as u8; 100 + i * 500]).collect()
    }

    #[test]
    fn records_are_read_back_and_never_cross_a_block() {
        let payloads = payloads();
        let bytes = written(&payloads);
        assert_eq!(records(&bytes), payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert!(bytes.len() > 2 * BLOCK);
        let marks = bytes.windows(4).enumerate().filter(|(_, four)| *four == MARK).map(|(at, _)| at);
        for (at, payload) in marks.zip(&payloads) {
            assert_eq!(at / BLOCK, (at + HEADER + payload.len() - 1) / BLOCK);
        }
    }

    #[test]
    fn a_flipped_bit_costs_one_record() {
        let payloads: Vec<Vec<u8>> = (1..6).map(|i| vec![i * 9; usize::from(i) * 7]).collect();
        let clean = written(&payloads);
        for bit in 0..clean.len() * 8 {
            let mut bytes = clean.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let damaged: u64 = Scan::new(&bytes, 7)
                .map(|piece| match piece {
                    Piece::Record(_) => 0,
                    Piece::Damaged(_, records) => records,
                    Piece::Torn(range) => panic!("bit {bit} taken for a torn tail {range:?}"),
                })
                .sum();
            assert_eq!(damaged, 1, "bit {bit}");
            assert_eq!(records(&bytes).len(), payloads.len() - 1, "bit {bit}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_torn_and_not_damaged() {
        let payloads: Vec<Vec<u8>> = (1..6).map(|i| vec![i; 20]).collect();
        let clean = written(&payloads);
        for end in 0..clean.len() {
            let pieces: Vec<_> = Scan::new(&clean[..end], 7).collect();
            let whole = end / (HEADER + 20);
            assert_eq!(pieces.iter().filter(|piece| matches!(piece, Piece::Record(_))).count(), whole);
            assert!(!pieces.iter().any(|piece| matches!(piece, Piece::Damaged(..))), "cut at {end}");
        }
    }

    #[test]
    fn a_record_counts_only_where_it_was_written() {
        let inner = written(&[b"moved".to_vec()]);
        let mut outer = written(&[inner]);
        assert_eq!(records(&outer).len(), 1);
        outer[5] ^= 1;
        assert_eq!(records(&outer), Vec::<&[u8]>::new());
    }
}
