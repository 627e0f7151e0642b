//! Alerts that mean harm, or whose sender is broken, at the door that takes alerts: what is too much is refused by name, what
//! is merely hostile is made harmless, each is counted, and the alerts beside them are taken and told.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use crate::harness::now_ms;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;

/// What becomes of a request with one alert.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Taken,
    /// Taken, with something in it made harmless.
    Neutralised,
    /// Taken, and over already: nobody is told.
    Over,
    Refused,
    /// The body is no list of alerts.
    Malformed,
}

use Fate::{Malformed, Neutralised, Over, Refused, Taken};

/// One alert of this name, with these further labels and fields.
fn alert(name: &str, labels: &Value, fields: &Value) -> Vec<u8> {
    let mut all = json!({"alertname": name});
    for (label, value) in labels.as_object().into_iter().flatten() {
        all[label] = value.clone();
    }
    let mut one = json!({"labels": all});
    for (field, value) in fields.as_object().into_iter().flatten() {
        one[field] = value.clone();
    }
    json!([one]).to_string().into_bytes()
}

fn in_ten_minutes() -> String {
    DateTime::from_timestamp_millis(now_ms() + 600_000).expect("a time of this century").to_rfc3339()
}

/// So many pairs.
fn many(count: usize) -> Value {
    (0..count).map(|n| (format!("l{n}"), json!("x"))).collect::<serde_json::Map<_, _>>().into()
}

fn cases() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let none = json!({});
    let labelled = |name: &str, labels: Value| alert(name, &labels, &json!({}));
    let with = |name: &str, fields: Value| alert(name, &json!({}), &fields);
    let annotated = |name: &str, text: &str| with(name, json!({"annotations": {"summary": text}}));
    let linked = |name: &str, link: &str| with(name, json!({"generatorURL": link}));
    let begun = |name: &str, at: &str| with(name, json!({"startsAt": at}));
    let plain = |text: &str| text.as_bytes().to_vec();
    let soon = json!({"startsAt": in_ten_minutes()});
    let large = "x".repeat(30_000);
    vec![
        ("plain", labelled("Plain", none.clone()), Taken),
        // Text that would be more than text elsewhere.
        ("a template in a label", labelled("T1", json!({"l": "{{ .ExternalURL }}"})), Taken),
        ("a template in an annotation", annotated("T2", "{{ range 1000000000 }}x{{ end }}"), Taken),
        ("a policy's template", annotated("T3", "{{ value | percent }}"), Taken),
        ("a secret reference", annotated("T4", "${env:PATH} ${file:/etc/passwd}"), Taken),
        ("a header in a label", labelled("H1", json!({"l": "x\r\nBcc: thief@example.org"})), Taken),
        ("a header in an annotation", annotated("H2", "x\r\n\r\n<script>alert(1)</script>"), Taken),
        ("markup", labelled("M1", json!({"l": "\"><img src=x onerror=alert(1)>"})), Taken),
        ("a quote for SQL", labelled("Q1", json!({"l": "'; DROP TABLE alerts; --"})), Taken),
        ("a name that breaks out of a key", labelled("Q2", json!({"a\"},b{": "x"})), Taken),
        ("a name in another script", labelled("Q3", json!({"域": "x"})), Taken),
        ("text that turns around", annotated("Q4", "\u{202e}evil"), Taken),
        ("one name twice", plain(r#"[{"labels": {"alertname": "W1", "a": "1", "a": "2"}}]"#), Taken),
        ("an empty value", labelled("W2", json!({"empty": ""})), Taken),
        ("fields nobody knows", with("W3", json!({"status": "firing", "x": {"y": [1]}})), Taken),
        ("as many labels as may be", labelled("B0", many(127)), Taken),
        // What is made harmless.
        ("an escape in a label", labelled("E1", json!({"l": "\u{1b}[2J"})), Neutralised),
        ("an escape in the name", labelled("E2\u{1b}]0;x\u{7}", none.clone()), Neutralised),
        ("a NUL in an annotation", annotated("E3", "a\u{0}b"), Neutralised),
        ("a line break of another kind", labelled("E4", json!({"l": "a\u{85}b"})), Neutralised),
        ("a script for a link", linked("L1", "javascript:alert(1)"), Neutralised),
        ("data for a link", linked("L2", "data:text/html,<script>1</script>"), Neutralised),
        ("no link", linked("L3", "see the wiki"), Neutralised),
        ("an endless link", linked("L4", &format!("http://h/{}", "x".repeat(9_000))), Neutralised),
        ("an endless annotation", annotated("L5", &"中".repeat(12_000)), Neutralised),
        // Clocks that are wrong.
        ("begun at the beginning", begun("C1", "1970-01-01T00:00:00Z"), Taken),
        ("begun before that", begun("C2", "1066-10-14T00:00:00Z"), Taken),
        ("begun never", begun("C3", "0001-01-01T00:00:00Z"), Taken),
        ("begins in ten minutes", with("C4", soon), Neutralised),
        ("begins at the end", begun("C5", "9999-12-31T23:59:59Z"), Neutralised),
        ("ends at the end", with("C6", json!({"endsAt": "9999-12-31T23:59:59Z"})), Taken),
        ("ended long ago", with("C7", json!({"endsAt": "1999-12-31T23:59:59Z"})), Over),
        (
            "ended before it began",
            with("C8", json!({"startsAt": "2020-01-02T00:00:00Z", "endsAt": "2020-01-01T00:00:00Z"})),
            Refused,
        ),
        ("a time that is none", begun("C9", "yesterday"), Malformed),
        ("a year of five digits", begun("C10", "99999-01-01T00:00:00Z"), Malformed),
        // Too much of it.
        ("a bomb of labels", labelled("B1", many(128)), Refused),
        ("a bomb of annotations", with("B2", json!({"annotations": many(129)})), Refused),
        ("a value too long", labelled("B3", json!({"l": "x".repeat(8_193)})), Refused),
        ("a name too long", labelled("B4", json!({"n".repeat(513): "x"})), Refused),
        (
            "too much together",
            with("B5", json!({"annotations": {"a": large, "b": large, "c": large}})),
            Refused,
        ),
        // No alert at all.
        ("a name with a line break", labelled("N1", json!({"a\nb": "x"})), Refused),
        ("an empty name", labelled("N2", json!({"": "x"})), Refused),
        ("no labels", plain(r#"[{"labels": {}}]"#), Refused),
        ("empty labels", plain(r#"[{"labels": {"alertname": ""}}]"#), Refused),
        ("labels that are null", plain(r#"[{"labels": null}]"#), Refused),
        ("labels that are missing", plain("[{}]"), Refused),
        ("a number for a value", labelled("N3", json!({"l": 1})), Malformed),
        ("a list for labels", plain(r#"[{"labels": ["alertname", "A"]}]"#), Malformed),
        ("no list", plain(r#"{"labels": {"alertname": "A"}}"#), Malformed),
        ("half of it", plain(r#"[{"labels": {"alertname": "A"#), Malformed),
        ("half a character", plain(r#"[{"labels": {"alertname": "\ud800"}}]"#), Malformed),
        ("no UTF-8", b"[{\"labels\": {\"alertname\": \"\xff\xfe\"}}]".to_vec(), Malformed),
        ("ten thousand brackets", "[".repeat(10_000).into_bytes(), Malformed),
    ]
}

/// How many alerts the doors have taken, refused and so on.
async fn counted(server: &Server) -> BTreeMap<String, u64> {
    let (_, page) = server.try_get("/metrics").await;
    let mut counted = BTreeMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("isobar_alerts_received_total{")) {
        let (labels, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (_, result) = labels.split_once("result=\"").expect("each has a result");
        let result = result.split('"').next().expect("a label ends").to_owned();
        *counted.entry(result).or_default() += value.parse::<u64>().expect("it counts");
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hostile_gets_through_and_nothing_else_is_lost() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: web, group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 1h}}
  receivers: [{{name: web, webhook_configs: [{{url: {:?}}}]}}]
",
        webhook.url("/")
    );
    let server = Server::start(&config, "policies: []\n").await;
    let cases = cases();
    assert!(cases.len() >= 30, "{} cases", cases.len());
    let mut told = 0;
    for (name, body, fate) in cases {
        let before = counted(&server).await;
        let request = server.client().post(server.url("/api/v2/alerts")).body(body);
        let response = request.header("content-type", "application/json").send().await.unwrap();
        let (status, said) = (response.status().as_u16(), response.text().await.unwrap());
        let expected = if matches!(fate, Refused | Malformed) { 400 } else { 200 };
        assert_eq!(status, expected, "{name}: {said}");
        assert!(said.len() < 2_000, "{name}: the answer is as large as the attack: {} bytes", said.len());
        let mut after = counted(&server).await;
        for (result, count) in before {
            *after.get_mut(&result).expect("a counter stays") -= count;
        }
        after.retain(|_, count| *count > 0);
        let results: Vec<&str> = after.keys().map(String::as_str).collect();
        let expected: &[&str] = match fate {
            Taken | Over => &["taken"],
            Neutralised => &["neutralised", "taken"],
            Refused => &["refused"],
            Malformed => &["malformed"],
        };
        assert_eq!(results, expected, "{name}: {said}");
        told += usize::from(matches!(fate, Taken | Neutralised));
    }
    let too_large = server.client().post(server.url("/api/v2/alerts")).body(vec![b' '; 17 << 20]);
    // The door may close before all of it has come.
    let refused = too_large
        .header("content-type", "application/json")
        .send()
        .await
        .map_or(413, |response| response.status().as_u16());
    assert_eq!(refused, 413);

    let received = webhook.wait_for(told).await;
    let mut texts = Vec::new();
    for one in &received {
        for alert in one.json()["alerts"].as_array().unwrap() {
            let pairs = [&alert["labels"], &alert["annotations"]].into_iter().filter_map(Value::as_object);
            let values = pairs.flatten().filter_map(|(_, value)| value.as_str());
            texts.extend(values.map(str::to_owned));
            let link = alert["generatorURL"].as_str().unwrap();
            assert!(link.starts_with("http://") || link.starts_with("https://") || link.is_empty(), "{link}");
            let year: u32 = alert["startsAt"].as_str().unwrap()[..4].parse().unwrap();
            assert!(year < 3000, "{alert}");
        }
    }
    let is_hostile = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    assert!(!texts.iter().any(|text| text.contains(is_hostile)), "{texts:?}");
    for kept in ["{{ .ExternalURL }}", "{{ value | percent }}", "${env:PATH} ${file:/etc/passwd}"] {
        assert!(texts.iter().any(|text| text == kept), "{kept} is not told as it was sent");
    }
}
