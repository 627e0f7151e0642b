//! Files of a block as the Parquet reader wants them, and the reader kept from doing harm where they are damaged.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::Block;
use super::checksum::PIECE;

/// Why a block, or something in it, was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What is on disk is not what was written; trying again does not help.
    Damaged(String),
    /// The system did not let us; another time it may.
    Refused(String),
}

/// An open file, read by position: readers share the descriptor and need no further one. What is read is what was
/// written, where there are checksums.
#[derive(Clone, Debug)]
pub struct BlockFile {
    file: Arc<File>,
    length: u64,
    checksums: Option<Arc<[u32]>>,
}

impl BlockFile {
    /// Opens a file of the block. One that is not there is damage.
    pub fn open(block: &Block, name: &str) -> Result<Self, Fault> {
        let opened = File::open(block.folder.join(name)).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((length, file)) => {
                Ok(Self { file: Arc::new(file), length, checksums: block.checksums.of(name) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Fault::Damaged(format!("{name}: {error}")))
            }
            Err(error) => Err(Fault::Refused(format!("{name}: {error}"))),
        }
    }

    /// The piece around an offset, from its start, checked; empty past the end.
    fn piece(&self, offset: u64) -> io::Result<Vec<u8>> {
        let number = offset / PIECE as u64;
        let start = number * PIECE as u64;
        let mut bytes = vec![0; self.length.saturating_sub(start).min(PIECE as u64) as usize];
        self.file.read_exact_at(&mut bytes, start)?;
        if let Some(expected) = &self.checksums
            && !bytes.is_empty()
            && expected.get(number as usize) != Some(&crc32c::crc32c(&bytes))
        {
            let wrong = format!("the checksum of the {} KiB at {start} is wrong", PIECE / 1024);
            return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
        }
        Ok(bytes)
    }
}

impl Length for BlockFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for BlockFile {
    type T = From;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(From { file: self.clone(), offset: start, piece: Vec::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged length is refused before memory is taken for it.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are past the end of the file")));
        }
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let offset = start + bytes.len() as u64;
            let piece = self.piece(offset)?;
            let from = (offset % PIECE as u64) as usize;
            let to = piece.len().min(from + length - bytes.len());
            bytes.extend_from_slice(&piece[from..to]);
        }
        Ok(bytes.into())
    }
}

/// Reads on from an offset.
#[derive(Debug)]
pub struct From {
    file: BlockFile,
    offset: u64,
    /// The piece around the offset, once something of it was read.
    piece: Vec<u8>,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = (self.offset % PIECE as u64) as usize;
        if from == 0 || self.piece.is_empty() {
            self.piece = self.file.piece(self.offset)?;
        }
        let mut rest = self.piece.get(from..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// Decodes something of the named file. The decoder is made for files that are well: on others it may panic.
pub fn decode<T, E: ToString>(name: &str, read: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    match panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(Fault::Damaged(format!("{name}: {}", error.to_string()))),
        Err(_) => Err(Fault::Damaged(format!("{name}: the decoder gave up"))),
    }
}
