//! The disk reserve: space set aside so that alerts are journalled and paged when the volume is full.
//!
//! A file of the reserve's size is allocated on the data volume. When free space runs out, samples are refused and the
//! file is given up, which leaves its space to the journal. When space is back, the file is allocated again and samples
//! are taken again, without a restart.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// The reserve on a large volume. Source: DESIGN figure, `min(64 MiB, 10 % of the volume)`.
const RESERVE_MAX: u64 = 64 << 20;

/// What the volume looks like now, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its size.
    pub total: u64,
    /// What this process may still write, the reserve file not counted.
    pub free: u64,
}

/// Whether the reserve is kept or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The file is there; samples are taken.
    Kept,
    /// The file is gone; samples are refused.
    GivenUp,
}

/// How large the reserve is on a volume of this size.
pub fn size_for(volume_total: u64) -> u64 {
    RESERVE_MAX.min(volume_total / 10)
}

/// Decides whether the reserve is kept. It is given up when less than an eighth of it is left beside it, and taken
/// again when its own size and a quarter more is free, so that it does not swing at the border.
pub fn decide(held: Held, volume: Volume) -> Held {
    let size = size_for(volume.total);
    match held {
        Held::Kept if volume.free < size / 8 => Held::GivenUp,
        Held::GivenUp if volume.free >= size + size / 4 => Held::Kept,
        unchanged => unchanged,
    }
}

/// The reserve file of a data directory.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    held: Held,
}

impl Reserve {
    /// Takes the reserve if the volume has the space; a full volume starts with the reserve given up.
    ///
    /// # Errors
    /// The volume cannot be asked for its size.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("reserve");
        let mut reserve = Self { path, held: Held::GivenUp };
        // A file that an earlier process could not finish holds nothing back.
        let wanted = size_for(reserve.volume()?.total);
        match std::fs::metadata(&reserve.path) {
            Ok(file) if file.len() == wanted => reserve.held = Held::Kept,
            Ok(_) => std::fs::remove_file(&reserve.path)?,
            Err(_) => {}
        }
        reserve.refresh()?;
        Ok(reserve)
    }

    /// Whether it was kept when last looked at.
    pub fn held(&self) -> Held {
        self.held
    }

    /// Looks at the volume and keeps or gives up the file; answers which.
    ///
    /// # Errors
    /// The volume cannot be asked for its size, or the file cannot be removed.
    pub fn refresh(&mut self) -> io::Result<Held> {
        let wanted = decide(self.held, self.volume()?);
        match (self.held, wanted) {
            (Held::Kept, Held::GivenUp) => {
                std::fs::remove_file(&self.path)?;
                self.held = Held::GivenUp;
            }
            (Held::GivenUp, Held::Kept) if self.allocate().is_ok() => self.held = Held::Kept,
            _ => {}
        }
        Ok(self.held)
    }

    fn volume(&self) -> io::Result<Volume> {
        let parent = self.path.parent().unwrap_or(Path::new("."));
        let stat = statvfs(parent)?;
        Ok(Volume { total: stat.f_blocks * stat.f_frsize, free: stat.f_bavail * stat.f_frsize })
    }

    fn allocate(&self) -> io::Result<()> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&self.path)?;
        let filled = fill(&file, size_for(self.volume()?.total));
        if filled.is_err() {
            std::fs::remove_file(&self.path)?;
        }
        filled
    }
}

fn fill(file: &File, size: u64) -> io::Result<()> {
    fallocate(file, FallocateFlags::empty(), 0, size)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_tenth_of_a_small_volume() {
        assert_eq!(size_for(100 << 20), 10 << 20);
        assert_eq!(size_for(1 << 40), RESERVE_MAX);
    }

    #[test]
    fn it_is_given_up_late_and_taken_again_later() {
        let volume = |free| Volume { total: 80 << 20, free };
        assert_eq!(decide(Held::Kept, volume(2 << 20)), Held::Kept);
        assert_eq!(decide(Held::Kept, volume((1 << 20) - 1)), Held::GivenUp);
        assert_eq!(decide(Held::GivenUp, volume(9 << 20)), Held::GivenUp);
        assert_eq!(decide(Held::GivenUp, volume(10 << 20)), Held::Kept);
    }

    #[test]
    fn a_file_that_was_never_finished_is_no_reserve() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("reserve"), "").unwrap();
        let reserve = Reserve::open(dir.path()).unwrap();
        assert_eq!(reserve.held(), Held::Kept);
        let length = std::fs::metadata(dir.path().join("reserve")).unwrap().len();
        assert_eq!(length, size_for(reserve.volume().unwrap().total));
    }

    #[test]
    fn the_file_has_its_space_allocated() {
        let dir = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::open(dir.path()).unwrap();
        assert_eq!(reserve.refresh().unwrap(), Held::Kept);
        let metadata = std::fs::metadata(dir.path().join("reserve")).unwrap();
        assert_eq!(metadata.len(), size_for(reserve.volume().unwrap().total));
        assert!(std::os::unix::fs::MetadataExt::blocks(&metadata) * 512 >= metadata.len());
    }
}
