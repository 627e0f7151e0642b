//! Live events come when something happens, and whoever comes back is told what was missed.

use serde_json::Value;

use crate::harness::PATIENCE;
use crate::harness::exporter::{Exporter, Page};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// One event as it came.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    id: u64,
    kind: String,
    /// The journal's line.
    data: String,
}

impl Event {
    /// What the journal holds, when this is about an alert of this name.
    fn alert(&self, name: &str) -> Option<Value> {
        let line: Value = serde_json::from_str(&self.data).unwrap();
        let payload: Value = serde_json::from_str(line["payload"].as_str()?).ok()?;
        (self.kind == "alert" && payload["alert"]["identity"]["alertname"] == name).then_some(payload)
    }
}

/// An open stream of events.
struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    /// Connects; with the id of the last event seen, to be told everything since.
    async fn open(server: &Server, last: Option<u64>) -> Self {
        let mut request = server.client().get(server.url("/api/isobar/v1/events"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; comments that keep the connection open are passed over.
    async fn next(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let (Some(id), Some(kind), Some(data)) = (field("id:"), field("event:"), field("data:")) {
                    return Event { id: id.parse().unwrap(), kind: kind.to_owned(), data: data.to_owned() };
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("an event comes in time").unwrap().expect("the stream stays open");
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Reads on until an event says this about the alert; everything read, that one last.
    async fn until(&mut self, name: &str, state: &str) -> Vec<Event> {
        let mut read = Vec::new();
        loop {
            let event = self.next().await;
            let is_it = event.alert(name).is_some_and(|payload| payload["alert"]["state"] == state);
            read.push(event);
            if is_it {
                return read;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_told_live_and_what_was_missed_is_told_later() {
    let exporter = Exporter::start(&memory_page(0.5)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    let mut live = Stream::open(&server, None).await;
    exporter.show(Page::Text(memory_page(0.95)));
    let seen = live.until("MemoryFull", "firing").await;
    let last = seen.last().unwrap().id;
    drop(live);

    webhook.wait_for(1).await;
    exporter.show(Page::Text(memory_page(0.5)));
    webhook.wait_for(2).await;
    let missed = Stream::open(&server, Some(last)).await.until("MemoryFull", "resolved").await;
    let ids: Vec<u64> = missed.iter().map(|event| event.id).collect();
    let end = *ids.last().unwrap();
    assert_eq!(
        ids,
        (last + 1..=end).collect::<Vec<u64>>(),
        "each once, in order, from the one after the last seen"
    );
    assert!(missed.iter().any(|event| event.kind == "delivery"), "{missed:?}");

    // The stream and the export are two views of one journal.
    let (_, export) = server.try_get(&format!("/api/isobar/v1/journal?after={last}&format=ndjson")).await;
    let lines: Vec<&str> = export.lines().take(missed.len()).collect();
    assert_eq!(missed.iter().map(|event| event.data.as_str()).collect::<Vec<_>>(), lines);

    // After a restart an id is still worth what it was.
    let mut server = server;
    server.kill_and_restart().await;
    let again = Stream::open(&server, Some(last)).await.until("MemoryFull", "resolved").await;
    assert_eq!(again, missed);
}
