//! The kind `alertmanager`: the webhook of an Alertmanager, version 4, and 3 as older ones sent it.
//!
//! Source: prometheus/alertmanager `template.Data` and `notify/webhook`, docs/configuration.md (0.34).

use isobar_normalizer::{ConfigError, Step, read_part};
use serde::Deserialize;

use super::check::{RawAlert, RawEnd};
use super::hook::{json, posted_only};
use super::reading::{Pairs, Text, When};
use super::{End, Hook, HookAnswer, HookError, HookKind, HookRequest, Pushed};

/// `kind: alertmanager`
pub(super) static KIND: Alertmanager = Alertmanager;

#[derive(Debug)]
pub(super) struct Alertmanager;

/// It has none: an empty table may stand there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoSettings {}

impl HookKind for Alertmanager {
    fn name(&self) -> &'static str {
        "alertmanager"
    }

    fn sample(&self) -> &'static str {
        include_str!("alertmanager.sample.yaml")
    }

    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError> {
        read_part::<NoSettings>(document, at)?;
        Ok(Box::new(Self))
    }
}

/// The message; what is said of the whole group is said of each alert too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupMessage<'a> {
    #[serde(borrow)]
    pub(super) alerts: Vec<GroupAlert<'a>>,
    #[serde(default)]
    pub(super) truncated_alerts: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupAlert<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    labels: Pairs<'a>,
    #[serde(borrow, default)]
    annotations: Pairs<'a>,
    #[serde(default)]
    starts_at: When,
    #[serde(default)]
    ends_at: When,
    #[serde(borrow, default, rename = "generatorURL")]
    generator_url: Option<Text<'a>>,
    // Grafana's additions.
    #[serde(borrow, default, rename = "dashboardURL")]
    pub(super) dashboard_url: Option<Text<'a>>,
    #[serde(borrow, default, rename = "panelURL")]
    pub(super) panel_url: Option<Text<'a>>,
    #[serde(borrow, default, rename = "silenceURL")]
    pub(super) silence_url: Option<Text<'a>>,
    #[serde(borrow, default, rename = "imageURL")]
    pub(super) image_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) value_string: Option<Text<'a>>,
}

impl<'a> GroupAlert<'a> {
    /// The alert, or what is wrong with its state. A firing one is repeated every few hours only: it ends when that is told.
    pub(super) fn raw(self, request: &HookRequest<'_>) -> Result<RawAlert<'a>, String> {
        let end = match &*self.status.0 {
            "firing" => End::Told,
            "resolved" => End::At(self.ends_at.0.unwrap_or(request.now)),
            other => {
                let other = super::check::shown(other);
                return Err(format!("status {other}: firing or resolved was expected"));
            }
        };
        Ok(RawAlert {
            labels: self.labels.0,
            annotations: self.annotations.0,
            starts_at: self.starts_at.0,
            end: RawEnd(end),
            generator_url: self.generator_url.unwrap_or_default().0,
        })
    }
}

impl Hook for Alertmanager {
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError> {
        posted_only(&request)?;
        let message: GroupMessage<'_> =
            json(request.body, "Alertmanager's webhook: an object with a list of alerts")?;
        let mut pushed = Pushed { truncated: message.truncated_alerts, ..Pushed::default() };
        for (place, one) in message.alerts.into_iter().enumerate() {
            match one.raw(&request) {
                Ok(raw) => pushed.add(place, raw, request.limits, request.now),
                Err(wrong) => pushed.complaints.push(format!("alert {place}: {wrong}")),
            }
        }
        Ok(HookAnswer::Alerts(pushed))
    }
}
