//! Checksums of a block's files, so that a flipped bit is found and not taken for a value: Parquet's own pages have none.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// The file that holds them.
const CHECKSUMS: &str = "checksums.json";

/// Bytes that one checksum covers: what has to be read and checked to get at one of them.
pub const PIECE: usize = 64 * 1024;

/// CRC32C of each [`PIECE`] of each file, by the file's name. A file that is not named is not checked.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Checksums(BTreeMap<String, Arc<[u32]>>);

impl Checksums {
    /// Reads those of the block in this folder; a block from before there were any has none.
    pub fn read(folder: &Path) -> Result<Self, String> {
        match fs::read(folder.join(CHECKSUMS)) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| format!("{CHECKSUMS}: {error}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{CHECKSUMS}: {error}")),
        }
    }

    /// Where they are written and what is.
    pub fn file(&self) -> (&'static str, Vec<u8>) {
        (CHECKSUMS, serde_json::to_vec(self).expect("names and numbers can be written"))
    }

    /// Adds those of a file.
    pub fn add(&mut self, name: &str, checksums: Vec<u32>) {
        self.0.insert(name.to_owned(), checksums.into());
    }

    /// Those of a file.
    pub fn of(&self, name: &str) -> Option<Arc<[u32]>> {
        self.0.get(name).cloned()
    }

    /// Whether a whole file is as it was written.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        match self.of(name) {
            Some(expected) if *expected != *of_bytes(bytes) => Err(format!("{name}: the checksum is wrong")),
            _ => Ok(()),
        }
    }
}

/// The checksums of a whole file.
pub fn of_bytes(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(PIECE).map(crc32c::crc32c).collect()
}

/// Writes through and sums up on the way.
#[derive(Debug)]
pub struct Summing<W> {
    inner: W,
    whole: Vec<u32>,
    /// Of the piece being written, and how much of it is.
    open: u32,
    filled: usize,
}

impl<W> Summing<W> {
    /// Begins with nothing written.
    pub fn new(inner: W) -> Self {
        Self { inner, whole: Vec::new(), open: 0, filled: 0 }
    }

    /// What is written to.
    pub fn inner(&self) -> &W {
        &self.inner
    }

    /// The checksums of what was written so far.
    pub fn checksums(&self) -> Vec<u32> {
        let last = (self.filled > 0).then_some(self.open);
        self.whole.iter().copied().chain(last).collect()
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.filled));
            self.open = crc32c::crc32c_append(self.open, now);
            self.filled += now.len();
            if self.filled == PIECE {
                self.whole.push(std::mem::take(&mut self.open));
                self.filled = 0;
            }
            bytes = later;
        }
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_it_is_written_the_checksums_are_those_of_the_pieces() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            for step in [1_000, PIECE, 2 * PIECE + 3] {
                let mut summing = Summing::new(Vec::new());
                bytes.chunks(step).for_each(|some| summing.write_all(some).unwrap());
                assert_eq!(summing.checksums(), of_bytes(&bytes), "{length} bytes by {step}");
                assert_eq!(summing.inner(), &bytes);
            }
        }
    }
}
