//! Targets that misbehave: each is down with its reason, the others go on, and nothing falsely resolves.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::eventually;
use crate::harness::exporter::{Exporter, Page};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// How a target treats a connection once it has the request.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Bytes(&'static [u8]),
    Stall,
    Drip,
    Reset,
    Huge,
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

async fn treat(mut stream: TcpStream, fault: Fault) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await?;
    match fault {
        Fault::Bytes(bytes) => stream.write_all(bytes).await?,
        Fault::Stall => tokio::time::sleep(Duration::from_secs(600)).await,
        Fault::Drip => {
            for byte in ok(&"m 1\n".repeat(100)) {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Fault::Reset => stream.set_zero_linger()?,
        Fault::Huge => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await?;
            let chunk = "# padding padding padding padding padding padding\n".repeat(20_000);
            for _ in 0..110 {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
    }
    Ok(())
}

/// Starts a target with this fault; its address.
async fn faulty(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream, fault));
        }
    });
    format!("http://{address}/metrics")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_its_reason_and_the_healthy_go_on() {
    let truncated_gzip = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 14\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\x4e";
    let malformed = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 24\r\n\r\ngood 1\nbad{a=\"b} 2\nend 3\n";
    // Faults, and a word that must stand in the reason.
    let faults: [(&str, Fault, &str); 10] = [
        ("unauthorized", Fault::Bytes(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"), "401"),
        (
            "throttled",
            Fault::Bytes(b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"),
            "429",
        ),
        ("broken", Fault::Bytes(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"), "500"),
        ("nonsense", Fault::Bytes(b"hello\r\n\r\n"), ""),
        ("gzip", Fault::Bytes(truncated_gzip), "gzip"),
        ("malformed", Fault::Bytes(malformed), "line 2"),
        ("stall", Fault::Stall, "longer than"),
        ("drip", Fault::Drip, "longer than"),
        ("reset", Fault::Reset, ""),
        ("huge", Fault::Huge, "bytes"),
    ];
    let healthy = Exporter::start(&memory_page(0.5)).await;
    let mut config = format!(
        "sources:\n  - {{name: healthy, kind: prometheus, interval: 1s, settings: {{targets: [{:?}]}}}}\n  - {{name: refused, kind: prometheus, interval: 2s, settings: {{targets: [\"http://127.0.0.1:1/metrics\"]}}}}\n",
        healthy.url()
    );
    for (name, fault, _) in faults {
        let url = faulty(fault).await;
        config += &format!(
            "  - {{name: {name}, kind: prometheus, interval: 2s, settings: {{targets: [{url:?}]}}}}\n"
        );
    }
    config += "policies: [policies.yaml]\n";
    let server = Server::start(&config, MEMORY_POLICY).await;
    for (name, word) in faults.iter().map(|(name, _, word)| (*name, *word)).chain([("refused", "refused")]) {
        let source = eventually(&format!("{name} to be down"), || async {
            server
                .items("sources")
                .await
                .into_iter()
                .find(|source| source["name"] == name && source["state"] == "down")
        })
        .await;
        let reason = source["reason"].as_str().unwrap_or_default().to_lowercase();
        assert!(!reason.is_empty() && reason.contains(word), "{name}: {reason:?}");
    }
    let sources = server.items("sources").await;
    assert!(
        sources.iter().any(|source| source["name"] == "healthy" && source["state"] == "up"),
        "{sources:?}"
    );
    assert_eq!(server.query("good").await, vec![], "nothing of a malformed page is stored");
    assert_eq!(server.query("up == 0").await.len(), faults.len() + 1);
    let lag = sources
        .iter()
        .find(|source| source["name"] == "healthy")
        .and_then(|source| source["lag_seconds"].as_f64());
    assert!(lag.is_some_and(|lag| lag < 5.0), "{lag:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_labels_out_of_the_ordinary() {
    let future = "future_metric 1 99999999999999\n";
    let many = (0..200).map(|n| format!("l{n}=\"v\"")).collect::<Vec<_>>().join(",");
    let page = format!("not_a_number NaN\ninfinite +Inf\n{future}fine 1\n");
    let exporter = Exporter::start(&page).await;
    let exploding = Exporter::start(&format!("bomb{{{many}}} 1\n")).await;
    let server = Server::start(&config(&[exporter.url(), exploding.url()], ""), MEMORY_POLICY).await;
    eventually("the page", || async { (!server.query("fine").await.is_empty()).then_some(()) }).await;
    assert!(server.query("not_a_number").await[0].1.is_nan());
    assert_eq!(server.query("infinite").await[0].1, f64::INFINITY);
    assert_eq!(server.query("count({__name__=\"future_metric\"})").await, vec![]);
    eventually("the exploding target to be refused", || async {
        let sources = server.items("sources").await;
        let reason = sources[0]["reason"].as_str().unwrap_or_default().to_owned();
        (sources[0]["state"] == "degraded" && reason.contains("label")).then_some(())
    })
    .await;
    assert_eq!(server.query("bomb").await, vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_not_recovery() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    exporter.show(Page::Status(500));
    eventually("the source to be down", || async {
        (server.items("sources").await[0]["state"] == "down").then_some(())
    })
    .await;
    // The self rule pages about the source; the memory alert stays as it was.
    let told = webhook.wait_for(2).await;
    assert_eq!(told[1].json()["alerts"][0]["labels"]["alertname"], "source_down");
    let alerts = server.items("alerts").await;
    let memory = alerts.iter().find(|alert| alert["name"] == "MemoryFull").unwrap();
    assert_eq!(memory["state"], "firing");
    exporter.show(Page::Text(memory_page(0.95)));
    let told = webhook.wait_for(3).await;
    assert_eq!(
        (told[2].json()["status"].clone(), told[2].json()["alerts"][0]["labels"]["alertname"].clone()),
        ("resolved".into(), "source_down".into())
    );
}
