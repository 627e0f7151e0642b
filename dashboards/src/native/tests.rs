use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use http::{Request, StatusCode};
use isobar_journal::{Journal, NewEvent, from_line};
use serde_json::json;
use tower::ServiceExt;

use crate::fake::{Fake, NOW, get, post, send};

const JSON: &str = "application/json";

#[tokio::test]
async fn lists_have_items_total_and_next() {
    let router = Fake::new().router("{}");
    let first = get(&router, "/api/isobar/v1/sources?limit=1").await.json();
    assert_eq!(
        (&first["items"][0]["name"], &first["total"], &first["next"]),
        (&json!("a"), &json!(2), &json!("a"))
    );
    let second = get(&router, "/api/isobar/v1/sources?limit=1&after=a").await.json();
    assert_eq!((&second["items"][0]["name"], &second["next"]), (&json!("b"), &json!(null)));
    let down = get(&router, "/api/isobar/v1/sources?q=DOWN").await.json();
    let expected = json!({"items": [{"name": "a", "kind": "prometheus", "state": "down", "reason": null,
        "last_success": "2023-11-14T22:13:20.000Z", "samples_last_cycle": 7, "lag_seconds": 1.5, "cost": null}],
        "total": 1, "next": null});
    assert_eq!(down, expected);
    let deliveries = get(&router, "/api/isobar/v1/deliveries").await.json();
    assert_eq!(deliveries["items"][1]["id"], "d2");
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_right() {
    let router = Fake::new().router("{}");
    for (path, status, words) in [
        ("sources?limit=0", 400, "from 1 to 1000"),
        ("sources?limit=1001", 400, "from 1 to 1000"),
        ("sources?filter=x", 400, "unknown parameter \"filter\": one of q, limit, after"),
        ("sources?q=a&q=b", 400, "parameter \"q\" is given more than once"),
        ("resources", 500, "the resource table cannot be read"),
        ("alerts/zz", 400, "16 hexadecimal digits"),
        ("alerts/0000000000000000", 404, "there is no alert"),
        ("why", 400, "?alert=ID"),
        ("why?alert=0000000000000000", 404, "there is no alert"),
        ("journal?after=x", 400, "sequence number"),
        ("journal?format=xml", 400, "json, ndjson"),
        ("journal?format=ndjson&limit=1", 400, "unlimited"),
        ("journal?format=ndjson&q=x", 400, "unlimited"),
        ("alerts/0000000000000000?q=x", 400, "unknown parameter \"q\": none is taken here"),
        ("events?after=x", 400, "sequence number"),
    ] {
        let answer = get(&router, &format!("/api/isobar/v1/{path}")).await;
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert_eq!(answer.status.as_u16(), status, "{path}: {message}");
        assert!(message.contains(words), "{path}: {message}");
    }
}

#[tokio::test]
async fn an_alert_and_why() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let id = format!("{:016x}", fake.alerts.lock()[0].fingerprint);
    let alert = get(&router, &format!("/api/isobar/v1/alerts/{id}")).await.json();
    assert_eq!(
        (&alert["name"], &alert["state"], &alert["severity"]),
        (&json!("Alpha"), &json!("firing"), &json!("critical"))
    );
    assert_eq!(
        (&alert["value"], &alert["ends_at"], &alert["incident"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert_eq!(alert["labels"]["resource_name"], "db-1");
    assert_eq!(alert["starts_at"], "2023-11-14T22:11:50.000Z");
    let steps = get(&router, &format!("/api/isobar/v1/why?alert={id}")).await.json();
    let stages: Vec<&str> =
        steps["items"].as_array().unwrap().iter().map(|step| step["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["evaluate", "route", "deliver"]);
}

#[tokio::test]
async fn only_a_dead_delivery_is_sent_again_and_the_actor_is_told() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for (id, status) in [("d1", 202), ("d1", 409), ("d2", 409), ("d9", 404)] {
        let answer = post(&router, &format!("/api/isobar/v1/deliveries/{id}/resend"), JSON, "{}").await;
        assert_eq!(answer.status.as_u16(), status, "{id}: {}", answer.body);
    }
    assert_eq!(*fake.changes.lock(), ["resend d1 by anonymous"]);
}

#[tokio::test]
async fn a_silence_is_answered_as_it_stands_once_it_is_changed() {
    let fake = Fake::new();
    let router = fake.router("{}");
    *fake.time.lock() = NOW.minus(Duration::from_secs(1));
    let asked =
        r#"{"matchers": [{"name": "a", "value": "b"}], "ends_at": "2023-11-15T00:00:00Z", "comment": "c"}"#;
    let made = post(&router, "/api/isobar/v1/silences", JSON, asked).await.json();
    assert_eq!(made["state"], "active", "{made}");
    *fake.time.lock() = NOW.minus(Duration::from_secs(1));
    let path = format!("/api/isobar/v1/silences/{}", made["id"].as_str().unwrap());
    let ended = send(&router, Request::delete(path).body(Body::empty()).unwrap()).await.json();
    assert_eq!(ended["state"], "expired", "{ended}");
}

#[tokio::test]
async fn a_configuration_is_tried_with_the_templates_in_force() {
    let router = Fake::new().router("{}");
    let preview = async |pattern: &str| {
        let mail =
            "{to: a@b.example, from: a@b.example, smarthost: 'h:25', text: '{{ template \"known\" . }}'}";
        let config = format!(
            "{{route: {{receiver: x}}, receivers: [{{name: x, email_configs: [{mail}]}}], templates: ['{pattern}']}}"
        );
        let asked = json!({ "config": config }).to_string();
        post(&router, "/api/isobar/v1/routes/preview", JSON, &asked).await
    };
    let answer = preview("known/*.tmpl").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let refused = preview("/etc/*").await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("/etc/*") && refused.body.contains("not known"), "{}", refused.body);
}

#[tokio::test]
async fn sql_in_three_forms() {
    let router = Fake::new().router("{}");
    let path = "/api/isobar/v1/sql";
    let body = r#"{"statement": "SELECT 1"}"#;
    let answer = post(&router, path, JSON, body).await;
    assert_eq!(
        answer.json(),
        json!({"columns": [{"name": "n", "type": "Int64"}], "rows": [[1], [null]], "truncated": false})
    );
    let answer = post(&router, &format!("{path}?format=csv"), JSON, body).await;
    assert_eq!(answer.body, "\"n\"\r\n1\r\n\r\n");
    assert_eq!(answer.headers["isobar-truncated"], "false");
    let answer = post(&router, &format!("{path}?format=arrow"), JSON, r#"{"statement": "cut"}"#).await;
    assert_eq!(answer.headers["isobar-truncated"], "true");
    let answer = post(&router, path, JSON, r#"{"statement": "cut"}"#).await;
    assert_eq!(
        (&answer.json()["truncated"], &answer.headers["isobar-truncated"]),
        (&json!(true), &"true".parse().unwrap())
    );
    let request = Request::post(path)
        .header("content-type", JSON)
        .header("accept", "application/vnd.apache.arrow.stream");
    assert_eq!(send(&router, request.body(Body::from(body)).unwrap()).await.body, "ARROW");
    for (body, status) in [
        (r#"{"statement": "refused"}"#, 400),
        (r#"{"statement": "large"}"#, 422),
        (r#"{"statement": 1}"#, 400),
        (r#"{"statement": "x", "limit": 1}"#, 400),
        ("SELECT 1", 400),
    ] {
        let answer = post(&router, path, JSON, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_hangs_is_given_up() {
    let router = Fake::new().router("{}");
    let answer = post(&router, "/api/isobar/v1/sql", JSON, r#"{"statement": "hang"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("longer than 120 s"), "{}", answer.body);
}

#[tokio::test]
async fn the_journal_is_paged_and_streamed_whole() {
    let fake = Fake::new();
    let router = fake.router("{}");
    assert_eq!(
        get(&router, "/api/isobar/v1/journal").await.json(),
        json!({"items": [], "total": 0, "next": null})
    );
    for n in 0..1500 {
        fake.journal("alert", &format!("{{\"n\": {n}}}"));
    }
    let page = get(&router, "/api/isobar/v1/journal?after=1498&limit=1").await.json();
    assert_eq!((&page["total"], &page["next"]), (&json!(2), &json!("1499")));
    assert_eq!(page["items"][0]["payload"], "{\"n\": 1498}");
    let page = get(&router, "/api/isobar/v1/journal?after=1499&limit=1").await.json();
    assert_eq!((&page["items"][0]["seq"], &page["next"]), (&json!(1500), &json!(null)));
    let export = get(&router, "/api/isobar/v1/journal?format=ndjson").await;
    assert_eq!(export.headers["content-type"], "application/x-ndjson");
    let events: Vec<_> = export.body.lines().map(|line| from_line(line.as_bytes()).unwrap()).collect();
    assert_eq!(events.len(), 1500);
    assert!(events.windows(2).all(|two| two[0].head().follow(&two[1]).is_ok()));
}

#[tokio::test]
async fn the_journal_is_searched_a_stretch_at_a_time() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for n in 0..1000 {
        fake.journal(if n % 100 == 99 { "delivery" } else { "alert" }, &format!("{{\"host\": \"DB-{n}\"}}"));
    }
    let search = async |query: &str| {
        let page = get(&router, &format!("/api/isobar/v1/journal?{query}")).await.json();
        let seqs: Vec<u64> =
            page["items"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        (seqs, page["total"].clone(), page["next"].clone())
    };
    assert_eq!(search("q=db-7").await.0.len(), 100, "DB-7, DB-70 to 79, and of DB-700 to 799 what fits");
    assert_eq!(search("q=db-7&limit=1000").await.1, 111);
    assert_eq!(search("q=delivery&limit=4").await, (vec![100, 200, 300, 400], json!(10), json!("400")));
    assert_eq!(
        search("q=delivery%20ISOBAR&limit=4&after=700").await,
        (vec![800, 900, 1000], json!(3), json!(null))
    );
    assert_eq!(search("q=nothing").await, (vec![], json!(0), json!(null)));
    let many = (0..50_000).map(|_| NewEvent {
        kind: "alert".into(),
        actor: "isobar".into(),
        payload: b"{}".to_vec(),
    });
    fake.journal.append(NOW, many.collect()).unwrap();
    fake.journal("delivery", "{}");
    let (seqs, total, next) = search("q=delivery").await;
    assert_eq!((seqs.len(), &total), (10, &json!(10)), "no more than one stretch is looked at");
    let after = next.as_str().unwrap();
    assert_eq!(search(&format!("q=delivery&after={after}")).await, (vec![51_001], json!(1), json!(null)));
}

#[tokio::test]
async fn live_events_begin_where_the_client_left_and_go_on() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for n in 0..100 {
        fake.journal("alert", &format!("old {n}"));
    }
    let request =
        Request::get("/api/isobar/v1/events").header("host", "localhost").header("last-event-id", "98");
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut frames = response.into_body().into_data_stream();
    let mut next = async || String::from_utf8(frames.next().await.unwrap().unwrap().to_vec()).unwrap();
    for n in [99, 100] {
        let frame = next().await;
        assert!(frame.contains(&format!("id: {n}\n")) && frame.contains("event: alert\n"), "{frame}");
        assert!(frame.contains(&format!("old {}", n - 1)), "{frame}");
    }
    fake.journal("delivery", "new\ndata: forged");
    let frame = next().await;
    assert!(frame.contains("id: 101\n") && frame.contains("event: delivery\n"), "{frame}");
    assert_eq!(frame.matches("\ndata:").count() + usize::from(frame.starts_with("data:")), 1, "{frame}");
    fake.stopping.cancel();
    assert!(frames.next().await.is_none());
}

#[tokio::test]
async fn an_id_that_is_not_reached_yet_is_no_reason_to_stay_silent() {
    let fake = Fake::new();
    fake.journal("alert", "old");
    let router = fake.router("{}");
    let request =
        Request::get("/api/isobar/v1/events").header("host", "localhost").header("last-event-id", "900");
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    fake.journal("alert", "new");
    let mut frames = response.into_body().into_data_stream();
    let frame = String::from_utf8(frames.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(frame.contains("id: 2\n") && frame.contains("new"), "{frame}");
}

#[tokio::test]
async fn a_client_that_catches_up_is_let_go_at_shutdown() {
    let fake = Fake::new();
    for n in 0..1000 {
        fake.journal("alert", &format!("old {n}"));
    }
    let router = fake.router("{}");
    let request = Request::get("/api/isobar/v1/events?after=0").header("host", "localhost");
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut frames = response.into_body().into_data_stream();
    assert!(frames.next().await.is_some());
    fake.stopping.cancel();
    assert!(frames.next().await.is_none());
}

#[tokio::test]
async fn live_events_without_a_beginning_are_the_new_ones() {
    let fake = Fake::new();
    fake.journal("alert", "old");
    let router = fake.router("{}");
    let request =
        Request::get("/api/isobar/v1/events").header("host", "localhost").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    fake.journal("alert", "new");
    let mut frames = response.into_body().into_data_stream();
    let frame = String::from_utf8(frames.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(frame.contains("id: 2\n") && frame.contains("new"), "{frame}");
}

#[tokio::test]
async fn a_test_of_a_receiver_tells_how_far_each_way_came_and_how_long_that_took() {
    let router = Fake::new().router("{}");
    let tested = post(&router, "/api/isobar/v1/receivers/ops/test", JSON, "{}").await.json();
    let step =
        |stage: &str, is_ok: bool, took_ms: u64| json!({"stage": stage, "is_ok": is_ok, "took_ms": took_ms});
    let result = |index: u64, is_taken: bool, stage: &str, detail: &str| {
        json!({"channel": "webhook", "index": index, "is_taken": is_taken, "stage": stage, "detail": detail,
            "stages": [step("config", true, 7), step(stage, is_taken, 7)]})
    };
    let expected = [result(0, true, "answer", "200"), result(1, false, "connect", "refused")];
    assert_eq!(tested["results"], json!(expected));
    let receivers = get(&router, "/api/isobar/v1/receivers").await.json();
    let channel = &receivers["items"][0]["channels"][0];
    assert_eq!(
        (&channel["target"], &channel["last_error_at"]),
        (&json!("https://hooks.example"), &json!("2023-11-14T22:13:20.000Z"))
    );
}

#[tokio::test]
async fn an_act_says_how_many_alerts_it_changed_and_which_were_meant() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let ids: Vec<String> = fake.alerts.lock().iter().map(|one| format!("{:016x}", one.fingerprint)).collect();
    let act = json!({"act": "acknowledge", "ids": ids}).to_string();
    let answer = post(&router, "/api/isobar/v1/alerts/acts", JSON, &act).await.json();
    assert_eq!((&answer["affected"], answer["ids"].as_array().unwrap().len()), (&json!(2), 2));
    *fake.changed_by_acts.lock() = Some(1);
    let answer = post(&router, "/api/isobar/v1/alerts/acts", JSON, &act).await.json();
    assert_eq!((&answer["affected"], answer["ids"].as_array().unwrap().len()), (&json!(1), 2));
}
