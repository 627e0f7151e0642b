//! Where we tell something else on purpose, seen at both.

use super::*;

const TWINS: &str = r#"
route:
  receiver: nobody
  routes:
  - {receiver: team, matchers: [kind=twin], group_by: [alertname], group_wait: 500ms, continue: true}
  - {receiver: team, matchers: [kind=twin], group_by: [alertname], group_wait: 500ms}
  - {receiver: team, matchers: [kind=over], group_by: [alertname], group_wait: 500ms}
"#;

/// `over-before-told`: an alert that is over when it first comes is told beside others there, and to nobody here.
/// `twin-routes`: two routes with the same matchers and receiver keep two groups there, and one here.
#[tokio::test]
async fn what_is_over_when_it_comes_and_routes_that_are_twins() {
    let receiver = TestReceiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = |prefix: &str| {
        let url = format!("{}/{prefix}", receiver.address);
        let team = format!("{{name: team, webhook_configs: [{{url: '{url}'}}]}}");
        format!("{}receivers: [{{name: nobody}}, {team}]\n", TWINS.trim_start())
    };
    let Some((_ended, base)) = start(folder.path(), &configuration("theirs")) else { return };
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let theirs_now = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap());
    let ours = Running::start(&configuration("ours"), &Arc::default()).await;
    let ours_now = (ours.handle.parts.clock)();

    let hour = Duration::from_secs(3600);
    // Begun a moment ago, so that their groups wait.
    let span = |now: Timestamp, is_over: bool| {
        if is_over { (now.minus(2 * hour), now.minus(hour)) } else { (now, now.plus(hour)) }
    };
    let alerts = [("Kept kind=over i=1", false), ("Kept kind=over i=2", true), ("Twin kind=twin i=3", false)];
    let (mut theirs_posted, mut ours_posted) = (Vec::new(), Vec::new());
    for (identity, is_over) in alerts {
        let labels = crate::fixture::labels(&format!("alertname={identity}"));
        let named: BTreeMap<&str, &str> = labels.iter().collect();
        let (starts_at, ends_at) = span(theirs_now, is_over);
        theirs_posted.push(json!({
            "labels": named, "startsAt": starts_at.to_string(), "endsAt": ends_at.to_string(),
        }));
        let (starts_at, ends_at) = span(ours_now, is_over);
        ours_posted.push(crate::PostedAlert {
            labels: labels.clone(),
            annotations: BTreeMap::new(),
            starts_at: Some(starts_at),
            ends_at: Some(ends_at),
            generator_url: String::new(),
        });
    }
    let body = Value::from(theirs_posted);
    let posting = async {
        while post(&egress, &format!("{base}/api/v2/alerts"), &body).await != Some(200) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), posting).await.expect("Alertmanager takes alerts");
    assert_eq!(ours.handle.post("alertmanager", ours_posted, true).await.unwrap().refused, []);
    let twins =
        ours.handle.groups().into_iter().filter(|group| group.labels.get("alertname") == Some("Twin"));
    assert_eq!(twins.count(), 1);

    let both_told = async {
        while story(&receiver, "theirs").len() < 2 || story(&receiver, "ours").len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), both_told).await.expect("both tell both groups");
    let kept = |prefix: &str| {
        let story = story(&receiver, prefix);
        let mut of_kept = story.into_iter().filter(|(key, _)| key.contains("Kept"));
        of_kept.next().map(|(_, told)| told).unwrap_or_default()
    };
    assert_eq!(kept("theirs"), [r#""firing": "firing" "Kept""1", "resolved" "Kept""2""#]);
    assert_eq!(kept("ours"), [r#""firing": "firing" "Kept""1""#]);

    let listing =
        call(&egress, http::Method::GET, &format!("{base}/api/v2/alerts/groups"), &Value::Null).await;
    let (_, groups) = listing.expect("Alertmanager lists its groups");
    let twins = groups.as_array().unwrap().iter().filter(|group| group["labels"]["alertname"] == "Twin");
    assert_eq!(twins.count(), 2, "{groups:#}");
    ours.stop().await;
}
