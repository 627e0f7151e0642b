use isobar_normalizer::{AlertClass, Severity};
use proptest::prelude::*;

use super::*;
use crate::fixture::{START, labels};

const RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START.millis() + seconds * 1000)
}

/// What one door makes of alerts, as the writer keeps it.
#[derive(Clone, Default)]
struct Door {
    known: Option<Alert>,
    expiry: Option<Expiry>,
    /// Records for the journal, in words.
    told: Vec<String>,
}

impl Door {
    fn post(&mut self, now: i64, starts_at: Option<i64>, ends_at: Option<i64>, summary: &str) -> &mut Self {
        let posted = posted(starts_at, ends_at, summary);
        let classifier = Classifier::default();
        let post = Post {
            door: "alertmanager",
            is_verified: true,
            now: at(now),
            resolve_timeout: RESOLVE_TIMEOUT,
            classifier: &classifier,
        };
        let taken = post.take(self.known.as_ref(), self.expiry, posted).unwrap();
        assert_eq!(taken.fingerprint, labels("alertname=A severity=page").fingerprint());
        self.expiry = taken.expiry;
        self.apply(taken.transition);
        self
    }

    fn wait_until(&mut self, now: i64) -> &mut Self {
        if let (Some(known), Some(expiry)) = (&self.known, self.expiry)
            && expiry.expires_at <= at(now)
        {
            self.expiry = None;
            let ended = expired(known, expiry, at(now));
            self.apply(Some(ended));
        }
        self
    }

    fn apply(&mut self, transition: Option<Transition>) {
        if let Some(transition) = transition {
            let Transition { from, alert, .. } = transition;
            assert_eq!(from, self.known.as_ref().map(|known| known.state));
            let span = |at: Timestamp| (at.millis() - START.millis()) / 1000;
            let end = alert.ends_at.map_or_else(String::new, |at| format!("-{}", span(at)));
            self.told.push(format!("{} {}{end}", alert.state.as_str(), span(alert.starts_at)));
            self.known = Some(alert);
        }
    }

    #[track_caller]
    fn told(&self, expected: &[&str]) {
        assert_eq!(self.told, expected);
    }

    fn end(&self) -> Option<i64> {
        self.expiry.map(|expiry| (expiry.expires_at.millis() - START.millis()) / 1000)
    }
}

fn posted(starts_at: Option<i64>, ends_at: Option<i64>, summary: &str) -> PostedAlert {
    PostedAlert {
        labels: labels("alertname=A severity=page"),
        annotations: BTreeMap::from([("summary".to_owned(), summary.to_owned())]),
        starts_at: starts_at.map(at),
        ends_at: ends_at.map(at),
        generator_url: "http://prometheus/graph".to_owned(),
    }
}

#[test]
fn an_alert_that_is_repeated_stays_and_one_that_is_not_ends_at_its_end() {
    let mut door = Door::default();
    door.post(0, None, None, "a").post(60, None, None, "a").post(120, None, None, "a");
    door.told(&["firing 0"]);
    assert_eq!(door.end(), Some(420));
    door.wait_until(419).told(&["firing 0"]);
    door.wait_until(421).told(&["firing 0", "resolved 0-420"]);
    door.post(500, None, None, "a").told(&["firing 0", "resolved 0-420", "firing 500"]);
}

#[test]
fn what_has_no_start_and_ends_when_its_sender_says_so_begins_now() {
    let mut door = Door::default();
    let until_told = (super::UNTIL_TOLD.millis() - START.millis()) / 1000;
    door.post(0, None, Some(until_told), "a").told(&["firing 0"]);
}

#[test]
fn as_prometheus_sends_it() {
    let mut door = Door::default();
    door.post(0, Some(-30), Some(240), "a").post(60, Some(-30), Some(300), "a");
    door.told(&["firing -30"]);
    assert_eq!(door.end(), Some(300));
    // Resolved, and repeated as resolved for a quarter of an hour.
    door.post(90, Some(-30), Some(85), "a").post(150, Some(-30), Some(85), "a");
    door.told(&["firing -30", "resolved -30-85"]);
    assert_eq!(door.end(), None);
    door.post(200, Some(200), Some(440), "a").told(&["firing -30", "resolved -30-85", "firing 200"]);
}

#[test]
fn reports_that_overlap_are_one() {
    // The earliest start, and a later end that was named counts.
    let mut door = Door::default();
    door.post(0, Some(0), Some(1000), "a").post(10, Some(5), None, "a").told(&["firing 0"]);
    assert_eq!(door.end(), Some(1000), "a timeout does not shorten an end that was named");
    let mut door = Door::default();
    door.post(0, Some(0), None, "a").post(10, Some(5), Some(100), "a").told(&["firing 0"]);
    assert_eq!(door.end(), Some(100), "an end that is named counts before a timeout");
    let mut door = Door::default();
    door.post(0, Some(0), Some(200), "a").post(10, Some(-20), Some(150), "a");
    door.told(&["firing 0", "firing -20"]);
}

#[test]
fn what_is_said_of_it_is_news() {
    let mut door = Door::default();
    door.post(0, None, None, "a").post(10, None, None, "b").post(20, None, None, "b");
    door.told(&["firing 0", "firing 0"]);
    let alert = door.known.unwrap();
    assert_eq!((alert.severity, alert.class), (Severity::Critical, AlertClass::Availability));
    assert_eq!(alert.labels(), labels("alertname=A severity=page"), "nothing is added to what was sent");
    assert_eq!(alert.annotations["summary"], "b");
}

#[test]
fn an_alert_that_is_over_when_it_comes_is_kept_once() {
    let mut door = Door::default();
    door.post(0, Some(-100), Some(-10), "a").post(10, Some(-100), Some(-5), "b");
    door.told(&["resolved -100--10"]);
    assert_eq!(door.end(), None);
}

#[test]
fn an_end_that_a_restart_would_forget_is_written_down() {
    let mut door = Door::default();
    door.post(0, Some(0), Some(3600), "a").post(3000, Some(0), Some(18_000), "a");
    door.told(&["firing 0", "firing 0"]);
    // The usual repetition is not: it comes again within the time that a start leaves.
    let mut door = Door::default();
    for minute in 0..600 {
        door.post(minute * 60, Some(0), Some(minute * 60 + 900), "a");
    }
    door.told(&["firing 0"]);
}

#[test]
fn what_is_wrong_is_named() {
    let classifier = Classifier::default();
    let post = Post {
        door: "d",
        is_verified: true,
        now: START,
        resolve_timeout: RESOLVE_TIMEOUT,
        classifier: &classifier,
    };
    let refused = |posted| post.take(None, None, posted).unwrap_err();
    assert_eq!(
        refused(PostedAlert { labels: Labels::empty(), ..posted(None, None, "") }),
        PostError::NoLabels
    );
    assert_eq!(refused(posted(Some(10), Some(5), "")), PostError::EndsBeforeStart);
    let large = posted(None, None, &"x".repeat(POSTED_BYTES_MAX));
    assert!(matches!(refused(large), PostError::TooLarge(_)));
    let own = crate::fixture::alert("alertname=A severity=page", AlertState::Firing, Severity::Info, START);
    assert_eq!(post.take(Some(&own), None, posted(None, None, "")), Err(PostError::OwnAlert));
    let over = Alert { state: AlertState::Resolved, ..own };
    assert!(post.take(Some(&over), None, posted(None, None, "")).unwrap().transition.is_some());
}

#[test]
fn what_expires_comes_up_once_it_does_and_until_it_is_forgotten() {
    let expiry = |seconds| Expiry { expires_at: at(seconds), is_timed: true, reported_at: START };
    let mut expiries = Expiries::default();
    for (fingerprint, end) in [(1, 10), (2, 20), (1, 30), (2, 5), (2, 40), (3, 30)] {
        expiries.set(fingerprint, Some(expiry(end)));
    }
    let due = |expiries: &mut Expiries, now| {
        let mut due: Vec<u64> =
            expiries.due(at(now)).into_iter().map(|(fingerprint, _)| fingerprint).collect();
        due.sort_unstable();
        due
    };
    assert_eq!(due(&mut expiries, 29), [0; 0]);
    assert_eq!(expiries.next(), Some(at(30)));
    assert_eq!(due(&mut expiries, 30), [1, 3]);
    assert_eq!(due(&mut expiries, 30), [1, 3], "as long as their ends are not written down");
    expiries.set(1, None);
    expiries.set(3, None);
    assert_eq!(due(&mut expiries, 30), [0; 0]);
    assert_eq!(expiries.next(), Some(at(40)));
}

proptest! {
    /// Whatever is posted when, a restart between two reports ends nothing that its senders repeat in time, and what nobody
    /// repeats ends.
    #[test]
    fn a_restart_ends_nothing_that_is_repeated(
        reports in prop::collection::vec((1i64..290, any::<bool>()), 1..20),
        named in prop::option::of(60i64..1500),
    ) {
        let mut door = Door::default();
        let mut now = 0;
        door.post(now, Some(0), named.map(|life| now + life), "a");
        for (pause, restarts) in reports {
            now += pause.min(named.unwrap_or(300) - 1);
            door.wait_until(now);
            if restarts {
                let expiries = Expiries::restored(&door.known, at(now), RESOLVE_TIMEOUT);
                let before = door.expiry;
                door.expiry = expiries.get(door.known.as_ref().unwrap().fingerprint());
                prop_assert!(door.expiry.unwrap().expires_at >= before.unwrap().expires_at.min(at(now + 1200)));
            }
            door.post(now, Some(0), named.map(|life| now + life), "a");
            prop_assert_eq!(door.known.as_ref().unwrap().state, AlertState::Firing);
        }
        door.wait_until(now + 100_000);
        prop_assert_eq!(door.known.as_ref().unwrap().state, AlertState::Resolved);
    }
}
