//! What held an alert back is known when it is over, and after the process died.

use super::*;
use crate::suppress::HeldBack;

impl World {
    fn held(&self, identity: &str) -> Option<&HeldBack> {
        self.state.known.held.get(labels(identity).fingerprint())
    }
}

const A: &str = "alertname=A i=1 zone=z";

#[test]
fn what_held_back_what_is_over_is_known_after_a_restart() {
    for restart in
        [None, Some(World::restart as fn(&mut World, Timestamp)), Some(World::restart_from_snapshot)]
    {
        let mut world = World::new(CONFIG);
        let silence = world.silence(START, "i=1", Duration::from_secs(600), false);
        world.post(START, "alertname=Outage zone=z team=net", LONG);
        world.post(START, A, Some(Duration::from_secs(300)));
        world.run_until(at("1h"));
        if let Some(restart) = restart {
            restart(&mut world, at("1h"));
        }
        let held = world.held(A).expect("it was held back");
        assert_eq!(held.at, at("10s"));
        assert_eq!(held.by.silenced_by, [Arc::clone(&silence.id)]);
        assert_eq!(held.by.inhibited_by, [labels("alertname=Outage zone=z team=net").fingerprint()]);
    }
}

#[test]
fn it_is_written_down_when_it_changes_and_forgotten_with_the_next_episode() {
    let mut world = World::new(CONFIG);
    let records = |world: &World| world.journal.iter().filter(|(kind, _)| kind == KIND_HELD).count();
    world.silence(START, "i=1", Duration::from_secs(600), false);
    world.post(START, A, LONG);
    world.run_until(at("9m"));
    assert_eq!(records(&world), 1, "and not at every look");
    world.act(at("9m"), A, Act::Snooze { until: at("1h") }).unwrap();
    world.run_until(at("30m"));
    assert_eq!(records(&world), 3, "then by both, then by the latter alone");
    assert_eq!(world.held(A).unwrap().by.snoozed_until, Some(at("1h")));
    world.post(at("30m"), A, Some(Duration::ZERO));
    world.run_until(at("40m"));
    assert!(world.held(A).is_some());
    world.post(at("40m"), A, LONG);
    assert!(world.held(A).is_none(), "of this one nobody was kept from hearing");
}
