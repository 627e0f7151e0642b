//! Exports with something done to them.

use super::*;
use crate::event::{Event, NewEvent};
use crate::export::{export, to_line};
use crate::journal::Journal;
use crate::memory::MemoryJournal;
use isobar_normalizer::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

fn new(payload: impl Into<Vec<u8>>) -> NewEvent {
    NewEvent { kind: "alert".to_owned(), actor: "isobar".to_owned(), payload: payload.into() }
}

fn journal(count: u64) -> MemoryJournal {
    let journal = MemoryJournal::new();
    let events = (1..=count).map(|number| new(format!("{{\"n\":{number}}}"))).collect();
    journal.append(Timestamp::from_millis(1_700_000_000_000), events).unwrap();
    journal
}

fn events(count: u64) -> Vec<Event> {
    journal(count).read(0, usize::MAX).unwrap()
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| to_line(event) + "\n").collect()
}

/// A chain that holds together but is another one from event `from` (counted from 0) on.
fn made_anew(mut events: Vec<Event>, from: usize) -> Vec<Event> {
    let mut head = events[..from].last().map(Event::head).unwrap_or_default();
    events[from].payload = b"{\"n\":0}".to_vec();
    for event in &mut events[from..] {
        *event = head.seal(event.at, new(event.payload.clone()));
        head = event.head();
    }
    events
}

#[track_caller]
fn check(text: &str, checkpoint: Option<Head>, expected: Result<(u64, bool), (u64, &str)>) {
    let found = verify_export(text.as_bytes(), checkpoint.as_slice());
    let shown = match &found {
        Ok(verified) => Ok((verified.events, verified.truncation_detectable())),
        Err(error) => Err((error.line, error.what.to_string())),
    };
    match (&shown, expected) {
        (Ok(shown), Ok(expected)) => assert_eq!(*shown, expected),
        (Err((line, what)), Err((expected_line, part))) => {
            assert_eq!(*line, expected_line, "{what}");
            assert!(what.contains(part), "{what:?} does not say {part:?}");
        }
        (shown, expected) => panic!("{shown:?} instead of {expected:?}"),
    }
}

#[test]
fn a_whole_export_holds_and_says_what_it_cannot_know() {
    let events = events(5);
    let whole = text(&events);
    check(&whole, None, Ok((5, false)));
    check(&whole, Some(events[4].head()), Ok((5, true)));
    check(&whole, Some(events[2].head()), Ok((5, true)));
    check(&whole, Some(Head::default()), Ok((5, false)));
    check(whole.trim_end(), None, Ok((5, false)));
    check("", None, Ok((0, false)));

    let verified = verify_export(whole.as_bytes(), &[]).unwrap();
    assert_eq!((verified.first, verified.last), (Some(events[0].head()), Some(events[4].head())));
    assert_eq!(verified.follows, None, "it starts at the beginning");
}

#[test]
fn an_export_may_start_late_where_the_checkpoint_meets_it() {
    let events = events(5);
    let late = text(&events[2..]);
    check(&late, None, Ok((3, false)));
    check(&late, Some(events[1].head()), Ok((3, true)));
    check(&late, Some(events[0].head()), Err((1, "starts after the checkpoint")));
    let wrong = Head { seq: 2, hash: [7; 32] };
    check(&late, Some(wrong), Err((1, "not the event of the checkpoint")));
    let verified = verify_export(late.as_bytes(), &[]).unwrap();
    assert_eq!((verified.first, verified.follows), (Some(events[2].head()), Some(events[1].head())));
}

#[test]
fn the_last_number_there_is_ends_the_chain() {
    let last = Head { seq: u64::MAX - 1, hash: [7; 32] }.seal(Timestamp::default(), new("{}"));
    let again = Event { prev: last.hash, ..last.clone() };
    let again = Event { hash: again.computed_hash(), ..again };
    check(&text(std::slice::from_ref(&last)), None, Ok((1, false)));
    check(&text(&[last, again]), None, Err((2, "was expected")));
}

#[test]
fn what_only_a_checkpoint_from_elsewhere_can_tell() {
    let events = events(5);
    let last = Some(events[4].head());
    let cut = text(&events[..3]);
    check(&cut, None, Ok((3, false)));
    check(&cut, last, Err((4, "events were cut off")));
    check("", last, Err((1, "events were cut off")));

    let anew = text(&made_anew(events, 2));
    check(&anew, None, Ok((5, false)));
    check(&anew, last, Err((5, "made anew")));
}

#[test]
fn of_many_checkpoints_each_counts() {
    let events = events(20);
    let heads: Vec<Head> = events.iter().map(Event::head).collect();
    let known = [heads[9], heads[4], heads[14], heads[9]];
    let verified = verify_export(text(&events).as_bytes(), &known).unwrap();
    assert_eq!((verified.checkpoint, verified.checkpoints), (Some(heads[14]), 3));
    // Those before the first event are passed over, the one it follows is not.
    let verified = verify_export(text(&events[10..]).as_bytes(), &known).unwrap();
    assert_eq!((verified.checkpoint, verified.checkpoints), (Some(heads[14]), 2));

    let cut = verify_export(text(&events[..12]).as_bytes(), &known).unwrap_err();
    assert_eq!((cut.line, cut.seq), (13, Some(13)), "the first one missing: {cut}");
    let anew = made_anew(events, 11);
    let found = verify_export(text(&anew).as_bytes(), &known).unwrap_err();
    assert_eq!(found.seq, Some(15));
    assert!(found.to_string().ends_with("of an event after 10"), "{found}");
    // Two that cannot both be true.
    let other = Head { seq: 5, hash: [1; 32] };
    assert!(verify_export(text(&anew).as_bytes(), &[heads[4], other]).is_err());
}

#[test]
fn damage_is_found_where_it_is() {
    let whole = events(5);
    let with = |change: &dyn Fn(&mut Vec<Event>)| {
        let mut changed = whole.clone();
        change(&mut changed);
        text(&changed)
    };
    check(&with(&|events| events[2].payload[0] ^= 1), None, Err((3, "content")));
    check(&with(&|events| events[2].kind.push('x')), None, Err((3, "content")));
    check(&with(&|events| events[2].actor = "user:x".to_owned()), None, Err((3, "content")));
    check(&with(&|events| events[2].tenant = "other".to_owned()), None, Err((3, "content")));
    check(&with(&|events| events[2].at = Timestamp::default()), None, Err((3, "content")));
    check(&with(&|events| events[2].hash[5] ^= 1), None, Err((3, "content")));
    check(&with(&|events| events[2].prev[5] ^= 1), None, Err((3, "prev")));
    check(&with(&|events| drop(events.remove(1))), None, Err((2, "event 2 was expected, 3 stands there")));
    check(&with(&|events| events.swap(1, 2)), None, Err((2, "event 2 was expected")));
    check(&with(&|events| events.insert(1, events[1].clone())), None, Err((3, "event 3 was expected")));
    check(&with(&|events| events[0].seq = 0), None, Err((1, "event 1 was expected, 0 stands there")));
    check(&with(&|events| events[0].prev = [1; 32]), None, Err((1, "prev")));
    let cut_inside = &text(&whole)[..text(&whole).len() - 30];
    check(cut_inside, None, Err((5, "not an event")));
    check(&format!("{}\n", text(&whole)), None, Err((6, "not an event")));
    check("hello\n", None, Err((1, "not an event")));
}

#[test]
fn lines_without_end_are_not_read_without_end() {
    let endless = std::io::repeat(b'x');
    let error = verify_export(endless, &[]).unwrap_err();
    assert!(matches!(error.what, Fault::Form(_)) && error.line == 1);
}

/// What a forger without the means to make the whole chain anew can do to an export.
#[derive(Clone, Debug)]
enum Forgery {
    /// Flips a bit of one event's content, and may give it a hash that fits.
    Edit {
        at: Index,
        field: u8,
        bit: Index,
        rehash: bool,
    },
    Delete {
        at: Index,
        count: Index,
    },
    Swap {
        one: Index,
        other: Index,
    },
    /// Puts a copy of an event somewhere else.
    Repeat {
        from: Index,
        to: Index,
    },
    /// Puts an event of another chain in the place of one, with its number.
    Splice {
        at: Index,
    },
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 0u8..7, index(), any::<bool>()).prop_map(|(at, field, bit, rehash)| Forgery::Edit {
            at,
            field,
            bit,
            rehash
        }),
        (index(), index()).prop_map(|(at, count)| Forgery::Delete { at, count }),
        (index(), index()).prop_map(|(one, other)| Forgery::Swap { one, other }),
        (index(), index()).prop_map(|(from, to)| Forgery::Repeat { from, to }),
        index().prop_map(|at| Forgery::Splice { at }),
    ]
}

fn flip(bytes: &mut [u8], bit: &Index) {
    let bit = bit.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// Flips a bit that leaves text text.
fn flip_text(text: &mut String, bit: &Index) {
    let mut bytes = std::mem::take(text).into_bytes();
    let at = bit.index(bytes.len());
    bytes[at] ^= 1;
    *text = String::from_utf8(bytes).expect("ASCII stays ASCII");
}

fn forge(events: &mut Vec<Event>, forgery: &Forgery) {
    let count = events.len();
    match forgery {
        Forgery::Edit { at, field, bit, rehash } => {
            let event = &mut events[at.index(count)];
            match field {
                0 => event.seq ^= 1 << bit.index(63),
                1 => event.at = Timestamp::from_millis(event.at.millis() ^ (1 << bit.index(40))),
                2 => flip_text(&mut event.tenant, bit),
                3 => flip_text(&mut event.kind, bit),
                4 => flip_text(&mut event.actor, bit),
                5 => flip(&mut event.prev, bit),
                _ => flip(&mut event.payload, bit),
            }
            if *rehash {
                event.hash = event.computed_hash();
            }
        }
        Forgery::Delete { at, count: removed } => {
            let start = at.index(count);
            let removed = 1 + removed.index(count - start);
            events.drain(start..start + removed);
        }
        Forgery::Swap { one, other } => events.swap(one.index(count), other.index(count)),
        Forgery::Repeat { from, to } => events.insert(to.index(count + 1), events[from.index(count)].clone()),
        Forgery::Splice { at } => {
            let at = at.index(count);
            let before = Head { seq: events[at].seq - 1, hash: events[at].prev };
            events[at] = before.seal(events[at].at, new("{\"n\":-1}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// With a checkpoint every forgery is found; without one all but those that leave a chain, cut at its end or made anew
    /// from its last event on. A cut at the beginning looks like an export that starts later, and `follows` says so.
    #[test]
    fn every_forgery_is_found(count in 1u64..40, forgery in forgery()) {
        let whole = events(count);
        let head = whole.last().unwrap().head();
        let mut forged = whole.clone();
        forge(&mut forged, &forgery);
        prop_assume!(forged != whole);

        let text = text(&forged);
        if let Ok(verified) = verify_export(text.as_bytes(), &[head]) {
            let cut = whole.len() - forged.len();
            prop_assert_eq!(verified.follows, Some(whole[cut - 1].head()), "{:?}", forgery);
            prop_assert_eq!(&whole[cut..], &forged[..], "{:?}", forgery);
        }
        let is_chain = forged.windows(2).all(|two| two[0].head().follow(&two[1]).is_ok())
            && forged.first().is_none_or(|first| {
                let before = Head { seq: first.seq.wrapping_sub(1), hash: first.prev };
                before.follow(first).is_ok() && (first.seq > 1 || first.prev == [0; 32])
            });
        prop_assert_eq!(verify_export(text.as_bytes(), &[]).is_err(), !is_chain, "{:?}", forgery);
    }

    #[test]
    fn any_flipped_bit_of_the_file_is_found_or_changes_nothing(bit in any::<Index>()) {
        let journal = journal(6);
        let mut exported = Vec::new();
        export(&journal, 0, &mut exported).unwrap();
        flip(&mut exported, &bit);
        if verify_export(&exported[..], &[journal.head()]).is_ok() {
            let lines = exported.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let read: Vec<_> = lines.map(|line| crate::export::from_line(line).unwrap()).collect();
            prop_assert_eq!(read, journal.read(0, 100).unwrap());
        }
    }
}
