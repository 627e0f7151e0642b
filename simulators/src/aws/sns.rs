//! The Simple Notification Service over HTTP: confirms subscriptions and delivers what alarms say, signed.
//!
//! Source: docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html and
//! sns-verify-signature-of-message.html.

mod deliver;
mod message;
mod signature;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use parking_lot::{Mutex, RwLock};
use url::Url;

use super::alarms::{Alarms, State};
use super::protocol::{self, Protocol};
use crate::estate::{AWS_ACCOUNT, AWS_REGIONS, Dice, Millis};
use deliver::Post;
use signature::Signer;

pub(crate) use deliver::run;

/// Subscriptions of one run.
const SUBSCRIPTIONS_MAX: usize = 100;
/// Messages that wait to be sent; what does not fit is counted and lost, as for an endpoint that is down for long.
const WAITING_MAX: usize = 5_000;

/// Why an endpoint could not be subscribed.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// Only `http` endpoints can be reached.
    #[error("the endpoint {0} must be an http URL with a host")]
    Endpoint(Url),
    /// There is no such region in the estate.
    #[error("no topic in region {0:?}; there are {regions}", regions = AWS_REGIONS.join(" and "))]
    Region(String),
    /// There are enough.
    #[error("there are {SUBSCRIPTIONS_MAX} subscriptions already")]
    TooMany,
}

#[derive(Debug, Clone)]
struct Subscription {
    region: &'static str,
    topic: String,
    arn: String,
    endpoint: Url,
    token: String,
    confirmed: bool,
}

/// The topics named `alarms`, one in each region, and who listens to them.
#[derive(Debug)]
pub(crate) struct Sns {
    dice: Dice,
    signer: Signer,
    base: RwLock<Option<Url>>,
    subscriptions: Mutex<Vec<Subscription>>,
    waiting: Mutex<(Vec<Post>, u64)>,
}

impl Sns {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            signer: Signer::new(),
            base: RwLock::default(),
            subscriptions: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// Says where this service answers; URLs in messages begin with it.
    pub(crate) fn serves_at(&self, base: Url) {
        *self.base.write() = Some(base);
    }

    fn at(&self, rest: &str) -> String {
        self.base.read().as_ref().map_or_else(String::new, |base| format!("{base}{rest}"))
    }

    /// Subscribes an endpoint to the topic of a region, and sends it the request to confirm; returns the subscription's ARN.
    pub(crate) fn subscribe(
        &self,
        region: &str,
        endpoint: Url,
        now: Millis,
    ) -> Result<String, SubscribeError> {
        if endpoint.scheme() != "http" || endpoint.host_str().is_none() {
            return Err(SubscribeError::Endpoint(endpoint));
        }
        let known = AWS_REGIONS.into_iter().find(|known| *known == region);
        let region = known.ok_or_else(|| SubscribeError::Region(region.to_owned()))?;
        let mut subscriptions = self.subscriptions.lock();
        if subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(SubscribeError::TooMany);
        }
        let topic = format!("arn:aws:sns:{region}:{AWS_ACCOUNT}:alarms");
        let name = format!("subscription {} {endpoint}", subscriptions.len());
        let subscription = Subscription {
            region,
            arn: format!("{topic}:{}", self.dice.uuid(&name)),
            token: self.dice.hex(64, &format!("{name} token")),
            topic,
            endpoint,
            confirmed: false,
        };
        let arn = subscription.arn.clone();
        let id = self.dice.uuid(&format!("{name} confirmation"));
        let confirm = self.at(&format!(
            "?Action=ConfirmSubscription&TopicArn={}&Token={}",
            subscription.topic, subscription.token
        ));
        let body = message::confirmation(&subscription, &id, &confirm, &self.cert_url(), now, &self.signer);
        self.enqueue(Post {
            endpoint: subscription.endpoint.clone(),
            kind: "SubscriptionConfirmation",
            id,
            topic: subscription.topic.clone(),
            subscription: None,
            body,
        });
        subscriptions.push(subscription);
        Ok(arn)
    }

    fn enqueue(&self, post: Post) {
        let mut waiting = self.waiting.lock();
        if waiting.0.len() >= WAITING_MAX {
            waiting.1 += 1;
        } else {
            waiting.0.push(post);
        }
    }

    /// Returns how many messages were lost because too many waited.
    pub(crate) fn lost(&self) -> u64 {
        self.waiting.lock().1
    }

    fn cert_url(&self) -> String {
        self.at(&self.signer.cert_path()[1..])
    }

    /// Puts what alarms did in `(after, until]` in line for everyone who listens.
    fn announce(&self, alarms: &Alarms, after: Millis, until: Millis) {
        let subscriptions: Vec<Subscription> =
            self.subscriptions.lock().iter().filter(|it| it.confirmed).cloned().collect();
        if subscriptions.is_empty() {
            return;
        }
        for (index, alarm) in alarms.all.iter().enumerate() {
            let transitions = alarms.transitions(index, until);
            // The first one is the creation, and nobody is told of a want of data.
            let news =
                transitions.iter().skip(1).filter(|it| it.at > after && it.to != State::InsufficientData);
            for transition in news {
                for subscription in subscriptions.iter().filter(|it| it.region == alarm.region) {
                    let id = self.dice.uuid(&format!("{} {} {}", alarm.arn, transition.at, subscription.arn));
                    let unsubscribe =
                        self.at(&format!("?Action=Unsubscribe&SubscriptionArn={}", subscription.arn));
                    let body = message::notification(
                        alarms,
                        alarm,
                        transition,
                        &message::Envelope { id: &id, cert: &self.cert_url(), unsubscribe: &unsubscribe },
                        &self.signer,
                    );
                    self.enqueue(Post {
                        endpoint: subscription.endpoint.clone(),
                        kind: "Notification",
                        id,
                        topic: subscription.topic.clone(),
                        subscription: Some(subscription.arn.clone()),
                        body,
                    });
                }
            }
        }
    }

    /// Answers what needs no signature: the certificate, confirming, and unsubscribing; none for anything else.
    pub(super) fn answer(&self, parts: &Parts) -> Option<Response<Bytes>> {
        if parts.uri.path() == self.signer.cert_path() {
            return Some(Response::new(Bytes::from(self.signer.certificate().to_owned())));
        }
        let form = protocol::form(parts, b"");
        let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let mut subscriptions = self.subscriptions.lock();
        let (action, arn) = match given("Action")? {
            "ConfirmSubscription" => {
                let found = subscriptions.iter_mut().find(|it| {
                    Some(it.topic.as_str()) == given("TopicArn") && Some(it.token.as_str()) == given("Token")
                });
                (
                    "ConfirmSubscription",
                    found.map(|it| {
                        it.confirmed = true;
                        it.arn.clone()
                    }),
                )
            }
            "Unsubscribe" => {
                let found =
                    subscriptions.iter().position(|it| Some(it.arn.as_str()) == given("SubscriptionArn"));
                ("Unsubscribe", found.map(|index| subscriptions.remove(index).arn))
            }
            _ => return None,
        };
        let Some(arn) = arn else {
            let error = super::error::ApiError::invalid_value("Invalid parameter: Token");
            return Some(Protocol::Query.error(&error, "", false));
        };
        let result = format!("<{action}Result><SubscriptionArn>{arn}</SubscriptionArn></{action}Result>");
        Some(Protocol::xml(format!(
            "<{action}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{result}</{action}Response>"
        )))
    }
}
