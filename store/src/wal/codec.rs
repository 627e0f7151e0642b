//! What stands in a record: definitions of series, or samples.
//!
//! ```text
//! definitions: 1, then (reference, length, packed labels)…
//! samples:     2, then sections of (source length, source, period, delay, count u16, base time, sample…)
//! sample:      control byte, [reference step], [time step], value bytes
//! ```
//! Integers are varints unless a width is named. The low four bits of the control byte count the value's bytes: its
//! IEEE 754 bits, most significant byte first, without trailing zero bytes, so that whole numbers are short. Steps are
//! left out where the sample has its predecessor's time, or the next reference.

use crate::contract::Contract;
use crate::varint::{self, Reader};

use super::frame::FrameBuffer;
use super::{LABELS_MAX, SOURCE_MAX};

const DEFINITIONS: u8 = 1;
const SAMPLES: u8 = 2;

const SAME_TIME: u8 = 0x10;
const NEXT_REFERENCE: u8 = 0x20;

/// Most bytes a sample takes: control, reference step, time step, value.
const SAMPLE_BYTES_MAX: usize = 1 + 5 + 10 + 8;

/// Most bytes the start of a section takes.
const SECTION_BYTES_MAX: usize = 2 + SOURCE_MAX + 5 + 5 + 2 + 10;

/// Most bytes a definition takes.
const DEFINITION_BYTES_MAX: usize = 5 + 3 + LABELS_MAX;

/// Writes series definitions, in as many records as it takes.
pub fn put_definitions<'a>(frames: &mut FrameBuffer, definitions: impl Iterator<Item = (u32, &'a [u8])>) {
    let mut open = false;
    for (reference, packed) in definitions {
        let needed = packed.len() + DEFINITION_BYTES_MAX - LABELS_MAX;
        if open && frames.room() < needed {
            frames.finish();
            open = false;
        }
        if !open {
            frames.begin(1 + needed);
            frames.bytes.push(DEFINITIONS);
            open = true;
        }
        varint::put(&mut frames.bytes, u64::from(reference));
        varint::put(&mut frames.bytes, packed.len() as u64);
        frames.bytes.extend_from_slice(packed);
    }
    if open {
        frames.finish();
    }
}

/// Writes samples, in as many records as it takes.
#[derive(Debug)]
pub struct SampleEncoder<'a> {
    frames: &'a mut FrameBuffer,
    record_open: bool,
    section: Option<Section>,
}

#[derive(Debug)]
struct Section {
    count_at: usize,
    count: u16,
    reference: u32,
    at: i64,
}

impl<'a> SampleEncoder<'a> {
    /// Appends to these frames.
    pub fn new(frames: &'a mut FrameBuffer) -> Self {
        Self { frames, record_open: false, section: None }
    }

    /// The samples that follow have another contract.
    pub fn end_section(&mut self) {
        if let Some(section) = self.section.take() {
            let count_bytes = section.count.to_le_bytes();
            self.frames.bytes[section.count_at..section.count_at + 2].copy_from_slice(&count_bytes);
        }
    }

    /// Adds a sample of the contract, which must be the previous one's unless `end_section` came between.
    #[inline]
    pub fn put(&mut self, contract: &Contract, reference: u32, at: i64, value: f64) {
        if self.section.is_none() || self.frames.room() < SAMPLE_BYTES_MAX {
            self.start_section(contract, at);
        }
        let section = self.section.as_mut().expect("a section was started above");
        let bits = value.to_bits();
        let value_bytes = 8 - bits.trailing_zeros() as usize / 8;
        let step = i64::from(reference) - i64::from(section.reference);
        let mut control = value_bytes as u8;
        if step == 1 {
            control |= NEXT_REFERENCE;
        }
        if at == section.at {
            control |= SAME_TIME;
        }
        let bytes = &mut self.frames.bytes;
        bytes.push(control);
        if step != 1 {
            varint::put_signed(bytes, step);
        }
        if at != section.at {
            varint::put_signed(bytes, at.wrapping_sub(section.at));
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[..value_bytes]);
        section.count += 1;
        section.reference = reference;
        section.at = at;
    }

    fn start_section(&mut self, contract: &Contract, at: i64) {
        self.end_section();
        if self.record_open && self.frames.room() < SECTION_BYTES_MAX + SAMPLE_BYTES_MAX {
            self.frames.finish();
            self.record_open = false;
        }
        if !self.record_open {
            self.frames.begin(1 + SECTION_BYTES_MAX + SAMPLE_BYTES_MAX);
            self.frames.bytes.push(SAMPLES);
            self.record_open = true;
        }
        let bytes = &mut self.frames.bytes;
        varint::put(bytes, contract.source.len() as u64);
        bytes.extend_from_slice(contract.source.as_bytes());
        varint::put(bytes, u64::from(contract.period_ms));
        varint::put(bytes, u64::from(contract.delay_ms));
        let count_at = bytes.len();
        bytes.extend_from_slice(&[0; 2]);
        varint::put_signed(bytes, at);
        self.section = Some(Section { count_at, count: 0, reference: 0, at });
    }

    /// Closes the last record.
    pub fn finish(mut self) {
        self.end_section();
        if self.record_open {
            self.frames.finish();
        }
    }
}

/// The start of a section as read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionHead<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// The contract's period.
    pub period_ms: u32,
    /// The contract's delay.
    pub delay_ms: u32,
}

/// Takes what a record holds.
pub trait Sink {
    /// A series and its reference in this segment.
    fn definition(&mut self, reference: u32, packed: &[u8]);
    /// The samples that follow belong to this contract.
    fn section(&mut self, head: SectionHead<'_>);
    /// One sample.
    fn sample(&mut self, reference: u32, at: i64, value: f64);
}

/// Reads a record's payload; `None` when it is not one of ours, after handing over what came before.
pub fn read(payload: &[u8], wanted: Wanted, sink: &mut impl Sink) -> Option<()> {
    let mut reader = Reader::new(payload);
    match (reader.byte()?, wanted) {
        (DEFINITIONS, Wanted::Definitions) => {
            while !reader.is_empty() {
                let reference = u32::try_from(reader.unsigned()?).ok()?;
                let length = usize::try_from(reader.unsigned()?).ok()?;
                sink.definition(reference, reader.take(length)?);
            }
        }
        (SAMPLES, Wanted::Samples) => {
            while !reader.is_empty() {
                read_section(&mut reader, sink)?;
            }
        }
        (DEFINITIONS | SAMPLES, _) => {}
        _ => return None,
    }
    Some(())
}

/// Which kind of record is handed over; the other kind is passed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Series definitions.
    Definitions,
    /// Samples.
    Samples,
}

fn read_section(reader: &mut Reader<'_>, sink: &mut impl Sink) -> Option<()> {
    let source_length = usize::try_from(reader.unsigned()?).ok()?;
    let source = std::str::from_utf8(reader.take(source_length)?).ok()?;
    let period_ms = u32::try_from(reader.unsigned()?).ok()?;
    let delay_ms = u32::try_from(reader.unsigned()?).ok()?;
    let count = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
    let mut at = reader.signed()?;
    let mut reference = 0_i64;
    sink.section(SectionHead { source, period_ms, delay_ms });
    for _ in 0..count {
        let control = reader.byte()?;
        let step = if control & NEXT_REFERENCE != 0 { 1 } else { reader.signed()? };
        reference = reference.checked_add(step)?;
        if control & SAME_TIME == 0 {
            at = at.wrapping_add(reader.signed()?);
        }
        let kept = reader.take(usize::from(control & 0x0F))?;
        let mut bits = [0; 8];
        bits.get_mut(..kept.len())?.copy_from_slice(kept);
        sink.sample(u32::try_from(reference).ok()?, at, f64::from_bits(u64::from_be_bytes(bits)));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Piece, Scan};
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Kept {
        definitions: Vec<(u32, Vec<u8>)>,
        samples: Vec<(String, u32, u32, i64, u64)>,
        source: String,
        period_ms: u32,
    }

    impl Sink for Kept {
        fn definition(&mut self, reference: u32, packed: &[u8]) {
            self.definitions.push((reference, packed.to_vec()));
        }
        fn section(&mut self, head: SectionHead<'_>) {
            self.source = head.source.to_owned();
            self.period_ms = head.period_ms;
        }
        fn sample(&mut self, reference: u32, at: i64, value: f64) {
            self.samples.push((self.source.clone(), self.period_ms, reference, at, value.to_bits()));
        }
    }

    fn read_all(bytes: &[u8]) -> Kept {
        let mut kept = Kept::default();
        for wanted in [Wanted::Definitions, Wanted::Samples] {
            for piece in Scan::new(bytes, 1) {
                let Piece::Record(payload) = piece else { panic!("{piece:?}") };
                read(payload, wanted, &mut kept).unwrap();
            }
        }
        kept
    }

    #[test]
    fn records_split_where_the_room_ends() {
        let mut frames = FrameBuffer::default();
        frames.restart(1, 0);
        let packed = vec![b'x'; LABELS_MAX];
        put_definitions(&mut frames, (0..20).map(|reference| (reference, packed.as_slice())));
        let contract = Contract { source: "s".repeat(SOURCE_MAX).into(), period_ms: 60_000, delay_ms: 0 };
        let mut encoder = SampleEncoder::new(&mut frames);
        for i in 0..20_000_u32 {
            encoder.put(&contract, i * 7 % 1000, i64::from(i) * 997, f64::from(i) / 3.0);
        }
        encoder.finish();
        let kept = read_all(&frames.bytes);
        assert_eq!(kept.definitions.len(), 20);
        assert_eq!(kept.samples.len(), 20_000);
        assert_eq!(kept.samples[19_999].4, (19_999.0_f64 / 3.0).to_bits());
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(
            samples in proptest::collection::vec((0..2_usize, any::<u32>(), any::<i64>(), any::<u64>()), 0..200)
        ) {
            let contracts = ["a", "b"].map(|name| Contract {
                source: name.into(), period_ms: name.len() as u32, delay_ms: 5,
            });
            let mut frames = FrameBuffer::default();
            frames.restart(1, 0);
            let mut encoder = SampleEncoder::new(&mut frames);
            let mut previous = 0;
            for (contract, reference, at, bits) in &samples {
                if *contract != previous {
                    encoder.end_section();
                    previous = *contract;
                }
                encoder.put(&contracts[*contract], *reference, *at, f64::from_bits(*bits));
            }
            encoder.finish();
            let expected: Vec<_> = samples
                .iter()
                .map(|(contract, reference, at, bits)| (contracts[*contract].source.to_string(), 1, *reference, *at, *bits))
                .collect();
            prop_assert_eq!(read_all(&frames.bytes).samples, expected);
        }

        #[test]
        fn bytes_from_anywhere_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut kept = Kept::default();
            read(&bytes, Wanted::Definitions, &mut kept);
            read(&bytes, Wanted::Samples, &mut kept);
        }
    }
}
