//! Keeps checkpoints of the journal outside the data directory, and says when they speak against it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use isobar_alerting::CheckpointFacts;
use isobar_egress::{Client, ClientOptions, Egress, Request, SigningKey, Trust, excerpt, webhook_headers};
use isobar_journal::{Cadence, Checkpoint, CheckpointFile, Journal, contradiction};
use isobar_normalizer::{ConfigError, SecretReader, Timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use url::Url;

use crate::clock;
use crate::config::{CheckpointConfig, PlaceConfig, PlaceTarget};

/// The head is looked at so often: nothing but a number is read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A place that failed is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// A call ends after this: Standard Webhooks asks for 15 to 30 seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// What a server that stops may still take for its last checkpoint.
const LAST_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes: nothing in it is used but the beginning, for people.
const RESPONSE_MAX: usize = 64 << 10;

/// The places, ready to be written to.
#[derive(Debug)]
pub struct Keeper {
    every: Cadence,
    places: Vec<Place>,
}

/// How the places fare, in their order.
#[derive(Debug, Default)]
pub struct CheckpointStatuses(Mutex<BTreeMap<usize, CheckpointFacts>>);

impl CheckpointStatuses {
    /// How each fares now.
    pub fn facts(&self) -> Vec<CheckpointFacts> {
        self.0.lock().values().cloned().collect()
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut CheckpointFacts)) {
        change(self.0.lock().entry(index).or_default());
    }
}

#[derive(Debug)]
struct Place {
    /// What people call it: a webhook's path may be a secret.
    name: String,
    kind: PlaceKind,
}

#[derive(Clone, Debug)]
enum PlaceKind {
    File(CheckpointFile),
    Webhook(Box<Webhook>),
}

#[derive(Clone, Debug)]
struct Webhook {
    client: Client,
    url: Url,
    key: Option<SigningKey>,
}

impl Keeper {
    /// Reads the secrets and prepares the clients; writes nothing.
    ///
    /// # Errors
    /// A secret that is missing or not of its form, with the place.
    pub fn build(
        config: &CheckpointConfig,
        egress: &Egress,
        secrets: &dyn SecretReader,
    ) -> Result<Self, ConfigError> {
        let places = config.places.iter().enumerate();
        let places = places.map(|(index, place)| Place::build(place, index, egress, secrets));
        Ok(Self { every: config.every, places: places.collect::<Result<_, _>>()? })
    }

    /// Starts a task for each place; they end, with a last checkpoint, when `stop` is cancelled.
    pub fn start(
        self,
        journal: &Arc<dyn Journal>,
        statuses: &Arc<CheckpointStatuses>,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let places = self.places.into_iter().enumerate();
        let tasks = places.map(|(index, place)| {
            statuses.change(index, |facts| facts.place = place.name.clone());
            let keeping = Keeping {
                every: self.every,
                place,
                index,
                journal: Arc::clone(journal),
                statuses: Arc::clone(statuses),
                last: None,
                is_compared: false,
            };
            tokio::spawn(keeping.run(stop.clone()))
        });
        tasks.collect()
    }
}

/// Complains about a file that lies in the data directory: who can change the journal there can change the file.
///
/// # Errors
/// With the place in the configuration.
pub fn refuse_inside(config: &CheckpointConfig, data_dir: &Path) -> Result<(), ConfigError> {
    let Ok(data_dir) = data_dir.canonicalize() else { return Ok(()) };
    for PlaceConfig { target, location } in &config.places {
        let PlaceTarget::File(path) = target else { continue };
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        if folder.is_some_and(|folder| folder.starts_with(&data_dir)) {
            let message = format!(
                "checkpoints in the data directory prove nothing, whoever changes the journal changes them too: write a \
                 path outside {}",
                data_dir.display()
            );
            return Err(ConfigError::at(*location, message));
        }
    }
    Ok(())
}

impl Place {
    fn build(
        config: &PlaceConfig,
        index: usize,
        egress: &Egress,
        secrets: &dyn SecretReader,
    ) -> Result<Self, ConfigError> {
        let wrong = |wrong: String| ConfigError::at(config.location, wrong);
        match &config.target {
            PlaceTarget::File(path) => Ok(Self {
                name: path.display().to_string(),
                kind: PlaceKind::File(CheckpointFile::new(path.clone())),
            }),
            PlaceTarget::Webhook(url, secret) => {
                let revealed = secret.as_ref().map(|secret| secret.reveal_reference(secrets)).transpose()?;
                let key = revealed.map(|revealed| SigningKey::parse(revealed.expose())).transpose();
                let client = egress.client(ClientOptions::new(Trust::Guarded));
                Ok(Self {
                    name: format!("to[{index}] {}", url.host_str().unwrap_or_default()),
                    kind: PlaceKind::Webhook(Box::new(Webhook {
                        client: client.map_err(|error| wrong(error.to_string()))?,
                        url: url.clone(),
                        key: key.map_err(wrong)?,
                    })),
                })
            }
        }
    }
}

impl PlaceKind {
    /// The newest checkpoint there; nothing where it cannot be asked for.
    async fn newest(&self) -> Result<Option<Checkpoint>, String> {
        match self {
            Self::File(file) => {
                let file = file.clone();
                blocking(move || file.newest().map_err(|error| error.to_string())).await
            }
            Self::Webhook(_) => Ok(None),
        }
    }

    async fn keep(&self, checkpoint: Checkpoint, now: Timestamp, timeout: Duration) -> Result<(), String> {
        match self {
            Self::File(file) => {
                let file = file.clone();
                blocking(move || file.append(&checkpoint).map_err(|error| error.to_string())).await
            }
            Self::Webhook(webhook) => webhook.call(&checkpoint, now, timeout).await,
        }
    }
}

impl Webhook {
    async fn call(&self, checkpoint: &Checkpoint, now: Timestamp, timeout: Duration) -> Result<(), String> {
        let body = body(checkpoint).to_string().into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in webhook_headers(&id(checkpoint), now.millis(), &body, self.key.as_ref()) {
            let value =
                HeaderValue::from_str(&value).expect("digits, hexadecimal and base64 are header values");
            headers.insert(HeaderName::from_static(name), value);
        }
        let (method, url, body) = (Method::POST, self.url.clone(), body.into());
        let request = Request { method, url, headers, body, timeout, response_max: RESPONSE_MAX };
        let response = self.client.send(request).await.map_err(|error| error.chain())?;
        if response.status.is_success() {
            return Ok(());
        }
        let said = format!("answered {}: {}", response.status.as_u16(), excerpt(&response.body));
        Err(said.trim_end_matches([' ', ':']).to_owned())
    }
}

/// The same for every try of a checkpoint.
fn id(checkpoint: &Checkpoint) -> String {
    format!("checkpoint-{}-{}", checkpoint.head.seq, hex::encode(&checkpoint.head.hash[..8]))
}

/// `data` is what a line of a file holds.
fn body(checkpoint: &Checkpoint) -> Value {
    let data: Value = serde_json::from_str(&checkpoint.to_line()).expect("a line is JSON");
    json!({"type": "journal.checkpoint", "timestamp": checkpoint.at.to_string(), "data": data})
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// One place being written to.
struct Keeping {
    every: Cadence,
    place: Place,
    index: usize,
    journal: Arc<dyn Journal>,
    statuses: Arc<CheckpointStatuses>,
    last: Option<Checkpoint>,
    /// Whether what the place keeps from earlier was held against the journal.
    is_compared: bool,
}

impl Keeping {
    async fn run(mut self, stop: CancellationToken) {
        let mut rest_until = None;
        loop {
            let is_ending = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let rests = rest_until.is_some_and(|rest| Instant::now() < rest);
            if is_ending || !rests {
                let looked = self.look(clock::now(), is_ending).await;
                rest_until = looked.as_ref().err().map(|_| Instant::now() + RETRY_AFTER);
                self.tell(looked);
            }
            if is_ending {
                return;
            }
        }
    }

    /// Writes the head down if it is due; true when it did.
    async fn look(&mut self, now: Timestamp, is_ending: bool) -> Result<bool, String> {
        if !self.is_compared {
            self.last = self.place.kind.newest().await?;
            if let Some(known) = self.last.clone() {
                let journal = Arc::clone(&self.journal);
                // Damage is no failure of the place.
                let found = blocking(move || {
                    Ok(contradiction(&*journal, &known).unwrap_or_else(|error| Some(error.to_string())))
                });
                let found = found.await?;
                if let Some(what) = &found {
                    error!(
                        place = self.place.name,
                        what, "the journal is not the one its checkpoints were taken from"
                    );
                }
                self.statuses.change(self.index, |facts| facts.contradiction = found);
            }
            self.is_compared = true;
        }
        let head = self.journal.head();
        let every = if is_ending { Cadence::Events(1) } else { self.every };
        if !every.is_due(self.last.as_ref(), head, now) {
            return Ok(false);
        }
        let checkpoint = Checkpoint::of(head, now);
        let timeout = if is_ending { LAST_TIMEOUT } else { CALL_TIMEOUT };
        self.place.kind.keep(checkpoint.clone(), now, timeout).await?;
        self.last = Some(checkpoint);
        Ok(true)
    }

    fn tell(&self, looked: Result<bool, String>) {
        let place = self.place.name.clone();
        let reason = match looked {
            Ok(is_kept) => {
                if is_kept {
                    metrics::counter!("isobar_journal_checkpoints_total", "place" => place).increment(1);
                }
                None
            }
            Err(reason) => {
                warn!(place, reason, "a checkpoint of the journal could not be kept; it is tried again");
                metrics::counter!("isobar_journal_checkpoint_failures_total", "place" => place).increment(1);
                Some(reason)
            }
        };
        self.statuses.change(self.index, |facts| note(facts, reason, clock::now()));
    }
}

/// Takes down how a look at the place went: a place that answers is well, whether or not anything was due.
fn note(facts: &mut CheckpointFacts, failed: Option<String>, now: Timestamp) {
    let since = facts.failing.take().map_or(now, |(since, _)| since);
    facts.failing = failed.map(|reason| (since, reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_fails_since_its_first_failure_and_until_it_answers() {
        let at = Timestamp::from_millis;
        let mut facts = CheckpointFacts::default();
        note(&mut facts, Some("full".to_owned()), at(1));
        note(&mut facts, Some("gone".to_owned()), at(2));
        assert_eq!(facts.failing, Some((at(1), "gone".to_owned())));
        note(&mut facts, None, at(3));
        assert_eq!(facts.failing, None);
        note(&mut facts, Some("full".to_owned()), at(4));
        assert_eq!(facts.failing, Some((at(4), "full".to_owned())));
    }

    /// What a place says that cannot be read, and then can with nothing due.
    #[tokio::test]
    async fn a_place_that_is_well_again_is_told_so_before_anything_is_due() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept");
        std::fs::create_dir(&path).unwrap();
        let journal: Arc<dyn Journal> = Arc::new(isobar_journal::MemoryJournal::new());
        let statuses = Arc::new(CheckpointStatuses::default());
        let mut keeping = Keeping {
            every: Cadence::Events(1),
            place: Place { name: "p".to_owned(), kind: PlaceKind::File(CheckpointFile::new(path.clone())) },
            index: 0,
            journal,
            statuses: Arc::clone(&statuses),
            last: None,
            is_compared: false,
        };
        let now = Timestamp::from_millis(0);
        let looked = keeping.look(now, false).await;
        keeping.tell(looked);
        assert!(statuses.facts()[0].failing.is_some());
        std::fs::remove_dir(&path).unwrap();
        let looked = keeping.look(now, false).await;
        assert_eq!(looked, Ok(false));
        keeping.tell(looked);
        assert_eq!(statuses.facts()[0].failing, None);
    }
}
