//! A breach proposes a call, a person approves it, and one signed call leaves: not before, not twice, and nobody else's.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::eventually;
use crate::harness::exporter::{Exporter, Page};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, run};
use crate::openapi;
use crate::paging::{MEMORY_POLICY, memory_page, scrapes_pass};
use crate::published_readers::{SECRET, verify};

/// What may look, and what may act.
const READER: &str = "iso_reader";
const ACTOR: &str = "iso_actor";

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// A server that scrapes the exporter and proposes a call to the runbook's receiver; its client may look and act.
async fn start(exporter: &Exporter, runbook: &Receiver, expires_after: &str) -> (Server, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        "
security:
  allow_private_targets: [\"127.0.0.0/8\"]
  tokens:
    - {{name: reader, sha256: {}, scopes: [read]}}
    - {{name: ops, sha256: {}, scopes: [read, act]}}
sources:
  - {{name: lab, kind: prometheus, interval: 1s, settings: {{targets: [{:?}]}}}}
policies: [policies.yaml]
runbooks:
  - name: restart-batch
    description: restarts the batch workers
    expires_after: {expires_after}
    webhook: {{url: {:?}, secret: '${{file:secret}}', headers: {{x-team: platform}}}}
",
        sha256(READER),
        sha256(ACTOR),
        exporter.url(),
        runbook.url("/restart?unit=batch"),
    );
    std::fs::write(dir.path().join("isobar.yaml"), config).unwrap();
    std::fs::write(dir.path().join("secret"), SECRET).unwrap();
    std::fs::write(dir.path().join("policies.yaml"), policy()).unwrap();
    let server = Server::start_in(dir.path()).await;
    (server.with_client(client(ACTOR)), dir)
}

fn policy() -> String {
    format!("{}    respond: {{webhook: restart-batch, mode: propose}}\n", MEMORY_POLICY)
}

fn client(token: &str) -> reqwest::Client {
    let bearer = format!("Bearer {token}").parse().unwrap();
    let headers = [(reqwest::header::AUTHORIZATION, bearer)].into_iter().collect();
    crate::harness::http_client_with(|builder| builder.default_headers(headers))
}

/// Waits until the newest proposal stands so, and returns it.
async fn proposal(server: &Server, state: &str) -> Value {
    eventually(&format!("a proposal to be {state}"), || async {
        server.items("runbooks").await.into_iter().next().filter(|newest| newest["state"] == state)
    })
    .await
}

/// Approves or denies by the API; status and message or state.
async fn decide(server: &Server, id: &str, word: &str, hash: &str) -> (u16, String) {
    let url = server.url(&format!("/api/isobar/v1/runbooks/{id}/{word}"));
    let request = server.client().post(url).json(&json!({"hash": hash, "comment": "seen"}));
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let answer: Value = response.json().await.unwrap();
    (status, answer["message"].as_str().or(answer["state"].as_str()).unwrap_or_default().to_owned())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

/// What the journal holds of a kind: actor and payload.
async fn journalled(server: &Server, kind: &str) -> Vec<(String, Value)> {
    let events = server.items("journal?limit=1000").await;
    let of_kind = events.into_iter().filter(|event| event["kind"] == kind);
    of_kind
        .map(|event| {
            (text(&event, "actor").to_owned(), serde_json::from_str(text(&event, "payload")).unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_approves_leaves_once_and_signed() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let runbook = Receiver::start(Answer::Status(202, "queued")).await;
    let (server, dir) = start(&exporter, &runbook, "15m").await;
    let proposed = proposal(&server, "proposed").await;
    let (id, hash) = (text(&proposed, "id").to_owned(), text(&proposed, "hash").to_owned());

    // Anybody can compute the hash from what is shown: keys are sorted, and these numbers are written alike everywhere.
    let shown: Value = ["alert", "description", "evidence", "runbook", "target"]
        .into_iter()
        .map(|key| (key.to_owned(), proposed[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(sha256(&shown.to_string()), hash, "{shown}");
    assert_eq!(proposed["evidence"][0]["verified"], true);
    assert_eq!(server.items("alerts").await[0]["proposals"], json!([id]));
    let mut document = server.get("/api/isobar/openapi.json").await;
    openapi::close(&mut document["components"]["schemas"]);
    openapi::check(
        &document,
        "runbooks/{id}",
        "200",
        &server.get(&format!("/api/isobar/v1/runbooks/{id}")).await,
    );
    openapi::check(&document, "lever", "200", &server.get("/api/isobar/v1/lever").await);

    // Nobody who may not, from nowhere else, and about nothing else.
    let approve = server.url(&format!("/api/isobar/v1/runbooks/{id}/approve"));
    let body = json!({"hash": hash});
    let reader = client(READER).post(&approve).json(&body).send().await.unwrap();
    assert_eq!(reader.status().as_u16(), 403);
    let anonymous = crate::harness::http_client().post(&approve).json(&body).send().await.unwrap();
    assert_eq!(anonymous.status().as_u16(), 401);
    for header in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let foreign =
            server.client().post(&approve).header(header.0, header.1).json(&body).send().await.unwrap();
        assert_eq!(foreign.status().as_u16(), 403, "{header:?}");
    }
    let (status, why) = decide(&server, &id, "approve", &"0".repeat(64)).await;
    assert!(status == 409 && why.contains("hash"), "{status} {why}");
    scrapes_pass(&server, 2.0).await;
    assert!(runbook.received().is_empty(), "nothing was approved");
    assert_eq!(proposal(&server, "proposed").await["hash"], *hash);
    let attempts = journalled(&server, "attempt").await;
    let actors: Vec<&str> = attempts.iter().map(|(actor, _)| actor.as_str()).collect();
    assert_eq!(actors, ["token reader", "unknown", "token ops", "token ops", "token ops"]);
    assert!(attempts.iter().all(|(_, attempt)| attempt.to_string().contains(&id)), "{attempts:?}");

    // On the command line what waits is listed, and approved under the hash it showed.
    let listed = server.cli(&["approve", "--token", READER]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for part in [&id, &hash, "restarts the batch workers", "POST http://127.0.0.1", "critical", "MemoryFull"]
    {
        assert!(listed.contains(part), "{part:?} is not in:\n{listed}");
    }
    let unasked = server.cli(&["approve", &id, "--token", ACTOR]);
    assert!(!unasked.status.success() && String::from_utf8_lossy(&unasked.stderr).contains("--yes"));
    let approved = server.cli(&["approve", &id, "--yes", "--comment", "go", "--token", ACTOR]);
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));

    let call = runbook.wait_for(1).await.remove(0);
    verify(&call);
    assert_eq!((call.header("webhook-id"), call.header("x-team")), (id.as_str(), "platform"));
    let told = call.json();
    assert_eq!(told["type"], "runbook.approved");
    assert_eq!((&told["data"]["hash"], &told["data"]["comment"]), (&json!(hash), &json!("go")));
    assert_eq!(told["data"]["alert"], proposed["alert"]);
    assert_eq!(told["data"]["approved_by"], "token ops");
    let sent = proposal(&server, "sent").await;
    assert_eq!((&sent["receipt"]["status"], &sent["receipt"]["body"]), (&json!(202), &json!("queued")));
    assert_eq!((&sent["decided_by"], &sent["delivery"]), (&json!("token ops"), &json!(id)));
    openapi::check(&document, "runbooks", "200", &server.get("/api/isobar/v1/runbooks").await);

    let statement =
        "SELECT state, decided_by, attempts FROM proposals WHERE alert IN (SELECT id FROM alerts)";
    let request =
        server.client().post(server.url("/api/isobar/v1/sql")).json(&json!({"statement": statement}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["rows"], json!([["sent", "token ops", 1]]), "{answer}");

    // Decided is decided, and one breach is one call.
    let (status, why) = decide(&server, &id, "approve", &hash).await;
    assert!(status == 409 && why.contains("is sent"), "{status} {why}");
    scrapes_pass(&server, 3.0).await;
    assert_eq!((runbook.received().len(), server.items("runbooks").await.len()), (1, 1));
    let states: Vec<String> = journalled(&server, "proposal")
        .await
        .iter()
        .map(|(actor, payload)| format!("{} by {actor}", text(payload, "state")))
        .collect();
    assert_eq!(
        states,
        ["proposed by isobar", "approved by token ops", "sending by isobar", "sent by isobar"],
        "each is on disk before the next"
    );
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_approval_and_answer_it_is_sent_again_under_its_id() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let runbook = Receiver::start(Answer::Hang(std::time::Duration::from_secs(600))).await;
    let (mut server, _dir) = start(&exporter, &runbook, "15m").await;
    let proposed = proposal(&server, "proposed").await;
    let (id, hash) = (text(&proposed, "id"), text(&proposed, "hash"));
    assert_eq!(decide(&server, id, "approve", hash).await.0, 200);
    runbook.wait_for(1).await;
    server.process.kill();
    runbook.answer_always(Answer::Status(503, ""));
    runbook.answer_next([Answer::TooMany(1)]);
    server.restart().await;
    runbook.wait_for(3).await;
    server.process.kill();
    runbook.answer_always(Answer::Status(200, ""));
    server.restart().await;
    let sent = proposal(&server, "sent").await;
    assert_eq!(sent["id"], id);
    scrapes_pass(&server, 3.0).await;
    let calls = runbook.received();
    assert_eq!(json!(calls.len()), sent["attempts"], "every call was written down before it left");
    for call in &calls {
        verify(call);
        assert_eq!(
            (call.header("webhook-id"), &call.body),
            (id, &calls[0].body),
            "one call to the other side"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lever_holds_everything_and_survives_a_restart() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let runbook = Receiver::start(Answer::Status(200, "")).await;
    let (mut server, _dir) = start(&exporter, &runbook, "15m").await;
    let proposed = proposal(&server, "proposed").await;
    let (id, hash) = (text(&proposed, "id"), text(&proposed, "hash"));
    let forbidden = server.cli(&["lever", "off", "--reason", "drill", "--token", READER]);
    assert!(!forbidden.status.success());
    let moved = server.cli(&["lever", "off", "--reason", "drill", "--token", ACTOR]);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    for word in ["approve", "deny"] {
        let (status, why) = decide(&server, id, word, hash).await;
        assert!(status == 409 && why.contains("the lever is off: drill"), "{status} {why}");
    }
    server.kill_and_restart().await;
    let lever = server.get("/api/isobar/v1/lever").await;
    assert_eq!(
        (&lever["position"], &lever["set_by"], &lever["reason"]),
        (&json!("off"), &json!("token ops"), &json!("drill"))
    );
    assert_eq!(decide(&server, id, "approve", hash).await.0, 409);
    assert!(runbook.received().is_empty());
    let moved = server.cli(&["lever", "propose", "--reason", "drill is over", "--token", ACTOR]);
    assert!(String::from_utf8_lossy(&moved.stdout).starts_with("propose, by token ops at "));
    eventually("the evidence to be read after the restart", || async {
        (decide(&server, id, "approve", hash).await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(runbook.wait_for(1).await[0].header("webhook-id"), id);
    let levers = journalled(&server, "lever").await;
    assert_eq!(levers.len(), 2, "{levers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_over_or_without_evidence_is_not_sent() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let runbook = Receiver::start(Answer::Status(200, "")).await;
    let (server, _dir) = start(&exporter, &runbook, "10s").await;
    let late = proposal(&server, "expired").await;
    assert!(text(&late, "reason").contains("nobody decided"), "{late}");
    let (status, why) = decide(&server, text(&late, "id"), "approve", text(&late, "hash")).await;
    assert!(status == 409 && why.contains("is expired"), "{status} {why}");

    exporter.show(Page::Text(memory_page(0.5)));
    eventually("the alert to resolve", || async {
        (server.items("alerts").await[0]["state"] == "resolved").then_some(())
    })
    .await;
    exporter.show(Page::Text(memory_page(0.95)));
    let again = proposal(&server, "proposed").await;
    exporter.show(Page::Text(memory_page(0.5)));
    let over = proposal(&server, "expired").await;
    assert!(over["id"] == again["id"] && text(&over, "reason").contains("the alert is over"), "{over}");

    exporter.show(Page::Text(memory_page(0.95)));
    let third = proposal(&server, "proposed").await;
    exporter.show(Page::Status(500));
    let blind = proposal(&server, "refused").await;
    assert!(blind["id"] == third["id"] && text(&blind, "reason").contains("source lab is down"), "{blind}");
    assert_eq!(decide(&server, text(&third, "id"), "approve", text(&third, "hash")).await.0, 409);
    assert!(runbook.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_other_side_and_a_private_address_are_failures_that_show() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let runbook = Receiver::start(Answer::Status(403, "no such unit")).await;
    let (server, dir) = start(&exporter, &runbook, "15m").await;
    let proposed = proposal(&server, "proposed").await;
    let (id, hash) = (text(&proposed, "id"), text(&proposed, "hash"));
    // What is shown changes with the configuration, and a decision about what was shown before is stale.
    let file = dir.path().join("isobar.yaml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("unit=batch", "unit=other")).unwrap();
    server.process.signal(rustix::process::Signal::HUP);
    let anew = eventually("the proposal to show the other address", || async {
        Some(proposal(&server, "proposed").await).filter(|one| one["hash"] != *hash)
    })
    .await;
    assert!(text(&anew["target"], "url").ends_with("unit=other") && anew["id"] == id, "{anew}");
    assert_eq!(decide(&server, id, "approve", hash).await.0, 409);
    assert_eq!(decide(&server, id, "approve", text(&anew, "hash")).await.0, 200);
    let failed = proposal(&server, "failed").await;
    assert!(text(&failed, "reason").contains("answered 403: no such unit"), "{failed}");
    assert_eq!((runbook.received().len(), &failed["attempts"]), (1, &json!(1)));
    let metrics = server.client().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains(r#"isobar_runbook_calls_total{runbook="restart-batch",result="given_up"} 1"#),
        "{metrics}"
    );

    std::fs::write(&file, config.replace("[\"127.0.0.0/8\"]", "[]")).unwrap();
    let mut server = server;
    server.process.kill();
    server.restart().await;
    exporter.show(Page::Text(memory_page(0.5)));
    eventually("the alert to resolve", || async {
        (server.items("alerts").await[0]["state"] == "resolved").then_some(())
    })
    .await;
    exporter.show(Page::Text(memory_page(0.95)));
    let second = proposal(&server, "proposed").await;
    assert_eq!(decide(&server, text(&second, "id"), "approve", text(&second, "hash")).await.0, 200);
    let failed = proposal(&server, "failed").await;
    assert!(text(&failed, "reason").contains("security.allow_private_targets"), "{failed}");
    assert_eq!(runbook.received().len(), 1);
}

#[test]
fn runbooks_and_policies_fit_each_other_or_are_refused_with_the_place() {
    let runbook = "runbooks: [{name: a, webhook: {url: https://x.example/, secret: '${file:secret}'}}]\n";
    let check = |runbooks: &str, respond: &str| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("isobar.yaml"), format!("policies: [policies.yaml]\n{runbooks}"))
            .unwrap();
        std::fs::write(dir.path().join("secret"), SECRET).unwrap();
        std::fs::write(dir.path().join("policies.yaml"), format!("{MEMORY_POLICY}    {respond}\n")).unwrap();
        let output = run(&["check"], dir.path());
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (content, printed) = check(runbook, "respond: {webhook: a, mode: propose}");
    assert!(content, "{printed}");
    for (runbooks, respond, complaint) in [
        (
            runbook,
            "respond: {webhook: a, mode: auto}",
            "policies.yaml:13:33: mode: auto needs the failover engine",
        ),
        (
            runbook,
            "respond: {webhook: b, mode: propose}",
            "policies.yaml:13:24: unknown runbook \"b\": one of a",
        ),
        ("", "respond: {webhook: b, mode: propose}", "list it in runbooks"),
        (runbook, "", "isobar.yaml:2:19: runbook \"a\" has no effect: no policy names it"),
        (&runbook.replace("https", "ftp"), "respond: {webhook: a, mode: propose}", "isobar.yaml:2:37: "),
        (
            &runbook.replace("'${file:secret}'", SECRET),
            "respond: {webhook: a, mode: propose}",
            "isobar.yaml:2:65: a secret does not stand in the file",
        ),
        (
            &runbook.replace("file:secret", "file:nothing"),
            "respond: {webhook: a, mode: propose}",
            "isobar.yaml:2:65: ",
        ),
    ] {
        let (content, printed) = check(runbooks, respond);
        assert!(!content && printed.contains(complaint), "{complaint:?} is not in:\n{printed}");
    }
}
