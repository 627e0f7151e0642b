use proptest::prelude::*;

use super::*;
use crate::fixture::START;

const HOUR: Duration = Duration::from_secs(3600);

fn matcher(text: &str) -> Matcher {
    use isobar_normalizer::MatchOp::{Equal, Matches, NotEqual, NotMatches};
    let ops = [("=~", Matches), ("!~", NotMatches), ("!=", NotEqual), ("=", Equal)];
    let (sign, op) = ops.into_iter().find(|(sign, _)| text.contains(sign)).expect("an operator");
    let (name, value) = text.split_once(sign).expect("it is there");
    Matcher::new(name, op, value).unwrap()
}

fn draft(matchers: &str) -> SilenceDraft {
    SilenceDraft {
        matchers: matchers.split_whitespace().map(matcher).collect(),
        ends_at: START.plus(HOUR),
        created_by: "ada".to_owned(),
        comment: "maintenance".to_owned(),
        ..SilenceDraft::default()
    }
}

/// Asks, and takes in what comes of it; answers with the silence that was asked for.
fn put(known: &mut Silences, draft: SilenceDraft, now: Timestamp) -> Result<Arc<Silence>, SilenceError> {
    let changed: Vec<Arc<Silence>> = draft.put(known, None, now)?.into_iter().map(Arc::new).collect();
    changed.iter().for_each(|silence| known.apply(Arc::clone(silence), []));
    Ok(Arc::clone(changed.last().unwrap()))
}

#[test]
fn what_is_refused_is_refused_in_alertmanagers_words() {
    let known = Silences::default();
    let refused = |draft: SilenceDraft| draft.put(&known, Some(24 * HOUR), START).unwrap_err().to_string();
    assert_eq!(refused(draft("")), "at least one matcher required");
    // One that excludes never counts as matching nothing, as there.
    assert!(draft("a=~.* b!=x").put(&known, Some(24 * HOUR), START).is_ok());
    assert_eq!(refused(draft("a=~.* b=~x*")), "at least one matcher must not match the empty string");
    let late = SilenceDraft { starts_at: Some(START.plus(HOUR)), ..draft("a=b") };
    assert_eq!(refused(late), "start time must be before end time");
    let past =
        SilenceDraft { starts_at: Some(START.minus(2 * HOUR)), ends_at: START.minus(HOUR), ..draft("a=b") };
    assert_eq!(refused(past), "end time can't be in the past");
    assert_eq!(refused(SilenceDraft { id: Some("x".to_owned()), ..draft("a=b") }), "silence not found");
    let long = SilenceDraft { ends_at: START.plus(25 * HOUR), ..draft("a=b") };
    assert!(
        refused(long.clone()).starts_with("a silence of 1d1h, at most 1d (alerting.silences.max_length)")
    );
    let weekly = SilenceDraft { recurrence: vec![Period::default()], ..long };
    assert!(weekly.put(&known, Some(HOUR), START).is_ok(), "one that recurs may go on");
    let large = SilenceDraft { comment: "x".repeat(SILENCE_BYTES_MAX), ..draft("a=b") };
    assert!(refused(large).starts_with("a silence of 65"));
    let days = vec!["monday:friday"; 5000];
    let wide: Period = serde_json::from_value(serde_json::json!({"weekdays": days})).unwrap();
    let large = SilenceDraft { recurrence: vec![wide], ..draft("a=b") };
    assert!(refused(large).starts_with("a silence of 80"), "one window may be large");
    let both = SilenceDraft { recurrence: vec![Period::default()], until_resolved: true, ..draft("a=b") };
    assert!(refused(both).starts_with("a silence that recurs cannot end with its last alert"));
}

#[test]
fn it_is_changed_in_place_where_that_keeps_the_record_and_replaced_otherwise() {
    let mut known = Silences::default();
    let first = put(&mut known, draft("a=b"), START).unwrap();
    assert_eq!((first.id.len(), &first.id[14..15], first.starts_at), (36, "4", START));
    let later = START.plus(HOUR / 2);
    let same = |change: SilenceDraft| SilenceDraft {
        id: Some(first.id.to_string()),
        starts_at: Some(START),
        ..change
    };

    let longer =
        put(&mut known, same(SilenceDraft { ends_at: START.plus(2 * HOUR), ..draft("a=b") }), later).unwrap();
    assert_eq!((&longer.id, longer.updated_at, known.len()), (&first.id, later, 1));
    // Other matchers, or another start of one that is active: what was silenced stays on record.
    let other = put(&mut known, same(draft("a=c")), later).unwrap();
    assert_ne!(other.id, first.id);
    assert_eq!(known.get(&first.id).unwrap().state(later), SilenceState::Expired);
    assert_eq!(other.starts_at, later, "no silence begins in the past");
    // One that is over is made anew.
    let again = put(&mut known, same(draft("a=b")), later).unwrap();
    assert!(again.id != first.id && known.len() == 3);
    // One that has not begun may begin at another time.
    let pending =
        SilenceDraft { starts_at: Some(START.plus(HOUR)), ends_at: START.plus(3 * HOUR), ..draft("a=b") };
    let pending = put(&mut known, pending, later).unwrap();
    let sooner = SilenceDraft {
        id: Some(pending.id.to_string()),
        starts_at: Some(later.plus(HOUR / 4)),
        ..draft("a=b")
    };
    assert_eq!(put(&mut known, sooner, later).unwrap().id, pending.id);
}

#[test]
fn it_is_ended_and_kept_for_five_days() {
    let mut known = Silences::default();
    let silence = put(&mut known, draft("a=b"), START).unwrap();
    let pending = SilenceDraft { starts_at: Some(START.plus(HOUR / 2)), ..draft("a=b") };
    let pending = put(&mut known, pending, START).unwrap();
    let soon = START.plus(Duration::from_secs(60));
    assert_eq!(pending.state(soon), SilenceState::Pending);
    for id in [&silence.id, &pending.id] {
        let ended = expire(&known, id, soon).unwrap();
        assert_eq!((ended.ends_at, ended.state(soon)), (soon, SilenceState::Expired));
        known.apply(Arc::new(ended), []);
        assert_eq!(expire(&known, id, soon), Err(SilenceError::Expired(id.to_string())));
    }
    assert_eq!(known.get(&pending.id).unwrap().starts_at, soon);
    known.expire(soon.plus(SILENCE_RETENTION));
    assert_eq!(known.len(), 2);
    known.expire(soon.plus(SILENCE_RETENTION + Duration::from_secs(1)));
    assert_eq!(known.len(), 0);
    assert_eq!(expire(&known, "x", soon), Err(SilenceError::NotFound("x".to_owned())));
}

#[test]
fn one_that_recurs_is_active_in_its_windows() {
    // 2026-01-01 is a Thursday.
    let period = r#"{"times": [{"start_time": "02:00", "end_time": "04:00"}], "weekdays": ["thursday"], "location": "Europe/Berlin"}"#;
    let silence = SilenceDraft {
        recurrence: vec![serde_json::from_str(period).unwrap()],
        ends_at: START.plus(24 * 365 * HOUR),
        ..draft("a=b")
    };
    let mut known = Silences::default();
    let silence = put(&mut known, silence, START).unwrap();
    let states: Vec<SilenceState> =
        [0, 1, 2, 3, 7 * 24 + 1, 24].map(|hour| silence.state(START.plus(hour * HOUR))).into();
    use SilenceState::{Active, Pending};
    assert_eq!(states, [Pending, Active, Active, Pending, Active, Pending]);
    let read: Silence = serde_json::from_slice(&serde_json::to_vec(&*silence).unwrap()).unwrap();
    assert_eq!(read, *silence);
}

fn any_matcher() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let value = prop::sample::select(vec![
        "", "x", "y", "z", "x|y", "x|", ".*", ".+", "x.*", "(x|z)", r"x\|y", "[xy]",
    ]);
    let op = prop::sample::select(vec!["=", "!=", "=~", "!~"]);
    (name, op, value).prop_map(|(name, op, value)| format!("{name}{op}{value}"))
}

proptest! {
    /// However silences come, change and go, and whenever alerts are looked at: what is found is what matches.
    #[test]
    fn what_is_about_an_alert_is_found(
        history in prop::collection::vec((prop::collection::vec(any_matcher(), 1..4), 0usize..8, any::<bool>()), 1..20),
    ) {
        let values = ["", "x", "y", "z"];
        let alerts: Vec<(u64, Labels)> = (0u64..64)
            .map(|i| {
                let value = |at: u64| values[(i >> (2 * at)) as usize % 4];
                (i, Labels::from_pairs([("a", value(0)), ("b", value(1)), ("c", value(2))]).unwrap())
            })
            .collect();
        let mut known = Silences::default();
        let mut now = START;
        for (matchers, at, ends) in history {
            now = now.plus(Duration::from_secs(1));
            let id = known.iter().nth(at).map(|silence| silence.id.to_string());
            let draft = SilenceDraft { id, starts_at: Some(now), ..draft(&matchers.join(" ")) };
            let Ok(changed) = draft.put(&known, None, now) else { continue };
            for silence in changed {
                known.apply(Arc::new(silence), alerts.iter().map(|(id, labels)| (*id, labels)));
            }
            let first = known.iter().next().filter(|one| one.ends_at > now).cloned();
            if ends && let Some(silence) = first {
                let ended = silence.ended(now);
                known.apply(Arc::new(ended), alerts.iter().map(|(id, labels)| (*id, labels)));
            }
            let bytes = serde_json::to_vec(&known).unwrap();
            let mut again: Silences = serde_json::from_slice(&bytes).unwrap();
            for (fingerprint, labels) in &alerts {
                again.look_at(*fingerprint, labels);
                let expected: Vec<&str> = known
                    .iter()
                    .filter(|silence| silence.state(now) == SilenceState::Active && silence.matches(labels))
                    .map(|silence| &*silence.id)
                    .collect();
                for known in [&known, &again] {
                    let found: Vec<&str> = known.holding(*fingerprint, now).map(|silence| &*silence.id).collect();
                    prop_assert_eq!(&found, &expected, "{}", labels);
                }
            }
        }
    }
}
