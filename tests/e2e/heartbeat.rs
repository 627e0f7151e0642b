//! The heartbeat tells an outside switch that Isobar is alive, at its interval, and says at /metrics how that goes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::harness::eventually;
use crate::harness::receiver::{Answer, Received, Receiver};
use crate::harness::server::Server;

/// 24 bytes, the shortest secret there may be.
pub const KEY: &[u8; 24] = b"a key of twenty-four---!";
const INTERVAL_MS: i64 = 250;

/// A configuration without anything to watch; the whole of `alerting` is the heartbeat's business.
fn config(switch: &Receiver) -> String {
    format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
alerting:
  route: {{receiver: nobody}}
  receivers: [{{name: nobody}}]
  heartbeat: {{url: {:?}, interval: {INTERVAL_MS}ms, secret: \"whsec_{}\"}}
",
        switch.url("/beat"),
        STANDARD.encode(KEY)
    )
}

/// The signature of Standard Webhooks over what came.
pub fn signature(beat: &Received) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{}.{}.", beat.header("webhook-id"), beat.header("webhook-timestamp")).as_bytes());
    mac.update(&beat.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// When the sender made it: its id ends in milliseconds.
fn sent_ms(beat: &Received) -> i64 {
    beat.header("webhook-id").rsplit('-').next().unwrap().parse().unwrap()
}

/// How many beats ended so, as /metrics says.
async fn counted(server: &Server, result: &str) -> usize {
    let (_, page) = server.try_get("/metrics").await;
    let line = format!("isobar_heartbeat_beats_total{{result={result:?}}} ");
    page.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_come_at_their_interval_signed_and_counted() {
    let switch = Receiver::start(Answer::Status(200, "")).await;
    let server = Server::start(&config(&switch), "policies: []\n").await;
    let beats = switch.wait_for(4).await;
    for beat in &beats {
        let body = beat.json();
        assert_eq!(
            (&body["type"], &body["data"]["interval_seconds"]),
            (&"isobar.heartbeat".into(), &0.25.into())
        );
        assert_eq!(beat.header("webhook-signature"), signature(beat));
    }
    // Four beats are three intervals; one is left to a busy machine.
    let lasted = sent_ms(&beats[3]) - sent_ms(&beats[0]);
    assert!(lasted >= 2 * INTERVAL_MS, "four beats in {lasted} ms");
    eventually("the beats to be counted", || async { (counted(&server, "sent").await >= 4).then_some(()) })
        .await;
    assert_eq!(counted(&server, "failed").await, 0);

    // A switch that refuses is not asked more often, and the beats that failed are told apart.
    switch.answer_always(Answer::Status(500, ""));
    eventually("failed beats to be counted", || async {
        (counted(&server, "failed").await >= 2).then_some(())
    })
    .await;
    assert!(switch.received().len() <= counted(&server, "sent").await + counted(&server, "failed").await + 1);

    // Another switch after a reload; the former hears nothing more.
    let other = Receiver::start(Answer::Status(200, "")).await;
    std::fs::write(server.dir.join("isobar.yaml"), config(&other)).unwrap();
    assert_eq!(server.reload().await.0, 200);
    let heard = switch.received().len();
    other.wait_for(3).await;
    assert!(switch.received().len() <= heard + 1, "one may have been under way");
}
