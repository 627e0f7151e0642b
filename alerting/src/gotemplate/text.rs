//! A text of a receiver's configuration: checked when it is read, rendered for each message, never the end of one.

use std::sync::LazyLock;

use isobar_normalizer::ConfigError;
use serde_saphyr::{Location, Spanned};

use super::{Prepared, TemplateData, TemplateError, Templates};
use crate::notify::NotifyError;

/// The built-in templates alone, for when those of the user fail.
static BUILT_IN: LazyLock<Templates> = LazyLock::new(Templates::default);

/// A template that was read, and what is written in its place should it fail.
#[derive(Clone, Debug)]
pub(crate) struct TemplateText {
    text: Prepared,
    /// What Alertmanager writes where nothing is configured, for which built-in templates are enough; `None` where the text is
    /// just that.
    otherwise: Option<Prepared>,
    /// Where the text stands; nowhere for a default.
    location: Option<Location>,
    is_html: bool,
}

impl TemplateText {
    /// What is configured, or `otherwise`.
    pub(crate) fn check(
        text: Option<&Spanned<String>>,
        otherwise: &str,
        templates: &Templates,
    ) -> Result<Self, ConfigError> {
        let location = text.map(|text| text.referenced);
        let wrong = |error: TemplateError| {
            let what = error.to_string();
            location.map_or_else(|| ConfigError::whole(what.clone()), |at| ConfigError::at(at, what.clone()))
        };
        let source = text.map_or(otherwise, |text| text.value.as_str());
        let is_default = source == otherwise && templates.is_built_in;
        let default = (!is_default).then(|| BUILT_IN.prepare(otherwise)).transpose();
        Ok(Self {
            text: templates.prepare(source).map_err(wrong)?,
            otherwise: default.map_err(wrong)?,
            location,
            is_html: false,
        })
    }

    /// The same for HTML.
    #[must_use]
    pub(crate) fn html(self) -> Self {
        Self { is_html: true, ..self }
    }

    /// Whether nothing is ever written.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.main.body.is_empty()
    }

    /// The text for a message. A template that fails is counted and told of, and the default text is written: an alert is
    /// never lost over its words.
    ///
    /// # Errors
    /// The default fails too, which it does over more alerts than its limits allow.
    pub(crate) fn render(&self, data: &TemplateData) -> Result<String, NotifyError> {
        let too_large = |error: TemplateError| NotifyError::TooLarge(error.to_string());
        let error = match (self.render_by(&self.text, data), &self.otherwise) {
            (Ok(text), _) => return Ok(text),
            (Err(error), None) => return Err(too_large(error)),
            (Err(error), Some(_)) => error,
        };
        let line = self.location.map_or(0, |location| location.line());
        tracing::warn!(%error, line, "a template failed, the default text is sent");
        metrics::counter!("isobar_template_failures_total").increment(1);
        let otherwise = self.otherwise.as_ref().unwrap_or(&self.text);
        self.render_by(otherwise, data).map_err(too_large)
    }

    fn render_by(&self, text: &Prepared, data: &TemplateData) -> Result<String, TemplateError> {
        if self.is_html { text.html(data) } else { text.text(data) }
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;
    use url::Url;

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};
    use crate::notify::Message;

    fn over(alerts: usize, text: &TemplateText) -> Result<String, NotifyError> {
        let alerts: Vec<_> = (0..alerts)
            .map(|i| alert(&format!("alertname=A i={i}"), AlertState::Firing, Severity::Error, START))
            .collect();
        let (notification, delivery) = told(&alerts, Reason::First);
        let url = Url::parse("https://isobar.example/").unwrap();
        text.render(&TemplateData::of(&Message::new(&notification, &delivery, true, START), &url))
    }

    fn given(text: &str) -> Spanned<String> {
        serde_saphyr::from_str(&format!("{text:?}")).unwrap()
    }

    #[test]
    fn a_default_over_too_many_alerts_says_so() {
        let default = "{{ range .Alerts }}{{ printf \"%9000s\" .Status }}{{ end }}";
        let text = TemplateText::check(None, default, &Templates::default()).unwrap();
        assert!(text.otherwise.is_none(), "what is the default already has nothing to give way to");
        assert_eq!(over(3, &text).unwrap().len(), 27_000);
        assert!(matches!(over(300, &text), Err(NotifyError::TooLarge(_))));
        let broken = given("{{ index .Alerts 900 }}");
        let text = TemplateText::check(Some(&broken), default, &Templates::default()).unwrap();
        assert_eq!(over(3, &text).unwrap().len(), 27_000);
        assert!(matches!(over(300, &text), Err(NotifyError::TooLarge(_))));
    }

    #[test]
    fn a_default_that_a_file_redefines_gives_way_to_the_built_in_one() {
        let file = "{{ define \"__subject\" }}{{ index .Alerts 7 }}{{ end }}";
        let templates = Templates::parse(&[("a.tmpl".to_owned(), file.to_owned())]).unwrap();
        let default = "{{ template \"slack.default.title\" . }}";
        let text = TemplateText::check(None, default, &templates).unwrap();
        assert_eq!(over(1, &text).unwrap(), "[FIRING:1] HighCpu (saturation 0 error)");
    }
}
