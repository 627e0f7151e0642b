//! The checks every pushed alert passes: what is too much or ambiguous is refused, what is merely hostile is made harmless.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};
use url::Url;

use super::{End, Pushed, PushedAlert};

/// What one alert may hold. Identities are kept for long and compared often; more than this is a mistake or an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushLimits {
    /// Labels, and annotations, of one alert.
    pub pairs: usize,
    /// Bytes of a name.
    pub name_bytes: usize,
    /// Bytes of a label's value. Prometheus itself cuts nothing; its users rarely set more than 2 KiB.
    pub label_bytes: usize,
    /// Bytes of an annotation's value; the rest is cut off.
    pub annotation_bytes: usize,
    /// How far ahead of our clock a start may lie; one further ahead is taken as now.
    pub ahead: Duration,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            pairs: 128,
            name_bytes: 512,
            label_bytes: 8 << 10,
            annotation_bytes: 32 << 10,
            ahead: Duration::from_secs(300),
        }
    }
}

/// One alert as it was read. Later pairs of one name replace earlier ones, as in JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct RawAlert<'a> {
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub annotations: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub starts_at: Option<Timestamp>,
    pub end: RawEnd,
    pub generator_url: Cow<'a, str>,
}

/// How it ends; a wrapper that has a default.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawEnd(pub End);

impl Default for RawEnd {
    fn default() -> Self {
        Self(End::Told)
    }
}

impl<'a> RawAlert<'a> {
    pub(super) fn label(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.labels.push((name.into(), value.into()));
    }

    pub(super) fn annotation(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.annotations.push((name.into(), value.into()));
    }
}

impl Pushed {
    /// Takes one alert in, or a complaint about it. `place` is its place in the request, from 0.
    pub(super) fn add(&mut self, place: usize, raw: RawAlert<'_>, limits: &PushLimits, now: Timestamp) {
        let name = raw.labels.iter().rev().find(|(name, _)| name == "alertname");
        let named = name.map(|(_, value)| format!(" ({})", shown(value))).unwrap_or_default();
        match self.check(raw, limits, now) {
            Ok(alert) => self.alerts.push(alert),
            Err(wrong) => self.complaints.push(format!("alert {place}{named}: {wrong}")),
        }
    }

    fn check(
        &mut self,
        raw: RawAlert<'_>,
        limits: &PushLimits,
        now: Timestamp,
    ) -> Result<PushedAlert, String> {
        let labels = self.pairs("label", raw.labels, limits)?;
        if let Some((name, value)) = labels.iter().find(|(_, value)| value.len() > limits.label_bytes) {
            let (name, bytes, most) = (shown(name), value.len(), limits.label_bytes);
            return Err(format!("label {name} has a value of {bytes} bytes: at most {most}"));
        }
        let labels = Labels::from_pairs(labels).map_err(|error| error.to_string())?;
        if labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        let mut annotations = self.pairs("annotation", raw.annotations, limits)?;
        for value in annotations.values_mut().filter(|value| value.len() > limits.annotation_bytes) {
            let kept = value.floor_char_boundary(limits.annotation_bytes);
            *value = Cow::Owned(format!("{}…", &value[..kept]));
            self.neutralised += 1;
        }
        let mut starts_at = raw.starts_at;
        if starts_at.is_some_and(|start| start > now.plus(limits.ahead)) {
            starts_at = Some(now);
            self.neutralised += 1;
        }
        // As it was sent: a start that was moved is no reason to refuse.
        if let (Some(start), End::At(end)) = (raw.starts_at, raw.end.0)
            && end < start
        {
            return Err("start time must be before end time".to_owned());
        }
        let mut generator_url = raw.generator_url.into_owned();
        if !generator_url.is_empty() && !is_link(&generator_url, limits.label_bytes) {
            generator_url.clear();
            self.neutralised += 1;
        }
        Ok(PushedAlert {
            labels,
            annotations: annotations
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            starts_at,
            end: raw.end.0,
            generator_url,
        })
    }

    /// Pairs by name; empty values are absent ones.
    fn pairs<'a>(
        &mut self,
        what: &str,
        pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
        limits: &PushLimits,
    ) -> Result<BTreeMap<Cow<'a, str>, Cow<'a, str>>, String> {
        let mut by_name = BTreeMap::new();
        for (name, value) in pairs {
            if name.is_empty() || name.len() > limits.name_bytes || name.chars().any(char::is_control) {
                let most = limits.name_bytes;
                let name = shown(&name);
                return Err(format!(
                    "invalid {what} set: invalid name {name}: 1 to {most} bytes without control characters"
                ));
            }
            by_name.insert(name, self.harmless(value));
        }
        by_name.retain(|_, value: &mut Cow<'a, str>| !value.is_empty());
        if by_name.len() > limits.pairs {
            return Err(format!("{} {what}s: at most {}", by_name.len(), limits.pairs));
        }
        Ok(by_name)
    }

    /// The text with control characters other than line breaks and tabs replaced: they forge lines in logs, mails and terminals.
    fn harmless<'a>(&mut self, text: Cow<'a, str>) -> Cow<'a, str> {
        let is_hostile = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if !text.contains(is_hostile) {
            return text;
        }
        self.neutralised += 1;
        Cow::Owned(text.replace(is_hostile, "\u{fffd}"))
    }
}

/// Whether it may stand behind a link.
fn is_link(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// So much of a name that it fits into one line of complaint.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn alert(labels: &[(&'static str, &str)]) -> RawAlert<'static> {
        let mut raw = RawAlert::default();
        for (name, value) in labels {
            raw.label(*name, (*value).to_owned());
        }
        raw
    }

    fn check(raw: RawAlert<'_>) -> Pushed {
        let mut pushed = Pushed::default();
        pushed.add(3, raw, &PushLimits::default(), NOW);
        pushed
    }

    fn check_refused(raw: RawAlert<'_>, complaint: &str) {
        let pushed = check(raw);
        assert_eq!((pushed.alerts.len(), pushed.complaints), (0, vec![complaint.to_owned()]));
    }

    #[test]
    fn the_fingerprint_is_that_of_what_came() {
        let pushed = check(alert(&[("alertname", "A"), ("team", "db"), ("empty", "")]));
        assert_eq!(format!("{:016x}", pushed.alerts[0].labels.fingerprint()), "7c645696d60f2876");
        assert_eq!(pushed.neutralised, 0);
    }

    #[test]
    fn what_is_too_much_is_refused_by_name() {
        check_refused(alert(&[("a", "")]), "alert 3: at least one label pair required");
        let long = "x".repeat(8193);
        check_refused(
            alert(&[("alertname", "A"), ("l", &long)]),
            "alert 3 (\"A\"): label \"l\" has a value of 8193 bytes: at most 8192",
        );
        let mut bomb = RawAlert::default();
        (0..129).for_each(|n| bomb.label(format!("l{n}"), "x"));
        check_refused(bomb, "alert 3: 129 labels: at most 128");
        check_refused(
            alert(&[("a\nb", "x")]),
            "alert 3: invalid label set: invalid name \"a\\nb\": 1 to 512 bytes without control characters",
        );
        let mut backwards = alert(&[("a", "b")]);
        backwards.starts_at = Some(NOW);
        backwards.end = RawEnd(End::At(NOW.minus(Duration::from_millis(1))));
        check_refused(backwards, "alert 3: start time must be before end time");
    }

    #[test]
    fn what_is_hostile_is_made_harmless_and_counted() {
        let mut raw = alert(&[("alertname", "A\u{1b}[31m\u{0}"), ("path", "a\tb\nc")]);
        raw.annotation("summary", "中".repeat(20_000));
        raw.generator_url = "javascript:alert(1)".into();
        raw.starts_at = Some(NOW.plus(Duration::from_secs(3600)));
        let pushed = check(raw);
        assert_eq!((pushed.neutralised, pushed.complaints.len()), (4, 0));
        let alert = &pushed.alerts[0];
        assert_eq!(alert.labels.get("alertname"), Some("A\u{fffd}[31m\u{fffd}"));
        assert_eq!(alert.labels.get("path"), Some("a\tb\nc"));
        assert!(alert.annotations["summary"].len() < 33_000 && alert.annotations["summary"].ends_with('…'));
        assert_eq!((alert.generator_url.as_str(), alert.starts_at), ("", Some(NOW)));
    }
}
