//! What is known about damaged blocks, and kept with them, so that a new start knows it too.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use isobar_normalizer::{TimeRange, Timestamp};

use super::Block;
use crate::directory;
use crate::select::Missing;

/// A file that says why the block it lies in is damaged.
const MARKER: &str = "damaged";

/// A folder that should be a block and cannot be opened as one.
#[derive(Clone, Debug)]
pub struct Unopened {
    /// The folder.
    pub folder: PathBuf,
    /// Where its samples can lie.
    pub range: TimeRange,
    /// What is wrong with it.
    pub reason: String,
}

impl Unopened {
    /// A folder below that of a day. A block begins on its day and is at most `span_max_ms` long.
    pub fn new(folder: PathBuf, span_max_ms: i64, reason: String) -> Self {
        const DAY_MS: i64 = 86_400_000;
        let day = folder.parent().and_then(Path::file_name).and_then(|day| day.to_str());
        let day = day.and_then(|day| Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")));
        let (start, end) = day.map_or((i64::MIN, i64::MAX), |day| {
            (day.millis(), day.millis().saturating_add(DAY_MS).saturating_add(span_max_ms))
        });
        let range = TimeRange { start: Timestamp::from_millis(start), end: Timestamp::from_millis(end) };
        Self { folder, range, reason }
    }

    /// What a query that reaches it has to say.
    pub fn missing(&self) -> Missing {
        Missing { block: name_of(&self.folder), range: self.range, reason: self.reason.clone() }
    }
}

impl Block {
    /// Takes up what an earlier process found out.
    pub fn take_up_damage(&self) {
        if self.folder.join(MARKER).exists() {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
    }

    /// Whether reading it ever showed damage.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Whether somebody has taken its folder away.
    pub fn is_gone(&self) -> bool {
        !self.folder.exists()
    }

    /// Notes that reading it showed damage, and tells what that costs.
    pub fn damaged(&self, reason: &str) -> Missing {
        if !self.is_damaged.swap(true, Ordering::Relaxed) {
            tracing::error!(block = %self.folder.display(), reason, "a block is damaged; what can be read of it is");
            if let Err(error) = directory::write_durably(&self.folder.join(MARKER), reason.as_bytes()) {
                tracing::warn!(block = %self.folder.display(), %error, "the damage could not be noted on disk");
            }
        }
        let (start, end) = (self.meta.first_ms, self.meta.last_ms);
        let range = TimeRange { start: Timestamp::from_millis(start), end: Timestamp::from_millis(end) };
        Missing { block: self.name(), range, reason: reason.to_owned() }
    }
}

/// How people are told of a block: tenant, day and sequence.
pub fn name_of(folder: &Path) -> String {
    let parts: Vec<_> = folder.iter().rev().take(3).map(|part| part.to_string_lossy()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// Removes a block's folder so that a crash in between leaves no half of it: it leaves its place first.
pub fn remove(folder: &Path) -> std::io::Result<()> {
    let blocks = folder.ancestors().nth(3).unwrap_or(folder);
    let leaving = blocks.join("tmp").join(format!("{}-leaving", name_of(folder).replace('/', "-")));
    fs::create_dir_all(blocks.join("tmp"))?;
    fs::rename(folder, &leaving)?;
    fs::remove_dir_all(&leaving)
}
