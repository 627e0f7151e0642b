//! The journal's export verifies as it is, and not when anything in it was changed.

use crate::harness::exporter::Exporter;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, run};
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
