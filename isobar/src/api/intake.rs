//! What is pushed: decoded, stored durably, and only then answered.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use isobar_collectors::remote_write::{self, RemoteWriteError};
use isobar_dashboards::{HookCall, HookReply, Intake, IntakeAnswer, PostAnswer, Sender};
use isobar_journal::JournalError;
use isobar_normalizer::Timestamp;
use isobar_store::{AppendError, Store};
use parking_lot::Mutex;

use crate::api::AlertIntake;
use crate::clock;
use crate::ingest::{Delivery, Ingest, IngestError, refusals};
use crate::metadata::Said;

/// The name under which pushed series and their progress are kept.
pub const REMOTE_WRITE: &str = "remote_write";

/// The latest push that brought samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push {
    /// When it was stored.
    pub at: Timestamp,
    /// How many samples of it were.
    pub samples: u64,
}

/// Takes what senders push.
#[derive(Debug)]
pub struct PushIntake {
    /// The way in.
    pub ingest: Arc<Ingest>,
    /// Makes what was taken durable before it is acknowledged.
    pub store: Store,
    /// Where the latest push is noted.
    pub latest: Arc<Mutex<Option<Push>>>,
    /// Where alerts go.
    pub alerts: AlertIntake,
}

impl Intake for PushIntake {
    fn remote_write(&self, headers: &HeaderMap, body: Bytes) -> IntakeAnswer {
        let mut write = match remote_write::decode(headers, &body, &remote_write::Limits::default()) {
            Ok(write) => write,
            Err(error) => return refused(&error),
        };
        let invalid = write.complaint();
        let source: Arc<str> = REMOTE_WRITE.into();
        let metadata = Said::Piece(std::mem::take(&mut write.metadata));
        let runs = write.into_runs(&source);
        let newest = runs.iter().flat_map(|run| &run.samples).map(|sample| sample.at).max();
        let delivery = Delivery {
            source,
            part: "".into(),
            runs,
            measurements: Vec::new(),
            resources: Vec::new(),
            lists_all: false,
            metadata,
            watermark: newest.map(|newest| newest.min(clock::now())),
            complete_since: None,
        };
        let appended = match self.ingest.take(delivery, clock::now()) {
            Ok(appended) => appended,
            Err(error) => return not_stored(&error),
        };
        if let Err(error) = self.store.sync() {
            return not_stored(&error.into());
        }
        let samples = (appended.stored + appended.unchanged) as u64;
        if samples > 0 {
            *self.latest.lock() = Some(Push { at: clock::now(), samples });
        }
        let refusals = [invalid, refusals(&appended)];
        let refusals: Vec<String> = refusals.into_iter().flatten().collect();
        if refusals.is_empty() { IntakeAnswer::Stored } else { IntakeAnswer::Invalid(refusals.join("; ")) }
    }

    fn post_alerts(&self, body: &[u8], sender: &Sender) -> PostAnswer {
        self.alerts.post(body, sender)
    }

    fn hook(&self, call: HookCall) -> HookReply {
        self.alerts.hook(&call)
    }
}

/// A request that cannot be taken as a whole, by the status its sender understands.
fn refused(error: &RemoteWriteError) -> IntakeAnswer {
    match error.status() {
        413 => IntakeAnswer::TooLarge(error.to_string()),
        415 => IntakeAnswer::Unsupported(error.to_string()),
        _ => IntakeAnswer::Invalid(error.to_string()),
    }
}

/// A full disk is worth another try later; so is a failing one.
fn not_stored(error: &IngestError) -> IntakeAnswer {
    match error {
        IngestError::Append(AppendError::DiskFull) | IngestError::Journal(JournalError::DiskFull(_)) => {
            IntakeAnswer::DiskFull(error.to_string())
        }
        _ => IntakeAnswer::Failed(error.to_string()),
    }
}
