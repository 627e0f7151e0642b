//! What group robots say: a title and lines of markdown, in English or Chinese.

use std::fmt::Write as _;
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Severity};
use serde::Deserialize;
use serde_saphyr::Spanned;
use url::Url;

use super::text::{alert_url, alerts_url, cut, headline_in, marked_in, one_line, runbook_url};
use super::{Message, NotifyError};
use crate::delivery::NotifiedAlert;
use crate::gotemplate::{TemplateData, TemplateText, Templates};

/// Alerts with a line of their own; a chat is read on a phone.
const ALERTS_SHOWN: usize = 20;
/// Characters of a title.
const TITLE_MAX: usize = 200;
/// Characters of what is said of one alert.
const SUMMARY_MAX: usize = 300;

/// The language of built-in texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Language {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

/// The words of one language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) firing: &'static str,
    pub(super) acknowledged: &'static str,
    pub(super) resolved: &'static str,
    pub(super) alert: &'static str,
    /// `HighCpu and 2 more`.
    pub(super) and_more: fn(&str, usize) -> String,
    /// What is said first to the fallback of a receiver.
    pub(super) instead_of: fn(&str) -> String,
    since: fn(&str) -> String,
    details: &'static str,
    runbook: &'static str,
    /// `and 5 more alerts`.
    left_out: fn(usize) -> String,
    severity: fn(Severity) -> &'static str,
}

pub(super) static ENGLISH: Words = Words {
    firing: "FIRING",
    acknowledged: "ACKNOWLEDGED",
    resolved: "RESOLVED",
    alert: "alert",
    and_more: |first, more| format!("{first} and {more} more"),
    instead_of: |receiver| format!("[for {receiver}, which cannot be reached]"),
    since: |time| format!("since {time}"),
    details: "details",
    runbook: "runbook",
    left_out: |count| format!("and {count} more"),
    severity: |severity| match severity {
        Severity::Critical => "CRITICAL",
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    },
};

pub(super) static CHINESE: Words = Words {
    firing: "告警",
    acknowledged: "已认领",
    resolved: "恢复",
    alert: "告警",
    and_more: |first, more| format!("{first} 等 {} 项", more + 1),
    instead_of: |receiver| format!("[代 {receiver}:无法送达]"),
    since: |time| format!("自 {time}"),
    details: "详情",
    runbook: "处理手册",
    left_out: |count| format!("另有 {count} 条"),
    severity: |severity| match severity {
        Severity::Critical => "严重",
        Severity::Error => "高",
        Severity::Warning => "警告",
        Severity::Info => "提示",
    },
};

impl Language {
    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Zh => &CHINESE,
        }
    }
}

/// What the configuration says about the texts of a robot.
#[derive(Clone, Debug, Default)]
pub(super) struct Chat {
    words: Language,
    title: Option<TemplateText>,
    text: Option<TemplateText>,
}

/// A message as a robot says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// One line.
    pub(super) title: String,
    /// Markdown of the kind all robots know: bold, links, line ends.
    pub(super) text: String,
}

impl Chat {
    pub(super) fn check(
        language: Language,
        title: Option<&Spanned<String>>,
        text: Option<&Spanned<String>>,
        templates: &Arc<Templates>,
    ) -> Result<Self, ConfigError> {
        let wording = |given: Option<&Spanned<String>>| {
            given.map(|given| TemplateText::check(Some(given), "", templates)).transpose()
        };
        Ok(Self { words: language, title: wording(title)?, text: wording(text)? })
    }

    /// What is said of the message: the built-in texts where there are no others, or they come to nothing.
    ///
    /// # Errors
    /// A template and what is written in its place are too much.
    pub(super) fn say(&self, message: &Message<'_>, external_url: &Url) -> Result<Said, NotifyError> {
        let words = self.words.words();
        let data =
            (self.title.is_some() || self.text.is_some()).then(|| TemplateData::of(message, external_url));
        let given = |wording: &Option<TemplateText>, data: &Option<TemplateData>| match (wording, data) {
            (Some(wording), Some(data)) => {
                wording.render(data).map(|text| Some(text).filter(|text| !text.trim().is_empty()))
            }
            _ => Ok(None),
        };
        let title = match given(&self.title, &data.as_ref().map(TemplateData::whole))? {
            Some(title) => marked_in(message, title, words),
            None => plain(&headline_in(message, words)),
        };
        let text = given(&self.text, &data)?.map(|text| match message.left_out() {
            0 => text,
            more => format!("{}\n\n{}", text.trim_end(), left_out(more, words, external_url)),
        });
        let text = text.unwrap_or_else(|| lines(message, words, external_url));
        Ok(Said { title: cut(&one_line(&title), TITLE_MAX), text })
    }
}

/// One line for each of the worst alerts, and how many others there are.
fn lines(message: &Message<'_>, words: &Words, external_url: &Url) -> String {
    let mut alerts: Vec<&NotifiedAlert> = message.alerts().collect();
    alerts.sort_by_key(|alert| std::cmp::Reverse((alert.is_firing(), alert.severity)));
    let mut text = String::new();
    for alert in alerts.iter().take(ALERTS_SHOWN) {
        let state = if alert.is_firing() { (words.severity)(alert.severity) } else { words.resolved };
        let name = alert.labels.get("alertname").unwrap_or(words.alert);
        // Writing to a string cannot fail.
        let _ = write!(text, "**[{state}]** {}", plain(name));
        if let Some(place) = alert.labels.get("resource_name").or_else(|| alert.labels.get("resource_id")) {
            let _ = write!(text, " · {}", plain(place));
        }
        if let Some(summary) = alert.annotations.get("summary") {
            let _ = write!(text, ": {}", plain(&cut(summary, SUMMARY_MAX)));
        }
        let since = (words.since)(&alert.starts_at.to_string());
        let _ = write!(text, " ({since}) [{}]({})", words.details, alert_url(external_url, alert));
        if let Some(runbook) = runbook_url(alert) {
            let _ = write!(text, " [{}]({runbook})", words.runbook);
        }
        text.push_str("\n\n");
    }
    let more = alerts.len().saturating_sub(ALERTS_SHOWN) + message.left_out();
    if more > 0 {
        text.push_str(&left_out(more, words, external_url));
    }
    text.truncate(text.trim_end().len());
    text
}

fn left_out(count: usize, words: &Words, external_url: &Url) -> String {
    format!("[{}]({})", (words.left_out)(count), alerts_url(external_url))
}

/// A value of an alert inside markdown: on one line, and no tag, mention or link of its own.
pub(super) fn plain(value: &str) -> String {
    one_line(value).replace('<', "‹").replace('>', "›").replace("](", "] (")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Alert, AlertState};
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};
    use crate::notify::fixture::first_of;

    fn said(language: Language, alerts: &[Alert], reason: Reason) -> Said {
        let (notification, delivery) = told(alerts, reason);
        let url = Url::parse("https://isobar.example/").unwrap();
        let chat = Chat { words: language, ..Chat::default() };
        chat.say(&Message::new(&notification, &delivery, true, START), &url).unwrap()
    }

    fn hot(name: &str, severity: Severity) -> Alert {
        let mut one =
            alert(&format!("alertname=HighCpu resource_name={name}"), AlertState::Firing, severity, START);
        one.annotations
            .insert("summary".to_owned(), "CPU <at id=all></at> [x](http://evil/)\nhot".to_owned());
        one.annotations.insert("runbook_url".to_owned(), "https://wiki.example/cpu".to_owned());
        one
    }

    #[test]
    fn the_worst_comes_first_in_either_language() {
        let alerts = [hot("db-1", Severity::Warning), hot("db-2", Severity::Critical)];
        let english = said(Language::En, &alerts, Reason::First);
        assert!(english.title.starts_with("[FIRING:2] HighCpu: "), "{english:?}");
        let first = english.text.lines().next().unwrap();
        assert!(first.starts_with("**[CRITICAL]** HighCpu · db-2: CPU ‹at id=all›"), "{first}");
        assert!(
            first.contains("(since 2026-01-01T00:00:00.000Z) [details](https://isobar.example/alerts?q=")
        );
        assert!(first.ends_with("[runbook](https://wiki.example/cpu)"), "{first}");
        for said in [&english.title, &english.text] {
            assert!(said.contains("‹at id=all›"), "{said}");
            assert!(!said.contains("](http://evil") && !said.contains("<at"), "{said}");
        }
        let chinese = said(Language::Zh, &alerts, Reason::First);
        assert!(chinese.title.starts_with("[告警:2] HighCpu"), "{chinese:?}");
        assert!(chinese.text.starts_with("**[严重]** HighCpu · db-2"), "{chinese:?}");
        assert_eq!(chinese.text.lines().filter(|line| !line.is_empty()).count(), 2);
    }

    #[test]
    fn its_own_texts_are_templates_and_a_broken_one_loses_nothing() {
        let text = |text: &str| serde_saphyr::from_str::<Spanned<String>>(&format!("{text:?}")).unwrap();
        let three = [1, 2, 3].map(|i| hot(&format!("db-{i}"), Severity::Error));
        let (notification, delivery) = told(&three, Reason::First);
        let url = Url::parse("https://isobar.example/").unwrap();
        let whole = Message::new(&notification, &delivery, true, START);
        let message = first_of(&whole, 1);
        let (title, broken) = (text("{{ .Status }} {{ len .Alerts }}"), text("{{ index .Alerts 7 }}"));
        let chat = Chat::check(Language::En, Some(&title), Some(&title), &Arc::default()).unwrap();
        let said = chat.say(&message, &url).unwrap();
        assert_eq!(
            (said.title.as_str(), said.text.as_str()),
            ("firing 3", "firing 1\n\n[and 2 more](https://isobar.example/alerts)")
        );
        let chat = Chat::check(Language::En, Some(&broken), Some(&broken), &Arc::default()).unwrap();
        let said = chat.say(&message, &url).unwrap();
        assert!(
            said.title.starts_with("[FIRING:3] HighCpu") && said.text.starts_with("**[ERROR]**"),
            "{said:?}"
        );
        assert!(Chat::check(Language::En, Some(&text("{{ .Status")), None, &Arc::default()).is_err());
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let many: Vec<Alert> = (0..25).map(|i| hot(&format!("db-{i}"), Severity::Error)).collect();
        let told = said(Language::En, &many, Reason::First);
        assert!(told.text.ends_with("[and 5 more](https://isobar.example/alerts)"), "{told:?}");
        let over = alert("alertname=A", AlertState::Resolved, Severity::Error, START);
        let told = said(Language::Zh, &[over], Reason::AllResolved);
        assert_eq!(told.title, "[恢复] A");
        assert!(told.text.starts_with("**[恢复]** A (自 2026"), "{told:?}");
    }
}
