use axum::body::Body;
use http::Request;

use crate::HookReply;
use crate::fake::{Fake, post, send};

#[tokio::test]
async fn a_hook_is_answered_by_the_outcome() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for (reply, status, body) in [
        (HookReply::Taken, 200, ""),
        (HookReply::Refused("alert 1: no labels".to_owned()), 400, "alert 1: no labels\n"),
        (HookReply::NotFound, 404, "there is no such hook\n"),
        (HookReply::Denied, 401, "not known here\n"),
        (HookReply::Unsupported("send it with POST".to_owned()), 415, "send it with POST\n"),
        (HookReply::Failed("the disk is full".to_owned()), 500, "the disk is full\n"),
    ] {
        *fake.hook_reply.lock() = reply;
        let answer = post(&router, "/hooks/json/shop?token=t", "text/plain", "body").await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, body));
    }
    let call = fake.hook_calls.lock().pop().unwrap();
    assert_eq!((call.kind.as_str(), call.name.as_str(), call.query.as_str()), ("json", "shop", "token=t"));
    assert_eq!((&call.body[..], call.headers["content-type"].as_bytes()), (&b"body"[..], &b"text/plain"[..]));
}

#[tokio::test]
async fn who_asks_first_is_answered_with_headers() {
    let fake = Fake::new();
    let headers = vec![("webhook-allowed-origin", "eventgrid.example".to_owned())];
    *fake.hook_reply.lock() = HookReply::Allowed(headers);
    let request = Request::options("/hooks/cloudevents/grid").body(Body::empty()).unwrap();
    let answer = send(&fake.router("{}"), request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["webhook-allowed-origin"], "eventgrid.example");
    assert_eq!(fake.hook_calls.lock()[0].method, "OPTIONS");
}
