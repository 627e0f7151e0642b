//! Receivers that keep an incident learn that somebody has taken it, whenever that comes to be so.

use super::*;

fn world() -> World {
    World::new(&CONFIG.replace("webhook_configs", "pagerduty_configs: [{routing_key: k}], webhook_configs"))
}

impl World {
    fn warns(&mut self, now: Timestamp, identity: &str) {
        self.ingest(now, identity, AlertState::Firing, Severity::Warning);
    }

    fn takes(&mut self, now: Timestamp, identity: &str) {
        self.act(now, identity, Act::Acknowledge).unwrap();
    }

    /// What the channel that keeps incidents was told since this was last asked.
    fn paged(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.told);
        told.lines()
            .filter(|line| line.contains("pagerduty"))
            .map(|line| line.replace("pagerduty ", ""))
            .collect()
    }
}

#[test]
fn taken_before_the_first_page() {
    let mut world = world();
    world.warns(START, "alertname=A i=1");
    world.takes(at("5s"), "alertname=A i=1");
    world.run_until(at("5m"));
    assert_eq!(world.paged(), ["10s first notification: A1", "10s acknowledged: A1"]);
}

#[test]
fn the_last_that_nobody_has_ends() {
    let mut world = world();
    world.warns(START, "alertname=A i=1");
    world.warns(START, "alertname=A i=2");
    world.run_until(at("30s"));
    world.takes(at("30s"), "alertname=A i=1");
    world.run_until(at("1m"));
    assert_eq!(world.paged(), ["10s first notification: A1 A2"]);
    world.ingest(at("1m"), "alertname=A i=2", AlertState::Resolved, Severity::Warning);
    world.run_until(at("5m"));
    assert_eq!(world.paged(), ["70s some alerts resolved: A1 -A2", "70s acknowledged: A1 -A2"]);
}

#[test]
fn one_joins_that_was_taken_before_it_was_told() {
    let mut world = world();
    world.warns(START, "alertname=A i=1");
    world.takes(START, "alertname=A i=1");
    world.run_until(at("20s"));
    world.paged();
    world.warns(at("20s"), "alertname=A i=2");
    world.takes(at("30s"), "alertname=A i=2");
    world.run_until(at("5m"));
    assert_eq!(world.paged(), ["70s new alerts added: A1 A2", "70s acknowledged: A1 A2"]);
}

#[test]
fn one_is_no_worse_any_more_than_when_it_was_taken() {
    let mut world = world();
    world.warns(START, "alertname=A i=1");
    world.takes(START, "alertname=A i=1");
    world.run_until(at("20s"));
    world.paged();
    world.ingest(at("20s"), "alertname=A i=1", AlertState::Firing, Severity::Critical);
    world.run_until(at("75s"));
    assert_eq!(world.paged(), ["70s new alerts added: A1"]);
    world.warns(at("75s"), "alertname=A i=1");
    world.run_until(at("5m"));
    assert_eq!(world.paged(), ["130s acknowledged: A1"]);
}

#[test]
fn that_somebody_takes_it_holds_no_page_back_after_a_start() {
    for restarts in [false, true] {
        let mut world = world();
        world.warns(START, "alertname=A i=1");
        world.run_until(at("1m"));
        world.takes(at("1m"), "alertname=A i=1");
        world.run_until(at("65s"));
        assert_eq!(world.paged(), ["10s first notification: A1", "60s acknowledged: A1"]);
        if restarts {
            world.restart(at("65s"));
        }
        world.warns(at("65s"), "alertname=A i=2");
        world.run_until(at("2m"));
        assert_eq!(world.paged(), ["70s new alerts added: A1 A2"], "on the beat of the first page");
    }
}
