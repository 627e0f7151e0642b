//! A generated scenario: a part of the route tree, inhibit rules, and what happens when.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::STEPS;

const NAMES: [&str; 3] = ["Down", "Slow", "Full"];
const HOSTS: [&str; 3] = ["a", "b", "c"];
const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

/// One scenario; its alerts carry its number as a label.
#[derive(Debug)]
pub struct Scenario {
    pub id: u64,
    /// Its route and all under it, YAML, indented by four.
    route: String,
    /// Its inhibit rules, YAML, indented by two.
    inhibit: String,
    acts: Vec<(u32, Act)>,
}

/// What happens at one step.
#[derive(Clone, Debug)]
pub enum Act {
    /// An alert is sent.
    Alert { scenario: u64, name: &'static str, host: &'static str, severity: &'static str, state: State },
    /// Alerts of these matchers are silenced.
    Silence(Value),
    /// The scenario's silence ends.
    Expire,
}

/// What is said of an alert.
#[derive(Clone, Copy, Debug)]
pub enum State {
    /// It fires, and this is said of it.
    Firing(u8),
    /// It is over.
    Over,
}

impl Act {
    /// The alert to send, if it is one.
    pub fn alert(&self, now: i64) -> Option<Value> {
        let Self::Alert { scenario, name, host, severity, state } = self else { return None };
        let labels = json!({
            "alertname": name, "host": host, "severity": severity, "scenario": scenario.to_string(),
        });
        let generator = format!("http://generator.example/{name}");
        Some(match state {
            State::Firing(said) => json!({
                "labels": labels, "annotations": {"summary": format!("{host} said {said}")},
                "startsAt": time(now - 500), "generatorURL": generator,
            }),
            State::Over => json!({
                "labels": labels, "annotations": {"summary": format!("{host} is well")},
                "startsAt": time(now - 600), "endsAt": time(now - 100), "generatorURL": generator,
            }),
        })
    }
}

impl Scenario {
    /// The scenario of a number, always the same.
    pub fn generate(id: u64) -> Self {
        let mut random = StdRng::seed_from_u64(id);
        let route = route(&mut random, id);
        let inhibit = inhibit(&mut random, id);
        let (mut acts, mut fired) = (Vec::new(), BTreeSet::new());
        for step in 0..STEPS {
            // Most alerts come at the beginning; later some end, come again, or say something else.
            let count = random.random_range(if step == 0 { 2..7 } else { 0..4 });
            let mut begun = Vec::new();
            for _ in 0..count {
                let state = match random.random_range(0..10) {
                    0..6 => State::Firing(0),
                    6 => State::Firing(1),
                    _ => State::Over,
                };
                let pick =
                    |random: &mut StdRng, from: &[&'static str]| *from.choose(random).expect("not empty");
                let (name, host) = (pick(&mut random, &NAMES), pick(&mut random, &HOSTS));
                let severity = pick(&mut random, &SEVERITIES);
                // What is over before it began is told by the peer and not by us: `over-before-told`.
                let state = if fired.contains(&(name, host, severity)) { state } else { State::Firing(0) };
                begun.push((name, host, severity));
                acts.push((step, Act::Alert { scenario: id, name, host, severity, state }));
            }
            fired.extend(begun);
        }
        if random.random_bool(0.5) {
            let begins = random.random_range(0..STEPS - 1);
            acts.push((begins, Act::Silence(silence(&mut random, id))));
            if random.random_bool(0.5) {
                acts.push((random.random_range(begins + 1..STEPS), Act::Expire));
            }
        }
        Self { id, route, inhibit, acts }
    }

    /// What happens at a step. Of one alert only the last thing said counts: two reports of one moment would race.
    pub fn acts(&self, step: u32) -> Vec<(u64, Act)> {
        let mut chosen: Vec<(u64, Act)> = Vec::new();
        for (_, act) in self.acts.iter().filter(|(at, _)| *at == step) {
            if let Act::Alert { name, host, severity, .. } = act {
                let is_same = |other: &Act| matches!(other, Act::Alert { name: n, host: h, severity: s, .. } if (n, h, s) == (name, host, severity));
                chosen.retain(|(_, other)| !is_same(other));
            }
            chosen.push((self.id, act.clone()));
        }
        chosen
    }

    /// Who is told of it.
    pub fn receivers(&self) -> [String; 2] {
        [format!("s{}-a", self.id), format!("s{}-b", self.id)]
    }
}

fn route(random: &mut StdRng, id: u64) -> String {
    let mut text = format!(
        "    - matchers: ['scenario=\"{id}\"']\n      receiver: s{id}-a\n      group_by: {}\n",
        group_by(random)
    );
    let children = random.random_range(0..4);
    if children > 0 {
        text.push_str("      routes:\n");
    }
    // Twins would be one route here and two there: `twin-routes`.
    let matchers =
        ["severity=\"critical\"", "severity!=\"info\"", "host=~\"a|b\"", "alertname!~\"S.*\"", "zone=\"\""];
    for matcher in matchers.choose_multiple(random, children) {
        let receiver = if random.random_bool(0.5) { "a" } else { "b" };
        let _ = writeln!(text, "        - matchers: ['{matcher}']\n          receiver: s{id}-{receiver}");
        if random.random_bool(0.6) {
            let _ = writeln!(text, "          group_by: {}", group_by(random));
        }
        if random.random_bool(0.4) {
            text.push_str("          continue: true\n");
        }
        match random.random_range(0..10) {
            0 => text.push_str("          mute_time_intervals: [always]\n"),
            1 => text.push_str("          mute_time_intervals: [never]\n"),
            2 => text.push_str("          active_time_intervals: [never]\n"),
            3 => text.push_str("          active_time_intervals: [never, always]\n"),
            _ => {}
        }
    }
    text
}

fn group_by(random: &mut StdRng) -> &'static str {
    ["[]", "[alertname]", "[alertname, host]", "[host, severity]", "['...']"]
        .choose(random)
        .expect("not empty")
}

fn inhibit(random: &mut StdRng, id: u64) -> String {
    let mut text = String::new();
    for _ in 0..random.random_range(0..3) {
        let source =
            ["severity=\"critical\"", "alertname=\"Down\"", "host=\"a\""].choose(random).expect("not empty");
        let target = ["severity=~\"warning|info\"", "alertname!=\"Down\"", "severity!=\"critical\""];
        let target = target.choose(random).expect("not empty");
        let equal = ["[]", "[host]", "[alertname, host]", "[zone]"].choose(random).expect("not empty");
        let _ = writeln!(
            text,
            "  - source_matchers: ['scenario=\"{id}\"', '{source}']\n    target_matchers: ['scenario=\"{id}\"', '{target}']\n    equal: {equal}"
        );
    }
    text
}

fn silence(random: &mut StdRng, id: u64) -> Value {
    let own = json!({"name": "scenario", "value": id.to_string(), "isRegex": false, "isEqual": true});
    let choices = [
        json!({"name": "host", "value": "a", "isRegex": false, "isEqual": true}),
        json!({"name": "severity", "value": "critical|info", "isRegex": true, "isEqual": true}),
        json!({"name": "alertname", "value": "Down", "isRegex": false, "isEqual": false}),
    ];
    json!([own, choices.choose(random).expect("not empty")])
}

/// The configuration of all scenarios, with every receiver behind one address.
pub fn configuration(scenarios: &[Scenario], url: &str) -> String {
    let mut text = "route:\n  receiver: nobody\n  group_wait: 2s\n  group_interval: 4s\n  repeat_interval: 9s\n  routes:\n".to_owned();
    for scenario in scenarios {
        text.push_str(&scenario.route);
    }
    text.push_str("inhibit_rules:\n");
    for scenario in scenarios {
        text.push_str(&scenario.inhibit);
    }
    text.push_str("time_intervals:\n");
    text.push_str("  - {name: always, time_intervals: [{weekdays: ['sunday:saturday']}]}\n");
    text.push_str("  - {name: never, time_intervals: [{years: ['2000']}]}\n");
    text.push_str("receivers:\n  - {name: nobody}\n");
    for scenario in scenarios {
        let [a, b] = scenario.receivers();
        let _ = writeln!(text, "  - {{name: {a}, webhook_configs: [{{url: {url:?}}}]}}");
        let _ =
            writeln!(text, "  - {{name: {b}, webhook_configs: [{{url: {url:?}, send_resolved: false}}]}}");
    }
    text
}

/// RFC 3339, UTC, milliseconds.
pub fn time(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).expect("a time of this century");
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same time without the zeros that say nothing: one writes them, the other does not.
pub fn shortest(time: &str) -> String {
    match time.strip_suffix('Z').and_then(|time| time.split_once('.')) {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => format!("{whole}Z"),
            fraction => format!("{whole}.{fraction}Z"),
        },
        None => time.to_owned(),
    }
}

/// A notification in a line.
pub fn line(body: &Value) -> String {
    let alerts: Vec<String> = body["alerts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|alert| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
            format!("{}/{}/{} {}", label("alertname"), label("host"), label("severity"), alert["status"])
        })
        .collect();
    format!("  {} {} {} [{}]", body["receiver"], body["status"], body["groupKey"], alerts.join(", "))
}
