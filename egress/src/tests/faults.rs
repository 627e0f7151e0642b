//! Servers that break off, stall, drip, lie or send too much.

use super::*;
use crate::{Phase, Retry};

/// Fetches from a server that answers with `answer`, taking 1,000 bytes and half a second; returns the error's word.
async fn outcome(answer: impl Into<Vec<u8>>, after: After) -> Result<Response, EgressError> {
    let server = Server::start(answer, after).await;
    let client = egress(&[], Arc::default()).client(ClientOptions::new(Trust::Operator)).unwrap();
    let request =
        Request { timeout: Duration::from_millis(500), response_max: 1_000, ..get(&server.url("127.0.0.1")) };
    client.send(request).await
}

#[tokio::test]
async fn what_breaks_is_named() {
    for (answer, word) in [
        ("", "protocol"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "protocol"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "protocol"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "body_too_large"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n", "body_too_large"),
    ] {
        let error = outcome(answer, After::Close).await.unwrap_err();
        assert_eq!(error.as_str(), word, "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn the_limit_holds_for_bodies_that_declare_nothing() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let exact = outcome(format!("{head}{}", "x".repeat(1_000)), After::Close).await.unwrap();
    assert_eq!(exact.body.len(), 1_000);
    let over = outcome(format!("{head}{}", "x".repeat(1_001)), After::Close).await.unwrap_err();
    assert!(matches!(over, EgressError::BodyTooLarge { limit: 1_000, .. }), "{over:?}");
    // Endless: the rest is never waited for.
    let endless = outcome(format!("{head}{}", "x".repeat(100_000)), After::Stall).await.unwrap_err();
    assert_eq!(endless.retry(), Retry::Never);
}

#[tokio::test]
async fn time_runs_out_where_it_is_spent() {
    for (answer, phase) in [
        ("", Phase::Head),
        ("HTTP/1.1 200 OK\r\nContent-Le", Phase::Head),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Phase::Body),
    ] {
        let error = outcome(answer, After::Stall).await.unwrap_err();
        let EgressError::Timeout { phase: spent, limit, .. } = &error else {
            panic!("{answer:?}: {error:?}")
        };
        assert_eq!((*spent, *limit), (phase, Duration::from_millis(500)), "{answer:?}");
        assert_eq!(error.retry(), Retry::Backoff);
    }
}

#[tokio::test]
async fn bodies_come_as_they_are_and_errors_are_answers() {
    let gzip_magic = [0x1f, 0x8b, 0x08, 0x00, 0xff];
    let mut answer =
        b"HTTP/1.1 503 Busy\r\nContent-Encoding: gzip\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\n"
            .to_vec();
    answer.extend(gzip_magic);
    let response = outcome(answer, After::Close).await.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..]), (503, &gzip_magic[..]));
    assert_eq!(response.retry_after(std::time::SystemTime::UNIX_EPOCH), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_caller_without_a_limit_gets_its_answer() {
    let server = Server::start(OK, After::Close).await;
    let client = egress(&[], Arc::default()).client(ClientOptions::new(Trust::Operator)).unwrap();
    let request =
        Request { timeout: Duration::MAX, response_max: usize::MAX, ..get(&server.url("127.0.0.1")) };
    assert_eq!(client.send(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_secret_is_not_shown() {
    let answer =
        "HTTP/1.1 200 OK\r\nSet-Cookie: hunter2\r\nContent-Length: 7\r\nConnection: close\r\n\r\nhunter2";
    let response = outcome(answer, After::Close).await.unwrap();
    assert_eq!(&response.body[..], b"hunter2");
    assert_eq!(response.headers["set-cookie"], "hunter2");
    let mut request = get("http://127.0.0.1/hunter2");
    request.headers.insert("authorization", "hunter2".parse().unwrap());
    request.body = "hunter2".into();
    assert!(!format!("{response:?} {request:?}").contains("hunter2"), "{response:?} {request:?}");
}

#[tokio::test]
async fn names_without_address_and_closed_ports() {
    let names = Script::of("empty.example", &[&[]]);
    for (url, word) in [
        ("http://unknown.example/", "resolve"),
        ("http://empty.example/", "resolve"),
        ("http://127.0.0.1:1/", "connect"),
    ] {
        let error = fetch(&egress(&[], Arc::clone(&names)), Trust::Operator, url).await.unwrap_err();
        assert_eq!(error.as_str(), word, "{error:?}");
        assert_eq!(error.retry(), Retry::Backoff);
    }
}

#[derive(Debug)]
struct Mute;

impl Resolve for Mute {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_resolver_is_given_up_on() {
    let egress = Egress::with_resolver(EgressOptions::default(), Arc::new(Mute));
    let url = "http://slow.example/".parse().unwrap();
    for error in [
        egress.check(&url, Trust::Guarded).await.unwrap_err(),
        fetch(&egress, Trust::Guarded, "http://slow.example/").await.unwrap_err(),
    ] {
        assert!(matches!(error, EgressError::Timeout { .. }), "{error:?}");
    }
}
