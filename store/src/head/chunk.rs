//! Samples of one series, compressed: times as changes of the step, values as what differs from the one before.
//!
//! The first value stands in eight bytes. Each sample after it is a control byte, the change of the time step (a signed
//! varint, left out when the step stays), and the bytes of `value XOR previous value` between the zero bytes on both
//! sides. In the control byte: bit 7 the step stays, bits 6-4 how many zero bytes come first, bits 3-0 how many bytes
//! are kept. A steady series costs one byte per sample.

use crate::varint::{self, Reader};

/// Compressed samples, ascending in time. Never empty.
#[derive(Clone, Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    count: u32,
    first: i64,
    last: i64,
    step: i64,
    bits: u64,
}

const SAME_STEP: u8 = 0x80;

impl Chunk {
    /// A chunk of one sample.
    pub fn new(at: i64, value: f64) -> Self {
        let bits = value.to_bits();
        Self { bytes: bits.to_be_bytes().to_vec(), count: 1, first: at, last: at, step: 0, bits }
    }

    /// Compresses samples, whose times must ascend; `None` when there are none.
    pub fn from_samples(at: &[i64], values: &[f64]) -> Option<Self> {
        let mut samples = at.iter().zip(values);
        let (at, value) = samples.next()?;
        let mut chunk = Self::new(*at, *value);
        for (at, value) in samples {
            chunk.push(*at, *value);
        }
        Some(chunk)
    }

    /// Adds a sample later than the last.
    pub fn push(&mut self, at: i64, value: f64) {
        let step = at.wrapping_sub(self.last);
        let different = value.to_bits() ^ self.bits;
        let (lead, kept) = match different {
            0 => (0, 0),
            _ => {
                let lead = different.leading_zeros() as usize / 8;
                (lead, 8 - lead - different.trailing_zeros() as usize / 8)
            }
        };
        let mut control = (lead << 4 | kept) as u8;
        if step == self.step {
            control |= SAME_STEP;
        }
        self.bytes.push(control);
        if step != self.step {
            varint::put_signed(&mut self.bytes, step.wrapping_sub(self.step));
        }
        self.bytes.extend_from_slice(&different.to_be_bytes()[lead..lead + kept]);
        self.count += 1;
        self.last = at;
        self.step = step;
        self.bits = value.to_bits();
    }

    /// How many samples it holds.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Time of the first sample.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// Time of the last sample.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Gives back memory that growing left over.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// The samples in order.
    pub fn iter(&self) -> Samples<'_> {
        Samples {
            reader: Reader::new(&self.bytes),
            left: self.count,
            at: self.first,
            step: 0,
            bits: 0,
            first: true,
        }
    }
}

/// Walks a chunk's samples.
#[derive(Debug)]
pub struct Samples<'a> {
    reader: Reader<'a>,
    left: u32,
    at: i64,
    step: i64,
    bits: u64,
    first: bool,
}

impl Samples<'_> {
    #[inline]
    fn read(&mut self) -> Option<(i64, f64)> {
        let mut bytes = [0; 8];
        if self.first {
            self.first = false;
            bytes.copy_from_slice(self.reader.take(8)?);
        } else {
            let control = self.reader.byte()?;
            if control & SAME_STEP == 0 {
                self.step = self.step.wrapping_add(self.reader.signed()?);
            }
            self.at = self.at.wrapping_add(self.step);
            let (lead, kept) = (usize::from(control >> 4 & 7), usize::from(control & 0x0F));
            bytes.get_mut(lead..lead + kept)?.copy_from_slice(self.reader.take(kept)?);
        }
        self.bits ^= u64::from_be_bytes(bytes);
        Some((self.at, f64::from_bits(self.bits)))
    }
}

impl Iterator for Samples<'_> {
    type Item = (i64, f64);

    #[inline]
    fn next(&mut self) -> Option<(i64, f64)> {
        self.left = self.left.checked_sub(1)?;
        self.read()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_steady_series_costs_a_byte_per_sample() {
        let mut chunk = Chunk::new(0, 0.1);
        for i in 1..101 {
            chunk.push(i * 15_000, 0.1);
        }
        assert!(chunk.bytes.len() < 8 + 100 + 4, "{} bytes", chunk.bytes.len());
    }

    proptest! {
        #[test]
        fn decompressing_undoes_compressing(samples in proptest::collection::btree_map(any::<i64>(), any::<u64>(), 1..80)) {
            let (at, values): (Vec<i64>, Vec<f64>) =
                samples.iter().map(|(at, bits)| (*at, f64::from_bits(*bits))).unzip();
            let chunk = Chunk::from_samples(&at, &values).unwrap();
            prop_assert_eq!((chunk.first(), chunk.last()), (at[0], at[at.len() - 1]));
            let read: Vec<(i64, u64)> = chunk.iter().map(|(at, value)| (at, value.to_bits())).collect();
            prop_assert_eq!(read, samples.into_iter().collect::<Vec<_>>());
        }
    }
}
