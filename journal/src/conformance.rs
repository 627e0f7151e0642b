//! What every store of the journal must do, as checks that panic. For tests of stores; no program calls it.

use std::sync::Arc;

use isobar_normalizer::Timestamp;

use crate::event::{Head, KIND_BYTES_MAX, NewEvent, PAYLOAD_BYTES_MAX};
use crate::export::export;
use crate::journal::{Journal, JournalError};
use crate::verify::verify_export;

/// Opens the same store again each time it is called. The one before is dropped first.
pub type Reopen = Box<dyn Fn() -> Arc<dyn Journal>>;

/// Runs every check, each on a fresh, empty store.
pub fn check_all(mut fresh: impl FnMut() -> Reopen) {
    for check in [
        empty as fn(&Reopen),
        appended_events_are_chained_and_exact,
        reading_is_in_order_and_bounded,
        what_is_refused_leaves_no_trace,
        snapshots_are_kept,
        everything_outlives_the_process,
        pruning_needs_a_snapshot_and_leaves_a_checkpoint,
        concurrent_appends_make_one_chain,
    ] {
        check(&fresh());
    }
}

/// Opens the same store again, or says what is wrong with it.
pub type TryReopen = Box<dyn Fn() -> Result<Arc<dyn Journal>, JournalError>>;

/// Events of a journal that is tampered with.
pub const TAMPERED_EVENTS: u64 = 12;

/// What somebody who may write the store does to it while it is closed. Numbers are those of events.
#[derive(Clone, Copy, Debug)]
pub enum Tampering {
    /// Another payload, under the hash that was there.
    Payload(u64),
    /// Another actor.
    Actor(u64),
    /// An earlier time.
    Time(u64),
    /// An event less, the others as they were.
    Remove(u64),
    /// What two events say, exchanged.
    Swap(u64, u64),
    /// Everything after this one is gone, and whatever else the store keeps of it.
    CutAfter(u64),
    /// Everything before this one is gone.
    CutBefore(u64),
    /// Another payload, and every hash from there to the end made anew, in the store's own checkpoints too.
    MakeAnew(u64),
}

/// Checks that whatever is done to a store is found: by opening it, by exporting it, or by verifying the export against
/// the head that was kept elsewhere. `fresh` makes an empty store with a way to tamper with it.
pub fn check_tampering(mut fresh: impl FnMut() -> (TryReopen, Box<dyn Fn(Tampering)>)) {
    let each = |of: fn(u64) -> Tampering| (1..=TAMPERED_EVENTS).map(of);
    let kinds = each(Tampering::Payload)
        .chain(each(Tampering::Actor))
        .chain(each(Tampering::Time))
        .chain(each(Tampering::Remove))
        .chain(each(Tampering::MakeAnew))
        .chain((1..TAMPERED_EVENTS).map(|seq| Tampering::Swap(seq, seq + 1)))
        .chain((0..TAMPERED_EVENTS).map(Tampering::CutAfter))
        .chain((2..=TAMPERED_EVENTS).map(Tampering::CutBefore));
    for tampering in kinds {
        let (open, tamper) = fresh();
        let journal = open().expect("an empty store opens");
        append(&*journal, TAMPERED_EVENTS);
        let head = journal.head();
        drop(journal);
        tamper(tampering);
        assert!(is_found(&open, head), "{tampering:?} was not noticed");
    }
}

fn is_found(open: &TryReopen, kept_elsewhere: Head) -> bool {
    let Ok(journal) = open() else { return true };
    let mut exported = Vec::new();
    if export(&*journal, 0, &mut exported).is_err() {
        return true;
    }
    // A front that is missing up to a checkpoint of the store's own looks like pruning, and is told of as that.
    !verify_export(&exported[..], &[kept_elsewhere]).is_ok_and(|verified| verified.follows.is_none())
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn event(payload: &[u8]) -> NewEvent {
    NewEvent { kind: "test".to_owned(), actor: "isobar".to_owned(), payload: payload.to_vec() }
}

fn append(journal: &dyn Journal, count: u64) {
    let events = (0..count).map(|number| event(&number.to_be_bytes())).collect();
    journal.append(at(1_000), events).expect("plain events are taken");
}

fn verify(journal: &dyn Journal) {
    let mut exported = Vec::new();
    export(journal, 0, &mut exported).expect("the journal is readable");
    let head = journal.head();
    let verified = verify_export(&exported[..], &[head]).expect("the chain holds");
    assert_eq!(verified.last.unwrap_or_default(), head);
}

fn empty(open: &Reopen) {
    let journal = open();
    assert_eq!(journal.head(), Head::default());
    assert_eq!(journal.read(0, 10), Ok(Vec::new()));
    assert_eq!(journal.append(at(0), Vec::new()), Ok(Vec::new()));
    assert_eq!(journal.head(), Head::default());
    assert_eq!(journal.load_snapshot("none"), Ok(None));
    assert_eq!(journal.prune(u64::MAX), Ok(Head::default()));
    assert_eq!(journal.checkpoints(), Ok(Vec::new()));
}

fn appended_events_are_chained_and_exact(open: &Reopen) {
    let journal = open();
    let new =
        NewEvent { kind: "alert".to_owned(), actor: "user:李".to_owned(), payload: vec![0, 0xff, b'\n'] };
    let appended = journal.append(at(5), vec![new.clone(), event(b""), new.clone()]).expect("taken");
    let mut head = Head::default();
    for event in &appended {
        head = head.follow(event).expect("follows");
    }
    assert_eq!(journal.head(), head);
    assert_eq!(appended.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(
        (&appended[0].kind, &appended[0].actor, &appended[0].payload),
        (&new.kind, &new.actor, &new.payload)
    );
    assert_eq!(journal.read(0, 10), Ok(appended));
    // A clock that goes back does not disturb the order.
    let earlier = journal.append(at(0), vec![event(b"x")]).expect("taken");
    assert_eq!((earlier[0].seq, earlier[0].prev), (4, head.hash));
    verify(&*journal);
}

fn reading_is_in_order_and_bounded(open: &Reopen) {
    let journal = open();
    append(&*journal, 25);
    let seqs = |after, limit| -> Vec<u64> {
        journal.read(after, limit).expect("readable").iter().map(|event| event.seq).collect()
    };
    assert_eq!(seqs(0, 3), [1, 2, 3]);
    assert_eq!(seqs(3, 2), [4, 5]);
    assert_eq!(seqs(23, 10), [24, 25]);
    assert_eq!(seqs(25, 10), [0; 0]);
    assert_eq!(seqs(u64::MAX, 10), [0; 0]);
    assert_eq!(seqs(0, 0), [0; 0]);
    assert_eq!(seqs(0, usize::MAX).len(), 25);
}

fn what_is_refused_leaves_no_trace(open: &Reopen) {
    let journal = open();
    append(&*journal, 1);
    let head = journal.head();
    let kind = |kind: String| NewEvent { kind, ..event(b"") };
    for (time, refused) in [
        (0, kind(String::new())),
        (0, kind("k".repeat(KIND_BYTES_MAX + 1))),
        (0, NewEvent { actor: String::new(), ..event(b"") }),
        (0, event(&vec![0; PAYLOAD_BYTES_MAX + 1])),
        (-1, event(b"")),
        (i64::MAX, event(b"")),
    ] {
        let result = journal.append(at(time), vec![event(b"fine"), refused]);
        assert!(matches!(result, Err(JournalError::Invalid(_))), "{result:?}");
    }
    assert_eq!(journal.head(), head);
    append(&*journal, 1);
    assert_eq!(journal.head().seq, 2);
    verify(&*journal);
}

fn snapshots_are_kept(open: &Reopen) {
    let journal = open();
    append(&*journal, 5);
    journal.save_snapshot("alerts", 3, b"first").expect("taken");
    journal.save_snapshot("other", 0, b"").expect("taken");
    journal.save_snapshot("alerts", 5, b"second").expect("taken");
    assert_eq!(journal.load_snapshot("alerts"), Ok(Some((5, b"second".to_vec()))));
    assert_eq!(journal.load_snapshot("other"), Ok(Some((0, Vec::new()))));
    let future = journal.save_snapshot("alerts", 6, b"future");
    assert!(matches!(future, Err(JournalError::Invalid(_))), "{future:?}");
    assert_eq!(journal.load_snapshot("alerts"), Ok(Some((5, b"second".to_vec()))));
}

fn everything_outlives_the_process(open: &Reopen) {
    let journal = open();
    append(&*journal, 30);
    journal.save_snapshot("alerts", 20, b"state").expect("taken");
    let (head, events, checkpoints) = (journal.head(), journal.read(0, 100), journal.checkpoints());
    drop(journal);
    let journal = open();
    assert_eq!(journal.head(), head);
    assert_eq!(journal.read(0, 100), events);
    assert_eq!(journal.checkpoints(), checkpoints);
    assert_eq!(journal.load_snapshot("alerts"), Ok(Some((20, b"state".to_vec()))));
    append(&*journal, 1);
    assert_eq!(journal.head().seq, 31);
    verify(&*journal);
}

fn pruning_needs_a_snapshot_and_leaves_a_checkpoint(open: &Reopen) {
    let journal = open();
    append(&*journal, 20);
    let tenth = journal.read(9, 1).expect("readable")[0].head();
    assert_eq!(journal.prune(15), Ok(Head::default()), "no snapshot covers anything");
    assert_eq!(journal.read(0, 100).expect("readable").len(), 20);

    journal.save_snapshot("alerts", 10, b"").expect("taken");
    journal.save_snapshot("other", 18, b"").expect("taken");
    assert_eq!(journal.prune(15), Ok(tenth), "up to what every snapshot covers");
    assert_eq!(journal.prune(5), Ok(tenth), "nothing comes back");
    let left = journal.read(0, 100).expect("readable");
    assert_eq!((left[0].seq, left[0].prev, left.len()), (11, tenth.hash, 10));
    assert!(journal.checkpoints().expect("readable").contains(&tenth));
    verify(&*journal);

    journal.save_snapshot("alerts", 20, b"").expect("taken");
    journal.save_snapshot("other", 20, b"").expect("taken");
    let head = journal.head();
    assert_eq!(journal.prune(u64::MAX), Ok(head), "everything may go");
    drop(journal);
    let journal = open();
    assert_eq!(journal.head(), head, "and the chain goes on");
    append(&*journal, 1);
    let next = journal.read(0, 10).expect("readable");
    assert_eq!((next[0].seq, next[0].prev), (21, head.hash));
    drop(journal);
    verify(&*open());
}

fn concurrent_appends_make_one_chain(open: &Reopen) {
    const CALLERS: usize = 8;
    const APPENDS: usize = 25;
    let journal = open();
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..APPENDS {
                    let payload = format!("{caller} {number}").into_bytes();
                    let appended =
                        journal.append(at(1), vec![event(&payload), event(&payload)]).expect("taken");
                    assert_eq!(appended[1].seq, appended[0].seq + 1, "an append stays together");
                    assert!(
                        journal.head().seq >= appended[1].seq,
                        "the head is not behind what was returned"
                    );
                }
            });
        }
    });
    assert_eq!(journal.head().seq, (CALLERS * APPENDS * 2) as u64);
    let events = journal.read(0, usize::MAX).expect("readable");
    for caller in 0..CALLERS {
        let prefix = format!("{caller} ").into_bytes();
        let own = events.iter().filter(|event| event.payload.starts_with(&prefix));
        let payloads: Vec<_> = own.map(|event| event.payload.clone()).collect();
        let expected = (0..APPENDS).flat_map(|number| [number; 2]);
        let expected: Vec<_> = expected.map(|number| format!("{caller} {number}").into_bytes()).collect();
        assert_eq!(payloads, expected, "each caller's events are in its order");
    }
    verify(&*journal);
}
