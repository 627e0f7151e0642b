//! The data directory: who may use it, which format it has, and where things lie in it.
//!
//! ```text
//! VERSION            the format, one line
//! lock               held while a process uses the directory
//! wal/<shard>/<n>    segments of the write-ahead log
//! wal/damaged/       bytes of damaged records, kept for inspection
//! blocks/<tenant>/<yyyy-mm-dd>/<n>/  one block
//! blocks/tmp/        blocks being written
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{FileError, OpenError};
use crate::store::SHARDS;

/// What the VERSION file says.
const VERSION: &str = "isobar data 1";

/// The one tenant there is; a folder, so that more need no new format.
pub const TENANT: &str = "default";

/// The opened data directory; dropping it lets the next process in.
#[derive(Debug)]
pub struct DataDirectory {
    root: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory (mode 0700) and its folders where they are missing, locks it, and checks or writes its format.
    ///
    /// # Errors
    /// Another process has it, it has another format, or it is not accessible.
    pub fn open(root: &Path) -> Result<Self, OpenError> {
        make(root)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))
            .map_err(FileError::at("closing to others", root))?;
        let lock_path = root.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(FileError::at("opening", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(FileError::at("locking", &lock_path)(error).into()),
        }
        let directory = Self { root: root.to_owned(), _lock: lock };
        directory.check_version()?;
        make(&directory.blocks())?;
        make(&directory.damaged())?;
        for shard in 0..SHARDS {
            make(&directory.wal(shard))?;
        }
        for made in [root.join("wal"), root.to_owned()] {
            sync(&made)?;
        }
        Ok(directory)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn check_version(&self) -> Result<(), OpenError> {
        let path = self.root.join("VERSION");
        match fs::read_to_string(&path) {
            Ok(found) if found.trim_end() == VERSION => Ok(()),
            // An empty file is a first start that was cut short before anything else was made.
            Ok(found) if !found.is_empty() => Err(OpenError::Version {
                path: self.root.clone(),
                found: found.trim_end().to_owned(),
                expected: VERSION,
            }),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::at("reading", &path)(error).into())
            }
            _ => Ok(write_durably(&path, format!("{VERSION}\n").as_bytes())?),
        }
    }

    /// Where the segments of a shard lie.
    pub fn wal(&self, shard: usize) -> PathBuf {
        self.root.join("wal").join(shard.to_string())
    }

    /// Where bytes of damaged records are kept.
    pub fn damaged(&self) -> PathBuf {
        self.root.join("wal").join("damaged")
    }

    /// Where blocks lie.
    pub fn blocks(&self) -> PathBuf {
        self.root.join("blocks")
    }
}

/// Makes a directory and its parents for the owner alone.
pub fn make(path: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::at("making", path))
}

/// Forces a directory's entries to disk: without it a new or renamed file may be gone after a power loss.
pub fn sync(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(FileError::at("syncing", path))
}

/// Writes a small file so that after a crash it is there whole or as before.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let staged = path.with_extension("tmp");
    let mut file = File::create(&staged).map_err(FileError::at("making", &staged))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(FileError::at("writing", &staged))?;
    fs::rename(&staged, path).map_err(FileError::at("renaming", &staged))?;
    sync(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_and_only_its_own_format() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("data");
        let open = DataDirectory::open(&root).unwrap();
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(DataDirectory::open(&root), Err(OpenError::Locked(_))));
        drop(open);
        DataDirectory::open(&root).unwrap();
        fs::write(root.join("VERSION"), "isobar data 9\n").unwrap();
        assert!(
            matches!(DataDirectory::open(&root), Err(OpenError::Version { found, .. }) if found == "isobar data 9")
        );
    }
}
