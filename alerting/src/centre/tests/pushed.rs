//! Alerts that somebody sends, from the call to the page, through timeouts and restarts.

use std::collections::BTreeMap;

use isobar_normalizer::Labels;

use super::*;
use crate::fixture::labels;
use crate::pushed::{PostError, PostOutcome, PostedAlert};

fn posted(identity: &str, life: Option<Duration>, now: Timestamp) -> PostedAlert {
    PostedAlert {
        labels: labels(identity),
        annotations: BTreeMap::from([("summary".to_owned(), "it burns".to_owned())]),
        starts_at: Some(now),
        ends_at: life.map(|life| now.plus(life)),
        generator_url: "http://prometheus/graph".to_owned(),
    }
}

impl Running {
    fn now(&self) -> Timestamp {
        (self.handle.parts.clock)()
    }

    async fn post(&self, alerts: Vec<PostedAlert>) -> PostOutcome {
        self.handle.post("alertmanager", alerts, true).await.unwrap()
    }

    async fn until_open(&self, count: usize) {
        let mut versions = self.handle.versions();
        let waiting = async {
            while self.handle.alerts().iter().filter(|alert| alert.state.is_open()).count() != count {
                versions.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_sent_again_ends_and_is_told_as_over() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let centre =
        Running::start(&config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n"), &journal).await;
    let now = centre.now();
    let outcome = centre
        .post(vec![
            posted("alertname=Down instance=a", Some(Duration::from_millis(600)), now),
            PostedAlert { labels: Labels::empty(), ..posted("a=b", None, now) },
        ])
        .await;
    assert_eq!((outcome.taken, outcome.changed), (1, 1));
    assert_eq!(outcome.refused, [(1, PostError::NoLabels)]);
    let hooks = receiver.wait("/hook", 2).await;
    assert_eq!(hooks[0].body["alerts"][0]["status"], "firing");
    let labels = serde_json::json!({"alertname": "Down", "instance": "a"});
    assert_eq!(hooks[0].body["alerts"][0]["labels"], labels);
    assert_eq!(hooks[1].body["alerts"][0]["status"], "resolved");
    let why = centre.handle.why(labels_of(&centre)).unwrap();
    assert!(why[0].detail.starts_with("the end that alertmanager named has come"), "{why:?}");
    centre.stop().await;
}

fn labels_of(centre: &Running) -> u64 {
    centre.handle.alerts()[0].fingerprint()
}

#[tokio::test]
async fn a_repetition_is_not_written_down_and_moves_the_end_on() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let centre = Running::start(&config(&receiver, ""), &journal).await;
    let begun = centre.now();
    let again = |now| PostedAlert {
        starts_at: Some(begun),
        ..posted("alertname=Down", Some(Duration::from_secs(60)), now)
    };
    assert_eq!(centre.post(vec![again(begun), again(begun)]).await.changed, 1, "one of two of the same");
    // Its incident is written down too, a moment later.
    let written = || {
        let events = journal.read(0, 100).unwrap();
        events.iter().filter(|event| event.kind == crate::KIND_ALERT).count()
    };
    let before = written();
    let later = begun.plus(Duration::from_secs(30));
    assert_eq!(centre.post(vec![again(later)]).await, PostOutcome { taken: 1, ..PostOutcome::default() });
    assert_eq!(written(), before);
    let pushed = centre.handle.alerts()[0].pushed.clone().unwrap();
    assert_eq!((pushed.expires_at, pushed.is_timed), (later.plus(Duration::from_secs(60)), false));
    centre.stop().await;
}

#[tokio::test]
async fn a_restart_waits_for_the_senders() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let text = config(&receiver, "  webhook_configs: [{url: 'HOST/hook'}]\n");
    let centre = Running::start(&text, &journal).await;
    let now = centre.now();
    centre.post(vec![posted("alertname=Down", Some(Duration::from_secs(20)), now)]).await;
    centre.until_all_are(1, DeliveryState::Sent).await;
    centre.kill().await;
    let centre = Running::start(&text, &journal).await;
    assert!(centre.now() > now.plus(Duration::from_secs(20)), "its end has come while nobody was there");
    centre.until_open(1).await;
    let pushed = centre.handle.alerts()[0].pushed.clone().unwrap();
    assert!(pushed.expires_at >= centre.now().plus(Duration::from_secs(290)));
    let over = posted("alertname=Down", Some(Duration::ZERO), centre.now());
    centre.post(vec![over]).await;
    centre.until_all_are(2, DeliveryState::Sent).await;
    centre.stop().await;
}

#[tokio::test]
async fn a_storm_in_many_requests_is_taken_as_fast_as_in_one() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let centre = Running::start(&config(&receiver, ""), &journal).await;
    let now = centre.now();
    let storm = |from: usize, count: usize| -> Vec<PostedAlert> {
        let identity =
            |i| format!("alertname=A{} instance=i{i} job=node severity=page zone=z{}", i % 7, i % 3);
        (from..from + count).map(|i| posted(&identity(i), Some(Duration::from_secs(900)), now)).collect()
    };
    let requests = (0..40).map(|request| {
        let (handle, alerts) = (centre.handle.clone(), storm(request * 250, 250));
        tokio::spawn(async move { handle.post("alertmanager", alerts, true).await.unwrap() })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().changed, 250);
    }
    let again = centre.post(storm(0, 10_000)).await;
    assert_eq!((again.taken, again.changed), (10_000, 0));
    assert_eq!(centre.handle.alerts().len(), 10_000);
    centre.kill().await;
}

#[tokio::test]
async fn what_ends_only_when_its_sender_says_so_has_no_end_that_is_shown() {
    let receiver = TestReceiver::start().await;
    let journal = Arc::new(MemoryJournal::new());
    let centre = Running::start(&config(&receiver, ""), &journal).await;
    let alert = |end| PostedAlert { ends_at: Some(end), ..posted("alertname=Down", None, centre.now()) };
    centre.post(vec![alert(crate::UNTIL_TOLD)]).await;
    let known = centre.handle.known_alerts().remove(0);
    assert_eq!((known.alert().ends_at, known.expected.map(|(ends_at, _)| ends_at)), (None, Some(None)));
    let why = centre.handle.why(known.fingerprint).unwrap();
    assert!(why.iter().all(|step| !step.detail.contains("9999")), "{why:#?}");
    assert!(why.iter().any(|step| step.detail.contains("; it ends when its sender says so")), "{why:#?}");
    centre.post(vec![alert(centre.now())]).await;
    let over = centre.handle.known_alerts().remove(0);
    assert!(over.alert().state == AlertState::Resolved && over.alert().ends_at.is_some(), "{over:?}");
    centre.stop().await;
}
