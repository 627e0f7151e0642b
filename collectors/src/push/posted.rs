//! What clients of Alertmanager's API post to `/api/v2/alerts`: Prometheus, amtool, and whoever speaks for them.
//!
//! Source: prometheus/alertmanager `api/v2/openapi.yaml` and `api/v2/api.go` (0.25 to 0.34).

use isobar_normalizer::Timestamp;
use serde::Deserialize;

use super::check::{RawAlert, RawEnd};
use super::reading::{Pairs, Text, When};
use super::{End, PushLimits, Pushed};

/// A body that is no list of alerts; nothing of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parsing alerts body from \"\" failed, because {0}")]
pub struct MalformedPost(pub String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted<'a> {
    #[serde(borrow)]
    labels: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    annotations: Pairs<'a>,
    #[serde(default)]
    starts_at: When,
    #[serde(default)]
    ends_at: When,
    #[serde(borrow, default, rename = "generatorURL")]
    generator_url: Option<Text<'a>>,
}

/// Reads a JSON array of postable alerts. An end that is missing is up to the repetitions.
///
/// # Errors
/// The body is not such an array, or a value in it is of a wrong type.
pub fn posted(body: &[u8], limits: &PushLimits, now: Timestamp) -> Result<Pushed, MalformedPost> {
    let read: Option<Vec<Posted<'_>>> =
        serde_json::from_slice(body).map_err(|error| MalformedPost(error.to_string()))?;
    let mut pushed = Pushed::default();
    for (place, one) in read.unwrap_or_default().into_iter().enumerate() {
        let Some(Pairs(labels)) = one.labels else {
            pushed.complaints.push(format!("alert {place}: labels are required"));
            continue;
        };
        let raw = RawAlert {
            labels,
            annotations: one.annotations.0,
            starts_at: one.starts_at.0,
            end: RawEnd(one.ends_at.0.map_or(End::Unrepeated, End::At)),
            generator_url: one.generator_url.unwrap_or_default().0,
        };
        pushed.add(place, raw, limits, now);
    }
    Ok(pushed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn read(body: &str) -> Result<Pushed, MalformedPost> {
        posted(body.as_bytes(), &PushLimits::default(), NOW)
    }

    #[test]
    fn an_alert_as_prometheus_sends_it() {
        let body = r#"[{"annotations":{"summary":"down"},"endsAt":"2023-11-14T22:17:20Z","startsAt":"2023-11-14T22:13:00.5Z",
            "generatorURL":"http://prometheus:9090/graph?g0.expr=up","labels":{"alertname":"Down","severity":"critical"}}]"#;
        let pushed = read(body).unwrap();
        let alert = &pushed.alerts[0];
        assert_eq!(alert.labels.get("severity"), Some("critical"));
        assert_eq!(alert.annotations["summary"], "down");
        assert_eq!(alert.starts_at, Timestamp::parse_rfc3339("2023-11-14T22:13:00.5Z"));
        assert_eq!(alert.end, End::At(Timestamp::parse_rfc3339("2023-11-14T22:17:20Z").unwrap()));
        assert_eq!(alert.generator_url, "http://prometheus:9090/graph?g0.expr=up");
    }

    #[test]
    fn the_good_ones_are_taken_and_the_others_named() {
        let pushed = read(
            r#"[{"labels":{}},{"labels":{"a":"b"}},{"annotations":{}},{"labels":{"a":"c"},"endsAt":""}]"#,
        );
        let pushed = pushed.unwrap();
        assert_eq!(pushed.alerts.len(), 2);
        assert_eq!(pushed.alerts[1].end, End::Unrepeated);
        let complaints = ["alert 0: at least one label pair required", "alert 2: labels are required"];
        assert_eq!(pushed.complaints, complaints);
        assert_eq!(read("null").unwrap(), Pushed::default());
    }

    #[test]
    fn other_bodies_are_refused_as_a_whole() {
        for body in ["", "{}", "[1]", r#"[{"labels":{"a":1}}]"#, r#"[{"labels":{"a":"b"},"startsAt":"x"}]"#] {
            let error = read(body).unwrap_err().to_string();
            assert!(error.starts_with("parsing alerts body from \"\" failed, because "), "{body}: {error}");
        }
    }
}
