//! `cases/policies/*.case`: policies, then a script of what the estate does, then the transitions that come of it.
//!
//! Script lines, times from the start:
//! `source NAME period D [delay D] [lag D]` · `resource ID name=value …` (again to change) · `gone ID` · `back ID` ·
//! `series SOURCE ID from T: 0.5*8 _*2 0.9` (one value per period, `_` a gap) · `run until T` (a tick every 15 s) ·
//! `alarms SOURCE: RESOURCE=firing RESOURCE=ok/critical …` (a complete look at the provider's alarms on the CPU) ·
//! `backfill SOURCE D` (the past was read too) ·
//! `stall SOURCE` · `resume SOURCE` · `unread ID` (its region fails) · `read ID` (all of it comes) ·
//! `begin ID` (its region is read from now on) · `past ID` (its region is read for the first time, with its past) · `lag SOURCE D` · `restart [after D]` (state comes back from the journal).
//!
//! A transition is `event-time (decided time) resource from -> to severity by sources: reason`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use isobar_normalizer::{AlarmReport, NativeAlarm, NativeState, Timestamp, format_duration, parse_duration};

use super::estate::{Estate, Source};
use super::{START, after};
use crate::{AlarmOrigin, Alerts, EVALUATION_INTERVAL, Evaluator, Policies, Policy, Transition};

const TICK: Duration = Duration::from_secs(15);

struct Play {
    policies: Vec<Policy>,
    estate: Estate,
    evaluator: Evaluator,
    alerts: Alerts,
    log: String,
}

impl Play {
    fn new(policies: &str) -> Self {
        let policies = Policies::parse(policies).unwrap_or_else(|error| panic!("{error}"));
        let evaluator = Evaluator::new(policies.clone(), EVALUATION_INTERVAL);
        Self { policies, estate: Estate::new(), evaluator, alerts: Alerts::default(), log: String::new() }
    }

    async fn act(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let option = |name: &str| {
            let value = words.iter().position(|word| *word == name).map(|index| words[index + 1]);
            value.map_or(Duration::ZERO, duration)
        };
        match words[..] {
            ["source", name, ..] => {
                let source = Source {
                    period: option("period"),
                    delay: option("delay"),
                    lag: option("lag"),
                    complete_since: START,
                    stalled_at: None,
                };
                self.estate.sources.insert(name.to_owned(), source);
            }
            ["resource", id, ref pairs @ ..] => {
                let resource = self.estate.resources.entry(id.to_owned()).or_default();
                let pairs = pairs.iter().map(|pair| pair.split_once('=').unwrap());
                resource.labels.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            ["series", source, id, "from", from, ref values @ ..] => {
                let from = after(duration(from.trim_end_matches(':')));
                self.estate.push(source, id, from, values.iter().flat_map(|word| repeated(word)));
            }
            ["alarms", source, ref alarms @ ..] => {
                let origin = AlarmOrigin {
                    source: source.trim_end_matches(':').to_owned(),
                    kind: "cloudwatch".to_owned(),
                    part: "r".to_owned(),
                };
                let alarms = alarms.iter().map(|alarm| native_alarm(alarm, self.estate.now)).collect();
                let report = AlarmReport { alarms, is_complete: true };
                let told = self.evaluator.report(&origin, &report, &self.estate, self.estate.now);
                self.journal(told);
            }
            ["backfill", name, past] => {
                self.source(name).complete_since = self.estate.now.minus(duration(past));
            }
            ["gone", id] => self.estate.resources.get_mut(id).unwrap().gone = Some(self.estate.now),
            ["back", id] => self.estate.resources.get_mut(id).unwrap().gone = None,
            ["stall", name] => {
                let stalled_at = self.estate.watermark(name);
                self.source(name).stalled_at = Some(stalled_at);
            }
            ["resume", name] => self.source(name).stalled_at = None,
            ["unread", id] => {
                let read = self.estate.sources.keys().map(|source| self.estate.watermark(source)).min();
                self.estate.resources.get_mut(id).unwrap().unread_since = read;
            }
            ["begin", id] => {
                let now = self.estate.now;
                self.estate.resources.get_mut(id).unwrap().read_since = Some(now);
            }
            ["past", id] => {
                let resource = self.estate.resources.get_mut(id).unwrap();
                (resource.unread_since, resource.has_past) = (None, true);
            }
            ["read", id] => self.estate.resources.get_mut(id).unwrap().unread_since = None,
            ["lag", name, lag] => self.source(name).lag = duration(lag),
            ["run", "until", until] => {
                while self.estate.now < after(duration(until)) {
                    self.estate.now = self.estate.now.plus(TICK);
                    let transitions = self.evaluator.tick(&self.estate, self.estate.now).await;
                    self.journal(transitions);
                }
            }
            ["restart", ..] => self.restart(option("after")),
            _ => panic!("unknown script line {line:?}"),
        }
    }

    fn source(&mut self, name: &str) -> &mut Source {
        self.estate.sources.get_mut(name).unwrap()
    }

    /// What the journal keeps is what a new process knows.
    fn restart(&mut self, pause: Duration) {
        self.estate.now = self.estate.now.plus(pause);
        for source in self.estate.sources.values_mut() {
            source.complete_since = self.estate.now;
        }
        let kept = serde_json::to_string(&self.alerts).unwrap();
        self.alerts = serde_json::from_str(&kept).unwrap();
        self.evaluator = Evaluator::new(self.policies.clone(), EVALUATION_INTERVAL);
        let ended = self.evaluator.restore(self.alerts.iter(), self.estate.now);
        self.journal(ended);
    }

    fn journal(&mut self, transitions: Vec<Transition>) {
        for transition in transitions {
            writeln!(self.log, "{}", shown(&transition)).unwrap();
            self.alerts.apply(transition);
        }
    }
}

fn shown(transition: &Transition) -> String {
    let alert = &transition.alert;
    let [at, decided] = [alert.updated_at, transition.decided_at].map(since_start);
    let about: Vec<&str> =
        alert.identity.iter().filter(|(name, _)| *name != "alertname").map(|(_, v)| v).collect();
    let from = transition.from.map_or("none", |state| state.as_str());
    let to = alert.state.as_str();
    let sources: Vec<&str> = alert.sources.iter().map(String::as_str).collect();
    let mut line = format!(
        "{at} ({decided}) {} {from} -> {to} {} by {}: {}",
        about.join(" "),
        alert.severity,
        sources.join("+"),
        transition.reason
    );
    for (name, text) in &alert.annotations {
        write!(line, " | {name}: {text}").unwrap();
    }
    line
}

/// `i-1=firing/critical`: the machine, what its alarm says, how bad that is.
fn native_alarm(text: &str, now: Timestamp) -> NativeAlarm {
    let (resource, said) = text.split_once('=').unwrap();
    let (state, severity) = said.split_once('/').unwrap_or((said, "warning"));
    NativeAlarm {
        id: format!("arn:{resource}"),
        name: "cpu-high".to_owned(),
        state: NativeState::ALL.into_iter().find(|known| known.as_str() == state).unwrap(),
        since: now,
        severity: Some(severity.parse().unwrap()),
        source_severity: String::new(),
        class: None,
        resource: Some(resource.parse().unwrap()),
        metric: Some("system.cpu.utilization".to_owned()),
        is_muted: false,
        acknowledged_by: String::new(),
        reason: format!("threshold crossed, {state}"),
        url: String::new(),
        labels: BTreeMap::new(),
    }
}

fn since_start(at: Timestamp) -> String {
    format_duration(at.since(START))
}

fn duration(text: &str) -> Duration {
    parse_duration(text).unwrap()
}

/// `0.5*8` is eight values, `_` none.
fn repeated(word: &str) -> impl Iterator<Item = Option<f64>> + use<> {
    let (value, times) = word.split_once('*').unwrap_or((word, "1"));
    let value = (value != "_").then(|| value.parse().unwrap());
    std::iter::repeat_n(value, times.parse().unwrap())
}

async fn check(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let sections: Vec<&str> = text.split("----\n").collect();
    let [policies, script, expected] = sections[..] else {
        panic!("{}: policies, script and transitions, separated by ---- lines", path.display());
    };
    let mut play = Play::new(policies);
    for line in script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        play.act(line).await;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{policies}----\n{script}----\n{}", play.log)).unwrap();
    } else {
        assert_eq!(play.log, expected, "{}: UPDATE_EXPECT=1 rewrites it", path.display());
    }
}

#[tokio::test]
async fn every_case_gives_its_transitions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/policies");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        check(&path).await;
    }
}
