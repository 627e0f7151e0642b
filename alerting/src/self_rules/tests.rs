use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

fn source(is_down: bool, for_secs: u64, lag_secs: u64) -> Facts {
    let source = SourceFacts {
        name: "aws".to_owned(),
        is_tried: true,
        is_down,
        reason: "connection refused".to_owned(),
        since: NOW.minus(Duration::from_secs(for_secs)),
        lag: Duration::from_secs(lag_secs),
        interval: Duration::from_secs(60),
    };
    Facts { sources: vec![source], ..Facts::default() }
}

fn receiver(failing_secs: Option<u64>, dead: u64) -> Facts {
    let failing_since = failing_secs.map(|secs| NOW.minus(Duration::from_secs(secs)));
    let delivery = DeliveryFacts { receiver: "pager".to_owned(), failing_since, dead };
    Facts { deliveries: vec![delivery], ..Facts::default() }
}

/// Goes through the facts one second apart and writes each transition as `name state`.
fn check(timeline: &[Facts], expected: &[&str]) {
    let mut rules = SelfRules::default();
    let mut found = Vec::new();
    for (second, facts) in timeline.iter().enumerate() {
        let (next, transitions) = rules.step(facts, NOW.plus(Duration::from_secs(second as u64)));
        for transition in transitions {
            assert_eq!(transition.alert.class, AlertClass::Own);
            assert!(NAMES.contains(&transition.alert.name()));
            found.push(format!("{second} {} {}", transition.alert.name(), transition.alert.state.as_str()));
        }
        rules = next;
    }
    assert_eq!(found, expected);
}

#[test]
fn a_source_is_down_within_two_of_its_intervals() {
    check(&[source(true, 59, 0), source(true, 60, 0), source(true, 61, 900)], &["1 source_down firing"]);
    let timeline = [source(true, 60, 0), source(false, 0, 0)];
    check(&timeline, &["0 source_down firing", "1 source_down resolved"]);
}

#[test]
fn a_lagging_source_does_not_flap_at_the_limit() {
    let timeline =
        [source(false, 0, 300), source(false, 0, 301), source(false, 0, 299), source(false, 0, 150)];
    check(&timeline, &["1 watermark_lag firing", "3 watermark_lag resolved"]);
}

#[test]
fn damage_is_told_once_per_find_and_shown_for_a_day() {
    let damaged = |records| Facts { wal_damaged_records: records, ..Facts::default() };
    check(
        &[damaged(0), damaged(1), damaged(1), damaged(3)],
        &["1 wal_damaged firing", "3 wal_damaged firing"],
    );
    let (rules, _) = SelfRules::default().step(&damaged(1), NOW);
    let day = Duration::from_secs(24 * 60 * 60);
    let (rules, transitions) = rules.step(&damaged(1), NOW.plus(day));
    assert_eq!(transitions[0].alert.state, AlertState::Resolved);
    assert_eq!(rules.step(&damaged(1), NOW.plus(day * 2)).1, []);
}

#[test]
fn a_damaged_block_is_told_until_it_is_put_right() {
    let damaged = |blocks| Facts { damaged_blocks: blocks, ..Facts::default() };
    check(
        &[damaged(1), damaged(1), damaged(2), damaged(1), damaged(0)],
        &["0 block_damaged firing", "2 block_damaged firing", "4 block_damaged resolved"],
    );
    let (_, transitions) = SelfRules::default().step(&damaged(1), NOW);
    let restored = SelfRules::restored(transitions.iter().map(|transition| &transition.alert));
    let (restored, repeated) = restored.step(&damaged(1), NOW);
    assert_eq!(repeated, []);
    assert_eq!(restored.step(&damaged(0), NOW).1[0].alert.state, AlertState::Resolved);
}

#[test]
fn the_disk_reserve_and_failing_receivers_are_critical() {
    let full = Facts { disk_reserve_released: true, ..Facts::default() };
    let (_, transitions) = SelfRules::default().step(&full, NOW);
    assert_eq!(transitions[0].alert.severity, Severity::Critical);
    check(&[full, Facts::default()], &["0 disk_reserve firing", "1 disk_reserve resolved"]);
    let timeline =
        [receiver(Some(119), 0), receiver(Some(120), 0), receiver(Some(120), 1), receiver(None, 0)];
    let expected = ["1 delivery_failing firing", "2 delivery_failing firing", "3 delivery_failing resolved"];
    check(&timeline, &expected);
}

#[test]
fn checkpoints_that_cannot_be_kept_or_speak_against_the_journal_are_told() {
    let place = |failing_secs: Option<u64>, contradiction: Option<&str>| {
        let failing = failing_secs.map(|secs| (NOW.minus(Duration::from_secs(secs)), "read-only".to_owned()));
        let contradiction = contradiction.map(str::to_owned);
        let place = CheckpointFacts { place: "/mnt/a".to_owned(), failing, contradiction };
        Facts { checkpoints: vec![place], ..Facts::default() }
    };
    check(
        &[place(Some(118), None), place(Some(119), None), place(None, None)],
        &["1 checkpoint_failing firing", "2 checkpoint_failing resolved"],
    );
    check(
        &[place(None, None), place(None, Some("it ends at 3")), place(None, Some("it ends at 3"))],
        &["1 journal_contradicted firing"],
    );
}

#[test]
fn a_restart_neither_repeats_nor_forgets() {
    let facts = source(true, 60, 0);
    let (_, transitions) = SelfRules::default().step(&facts, NOW);
    let restored = SelfRules::restored(transitions.iter().map(|transition| &transition.alert));
    let (_, repeated) = restored.step(&facts, NOW);
    assert_eq!(repeated, []);
    let mut untried = source(false, 0, 0);
    untried.sources[0].is_tried = false;
    let (restored, unknown) = restored.step(&untried, NOW);
    assert_eq!(unknown, [], "a source that was not tried yet is not well again");
    let (restored, found_anew) = restored.step(&source(true, 0, 0), NOW);
    assert_eq!(found_anew, [], "it never was well in between");
    let (_, over) = restored.step(&Facts::default(), NOW);
    assert_eq!(over[0].alert.state, AlertState::Resolved);
}

#[test]
fn a_silence_that_ends_soon_and_still_holds_something_back_is_said_once() {
    let silence = crate::Silence {
        id: "s-1".into(),
        matchers: Vec::new(),
        starts_at: NOW.minus(Duration::from_secs(7200)),
        ends_at: NOW.plus(Duration::from_secs(600)),
        updated_at: NOW.minus(Duration::from_secs(7200)),
        created_by: "ada".to_owned(),
        comment: "maintenance".to_owned(),
        annotations: BTreeMap::new(),
        recurrence: Vec::new(),
        until_resolved: false,
    };
    let ending = |alerts| Facts {
        silences: vec![EndingSilence { silence: std::sync::Arc::new(silence.clone()), alerts }],
        ..Facts::default()
    };
    let timeline = [ending(3), ending(4), Facts::default()];
    check(&timeline, &["0 silence_ending firing", "2 silence_ending resolved"]);
}
