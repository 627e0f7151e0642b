//! A file that checkpoints are appended to and nothing is taken from.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Checkpoint;

/// The newest checkpoint stands in so many bytes at the end: some hundred lines.
const TAIL_BYTES: u64 = 16 << 10;

/// A file of checkpoints, one a line. It is opened anew for each, so that a volume may come and go.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    path: PathBuf,
}

impl CheckpointFile {
    /// The file at this path, which need not be there yet; its folder must.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest checkpoint in it; nothing when there is no file yet, or no whole line in it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn newest(&self) -> io::Result<Option<Checkpoint>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        let lines = tail.split(|byte| *byte == b'\n').rev();
        Ok(lines.filter_map(|line| Checkpoint::from_line(line).ok()).next())
    }

    /// Adds a checkpoint in one write and returns once it survives a power loss. What a crash left of a line before stays
    /// and is ended: nothing in the file is ever written again.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn append(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        let length = file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.seek(SeekFrom::Start(length - 1))?;
            file.read_exact(&mut last)?;
        }
        let end_of_torn = if last == *b"\n" { "" } else { "\n" };
        file.write_all(format!("{end_of_torn}{}\n", checkpoint.to_line()).as_bytes())?;
        file.sync_all()?;
        if length == 0 {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::os::unix::fs::PermissionsExt;

    use isobar_normalizer::Timestamp;

    use super::*;
    use crate::checkpoint::read_checkpoints;
    use crate::event::Head;

    fn checkpoint(seq: u64) -> Checkpoint {
        Checkpoint::of(Head { seq, hash: [3; 32] }, Timestamp::from_millis(5))
    }

    #[test]
    fn what_is_appended_is_read_back_and_nothing_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::new(folder.path().join("checkpoints.ndjson"));
        assert_eq!(file.newest().unwrap(), None);
        let mut before = Vec::new();
        for seq in 1..200 {
            file.append(&checkpoint(seq)).unwrap();
            let now = std::fs::read(file.path()).unwrap();
            assert!(now.starts_with(&before));
            before = now;
            assert_eq!(file.newest().unwrap(), Some(checkpoint(seq)));
        }
        let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_a_crash_cut_off_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::new(folder.path().join("checkpoints.ndjson"));
        file.append(&checkpoint(1)).unwrap();
        let mut text = std::fs::read_to_string(file.path()).unwrap();
        text.push_str(&checkpoint(2).to_line()[..40]);
        std::fs::write(file.path(), &text).unwrap();
        assert_eq!(file.newest().unwrap(), Some(checkpoint(1)));
        file.append(&checkpoint(3)).unwrap();
        assert_eq!(file.newest().unwrap(), Some(checkpoint(3)));
        let read = read_checkpoints(BufReader::new(File::open(file.path()).unwrap())).unwrap();
        assert_eq!((read.written, read.torn), (vec![checkpoint(1), checkpoint(3)], 1));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::new(folder.path().join("gone/checkpoints.ndjson"));
        assert_eq!(file.append(&checkpoint(1)).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!folder.path().join("gone").exists());
    }
}
