//! People's acts, and silences that are kept as they come.

use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::{
    Act, ActOutcome, AlertingConfig, IntegrationId, KnownAlert, Silence, SilenceDraft, SilenceError, Stage,
    TestStage,
};
use isobar_normalizer::Labels;

use super::{Fake, NOW};
use crate::*;

/// Two receivers: `db` for a team, muted at all times, and `ops` for all others.
pub(crate) const CONFIG: &str = "
route:
  receiver: ops
  group_by: [alertname]
  routes: [{matchers: ['team=\"db\"'], receiver: db, mute_time_intervals: [always], group_by: ['...']}]
receivers: [{name: ops}, {name: db}]
time_intervals: [{name: always, time_intervals: [{}]}]
templates: ['known/*.tmpl']
";

impl Alerts for Fake {
    fn known(&self) -> Result<Vec<KnownAlert>, ReadError> {
        Ok(self.alerts.lock().clone())
    }

    fn view(&self, fingerprint: u64) -> Result<Option<AlertView>, ReadError> {
        Ok(self.alerts.lock().iter().find(|known| known.fingerprint == fingerprint).map(AlertView::from))
    }

    fn act(&self, targets: Vec<u64>, act: Act, note: &str, actor: &str) -> Result<ActOutcome, ActError> {
        let alerts = self.alerts.lock();
        let is_open =
            |id: &u64| alerts.iter().any(|one| one.fingerprint == *id && one.alert().state.is_open());
        let (open, not_open): (Vec<u64>, Vec<u64>) = targets.into_iter().partition(is_open);
        if open.is_empty() {
            return Err(ActError::Conflict("none of these alerts is open".to_owned()));
        }
        self.changes.lock().push(format!("{act:?} {} by {actor}: {note}", open.len()));
        let changed = self.changed_by_acts.lock().unwrap_or(open.len());
        Ok(ActOutcome { done: open.len(), changed, not_open })
    }

    fn inhibitors(&self, labels: &Labels) -> Result<Vec<u64>, ReadError> {
        Ok(labels.get("inhibited").map(|_| 0xa1).into_iter().collect())
    }

    fn test_fire(&self, receiver: &str, actor: &str) -> Result<Vec<TestStage>, ActError> {
        if receiver != "ops" {
            return Err(ActError::NotFound(format!("no receiver is named {receiver:?}")));
        }
        self.changes.lock().push(format!("test {receiver} by {actor}"));
        let stage = |index: u32, stage: Stage, is_ok: bool, detail: &str| TestStage {
            integration: IntegrationId { receiver: "ops".into(), channel: "webhook".into(), index },
            stage,
            is_ok,
            detail: detail.to_owned(),
            took: (stage != Stage::Send).then_some(Duration::from_millis(7)),
        };
        Ok(vec![
            stage(0, Stage::Config, true, ""),
            stage(0, Stage::Answer, true, "200"),
            stage(1, Stage::Config, true, ""),
            stage(1, Stage::Connect, false, "refused"),
        ])
    }

    fn config(&self) -> Arc<AlertingConfig> {
        let file = ("a.tmpl".to_owned(), "{{ define \"known\" }}x{{ end }}".to_owned());
        Arc::new(AlertingConfig::parse_with(CONFIG, &|_| Ok(vec![file.clone()])).unwrap())
    }

    fn receivers(&self) -> Result<Vec<ReceiverView>, ReadError> {
        let channel = |index: u32, failed_at: Option<WireTime>| ReceiverChannel {
            channel: "webhook".to_owned(),
            index,
            target: failed_at.map(|_| "https://hooks.example".to_owned()),
            queued: 0,
            failed: u64::from(failed_at.is_some()),
            dead: 0,
            sent_last_hour: 0,
            last_sent_at: None,
            last_error: failed_at.map(|_| "answered 503".to_owned()),
            last_error_at: failed_at,
        };
        let view = |name: &str, channels| ReceiverView { name: name.to_owned(), channels, routes: 1 };
        let channels = vec![channel(0, Some(NOW.into())), channel(1, None)];
        Ok(vec![view("ops", channels), view("db", Vec::new())])
    }
}

impl Silences for Fake {
    fn silences(&self) -> Result<Vec<Arc<Silence>>, ReadError> {
        Ok(self.silences.lock().clone())
    }

    fn silence(&self, id: &str) -> Result<Option<Arc<Silence>>, ReadError> {
        Ok(self.silences.lock().iter().find(|silence| *silence.id == *id).cloned())
    }

    fn put(&self, draft: SilenceDraft, actor: &str) -> Result<Arc<Silence>, SilenceRefusal> {
        *self.time.lock() = NOW;
        let mut silences = self.silences.lock();
        let starts_at = draft.starts_at.unwrap_or(NOW);
        let unknown = draft.id.clone().filter(|id| silences.iter().all(|silence| *silence.id != **id));
        if let Some(id) = unknown {
            return Err(SilenceRefusal::Refused(SilenceError::NotFound(id)));
        }
        if draft.matchers.iter().all(|matcher| matcher.matches("")) {
            return Err(SilenceRefusal::Refused(SilenceError::MatchesEverything));
        }
        if draft.ends_at <= starts_at {
            return Err(SilenceRefusal::Refused(SilenceError::EndsBeforeStart));
        }
        if draft.ends_at < NOW {
            return Err(SilenceRefusal::Refused(SilenceError::EndsInThePast));
        }
        let id = draft.id.unwrap_or_else(|| format!("00000000-0000-4000-8000-{:012}", silences.len()));
        silences.retain(|silence| *silence.id != *id);
        let silence = Arc::new(Silence {
            id: id.as_str().into(),
            matchers: draft.matchers,
            starts_at,
            ends_at: draft.ends_at,
            updated_at: NOW,
            created_by: draft.created_by,
            comment: draft.comment,
            annotations: draft.annotations,
            recurrence: draft.recurrence,
            until_resolved: draft.until_resolved,
        });
        silences.push(Arc::clone(&silence));
        self.changes.lock().push(format!("silence {id} by {actor}"));
        Ok(silence)
    }

    fn expire(&self, id: &str, actor: &str) -> Result<Arc<Silence>, SilenceRefusal> {
        *self.time.lock() = NOW;
        let mut silences = self.silences.lock();
        let found = silences.iter_mut().find(|silence| *silence.id == *id);
        let found = found.ok_or_else(|| SilenceRefusal::Refused(SilenceError::NotFound(id.to_owned())))?;
        if found.ends_at <= NOW {
            return Err(SilenceRefusal::Refused(SilenceError::Expired(id.to_owned())));
        }
        *found = Arc::new(Silence { ends_at: NOW, ..Silence::clone(found) });
        self.changes.lock().push(format!("expire {id} by {actor}"));
        Ok(Arc::clone(found))
    }
}
