//! The signed call: what leaves, and what the answer means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use isobar_egress::{
    Client, ClientOptions, Egress, Request, Retry, SigningKey, Trust, excerpt, webhook_headers,
};
use isobar_normalizer::{ConfigError, SecretReader, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::book::Outcome;
use crate::config::{Runbook, Runbooks};
use crate::proposal::Proposal;

/// A try ends after this: Standard Webhooks asks for 15 to 30 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes; of a longer one not even the status is known.
const RESPONSE_MAX: usize = 4 << 20;

/// The runbooks of one configuration, ready to call.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    pub(crate) runbooks: Runbooks,
    senders: BTreeMap<String, Arc<Sender>>,
}

#[derive(Debug)]
struct Sender {
    client: Client,
    url: Url,
    key: SigningKey,
    headers: HeaderMap,
}

impl Senders {
    /// Reads the secrets and prepares the clients.
    ///
    /// # Errors
    /// A secret that is missing, stands in the file, or is not of its form; with the place.
    pub fn build(
        runbooks: Runbooks,
        egress: &Egress,
        secrets: &dyn SecretReader,
    ) -> Result<Self, ConfigError> {
        let built = runbooks
            .iter()
            .map(|runbook| Ok((runbook.name.clone(), Arc::new(Sender::build(runbook, egress, secrets)?))));
        Ok(Self { senders: built.collect::<Result<_, ConfigError>>()?, runbooks })
    }

    /// Makes the call of a proposal once.
    pub(crate) fn call(&self, proposal: &Proposal, now: Timestamp) -> impl Future<Output = Outcome> + use<> {
        let sender = self.senders.get(&proposal.shown.runbook).cloned();
        let (id, body) = (proposal.id.clone(), body(proposal));
        async move {
            match sender {
                Some(sender) => sender.call(&id, body, now).await,
                None => Outcome::Broken,
            }
        }
    }
}

impl Sender {
    fn build(runbook: &Runbook, egress: &Egress, secrets: &dyn SecretReader) -> Result<Self, ConfigError> {
        let at = |wrong: String| ConfigError::at(runbook.location(), wrong);
        let secret = runbook.secret.reveal_reference(secrets)?;
        let key = SigningKey::parse(secret.expose())
            .map_err(|wrong| at(format!("runbook {:?}: {wrong}", runbook.name)))?;
        let mut headers = HeaderMap::new();
        for (name, value, location) in &runbook.headers {
            let revealed = value.reveal(secrets)?;
            let mut value = HeaderValue::from_str(revealed.expose()).map_err(|_| {
                ConfigError::at(*location, format!("the value of {name} holds characters no header may hold"))
            })?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let client = egress
            .client(ClientOptions::new(Trust::Guarded))
            .map_err(|error| ConfigError::whole(error.to_string()))?;
        Ok(Self { client, url: runbook.url().clone(), key, headers })
    }

    async fn call(&self, id: &str, body: Vec<u8>, now: Timestamp) -> Outcome {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in webhook_headers(id, now.millis(), &body, Some(&self.key)) {
            let value =
                HeaderValue::from_str(&value).expect("digits, hexadecimal and base64 are header values");
            headers.insert(HeaderName::from_static(name), value);
        }
        let request = Request {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: Bytes::from(body),
            timeout: ATTEMPT_TIMEOUT,
            response_max: RESPONSE_MAX,
        };
        match self.client.send(request).await {
            Ok(response) if response.status.is_success() => {
                Outcome::Taken { status: response.status.as_u16(), body: excerpt(&response.body) }
            }
            Ok(response) => {
                let since_epoch = Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
                let retry = response.retry(SystemTime::UNIX_EPOCH + since_epoch + response.elapsed);
                let error = format!("answered {}: {}", response.status.as_u16(), excerpt(&response.body));
                Outcome::Failed { error: error.trim_end_matches([' ', ':']).to_owned(), retry }
            }
            // The call may have arrived although its answer did not: it is made again under the same id.
            Err(error) => Outcome::Failed {
                error: error.chain(),
                retry: match &error {
                    isobar_egress::EgressError::BodyTooLarge { .. } => Retry::Backoff,
                    other => other.retry(),
                },
            },
        }
    }
}

/// The body of every try of a proposal: what was shown, and who approved it. It depends on the proposal alone.
fn body(proposal: &Proposal) -> Vec<u8> {
    let mut data = proposal.shown.json();
    let decided = proposal.decided.as_ref();
    if let Value::Object(fields) = &mut data {
        fields.insert("proposal".to_owned(), json!(proposal.id));
        fields.insert("hash".to_owned(), json!(proposal.hash));
        fields.insert("approved_by".to_owned(), json!(decided.map(|decided| &decided.by)));
        fields.insert("comment".to_owned(), json!(decided.map(|decided| &decided.comment)));
    }
    let at = decided.map_or(proposal.created_at, |decided| decided.at);
    json!({"type": "runbook.approved", "timestamp": at.to_string(), "data": data}).to_string().into_bytes()
}
