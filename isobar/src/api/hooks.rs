//! Alerts that others send: by Alertmanager's API, and by the hooks that are configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use isobar_alerting::{CentreError, CentreHandle, PostedAlert, UNTIL_TOLD};
use isobar_collectors::push::{
    self, End, Hook, HookAnswer, HookError, HookKey, HookRequest, PushLimits, Pushed, PushedAlert, Verdict,
};
use isobar_dashboards::{HookCall, HookReply, PostAnswer, Sender};
use isobar_normalizer::{ConfigError, Labels, SecretReader};
use metrics::counter;
use parking_lot::RwLock;
use tokio::runtime::Handle;

use crate::clock;
use crate::config::HookConfig;

/// The name of Alertmanager's API among the doors.
pub const ALERTMANAGER: &str = "alertmanager";

/// So many complaints are told to a sender, the rest is counted.
const COMPLAINTS_MAX: usize = 20;

/// The hooks that are configured, each with what its senders are known by. Clones share it; a reload puts another in its place.
#[derive(Clone, Debug, Default)]
pub struct Hooks(Arc<RwLock<Arc<HookTable>>>);

/// By kind and name.
pub type HookTable = BTreeMap<(String, String), OpenHook>;

/// A hook that takes requests.
#[derive(Debug)]
pub struct OpenHook {
    key: HookKey,
    reader: Arc<dyn Hook>,
}

impl Hooks {
    /// Reveals the secrets of every hook.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn build(hooks: &[HookConfig], secrets: &dyn SecretReader) -> Result<HookTable, ConfigError> {
        let open = hooks.iter().map(|hook| {
            let key = hook.auth.reveal(secrets)?;
            Ok(((hook.kind.to_owned(), hook.name.clone()), OpenHook { key, reader: hook.reader.clone() }))
        });
        open.collect()
    }

    /// Puts these in place of the former ones.
    pub fn set(&self, hooks: HookTable) {
        *self.0.write() = Arc::new(hooks);
    }
}

/// Hands alerts to the centre.
#[derive(Debug)]
pub struct AlertIntake {
    /// The centre.
    pub centre: CentreHandle,
    /// The hooks.
    pub hooks: Hooks,
    /// Where the centre's asynchronous calls run.
    pub runtime: Handle,
}

impl AlertIntake {
    /// Takes the body of a `POST /api/v2/alerts`.
    pub fn post(&self, body: &[u8], sender: &Sender) -> PostAnswer {
        let pushed = match push::posted(body, &PushLimits::default(), clock::now()) {
            Ok(pushed) => pushed,
            Err(malformed) => {
                self.count(ALERTMANAGER, "malformed", 1);
                return PostAnswer::Malformed(malformed.to_string());
            }
        };
        match self.take(ALERTMANAGER, pushed, sender.is_known) {
            Ok(None) => PostAnswer::Taken,
            Ok(Some(complaints)) => PostAnswer::Refused(complaints),
            Err(error) => PostAnswer::Failed(error.to_string()),
        }
    }

    /// Takes a request to a hook. Who asks whether he may send needs no credential for that.
    pub fn hook(&self, call: &HookCall) -> HookReply {
        let hooks = Arc::clone(&self.hooks.0.read());
        let Some(hook) = hooks.get(&(call.kind.clone(), call.name.clone())) else {
            return HookReply::NotFound;
        };
        let now = clock::now();
        let verdict = hook.key.verify(&call.headers, &call.query, &call.body, now);
        if verdict == Verdict::Refused && call.method != Method::OPTIONS {
            self.count(&call.name, "denied", 1);
            return HookReply::Denied;
        }
        let limits = PushLimits::default();
        let request = HookRequest {
            method: &call.method,
            headers: &call.headers,
            body: &call.body,
            now,
            limits: &limits,
        };
        let pushed = match hook.reader.read(request) {
            Ok(HookAnswer::Alerts(pushed)) => pushed,
            Ok(HookAnswer::Allowed(headers)) => return HookReply::Allowed(headers),
            Err(HookError::Malformed(wrong)) => {
                self.count(&call.name, "malformed", 1);
                return HookReply::Refused(wrong);
            }
            Err(HookError::Unsupported(wrong)) => return HookReply::Unsupported(wrong),
        };
        match self.take(&call.name, pushed, verdict == Verdict::Verified) {
            Ok(None) => HookReply::Taken,
            Ok(Some(complaints)) => HookReply::Refused(complaints),
            Err(error) => HookReply::Failed(error.to_string()),
        }
    }

    /// Hands alerts over; returns when they are on disk, with what is wrong with those that were not taken.
    fn take(&self, door: &str, pushed: Pushed, is_verified: bool) -> Result<Option<String>, CentreError> {
        let Pushed { alerts, mut complaints, neutralised, truncated } = pushed;
        let labels: Vec<Labels> = alerts.iter().map(|alert| alert.labels.clone()).collect();
        let posted = alerts.into_iter().map(posted).collect();
        let outcome = self.runtime.block_on(self.centre.post(door, posted, is_verified))?;
        for (place, wrong) in outcome.refused {
            complaints.push(format!("alert {}: {wrong}", labels.get(place).map_or_else(String::new, name)));
        }
        for (result, count) in [
            ("taken", outcome.taken as u64),
            ("refused", complaints.len() as u64),
            ("neutralised", neutralised),
            ("left_out_by_sender", truncated),
        ] {
            self.count(door, result, count);
        }
        let more = complaints.len().saturating_sub(COMPLAINTS_MAX);
        complaints.truncate(COMPLAINTS_MAX);
        if more > 0 {
            complaints.push(format!("and {more} more"));
        }
        Ok((!complaints.is_empty()).then(|| complaints.join("; ")))
    }

    fn count(&self, door: &str, result: &'static str, count: u64) {
        if count > 0 {
            counter!("isobar_alerts_received_total", "door" => door.to_owned(), "result" => result)
                .increment(count);
        }
    }
}

fn name(labels: &Labels) -> String {
    format!("{:?}", labels.get("alertname").unwrap_or_default())
}

fn posted(alert: PushedAlert) -> PostedAlert {
    PostedAlert {
        labels: alert.labels,
        annotations: alert.annotations,
        starts_at: alert.starts_at,
        ends_at: match alert.end {
            End::At(end) => Some(end),
            End::Unrepeated => None,
            End::Told => Some(UNTIL_TOLD),
        },
        generator_url: alert.generator_url,
    }
}
