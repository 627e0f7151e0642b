//! Snapshots are kept beside the work.

use std::sync::mpsc;

use isobar_journal::{Event, Head, NewEvent};
use tokio::sync::Notify;

use super::super::writer::SNAPSHOT_EVERY;
use super::*;

const CONFIG: &str = "route: {receiver: team}\nreceivers: [{name: team}]\n";

/// A journal that is slow to keep snapshots, and keeps the first one only.
#[derive(Debug)]
struct Slow {
    journal: MemoryJournal,
    begun: Notify,
    /// The first snapshot is kept once the other end is gone.
    release: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Journal for Slow {
    fn save_snapshot(&self, name: &str, upto_seq: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let Some(release) = self.release.lock().take() else { return Ok(()) };
        self.begun.notify_one();
        let _ = release.recv();
        self.journal.save_snapshot(name, upto_seq, bytes)
    }

    fn append(&self, at: Timestamp, events: Vec<NewEvent>) -> Result<Vec<Event>, JournalError> {
        self.journal.append(at, events)
    }

    fn read(&self, after_seq: u64, limit: usize) -> Result<Vec<Event>, JournalError> {
        self.journal.read(after_seq, limit)
    }

    fn head(&self) -> Head {
        self.journal.head()
    }

    fn load_snapshot(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        self.journal.load_snapshot(name)
    }

    fn checkpoints(&self) -> Result<Vec<Head>, JournalError> {
        self.journal.checkpoints()
    }

    fn prune(&self, before_seq: u64) -> Result<Head, JournalError> {
        self.journal.prune(before_seq)
    }
}

#[tokio::test]
async fn what_comes_while_a_snapshot_is_kept_waits_for_nothing_and_is_known_after_a_restart() {
    let (releasing, release) = mpsc::channel();
    let (journal, begun) = (MemoryJournal::new(), Notify::new());
    let journal = Arc::new(Slow { journal, begun, release: Mutex::new(Some(release)) });
    let centre = Running::start_over(CONFIG, &journal).await;
    let said = transition("alertname=First", AlertState::Firing, Severity::Critical, START);
    centre.handle.ingest(vec![said; SNAPSHOT_EVERY]).await.unwrap();
    let meanwhile = async {
        journal.begun.notified().await;
        centre.say(AlertState::Firing, "alertname=Meanwhile").await;
    };
    tokio::time::timeout(Duration::from_secs(30), meanwhile).await.expect("it waits for the snapshot");
    assert_eq!(journal.load_snapshot("alerting").unwrap(), None);
    drop(releasing);
    centre.stop().await;
    let (upto, _) = journal.load_snapshot("alerting").unwrap().expect("the snapshot was kept");
    assert!(upto < journal.head().seq, "it does not know what came meanwhile");

    let again = Running::start_over(CONFIG, &journal).await;
    let mut names: Vec<String> = again.handle.alerts().iter().map(|alert| alert.name().to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["First", "Meanwhile"]);
    again.stop().await;
}
