//! A text of a receiver's configuration: checked when it is read, rendered for each message, never the end of one.

use std::sync::{Arc, LazyLock};

use isobar_normalizer::ConfigError;
use serde_saphyr::{Location, Spanned};

use super::{TemplateData, TemplateError, Templates};
use crate::notify::NotifyError;

/// Alerts a default text is written about where all of them are too many.
const ALERTS_FEW: usize = 50;

/// The built-in templates alone, for when those of the user fail.
static BUILT_IN: LazyLock<Templates> = LazyLock::new(Templates::default);

/// A template that was checked, and what is written in its place should it fail.
#[derive(Clone, Debug)]
pub(crate) struct TemplateText {
    templates: Arc<Templates>,
    text: Arc<str>,
    /// What Alertmanager writes where nothing is configured; built-in templates are enough for it.
    otherwise: Arc<str>,
    /// Where the text stands; nowhere for a default.
    location: Option<Location>,
    is_html: bool,
}

impl TemplateText {
    /// What is configured, or `otherwise`.
    pub(crate) fn check(
        text: Option<&Spanned<String>>,
        otherwise: &str,
        templates: &Arc<Templates>,
    ) -> Result<Self, ConfigError> {
        if let Some(text) = text {
            let wrong = |error: TemplateError| ConfigError::at(text.referenced, error.to_string());
            templates.check(&text.value).map_err(wrong)?;
        }
        let otherwise: Arc<str> = otherwise.into();
        Ok(Self {
            templates: Arc::clone(templates),
            text: text.map_or_else(|| Arc::clone(&otherwise), |text| text.value.as_str().into()),
            otherwise,
            location: text.map(|text| text.referenced),
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
        self.text.is_empty()
    }

    /// The text for a message. A template that fails is counted and told of, and the default text is written: an alert is
    /// never lost over its words.
    ///
    /// # Errors
    /// The default fails too, also over a few of the alerts.
    pub(crate) fn render(&self, data: &TemplateData) -> Result<String, NotifyError> {
        let first = self.render_by(&self.templates, &self.text, data);
        first.or_else(|error| {
            let line = self.location.map_or(0, |location| location.line());
            tracing::warn!(%error, line, "a template failed, the default text is sent");
            metrics::counter!("isobar_template_failures_total").increment(1);
            let whole = self.render_by(&BUILT_IN, &self.otherwise, data);
            let some = whole.or_else(|_| self.render_by(&BUILT_IN, &self.otherwise, &data.first(ALERTS_FEW)));
            some.map_err(|error| NotifyError::Unwritable(error.to_string()))
        })
    }

    fn render_by(
        &self,
        templates: &Templates,
        text: &str,
        data: &TemplateData,
    ) -> Result<String, TemplateError> {
        if self.is_html { templates.html(text, data) } else { templates.text(text, data) }
    }
}
