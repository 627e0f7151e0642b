//! The file: contract, permissions, damage, crashes and full volumes.

use super::*;
use crate::conformance::{Tampering, TryReopen, check_tampering};
use std::os::unix::fs::PermissionsExt;
use std::process::Command as Process;
use tempfile::TempDir;

fn event(payload: impl Into<Vec<u8>>) -> NewEvent {
    NewEvent { kind: "test".to_owned(), actor: "isobar".to_owned(), payload: payload.into() }
}

fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
    SqliteJournal::open(path, SqliteOptions { checkpoint_events: 8 })
}

fn append(journal: &SqliteJournal, count: usize) -> Result<Vec<Event>, JournalError> {
    journal.append(Timestamp::from_millis(1), (0..count).map(|number| event(number.to_string())).collect())
}

/// A closed journal of 30 events with a snapshot at 20.
fn filled() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    let journal = open(&path).unwrap();
    append(&journal, 30).unwrap();
    journal.save_snapshot("alerts", 20, b"state").unwrap();
    (folder, path)
}

#[test]
fn keeps_the_contract() {
    let mut folders = Vec::new();
    crate::conformance::check_all(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal.db");
        folders.push(folder);
        Box::new(move || Arc::new(open(&path).unwrap()))
    });
}

#[test]
fn whatever_is_done_to_it_is_found() {
    let mut folders = Vec::new();
    check_tampering(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal.db");
        folders.push(folder);
        let tampered = path.clone();
        let open: TryReopen = Box::new(move || Ok(Arc::new(open(&path)?)));
        (open, Box::new(move |tampering| tamper(&Connection::open(&tampered).unwrap(), tampering)))
    });
}

fn tamper(connection: &Connection, tampering: Tampering) {
    let run = |sql: String| connection.execute_batch(&sql).unwrap();
    match tampering {
        Tampering::Payload(seq) => run(format!("UPDATE events SET payload = x'00' WHERE seq = {seq}")),
        Tampering::Actor(seq) => run(format!("UPDATE events SET actor = 'user:x' WHERE seq = {seq}")),
        Tampering::Time(seq) => run(format!("UPDATE events SET at = at - 1 WHERE seq = {seq}")),
        Tampering::Remove(seq) => run(format!("DELETE FROM events WHERE seq = {seq}")),
        Tampering::Swap(one, other) => run(format!(
            "UPDATE events SET seq = -1 WHERE seq = {one}; UPDATE events SET seq = {one} WHERE seq = {other};
             UPDATE events SET seq = {other} WHERE seq = -1"
        )),
        Tampering::CutAfter(seq) => {
            run(format!("DELETE FROM events WHERE seq > {seq}; DELETE FROM checkpoints WHERE seq > {seq}"))
        }
        Tampering::CutBefore(seq) => run(format!("DELETE FROM events WHERE seq < {seq}")),
        Tampering::MakeAnew(from) => {
            let mut head = file::before(connection, from).unwrap();
            for old in file::read(connection, from - 1, usize::MAX).unwrap() {
                let payload = if old.seq == from { b"forged".to_vec() } else { old.payload };
                let forged = head.seal(old.at, NewEvent { kind: old.kind, actor: old.actor, payload });
                let Event { seq, payload, prev, hash, .. } = &forged;
                let new = params![*seq as i64, payload, prev, hash];
                let replace = "UPDATE events SET payload = ?2, prev = ?3, hash = ?4 WHERE seq = ?1";
                connection.execute(replace, new).unwrap();
                let mark = "UPDATE checkpoints SET hash = ?2 WHERE seq = ?1";
                connection.execute(mark, params![*seq as i64, hash]).unwrap();
                head = forged.head();
            }
        }
    }
}

#[test]
fn only_the_owner_reads_it() {
    let (_folder, path) = filled();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let journal = open(&path).unwrap();
    append(&journal, 1).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let companion = PathBuf::from(format!("{}{suffix}", path.display()));
        let mode = std::fs::metadata(&companion).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", companion.display());
    }
}

#[test]
fn checkpoints_stand_at_every_eighth_event() {
    let (_folder, path) = filled();
    let journal = open(&path).unwrap();
    let checkpoints = journal.checkpoints().unwrap();
    assert_eq!(checkpoints.iter().map(|head| head.seq).collect::<Vec<_>>(), [8, 16, 24]);
    assert_eq!(checkpoints[1], journal.read(15, 1).unwrap()[0].head());
}

/// Runs SQL on the closed file, then expects opening to find the damage there.
#[track_caller]
fn check_damage(sql: &str, expected_seq: Option<u64>, says: &str) {
    let (_folder, path) = filled();
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    match open(&path) {
        Err(JournalError::Damaged { seq, what }) => {
            assert_eq!(seq, expected_seq, "{sql}: {what}");
            assert!(what.contains(says), "{sql}: {what:?} does not say {says:?}");
        }
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn damage_of_the_tail_is_found_on_opening() {
    check_damage("UPDATE events SET payload = x'00' WHERE seq = 27", Some(27), "content");
    check_damage("UPDATE events SET actor = 'user:x' WHERE seq = 30", Some(30), "content");
    check_damage("DELETE FROM events WHERE seq = 28", Some(29), "event 28 was expected");
    check_damage("DELETE FROM events WHERE seq > 18", Some(24), "it ends at 18:");
    check_damage(
        "DELETE FROM events WHERE seq > 18; DELETE FROM checkpoints WHERE seq > 18",
        Some(18),
        "cut off",
    );
    check_damage("UPDATE checkpoints SET hash = zeroblob(32) WHERE seq = 24", Some(25), "prev");
    check_damage(
        "DELETE FROM events WHERE seq > 24; UPDATE checkpoints SET hash = zeroblob(32) WHERE seq = 24",
        Some(24),
        "checkpoint 24:",
    );
    check_damage("UPDATE events SET hash = x'00' WHERE seq = 30", None, "");
    check_damage("DELETE FROM events", Some(24), "it ends at 16:");
    check_damage("PRAGMA application_id = 7", None, "no journal");
}

#[test]
fn older_damage_is_found_on_reading() {
    let (_folder, path) = filled();
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE events SET payload = x'00' WHERE seq = 5")
        .unwrap();
    let journal = open(&path).unwrap();
    assert_eq!(journal.read(0, 4).unwrap().len(), 4);
    assert!(matches!(journal.read(0, 5), Err(JournalError::Damaged { seq: Some(5), .. })));
    assert!(append(&journal, 1).is_ok(), "what is new is kept all the same");
}

/// Runs SQL on the closed file and reads it in pages of four, as one who folds its state does.
#[track_caller]
fn check_pages(sql: &str, expected_seq: u64, says: &str) {
    let (_folder, path) = filled();
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let journal = open(&path).unwrap();
    let mut after = 0;
    let error = loop {
        match journal.read(after, 4) {
            Ok(page) => after = page.last().unwrap_or_else(|| panic!("{sql}: nothing was noticed")).seq,
            Err(error) => break error,
        }
    };
    let JournalError::Damaged { seq, what } = error else { panic!("{sql}: {error:?}") };
    assert_eq!(seq, Some(expected_seq), "{sql}: {what}");
    assert!(what.contains(says), "{sql}: {what:?} does not say {says:?}");
}

#[test]
fn a_page_follows_the_one_before() {
    check_pages("DELETE FROM events WHERE seq BETWEEN 5 AND 8", 9, "event 5 was expected, 9 stands there");
    check_pages("DELETE FROM events WHERE seq BETWEEN 3 AND 6", 7, "event 3 was expected, 7 stands there");
    check_pages("DELETE FROM events WHERE seq < 5", 5, "event 1 was expected, 5 stands there");
}

#[test]
fn what_pruning_left_follows_its_checkpoint() {
    let (_folder, path) = filled();
    let journal = open(&path).unwrap();
    assert_eq!(journal.prune(11).unwrap().seq, 10);
    assert_eq!(journal.read(0, 4).unwrap()[0].seq, 11);
    assert_eq!(journal.read(12, 4).unwrap()[0].seq, 13);
    drop(journal);
    let forged = "UPDATE checkpoints SET hash = zeroblob(32) WHERE seq = 10";
    Connection::open(&path).unwrap().execute_batch(forged).unwrap();
    let damaged = open(&path).unwrap().read(0, 4);
    assert!(matches!(damaged, Err(JournalError::Damaged { seq: Some(11), .. })), "{damaged:?}");
}

#[test]
fn damaged_snapshots_are_not_handed_out() {
    let (_folder, path) = filled();
    Connection::open(&path).unwrap().execute_batch("UPDATE snapshots SET bytes = x'00'").unwrap();
    let journal = open(&path).unwrap();
    assert!(matches!(journal.load_snapshot("alerts"), Err(JournalError::Damaged { .. })));
}

#[test]
fn other_files_and_later_versions_are_left_alone() {
    let (_folder, path) = filled();
    std::fs::write(&path, "not a database, but long enough to be taken for one".repeat(50)).unwrap();
    assert!(matches!(open(&path), Err(JournalError::Damaged { seq: None, .. })));
    let (_folder, path) = filled();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    assert!(matches!(open(&path), Err(JournalError::Store(what)) if what.contains("version 2")));
    let (_folder, path) = filled();
    let nowhere = path.join("journal.db");
    assert!(matches!(open(&nowhere), Err(JournalError::Store(what)) if what.contains("journal.db")));
}

/// Copies what is on the disk while the journal is open, as a crash would leave it: the WAL's index is lost.
fn crashed_copy(path: &Path, folder: &TempDir, wal_bytes: Option<usize>) -> PathBuf {
    let copy = folder.path().join("copy.db");
    let wal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let mut log = std::fs::read(wal(path)).unwrap();
    log.truncate(wal_bytes.unwrap_or(usize::MAX));
    std::fs::remove_file(format!("{}-shm", copy.display())).ok();
    std::fs::copy(path, &copy).unwrap();
    std::fs::write(wal(&copy), log).unwrap();
    copy
}

#[test]
fn what_was_acknowledged_is_there_after_a_crash_at_any_moment() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    let journal = open(&path).unwrap();
    for _ in 0..40 {
        let acknowledged = append(&journal, 3).unwrap();
        let copy = open(&crashed_copy(&path, &folder, None)).unwrap();
        assert_eq!(copy.head(), acknowledged[2].head());
    }
}

#[test]
fn a_wal_cut_anywhere_leaves_whole_appends_and_a_chain() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    drop(open(&path).unwrap());
    let journal = open(&path).unwrap();
    for _ in 0..5 {
        append(&journal, 3).unwrap();
    }
    let events = journal.read(0, 100).unwrap();
    let whole = std::fs::metadata(format!("{}-wal", path.display())).unwrap().len();
    let mut last = 0;
    for bytes in (0..=usize::try_from(whole).unwrap()).step_by(257) {
        let copy = open(&crashed_copy(&path, &folder, Some(bytes))).unwrap();
        let kept = copy.read(0, 100).unwrap();
        assert!(kept.len().is_multiple_of(3) && kept.len() >= last, "{} events of {bytes} bytes", kept.len());
        assert_eq!(kept[..], events[..kept.len()]);
        last = kept.len();
    }
    assert!(last >= 12, "the whole log holds almost everything, not {last}");
}

#[test]
fn callers_that_wait_share_a_commit() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    let connection = file::open(&path).unwrap();
    let commits = Connection::open(&path).unwrap();
    let changes = |connection: &Connection| -> i64 {
        connection.pragma_query_value(None, "data_version", |row| row.get(0)).unwrap()
    };
    let head = Arc::new(Mutex::new(Head::default()));
    let (commands, received) = sync_channel(100);
    let answers: Vec<_> = (0..50)
        .map(|number| {
            let (reply, answer) = sync_channel(1);
            let events = vec![event(number.to_string())];
            commands.send(Command::Append { at: Timestamp::default(), events, reply }).unwrap();
            answer
        })
        .collect();
    drop(commands);
    let before = changes(&commits);
    Writer::new(connection, Arc::clone(&head), 8).run(&received);
    assert_eq!(changes(&commits) - before, 1, "fifty appends, one commit");
    for (answer, seq) in answers.iter().zip(1..) {
        assert_eq!(answer.recv().unwrap().unwrap()[0].seq, seq);
    }
    assert_eq!(head.lock().seq, 50);
}

#[test]
fn pruning_goes_in_steps_and_the_rest_is_a_chain() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    let journal = SqliteJournal::open(&path, SqliteOptions::default()).unwrap();
    append(&journal, 10_000).unwrap();
    journal.save_snapshot("alerts", 9_999, b"").unwrap();
    let floor = journal.prune(9_500).unwrap();
    assert_eq!(floor.seq, 9_499);
    let seqs: Vec<_> = journal.checkpoints().unwrap().iter().map(|head| head.seq).collect();
    assert_eq!(seqs, [4_096, 8_192, 9_499]);
    let head = journal.head();
    drop(journal);
    let journal = SqliteJournal::open(&path, SqliteOptions::default()).unwrap();
    assert_eq!((journal.head(), journal.read(0, 1).unwrap()[0].prev), (head, floor.hash));
}

/// A small volume, unmounted when dropped.
struct Volume(TempDir);

impl Volume {
    fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Process::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            failed => {
                eprintln!("skipped: cannot mount a tmpfs: {failed:?}");
                None
            }
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let unmounted = Process::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "cannot unmount {}", self.0.path().display());
    }
}

/// Writes until the volume takes no more.
fn fill(path: &Path) {
    use std::io::Write;
    let mut ballast = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    while ballast.write(&[1; 4096]).is_ok_and(|written| written > 0) {}
}

#[test]
fn a_full_volume_is_said_and_forgotten_once_there_is_space() {
    let Some(volume) = Volume::mount("6m") else { return };
    let path = volume.0.path().join("journal.db");
    let ballast = volume.0.path().join("ballast");
    let journal = open(&path).unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        acknowledged.extend(append(&journal, 10).unwrap());
        fill(&ballast);
        let mut refused = 0;
        for number in 0..60 {
            match journal.append(Timestamp::from_millis(number), vec![event(vec![b'x'; 40_000])]) {
                // Room inside the files that are there already.
                Ok(events) => acknowledged.extend(events),
                Err(JournalError::DiskFull(_)) => refused += 1,
                Err(other) => panic!("round {round}: {other:?}"),
            }
        }
        assert!(refused > 0, "round {round}: the volume was never full");
        assert_eq!(journal.head(), acknowledged.last().unwrap().head());
        assert_eq!(journal.read(0, usize::MAX).unwrap(), acknowledged, "reading goes on");
        let snapshot = journal.save_snapshot("alerts", 1, &vec![0; 4 << 20]);
        assert!(matches!(snapshot, Err(JournalError::DiskFull(_))), "{snapshot:?}");

        std::fs::remove_file(&ballast).unwrap();
        acknowledged.extend(append(&journal, 10).unwrap());
        // Keeps the journal itself from filling the volume over the rounds.
        journal.save_snapshot("alerts", journal.head().seq, b"state").unwrap();
        journal.prune(journal.head().seq - 5).unwrap();
        acknowledged.drain(..acknowledged.len() - 6);
    }
    drop(journal);
    assert_eq!(open(&path).unwrap().read(0, usize::MAX).unwrap(), acknowledged);
}
