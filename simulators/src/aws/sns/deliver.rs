//! Sends messages over HTTP, one after the other and again when that fails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tracing::debug;
use url::Url;

use crate::aws::Account;
use crate::server::Shared;

/// How often alarms are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long an endpoint may take. Source: sns-message-delivery-retries.html.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Attempts without a pause, as the page has them for the immediate phase.
const ATTEMPTS: u32 = 3;
/// An endpoint's answer is not read further.
const ANSWER_MAX: usize = 64 * 1024;

/// One message on its way.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) endpoint: Url,
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) subscription: Option<String>,
    pub(super) body: String,
}

type Poster = Client<HttpConnector, Full<Bytes>>;

/// Announces and delivers until the simulators stop.
pub(crate) async fn run(account: Arc<Account>, shared: Shared) {
    let client: Poster = Client::builder(TokioExecutor::new()).build_http();
    let mut tick = tokio::time::interval(TICK);
    let mut told_until = shared.clock.now();
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = shared.clock.now();
        let (after, teller) = (told_until, Arc::clone(&account));
        let told = tokio::task::spawn_blocking(move || teller.sns.announce(&teller.alarms, after, now));
        told.await.expect("announcing does not panic");
        told_until = now.max(told_until);
        let posts = std::mem::take(&mut account.sns.waiting.lock().0);
        for post in posts {
            tokio::select! {
                () = shared.stop.cancelled() => return,
                () = deliver(&client, &post) => {}
            }
        }
    }
}

/// Sends one message; the same one again, with the same id, when it was not taken.
async fn deliver(client: &Poster, post: &Post) {
    for attempt in 1..=ATTEMPTS {
        let answered = tokio::time::timeout(TIMEOUT, client.request(request(post))).await;
        match answered {
            Ok(Ok(response)) if response.status().is_success() => {
                let _ = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
                return;
            }
            Ok(Ok(response)) => {
                debug!(attempt, id = post.id, status = %response.status(), "message not taken")
            }
            Ok(Err(error)) => debug!(attempt, id = post.id, %error, "message not sent"),
            Err(_) => debug!(attempt, id = post.id, "no answer in time"),
        }
    }
}

fn request(post: &Post) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(post.body.clone())));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = post.endpoint.as_str().parse().expect("a URL is a URI");
    let headers = request.headers_mut();
    // JSON inside, text outside.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    headers.insert(USER_AGENT, HeaderValue::from_static("Amazon Simple Notification Service Agent"));
    let mut given = vec![
        ("x-amz-sns-message-type", post.kind),
        ("x-amz-sns-message-id", &post.id),
        ("x-amz-sns-topic-arn", &post.topic),
    ];
    given.extend(post.subscription.as_deref().map(|arn| ("x-amz-sns-subscription-arn", arn)));
    for (name, value) in given {
        headers.insert(name, HeaderValue::from_str(value).expect("ids and ARNs are plain words"));
    }
    request
}
