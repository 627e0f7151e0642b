//! The journal's export verifies as it is, and not when anything in it was changed.

use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, binary, run};
use crate::heartbeat::{KEY, signature};
use crate::paging::{MEMORY_POLICY, config, memory_page};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_verifies_until_it_is_changed() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    let (status, export) = server.try_get("/api/isobar/v1/journal?after=0&format=ndjson").await;
    assert_eq!(status, 200);
    assert!(export.lines().count() >= 3, "{export}");

    let verify = |text: &str, checkpoint: Option<&str>| {
        std::fs::write(server.dir.join("export.ndjson"), text).unwrap();
        let arguments = ["audit", "verify", "export.ndjson"];
        let checkpoint: Vec<&str> = checkpoint.map(|head| vec!["--checkpoint", head]).unwrap_or_default();
        let output = run(&[&arguments[..], &checkpoint].concat(), &server.dir);
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (intact, told) = verify(&export, None);
    assert!(intact && told.contains("truncat"), "it says that truncation cannot be seen: {told}");

    let lines: Vec<&str> = export.lines().collect();
    let last: serde_json::Value = serde_json::from_str(lines[lines.len() - 1]).unwrap();
    let head = format!("{}:{}", last["seq"], last["hash"].as_str().unwrap());
    let (intact, told) = verify(&export, Some(&head));
    assert!(intact && told.contains(&format!("checkpoint {} is in the chain", last["seq"])), "{told}");
    assert!(!told.contains("are not in it"), "it starts at event 1: {told}");

    let second: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    let (intact, told) = verify(&(lines[2..].join("\n") + "\n"), Some(&head));
    assert!(intact && told.contains("it starts at event 3: events 1 to 2 are not in it"), "{told}");
    assert!(told.contains(&format!("2:{}", second["hash"].as_str().unwrap())), "{told}");
    let cut = lines[..lines.len() - 1].join("\n") + "\n";
    assert!(!verify(&cut, Some(&head)).0, "a cut end is seen against a head kept elsewhere");

    let without_second = [&lines[..1], &lines[2..]].concat().join("\n") + "\n";
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    let edited = export.replacen("isobar", "nobody", 1);
    for (what, text) in
        [("removed", without_second), ("swapped", swapped.join("\n") + "\n"), ("edited", edited)]
    {
        assert_ne!(text, export, "{what} changes something");
        let (intact, told) = verify(&text, None);
        assert!(!intact, "{what}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_kept_elsewhere_show_what_was_cut_and_a_journal_that_is_another() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let keeper = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let places = format!(
        "{{file: elsewhere/checkpoints}}, {{webhook: {:?}, secret: '${{file:secret}}'}}",
        keeper.url("/checkpoints")
    );
    let journal = format!("journal: {{checkpoints: {{every: 1 event, to: [{places}]}}}}\n");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
    write("isobar.yaml", &(config(&[exporter.url()], &receivers) + &journal));
    write("policies.yaml", MEMORY_POLICY);
    write("secret", &format!("whsec_{}", STANDARD.encode(KEY)));
    let mut server = Server::start_in(folder.path()).await;

    let marks = keeper.wait_for(1).await;
    let body = marks[0].json();
    assert_eq!(body["type"], "journal.checkpoint");
    assert_eq!(marks[0].header("webhook-signature"), signature(&marks[0]));
    webhook.wait_for(1).await;
    let newest = || {
        let text = std::fs::read_to_string(folder.path().join("elsewhere/checkpoints")).unwrap_or_default();
        let line = text.lines().next_back().unwrap_or("{}").to_owned();
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["seq"].as_u64().unwrap_or(0)
    };
    let seq = eventually("a checkpoint of three events", || async { Some(newest()).filter(|seq| *seq >= 3) });
    let seq = seq.await;
    let (_, export) = server.try_get("/api/isobar/v1/journal?after=0&format=ndjson").await;

    let verify = |text: &str, checkpoints: &str| {
        write("export.ndjson", text);
        let output = run(&["audit", "verify", "export.ndjson", "--checkpoints", checkpoints], folder.path());
        let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code(), told.into_owned())
    };
    let known = "known";
    std::fs::copy(folder.path().join("elsewhere/checkpoints"), folder.path().join(known)).unwrap();
    let (code, told) = verify(&export, known);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(" is in the chain"), "{told}");
    let short: String = export.lines().take(2).map(|line| format!("{line}\n")).collect();
    let (code, told) = verify(&short, known);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("event 3: the export ends before") && told.contains("--taken"), "{told}");
    let (code, told) = verify("", known);
    assert!(code == Some(1) && told.contains("cut off"), "an empty export is a cut one: {told}");
    assert_eq!(verify(&export, "none").0, Some(2), "nothing is known without the file");
    write(known, &std::fs::read_to_string(folder.path().join(known)).unwrap().replacen("seq", "sec", 1));
    let (code, told) = verify(&export, known);
    assert!(code == Some(2) && told.contains("line 1"), "{told}");

    // A reader that has gone is no reason to panic.
    write("export.ndjson", &export);
    let mut asked = Command::new(binary());
    asked.args(["audit", "verify", "export.ndjson"]).current_dir(folder.path());
    let mut child = asked.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    // Another journal in the place of the one that was proven is noticed at the start, and paged.
    server.process.terminate();
    assert!(newest() >= seq, "the last checkpoint is kept when it stops");
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        drop(std::fs::remove_file(folder.path().join("data").join(name)));
    }
    server.restart().await;
    eventually("the other journal to be told of", || async {
        let alerts = server.items("alerts").await;
        alerts.into_iter().find(|alert| alert["name"] == "journal_contradicted")
    })
    .await;
}
