//! The folder a demo lives in.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A folder for configuration, credentials and data: a temporary one goes away with it.
#[derive(Debug)]
pub enum Home {
    /// The user's.
    Kept(PathBuf),
    /// Removed when this is dropped.
    Temporary(TempDir),
}

impl Home {
    /// Takes a new or empty folder, or makes a temporary one.
    ///
    /// # Errors
    /// The folder holds something, which is not overwritten; or it cannot be made.
    pub fn open(keep: Option<PathBuf>) -> Result<Self> {
        let Some(folder) = keep else {
            let temporary = tempfile::Builder::new().prefix("isobar-demo-").tempdir();
            return Ok(Self::Temporary(temporary.context("making a temporary folder")?));
        };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("making {}", folder.display()))?;
        let mut found = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        if found.next().is_some() {
            bail!("--keep {}: the folder is not empty; name a new one", folder.display());
        }
        Ok(Self::Kept(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Writes a file that only its owner reads, with the folders above it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, content: &str) -> Result<()> {
        let path = self.path().join(name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(self.path()))?;
            let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            file.write_all(content.as_bytes())
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_away_and_a_kept_one_must_be_empty() {
        let home = Home::open(None).unwrap();
        home.write("secrets/key", "s3cret").unwrap();
        let folder = home.path().to_owned();
        assert_eq!(fs::read_to_string(folder.join("secrets/key")).unwrap(), "s3cret");
        drop(home);
        assert!(!folder.exists());

        let parent = tempfile::tempdir().unwrap();
        let kept = parent.path().join("a/b");
        let home = Home::open(Some(kept.clone())).unwrap();
        home.write("isobar.yaml", "{}\n").unwrap();
        drop(home);
        assert!(kept.join("isobar.yaml").exists());
        let refused = Home::open(Some(kept)).unwrap_err().to_string();
        assert!(refused.contains("not empty"), "{refused}");
    }
}
