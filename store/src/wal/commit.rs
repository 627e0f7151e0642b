//! Group commit: whoever waits for the same bytes shares one fsync.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How far one shard's log has been written, and how far it is on disk.
#[derive(Debug, Default)]
pub struct GroupCommit {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Files written since they were last forced to disk; the last one is being written.
    dirty: Vec<Arc<File>>,
    /// Bytes ever written to the shard by this process.
    written: u64,
    /// How many of them are known to be on disk.
    synced: u64,
    /// An fsync failed. The kernel may have dropped what it could not write, and a later fsync that succeeds would say
    /// nothing about it: from here on no sync of this shard answers well until the log is read back by a new start.
    failed: Option<io::ErrorKind>,
    running: bool,
}

impl GroupCommit {
    /// Notes that `bytes` more were written to the file.
    pub fn wrote(&self, file: &Arc<File>, bytes: u64) {
        let mut state = self.state.lock();
        if !state.dirty.last().is_some_and(|last| Arc::ptr_eq(last, file)) {
            state.dirty.push(file.clone());
        }
        state.written += bytes;
    }

    /// The failure that every sync answers from now on, if there was one.
    pub fn failure(&self) -> Option<io::Error> {
        self.state.lock().failed.map(failure)
    }

    /// Returns once everything written before the call is on disk.
    pub fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let target = state.written;
        loop {
            if let Some(kind) = state.failed {
                return Err(failure(kind));
            }
            if state.synced >= target {
                return Ok(());
            }
            if state.running {
                self.changed.wait(&mut state);
                continue;
            }
            state.running = true;
            let upto = state.written;
            let files = std::mem::take(&mut state.dirty);
            drop(state);
            let result = files.iter().try_for_each(|file| file.sync_data());
            state = self.state.lock();
            match result {
                Ok(()) => state.synced = upto,
                Err(error) => state.failed = Some(error.kind()),
            }
            state.running = false;
            self.changed.notify_all();
        }
    }
}

fn failure(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "an fsync of the write-ahead log failed, restart to recover")
}

/// Forces the shards' logs to disk every so often until it is dropped.
#[derive(Debug)]
pub struct SyncThread {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl SyncThread {
    /// Starts the thread.
    pub fn start(commits: Vec<Arc<GroupCommit>>, every: Duration) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let watched = stop.clone();
        let run = move || {
            let (stopped, changed) = &*watched;
            let mut stopped = stopped.lock();
            // A failure stays until the next start and is told once.
            let mut failed = vec![false; commits.len()];
            while !*stopped {
                changed.wait_for(&mut stopped, every);
                parking_lot::MutexGuard::unlocked(&mut stopped, || {
                    for (commit, failed) in commits.iter().zip(&mut failed) {
                        if let Err(error) = commit.sync()
                            && !std::mem::replace(failed, true)
                        {
                            tracing::error!(%error, "forcing the write-ahead log to disk failed");
                            metrics::counter!("isobar_wal_fsync_failures_total").increment(1);
                        }
                    }
                });
            }
        };
        let thread = thread::Builder::new().name("isobar-wal-sync".to_owned()).spawn(run)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that syncs the write-ahead log ended by a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_callers_share_a_sync_and_nothing_new_needs_none() {
        let commit = Arc::new(GroupCommit::default());
        commit.sync().unwrap();
        let file = Arc::new(tempfile::tempfile().unwrap());
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    commit.wrote(&file, 10);
                    commit.sync().unwrap();
                });
            }
        });
        let state = commit.state.lock();
        assert_eq!((state.written, state.synced, state.dirty.len()), (80, 80, 0));
    }

    #[test]
    fn after_a_failed_sync_nothing_is_called_durable() {
        let commit = GroupCommit::default();
        // A pipe cannot be forced to disk: EINVAL.
        let (_reader, writer) = io::pipe().unwrap();
        let pipe = Arc::new(File::from(std::os::fd::OwnedFd::from(writer)));
        commit.wrote(&pipe, 5);
        assert!(commit.failure().is_none());
        commit.sync().unwrap_err();
        assert!(commit.failure().is_some());
        commit.wrote(&Arc::new(tempfile::tempfile().unwrap()), 5);
        commit.sync().unwrap_err();
    }
}
