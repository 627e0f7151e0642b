use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};

use crate::StageHealth;
use crate::fake::{Fake, NOW, get, post, send};

#[tokio::test]
async fn readiness_names_what_is_stuck_while_health_stays_green() {
    let fake = Fake::new();
    let router = fake.router("{}");
    assert_eq!(get(&router, "/-/ready").await.status, StatusCode::OK);
    let stage = |name: &str, ok| StageHealth {
        name: name.to_owned(),
        ok,
        detail: "given up: 1 MiB is free".to_owned(),
        since: NOW,
    };
    *fake.stages.lock() = vec![stage("store", true), stage("disk_reserve", false)];
    let ready = get(&router, "/-/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.body, "disk_reserve: given up: 1 MiB is free (since 2023-11-14T22:13:20.000Z)\n");
    assert_eq!(get(&router, "/-/healthy").await.status, StatusCode::OK);
    let head = Request::head("/-/healthy").body(Body::empty()).unwrap();
    let head = send(&router, head).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn a_bad_file_is_answered_with_what_is_wrong() {
    let fake = Fake::new();
    let router = fake.router("{}");
    assert_eq!(post(&router, "/-/reload", "", "").await.status, StatusCode::OK);
    *fake.reload.lock() = Err("isobar.yaml:3:5: unknown key".to_owned());
    let answer = post(&router, "/-/reload", "", "").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.contains("isobar.yaml:3:5: unknown key"), "{}", answer.body);
    assert_eq!(get(&router, "/-/reload").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(fake.changes.lock().len(), 2);
}

#[tokio::test]
async fn own_metrics_are_prometheus_text() {
    let answer = get(&Fake::new().router("{}"), "/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.body, "isobar_up 1\n");
}

#[tokio::test(start_paused = true)]
async fn reloads_that_hang_take_no_more_than_their_places() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let (release, held) = std::sync::mpsc::channel();
    *fake.reload_held.lock() = Some(held);
    let ask = || {
        let router = router.clone();
        tokio::spawn(async move { post(&router, "/-/reload", "", "").await })
    };
    let asked: Vec<_> = (0..5).map(|_| ask()).collect();
    while fake.changes.lock().len() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(121)).await;
    for answer in asked {
        assert_eq!(answer.await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(fake.changes.lock().len(), 2, "the others took no thread");
    assert_eq!(get(&router, "/metrics").await.status, StatusCode::OK);
    drop(release);
}
